/* vec_ref.h - the lanes of vec.h in plain C: the reference, and every CPU
 * without an implementation of its own.  Include vec.h, not this. */
#ifndef CORE_KERNELS_VEC_REF_H
#define CORE_KERNELS_VEC_REF_H

#define VEC_REGS 16 /* vector registers */

typedef struct { float f[16]; } vf;
typedef struct { uint32_t i[16]; } vi;
typedef struct { bool m[16]; } vm;

#define LANES(expr) do { for (int l = 0; l < 16; l++) { expr; } } while (0)

VEC vf v_set(float x) { vf r; LANES(r.f[l] = x); return r; }
VEC vf v_zero(void) { return v_set(0); }
VEC vf v_load(const float *p) { vf r; memcpy(&r, p, sizeof r); return r; }
VEC void v_store(float *p, vf v) { memcpy(p, &v, sizeof v); }
VEC vf v_load_nf(const float *p, int n, float fill) { vf r; LANES(r.f[l] = l < n ? p[l] : fill); return r; }
VEC vf v_load_n(const float *p, int n) { return v_load_nf(p, n, 0); }
VEC void v_store_n(float *p, vf v, int n) { for (int l = 0; l < n; l++) p[l] = v.f[l]; }

VEC vf v_add(vf a, vf b) { LANES(a.f[l] += b.f[l]); return a; }
VEC vf v_sub(vf a, vf b) { LANES(a.f[l] -= b.f[l]); return a; }
VEC vf v_mul(vf a, vf b) { LANES(a.f[l] *= b.f[l]); return a; }
VEC vf v_div(vf a, vf b) { LANES(a.f[l] /= b.f[l]); return a; }
VEC vf v_sqrt(vf a) { LANES(a.f[l] = sqrtf(a.f[l])); return a; }
VEC vf v_fma(vf a, vf b, vf c) { LANES(c.f[l] = fmaf(a.f[l], b.f[l], c.f[l])); return c; }
VEC vf v_fnma(vf a, vf b, vf c) { LANES(c.f[l] = fmaf(-a.f[l], b.f[l], c.f[l])); return c; }
VEC vf v_max(vf a, vf b) { LANES(b.f[l] = a.f[l] > b.f[l] ? a.f[l] : b.f[l]); return b; }
VEC vf v_min(vf a, vf b) { LANES(b.f[l] = a.f[l] < b.f[l] ? a.f[l] : b.f[l]); return b; }

VEC vm v_lt(vf a, vf b) { vm r; LANES(r.m[l] = a.f[l] < b.f[l]); return r; }
VEC vm v_nan(vf a) { vm r; LANES(r.m[l] = a.f[l] != a.f[l]); return r; }
VEC vf v_sel(vm m, vf t, vf f) { LANES(f.f[l] = m.m[l] ? t.f[l] : f.f[l]); return f; }
VEC vm vm_and(vm a, vm b) { LANES(a.m[l] = a.m[l] && b.m[l]); return a; }

VEC vi v_bits(vf a) { vi r; memcpy(&r, &a, sizeof r); return r; }
VEC vf v_float(vi a) { vf r; memcpy(&r, &a, sizeof r); return r; }
VEC vi vi_set(uint32_t x) { vi r; LANES(r.i[l] = x); return r; }
VEC vi vi_load(const void *p) { vi r; memcpy(&r, p, sizeof r); return r; }
VEC vi vi_add(vi a, vi b) { LANES(a.i[l] += b.i[l]); return a; }
VEC vi vi_and(vi a, vi b) { LANES(a.i[l] &= b.i[l]); return a; }
VEC vi vi_or(vi a, vi b) { LANES(a.i[l] |= b.i[l]); return a; }
VEC vi vi_xor(vi a, vi b) { LANES(a.i[l] ^= b.i[l]); return a; }
VEC vi vi_shl(vi a, int n) { LANES(a.i[l] <<= n); return a; }
VEC vi vi_shr(vi a, int n) { LANES(a.i[l] >>= n); return a; }
VEC vi vi_sel(vm m, vi t, vi f) { LANES(f.i[l] = m.m[l] ? t.i[l] : f.i[l]); return f; }
VEC vm vi_gt(vi a, vi b) { vm r; LANES(r.m[l] = (int32_t)a.i[l] > (int32_t)b.i[l]); return r; }
VEC vi vi_mul(vi a, uint32_t b, vi *hi)
{
    vi lo;
    LANES(uint64_t p = (uint64_t)a.i[l] * b; lo.i[l] = (uint32_t)p; hi->i[l] = (uint32_t)(p >> 32));
    return lo;
}

