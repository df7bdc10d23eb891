/* train_lanes_body.h - train_lanes.h's sums, compiled for one instruction set.
 * Vectors of GCC and clang: eight lanes, two of them a step. */
#ifndef CORE_TOKEN_TRAIN_LANES_BODY_H
#define CORE_TOKEN_TRAIN_LANES_BODY_H

#include <math.h>
#include <string.h>

#include "core/token/train_lanes.h"
#ifdef __AVX512F__
#include <immintrin.h>
#endif

/* Everything here is inlined: how vectors would be passed does not matter. */
#pragma GCC diagnostic ignored "-Wpsabi"

enum { HALF = 8 };
typedef float vf __attribute__((vector_size(4 * HALF)));
typedef double vd __attribute__((vector_size(8 * HALF)));
typedef int32_t vi __attribute__((vector_size(4 * HALF)));
typedef uint32_t vu __attribute__((vector_size(4 * HALF)));
typedef int64_t vl __attribute__((vector_size(8 * HALF)));

#define INLINE static inline __attribute__((always_inline))

INLINE vf load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE vf gather(const float *from, const vi *at)
{
    vf v;
#ifdef __AVX512F__
    __m256 x = _mm256_i32gather_ps(from, _mm256_loadu_si256((const void *)at), 4);
    memcpy(&v, &x, sizeof v);
#else
    for (int i = 0; i < HALF; i++) v[i] = from[(*at)[i]];
#endif
    return v;
}

