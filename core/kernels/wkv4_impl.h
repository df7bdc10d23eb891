/* wkv4_impl.h - RWKV-4's recurrence; see wkv.h.  Included once by each
 * rows_<isa>.c.  Lanes are channels; groups of 64 so that a token's piece of a
 * row is whole cache lines. */
#ifndef CORE_KERNELS_WKV4_IMPL_H
#define CORE_KERNELS_WKV4_IMPL_H

#include "core/kernels/elem_impl.h"
#include "core/kernels/wkv.h"

enum { WKV4_GROUP = 4 }; /* vectors */
#define WKV4_EMPTY -1e38f

/* e^{x-m}, e^{z-m} and m = max(x, z): one of the two is 1. */
VEC vf wkv4_pair(vf x, vf z, vf *ex, vf *ez)
{
    const vf one = v_set(1);
    vm first = v_lt(z, x);
    vf e = v_exp_neg(v_sel(first, v_sub(z, x), v_sub(x, z)));
    *ex = v_sel(first, one, e);
    *ez = v_sel(first, e, one);
    return v_sel(first, x, z);
}

/* The mean at this token; its denominator and e^{u+k-p}, e^{pp-p} for backward. */
VEC vf wkv4_mean(vf a, vf b, vf p, vf uk, vf v, vf *den, vf *e_past, vf *e_now, vf *q)
{
    *q = wkv4_pair(p, uk, e_past, e_now);
    *den = v_fma(*e_past, b, *e_now);
    return v_div(v_fma(*e_past, a, v_mul(*e_now, v)), *den);
}

/* Channels [c, c+n), n <= 16, of one group vector. */
struct wkv4_lane {
    vf a, b, p, w, u;
};

VEC struct wkv4_lane wkv4_begin(const struct wkv4 *x, int c, int n)
{
    struct wkv4_lane l = {v_zero(), v_zero(), v_set(WKV4_EMPTY), ld(x->w + c, n), ld(x->u + c, n)};
    if (!x->state) return l;
    l.a = ld(x->state + c, n);
    l.b = ld(x->state + x->state_ld + c, n);
    l.p = ld(x->state + 2 * x->state_ld + c, n);
    return l;
}

VEC void wkv4_forget(struct wkv4_lane *l)
{
    l->a = l->b = v_zero();
    l->p = v_set(WKV4_EMPTY);
}

/* The state after a token; e_old is what the past was multiplied by. */
VEC void wkv4_advance(struct wkv4_lane *l, vf k, vf v, vf *e_old)
{
    vf e_new;
    l->p = wkv4_pair(v_add(l->w, l->p), k, e_old, &e_new);
    l->a = v_fma(*e_old, l->a, v_mul(e_new, v));
    l->b = v_fma(*e_old, l->b, e_new);
}

VEC bool wkv4_starts(const struct wkv4 *x, int t)
{
    return x->seg_start && x->seg_start[t] == t;
}

VEC int wkv4_count(int n, int j)
{
    return n - j * VL < VL ? n - j * VL : VL;
}

static void row_wkv4_fwd(const struct wkv4 *x, int c0, int c1)
{
    for (int g = c0; g < c1; g += WKV4_GROUP * VL) {
        int n = c1 - g < WKV4_GROUP * VL ? c1 - g : WKV4_GROUP * VL, nv = (n + VL - 1) / VL;
        struct wkv4_lane l[WKV4_GROUP];
        for (int j = 0; j < nv; j++) l[j] = wkv4_begin(x, g + j * VL, wkv4_count(n, j));
        for (int t = 0; t < x->T; t++)
            for (int j = 0; j < nv; j++) {
                int64_t at = t * x->ld + g + j * VL;
                int m = wkv4_count(n, j);
                if (wkv4_starts(x, t)) wkv4_forget(&l[j]);
                vf k = ld(x->k + at, m), v = ld(x->v + at, m), den, e1, e2, q;
                vf y = wkv4_mean(l[j].a, l[j].b, l[j].p, v_add(l[j].u, k), v, &den, &e1, &e2, &q);
                st_as(x->y, x->dt, (size_t)at, v_mul(v_sigmoid(ld(x->r + at, m)), y), m);
                wkv4_advance(&l[j], k, v, &e1);
            }
        for (int j = 0; j < nv && x->state; j++) {
            int m = wkv4_count(n, j);
            float *s = x->state + g + j * VL;
            st(s, l[j].a, m);
            st(s + x->state_ld, l[j].b, m);
            st(s + 2 * x->state_ld, l[j].p, m);
        }
    }
}

