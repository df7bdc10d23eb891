/* attn_impl.h - attention forward, one head: flash-style, tile after tile with
 * a running maximum and sum (online softmax), so memory does not grow with Tk.
 * Queries do not see each other: how they are sliced never shows in the bits. */
#ifndef CORE_KERNELS_ATTN_IMPL_H
#define CORE_KERNELS_ATTN_IMPL_H

#include "core/kernels/attn_rel.h"
#include "core/kernels/norm_impl.h"

/* Few queries (decoding) go one by one, lanes over the head's elements. */
enum { FEW_QUERIES = 4, FEW_KEYS = 256 };

struct attn_fwd_ws {
    float *qT;      /* [D][QT] */
    float *K, *V;   /* [KT][Dp] */
    float *S;       /* [KT][QT] */
    float *O;       /* [QT][Dp] */
    float *EK, *EV; /* [bins][Dp] */
    float *B, *Pb;  /* [bins][QT]: scores with EK, sums of probabilities */
    float m[QT], l[QT], alpha[QT];
};

VEC float *carve(float **p, int64_t n)
{
    float *r = *p;
    *p += round_up((int)n, VL);
    return r;
}

static size_t attn_fwd_floats(int D, int clip)
{
    size_t Dp = (size_t)round_up(D, VL), bins = clip > 0 ? (size_t)shaw_rows(clip) + 1 : 0;
    return 4 * QT * Dp + KT * QT + 2 * bins * (Dp + QT);
}

/* Scores to probabilities for group g; updates m, l and gives alpha, the factor
 * of what was summed before. */
VEC void softmax_group(struct attn_fwd_ws *w, const struct spans *sp, const struct cover *c, const struct scoring *s,
                       int i0, int g, int k0, bool plain)
{
    const bool masked = c->masked[g], shaw_k = !plain && s->a->shaw_k, shaw_v = !plain && s->a->shaw_v;
    const int first = s->a->q_offset + i0 + g * VL, clip = s->a->clip;
    float *S = w->S + g * VL;
    vf old = v_load(w->m + g * VL), m = old;
    for (int j = c->from[g]; j < c->to[g]; j++) {
        vf x = v_load(S + j * QT);
        if (shaw_k) x = v_add(x, shaw_gather(w->B + g * VL, first, k0 + j, clip));
        x = plain ? v_mul(x, v_set(s->scale)) : score_of(x, s, first, k0 + j, NULL);
        if (masked) x = v_sel(visible(sp, g, k0 + j), x, v_set(-INFINITY));
        v_store(S + j * QT, x);
        m = v_max(x, m);
    }
    vf base = v_sel(v_lt(v_set(-INFINITY), m), m, v_zero()); /* nothing visible yet: avoid inf - inf */
    vf alpha = v_exp_neg(v_sub(old, base)), l = v_mul(v_load(w->l + g * VL), alpha);
    if (shaw_v) shaw_rescale(w->Pb + g * VL, alpha, clip);
    for (int j = c->from[g]; j < c->to[g]; j += 4) {
        vf f[4];
        if (!plain && s->a->drop_below) drop_factors(f, s, first, k0 + j);
        for (int t = 0; t < 4; t++) {
            vf p = v_exp_neg(v_sub(v_load(S + (j + t) * QT), base));
            l = v_add(l, p);
            if (!plain && s->a->drop_below) p = v_mul(p, f[t]);
            if (shaw_v) shaw_scatter(w->Pb + g * VL, first, k0 + j + t, clip, p);
            v_store(S + (j + t) * QT, p);
        }
    }
    v_store(w->m + g * VL, m);
    v_store(w->l + g * VL, l);
    v_store(w->alpha + g * VL, alpha);
}

