/* compare.h - what one or two tokenizers make of a text, in numbers and examples.
 *
 * A word is what stands between white space, taken with the space before it; each
 * distinct word is encoded once by each side.  compare.c counts, compare_say.c tells. */
#ifndef CORE_TOKEN_COMPARE_H
#define CORE_TOKEN_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/token/tokenizer.h"

/* One after the other; each is encoded by itself. */
struct compare_texts {
    const char *s;
    const size_t *end; /* [n]: where each ends */
    size_t n;
};

/* Appends: tokens, bytes and characters a token, tokens a word (fertility), words of one
 * token, unknown tokens and the most frequent of what they stand for, how much of the
 * vocabulary the texts use, words that decoding does not give back; of two (b not NULL) also the tokens that both have, how many words they cut
 * at other places, and the most frequent of those.  names[]: of the files; json: one object. */
int tok_compare(const struct tokenizer *a, const struct tokenizer *b, const char *const names[2],
                const struct compare_texts *texts, bool json, struct buf *out, struct err *e);

#endif
