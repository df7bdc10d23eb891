/* gemv_impl.h - matrix-vector products for decoding: bound by memory, so
 * several rows stream at once, each with its own accumulator. */
#ifndef CORE_KERNELS_GEMV_IMPL_H
#define CORE_KERNELS_GEMV_IMPL_H

#include "core/kernels/elem_impl.h"

enum { GEMV_ROWS_F32 = 4, GEMV_ROWS_BF16 = 8 };

VEC vf gemv_w(const void *W, enum dtype dt, int64_t at, int c)
{
    if (dt == DT_F32) return ld((const float *)W + at, c);
    const uint16_t *w = (const uint16_t *)W + at;
    return c == VL ? v_load_bf16(w) : v_load_bf16_n(w, c);
}

/* The hardware's prefetch keeps up with four streams of f32, but starts anew
 * at each short row of bf16 (65 % of the bandwidth): there we ask for the next
 * rows, in the order of memory (98 %; for f32 that costs 10 %). */
VEC void gemv_rows(float *y, const void *W, enum dtype dt, int64_t ldw, const float *x, size_t K, int64_t n, int rows,
                   const float *bias)
{
    const char *next = (const char *)W + (n + rows) * ldw * 2;
    const size_t step = VL * 2 * (size_t)rows; /* bytes of all rows in one step */
    vf s[GEMV_ROWS_BF16];
    UNROLL
    for (int r = 0; r < rows; r++) s[r] = v_zero();
    FOR_LANES(K, vf v = ld(x + i, c);
              if (dt == DT_BF16)
                  for (size_t p = 0; p < step; p += 64) __builtin_prefetch(next + i / VL * step + p);
              UNROLL for (int r = 0; r < rows; r++) s[r] = v_fma(gemv_w(W, dt, (n + r) * ldw + (int64_t)i, c), v, s[r]););
    UNROLL
    for (int r = 0; r < rows; r++) y[n + r] = v_sum(s[r]) + (bias ? bias[n + r] : 0);
}

VEC void gemv_dt(float *y, const void *W, enum dtype dt, int64_t ldw, const float *x, int K, int n0, int n1,
                 const float *bias)
{
    const int rows = dt == DT_F32 ? GEMV_ROWS_F32 : GEMV_ROWS_BF16;
    int n = n0;
    for (; n + rows <= n1; n += rows) gemv_rows(y, W, dt, ldw, x, (size_t)K, n, rows, bias);
    for (; n < n1; n++) gemv_rows(y, W, dt, ldw, x, (size_t)K, n, 1, bias);
}

static void row_gemv(float *y, const void *W, enum dtype dt, int64_t ldw, const float *x, int K, int n0, int n1,
                     const float *bias)
{
    if (dt == DT_F32) gemv_dt(y, W, DT_F32, ldw, x, K, n0, n1, bias);
    else gemv_dt(y, W, DT_BF16, ldw, x, K, n0, n1, bias);
}

#endif
