/* attn_impl.h - attention forward, one head: flash-style, tile after tile with
 * a running maximum and sum (online softmax), so memory does not grow with Tk.
 * Queries do not see each other: how they are sliced never shows in the bits. */
#ifndef CORE_KERNELS_ATTN_IMPL_H
#define CORE_KERNELS_ATTN_IMPL_H

#include "core/kernels/attn_tile.h"
#include "core/kernels/norm_impl.h"

/* Few queries (decoding) go one by one, lanes over the head's elements. */
enum { FEW_QUERIES = 4, FEW_KEYS = 256 };

struct attn_fwd_ws {
    float *qT;      /* [D][QT] */
    float *K, *V;   /* [KT][Dp] */
    float *S;       /* [KT][QT] */
    float *O;       /* [QT][Dp] */
    float m[QT], l[QT], alpha[QT];
};

VEC float *carve(float **p, int64_t n)
{
    float *r = *p;
    *p += round_up((int)n, VL);
    return r;
}

static size_t attn_fwd_floats(int D)
{
    size_t Dp = (size_t)round_up(D, VL);
    return 4 * QT * Dp + KT * QT;
}

/* Scores to probabilities for group g; updates m, l and gives alpha, the factor
 * of what was summed before. */
VEC void softmax_group(struct attn_fwd_ws *w, const struct spans *sp, const struct cover *c, const struct scoring *s, int i0, int g, int k0, bool plain)
{
    const bool masked = c->masked[g];
    const int first = s->a->q_offset + i0 + g * VL;
    const vf pos = lane_positions(first);
    float *S = w->S + g * VL;
    vf old = v_load(w->m + g * VL), m = old;
    for (int j = c->from[g]; j < c->to[g]; j++) {
        vf x = v_load(S + j * QT);
        x = plain ? v_mul(x, v_set(s->scale)) : score_of(x, s, pos, k0 + j, NULL);
        if (masked) x = v_sel(visible(sp, g, k0 + j), x, v_set(-INFINITY));
        v_store(S + j * QT, x);
        m = v_max(x, m);
    }
    vf base = v_sel(v_lt(v_set(-INFINITY), m), m, v_zero()); /* nothing visible yet: avoid inf - inf */
    vf alpha = v_exp_neg(v_sub(old, base)), l = v_mul(v_load(w->l + g * VL), alpha);
    for (int j = c->from[g]; j < c->to[g]; j += 4) {
        vf f[4];
        if (!plain && s->a->drop_below) drop_factors(f, s, first, k0 + j);
        for (int t = 0; t < 4; t++) {
            vf p = v_exp_neg(v_sub(v_load(S + (j + t) * QT), base));
            l = v_add(l, p);
            if (!plain && s->a->drop_below) p = v_mul(p, f[t]);
            v_store(S + (j + t) * QT, p);
        }
    }
    v_store(w->m + g * VL, m);
    v_store(w->l + g * VL, l);
    v_store(w->alpha + g * VL, alpha);
}

static void attn_fwd_keys(const struct attn *a, struct attn_fwd_ws *w, const struct spans *sp, const struct scoring *s, int i0, int hk, int k0)
{
    struct cover c;
    if (!cover_of(&c, sp, k0)) return;
    const int D = a->D, Dp = round_up(D, VL), n = a->Tk - k0 < KT ? a->Tk - k0 : KT;
    const bool plain = !(s->cap > 0) && !a->alibi && !a->drop_below;
    int64_t ldk, ldv;
    const float *K = tile_rows(a->k, a->dt, k0 * a->k_stride + (int64_t)hk * D, a->k_stride, n, KT, D, w->K, &ldk);
    const float *V = tile_rows(a->v, a->dt, k0 * a->v_stride + (int64_t)hk * D, a->v_stride, n, KT, D, w->V, &ldv);
    scores(w->S, w->qT, K, ldk, D, &c);
    for (int g = 0; g < QG; g++) {
        if (c.from[g] >= c.to[g]) continue;
        if (plain) softmax_group(w, sp, &c, s, i0, g, k0, true);
        else softmax_group(w, sp, &c, s, i0, g, k0, false);
        accum(w->O + (int64_t)g * VL * Dp, Dp, w->S + c.from[g] * QT + g * VL, 1, QT, V + c.from[g] * ldv, ldv, c.to[g] - c.from[g], VL, Dp,
              w->alpha + g * VL);
    }
}

