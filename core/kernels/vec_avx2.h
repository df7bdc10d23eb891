/* vec_avx2.h - the lanes of vec.h in two ymm: lo holds lanes 0-7, hi 8-15.
 * Include vec.h, not this. */
#ifndef CORE_KERNELS_VEC_AVX2_H
#define CORE_KERNELS_VEC_AVX2_H

#include <immintrin.h>

#define VEC_REGS 16 /* vector registers */

typedef struct { __m256 lo, hi; } vf;
typedef struct { __m256i lo, hi; } vi;
typedef struct { __m256 lo, hi; } vm;

#define EACH1(T, f, a) ((T){f((a).lo), f((a).hi)})
#define EACH2(T, f, a, b) ((T){f((a).lo, (b).lo), f((a).hi, (b).hi)})
#define EACH3(T, f, a, b, c) ((T){f((a).lo, (b).lo, (c).lo), f((a).hi, (b).hi, (c).hi)})

VEC vf v_set(float x) { return (vf){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
VEC vf v_zero(void) { return (vf){_mm256_setzero_ps(), _mm256_setzero_ps()}; }
VEC vf v_load(const float *p) { return (vf){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
VEC void v_store(float *p, vf v) { _mm256_storeu_ps(p, v.lo), _mm256_storeu_ps(p + 8, v.hi); }

VEC __m256i first8(int n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
VEC vf v_load_n(const float *p, int n)
{
    return (vf){_mm256_maskload_ps(p, first8(n)), n > 8 ? _mm256_maskload_ps(p + 8, first8(n - 8)) : _mm256_setzero_ps()};
}
VEC vf v_load_nf(const float *p, int n, float fill)
{
    vf v = v_load_n(p, n), f = v_set(fill);
    return (vf){_mm256_blendv_ps(f.lo, v.lo, _mm256_castsi256_ps(first8(n))),
                _mm256_blendv_ps(f.hi, v.hi, _mm256_castsi256_ps(first8(n - 8)))};
}
VEC void v_store_n(float *p, vf v, int n)
{
    _mm256_maskstore_ps(p, first8(n), v.lo);
    if (n > 8) _mm256_maskstore_ps(p + 8, first8(n - 8), v.hi);
}

VEC vf v_add(vf a, vf b) { return EACH2(vf, _mm256_add_ps, a, b); }
VEC vf v_sub(vf a, vf b) { return EACH2(vf, _mm256_sub_ps, a, b); }
VEC vf v_mul(vf a, vf b) { return EACH2(vf, _mm256_mul_ps, a, b); }
VEC vf v_div(vf a, vf b) { return EACH2(vf, _mm256_div_ps, a, b); }
VEC vf v_sqrt(vf a) { return EACH1(vf, _mm256_sqrt_ps, a); }
VEC vf v_fma(vf a, vf b, vf c) { return EACH3(vf, _mm256_fmadd_ps, a, b, c); }
VEC vf v_fnma(vf a, vf b, vf c) { return EACH3(vf, _mm256_fnmadd_ps, a, b, c); }
VEC vf v_max(vf a, vf b) { return EACH2(vf, _mm256_max_ps, a, b); }
VEC vf v_min(vf a, vf b) { return EACH2(vf, _mm256_min_ps, a, b); }

VEC vm v_lt(vf a, vf b) { return (vm){_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)}; }
VEC vm v_nan(vf a) { return (vm){_mm256_cmp_ps(a.lo, a.lo, _CMP_UNORD_Q), _mm256_cmp_ps(a.hi, a.hi, _CMP_UNORD_Q)}; }
VEC vf v_sel(vm m, vf t, vf f) { return EACH3(vf, _mm256_blendv_ps, f, t, m); }
VEC vm vm_and(vm a, vm b) { return EACH2(vm, _mm256_and_ps, a, b); }

VEC vi v_bits(vf a) { return EACH1(vi, _mm256_castps_si256, a); }
VEC vf v_float(vi a) { return EACH1(vf, _mm256_castsi256_ps, a); }
VEC vi vi_set(uint32_t x) { return (vi){_mm256_set1_epi32((int)x), _mm256_set1_epi32((int)x)}; }
VEC vi vi_load(const void *p)
{
    return (vi){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)p + 1)};
}
VEC vi vi_add(vi a, vi b) { return EACH2(vi, _mm256_add_epi32, a, b); }
VEC vi vi_and(vi a, vi b) { return EACH2(vi, _mm256_and_si256, a, b); }
VEC vi vi_or(vi a, vi b) { return EACH2(vi, _mm256_or_si256, a, b); }
VEC vi vi_xor(vi a, vi b) { return EACH2(vi, _mm256_xor_si256, a, b); }
VEC vi vi_shl(vi a, int n) { return (vi){_mm256_slli_epi32(a.lo, n), _mm256_slli_epi32(a.hi, n)}; }
VEC vi vi_shr(vi a, int n) { return (vi){_mm256_srli_epi32(a.lo, n), _mm256_srli_epi32(a.hi, n)}; }
VEC vm vi_gt(vi a, vi b)
{
    return (vm){_mm256_castsi256_ps(_mm256_cmpgt_epi32(a.lo, b.lo)), _mm256_castsi256_ps(_mm256_cmpgt_epi32(a.hi, b.hi))};
}
VEC vi vi_sel(vm m, vi t, vi f) { return v_bits(v_sel(m, v_float(t), v_float(f))); }
VEC __m256i mul8(__m256i a, __m256i m, __m256i *hi)
{
    __m256i even = _mm256_mul_epu32(a, m), odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), m);
    *hi = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
    return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}
