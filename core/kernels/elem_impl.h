/* elem_impl.h - elementwise kernels: conversions, activations, dropout, AdamW.
 * Included once by each rows_<isa>.c; see kernels.h for what each does. */
#ifndef CORE_KERNELS_ELEM_IMPL_H
#define CORE_KERNELS_ELEM_IMPL_H

#include "core/kernels/kernels.h"
#include "core/kernels/vmath.h"

/* Runs the statements for i = 0, 16, ... with c = 16 lanes, then once for the
 * rest with c = n - i. */
#define FOR_LANES(n, ...) \
    do { \
        size_t i = 0; \
        for (; i + VL <= (n); i += VL) { enum { c = VL }; __VA_ARGS__ } \
        if (i < (n)) { const int c = (int)((n) - i); __VA_ARGS__ } \
    } while (0)

VEC vf ld(const float *p, int c) { return c == VL ? v_load(p) : v_load_n(p, c); }
VEC void st(float *p, vf v, int c)
{
    if (c == VL) v_store(p, v);
    else v_store_n(p, v, c);
}

/* Elements i .. i+c of p, f32 or bf16. */
VEC vf ld_as(const void *p, enum dtype dt, size_t i, int c)
{
    if (dt == DT_F32) return ld((const float *)p + i, c);
    const uint16_t *h = (const uint16_t *)p + i;
    return c == VL ? v_load_bf16(h) : v_load_bf16_n(h, c);
}

VEC void st_as(void *p, enum dtype dt, size_t i, vf v, int c)
{
    uint16_t *h = (uint16_t *)p + i;
    if (dt == DT_F32) st((float *)p + i, v, c);
    else if (c == VL) v_store_bf16(h, v);
    else v_store_bf16_n(h, v, c);
}

static void row_bf16_from_f32(uint16_t *y, const float *x, size_t n)
{
    FOR_LANES(n, if (c == VL) v_store_bf16(y + i, v_load(x + i)); else v_store_bf16_n(y + i, v_load_n(x + i, c), c););
}

static void row_f32_from_bf16(float *y, const uint16_t *x, size_t n)
{
    FOR_LANES(n, if (c == VL) v_store(y + i, v_load_bf16(x + i)); else v_store_n(y + i, v_load_bf16_n(x + i, c), c););
}

static void row_f16_from_f32(uint16_t *y, const float *x, size_t n)
{
    FOR_LANES(n, if (c == VL) v_store_f16(y + i, v_load(x + i)); else v_store_f16_n(y + i, v_load_n(x + i, c), c););
}

static void row_f32_from_f16(float *y, const uint16_t *x, size_t n)
{
    FOR_LANES(n, if (c == VL) v_store(y + i, v_load_f16(x + i)); else v_store_n(y + i, v_load_f16_n(x + i, c), c););
}

static void row_add(float *y, const float *a, const float *b, size_t n)
{
    FOR_LANES(n, st(y + i, v_add(ld(a + i, c), ld(b + i, c)), c););
}

static void row_mul(float *y, const float *a, const float *b, size_t n)
{
    FOR_LANES(n, st(y + i, v_mul(ld(a + i, c), ld(b + i, c)), c););
}

static void row_axpy(float *y, float a, const float *x, size_t n)
{
    const vf va = v_set(a);
    FOR_LANES(n, st(y + i, v_fma(va, ld(x + i, c), ld(y + i, c)), c););
}

static void row_scale(float *y, float a, const float *x, size_t n)
{
    const vf va = v_set(a);
    FOR_LANES(n, st(y + i, v_mul(va, ld(x + i, c)), c););
}

static void row_exp(float *y, const float *x, size_t n)
{
    FOR_LANES(n, st(y + i, v_exp(ld(x + i, c)), c););
}

static void row_tanh(float *y, const float *x, size_t n)
{
    FOR_LANES(n, st(y + i, v_tanh(ld(x + i, c)), c););
}

/* ---- activations ---- */

/* gelu_tanh: (1 + tanh u)/2 = sigmoid(2u), 2u = x (k + k' x^2). */
#define GELU_K 1.5957691216f    /* 2 sqrt(2/pi) */
#define GELU_K3 0.0713548162726f /* 0.044715 K */

