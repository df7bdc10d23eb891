/* norm_impl.h - kernels with a reduction over a row: sums, norms, softmax,
 * cross-entropy; and rope.  Included once by each rows_<isa>.c. */
#ifndef CORE_KERNELS_NORM_IMPL_H
#define CORE_KERNELS_NORM_IMPL_H

#include "core/kernels/elem_impl.h"

static float row_sum(const float *x, size_t n)
{
    vf s = v_zero();
    FOR_LANES(n, s = v_add(s, ld(x + i, c)););
    return v_sum(s);
}

static float row_dot(const float *x, const float *y, size_t n)
{
    vf s = v_zero();
    FOR_LANES(n, s = v_fma(ld(x + i, c), ld(y + i, c), s););
    return v_sum(s);
}

static float row_sumsq(const float *x, size_t n)
{
    return row_dot(x, x, n);
}

static float row_max(const float *x, size_t n)
{
    vf m = v_set(-INFINITY);
    FOR_LANES(n, vf v = c == VL ? v_load(x + i) : v_load_nf(x + i, c, -INFINITY); m = v_sel(v_nan(v), v, v_max(v, m)););
    return v_hmax(m);
}

static void row_layernorm(float *y, const float *x, const float *w, const float *b, int n_, float eps, float *mean,
                          float *rstd)
{
    const size_t n = (size_t)n_;
    float mu = row_sum(x, n) / (float)n_;
    vf vmu = v_set(mu), s = v_zero();
    FOR_LANES(n, vf d = v_sub(c == VL ? v_load(x + i) : v_load_nf(x + i, c, mu), vmu); s = v_fma(d, d, s););
    float r = 1 / sqrtf(v_sum(s) / (float)n_ + eps);
    vf vr = v_set(r);
    FOR_LANES(n, vf v = v_mul(v_sub(ld(x + i, c), vmu), vr);
              if (w && b) v = v_fma(v, ld(w + i, c), ld(b + i, c));
              else if (w) v = v_mul(v, ld(w + i, c));
              else if (b) v = v_add(v, ld(b + i, c));
              st(y + i, v, c););
    if (mean) *mean = mu;
    if (rstd) *rstd = r;
}

/* With h = (x - mean) rstd and g = dy w:  dx = rstd (g - mean(g) - h mean(g h)). */
static void row_layernorm_bwd(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w,
                              float mean, float rstd, int n_)
{
    const size_t n = (size_t)n_;
    const vf vmu = v_set(mean), vr = v_set(rstd);
    vf sg = v_zero(), sgh = v_zero();
    FOR_LANES(n, vf d = ld(dy + i, c); vf h = v_mul(v_sub(ld(x + i, c), vmu), vr); vf g = w ? v_mul(d, ld(w + i, c)) : d;
              sg = v_add(sg, g); sgh = v_fma(g, h, sgh);
              if (dw) st(dw + i, v_fma(d, h, ld(dw + i, c)), c);
              if (db) st(db + i, v_add(d, ld(db + i, c)), c););
    const vf mg = v_set(v_sum(sg) / (float)n_), mgh = v_set(v_sum(sgh) / (float)n_);
    FOR_LANES(n, vf d = ld(dy + i, c); vf h = v_mul(v_sub(ld(x + i, c), vmu), vr); vf g = w ? v_mul(d, ld(w + i, c)) : d;
              st(dx + i, v_mul(vr, v_fnma(h, mgh, v_sub(g, mg))), c););
}

static void row_rmsnorm(float *y, const float *x, const float *w, int n_, float eps, float *rstd)
{
    const size_t n = (size_t)n_;
    float r = 1 / sqrtf(row_sumsq(x, n) / (float)n_ + eps);
    vf vr = v_set(r);
    FOR_LANES(n, vf v = v_mul(ld(x + i, c), vr); st(y + i, w ? v_mul(v, ld(w + i, c)) : v, c););
    if (rstd) *rstd = r;
}

/* With h = x rstd and g = dy w:  dx = rstd (g - h mean(g h)). */
static void row_rmsnorm_bwd(float *dx, float *dw, const float *dy, const float *x, const float *w, float rstd, int n_)
{
    const size_t n = (size_t)n_;
    const vf vr = v_set(rstd);
    vf sgh = v_zero();
    FOR_LANES(n, vf d = ld(dy + i, c); vf h = v_mul(ld(x + i, c), vr); vf g = w ? v_mul(d, ld(w + i, c)) : d;
              sgh = v_fma(g, h, sgh);
              if (dw) st(dw + i, v_fma(d, h, ld(dw + i, c)), c););
    const vf mgh = v_set(v_sum(sgh) / (float)n_);
    FOR_LANES(n, vf d = ld(dy + i, c); vf h = v_mul(ld(x + i, c), vr); vf g = w ? v_mul(d, ld(w + i, c)) : d;
              st(dx + i, v_mul(vr, v_fnma(h, mgh, g)), c););
}

