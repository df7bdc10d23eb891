/* Scores as multiples of the sum's last place, 16 at a time with AVX-512. */
#include <immintrin.h>
#include <string.h>

#include "core/token/unigram_sum.h"

/* -2^e, where -2^(e + 1) < sum <= -2^e. */
static inline float power_of(float sum)
{
    uint32_t bits;
    memcpy(&bits, &sum, sizeof bits);
    bits &= 0xFF800000u;
    memcpy(&sum, &bits, sizeof bits);
    return sum;
}

bool unigram_sum_avx512(const struct unigram_sums *u, float *sum, int32_t *ids, size_t n)
{
    const float power = power_of(*sum);
    if (!(power <= -2 * u->steepest)) return false;
    /* What is added to `even`, and rounded, has the last place of the sum. */
    const __m512 even = _mm512_set1_ps(1.5f * power), unknown = _mm512_set1_ps(u->unknown);
    __m512 all = _mm512_setzero_ps(), farthest = all;
    __mmask16 some_unknown[UNIGRAM_SUM_BLOCK / 16] = {0}, rises = 0;
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 here = (__mmask16)(n - i < 16 ? (1u << (n - i)) - 1 : 0xFFFF);
        __m512i id = _mm512_maskz_loadu_epi32(here, ids + i);
        __mmask16 less = some_unknown[i / 16] = _mm512_movepi32_mask(id);
        __m512 score = _mm512_mask_i32gather_ps(_mm512_maskz_mov_ps(less, unknown), here & ~less, id, u->score, sizeof *u->score);
        rises |= _mm512_cmp_ps_mask(score, _mm512_setzero_ps(), _CMP_GT_OQ);
        __m512 fall = _mm512_sub_ps(_mm512_add_ps(even, score), even);
        farthest = _mm512_max_ps(farthest, _mm512_abs_ps(_mm512_sub_ps(score, fall)));
        __m512 times = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_setzero_si512(), id));
        all = _mm512_add_ps(all, _mm512_mask_mul_ps(fall, less, fall, times));
    }
    /* Were the sum to leave its power of two, it would be seen here: multiples that do not fit are rounded, but far behind that. */
    float to = *sum + _mm512_reduce_add_ps(all), half = -0x1p-24f * power;
    if (rises || !(to > 2 * power) || _mm512_reduce_max_ps(farthest) >= half) return false;
    for (size_t i = 0; i < n; i += 16) _mm512_mask_storeu_epi32(ids + i, some_unknown[i / 16], _mm512_set1_epi32(u->unk_id));
    *sum = to;
    return true;
}
