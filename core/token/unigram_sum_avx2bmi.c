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

/* Of known ids: faster than to gather them. */
static inline __m128 scores_of(const float *score, const int32_t *ids)
{
    __m128 a = _mm_unpacklo_ps(_mm_load_ss(score + ids[0]), _mm_load_ss(score + ids[1]));
    __m128 b = _mm_unpacklo_ps(_mm_load_ss(score + ids[2]), _mm_load_ss(score + ids[3]));
    return _mm_movelh_ps(a, b);
}

static inline float sum_of(__m256 v)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

struct sums {
    __m256 even, all, farthest, highest; /* even: what is added to it, and rounded, has the last place of the sum */
};

/* score: of 8 ids; times: how often, or NULL: once. */
static inline void add(struct sums *s, __m256 score, const __m256 *times)
{
    __m256 fall = _mm256_sub_ps(_mm256_add_ps(s->even, score), s->even);
    __m256 apart = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), _mm256_sub_ps(score, fall));
    s->highest = _mm256_max_ps(s->highest, score);
    s->farthest = _mm256_max_ps(s->farthest, apart);
    s->all = _mm256_add_ps(s->all, times ? _mm256_mul_ps(fall, *times) : fall);
}

/* Up to 8 ids, of which some are unknown or missing. */
static void add_some(struct sums *s, const struct unigram_sums *u, const int32_t *ids, size_t n)
{
    _Alignas(32) float score[8] = {0}, times[8] = {0};
    for (size_t i = 0; i < n; i++) {
        score[i] = ids[i] < 0 ? u->unknown : u->score[ids[i]];
        times[i] = ids[i] < 0 ? -(float)ids[i] : 1;
    }
    __m256 some = _mm256_load_ps(times);
    add(s, _mm256_load_ps(score), &some);
}

bool unigram_sum_avx2bmi(const struct unigram_sums *u, float *sum, int32_t *ids, size_t n)
{
    const float power = power_of(*sum);
    if (!(power <= -2 * u->steepest)) return false;
    const __m256 none = _mm256_setzero_ps();
    struct sums s = {_mm256_set1_ps(1.5f * power), none, none, none};
    bool unknown = false;
    for (size_t i = 0; i < n; i += 8) {
        bool known = n - i >= 8 && !_mm256_movemask_ps(_mm256_loadu_ps((const float *)(const void *)(ids + i)));
        if (__builtin_expect(known, 1)) add(&s, _mm256_set_m128(scores_of(u->score, ids + i + 4), scores_of(u->score, ids + i)), NULL);
        else add_some(&s, u, ids + i, n - i < 8 ? n - i : 8);
        unknown |= !known;
    }
    /* Were the sum to leave its power of two, it would be seen here: multiples that do not fit are rounded, but far behind that. */
    float to = *sum + sum_of(s.all), half = -0x1p-24f * power;
    __m256 rises = _mm256_cmp_ps(s.highest, _mm256_setzero_ps(), _CMP_GT_OQ), between = _mm256_cmp_ps(s.farthest, _mm256_set1_ps(half), _CMP_GE_OQ);
    if (!(to > 2 * power) || _mm256_movemask_ps(_mm256_or_ps(rises, between))) return false;
    for (size_t i = 0; unknown && i < n; i++) ids[i] = ids[i] < 0 ? u->unk_id : ids[i];
    *sum = to;
    return true;
}
