/* prompt_norm.h - what must be equal for two questions to be the same.
 *
 * Lower case; words parted by one blank; quotes, brackets and the marks of
 * sentences go, a hyphen between letters parts words.  Digits, signs of
 * arithmetic and a point or sign beside a digit stay: "5 - 3" is not "5 + 3". */
#ifndef DATA_PROMPT_NORM_H
#define DATA_PROMPT_NORM_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

/* Appends the normal form of a text (UTF-8); of a text without words the text itself. */
void prompt_norm(const char *text, size_t n, struct buf *out);

/* Hashes of the pairs of neighbouring words of a normal form (of its word, if
 * it has but one) appended as u64; *digits: hash of its words with digits. */
void prompt_pairs(const char *norm, size_t n, struct buf *pairs, uint64_t *digits);

#endif
