/* text_hash.h - hashes of the texts of tokens. */
#ifndef CORE_TOKEN_TEXT_HASH_H
#define CORE_TOKEN_TEXT_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/hash.h"

/* Of short texts without a call: two words of eight bytes that overlap, or what there is. */
static inline uint64_t text_hash(const char *s, size_t n)
{
    uint64_t a = 0, b = 0;
    if (n > 16) return hash64(s, n);
    if (n >= 8) {
        memcpy(&a, s, 8);
        memcpy(&b, s + n - 8, 8);
    } else if (n >= 4) {
        memcpy(&a, s, 4);
        memcpy(&b, s + n - 4, 4);
    } else {
        for (size_t i = 0; i < n; i++) a = a << 8 | (uint8_t)s[i];
    }
    uint64_t h = (a ^ (b + n) * 0x9E3779B97F4A7C15ull) * 0xD6E8FEB86659FD93ull;
    return (h ^ h >> 32) * 0x9E3779B97F4A7C15ull ^ h >> 47;
}

#endif
