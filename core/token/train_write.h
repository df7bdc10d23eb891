/* train_write.h - the parts of a tokenizer.json of learned byte pairs, one after the other. */
#ifndef CORE_TOKEN_TRAIN_WRITE_H
#define CORE_TOKEN_TRAIN_WRITE_H

#include "core/base/buf.h"
#include "core/token/bpe.h"
#include "core/token/train.h"
#include "core/token/vocab.h"

/* Special tokens, whose ids begin with first_id. */
void train_write_added(struct buf *out, const struct tok_train_opts *o, int first_id);
/* Normalizer, pre-tokenizer, decoder. */
void train_write_steps(struct buf *out, const struct tok_train_opts *o);
void train_write_model(struct buf *out, const struct tok_train_opts *o, const struct vocab *v, const struct bpe *b);

#endif