/* (a, b) turned: a' = a cos - b sin, b' = b cos + a sin, each one product and one FMA. */
static void rope_half(float *x, const float *cs, const float *sn, size_t half, vf sign)
{
    FOR_LANES(half, vf a = ld(x + i, c); vf b = ld(x + half + i, c); vf co = ld(cs + i, c);
              vf si = v_mul(sign, ld(sn + i, c)); st(x + i, v_fma(a, co, v_sub(v_zero(), v_mul(b, si))), c);
              st(x + half + i, v_fma(b, co, v_mul(a, si)), c););
}

static void rope_pairs(float *x, const float *cs, const float *sn, size_t half, float sign)
{
    static const float alternate[VL] = {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1};
    const vf flip = v_mul(v_set(sign), v_load(alternate));
    float co[8] = {0}, si[8] = {0};
    for (size_t i = 0; i < half; i += 8) {
        size_t c = half - i < 8 ? half - i : 8;
        memcpy(co, cs + i, c * sizeof *co);
        memcpy(si, sn + i, c * sizeof *si);
        vf v = ld(x + 2 * i, (int)(2 * c));
        vf turned = v_fma(v, v_dup8(co), v_mul(v_swap(v), v_mul(flip, v_dup8(si))));
        st(x + 2 * i, turned, (int)(2 * c));
    }
}

static void row_rope(float *x, const float *cs, const float *sn, int n_rot, bool interleaved, float sign)
{
    size_t half = (size_t)n_rot / 2;
    if (interleaved) rope_pairs(x, cs, sn, half, sign);
    else rope_half(x, cs, sn, half, v_set(sign));
}

/* y = e^(x - m) (y may be x), returns the sum. */
VEC float exp_sum(float *y, const float *x, size_t n, float m)
{
    const vf mv = v_set(m);
    vf s = v_zero();
    FOR_LANES(n, vf e = v_exp_neg(v_sub(c == VL ? v_load(x + i) : v_load_nf(x + i, c, -INFINITY), mv));
              s = v_add(s, e);
              if (y) st(y + i, e, c););
    return v_sum(s);
}

static float row_softmax(float *y, const float *x, size_t n)
{
    float m = row_max(x, n), s = exp_sum(y, x, n, m);
    row_scale(y, 1 / s, y, n);
    return m + log_scalar(s);
}

/* Gradient of the row's loss in the logits s, from e = e^(s - m) in x (or from
 * s itself with a softcap, whose slope 1 - (s/cap)^2 needs s):
 * w (p (1 + 2 z lse) - ls/V - (1 - ls) [j = target]). */
static void ce_grad(float *x, size_t V, size_t target, float w, float ls, float softcap, float m, float p_scale)
{
    const vf a = v_set(w * p_scale), b = v_set(-w * ls / (float)V);
    float onehot = -w * (1 - ls);
    if (softcap > 0) {
        const vf inv = v_set(1 / softcap), one = v_set(1), mv = v_set(m);
        float t = x[target] * (1 / softcap);
        onehot *= fmaf(-t, t, 1);
        FOR_LANES(V, vf s = ld(x + i, c); vf u = v_mul(s, inv);
                  vf d = v_fma(v_exp_neg(v_sub(s, mv)), a, b);
                  st(x + i, v_mul(d, v_fnma(u, u, one)), c););
    } else FOR_LANES(V, st(x + i, v_fma(ld(x + i, c), a, b), c););
    x[target] += onehot;
}

static float row_ce(float *x, int V, int target, float w, float ls, float z_coef, float softcap, bool grad, float *lse,
                    float *nll)
{
    const size_t n = (size_t)V;
    if (target < 0) {
        if (grad) memset(x, 0, n * sizeof *x);
        *lse = *nll = 0;
        return 0;
    }
    if (softcap > 0) {
        const vf cap = v_set(softcap), inv = v_set(1 / softcap);
        FOR_LANES(n, st(x + i, v_mul(cap, v_tanh(v_mul(ld(x + i, c), inv))), c););
    }
    float xt = x[target], m = row_max(x, n), mean = ls > 0 ? row_sum(x, n) / (float)V : 0;
    float s = exp_sum(grad && !(softcap > 0) ? x : NULL, x, n, m), z = m + log_scalar(s);
    *lse = z;
    *nll = z - xt;
    float loss = (1 - ls) * *nll + z_coef * z * z;
    if (ls > 0) loss += ls * (z - mean);
    if (grad) ce_grad(x, n, (size_t)target, w, ls, softcap, m, (1 + 2 * z_coef * z) / s);
    return loss;
}

#endif
