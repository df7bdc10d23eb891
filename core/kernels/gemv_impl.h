/* gemv_impl.h - matrix-vector products for decoding: bound by memory, so
 * eight rows stream at once, each with its own accumulator.  The accumulators
 * are named: as an array they would live on the stack, where each FMA waits
 * for the store before it (measured: 10 instead of 35 GB/s a core). */
#ifndef CORE_KERNELS_GEMV_IMPL_H
#define CORE_KERNELS_GEMV_IMPL_H

#include "core/kernels/elem_impl.h"

VEC vf gemv_w(const void *W, enum dtype dt, int64_t at, int c)
{
    if (dt == DT_F32) return ld((const float *)W + at, c);
    const uint16_t *w = (const uint16_t *)W + at;
    return c == VL ? v_load_bf16(w) : v_load_bf16_n(w, c);
}

VEC void gemv_one(float *y, const void *W, enum dtype dt, int64_t at, const float *x, size_t K, float bias)
{
    vf s = v_zero();
    FOR_LANES(K, s = v_fma(gemv_w(W, dt, at + (int64_t)i, c), ld(x + i, c), s););
    *y = v_sum(s) + bias;
}

#define GEMV_EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define GEMV_ZERO(r) vf s##r = v_zero();
#define GEMV_FMA(r) s##r = v_fma(gemv_w(W, dt, at + r * ldw + (int64_t)i, c), v, s##r);
#define GEMV_OUT(r) y[r] = v_sum(s##r) + (bias ? bias[r] : 0);

VEC void gemv_eight(float *y, const void *W, enum dtype dt, int64_t at, int64_t ldw, const float *x, size_t K, const float *bias)
{
    /* The next eight rows, in the order of memory: the hardware's own
     * prefetch starts anew at each short row. */
    const char *next = (const char *)W + (at + 8 * ldw) * (dt == DT_F32 ? 4 : 2);
    const size_t ahead = dt == DT_F32 ? 8 * 4 : 8 * 2;
    GEMV_EACH(GEMV_ZERO)
    FOR_LANES(K, vf v = ld(x + i, c);
              for (size_t p = 0; p < VL * ahead; p += 64) __builtin_prefetch(next + i * ahead + p, 0, 3);
              GEMV_EACH(GEMV_FMA));
    GEMV_EACH(GEMV_OUT)
}

VEC void gemv_dt(float *y, const void *W, enum dtype dt, int64_t ldw, const float *x, int K, int n0, int n1, const float *bias)
{
    int n = n0;
    for (; n + 8 <= n1; n += 8) gemv_eight(y + n, W, dt, n * ldw, ldw, x, (size_t)K, bias ? bias + n : NULL);
    for (; n < n1; n++) gemv_one(y + n, W, dt, n * ldw, x, (size_t)K, bias ? bias[n] : 0);
}

static void row_gemv(float *y, const void *W, enum dtype dt, int64_t ldw, const float *x, int K, int n0, int n1, const float *bias)
{
    if (dt == DT_F32) gemv_dt(y, W, DT_F32, ldw, x, K, n0, n1, bias);
    else gemv_dt(y, W, DT_BF16, ldw, x, K, n0, n1, bias);
}

#endif
