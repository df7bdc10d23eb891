/* wkv_impl.h - the recurrences of RWKV-5, -6 and -7; see wkv.h.  Included once
 * by each rows_<isa>.c.  Work goes by groups of up to 64 values j, which do not
 * depend on each other: a token's piece of the state is then read once from L1
 * for all of its uses. */
#ifndef CORE_KERNELS_WKV_IMPL_H
#define CORE_KERNELS_WKV_IMPL_H

#include "core/kernels/elem_impl.h"
#include "core/kernels/wkv.h"

enum { WKV_VECS = WKV_COLS / VL };

/* One group: values [j0, j0+n), nv vectors. */
struct wkv_group {
    const struct wkv *x;
    int j0, n, nv;
};

VEC int wkv_lanes(const struct wkv_group *g, int j)
{
    return g->n - j * VL < VL ? g->n - j * VL : VL;
}

VEC void wkv_load(vf *to, const struct wkv_group *g, const float *row, int nv)
{
    UNROLL for (int j = 0; j < nv; j++) to[j] = ld(row + g->j0 + j * VL, wkv_lanes(g, j));
}

VEC void wkv_put(float *row, const struct wkv_group *g, const vf *from, int nv)
{
    UNROLL for (int j = 0; j < nv; j++) st(row + g->j0 + j * VL, from[j], wkv_lanes(g, j));
}

VEC bool wkv_starts(const struct wkv *x, int t)
{
    return x->seg_start && x->seg_start[t] == t;
}

/* sum_i r_i u_i k_i */
VEC float wkv_bonus(const struct wkv *x, const float *r, const float *k)
{
    vf s = v_zero();
    for (int i = 0; i < x->D; i += VL) {
        int n = x->D - i < VL ? x->D - i : VL;
        s = v_fma(v_mul(ld(r + i, n), ld(x->u + i, n)), ld(k + i, n), s);
    }
    return v_sum(s);
}

/* ---- forward ---- */

/* One token: S [D][WKV_COLS] goes on to `to` (which may be S); y NULL = not wanted. */
VEC void wkv_token_6(const struct wkv_group *g, int t, const float *S, float *to, float *y, int nv)
{
    const struct wkv *x = g->x;
    const float *r = x->r + t * x->ld, *w = x->w + t * x->ld, *k = x->k + t * x->ld;
    vf v[WKV_VECS], o[WKV_VECS];
    wkv_load(v, g, x->v + t * x->ld, nv);
    const vf c = v_set(y ? wkv_bonus(x, r, k) : 0);
    UNROLL for (int j = 0; j < nv; j++) o[j] = v_mul(c, v[j]);
    for (int i = 0; i < x->D; i++, S += WKV_COLS, to += WKV_COLS) {
        const vf ri = v_set(r[i]), wi = v_set(w[i]), ki = v_set(k[i]);
        UNROLL for (int j = 0; j < nv; j++) {
            vf s = v_load(S + j * VL);
            o[j] = v_fma(ri, s, o[j]);
            v_store(to + j * VL, v_fma(wi, s, v_mul(ki, v[j])));
        }
    }
    if (y) wkv_put(y + t * x->ld, g, o, nv);
}

/* s_j = sum_i a_i S_ij */
VEC void wkv_project(const struct wkv_group *g, int t, const float *S, vf *sa, int nv)
{
    const struct wkv *x = g->x;
    const float *a = x->a + t * x->ld;
    UNROLL for (int j = 0; j < nv; j++) sa[j] = v_zero();
    for (int i = 0; i < x->D; i++, S += WKV_COLS) {
        const vf ai = v_set(a[i]);
        UNROLL for (int j = 0; j < nv; j++) sa[j] = v_fma(ai, v_load(S + j * VL), sa[j]);
    }
}

