/* unigram_step_avx2bmi.h - one place of a best way with AVX2: what is known of the next eight places stays in registers.
 *
 * Few paths go farther; what they find waits in memory until its place is one of the eight.  Which sums are better is kept as bits,
 * eight for each of the last eight places; a place comes from the last one that has a bit for it. */
#ifndef CORE_TOKEN_UNIGRAM_STEP_AVX2BMI_H
#define CORE_TOKEN_UNIGRAM_STEP_AVX2BMI_H

#include <immintrin.h>
#include <math.h>

#include "core/token/unigram.h"

#define STEP_INLINE static inline __attribute__((always_inline))

enum { STEP_NEAR = 8 };

/* From [UNIGRAM_LONGEST - n] on: 0 for n places, then all bits, with which a score is no number, and no sum is better. */
static const int32_t step_floats_none[UNIGRAM_LONGEST + STEP_NEAR] = {[UNIGRAM_LONGEST] = -1, -1, -1, -1, -1, -1, -1, -1};
static const int64_t step_doubles_none[UNIGRAM_LONGEST + STEP_NEAR] = {[UNIGRAM_LONGEST] = -1, -1, -1, -1, -1, -1, -1, -1};

/* The best and second best sums of the next places, and the best one here in all lanes. */
struct step_floats {
    __m256 best, second, here;
    uint64_t better;
};

/* What paths of more than eight symbols find, by place: -INFINITY and 0 at first. */
struct far_floats {
    float *best, *second;
    int32_t *from;
};

/* The sum in the lower lane is better than what was known of all places where there is a bit: where the next one comes from, or
 * what was known before. */
STEP_INLINE int32_t step_from(uint64_t *better, uint64_t now, size_t at, int32_t before)
{
    *better = *better >> 8 | now << 56;
    uint64_t here = *better & 0x0102040810204080;
    int32_t from = (int32_t)at - (int32_t)(_lzcnt_u64(here) >> 3);
    return here ? from : before;
}

static inline __m256 step_moved(__m256 v, const float *next)
{
    __m256i a = _mm256_castps_si256(v), b = _mm256_loadu_si256((const __m256i *)(const void *)next);
    return _mm256_castsi256_ps(_mm256_alignr_epi8(_mm256_permute2x128_si256(a, b, 0x21), a, sizeof(float)));
}

static __attribute__((noinline)) void step_far_floats(const float *score, size_t n, size_t at, float here, const struct far_floats *f)
{
    for (size_t k = STEP_NEAR; k < n; k++) {
        size_t to = at + 1 + k;
        float x = here + score[k];
        bool better = x > f->best[to];
        float less = better ? f->best[to] : x;
        f->second[to] = less > f->second[to] ? less : f->second[to];
        f->best[to] = better ? x : f->best[to];
        f->from[to] = better ? (int32_t)at : f->from[to];
    }
}

/* The place behind `at`: where it comes from, to far->from, and its sums are the first of s. */
STEP_INLINE void step_floats_relax(const struct unigram *u, uint32_t row, size_t at, struct step_floats *s, const struct far_floats *far)
{
    const float *score = u->score + (row >> UNIGRAM_DEPTH_BITS);
    const size_t n = row & UNIGRAM_DEPTH;
    __m256 none = _mm256_loadu_ps((const float *)(const void *)(step_floats_none + UNIGRAM_LONGEST - n));
    __m256 x = _mm256_add_ps(s->here, _mm256_or_ps(none, _mm256_loadu_ps(score)));
    uint64_t now = (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(x, s->best, _CMP_GT_OQ));
    if (__builtin_expect(n > STEP_NEAR, 0)) step_far_floats(score, n, at, _mm256_cvtss_f32(s->here), far);
    s->second = _mm256_max_ps(_mm256_min_ps(s->best, x), s->second); /* of two of which one is no number these are the second */
    s->best = _mm256_max_ps(x, s->best);
    far->from[at + 1] = step_from(&s->better, now, at, far->from[at + 1]);
}

STEP_INLINE void step_floats_on(size_t at, struct step_floats *s, const struct far_floats *far)
{
    s->best = step_moved(s->best, far->best + at + 1 + STEP_NEAR);
    s->second = step_moved(s->second, far->second + at + 1 + STEP_NEAR);
}

/* Sums of doubles: the next four places, and the four after them. */
struct step_doubles {
    __m256d best[2], second[2], here;
    uint64_t better;
};

struct far_doubles {
    double *best, *second;
    int32_t *from;
};

STEP_INLINE void step_moved_doubles(__m256d v[2], const double *next)
{
    __m256d more = _mm256_loadu_pd(next);
    v[0] = _mm256_shuffle_pd(v[0], _mm256_permute2f128_pd(v[0], v[1], 0x21), 5);
    v[1] = _mm256_shuffle_pd(v[1], _mm256_permute2f128_pd(v[1], more, 0x21), 5);
}

static __attribute__((noinline)) void step_far_doubles(const double *score, size_t n, size_t at, double here, const struct far_doubles *f)
{
    for (size_t k = STEP_NEAR; k < n; k++) {
        size_t to = at + 1 + k;
        double x = here + score[k];
        bool better = x > f->best[to];
        double less = better ? f->best[to] : x;
        f->second[to] = less > f->second[to] ? less : f->second[to];
        f->best[to] = better ? x : f->best[to];
        f->from[to] = better ? (int32_t)at : f->from[to];
    }
}

STEP_INLINE uint64_t step_four(__m256d here, const double *score, const int64_t *nothing, __m256d *best, __m256d *second)
{
    __m256d none = _mm256_loadu_pd((const double *)(const void *)nothing);
    __m256d x = _mm256_add_pd(here, _mm256_or_pd(none, _mm256_loadu_pd(score)));
    uint64_t now = (uint64_t)(uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(x, *best, _CMP_GT_OQ));
    *second = _mm256_max_pd(_mm256_min_pd(*best, x), *second);
    *best = _mm256_max_pd(x, *best);
    return now;
}

STEP_INLINE void step_doubles_relax(const struct unigram *u, uint32_t row, size_t at, struct step_doubles *s, const struct far_doubles *far)
{
    const double *score = u->score64 + (row >> UNIGRAM_DEPTH_BITS);
    const size_t n = row & UNIGRAM_DEPTH;
    const int64_t *none = step_doubles_none + UNIGRAM_LONGEST - n;
    if (__builtin_expect(n > STEP_NEAR, 0)) step_far_doubles(score, n, at, _mm256_cvtsd_f64(s->here), far);
    uint64_t now = step_four(s->here, score, none, &s->best[0], &s->second[0]);
    now |= step_four(s->here, score + 4, none + 4, &s->best[1], &s->second[1]) << 4;
    far->from[at + 1] = step_from(&s->better, now, at, far->from[at + 1]);
}

STEP_INLINE void step_doubles_on(size_t at, struct step_doubles *s, const struct far_doubles *far)
{
    step_moved_doubles(s->best, far->best + at + 1 + STEP_NEAR);
    step_moved_doubles(s->second, far->second + at + 1 + STEP_NEAR);
}

#endif
