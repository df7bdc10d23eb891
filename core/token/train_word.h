/* train_word.h - whole words as tokens, as HF tokenizers' WordLevelTrainer takes them.
 *
 * The most frequent ones, equally frequent ones by their bytes, behind the
 * special tokens.  A word that is a special token, too, keeps that one's id
 * (there it gets a second one, and the first is lost). */
#ifndef CORE_TOKEN_TRAIN_WORD_H
#define CORE_TOKEN_TRAIN_WORD_H

#include "core/token/train.h"
#include "core/token/train_words.h"

/* What unknown words become: what the options say, or a special token [UNK] or <unk>; NULL: neither is there. */
const char *word_unknown(const struct tok_train_opts *o);
/* From counted words, which it frees, to a tokenizer.json. */
int word_learn(const struct tok_train_opts *o, struct word_table *words, struct buf *file, struct tok_train_stats *stats, struct err *e);

#endif