VEC void wkv_token_7(const struct wkv_group *g, int t, const float *S, float *to, float *y, int nv)
{
    const struct wkv *x = g->x;
    const float *r = x->r + t * x->ld, *w = x->w + t * x->ld, *k = x->k + t * x->ld, *b = x->b + t * x->ld;
    vf v[WKV_VECS], o[WKV_VECS], sa[WKV_VECS];
    wkv_load(v, g, x->v + t * x->ld, nv);
    wkv_project(g, t, S, sa, nv);
    UNROLL for (int j = 0; j < nv; j++) o[j] = v_zero();
    for (int i = 0; i < x->D; i++, S += WKV_COLS, to += WKV_COLS) {
        const vf ri = v_set(r[i]), wi = v_set(w[i]), ki = v_set(k[i]), bi = v_set(b[i]);
        UNROLL for (int j = 0; j < nv; j++) {
            vf s = v_fma(wi, v_load(S + j * VL), v_fma(bi, sa[j], v_mul(ki, v[j])));
            o[j] = v_fma(ri, s, o[j]);
            v_store(to + j * VL, s);
        }
    }
    if (y) wkv_put(y + t * x->ld, g, o, nv);
}

VEC void wkv_token(const struct wkv_group *g, int t, const float *S, float *to, float *y, int nv)
{
    if (g->x->a) wkv_token_7(g, t, S, to, y, nv);
    else wkv_token_6(g, t, S, to, y, nv);
}

VEC void wkv_clear(float *S, int D)
{
    memset(S, 0, (size_t)D * WKV_COLS * sizeof *S);
}

/* The group's columns of the state, to or from the workspace. */
VEC void wkv_move(const struct wkv_group *g, float *S, bool out)
{
    const struct wkv *x = g->x;
    int64_t ld_state = wkv_ld(x->D);
    for (int i = 0; i < x->D; i++)
        for (int j = 0; j < g->nv; j++) {
            float *state = x->state + i * ld_state + g->j0 + j * VL, *own = S + i * WKV_COLS + j * VL;
            if (out) v_store(state, v_load(own));
            else v_store(own, v_load(state));
        }
}

VEC void wkv_fwd_group(const struct wkv_group *g, float *S, int nv)
{
    const struct wkv *x = g->x;
    if (x->state) wkv_move(g, S, false);
    else wkv_clear(S, x->D);
    for (int t = 0; t < x->T; t++) {
        if (wkv_starts(x, t)) wkv_clear(S, x->D);
        wkv_token(g, t, S, S, x->y, nv);
    }
    if (x->state) wkv_move(g, S, true);
}

#define WKV_EACH_WIDTH(g, CALL) \
    switch ((g).nv) { \
    case 1: CALL(1); break; \
    case 2: CALL(2); break; \
    case 3: CALL(3); break; \
    default: CALL(4); break; \
    }

static void head_wkv_fwd(const struct wkv *x, float *ws)
{
    for (int j = 0; j < x->D; j += WKV_COLS) {
        struct wkv_group g = {x, j, x->D - j < WKV_COLS ? x->D - j : WKV_COLS, 0};
        g.nv = (g.n + VL - 1) / VL;
#define CALL(NV) wkv_fwd_group(&g, ws, NV)
        WKV_EACH_WIDTH(g, CALL)
#undef CALL
    }
}

/* ---- backward ---- */

/* Sums over j of up to 16 rows at a time: lane i of the result is row i's. */
VEC vf wkv_row_sums(vf rows[VL])
{
    v_tr16(rows);
    UNROLL for (int step = 1; step < VL; step *= 2)
        UNROLL for (int i = 0; i < VL; i += 2 * step) rows[i] = v_add(rows[i], rows[i + step]);
    return rows[0];
}

/* dst[0, n) (first group: =, later ones +=) s. */
VEC void wkv_add(float *dst, vf s, int n, bool first)
{
    st(dst, first ? s : v_add(ld(dst, n), s), n);
}

/* One token of versions 5 and 6: S is the state before it, dS the gradient of the state after it, which becomes
 * that of S. */
