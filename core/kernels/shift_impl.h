/* shift_impl.h - RWKV's token shift, one token; see shift.h.  Included once by each rows_<isa>.c. */
#ifndef CORE_KERNELS_SHIFT_IMPL_H
#define CORE_KERNELS_SHIFT_IMPL_H

#include "core/kernels/elem_impl.h"
#include "core/kernels/shift.h"

/* Element i of p, f32 or bf16. */
VEC vf shift_ld(const void *p, enum dtype dt, size_t i, int c)
{
    if (dt == DT_F32) return ld((const float *)p + i, c);
    const uint16_t *h = (const uint16_t *)p + i;
    return c == VL ? v_load_bf16(h) : v_load_bf16_n(h, c);
}

VEC void shift_st(void *p, enum dtype dt, size_t i, vf v, int c)
{
    uint16_t *h = (uint16_t *)p + i;
    if (dt == DT_F32) st((float *)p + i, v, c);
    else if (c == VL) v_store_bf16(h, v);
    else v_store_bf16_n(h, v, c);
}

VEC vf shift_mix(const struct shift_token *t, const void *d, size_t i, int c)
{
    vf m = ld(t->mu + i, c);
    if (t->complement) return v_sub(v_set(1), m);
    return d ? v_add(m, shift_ld(d, t->d_dt, i, c)) : m;
}

static void row_shift(const struct shift_token *t, void *y, enum dtype y_dt, size_t n)
{
    FOR_LANES(n, vf x = shift_ld(t->x, t->x_dt, i, c), p = t->prev ? shift_ld(t->prev, t->x_dt, i, c) : v_zero();
              shift_st(y, y_dt, i, v_add(v_mul(shift_mix(t, t->d, i, c), v_sub(p, x)), x), c););
}

static void row_shift_bwd(const struct shift_token *t, const struct shift_grad *g, size_t n)
{
    const vf sign = v_set(t->complement ? -1 : 1);
    FOR_LANES(n, vf x = shift_ld(t->x, t->x_dt, i, c), p = t->prev ? shift_ld(t->prev, t->x_dt, i, c) : v_zero();
              vf dy = shift_ld(g->dy, g->dy_dt, i, c), dx = ld(g->dx + i, c), slope = v_mul(dy, v_sub(p, x));
              dx = v_add(dx, v_sub(dy, v_mul(shift_mix(t, t->d, i, c), dy)));
              if (g->dy_next) dx = v_add(dx, v_mul(shift_mix(t, g->d_next, i, c), shift_ld(g->dy_next, g->dy_dt, i, c)));
              st(g->dx + i, dx, c);
              if (g->dmu) st(g->dmu + i, v_fma(sign, slope, ld(g->dmu + i, c)), c);
              if (g->dd) shift_st(g->dd, g->dd_dt, i, slope, c););
}

#endif
