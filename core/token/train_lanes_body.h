/* train_lanes_body.h - train_lanes.h's sums, compiled for one instruction set.
 * Vectors of GCC and clang: eight lanes, two of them a step. */
#ifndef CORE_TOKEN_TRAIN_LANES_BODY_H
#define CORE_TOKEN_TRAIN_LANES_BODY_H

#include <math.h>
#include <string.h>

#include "core/token/train_lanes.h"
#ifdef __AVX2__
#include <immintrin.h>
#endif

enum { HALF = 8 };
typedef float vf __attribute__((vector_size(4 * HALF)));
typedef double vd __attribute__((vector_size(8 * HALF)));
typedef int32_t vi __attribute__((vector_size(4 * HALF)));
typedef uint32_t vu __attribute__((vector_size(4 * HALF)));
typedef int64_t vl __attribute__((vector_size(8 * HALF)));
typedef uint64_t vw __attribute__((vector_size(8 * HALF)));

#define INLINE static inline __attribute__((always_inline))

INLINE vf load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Elements one by one: processors' own gathers and scatters are slower for so few (Zen 5: 92 ns
 * a step of sixteen lanes with them, 66 without). */
INLINE vf gather(const float *from, const int32_t *at)
{
    float v0 = from[at[0]], v1 = from[at[1]], v2 = from[at[2]], v3 = from[at[3]];
    float v4 = from[at[4]], v5 = from[at[5]], v6 = from[at[6]], v7 = from[at[7]];
    return (vf){v0, v1, v2, v3, v4, v5, v6, v7};
}

INLINE void scatter(float *to, const int32_t *at, const vf *v)
{
    float x[HALF];
    memcpy(x, v, sizeof x);
    for (int i = 0; i < HALF; i++) *(volatile float *)(to + at[i]) = x[i]; /* volatile for the same reason */
}

INLINE vd widen(const vf *x)
{
#ifdef __AVX512F__
    vd y;
    __m512d w = _mm512_cvtps_pd(_mm256_loadu_ps((const void *)x));
    memcpy(&y, &w, sizeof y);
    return y;
#else
    return __builtin_convertvector(*x, vd);
#endif
}

INLINE vf narrow(const vd *x)
{
#ifdef __AVX512F__
    vf y;
    __m256 w = _mm512_cvtpd_ps(_mm512_loadu_pd(x));
    memcpy(&y, &w, sizeof y);
    return y;
#else
    return __builtin_convertvector(*x, vf);
#endif
}

INLINE vd all(double x)
{
    return (vd){x, x, x, x, x, x, x, x};
}

/* a * b + c with one rounding, which every instruction set can do, if not fast. */
INLINE vd fused(vd a, vd b, vd c)
{
    vd y;
#if defined(__AVX512F__)
    _mm512_storeu_pd(&y, _mm512_fmadd_pd(_mm512_loadu_pd(&a), _mm512_loadu_pd(&b), _mm512_loadu_pd(&c)));
#elif defined(__FMA__)
    for (int i = 0; i < HALF; i += 4)
        _mm256_storeu_pd((double *)&y + i,
                         _mm256_fmadd_pd(_mm256_loadu_pd((double *)&a + i), _mm256_loadu_pd((double *)&b + i),
                                         _mm256_loadu_pd((double *)&c + i)));
#else
    for (int i = 0; i < HALF; i++) y[i] = fma(a[i], b[i], c[i]);
#endif
    return y;
}

INLINE vf lower(vf a, vf b)
{
    vf y;
#ifdef __AVX2__
    _mm256_storeu_ps((float *)&y, _mm256_min_ps(_mm256_loadu_ps((float *)&a), _mm256_loadu_ps((float *)&b)));
#else
    vi less = a < b;
    y = (vf)((less & (vi)a) | (~less & (vi)b));
#endif
    return y;
}

INLINE vf higher(vf a, vf b)
{
    vf y;
#ifdef __AVX2__
    _mm256_storeu_ps((float *)&y, _mm256_max_ps(_mm256_loadu_ps((float *)&a), _mm256_loadu_ps((float *)&b)));
#else
    vi more = a > b;
    y = (vf)((more & (vi)a) | (~more & (vi)b));
#endif
    return y;
}