VEC void wkv_back_6(const struct wkv_group *g, int t, const float *S, float *dS, int nv)
{
    const struct wkv *x = g->x;
    int64_t at = t * x->ld;
    const float *r = x->r + at, *w = x->w + at, *k = x->k + at;
    vf v[WKV_VECS], dy[WKV_VECS], dv[WKV_VECS], gv = v_zero();
    wkv_load(v, g, x->v + at, nv);
    wkv_load(dy, g, x->dy + at, nv);
    const vf c = v_set(wkv_bonus(x, r, k));
    UNROLL for (int j = 0; j < nv; j++) {
        dv[j] = v_mul(c, dy[j]);
        gv = v_fma(v[j], dy[j], gv);
    }
    const vf inner = v_set(v_sum(gv));
    for (int i0 = 0; i0 < x->D; i0 += VL) {
        int n = x->D - i0 < VL ? x->D - i0 : VL;
        vf pr[VL], pk[VL], pw[VL];
        for (int i = 0; i < VL; i++) pr[i] = pk[i] = pw[i] = v_zero();
        for (int i = 0; i < n; i++, S += WKV_COLS, dS += WKV_COLS) {
            const vf ri = v_set(r[i0 + i]), wi = v_set(w[i0 + i]), ki = v_set(k[i0 + i]);
            UNROLL for (int j = 0; j < nv; j++) {
                vf s = v_load(S + j * VL), d = v_load(dS + j * VL);
                pr[i] = v_fma(dy[j], s, pr[i]);
                pk[i] = v_fma(d, v[j], pk[i]);
                pw[i] = v_fma(d, s, pw[i]);
                dv[j] = v_fma(ki, d, dv[j]);
                v_store(dS + j * VL, v_fma(wi, d, v_mul(ri, dy[j])));
            }
        }
        bool first = g->j0 == 0;
        vf rv = ld(r + i0, n), kv = ld(k + i0, n), uv = v_mul(ld(x->u + i0, n), inner);
        wkv_add(x->dr + at + i0, v_fma(uv, kv, wkv_row_sums(pr)), n, first);
        wkv_add(x->dk + at + i0, v_fma(uv, rv, wkv_row_sums(pk)), n, first);
        wkv_add(x->dw + at + i0, wkv_row_sums(pw), n, first);
        st(x->du + i0, v_fma(v_mul(rv, kv), inner, ld(x->du + i0, n)), n);
    }
    wkv_put(x->dv + at, g, dv, nv);
}

VEC void wkv_back_7(const struct wkv_group *g, int t, const float *S0, float *dS0, int nv)
{
    const struct wkv *x = g->x;
    int64_t at = t * x->ld;
    const float *r = x->r + at, *w = x->w + at, *k = x->k + at, *a = x->a + at, *b = x->b + at, *S = S0;
    float *dS = dS0;
    bool first = g->j0 == 0;
    vf v[WKV_VECS], dy[WKV_VECS], dv[WKV_VECS], sa[WKV_VECS], dsa[WKV_VECS];
    wkv_load(v, g, x->v + at, nv);
    wkv_load(dy, g, x->dy + at, nv);
    wkv_project(g, t, S0, sa, nv);
    UNROLL for (int j = 0; j < nv; j++) dv[j] = dsa[j] = v_zero();
    for (int i0 = 0; i0 < x->D; i0 += VL) {
        int n = x->D - i0 < VL ? x->D - i0 : VL;
        vf pr[VL], pk[VL], pw[VL], pb[VL];
        for (int i = 0; i < VL; i++) pr[i] = pk[i] = pw[i] = pb[i] = v_zero();
        for (int i = 0; i < n; i++, S += WKV_COLS, dS += WKV_COLS) {
            const vf ri = v_set(r[i0 + i]), wi = v_set(w[i0 + i]), ki = v_set(k[i0 + i]), bi = v_set(b[i0 + i]);
            UNROLL for (int j = 0; j < nv; j++) {
                vf s = v_load(S + j * VL), after = v_fma(wi, s, v_fma(bi, sa[j], v_mul(ki, v[j])));
                vf d = v_fma(ri, dy[j], v_load(dS + j * VL));
                pr[i] = v_fma(dy[j], after, pr[i]);
                pk[i] = v_fma(d, v[j], pk[i]);
                pw[i] = v_fma(d, s, pw[i]);
                pb[i] = v_fma(d, sa[j], pb[i]);
                dv[j] = v_fma(ki, d, dv[j]);
                dsa[j] = v_fma(bi, d, dsa[j]);
                v_store(dS + j * VL, d);
            }
        }
        wkv_add(x->dr + at + i0, wkv_row_sums(pr), n, first);
        wkv_add(x->dk + at + i0, wkv_row_sums(pk), n, first);
        wkv_add(x->dw + at + i0, wkv_row_sums(pw), n, first);
        wkv_add(x->db + at + i0, wkv_row_sums(pb), n, first);
    }
    wkv_put(x->dv + at, g, dv, nv);
    S = S0;
    dS = dS0;
    for (int i0 = 0; i0 < x->D; i0 += VL) {
        int n = x->D - i0 < VL ? x->D - i0 : VL;
        vf pa[VL];
        for (int i = 0; i < VL; i++) pa[i] = v_zero();
        for (int i = 0; i < n; i++, S += WKV_COLS, dS += WKV_COLS) {
            const vf wi = v_set(w[i0 + i]), ai = v_set(a[i0 + i]);
            UNROLL for (int j = 0; j < nv; j++) {
                pa[i] = v_fma(dsa[j], v_load(S + j * VL), pa[i]);
                v_store(dS + j * VL, v_fma(wi, v_load(dS + j * VL), v_mul(ai, dsa[j])));
            }
        }
        wkv_add(x->da + at + i0, wkv_row_sums(pa), n, first);
    }
}