VEC vf gelu_gate(vf x)
{
    vf x2 = v_mul(x, x);
    return v_sigmoid(v_mul(x, v_fma(v_set(GELU_K3), x2, v_set(GELU_K))));
}

VEC vf v_act(enum act kind, vf x)
{
    switch (kind) {
    case ACT_NONE: return x;
    case ACT_RELU: return v_max(v_zero(), x);
    case ACT_RELU2: return v_mul(v_max(v_zero(), x), v_max(v_zero(), x));
    case ACT_GELU_ERF: return v_mul(x, v_normal_cdf(x));
    case ACT_GELU_TANH: return v_mul(x, gelu_gate(x));
    case ACT_SILU: return v_mul(x, v_sigmoid(x));
    case ACT_SIGMOID: return v_sigmoid(x);
    case ACT_TANH: return v_tanh(x);
    }
    return x;
}

/* The derivative at x; *y = act(x), the same bits as v_act. */
VEC vf v_act_d(enum act kind, vf x, vf *y)
{
    const vf one = v_set(1);
    vf s;
    switch (kind) {
    case ACT_NONE: *y = x; return one;
    case ACT_RELU: *y = v_max(v_zero(), x); return v_sel(v_lt(v_zero(), x), one, v_zero());
    case ACT_RELU2:
        s = v_max(v_zero(), x);
        *y = v_mul(s, s);
        return v_add(s, s);
    case ACT_GELU_ERF:
        s = v_normal_cdf(x);
        *y = v_mul(x, s);
        return v_fma(x, v_normal_pdf(x), s);
    case ACT_GELU_TANH: {
        s = gelu_gate(x);
        *y = v_mul(x, s);
        vf du = v_fma(v_set(3 * GELU_K3), v_mul(x, x), v_set(GELU_K));
        return v_fma(v_mul(x, du), v_mul(s, v_sub(one, s)), s);
    }
    case ACT_SILU:
        s = v_sigmoid(x);
        *y = v_mul(x, s);
        return v_fma(*y, v_sub(one, s), s);
    case ACT_SIGMOID: *y = s = v_sigmoid(x); return v_mul(s, v_sub(one, s));
    case ACT_TANH: *y = s = v_tanh(x); return v_fnma(s, s, one);
    }
    *y = x;
    return one;
}

/* One loop for each kind, so that the switch stands outside of it. */
#define EACH_ACT(kind, CALL) \
    switch (kind) { \
    case ACT_NONE: CALL(ACT_NONE); break; \
    case ACT_RELU: CALL(ACT_RELU); break; \
    case ACT_RELU2: CALL(ACT_RELU2); break; \
    case ACT_GELU_ERF: CALL(ACT_GELU_ERF); break; \
    case ACT_GELU_TANH: CALL(ACT_GELU_TANH); break; \
    case ACT_SILU: CALL(ACT_SILU); break; \
    case ACT_SIGMOID: CALL(ACT_SIGMOID); break; \
    case ACT_TANH: CALL(ACT_TANH); break; \
    }

static void row_act(enum act kind, float *y, const float *x, size_t n)
{
#define CALL(K) FOR_LANES(n, st(y + i, v_act(K, ld(x + i, c)), c);)
    EACH_ACT(kind, CALL)
#undef CALL
}

static void row_act_bwd(enum act kind, float *dx, const float *x, const float *dy, size_t n)
{
#define CALL(K) FOR_LANES(n, vf y; vf d = v_act_d(K, ld(x + i, c), &y); st(dx + i, v_mul(d, ld(dy + i, c)), c);)
    EACH_ACT(kind, CALL)
#undef CALL
}

static void row_glu(enum act kind, float *y, const float *g, const float *u, size_t n)
{
#define CALL(K) FOR_LANES(n, st(y + i, v_mul(v_act(K, ld(g + i, c)), ld(u + i, c)), c);)
    EACH_ACT(kind, CALL)
#undef CALL
}

