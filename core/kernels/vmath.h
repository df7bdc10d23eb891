/* vmath.h - exp, tanh, the normal distribution, log and Philox on the lanes of
 * vec.h.  The polynomials were fitted by Remez exchange; errors are the largest
 * found by the tests over all of the stated range. */
#ifndef CORE_KERNELS_VMATH_H
#define CORE_KERNELS_VMATH_H

#include "core/kernels/vec.h"

#define EXP_HI 88.72283f   /* the largest float whose exp is finite */
#define EXP_LO -87.336544f /* exp of anything below is less than FLT_MIN */

/* x = n ln2 + r with |r| <= ln2/2.  Adding 1.5 * 2^23 rounds x/ln2 to the
 * integer n, which then stands in the low bits of *t. */
VEC vf exp_reduce(vf x, vf *t)
{
    const vf magic = v_set(12582912.0f);
    *t = v_fma(x, v_set(0x1.715476p+0f), magic);
    vf n = v_sub(*t, magic), r = v_fnma(n, v_set(0x1.62e4p-1f), x);
    return v_fnma(n, v_set(0x1.7f7d1cp-20f), r);
}

/* exp(r) = 1 + r + r^2 q(r). */
VEC vf exp_poly(vf r)
{
    vf q = v_set(0x1.6a2418p-10f);
    q = v_fma(q, r, v_set(0x1.1239f2p-7f));
    q = v_fma(q, r, v_set(0x1.5558f2p-5f));
    q = v_fma(q, r, v_set(0x1.555492p-3f));
    return v_fma(q, r, v_set(0x1.fffffcp-2f));
}

/* For EXP_LO <= x <= EXP_HI; garbage elsewhere. */
VEC vf v_exp_core(vf x)
{
    vf t, r = exp_reduce(x, &t), one = v_set(1);
    vf p = v_fma(v_fma(exp_poly(r), r, one), r, one);
    return v_float(vi_add(v_bits(p), vi_shl(v_bits(t), 23)));
}

/* e^x within 1 ulp; 0 where the result would be below FLT_MIN. */
VEC vf v_exp(vf x)
{
    vf y = v_exp_core(x);
    y = v_sel(v_lt(x, v_set(EXP_LO)), v_zero(), y);
    y = v_sel(v_lt(v_set(EXP_HI), x), v_set(INFINITY), y);
    return v_sel(v_nan(x), x, y);
}

/* e^x for x <= 0 or NaN: what softmax needs. */
VEC vf v_exp_neg(vf x)
{
    vf y = v_sel(v_lt(x, v_set(EXP_LO)), v_zero(), v_exp_core(x));
    return v_sel(v_nan(x), x, y);
}

VEC vf v_sigmoid(vf x)
{
    const vf one = v_set(1);
    return v_div(one, v_add(one, v_exp(v_sub(v_zero(), x))));
}

VEC vf v_copysign(vf mag, vf sign)
{
    const vi s = vi_set(0x80000000u);
    return v_float(vi_or(v_bits(mag), vi_and(v_bits(sign), s)));
}

VEC vf v_abs(vf x) { return v_float(vi_and(v_bits(x), vi_set(0x7fffffff))); }

/* tanh|x| = m/(m+2) with m = e^(2|x|) - 1, formed without cancellation; 3 ulp. */
VEC vf v_tanh(vf x)
{
    const vf one = v_set(1);
    vf a = v_min(v_abs(x), v_set(9.25f)), t; /* tanh is 1 from there on; NaN is put back below */
    vf r = exp_reduce(v_add(a, a), &t);
    vf q = v_fma(v_mul(exp_poly(r), r), r, r); /* e^r - 1 */
    vf s = v_float(vi_add(v_bits(one), vi_shl(v_bits(t), 23)));
    vf m = v_fma(s, q, v_sub(s, one));
    return v_sel(v_nan(x), x, v_copysign(v_div(m, v_add(m, v_set(2))), x));
}

/* Distribution function of the normal law, P(X < x) = erfc(-x/sqrt2)/2:
 * -log erfc(z) / z is smooth, so erfc(z) = exp(-z h(z)) also keeps the relative
 * accuracy of the left tail.  Absolute error below 1e-7. */
