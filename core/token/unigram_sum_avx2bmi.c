/* Scores as multiples of the sum's last place, 8 at a time with AVX2. */
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

static inline float sum_of(__m256 v)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

/* From [8 - n] on: all bits for n ids. */
static const int32_t some[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

bool unigram_sum_avx2bmi(const struct unigram_sums *u, float *sum, int32_t *ids, size_t n)
{
    const float power = power_of(*sum);
    if (!(power <= -2 * u->steepest)) return false;
    /* What is added to `even`, and rounded, has the last place of the sum. */
    const __m256 even = _mm256_set1_ps(1.5f * power), unknown = _mm256_set1_ps(u->unknown), sign = _mm256_set1_ps(-0.0f);
    __m256 all = _mm256_setzero_ps(), farthest = all, highest = all, negative = all;
    for (size_t i = 0; i < n; i += 8) {
        __m256i here = _mm256_loadu_si256((const __m256i *)(const void *)(some + (n - i < 8 ? 8 - (n - i) : 0)));
        __m256i id = _mm256_maskload_epi32(ids + i, here), zero = _mm256_setzero_si256();
        __m256 less = _mm256_castsi256_ps(id), score = _mm256_i32gather_ps(u->score, _mm256_max_epi32(id, zero), sizeof *u->score);
        score = _mm256_and_ps(_mm256_blendv_ps(score, unknown, less), _mm256_castsi256_ps(here));
        highest = _mm256_max_ps(highest, score);
        __m256 fall = _mm256_sub_ps(_mm256_add_ps(even, score), even);
        farthest = _mm256_max_ps(farthest, _mm256_andnot_ps(sign, _mm256_sub_ps(score, fall)));
        __m256 times = _mm256_cvtepi32_ps(_mm256_sub_epi32(zero, id));
        all = _mm256_add_ps(all, _mm256_blendv_ps(fall, _mm256_mul_ps(fall, times), less));
        negative = _mm256_or_ps(negative, less);
    }
    /* Were the sum to leave its power of two, it would be seen here: multiples that do not fit are rounded, but far behind that. */
    float to = *sum + sum_of(all), half = -0x1p-24f * power;
    __m256 rises = _mm256_cmp_ps(highest, _mm256_setzero_ps(), _CMP_GT_OQ), between = _mm256_cmp_ps(farthest, _mm256_set1_ps(half), _CMP_GE_OQ);
    if (!(to > 2 * power) || _mm256_movemask_ps(_mm256_or_ps(rises, between))) return false;
    if (_mm256_movemask_ps(negative))
        for (size_t i = 0; i < n; i++) ids[i] = ids[i] < 0 ? u->unk_id : ids[i];
    *sum = to;
    return true;
}