static void row_glu_bwd(enum act kind, float *dg, float *du, const float *g, const float *u, const float *dy, size_t n)
{
#define CALL(K) \
    FOR_LANES(n, vf y; vf vu = ld(u + i, c); vf vdy = ld(dy + i, c); vf d = v_act_d(K, ld(g + i, c), &y); \
              st(dg + i, v_mul(v_mul(d, vu), vdy), c); st(du + i, v_mul(y, vdy), c);)
    EACH_ACT(kind, CALL)
#undef CALL
}

static void row_glu_clamped(float *y, const float *g, const float *u, size_t n, float limit, float alpha)
{
    const vf top = v_set(limit), low = v_set(-limit), va = v_set(alpha), one = v_set(1);
    FOR_LANES(n,
        vf vg = v_min(ld(g + i, c), top), vu = v_max(v_min(ld(u + i, c), top), low);
        st(y + i, v_mul(v_mul(vg, v_sigmoid(v_mul(va, vg))), v_add(vu, one)), c););
}

/* The gradient passes where nothing was cut off. */
static void row_glu_clamped_bwd(float *dg, float *du, const float *g, const float *u, const float *dy, size_t n,
                                float limit, float alpha)
{
    const vf top = v_set(limit), low = v_set(-limit), va = v_set(alpha), one = v_set(1);
    FOR_LANES(n,
        vf xg = ld(g + i, c), xu = ld(u + i, c), d = ld(dy + i, c);
        vf vg = v_min(xg, top), vu = v_max(v_min(xu, top), low);
        vf s = v_sigmoid(v_mul(va, vg)), glu = v_mul(vg, s);
        vf dglu = v_fma(v_mul(va, glu), v_sub(one, s), s);
        vf a = v_mul(v_mul(dglu, v_add(vu, one)), d);
        st(dg + i, v_sel(v_lt(top, xg), v_zero(), a), c);
        a = v_mul(glu, d);
        st(du + i, v_sel(v_lt(top, xu), v_zero(), v_sel(v_lt(xu, low), v_zero(), a)), c););
}

/* ---- dropout and AdamW ---- */

static void row_dropout(float *y, const float *x, size_t n, uint32_t below, float scale, const uint32_t key[2],
                        const uint32_t ctr[2], uint64_t index0)
{
    uint32_t word[64];
    for (size_t i = 0; i < n;) {
        size_t at = (size_t)((index0 + i) % 64), len = 64 - at < n - i ? 64 - at : n - i;
        vi w[4];
        philox64(w, key, ctr, (index0 + i) / 64);
        memcpy(word, w, sizeof word);
        for (size_t j = 0; j < len; j += VL) {
            int c = len - j < VL ? (int)(len - j) : VL;
            uint32_t t[VL];
            memcpy(t, word + at + j, (size_t)c * sizeof *t);
            for (int l = c; l < VL; l++) t[l] = 0;
            st(y + i + j, v_mul(ld(x + i + j, c), drop_factor(vi_load(t), below, scale)), c);
        }
        i += len;
    }
}

/* The division by sqrt(bc2) is a product with its reciprocal. */
static void row_adamw(float *p, float *m, float *v, const float *g, size_t n, float gscale, float lr, float b1, float b2,
                      float eps, float wd, float bc1, float bc2)
{
    const vf keep = v_set(1 - lr * wd), b1c = v_set(1 - b1), vb2 = v_set(b2), b2c = v_set(1 - b2);
    const vf step = v_set(lr / bc1), root = v_set(1 / sqrtf(bc2)), veps = v_set(eps), gs = v_set(gscale);
    FOR_LANES(n,
        vf vg = v_mul(ld(g + i, c), gs);
        vf mv = ld(m + i, c);
        mv = v_fma(b1c, v_sub(vg, mv), mv);
        vf vv = v_fma(v_mul(b2c, vg), vg, v_mul(vb2, ld(v + i, c)));
        st(m + i, mv, c);
        st(v + i, vv, c);
        vf den = v_fma(v_sqrt(vv), root, veps);
        st(p + i, v_sub(v_mul(ld(p + i, c), keep), v_div(v_mul(step, mv), den)), c););
}

#endif