VEC vf v_normal_cdf(vf x)
{
    vf z = v_min(v_mul(v_abs(x), v_set(0x1.6a09e6p-1f)), v_set(6)), h = v_set(7.311808e-07f);
    h = v_fma(h, z, v_set(-1.4936694e-05f));
    h = v_fma(h, z, v_set(0.00013135422f));
    h = v_fma(h, z, v_set(-0.0006342213f));
    h = v_fma(h, z, v_set(0.001622851f));
    h = v_fma(h, z, v_set(-8.9100286e-05f));
    h = v_fma(h, z, v_set(-0.019197376f));
    h = v_fma(h, z, v_set(0.10278839f));
    h = v_fma(h, z, v_set(0.6366188f));
    h = v_fma(h, z, v_set(1.1283792f));
    vf half = v_mul(v_set(0.5f), v_exp_core(v_sub(v_zero(), v_mul(z, h))));
    half = v_sel(v_lt(v_abs(x), v_set(8.4f)), half, v_zero());
    vf y = v_sel(v_lt(x, v_zero()), half, v_sub(v_set(1), half));
    return v_sel(v_nan(x), x, y);
}

/* Density of the normal law. */
VEC vf v_normal_pdf(vf x)
{
    vf e = v_exp(v_mul(v_mul(v_set(-0.5f), x), x));
    return v_mul(v_set(0.3989422804f), e);
}

/* Natural logarithm of x >= 0, rounded from double; log 0 = -inf. */
VEC float log_scalar(float x)
{
    if (!(x > 0)) return x == 0 ? -INFINITY : NAN;
    if (x == INFINITY) return x;
    int e = 0;
    if (x < 0x1p-126f) x *= 0x1p24f, e = -24;
    uint32_t u = f_bits(x);
    e += (int)(u >> 23) - 127;
    double m = (double)f_from_bits((u & 0x7fffff) | 0x3f800000); /* [1,2) */
    if (m > 1.4142135623730951) m *= 0.5, e++;
    double s = (m - 1) / (m + 1), z = s * s; /* log m = 2 atanh s, |s| < 0.172 */
    double p = 1 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11 + z / 13)))));
    return (float)(e * 0.69314718055994530942 + 2 * s * p);
}

/* e^x of one number, the same bits as a lane of v_exp. */
VEC float exp_scalar(float x)
{
    float t[VL];
    v_store(t, v_exp(v_set(x)));
    return t[0];
}

/* Philox4x32-10, one block a lane: its counter is (c0, c1, ctr), its four words
 * go to the same lane of w[0..3]. */
VEC void philox_blocks(vi w[4], vi c0, vi c1, const uint32_t key[2], const uint32_t ctr[2])
{
    vi c2 = vi_set(ctr[0]), c3 = vi_set(ctr[1]);
    uint32_t k0 = key[0], k1 = key[1];
    for (int r = 0; r < 10; r++) {
        vi h0, h1, l0 = vi_mul(c0, 0xD2511F53u, &h0), l1 = vi_mul(c2, 0xCD9E8D57u, &h1);
        c0 = vi_xor(vi_xor(h1, c1), vi_set(k0));
        c2 = vi_xor(vi_xor(h0, c3), vi_set(k1));
        c1 = l1;
        c3 = l0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    w[0] = c0, w[1] = c1, w[2] = c2, w[3] = c3;
}

/* Words 64*group .. 64*group+63 of the stream (key, ctr), in order. */
VEC void philox64(vi w[4], const uint32_t key[2], const uint32_t ctr[2], uint64_t group)
{
    static const uint32_t block[VL] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
    uint64_t b = group * 16; /* a multiple of 16: the lanes never carry */
    philox_blocks(w, vi_add(vi_set((uint32_t)b), vi_load(block)), vi_set((uint32_t)(b >> 32)), key, ctr);
    vi_tr4(w);
}

/* Lane factor of dropout: 0 where word < below, else scale. */
VEC vf drop_factor(vi word, uint32_t below, float scale)
{
    const uint32_t s = 0x80000000u; /* unsigned comparison by a signed one */
    return v_sel(vi_gt(vi_set(below ^ s), vi_xor(word, vi_set(s))), v_zero(), v_set(scale));
}

#endif
