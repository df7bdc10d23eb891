/* attn_bwd_impl.h - attention backward for one kv head and its group of query
 * heads: five products a tile, P rebuilt from the log-sum-exp.
 *
 *     P = exp(S - lse)      dV += P^T dO      dP = dO V^T
 *     dS = P (dP - D_i),    D_i = sum_d dO O  (rowsum(P dP) rewritten)
 *     dQ += scale dS K      dK += scale dS^T Q
 *
 * (Dao 2023, arXiv:2307.08691, alg. 2.)  A softcap multiplies dS by 1 - tanh^2;
 * dropout's factor f multiplies P for dV, and dP.  An element of dK or dV is
 * one chain of FMAs over (head of the group, query) in order; of dQ, over keys. */
#ifndef CORE_KERNELS_ATTN_BWD_IMPL_H
#define CORE_KERNELS_ATTN_BWD_IMPL_H

#include "core/kernels/attn_impl.h"

struct attn_bwd_ws {
    float *qT, *doT;        /* [D][QT] */
    float *Q, *dO, *dQ;     /* [QT][Dp] */
    float *K, *V;           /* [KT][Dp] */
    float *S, *G;           /* [KT][QT]: scores then P; dP then dS */
    float *dK, *dV;         /* [Tk rounded up to KT][Dp] */
    float *EK, *EV, *dEK, *dEV; /* [bins][Dp] */
    float *B, *C, *Pb, *Gb; /* [bins][QT]: products with EK and EV, sums of P and of dS */
    float *drel;            /* this head's, at distance 0, or NULL */
    float lse[QT], delta[QT];
};

static size_t attn_bwd_floats(int Tk, int D, int clip)
{
    size_t Dp = (size_t)round_up(D, VL), keys = (size_t)Tk / KT * KT + KT, bins = clip > 0 ? (size_t)shaw_rows(clip) + 1 : 0;
    return (5 * QT + 2 * KT + 2 * keys) * Dp + 2 * KT * QT + 4 * bins * (Dp + QT);
}

static size_t attn_ws_bytes(int Tq, int Tk, int D, int clip, bool backward)
{
    (void)Tq;
    return (backward ? attn_bwd_floats(Tk, D, clip) : attn_fwd_floats(D, clip)) * sizeof(float);
}

/* S, G of group g: scores and dP in, P (with dropout) and scale dS out. */
VEC void grad_group(struct attn_bwd_ws *w, const struct spans *sp, const struct cover *c, const struct scoring *s,
                    int i0, int g, int k0, bool plain)
{
    const struct attn *a = s->a;
    const bool masked = c->masked[g], drop = !plain && a->drop_below;
    const bool shaw_k = !plain && a->shaw_k, shaw_v = !plain && a->shaw_v, rel = !plain && w->drel;
    const int first = a->q_offset + i0 + g * VL, clip = a->clip;
    const vf lse = v_load(w->lse + g * VL), delta = v_load(w->delta + g * VL), scale = v_set(s->scale);
    float *S = w->S + g * VL, *G = w->G + g * VL;
    for (int j = c->from[g]; j < c->to[g]; j += 4) {
        vf f[4];
        if (drop) drop_factors(f, s, first, k0 + j);
        for (int t = 0; t < 4; t++) {
            float *sj = S + (j + t) * QT, *gj = G + (j + t) * QT;
            vf x = v_load(sj), slope = v_set(1), dp = v_load(gj);
            if (shaw_k) x = v_add(x, shaw_gather(w->B + g * VL, first, k0 + j + t, clip));
            if (shaw_v) dp = v_add(dp, shaw_gather(w->C + g * VL, first, k0 + j + t, clip));
            x = plain ? v_mul(x, scale) : score_of(x, s, first, k0 + j + t, &slope);
            vf p = v_exp(v_sub(x, lse));
            if (masked) p = v_sel(visible(sp, g, k0 + j + t), p, v_zero());
            if (drop) dp = v_mul(dp, f[t]);
            vf ds = v_mul(p, v_sub(dp, delta));
            if (rel) {
                float *to = w->drel + first - (k0 + j + t);
                v_store(to, v_add(v_load(to), ds));
            }
            if (!plain) ds = v_mul(ds, slope);
            ds = v_mul(ds, scale);
            if (drop) p = v_mul(p, f[t]);
            if (shaw_k) shaw_scatter(w->Gb + g * VL, first, k0 + j + t, clip, ds);
            if (shaw_v) shaw_scatter(w->Pb + g * VL, first, k0 + j + t, clip, p);
            v_store(gj, ds);
            v_store(sj, p);
        }
    }
}

