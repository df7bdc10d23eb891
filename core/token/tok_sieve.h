/* tok_sieve.h - where in a text an added token may begin, for tok_match.c: bytes by what the
 * first two of the tokens are, 64 places at once. */
#ifndef CORE_TOKEN_TOK_SIEVE_H
#define CORE_TOKEN_TOK_SIEVE_H

#include <stddef.h>
#include <stdint.h>

/* By the low seven bits of a byte: whether it, or it and the highest bit, is first in some token, or
 * second. */
enum { SIEVE_FIRST = 1, SIEVE_FIRST_HIGH = 2, SIEVE_SECOND = 4, SIEVE_SECOND_HIGH = 8 };
struct tok_sieve {
    uint8_t byte[128];
    /* Tokens are in eight groups by their first byte: a bit for each group in which some token has
     * a first (second) byte with this lower half, and with this upper half. */
    uint8_t first[2][16], second[2][16];
    int only; /* the one byte that all begin with, or -1 */
};

/* The first place from `from` on, or one near the end of s[0..n). */
typedef size_t tok_sieve_fn(const struct tok_sieve *v, const uint8_t *s, size_t n, size_t from);
extern tok_sieve_fn *const tok_sieve_avx512vbmi, *const tok_sieve_avx2bmi; /* NULL where they were not built */

#endif