static void attn_fwd_keys(const struct attn *a, struct attn_fwd_ws *w, const struct spans *sp, const struct scoring *s,
                          int i0, int hk, int k0)
{
    struct cover c;
    if (!cover_of(&c, sp, k0)) return;
    const int D = a->D, Dp = round_up(D, VL), n = a->Tk - k0 < KT ? a->Tk - k0 : KT;
    int64_t ldk, ldv;
    const float *K = tile_rows(a->k, a->dt, k0 * a->k_stride + (int64_t)hk * D, a->k_stride, n, KT, D, w->K, &ldk);
    const float *V = tile_rows(a->v, a->dt, k0 * a->v_stride + (int64_t)hk * D, a->v_stride, n, KT, D, w->V, &ldv);
    scores(w->S, w->qT, K, ldk, D, &c);
    for (int g = 0; g < QG; g++) {
        if (c.from[g] >= c.to[g]) continue;
        if (s->plain) softmax_group(w, sp, &c, s, i0, g, k0, true);
        else softmax_group(w, sp, &c, s, i0, g, k0, false);
        accum(w->O + (int64_t)g * VL * Dp, Dp, w->S + c.from[g] * QT + g * VL, 1, QT, V + c.from[g] * ldv, ldv,
              c.to[g] - c.from[g], VL, Dp, w->alpha + g * VL);
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
    if (a->shaw_k) shaw_products(w->B, w->qT, w->EK, a->clip, D);
    if (a->shaw_v) memset(w->Pb, 0, (size_t)shaw_rows(a->clip) * QT * sizeof *w->Pb);
    for (int r = 0; r < QT; r++) {
        w->m[r] = a->sink ? a->sink[h] : -INFINITY;
        w->l[r] = a->sink ? 1 : 0;
    }
    if (sp.first <= sp.last)
        for (int k0 = sp.first / KT * KT; k0 <= sp.last; k0 += KT) attn_fwd_keys(a, w, &sp, &s, i0, hk, k0);
    if (a->shaw_v) accum(w->O, Dp, w->Pb, 1, QT, w->EV, Dp, shaw_bins(a->clip), QT, Dp, NULL);
    for (int r = 0; r < nq; r++) {
        row_scale(w->O + (int64_t)r * Dp, w->l[r] == 0 ? 0 : 1 / w->l[r], w->O + (int64_t)r * Dp, (size_t)Dp);
        if (a->lse) a->lse[(int64_t)h * a->Tq + i0 + r] = w->m[r] + log_scalar(w->l[r]);
    }
    put_rows(a->out, a->dt, i0 * a->o_stride + (int64_t)h * D, a->o_stride, nq, D, w->O);
}

/* ---- few queries ---- */

/* One query against keys [k0,k1): s[] becomes scores; the largest is returned.
 * b: products with Shaw's table, or NULL. */
VEC float few_scores(float *s, const struct attn *a, const struct scoring *sc, const float *q, const float *b, int pos,
                     int hk, int k0, int k1)
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
            float raw = v_sum(acc[t]);
            if (b) raw += b[clamp_int(j + t - pos, -a->clip, a->clip) + a->clip];
            v_store(one, score_of(v_set(raw), sc, pos, j + t, NULL));
            s[j - k0 + t] = one[0];
            m = one[0] > m ? one[0] : m;
        }
    }
    return m;
}

VEC void few_values(float *o, const float *p, const struct attn *a, int hk, int k0, int k1, float alpha)
{
    FOR_LANES((size_t)a->D, vf acc = v_mul(v_load(o + i), v_set(alpha));
              for (int j = k0; j < k1; j++) acc = v_fma(
                  v_set(p[j - k0]), load_dt(a->v, a->dt, j * a->v_stride + (int64_t)hk * a->D + (int64_t)i, c), acc);
              v_store(o + i, acc););
}

/* x[D] . y, y padded with zeros to whole lanes. */
VEC float row_dot_padded(const float *x, const float *y, int D)
{
    vf acc = v_zero();
    FOR_LANES((size_t)D, acc = v_fma(ld(x + i, c), v_load(y + i), acc););
    return v_sum(acc);
}

/* o += p row of Shaw's table of values. */
VEC void few_table(float *o, float p, const float *row, int D)
{
    FOR_LANES((size_t)D, v_store(o + i, v_fma(v_set(p), ld(row + i, c), v_load(o + i))););
}

static void attn_fwd_one(const struct attn *a, int h, int i, float *ws)
{
    const int D = a->D, Dp = round_up(D, VL), hk = h / (a->H / a->Hk), pos = a->q_offset + i;
    const struct scoring sc = scoring_of(a, h);
    const int bins = shaw_bins(a->clip);
    float *q = carve(&ws, Dp), *o = carve(&ws, Dp), *s = carve(&ws, FEW_KEYS), *b = carve(&ws, bins), *pb = carve(&ws, bins);
    struct spans sp;
    int64_t unused;
    spans_of(&sp, a, i, 1);
    memset(q, 0, (size_t)Dp * sizeof *q);
    memset(o, 0, (size_t)Dp * sizeof *o);
    const float *row = tile_rows(a->q, a->dt, i * a->q_stride + (int64_t)h * D, a->q_stride, 1, 1, D, q, &unused);
    float m = a->sink ? a->sink[h] : -INFINITY, l = a->sink ? 1 : 0;
    for (int r = 0; r < bins; r++) {
        b[r] = a->shaw_k ? row_dot_padded(a->shaw_k + (int64_t)r * D, row, D) : 0;
        pb[r] = 0;
    }
    for (int k0 = sp.first; k0 <= sp.last; k0 += FEW_KEYS) {
        int k1 = sp.last + 1 - k0 < FEW_KEYS ? sp.last + 1 : k0 + FEW_KEYS, n = k1 - k0;
        float top = few_scores(s, a, &sc, row, a->shaw_k ? b : NULL, pos, hk, k0, k1), old = m;
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
        for (int r = 0; a->shaw_v && r < bins; r++) pb[r] *= alpha;
        for (int j = 0; a->shaw_v && j < n; j++) pb[clamp_int(k0 + j - pos, -a->clip, a->clip) + a->clip] += s[j];
    }
    for (int r = 0; a->shaw_v && r < bins; r++) few_table(o, pb[r], a->shaw_v + (int64_t)r * D, D);
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
    if (a->clip > 0) {
        const int rows = shaw_rows(a->clip) + 1;
        w.EK = carve(&p, rows * Dp);
        w.EV = carve(&p, rows * Dp);
        w.B = carve(&p, rows * QT);
        w.Pb = carve(&p, rows * QT);
        shaw_load(w.EK, a->shaw_k, a->clip, a->D);
        shaw_load(w.EV, a->shaw_v, a->clip, a->D);
    }
    for (int i = q0; i < q1; i += QT) attn_fwd_tile(a, &w, h, i, q1 - i < QT ? q1 - i : QT);
}

#endif