VEC vi vi_mul(vi a, uint32_t b, vi *hi)
{
    __m256i m = _mm256_set1_epi32((int)b);
    return (vi){mul8(a.lo, m, &hi->lo), mul8(a.hi, m, &hi->hi)};
}

VEC vi vi_load_u16(const uint16_t *p)
{
    const __m128i *q = (const __m128i *)p;
    return (vi){_mm256_cvtepu16_epi32(_mm_loadu_si128(q)), _mm256_cvtepu16_epi32(_mm_loadu_si128(q + 1))};
}
VEC vi vi_load_u16_n(const uint16_t *p, int n)
{
    uint16_t t[16] = {0};
    memcpy(t, p, (size_t)n * sizeof *t);
    return vi_load_u16(t);
}
VEC void vi_store_u16(uint16_t *p, vi v)
{
    const __m256i low = _mm256_set1_epi32(0xffff); /* packus saturates */
    __m256i w = _mm256_packus_epi32(_mm256_and_si256(v.lo, low), _mm256_and_si256(v.hi, low));
    _mm256_storeu_si256((__m256i *)p, _mm256_permute4x64_epi64(w, 0xd8));
}
VEC void vi_store_u16_n(uint16_t *p, vi v, int n)
{
    uint16_t t[16];
    vi_store_u16(t, v);
    memcpy(p, t, (size_t)n * sizeof *t);
}

/* Lanes i and i+8 added, in the first eight. */
typedef __m256 vf8;
VEC vf8 v_fold8(vf v) { return _mm256_add_ps(v.lo, v.hi); }
VEC void v_store8(float *p, vf8 v) { _mm256_storeu_ps(p, v); }

VEC vf v_swap(vf a) { return (vf){_mm256_permute_ps(a.lo, 0xb1), _mm256_permute_ps(a.hi, 0xb1)}; }
VEC vf v_dup8(const float *p)
{
    const __m256i a = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3), b = _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7);
    __m256 x = _mm256_loadu_ps(p);
    return (vf){_mm256_permutevar8x32_ps(x, a), _mm256_permutevar8x32_ps(x, b)};
}
VEC void tr4(__m256i *a, __m256i *b, __m256i *c, __m256i *d)
{
    __m256i ab = _mm256_unpacklo_epi32(*a, *b), AB = _mm256_unpackhi_epi32(*a, *b);
    __m256i cd = _mm256_unpacklo_epi32(*c, *d), CD = _mm256_unpackhi_epi32(*c, *d);
    *a = _mm256_unpacklo_epi64(ab, cd);
    *b = _mm256_unpackhi_epi64(ab, cd);
    *c = _mm256_unpacklo_epi64(AB, CD);
    *d = _mm256_unpackhi_epi64(AB, CD);
}
VEC void vi_tr4(vi w[4])
{
    tr4(&w[0].lo, &w[1].lo, &w[2].lo, &w[3].lo);
    tr4(&w[0].hi, &w[1].hi, &w[2].hi, &w[3].hi);
}
/* 8x8: r[0..7] of half `from` to o[0..7], half `to`. */
VEC void tr8(const __m256 r[8], __m256 o[8])
{
    __m256i t[8];
    UNROLL
    for (int i = 0; i < 8; i++) t[i] = _mm256_castps_si256(r[i]);
    tr4(&t[0], &t[1], &t[2], &t[3]);
    tr4(&t[4], &t[5], &t[6], &t[7]);
    UNROLL
    for (int j = 0; j < 4; j++) {
        o[j] = _mm256_castsi256_ps(_mm256_permute2x128_si256(t[j], t[4 + j], 0x20));
        o[4 + j] = _mm256_castsi256_ps(_mm256_permute2x128_si256(t[j], t[4 + j], 0x31));
    }
}
VEC void v_tr16(vf r[16])
{
    __m256 a[8], b[8], c[8], d[8];
    UNROLL
    for (int i = 0; i < 8; i++) a[i] = r[i].lo, b[i] = r[i].hi, c[i] = r[8 + i].lo, d[i] = r[8 + i].hi;
    tr8(a, a), tr8(b, b), tr8(c, c), tr8(d, d);
    UNROLL
    for (int i = 0; i < 8; i++) r[i] = (vf){a[i], c[i]}, r[8 + i] = (vf){b[i], d[i]};
}

VEC vf v_load_f16(const uint16_t *p)
{
    const __m128i *q = (const __m128i *)p;
    return (vf){_mm256_cvtph_ps(_mm_loadu_si128(q)), _mm256_cvtph_ps(_mm_loadu_si128(q + 1))};
}
VEC vf v_load_f16_n(const uint16_t *p, int n)
{
    uint16_t t[16] = {0};
    memcpy(t, p, (size_t)n * sizeof *t);
    return v_load_f16(t);
}
VEC void v_store_f16(uint16_t *p, vf x)
{
    __m128i *q = (__m128i *)p;
    _mm_storeu_si128(q, _mm256_cvtps_ph(x.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    _mm_storeu_si128(q + 1, _mm256_cvtps_ph(x.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
VEC void v_store_f16_n(uint16_t *p, vf x, int n)
{
    uint16_t t[16];
    v_store_f16(t, x);
    memcpy(p, t, (size_t)n * sizeof *t);
}

#undef EACH1
#undef EACH2
#undef EACH3
#endif