/* e^x for -700 <= x <= 700: 2^k times a polynomial (Chebyshev's, 8e-13). */
INLINE vd exp_of(const vd *of)
{
    const double magic = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to an integer */
    vd x = *of, t = fused(x, all(1.4426950408889634), all(magic)), k = t - all(magic);
    vd r = fused(k, all(-0.6931471805599453), x), r2 = r * r, r4 = r2 * r2;
    vd a = fused(r, all(0x1.ffffffffd38c1p-1), all(0x1.0000000000000p+0));
    vd b = fused(r, all(0x1.555555a26dedbp-3), all(0x1.fffffffff71cfp-2));
    vd c = fused(r, all(0x1.111080ae06089p-7), all(0x1.5555557428d91p-5));
    vd d = fused(r, all(0x1.a1aa7f143c60ap-13), all(0x1.6c164df443c8cp-10));
    vd p = fused(r4, fused(r4, all(0x1.a15a4f98eb4a5p-16), fused(r2, d, c)), fused(r2, b, a));
    return (vd)((vw)p + ((vw)t << 52));
}

/* log(1 + y), 0 <= y <= 1, to 4e-12: a polynomial in 2y - 1. */
INLINE vd log_1p(const vd *y)
{
    vd x = fused(*y, all(2), all(-1)), x2 = x * x, x4 = x2 * x2, x8 = x4 * x4;
    vd a = fused(x, all(0x1.5555555558e67p-2), all(0x1.9f323ecbee168p-2));
    vd b = fused(x, all(0x1.948b0fa1c8742p-7), all(-0x1.c71c71a423b20p-5));
    vd c = fused(x, all(0x1.af836f7aececap-11), all(-0x1.948b32986aa94p-9));
    vd d = fused(x, all(0x1.11f1e34881daep-14), all(-0x1.df687dd993e46p-13));
    vd e = fused(x, all(0x1.7c3eac8dbbeb8p-18), all(-0x1.40c58fdfe3cd9p-16));
    vd f = fused(x, all(0x1.0376561539821p-21), all(-0x1.acdd0eec58d94p-20));
    vd g = fused(x, all(0x1.2673cc380e8e8p-24), all(-0x1.dca9425d1ecc6p-23));
    return fused(x8, fused(x4, g, fused(x2, f, e)), fused(x4, fused(x2, d, c), fused(x2, b, a)));
}

/* log(e^x + e^y); beyond a distance of 50 the larger.  Not both may be infinite. */
INLINE vf log_add(const vf *a, const vf *b)
{
    vf high = higher(*a, *b), d = high - lower(*a, *b);
    d = lower(d, (vf){50, 50, 50, 50, 50, 50, 50, 50});
    vd sum = -widen(&d);
    sum = exp_of(&sum);
    sum = widen(&high) + log_1p(&sum);
    return narrow(&sum);
}

/* ---- a group of words ---- */

/* A word's matches become a lane's steps; the lane idles in the last row once it has done them. */
#ifdef __AVX512F__
INLINE void fill_steps(struct lanes *l)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i idle = _mm512_add_epi32(lane, _mm512_set1_epi32(((int)l->rows - 1) * LANES));
    __m512i at = _mm512_loadu_si512(l->at), n = _mm512_loadu_si512(l->n), place = lane;
    for (size_t k = 0; k < l->steps; k++) {
        __mmask16 live = _mm512_cmpgt_epu32_mask(n, _mm512_set1_epi32((int)k));
        __m512i x = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), live, at, l->match, 4);
        __m512i piece = _mm512_and_si512(x, _mm512_set1_epi32(MATCH_PIECE));
        __m512i len = _mm512_and_si512(_mm512_srli_epi32(x, MATCH_BITS), _mm512_set1_epi32(255));
        __m512i end = _mm512_add_epi32(place, _mm512_slli_epi32(len, 4));
        _mm512_storeu_ps(l->step[k].score, _mm512_mask_i32gather_ps(_mm512_set1_ps(-INFINITY), live, piece, l->score, 4));
        _mm512_storeu_si512(l->step[k].begin, _mm512_mask_mov_epi32(idle, live, place));
        _mm512_storeu_si512(l->step[k].end, _mm512_mask_mov_epi32(idle, live, end));
        place = _mm512_add_epi32(place, _mm512_slli_epi32(_mm512_srli_epi32(x, 31), 4));
        at = _mm512_add_epi32(at, _mm512_set1_epi32(1));
    }
}
#else
INLINE void fill_steps(struct lanes *l)
{
    for (int i = 0; i < LANES; i++) {
        const uint32_t *match = l->match + l->at[i], n = l->n[i];
        struct lane_step *s = l->step;
        int32_t place = i, idle = ((int32_t)l->rows - 1) * LANES + i;
        for (uint32_t k = 0; k < n; k++, s++) {
            uint32_t x = match[k];
            s->score[i] = l->score[match_piece(x)];
            s->begin[i] = place;
            s->end[i] = place + (int32_t)match_len(x) * LANES;
            place += x & LAST_HERE ? LANES : 0;
        }
        for (size_t k = n; k < l->steps; k++, s++) {
            s->score[i] = -INFINITY;
            s->begin[i] = s->end[i] = idle;
        }
    }
}
#endif

