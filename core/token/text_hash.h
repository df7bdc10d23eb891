/* text_hash.h - hashes of the texts of tokens: of the first and the second eight
 * bytes, so that those of all parts of a short text are made of two words. */
#ifndef CORE_TOKEN_TEXT_HASH_H
#define CORE_TOKEN_TEXT_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/hash.h"

/* Of n <= 16 bytes: a the first eight, b the others, zeros behind. */
static inline uint64_t text_hash_words(uint64_t a, uint64_t b, size_t n)
{
    uint64_t h = (a ^ (b + n) * 0x9E3779B97F4A7C15ull) * 0xD6E8FEB86659FD93ull;
    return (h ^ h >> 32) * 0x9E3779B97F4A7C15ull ^ h >> 47;
}

/* Those words of s[0..n), n <= 16; nothing else is read. */
static inline void text_words(const char *s, size_t n, uint64_t *a, uint64_t *b)
{
    *a = *b = 0;
    if (n >= 8) {
        memcpy(a, s, 8);
        if (n == 8) return;
        memcpy(b, s + n - 8, 8);
        *b >>= 8 * (16 - n);
    } else if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, s, 4);
        memcpy(&last, s + n - 4, 4);
        *a = first | (uint64_t)last << 8 * (n - 4);
    } else {
        for (size_t i = 0; i < n; i++) *a |= (uint64_t)(uint8_t)s[i] << 8 * i;
    }
}

static inline uint64_t text_hash(const char *s, size_t n)
{
    uint64_t a, b;
    if (n > 16) return hash64(s, n);
    text_words(s, n, &a, &b);
    return text_hash_words(a, b, n);
}

#endif
