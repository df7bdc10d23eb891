/* char_index.h - byte offsets of a text as character offsets.
 *
 * A bit for each byte at which a character begins and a running count for each
 * word of bits: any offset costs one population count, in any order.  What is
 * no UTF-8 counts as the U+FFFD that replaces it: one for each maximal part. */
#ifndef CORE_TOKEN_CHAR_INDEX_H
#define CORE_TOKEN_CHAR_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct char_index { /* zero it once; memory is kept from text to text */
    uint64_t *bits;
    size_t *before; /* characters that begin before the word's first byte */
    size_t cap, n_words, n_bytes, n_chars;
};

int char_index_build(struct char_index *x, const char *text, size_t n, struct err *e);
void char_index_free(struct char_index *x);
/* Of the character that holds byte `at`; n_chars at the end of the text. */
size_t char_index_begin(const struct char_index *x, size_t at);
/* One after the last character of which a byte stands before `at`. */
size_t char_index_end(const struct char_index *x, size_t at);

/* Length of the maximal part of a character at s (n > 0) that is no character:
 * what one U+FFFD replaces. */
size_t utf8_broken_part(const uint8_t *s, size_t n);
/* Appends s with U+FFFD for each of them. */
void utf8_add_lossy(struct buf *out, const char *s, size_t n);
/* Bytes at the end of s[0..n) with which a character begins that may go on behind them: 0 to 3. */
size_t utf8_unfinished(const uint8_t *s, size_t n);

#endif
