/* vec.h - sixteen f32 lanes, the same operations on every ISA.
 *
 * A kernel written with these gives the same bits wherever it runs: each
 * operation is one correctly rounded IEEE operation per lane, FMA only where
 * v_fma/v_fnma stands, and sums across lanes use one tree (v_sum).  Only the
 * payload and sign of a NaN may differ.
 *
 * The compile flags of the including file choose the implementation:
 * AVX-512 (one zmm), AVX2+FMA (two ymm) or plain C loops.  All functions are
 * static and inlined, so no AVX code can leak into another object. */
#ifndef CORE_KERNELS_VEC_H
#define CORE_KERNELS_VEC_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VL 16 /* lanes */

/* UNROLL stands before a loop over registers, whose array -O2 alone would leave
 * in memory.  The reference does without both: its lanes are loops themselves,
 * and unrolled into each other they take gcc a minute. */
#if !defined(__AVX2__)
#define VEC static inline
#define UNROLL
#elif defined(__clang__)
#define VEC static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define VEC static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Types: vf 16 x f32, vi 16 x 32-bit integers, vm 16 truth values.
 *
 *   loads    v_load, v_store; *_n touch only the first n lanes (0 <= n <= 16),
 *            the others read as 0 (v_load_n) or `fill` (v_load_nf)
 *   v_max    a > b ? a : b, v_min: a < b ? a : b -- b when either is NaN
 *   v_sel    m ? t : f
 *   vi_mul   full 32x32 products: *hi and the low half
 *   v_swap   exchanges lanes 2i and 2i+1; v_dup8: lanes 2i, 2i+1 = p[i]
 *   vi_tr4   4x4 transposes: afterwards lane 4q+r of w[j] is old lane 4q+j of w[r]
 *   v_tr16   16x16 transpose */
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__)
#include "core/kernels/vec_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include "core/kernels/vec_avx2.h"
#else
#include "core/kernels/vec_ref.h"
#endif

/* ((0+8)+(4+12)) + ((2+10)+(6+14)), that of the odd lanes alike, then even + odd. */
VEC float v_sum(vf v)
{
    float t[VL];
    v_store8(t, v_fold8(v));
    float a = (t[0] + t[4]) + (t[2] + t[6]), b = (t[1] + t[5]) + (t[3] + t[7]);
    return a + b;
}

/* Largest lane; NaN if any lane is NaN. */
VEC float v_hmax(vf v)
{
    float t[VL], m;
    v_store(t, v);
    m = t[0];
    for (int i = 1; i < VL; i++) m = t[i] > m || t[i] != t[i] ? t[i] : m;
    return m;
}

VEC float f_from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

VEC uint32_t f_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* bf16 rounds to nearest even and keeps NaN a NaN. */
VEC vi vi_bf16_of(vf x)
{
    vi u = v_bits(x), odd = vi_and(vi_shr(u, 16), vi_set(1));
    vi r = vi_shr(vi_add(u, vi_add(odd, vi_set(0x7fff))), 16);
    return vi_sel(v_nan(x), vi_or(vi_shr(u, 16), vi_set(0x40)), r);
}

VEC vf v_load_bf16(const uint16_t *p) { return v_float(vi_shl(vi_load_u16(p), 16)); }
VEC vf v_load_bf16_n(const uint16_t *p, int n) { return v_float(vi_shl(vi_load_u16_n(p, n), 16)); }
VEC void v_store_bf16(uint16_t *p, vf x) { vi_store_u16(p, vi_bf16_of(x)); }
VEC void v_store_bf16_n(uint16_t *p, vf x, int n) { vi_store_u16_n(p, vi_bf16_of(x), n); }

#endif
