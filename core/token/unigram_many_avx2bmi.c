/* The best way to each place with AVX2, of two rows of words at once, since each addition waits for the one before it. */
#include <string.h>

#include "core/token/unigram_many.h"
#include "core/token/unigram_step_avx2bmi.h"

enum { FAR = UNIGRAM_PLACES + UNIGRAM_LONGEST + STEP_NEAR };

/* Where the second of two rows of words begins, behind a word; it goes on behind the end, as if there were no words. */
static size_t middle(const struct unigram *u, size_t n, struct unigram_places *p)
{
    const uint32_t between = u->row[0];
    size_t half = (n + 1) / 2;
    while (half < n && (half == 0 || p->row[half - 1] != between)) half++;
    for (size_t i = n; i < 2 * half; i++) p->row[i] = between;
    return half;
}

STEP_INLINE void one_float(const struct unigram *u, struct unigram_places *p, size_t at, __m256 between, struct step_floats *s,
                           const struct far_floats *far)
{
    __m256 row = _mm256_broadcast_ss((const float *)(const void *)(p->row + at));
    __m256 ends = _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_castps_si256(row), _mm256_castps_si256(between)));
    step_floats_relax(u, p->row[at], at, s, far);
    __m128 best = _mm256_castps256_ps128(s->best);
    _mm_store_ss(&p->apart[at + 1], _mm_sub_ss(best, _mm256_castps256_ps128(s->second)));
    s->here = _mm256_andnot_ps(ends, _mm256_broadcastss_ps(best));
    step_floats_on(at, s, far);
}

static void relax_floats(const struct unigram *u, size_t n, struct unigram_places *p)
{
    float best[FAR], second[FAR];
    const __m256 none = _mm256_set1_ps(-INFINITY), between = _mm256_castsi256_ps(_mm256_set1_epi32((int)u->row[0]));
    const struct far_floats far = {best, second, p->from};
    size_t half = middle(u, n, p);
    for (size_t i = 0; i < 2 * half + UNIGRAM_LONGEST + STEP_NEAR; i += 8) {
        _mm256_storeu_ps(best + i, none);
        _mm256_storeu_ps(second + i, none);
    }
    memset(p->from, 0, (2 * half + 1) * sizeof *p->from);
    struct step_floats a = {none, none, _mm256_setzero_ps(), 0}, b = a;
    for (size_t i = 0; i < half; i++) {
        one_float(u, p, i, between, &a, &far);
        one_float(u, p, half + i, between, &b, &far);
    }
}

STEP_INLINE void one_double(const struct unigram *u, struct unigram_places *p, size_t at, __m256d between, struct step_doubles *s,
                            const struct far_doubles *far)
{
    __m256i row = _mm256_castps_si256(_mm256_broadcast_ss((const float *)(const void *)(p->row + at)));
    __m256d ends = _mm256_castsi256_pd(_mm256_cmpeq_epi32(row, _mm256_castpd_si256(between)));
    step_doubles_relax(u, p->row[at], at, s, far);
    __m128d best = _mm256_castpd256_pd128(s->best[0]);
    p->apart[at + 1] = (float)_mm_cvtsd_f64(_mm_sub_sd(best, _mm256_castpd256_pd128(s->second[0])));
    s->here = _mm256_andnot_pd(ends, _mm256_broadcastsd_pd(best));
    step_doubles_on(at, s, far);
}

static void relax_doubles(const struct unigram *u, size_t n, struct unigram_places *p)
{
    double best[FAR], second[FAR];
    const __m256d none = _mm256_set1_pd(-(double)INFINITY), between = _mm256_castsi256_pd(_mm256_set1_epi32((int)u->row[0]));
    const struct far_doubles far = {best, second, p->from};
    size_t half = middle(u, n, p);
    for (size_t i = 0; i < 2 * half + UNIGRAM_LONGEST + STEP_NEAR; i += 4) {
        _mm256_storeu_pd(best + i, none);
        _mm256_storeu_pd(second + i, none);
    }
    memset(p->from, 0, (2 * half + 1) * sizeof *p->from);
    struct step_doubles a = {{none, none}, {none, none}, _mm256_setzero_pd(), 0}, b = a;
    for (size_t i = 0; i < half; i++) {
        one_double(u, p, i, between, &a, &far);
        one_double(u, p, half + i, between, &b, &far);
    }
}

void unigram_relax_avx2bmi(const struct unigram *u, size_t n, struct unigram_places *p)
{
    if (u->score) relax_floats(u, n, p);
    else relax_doubles(u, n, p);
}