INLINE void start_rows(float *sum, const struct lanes *l)
{
    for (size_t i = 0; i < (l->rows - 1) * LANES; i++) sum[i] = -INFINITY;
    for (size_t i = (l->rows - 1) * LANES; i < l->rows * LANES; i++) sum[i] = 0;
}

INLINE void forward_step(float *alpha, const struct lane_step *s, int i, float *along)
{
    vf old = gather(alpha, s->end + i), more = load(s->score + i) + gather(alpha, s->begin + i);
    memcpy(along + i, &more, sizeof more);
    old = log_add(&old, &more);
    scatter(alpha, s->end + i, &old);
}

/* All that begins at one place comes in a row: the sum so far is at hand. */
INLINE void backward_step(float *beta, const struct lane_step *s, int i, vf *sum, vi *place, float *rest)
{
    vi begin;
    memcpy(&begin, s->begin + i, sizeof begin);
    vi same = begin == *place;
    vf none = -(vf){INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY};
    vf old = (vf)((same & (vi)*sum) | (~same & (vi)none)), after = gather(beta, s->end + i), more = load(s->score + i) + after;
    memcpy(rest + i, &after, sizeof after);
    *sum = log_add(&old, &more);
    *place = begin;
    scatter(beta, s->begin + i, sum);
}

INLINE void chances(const struct lanes *l, size_t k, int i, const vf *z)
{
    size_t at = k * LANES + (size_t)i;
    vf x = load(l->along + at) + load(l->rest + at) - *z;
    vd y = widen(&x), times;
    memcpy(&times, l->times + i, sizeof times);
    vl none = y < all(-700);
    y = times * exp_of(&y);
    y = (vd)(~none & (vl)y);
    memcpy(l->value + at, &y, sizeof y);
}

INLINE void expect_group(struct lanes *l)
{
    int32_t last[LANES]; /* element (place * LANES + lane) of the end of each lane's word */
    fill_steps(l);
    start_rows(l->alpha, l);
    start_rows(l->beta, l);
    for (int i = 0; i < LANES; i++) {
        last[i] = (int32_t)(l->places[i] * LANES) + i;
        l->alpha[i] = 0;
        l->beta[last[i]] = 0;
    }
    const struct lane_step *f = l->step, *b = l->step + l->steps;
    vf sum[2] = {{0}, {0}};
    vi place[2]; /* idle lanes come first */
    for (int i = 0; i < LANES; i++) place[i / HALF][i % HALF] = (int32_t)((l->rows - 1) * LANES) + i;
    for (size_t k = 0; k < l->steps; k++, f++) { /* four chains: the processor works on all */
        float *along = l->along + k * LANES, *rest = l->rest + (l->steps - 1 - k) * LANES;
        b--;
        forward_step(l->alpha, f, 0, along);
        backward_step(l->beta, b, 0, &sum[0], &place[0], rest);
        forward_step(l->alpha, f, HALF, along);
        backward_step(l->beta, b, HALF, &sum[1], &place[1], rest);
    }
    for (int i = 0; i < LANES; i += HALF) {
        vf z = gather(l->alpha, last + i);
        for (size_t k = 0; k < l->steps; k++) chances(l, k, i, &z);
    }
}
#endif
