/* The best way with AVX2. */
#include "core/token/unigram_step_avx2bmi.h"
#include "core/token/unigram_walk.h"

enum { FAR = UNIGRAM_MOST + 1 + UNIGRAM_LONGEST + STEP_NEAR, MANY = 24 };

/* How long the paths are cannot be guessed. */
static void find_rows(const struct unigram *u, const uint16_t *symbols, size_t n, uint32_t *row)
{
    if (n < MANY) unigram_rows(u, symbols, n, row);
    else unigram_rows_by_level(u, symbols, n, row);
}

static void walk_floats(const struct unigram *u, const uint16_t *symbols, size_t n, double sum, struct unigram_path *to)
{
    float best[FAR], second[FAR], apart[UNIGRAM_MOST + 1];
    int32_t from[FAR];
    uint32_t row[UNIGRAM_MOST];
    const __m256 none = _mm256_set1_ps(-INFINITY);
    const struct far_floats far = {best, second, from};
    find_rows(u, symbols, n, row);
    for (size_t i = 0; i < n + UNIGRAM_LONGEST + 1; i += 8) {
        _mm256_storeu_ps(best + i, none);
        _mm256_storeu_ps(second + i, none);
        _mm256_storeu_si256((__m256i *)(void *)(from + i), _mm256_setzero_si256());
    }
    struct step_floats s = {none, none, _mm256_set1_ps((float)sum), 0};
    __m128 farthest = _mm_setzero_ps();
    for (size_t at = 0; at < n; at++) {
        farthest = _mm_max_ss(farthest, _mm_andnot_ps(_mm_set1_ps(-0.0f), _mm256_castps256_ps128(s.here)));
        step_floats_relax(u, row[at], at, &s, &far);
        __m128 now = _mm256_castps256_ps128(s.best);
        _mm_store_ss(&apart[at + 1], _mm_sub_ss(now, _mm256_castps256_ps128(s.second)));
        s.here = _mm256_broadcastss_ps(now);
        step_floats_on(at, &s, &far);
    }
    float gap = (float)UNIGRAM_NO_GAP;
    for (size_t end = n; end > 0; end = (size_t)from[end]) gap = apart[end] < gap ? apart[end] : gap;
    to->gap = (double)gap;
    to->farthest = (double)_mm_cvtss_f32(farthest);
    to->sum = (double)_mm256_cvtss_f32(s.here);
    unigram_back(u, from, row, n, to);
}

static void walk_doubles(const struct unigram *u, const uint16_t *symbols, size_t n, double sum, struct unigram_path *to)
{
    double best[FAR], second[FAR], apart[UNIGRAM_MOST + 1];
    int32_t from[FAR];
    uint32_t row[UNIGRAM_MOST];
    const __m256d none = _mm256_set1_pd(-(double)INFINITY);
    const struct far_doubles far = {best, second, from};
    find_rows(u, symbols, n, row);
    for (size_t i = 0; i < n + UNIGRAM_LONGEST + 1; i += 4) {
        _mm256_storeu_pd(best + i, none);
        _mm256_storeu_pd(second + i, none);
        _mm_storeu_si128((__m128i *)(void *)(from + i), _mm_setzero_si128());
    }
    struct step_doubles s = {{none, none}, {none, none}, _mm256_set1_pd(sum), 0};
    __m128d farthest = _mm_setzero_pd();
    for (size_t at = 0; at < n; at++) {
        farthest = _mm_max_sd(farthest, _mm_andnot_pd(_mm_set1_pd(-0.0), _mm256_castpd256_pd128(s.here)));
        step_doubles_relax(u, row[at], at, &s, &far);
        __m128d now = _mm256_castpd256_pd128(s.best[0]);
        _mm_store_sd(&apart[at + 1], _mm_sub_sd(now, _mm256_castpd256_pd128(s.second[0])));
        s.here = _mm256_broadcastsd_pd(now);
        step_doubles_on(at, &s, &far);
    }
    double gap = UNIGRAM_NO_GAP;
    for (size_t end = n; end > 0; end = (size_t)from[end]) gap = apart[end] < gap ? apart[end] : gap;
    to->gap = gap;
    to->farthest = _mm_cvtsd_f64(farthest);
    to->sum = _mm256_cvtsd_f64(s.here);
    unigram_back(u, from, row, n, to);
}

void unigram_walk_avx2bmi(const struct unigram *u, const uint16_t *symbols, size_t n, double sum, struct unigram_path *to)
{
    if (u->score) walk_floats(u, symbols, n, sum, to);
    else walk_doubles(u, symbols, n, sum, to);
}
