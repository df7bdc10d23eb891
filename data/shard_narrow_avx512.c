/* Ids to 16 bits, 32 at a time. */
#include "data/shard_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

static const uint16_t evens[32] = {0,  2,  4,  6,  8,  10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30,
                                   32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62};

bool shard_narrow_avx512(char *p, const int32_t *ids, size_t n, int vocab)
{
    const __m512i low = _mm512_loadu_si512(evens);
    __m512i most = _mm512_setzero_si512(); /* as unsigned: what is negative is far above */
    size_t i = 0;
    for (; n - i >= 32; i += 32) {
        __m512i x = _mm512_loadu_si512(ids + i), y = _mm512_loadu_si512(ids + i + 16);
        most = _mm512_max_epu32(most, _mm512_max_epu32(x, y));
        _mm512_storeu_si512(p + 2 * i, _mm512_permutex2var_epi16(x, low, y));
    }
    for (; i < n; i += 16) {
        __mmask16 there = (__mmask16)(n - i < 16 ? (1u << (n - i)) - 1 : 0xffff);
        __m512i x = _mm512_maskz_loadu_epi32(there, ids + i);
        most = _mm512_max_epu32(most, x);
        _mm256_mask_storeu_epi16(p + 2 * i, there, _mm512_cvtepi32_epi16(x));
    }
    return n == 0 || _mm512_reduce_max_epu32(most) < (uint32_t)vocab;
}
#endif