struct bwd_rows { const float *p; int64_t ld; };

static void attn_bwd_keys(const struct attn *a, struct attn_bwd_ws *w, const struct spans *sp, const struct scoring *s,
                          int i0, int hk, int k0, struct bwd_rows Q, struct bwd_rows dO)
{
    struct cover c;
    if (!cover_of(&c, sp, k0)) return;
    const int D = a->D, Dp = round_up(D, VL), n = a->Tk - k0 < KT ? a->Tk - k0 : KT;
    int64_t ldk, ldv;
    const float *K = tile_rows(a->k, a->dt, k0 * a->k_stride + (int64_t)hk * D, a->k_stride, n, KT, D, w->K, &ldk);
    const float *V = tile_rows(a->v, a->dt, k0 * a->v_stride + (int64_t)hk * D, a->v_stride, n, KT, D, w->V, &ldv);
    scores(w->S, w->qT, K, ldk, D, &c);
    scores(w->G, w->doT, V, ldv, D, &c);
    for (int g = 0; g < QG; g++) {
        if (c.from[g] >= c.to[g]) continue;
        if (s->plain) grad_group(w, sp, &c, s, i0, g, k0, true);
        else grad_group(w, sp, &c, s, i0, g, k0, false);
        accum(w->dQ + (int64_t)g * VL * Dp, Dp, w->G + c.from[g] * QT + g * VL, 1, QT, K + c.from[g] * ldk, ldk,
              c.to[g] - c.from[g], VL, Dp, NULL);
    }
    for (int j = 0; j < KT; j += KSTEP) {
        int g0, g1;
        if (!cover_groups(&c, j, &g0, &g1)) continue;
        int t0 = g0 * VL, nt = (g1 * VL < sp->nq ? g1 * VL : sp->nq) - t0;
        int64_t row = (int64_t)(k0 + j) * Dp;
        accum(w->dV + row, Dp, w->S + j * QT + t0, QT, 1, dO.p + t0 * dO.ld, dO.ld, nt, KSTEP, Dp, NULL);
        accum(w->dK + row, Dp, w->G + j * QT + t0, QT, 1, Q.p + t0 * Q.ld, Q.ld, nt, KSTEP, Dp, NULL);
    }
}

static void shaw_begin(const struct attn *a, struct attn_bwd_ws *w)
{
    const size_t bytes = (size_t)shaw_rows(a->clip) * QT * sizeof(float);
    if (a->shaw_k) shaw_products(w->B, w->qT, w->EK, a->clip, a->D);
    if (a->shaw_v) shaw_products(w->C, w->doT, w->EV, a->clip, a->D);
    memset(w->Gb, 0, bytes);
    memset(w->Pb, 0, bytes);
}

/* dQ += Gb^T EK, dEK += Gb Q, dEV += Pb dO. */
static void shaw_end(const struct attn *a, struct attn_bwd_ws *w, int nq, struct bwd_rows Q, struct bwd_rows dO)
{
    const int Dp = round_up(a->D, VL), rows = shaw_rows(a->clip);
    if (a->shaw_k) {
        accum(w->dQ, Dp, w->Gb, 1, QT, w->EK, Dp, shaw_bins(a->clip), QT, Dp, NULL);
        accum(w->dEK, Dp, w->Gb, QT, 1, Q.p, Q.ld, nq, rows, Dp, NULL);
    }
    if (a->shaw_v) accum(w->dEV, Dp, w->Pb, QT, 1, dO.p, dO.ld, nq, rows, Dp, NULL);
}

