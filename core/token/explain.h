/* explain.h - each step of an encoding, as text for people. */
#ifndef CORE_TOKEN_EXPLAIN_H
#define CORE_TOKEN_EXPLAIN_H

#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/token/tokenizer.h"

/* Appends: the added tokens found, the pieces, the merges of each piece in the
 * order in which they happen, the ids. */
int tok_explain(const struct tokenizer *t, const char *text, size_t n, struct buf *out,
                struct err *e);

#endif
