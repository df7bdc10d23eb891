/* split_mask.h - where pieces start in 64 bytes of ASCII, by bit algebra.
 *
 * A loop over characters mispredicts a branch or two for every word.  Here the
 * classes of 64 bytes become bit masks, and a few operations on them give all
 * the starts at once.  What the masks cannot decide (bytes beyond ASCII, runs
 * that leave the window) is left to the loop in split.c. */
#ifndef CORE_TOKEN_SPLIT_MASK_H
#define CORE_TOKEN_SPLIT_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#define SPLIT_HAS_MASKS 1

enum { SPLIT_WINDOW = 72 }; /* bytes that must be readable */

struct split_masks {
    uint64_t letter, digit, space, newline, blank, quote, high; /* blank = U+0020 */
};

static inline __m128i in_range(__m128i x, char first, int n)
{
    /* Unsigned x - first < n. */
    __m128i d = _mm_sub_epi8(x, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8((char)(n - 1))), d);
}

static inline uint64_t bits(__m128i m, int at)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(m) << at;
}

static inline struct split_masks split_classify(const uint8_t *s)
{
    struct split_masks m = {0};
    for (int at = 0; at < 64; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + at));
        __m128i blank = _mm_cmpeq_epi8(x, _mm_set1_epi8(' '));
        m.letter |= bits(in_range(_mm_or_si128(x, _mm_set1_epi8(0x20)), 'a', 26), at);
        m.digit |= bits(in_range(x, '0', 10), at);
        m.space |= bits(_mm_or_si128(in_range(x, '\t', 5), blank), at);
        m.blank |= bits(blank, at);
        m.newline |= bits(_mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('\n')),
                                       _mm_cmpeq_epi8(x, _mm_set1_epi8('\r'))), at);
        m.quote |= bits(_mm_cmpeq_epi8(x, _mm_set1_epi8('\'')), at);
        m.high |= bits(x, at);
    }
    return m;
}

static inline int low_bit(uint64_t x)
{
    return __builtin_ctzll(x);
}
#endif

#endif
