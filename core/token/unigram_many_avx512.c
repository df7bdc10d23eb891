/* The best way to each place with AVX-512, as unigram_walk_avx512.c; in two rows of
 * words at once, since each addition waits for the one before it. */
#include <immintrin.h>
#include <math.h>

#include "core/token/unigram_many.h"

struct floats {
    __m512 best, second, here;
    __m512i from, place;
};

static inline __m512 moved(__m512 next, __m512 v)
{
    return _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(next), _mm512_castps_si512(v), 1));
}

static inline void relax(const struct unigram *u, struct unigram_places *p, size_t at, uint32_t between, struct floats *f)
{
    const __m512 none = _mm512_set1_ps(-INFINITY);
    uint32_t row = p->row[at];
    __mmask16 some = (__mmask16)((1u << (row & UNIGRAM_DEPTH)) - 1), on = (__mmask16)(row == between ? 0 : 0xFFFF);
    __m512 x = _mm512_add_ps(f->here, _mm512_mask_loadu_ps(none, some, u->score + (row >> UNIGRAM_DEPTH_BITS)));
    __mmask16 better = _mm512_cmp_ps_mask(x, f->best, _CMP_GT_OQ);
    f->second = _mm512_max_ps(f->second, _mm512_min_ps(f->best, x));
    f->best = _mm512_max_ps(f->best, x);
    f->from = _mm512_mask_mov_epi32(f->from, better, f->place);
    p->from[at + 1] = _mm512_cvtsi512_si32(f->from);
    __m128 best = _mm512_castps512_ps128(f->best);
    _mm_store_ss(&p->apart[at + 1], _mm_sub_ss(best, _mm512_castps512_ps128(f->second)));
    f->here = _mm512_maskz_broadcastss_ps(on, best);
    f->best = moved(none, f->best);
    f->second = moved(none, f->second);
    f->from = _mm512_alignr_epi32(f->from, f->from, 1);
    f->place = _mm512_add_epi32(f->place, _mm512_set1_epi32(1));
}

static struct floats begin_at(size_t place)
{
    const __m512 none = _mm512_set1_ps(-INFINITY);
    return (struct floats){none, none, _mm512_setzero_ps(), _mm512_setzero_si512(), _mm512_set1_epi32((int)place)};
}

/* Where the second of two rows of words begins, behind a word; it goes on behind the end, as if there were no words. */
static size_t middle(const struct unigram *u, size_t n, struct unigram_places *p)
{
    const uint32_t between = u->row[0];
    size_t half = (n + 1) / 2;
    while (half < n && (half == 0 || p->row[half - 1] != between)) half++;
    for (size_t i = n; i < 2 * half; i++) p->row[i] = between;
    return half;
}

static void relax_floats(const struct unigram *u, size_t n, struct unigram_places *p)
{
    size_t half = middle(u, n, p);
    struct floats a = begin_at(0), b = begin_at(half);
    for (size_t i = 0; i < half; i++) {
        relax(u, p, i, u->row[0], &a);
        relax(u, p, half + i, u->row[0], &b);
    }
}

/* Sums of doubles: the next eight places, and the eight after them, which few paths go to. */
struct eight {
    __m512d best, second;
    __m512i from;
};
struct doubles {
    struct eight near, far;
    __m512d here;
    __m512i place;
};

static inline __m512d moved_doubles(__m512d next, __m512d v)
{
    return _mm512_castsi512_pd(_mm512_alignr_epi64(_mm512_castpd_si512(next), _mm512_castpd_si512(v), 1));
}

static inline void better(struct eight *v, __m512d here, const double *score, __mmask8 some, __m512i place)
{
    __m512d x = _mm512_add_pd(here, _mm512_mask_loadu_pd(_mm512_set1_pd(-(double)INFINITY), some, score));
    __mmask8 is = _mm512_cmp_pd_mask(x, v->best, _CMP_GT_OQ);
    v->second = _mm512_max_pd(v->second, _mm512_min_pd(v->best, x));
    v->best = _mm512_max_pd(v->best, x);
    v->from = _mm512_mask_mov_epi64(v->from, is, place);
}

static inline void relax_double(const struct unigram *u, struct unigram_places *p, size_t at, uint32_t between, struct doubles *f)
{
    const __m512d none = _mm512_set1_pd(-(double)INFINITY);
    uint32_t row = p->row[at], some = (1u << (row & UNIGRAM_DEPTH)) - 1;
    const double *score = u->score64 + (row >> UNIGRAM_DEPTH_BITS);
    better(&f->near, f->here, score, (__mmask8)some, f->place);
    if (__builtin_expect(some >> 8, 0)) better(&f->far, f->here, score + 8, (__mmask8)(some >> 8), f->place);
    __m128d best = _mm512_castpd512_pd128(f->near.best);
    p->from[at + 1] = _mm_cvtsi128_si32(_mm512_castsi512_si128(f->near.from));
    p->apart[at + 1] = (float)_mm_cvtsd_f64(_mm_sub_sd(best, _mm512_castpd512_pd128(f->near.second)));
    f->here = _mm512_maskz_broadcastsd_pd((__mmask8)(row == between ? 0 : 0xFF), best);
    f->near = (struct eight){moved_doubles(f->far.best, f->near.best), moved_doubles(f->far.second, f->near.second),
                             _mm512_alignr_epi64(f->far.from, f->near.from, 1)};
    f->far = (struct eight){moved_doubles(none, f->far.best), moved_doubles(none, f->far.second),
                            _mm512_alignr_epi64(f->far.from, f->far.from, 1)};
    f->place = _mm512_add_epi64(f->place, _mm512_set1_epi64(1));
}

static struct doubles doubles_at(size_t place)
{
    const __m512d none = _mm512_set1_pd(-(double)INFINITY);
    struct eight nothing = {none, none, _mm512_setzero_si512()};
    return (struct doubles){nothing, nothing, _mm512_setzero_pd(), _mm512_set1_epi64((long long)place)};
}

static void relax_doubles(const struct unigram *u, size_t n, struct unigram_places *p)
{
    size_t half = middle(u, n, p);
    struct doubles a = doubles_at(0), b = doubles_at(half);
    for (size_t i = 0; i < half; i++) {
        relax_double(u, p, i, u->row[0], &a);
        relax_double(u, p, half + i, u->row[0], &b);
    }
}

void unigram_relax_avx512(const struct unigram *u, size_t n, struct unigram_places *p)
{
    if (u->score) relax_floats(u, n, p);
    else relax_doubles(u, n, p);
}
