/* shift_impl.h - RWKV's token shift, one token; see shift.h.  Included once by each rows_<isa>.c. */
#ifndef CORE_KERNELS_SHIFT_IMPL_H
#define CORE_KERNELS_SHIFT_IMPL_H

#include "core/kernels/elem_impl.h"
#include "core/kernels/shift.h"

VEC vf shift_mix(const struct shift_token *t, const void *d, size_t i, int c)
{
    vf m = ld(t->mu + i, c);
    if (t->complement) return v_sub(v_set(1), m);
    return d ? v_add(m, ld_as(d, t->d_dt, i, c)) : m;
}

static void row_shift(const struct shift_token *t, void *y, enum dtype y_dt, size_t n)
{
    FOR_LANES(n, vf x = ld_as(t->x, t->x_dt, i, c), p = t->prev ? ld_as(t->prev, t->x_dt, i, c) : v_zero();
              st_as(y, y_dt, i, v_add(v_mul(shift_mix(t, t->d, i, c), v_sub(p, x)), x), c););
}

static void row_shift_bwd(const struct shift_token *t, const struct shift_grad *g, size_t n)
{
    const vf sign = v_set(t->complement ? -1 : 1);
    FOR_LANES(n, vf x = ld_as(t->x, t->x_dt, i, c), p = t->prev ? ld_as(t->prev, t->x_dt, i, c) : v_zero();
              vf dy = ld_as(g->dy, g->dy_dt, i, c), dx = ld(g->dx + i, c), slope = v_mul(dy, v_sub(p, x));
              dx = v_add(dx, v_sub(dy, v_mul(shift_mix(t, t->d, i, c), dy)));
              if (g->dy_next) dx = v_add(dx, v_mul(shift_mix(t, g->d_next, i, c), ld_as(g->dy_next, g->dy_dt, i, c)));
              st(g->dx + i, dx, c);
              if (g->dmu) st(g->dmu + i, v_fma(sign, slope, ld(g->dmu + i, c)), c);
              if (g->dd) st_as(g->dd, g->dd_dt, i, slope, c););
}

#endif