VEC vi vi_load_u16_n(const uint16_t *p, int n) { vi r; LANES(r.i[l] = l < n ? p[l] : 0); return r; }
VEC vi vi_load_u16(const uint16_t *p) { return vi_load_u16_n(p, 16); }
VEC void vi_store_u16_n(uint16_t *p, vi v, int n) { for (int l = 0; l < n; l++) p[l] = (uint16_t)v.i[l]; }
VEC void vi_store_u16(uint16_t *p, vi v) { vi_store_u16_n(p, v, 16); }

/* Lanes i and i+8 added, in the first eight. */
typedef struct { float f[8]; } vf8;
VEC vf8 v_fold8(vf v) { vf8 r; for (int l = 0; l < 8; l++) r.f[l] = v.f[l] + v.f[l + 8]; return r; }
VEC void v_store8(float *p, vf8 v) { memcpy(p, &v, sizeof v); }

VEC vf v_swap(vf a) { vf r; LANES(r.f[l] = a.f[l ^ 1]); return r; }
VEC vf v_dup8(const float *p) { vf r; LANES(r.f[l] = p[l / 2]); return r; }
VEC void vi_tr4(vi w[4])
{
    vi r[4];
    for (int j = 0; j < 4; j++) LANES(r[j].i[l] = w[l % 4].i[l / 4 * 4 + j]);
    memcpy(w, r, sizeof r);
}
VEC void v_tr16(vf r[16])
{
    vf t[16];
    for (int j = 0; j < 16; j++) LANES(t[j].f[l] = r[l].f[j]);
    memcpy(r, t, sizeof t);
}

/* IEEE half <-> single by integer arithmetic; NaN stays NaN, quiet. */
VEC uint16_t f16_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    uint32_t sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
    if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    if (a >= 0x47800000) return (uint16_t)(sign | 0x7c00); /* 2^16 and above */
    if (a < 0x33000000) return (uint16_t)sign;             /* below half the least subnormal */
    int e = (int)(a >> 23), drop = e < 113 ? 126 - e : 13; /* 113: 2^-14, the least normal */
    uint32_t m = (a & 0x7fffff) | 0x800000, q = m >> drop, rest = m & ((1u << drop) - 1), half = 1u << (drop - 1);
    q += rest > half || (rest == half && (q & 1));
    return (uint16_t)(sign | (e < 113 ? q : q + ((uint32_t)(e - 113) << 10)));
}

VEC float f32_of(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, a = h & 0x7fffu, u;
    float f;
    if (a >= 0x7c00) u = sign | 0x7f800000 | (a & 0x3ff) << 13 | (a > 0x7c00 ? 0x400000 : 0);
    else if (a >= 0x400) u = sign | (a + 0x1c000) << 13;
    else {
        f = (float)a * 0x1p-24f;
        memcpy(&u, &f, sizeof u);
        u |= sign;
    }
    memcpy(&f, &u, sizeof f);
    return f;
}

VEC vf v_load_f16_n(const uint16_t *p, int n) { vf r; LANES(r.f[l] = l < n ? f32_of(p[l]) : 0); return r; }
VEC vf v_load_f16(const uint16_t *p) { return v_load_f16_n(p, 16); }
VEC void v_store_f16_n(uint16_t *p, vf v, int n) { for (int l = 0; l < n; l++) p[l] = f16_of(v.f[l]); }
VEC void v_store_f16(uint16_t *p, vf v) { v_store_f16_n(p, v, 16); }

#undef LANES
#endif
