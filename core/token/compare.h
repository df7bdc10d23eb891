/* compare.h - two tokenizers on one text, in numbers and examples. */
#ifndef CORE_TOKEN_COMPARE_H
#define CORE_TOKEN_COMPARE_H

#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/token/tokenizer.h"

/* Appends: tokens, bytes a token, tokens a word (fertility) of both; how many
 * words they cut at other places, and the first such words with their parts.
 * A word is what stands between white space, taken with the space before it. */
int tok_compare(const struct tokenizer *a, const struct tokenizer *b, const char *text, size_t n,
                struct buf *out, struct err *e);

#endif
