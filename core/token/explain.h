/* explain.h - each step of an encoding, for people or (json) for scripts.
 *
 * explain.c walks through the steps, explain_why.c finds out why the model chose as
 * it did, explain_say.c says it. */
#ifndef CORE_TOKEN_EXPLAIN_H
#define CORE_TOKEN_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/token/tokenizer.h"

/* Appends: the added tokens found, the normal form, the words, the merges of each word in
 * the order in which they happen or what else decides, the ids.  n_best: of unigram so many ways
 * to cut each word; 0: the runner-up.  json: one object. */
int tok_explain(const struct tokenizer *t, const char *text, size_t n, size_t n_best, bool json, struct buf *out,
                struct err *e);

/* Appends what there is to say about every token that `word` can mean: one that is spelled so,
 * one that stands for this text, the one with this id.  ERR_RESULT if there is none. */
int tok_explain_token(const struct tokenizer *t, const char *word, bool json, struct buf *out, struct err *e);

/* Appends all tokens by rising id, a line each, with tabs between: id, score (where the model has scores), the
 * token as a JSON string, its kinds if any ("special eos").  json: an array as tok_explain_token() gives, without merges. */
int tok_explain_vocab(const struct tokenizer *t, bool json, struct buf *out, struct err *e);

#endif