INLINE void scatter(float *to, const vi *at, const vf *v)
{
    int32_t k[HALF];
    float x[HALF];
    memcpy(k, at, sizeof k);
    memcpy(x, v, sizeof x);
    for (int i = 0; i < HALF; i++) to[k[i]] = x[i];
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

/* e^x for -700 <= x <= 700: 2^k times a polynomial (Chebyshev's, 8e-13). */
INLINE vd exp_of(const vd *of)
{
    const double magic = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to an integer */
    vd x = *of, t = x * all(1.4426950408889634) + all(magic), k = t - all(magic);
    vd r = x - k * all(0.6931471805599453), r2 = r * r, r4 = r2 * r2;
    vd a = all(0x1.0000000000000p+0) + r * all(0x1.ffffffffd38c1p-1);
    vd b = all(0x1.fffffffff71cfp-2) + r * all(0x1.555555a26dedbp-3);
    vd c = all(0x1.5555557428d91p-5) + r * all(0x1.111080ae06089p-7);
    vd d = all(0x1.6c164df443c8cp-10) + r * all(0x1.a1aa7f143c60ap-13);
    vd p = (a + r2 * b) + r4 * ((c + r2 * d) + r4 * all(0x1.a15a4f98eb4a5p-16));
    return (vd)((vl)p + ((vl)t << 52));
}

/* log(1 + y), 0 <= y <= 1, to 4e-12: a polynomial in 2y - 1. */
INLINE vd log_1p(const vd *y)
{
    vd x = *y + *y - all(1), x2 = x * x, x4 = x2 * x2, x8 = x4 * x4;
    vd a = all(0x1.9f323ecbee168p-2) + x * all(0x1.5555555558e67p-2);
    vd b = all(-0x1.c71c71a423b20p-5) + x * all(0x1.948b0fa1c8742p-7);
    vd c = all(-0x1.948b32986aa94p-9) + x * all(0x1.af836f7aececap-11);
    vd d = all(-0x1.df687dd993e46p-13) + x * all(0x1.11f1e34881daep-14);
    vd e = all(-0x1.40c58fdfe3cd9p-16) + x * all(0x1.7c3eac8dbbeb8p-18);
    vd f = all(-0x1.acdd0eec58d94p-20) + x * all(0x1.0376561539821p-21);
    vd g = all(-0x1.dca9425d1ecc6p-23) + x * all(0x1.2673cc380e8e8p-24);
    return ((a + x2 * b) + x4 * (c + x2 * d)) + x8 * ((e + x2 * f) + x4 * g);
}

/* log(e^x + e^y); beyond a distance of 50 the larger.  Not both may be infinite. */
INLINE vf log_add(const vf *a, const vf *b)
{
    vf x = *a, y = *b;
    vi less = x < y;
    vf high = (vf)((less & (vi)y) | (~less & (vi)x)), low = (vf)((less & (vi)x) | (~less & (vi)y));
    vf d = high - low, most = (vf){50, 50, 50, 50, 50, 50, 50, 50};
    vi far = d > most;
    d = (vf)((far & (vi)most) | (~far & (vi)d));
    vd sum = -widen(&d);
    sum = exp_of(&sum);
    sum = widen(&high) + log_1p(&sum);
    return narrow(&sum);
}

/* ---- a group of words ---- */

INLINE void start_rows(float *sum, const struct lanes *l)
{
    for (size_t i = 0; i < (l->rows - 1) * LANES; i++) sum[i] = -INFINITY;
    for (size_t i = (l->rows - 1) * LANES; i < l->rows * LANES; i++) sum[i] = 0;
}

/* Elements of alpha and beta. */
struct ends {
    vi begin, end;
};

INLINE struct ends ends_of(const struct lane_step *s, int i)
{
    const vi lane = {i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7};
    struct ends e;
    vu x;
    memcpy(&x, s->ends + i, sizeof x);
    e.begin = (vi)((x & 0xFFFF) * LANES) + lane;
    e.end = (vi)((x >> 16) * LANES) + lane;
    return e;
}

INLINE void forward_step(float *alpha, const struct lane_step *s, int i)
{
    struct ends e = ends_of(s, i);
    vf old = gather(alpha, &e.end), more = load(s->score + i) + gather(alpha, &e.begin);
    old = log_add(&old, &more);
    scatter(alpha, &e.end, &old);
}

/* All that begins at one place comes in a row: the sum so far is at hand. */
INLINE void backward_step(float *beta, const struct lane_step *s, int i, vf *sum, vi *place)
{
    struct ends e = ends_of(s, i);
    vi same = e.begin == *place;
    vf none = -(vf){INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY};
    vf old = (vf)((same & (vi)*sum) | (~same & (vi)none)), more = load(s->score + i) + gather(beta, &e.end);
    *sum = log_add(&old, &more);
    *place = e.begin;
    scatter(beta, &e.begin, sum);
}

INLINE void chances(const struct lanes *l, const struct lane_step *s, int i, const vf *z, double *value)
{
    struct ends e = ends_of(s, i);
    vf x = gather(l->alpha, &e.begin) + load(s->score + i) + gather(l->beta, &e.end) - *z;
    vd y = widen(&x), times;
    memcpy(&times, l->times + i, sizeof times);
    vl none = y < all(-700);
    y = times * exp_of(&y);
    y = (vd)(~none & (vl)y);
    memcpy(value + i, &y, sizeof y);
}

INLINE void expect_group(struct lanes *l)
{
    start_rows(l->alpha, l);
    start_rows(l->beta, l);
    for (int i = 0; i < LANES; i++) {
        l->alpha[i] = 0;
        l->beta[l->last[i]] = 0;
    }
    const struct lane_step *f = l->step, *b = l->step + l->steps;
    vf sum[2] = {{0}, {0}};
    vi place[2]; /* idle lanes come first */
    for (int i = 0; i < LANES; i++) place[i / HALF][i % HALF] = (int32_t)((l->rows - 1) * LANES) + i;
    for (size_t k = 0; k < l->steps; k++, f++) { /* four chains: the processor works on all */
        b--;
        forward_step(l->alpha, f, 0);
        backward_step(l->beta, b, 0, &sum[0], &place[0]);
        forward_step(l->alpha, f, HALF);
        backward_step(l->beta, b, HALF, &sum[1], &place[1]);
    }
    for (int i = 0; i < LANES; i += HALF) {
        vi last;
        memcpy(&last, l->last + i, sizeof last);
        vf z = gather(l->alpha, &last);
        for (size_t k = 0; k < l->steps; k++) chances(l, &l->step[k], i, &z, l->value + k * LANES);
    }
}
#endif