/* ws: the state before each chunk; the states before the tokens of one; dS; the running state. */
VEC void wkv_bwd_group(const struct wkv_group *g, float *ws, int nv)
{
    const struct wkv *x = g->x;
    int64_t one = (int64_t)x->D * WKV_COLS;
    int chunks = (x->T + WKV_CHUNK - 1) / WKV_CHUNK;
    float *kept = ws, *inner = kept + chunks * one, *dS = inner + WKV_CHUNK * one, *S = dS + one;
    wkv_clear(S, x->D);
    for (int t = 0; t < x->T; t++) {
        if (t % WKV_CHUNK == 0) memcpy(kept + t / WKV_CHUNK * one, S, (size_t)one * sizeof *S);
        if (wkv_starts(x, t)) wkv_clear(S, x->D);
        wkv_token(g, t, S, S, NULL, nv);
    }
    wkv_clear(dS, x->D);
    for (int c = chunks - 1; c >= 0; c--) {
        int first = c * WKV_CHUNK, end = first + WKV_CHUNK < x->T ? first + WKV_CHUNK : x->T;
        memcpy(inner, kept + c * one, (size_t)one * sizeof *S);
        for (int t = first; t < end; t++) {
            float *before = inner + (t - first) * one;
            if (wkv_starts(x, t)) wkv_clear(before, x->D);
            if (t + 1 < end) wkv_token(g, t, before, before + one, NULL, nv);
        }
        for (int t = end - 1; t >= first; t--) {
            const float *before = inner + (t - first) * one;
            if (x->a) wkv_back_7(g, t, before, dS, nv);
            else wkv_back_6(g, t, before, dS, nv);
            if (wkv_starts(x, t)) wkv_clear(dS, x->D);
        }
    }
}

static void head_wkv_bwd(const struct wkv *x, float *ws)
{
    if (x->du) memset(x->du, 0, (size_t)x->D * sizeof *x->du);
    for (int j = 0; j < x->D; j += WKV_COLS) {
        struct wkv_group g = {x, j, x->D - j < WKV_COLS ? x->D - j : WKV_COLS, 0};
        g.nv = (g.n + VL - 1) / VL;
#define CALL(NV) wkv_bwd_group(&g, ws, NV)
        WKV_EACH_WIDTH(g, CALL)
#undef CALL
    }
}

#endif
