/* train_chars.h - byte pair merges of characters, as HF tokenizers' BpeTrainer makes
 * them: a character inside a word may carry a prefix ("##", WordPiece), the last one
 * a suffix ("</w>", CLIP).
 *
 * That trainer numbers such characters in the order of a hash table, which changes
 * from run to run, and with it equally frequent pairs; here they follow the others:
 * those with the prefix, with the suffix, with both, each by code point.  A text that
 * two merges give of different numbers of characters ("#" and "###" give "##") is a
 * token once, and not merged the second time. */
#ifndef CORE_TOKEN_TRAIN_CHARS_H
#define CORE_TOKEN_TRAIN_CHARS_H

#include "core/token/bpe.h"
#include "core/token/train.h"
#include "core/token/train_words.h"
#include "core/token/vocab.h"

/* Learns from counted words, which it frees: special tokens, characters, then merges.
 * bytes: words are bytes, their characters those of bytemap.h, of which all 256 become
 * tokens.  prefix, suffix: NULL = none. */
int chars_learn(const struct tok_train_opts *o, const char *prefix, const char *suffix, bool bytes, struct word_table *words,
                struct vocab *v, struct bpe *merges, struct tok_train_stats *stats, struct err *e);

#endif
