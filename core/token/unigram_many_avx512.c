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

static void relax_floats(const struct unigram *u, size_t n, struct unigram_places *p)
{
    const uint32_t between = u->row[0];
    size_t half = (n + 1) / 2;
    while (half < n && (half == 0 || p->row[half - 1] != between)) half++;
    /* The second row goes on behind the end, as if there were no words. */
    for (size_t i = n; i < 2 * half; i++) p->row[i] = between;
    struct floats a = begin_at(0), b = begin_at(half);
    for (size_t i = 0; i < half; i++) {
        relax(u, p, i, between, &a);
        relax(u, p, half + i, between, &b);
    }
}

void unigram_relax_avx512(const struct unigram *u, size_t n, struct unigram_places *p)
{
    if (u->score) relax_floats(u, n, p);
    else unigram_relax_base(u, n, p);
}