static void attn_bwd_tile(const struct attn *a, struct attn_bwd_ws *w, int h, int hk, int i0, int nq, vf *dsink)
{
    const int D = a->D, Dp = round_up(D, VL);
    const struct scoring s = scoring_of(a, h);
    const int64_t q_at = i0 * a->q_stride + (int64_t)h * D, o_at = i0 * a->o_stride + (int64_t)h * D;
    struct spans sp;
    struct bwd_rows Q, dO;
    spans_of(&sp, a, i0, nq);
    transpose_rows(w->qT, a->q, a->dt, q_at, a->q_stride, nq, D);
    transpose_rows(w->doT, a->dout, a->dt, o_at, a->o_stride, nq, D);
    Q.p = tile_rows(a->q, a->dt, q_at, a->q_stride, nq, nq, D, w->Q, &Q.ld);
    dO.p = tile_rows(a->dout, a->dt, o_at, a->o_stride, nq, nq, D, w->dO, &dO.ld);
    memset(w->dQ, 0, (size_t)QT * (size_t)Dp * sizeof *w->dQ);
    memset(w->lse, 0, sizeof w->lse);
    memset(w->delta, 0, sizeof w->delta);
    memcpy(w->lse, a->lse + (int64_t)h * a->Tq + i0, (size_t)nq * sizeof *w->lse);
    for (int r = 0; r < nq; r++) {
        vf acc = v_zero();
        FOR_LANES((size_t)D, acc = v_fma(load_dt(a->out, a->dt, o_at + r * a->o_stride + (int64_t)i, c),
                                         v_load(dO.p + r * dO.ld + (int64_t)i), acc););
        w->delta[r] = v_sum(acc);
    }
    if (a->clip > 0) shaw_begin(a, w);
    if (a->sink) /* dsink = -sum_i exp(sink - lse_i) D_i */
        for (int g = 0; g < nq; g += VL) {
            vf p = v_exp(v_sub(v_set(a->sink[h]), v_load(w->lse + g)));
            *dsink = v_fnma(p, v_load(w->delta + g), *dsink);
        }
    if (sp.first <= sp.last)
        for (int k0 = sp.first / KT * KT; k0 <= sp.last; k0 += KT) attn_bwd_keys(a, w, &sp, &s, i0, hk, k0, Q, dO);
    if (a->clip > 0) shaw_end(a, w, nq, Q, dO);
    put_rows(a->dq, a->dt, q_at, a->q_stride, nq, D, w->dQ);
}

static void shaw_carve(const struct attn *a, struct attn_bwd_ws *w, float **p)
{
    const int Dp = round_up(a->D, VL), rows = shaw_rows(a->clip) + 1;
    float **wide[] = {&w->EK, &w->EV, &w->dEK, &w->dEV}, **bins[] = {&w->B, &w->C, &w->Pb, &w->Gb};
    for (int i = 0; i < 4; i++) *wide[i] = carve(p, rows * Dp);
    for (int i = 0; i < 4; i++) *bins[i] = carve(p, rows * QT);
    shaw_load(w->EK, a->shaw_k, a->clip, a->D);
    shaw_load(w->EV, a->shaw_v, a->clip, a->D);
    memset(w->dEK, 0, 2 * (size_t)rows * (size_t)Dp * sizeof *w->dEK);
}

static void attn_bwd(const struct attn *a, int hk, void *ws)
{
    const int Dp = round_up(a->D, VL), group = a->H / a->Hk;
    const int64_t keys = (int64_t)a->Tk / KT * KT + KT, at = (int64_t)hk * a->D;
    float *p = ws;
    struct attn_bwd_ws w;
    float **tiles[] = {&w.qT, &w.doT, &w.Q, &w.dO, &w.dQ, &w.K, &w.V};
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) *tiles[i] = carve(&p, QT * Dp);
    w.S = carve(&p, KT * QT);
    w.G = carve(&p, KT * QT);
    w.drel = NULL;
    if (a->clip > 0) shaw_carve(a, &w, &p);
    w.dK = p;
    w.dV = p + keys * Dp;
    memset(w.dK, 0, 2 * (size_t)keys * (size_t)Dp * sizeof *w.dK);
    for (int h = hk * group; h < (hk + 1) * group; h++) {
        vf dsink = v_zero();
        if (a->drel) {
            w.drel = a->drel + (h - hk * group) * a->rel_ld;
            memset(w.drel, 0, (size_t)a->rel_ld * sizeof *w.drel);
            w.drel += a->rel_zero;
        }
        for (int i = 0; i < a->Tq; i += QT) attn_bwd_tile(a, &w, h, hk, i, a->Tq - i < QT ? a->Tq - i : QT, &dsink);
        if (a->dsink) a->dsink[h] = v_sum(dsink);
    }
    if (a->dshaw_k) put_rows(a->dshaw_k, DT_F32, 0, a->D, shaw_bins(a->clip), a->D, w.dEK);
    if (a->dshaw_v) put_rows(a->dshaw_v, DT_F32, 0, a->D, shaw_bins(a->clip), a->D, w.dEV);
    put_rows(a->dk, a->dt, at, a->k_stride, a->Tk, a->D, w.dK);
    put_rows(a->dv, a->dt, at, a->v_stride, a->Tk, a->D, w.dV);
}

#endif
