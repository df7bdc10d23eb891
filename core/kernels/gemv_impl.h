/* gemv_impl.h - matrix-vector products for decoding: bound by memory, so
 * several rows stream at once, each with its own accumulator. */
#ifndef CORE_KERNELS_GEMV_IMPL_H
#define CORE_KERNELS_GEMV_IMPL_H

#include "core/kernels/elem_impl.h"

#define GEMV_ROWS 4

VEC vf gemv_w(const void *W, enum dtype dt, int64_t at, int c)
{
    if (dt == DT_F32) return ld((const float *)W + at, c);
    const uint16_t *w = (const uint16_t *)W + at;
    return c == VL ? v_load_bf16(w) : v_load_bf16_n(w, c);
}

VEC void gemv_rows(float *y, const void *W, enum dtype dt, int64_t ldw, const float *x, size_t K, int64_t n, int rows, const float *bias)
{
    vf s[GEMV_ROWS];
    for (int r = 0; r < rows; r++) s[r] = v_zero();
    FOR_LANES(K, vf v = ld(x + i, c);
              for (int r = 0; r < rows; r++) s[r] = v_fma(gemv_w(W, dt, (n + r) * ldw + (int64_t)i, c), v, s[r]););
    for (int r = 0; r < rows; r++) y[n + r] = v_sum(s[r]) + (bias ? bias[n + r] : 0);
}

VEC void gemv_dt(float *y, const void *W, enum dtype dt, int64_t ldw, const float *x, int K, int n0, int n1, const float *bias)
{
    int n = n0;
    for (; n + GEMV_ROWS <= n1; n += GEMV_ROWS) gemv_rows(y, W, dt, ldw, x, (size_t)K, n, GEMV_ROWS, bias);
    for (; n < n1; n++) gemv_rows(y, W, dt, ldw, x, (size_t)K, n, 1, bias);
}

static void row_gemv(float *y, const void *W, enum dtype dt, int64_t ldw, const float *x, int K, int n0, int n1, const float *bias)
{
    if (dt == DT_F32) gemv_dt(y, W, DT_F32, ldw, x, K, n0, n1, bias);
    else gemv_dt(y, W, DT_BF16, ldw, x, K, n0, n1, bias);
}

#endif
