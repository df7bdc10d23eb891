/* As utf8_avx2.c, 64 bytes at a time. */
#include "core/base/utf8_internal.h"
#include "core/base/utf8_tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define TABLE(...) _mm512_broadcast_i32x4(_mm_setr_epi8(__VA_ARGS__))

/* Each byte's predecessor, `by` bytes before it. */
static inline __m512i before(__m512i now, __m512i last, char by)
{
    static const char count[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                   22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
                                   44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    __m512i at = _mm512_add_epi8(_mm512_loadu_si512(count), _mm512_set1_epi8((char)(64 - by)));
    return _mm512_permutex2var_epi8(last, at, now);
}

static inline __m512i wrong_bytes(__m512i x, __m512i last)
{
    const __m512i hi1 = TABLE(UTF8_HIGH_BEFORE), lo1 = TABLE(UTF8_LOW_BEFORE), hi2 = TABLE(UTF8_HIGH_NOW);
    const __m512i low4 = _mm512_set1_epi8(15);
    __m512i b1 = before(x, last, 1);
    __m512i pair = _mm512_and_si512(
        _mm512_and_si512(_mm512_shuffle_epi8(hi1, _mm512_and_si512(_mm512_srli_epi16(b1, 4), low4)),
                         _mm512_shuffle_epi8(lo1, _mm512_and_si512(b1, low4))),
        _mm512_shuffle_epi8(hi2, _mm512_and_si512(_mm512_srli_epi16(x, 4), low4)));
    __m512i third = _mm512_subs_epu8(before(x, last, 2), _mm512_set1_epi8(0xE0 - 0x80));
    __m512i fourth = _mm512_subs_epu8(before(x, last, 3), _mm512_set1_epi8(0xF0 - 0x80));
    __m512i must = _mm512_and_si512(_mm512_or_si512(third, fourth), _mm512_set1_epi8((char)0x80));
    return _mm512_xor_si512(must, pair);
}

static inline uint64_t any(__m512i x)
{
    return _mm512_test_epi8_mask(x, x);
}

static inline size_t newlines_in(__m512i x)
{
    return (size_t)_mm_popcnt_u64(_mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\n')));
}

static inline __attribute__((always_inline)) size_t valid_blocks(const char *s, size_t n, bool count, size_t *lines)
{
    enum { AHEAD = 4096 }; /* what the processor asks for by itself ends with a page */
    __m512i last = _mm512_setzero_si512();
    size_t i = 0;
    for (; n - i >= UTF8_BLOCK; i += UTF8_BLOCK) {
        __m512i a = _mm512_loadu_si512(s + i), b = _mm512_loadu_si512(s + i + 64);
        __builtin_prefetch(s + i + AHEAD);
        __builtin_prefetch(s + i + AHEAD + 64);
        if (!_mm512_movepi8_mask(_mm512_or_si512(a, b))) { /* ASCII; the last bytes must have ended */
            if (_mm512_movepi8_mask(last) >> 61 && any(wrong_bytes(a, last))) break;
        } else if (any(_mm512_or_si512(wrong_bytes(a, last), wrong_bytes(b, a)))) {
            break;
        }
        last = b;
        if (count) *lines += newlines_in(a) + newlines_in(b);
    }
    return i;
}

size_t utf8_valid_blocks_avx512vbmi(const char *s, size_t n)
{
    return valid_blocks(s, n, false, NULL);
}

size_t utf8_valid_lines_avx512vbmi(const char *s, size_t n, size_t *lines)
{
    size_t found = 0, valid = valid_blocks(s, n, true, &found);
    *lines = found;
    return valid;
}
#endif