/* One vector.  Forward: gradients of w and u, of r, and for the way back the
 * mean y, q = dmean / denominator and r_t = u + k - p; ws holds three floats a
 * lane and token. */
VEC void wkv4_bwd_forward(const struct wkv4 *x, int c, int n, float *ws)
{
    struct wkv4_lane l = wkv4_begin(x, c, n);
    vf ga = v_zero(), gb = v_zero(), gw = v_zero(), gu = v_zero();
    for (int t = 0; t < x->T; t++, ws += 3 * VL) {
        int64_t at = t * x->ld + c;
        if (wkv4_starts(x, t)) {
            wkv4_forget(&l);
            ga = gb = v_zero();
        }
        vf k = ld(x->k + at, n), v = ld(x->v + at, n), uk = v_add(l.u, k), den, e1, e2, p;
        vf y = wkv4_mean(l.a, l.b, l.p, uk, v, &den, &e1, &e2, &p);
        vf s = v_sigmoid(ld(x->r + at, n)), dy = ld_as(x->dy, x->dt, (size_t)at, n);
        st_as(x->dr, x->dt, (size_t)at, v_mul(v_mul(dy, y), v_mul(s, v_sub(v_set(1), s))), n);
        vf q = v_div(v_mul(dy, s), den);
        gw = v_fma(v_mul(v_fnma(gb, y, ga), e1), q, gw);
        gu = v_fma(v_mul(v_sub(v, y), e2), q, gu);
        v_store(ws, y);
        v_store(ws + VL, q);
        v_store(ws + 2 * VL, v_sub(uk, p));
        vf a = l.a, b = l.b;
        wkv4_advance(&l, k, v, &e1);
        ga = v_mul(e1, v_add(a, ga));
        gb = v_mul(e1, v_add(b, gb));
    }
    st(x->dw + c, gw, n);
    st(x->du + c, gu, n);
}

/* Backward: a, b are now the sums over later tokens of q e^{..} and -q e^{..} y. */
VEC void wkv4_bwd_backward(const struct wkv4 *x, int c, int n, const float *ws)
{
    struct wkv4_lane l = wkv4_begin(x, c, n);
    wkv4_forget(&l);
    ws += (int64_t)x->T * 3 * VL;
    for (int t = x->T - 1; t >= 0; t--) {
        int64_t at = t * x->ld + c;
        ws -= 3 * VL;
        vf k = ld(x->k + at, n), v = ld(x->v + at, n), y = v_load(ws), q = v_load(ws + VL), r = v_load(ws + 2 * VL);
        vf e1 = v_mul(q, v_exp(r)), e2 = v_exp(v_add(k, l.p));
        st_as(x->dk, x->dt, (size_t)at, v_fma(e1, v_sub(v, y), v_mul(e2, v_fma(l.a, v, l.b))), n);
        st_as(x->dv, x->dt, (size_t)at, v_fma(e2, l.a, e1), n);
        vf e_now;
        l.p = wkv4_pair(v_add(l.w, l.p), v_sub(v_sub(r, l.u), k), &e1, &e_now);
        e_now = v_mul(q, e_now);
        l.a = v_fma(e1, l.a, e_now);
        l.b = v_fnma(e_now, y, v_mul(e1, l.b));
        if (wkv4_starts(x, t)) wkv4_forget(&l);
    }
}

/* ws: 48 T floats. */
static void row_wkv4_bwd(const struct wkv4 *x, int c0, int c1, float *ws)
{
    for (int c = c0; c < c1; c += VL) {
        int n = c1 - c < VL ? c1 - c : VL;
        wkv4_bwd_forward(x, c, n, ws);
        wkv4_bwd_backward(x, c, n, ws);
    }
}

#endif
