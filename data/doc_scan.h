/* doc_scan.h - finding the next byte that matters, 16 bytes at a time where
 * the baseline of the target has vectors (SSE2 is part of x86-64). */
#ifndef DATA_DOC_SCAN_H
#define DATA_DOC_SCAN_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Index of the first '"', '\\' or byte below 0x20 at or after i, or n. */
static inline size_t scan_json_string(const char *s, size_t i, size_t n)
{
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'),
                  ctl = _mm_set1_epi8(0x1f);
    for (; n - i >= 16; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash)),
                                   _mm_cmpeq_epi8(_mm_min_epu8(x, ctl), x));
        int mask = _mm_movemask_epi8(hit);
        if (mask) return i + (size_t)__builtin_ctz((unsigned)mask);
    }
#endif
    for (; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\' || c < 0x20) return i;
    }
    return n;
}

static inline size_t scan_count_byte(const char *s, size_t n, char c)
{
    size_t count = 0;
    while (n) { /* runs short enough for byte counters, so that it vectorises */
        size_t run = n < 248 ? n : 248;
        uint8_t k = 0;
        for (size_t i = 0; i < run; i++)
            k = (uint8_t)(k + (s[i] == c));
        count += k;
        s += run;
        n -= run;
    }
    return count;
}

#endif
