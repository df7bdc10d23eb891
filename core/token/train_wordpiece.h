/* train_wordpiece.h - WordPiece as HF tokenizers trains it: byte pair merges of
 * characters, where those inside a word carry the prefix "##".
 *
 * How the prefixed characters are numbered: train_chars.h. */
#ifndef CORE_TOKEN_TRAIN_WORDPIECE_H
#define CORE_TOKEN_TRAIN_WORDPIECE_H

#include "core/base/buf.h"
#include "core/token/train.h"
#include "core/token/train_words.h"

/* The tokens that BERT has, when none are given. */
extern const char *const wordpiece_special[5];

/* Learns from counted words; *file receives a tokenizer.json. */
int wordpiece_learn(const struct tok_train_opts *o, struct word_table *words, struct buf *file,
                    struct tok_train_stats *stats, struct err *e);

#endif