static void attn_fwd_tile(const struct attn *a, struct attn_fwd_ws *w, int h, int i0, int nq)
{
    const int D = a->D, Dp = round_up(D, VL), hk = h / (a->H / a->Hk);
    const struct scoring s = scoring_of(a, h);
    struct spans sp;
    spans_of(&sp, a, i0, nq);
    transpose_rows(w->qT, a->q, a->dt, i0 * a->q_stride + (int64_t)h * D, a->q_stride, nq, D);
    memset(w->O, 0, (size_t)QT * (size_t)Dp * sizeof *w->O);
    for (int r = 0; r < QT; r++) {
        w->m[r] = a->sink ? a->sink[h] : -INFINITY;
        w->l[r] = a->sink ? 1 : 0;
    }
    if (sp.first <= sp.last)
        for (int k0 = sp.first / KT * KT; k0 <= sp.last; k0 += KT) attn_fwd_keys(a, w, &sp, &s, i0, hk, k0);
    for (int r = 0; r < nq; r++) {
        row_scale(w->O + (int64_t)r * Dp, w->l[r] == 0 ? 0 : 1 / w->l[r], w->O + (int64_t)r * Dp, (size_t)Dp);
        if (a->lse) a->lse[(int64_t)h * a->Tq + i0 + r] = w->m[r] + log_scalar(w->l[r]);
    }
    put_rows(a->out, a->dt, i0 * a->o_stride + (int64_t)h * D, a->o_stride, nq, D, w->O);
}

/* ---- few queries ---- */

/* One query against keys [k0,k1): s[] becomes probabilities relative to m. */
VEC float few_scores(float *s, const struct attn *a, const struct scoring *sc, const float *q, int pos, int hk, int k0, int k1)
{
    const size_t D = (size_t)a->D;
    float m = -INFINITY;
    for (int j = k0; j < k1; j += 4) {
        int n = k1 - j < 4 ? k1 - j : 4;
        vf acc[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
        for (int t = 0; t < n; t++) {
            int64_t at = (j + t) * a->k_stride + (int64_t)hk * a->D;
            FOR_LANES(D, acc[t] = v_fma(load_dt(a->k, a->dt, at + (int64_t)i, c), v_load(q + i), acc[t]););
        }
        for (int t = 0; t < n; t++) {
            float one[VL];
            v_store(one, score_of(v_set(v_sum(acc[t])), sc, v_set((float)pos), j + t, NULL));
            s[j - k0 + t] = one[0];
            m = one[0] > m ? one[0] : m;
        }
    }
    return m;
}

VEC void few_values(float *o, const float *p, const struct attn *a, int hk, int k0, int k1, float alpha)
{
    FOR_LANES((size_t)a->D, vf acc = v_mul(v_load(o + i), v_set(alpha));
              for (int j = k0; j < k1; j++)
                  acc = v_fma(v_set(p[j - k0]), load_dt(a->v, a->dt, j * a->v_stride + (int64_t)hk * a->D + (int64_t)i, c), acc);
              v_store(o + i, acc););
}

static void attn_fwd_one(const struct attn *a, int h, int i, float *ws)
{
    const int D = a->D, Dp = round_up(D, VL), hk = h / (a->H / a->Hk), pos = a->q_offset + i;
    const struct scoring sc = scoring_of(a, h);
    float *q = carve(&ws, Dp), *o = carve(&ws, Dp), *s = carve(&ws, FEW_KEYS);
    struct spans sp;
    int64_t unused;
    spans_of(&sp, a, i, 1);
    memset(q, 0, (size_t)Dp * sizeof *q);
    memset(o, 0, (size_t)Dp * sizeof *o);
    const float *row = tile_rows(a->q, a->dt, i * a->q_stride + (int64_t)h * D, a->q_stride, 1, 1, D, q, &unused);
    float m = a->sink ? a->sink[h] : -INFINITY, l = a->sink ? 1 : 0;
    for (int k0 = sp.first; k0 <= sp.last; k0 += FEW_KEYS) {
        int k1 = sp.last + 1 - k0 < FEW_KEYS ? sp.last + 1 : k0 + FEW_KEYS, n = k1 - k0;
        float top = few_scores(s, a, &sc, row, pos, hk, k0, k1), old = m;
        m = top > m ? top : m;
        float base = m == -INFINITY ? 0 : m, alpha = exp_scalar(old - base);
        l = l * alpha + exp_sum(s, s, (size_t)n, base);
        if (a->drop_below)
            for (int j = 0; j < n; j++) {
                vf f[4];
                float t[VL];
                drop_factors(f, &sc, pos, (k0 + j) / 4 * 4);
                v_store(t, f[(k0 + j) % 4]);
                s[j] *= t[0];
            }
        few_values(o, s, a, hk, k0, k1, alpha);
    }
    row_scale(o, l == 0 ? 0 : 1 / l, o, (size_t)Dp);
    if (a->lse) a->lse[(int64_t)h * a->Tq + i] = m + log_scalar(l);
    put_rows(a->out, a->dt, i * a->o_stride + (int64_t)h * D, a->o_stride, 1, D, o);
}

static void attn_fwd(const struct attn *a, int h, int q0, int q1, void *ws)
{
    float *p = ws;
    if (a->Tq < FEW_QUERIES) {
        for (int i = q0; i < q1; i++) attn_fwd_one(a, h, i, p);
        return;
    }
    const int Dp = round_up(a->D, VL);
    struct attn_fwd_ws w;
    w.qT = carve(&p, QT * Dp);
    w.K = carve(&p, KT * Dp);
    w.V = carve(&p, KT * Dp);
    w.O = carve(&p, QT * Dp);
    w.S = carve(&p, KT * QT);
    for (int i = q0; i < q1; i += QT) attn_fwd_tile(a, &w, h, i, q1 - i < QT ? q1 - i : QT);
}

#endif
