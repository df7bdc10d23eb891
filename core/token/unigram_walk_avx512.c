/* The best way with AVX-512: what is known of the next 16 places stays in registers. */
#include <immintrin.h>
#include <math.h>

#include "core/token/unigram_walk.h"

/* Of each place: the place that the best way comes from, and the two best sums. */
struct floats {
    int32_t from[UNIGRAM_MOST + 1];
    float best[UNIGRAM_MOST + 1], second[UNIGRAM_MOST + 1];
    uint32_t row[UNIGRAM_MOST];
};

static void walk_floats(const struct unigram *u, const uint16_t *symbols, size_t n, double sum, struct unigram_path *to)
{
    struct floats f;
    const __m512 none = _mm512_set1_ps(-INFINITY);
    const __m512i one = _mm512_set1_epi32(1);
    __m512 best = none, second = none, here = _mm512_set1_ps((float)sum);
    __m512i from = _mm512_setzero_si512(), place = from;
    __m128 farthest = _mm_setzero_ps();
    unigram_rows(u, symbols, n, f.row);
    for (size_t at = 0; at < n; at++) {
        farthest = _mm_max_ss(farthest, _mm_andnot_ps(_mm_set1_ps(-0.0f), _mm512_castps512_ps128(here)));
        __mmask16 some = (__mmask16)((1u << (f.row[at] & UNIGRAM_DEPTH)) - 1);
        __m512 x = _mm512_add_ps(here, _mm512_mask_loadu_ps(none, some, u->score + (f.row[at] >> UNIGRAM_DEPTH_BITS)));
        __mmask16 better = _mm512_cmp_ps_mask(x, best, _CMP_GT_OQ);
        second = _mm512_max_ps(second, _mm512_min_ps(best, x));
        best = _mm512_max_ps(best, x);
        from = _mm512_mask_mov_epi32(from, better, place);
        f.from[at + 1] = _mm512_cvtsi512_si32(from);
        _mm_store_ss(&f.best[at + 1], _mm512_castps512_ps128(best));
        _mm_store_ss(&f.second[at + 1], _mm512_castps512_ps128(second));
        here = _mm512_broadcastss_ps(_mm512_castps512_ps128(best));
        best = _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(none), _mm512_castps_si512(best), 1));
        second = _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(none), _mm512_castps_si512(second), 1));
        from = _mm512_alignr_epi32(from, from, 1);
        place = _mm512_add_epi32(place, one);
    }
    float gap = (float)UNIGRAM_NO_GAP;
    for (size_t end = n; end > 0; end = (size_t)f.from[end]) {
        float apart = f.best[end] - f.second[end];
        if (apart < gap) gap = apart;
    }
    to->gap = (double)gap;
    to->farthest = (double)_mm_cvtss_f32(farthest);
    to->sum = (double)_mm512_cvtss_f32(here);
    unigram_back(u, f.from, f.row, n, to);
}

/* Sums of doubles: the next eight places, and the eight after them. */
struct doubles {
    int64_t from[UNIGRAM_MOST + 1];
    double best[UNIGRAM_MOST + 1], second[UNIGRAM_MOST + 1];
    uint32_t row[UNIGRAM_MOST];
};

struct window {
    __m512d best, second;
    __m512i from;
};

static inline void relax(struct window *v, __m512d x, __m512i place)
{
    __mmask8 better = _mm512_cmp_pd_mask(x, v->best, _CMP_GT_OQ);
    v->second = _mm512_max_pd(v->second, _mm512_min_pd(v->best, x));
    v->best = _mm512_max_pd(v->best, x);
    v->from = _mm512_mask_mov_epi64(v->from, better, place);
}

static inline __m512d moved(__m512d next, __m512d v)
{
    return _mm512_castsi512_pd(_mm512_alignr_epi64(_mm512_castpd_si512(next), _mm512_castpd_si512(v), 1));
}

static void walk_doubles(const struct unigram *u, const uint16_t *symbols, size_t n, double sum, struct unigram_path *to)
{
    struct doubles f;
    const __m512d none = _mm512_set1_pd((double)-INFINITY);
    struct window a = {none, none, _mm512_setzero_si512()}, b = a;
    __m512d here = _mm512_set1_pd(sum);
    __m512i place = _mm512_setzero_si512();
    __m128d farthest = _mm_setzero_pd();
    unigram_rows(u, symbols, n, f.row);
    for (size_t at = 0; at < n; at++) {
        farthest = _mm_max_sd(farthest, _mm_andnot_pd(_mm_set1_pd(-0.0), _mm512_castpd512_pd128(here)));
        const double *score = u->score64 + (f.row[at] >> UNIGRAM_DEPTH_BITS);
        unsigned some = (1u << (f.row[at] & UNIGRAM_DEPTH)) - 1;
        relax(&a, _mm512_add_pd(here, _mm512_mask_loadu_pd(none, (__mmask8)some, score)), place);
        relax(&b, _mm512_add_pd(here, _mm512_mask_loadu_pd(none, (__mmask8)(some >> 8), score + 8)), place);
        f.from[at + 1] = _mm_cvtsi128_si64(_mm512_castsi512_si128(a.from));
        _mm_store_sd(&f.best[at + 1], _mm512_castpd512_pd128(a.best));
        _mm_store_sd(&f.second[at + 1], _mm512_castpd512_pd128(a.second));
        here = _mm512_broadcastsd_pd(_mm512_castpd512_pd128(a.best));
        a = (struct window){moved(b.best, a.best), moved(b.second, a.second), _mm512_alignr_epi64(b.from, a.from, 1)};
        b = (struct window){moved(none, b.best), moved(none, b.second), _mm512_alignr_epi64(b.from, b.from, 1)};
        place = _mm512_add_epi64(place, _mm512_set1_epi64(1));
    }
    int32_t from[UNIGRAM_MOST + 1];
    double gap = UNIGRAM_NO_GAP;
    for (size_t end = n; end > 0; end = (size_t)f.from[end]) {
        double apart = f.best[end] - f.second[end];
        from[end] = (int32_t)f.from[end];
        if (apart < gap) gap = apart;
    }
    to->gap = gap;
    to->farthest = _mm_cvtsd_f64(farthest);
    to->sum = _mm512_cvtsd_f64(here);
    unigram_back(u, from, f.row, n, to);
}

void unigram_walk_avx512(const struct unigram *u, const uint16_t *symbols, size_t n, double sum, struct unigram_path *to)
{
    if (u->score) walk_floats(u, symbols, n, sum, to);
    else walk_doubles(u, symbols, n, sum, to);
}
