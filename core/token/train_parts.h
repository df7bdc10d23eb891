/* train_parts.h - what text goes through before byte pairs or WordPiece are
 * counted, from the names that people give. */
#ifndef CORE_TOKEN_TRAIN_PARTS_H
#define CORE_TOKEN_TRAIN_PARTS_H

#include "core/token/train.h"

/* Sets o's normalizer, split, pre and lines for its type.  norm: identity, nfc, nfd,
 * nfkc, nfkd, bert, bert-cased, or NULL for the type's own; split: a name of split.h or
 * gguf_pre.h, or an expression (byte pairs of characters: NULL = BERT's).  *pre, kept by
 * the caller, holds what o points at. */
int train_parts(struct tok_train_opts *o, const char *norm, const char *split, struct buf *pre, struct err *e);
/* The name of split.h, of any name for it; other names and expressions stay. */
const char *train_split_name(const char *split);
/* Appends all names, those of one split on a line, and below them what it is. */
int train_split_list(struct buf *out, struct err *e);
/* Whether one expression cuts, as for ranks. */
bool train_split_is_expression(const char *split);

#endif
