/* vec_avx512.h - the lanes of vec.h in one zmm.  Include vec.h, not this. */
#ifndef CORE_KERNELS_VEC_AVX512_H
#define CORE_KERNELS_VEC_AVX512_H

#include <immintrin.h>

#define VEC_REGS 32 /* vector registers */

typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vm;

VEC vm vm_first(int n) { return (vm)((1u << n) - 1); }

VEC vf v_set(float x) { return _mm512_set1_ps(x); }
VEC vf v_zero(void) { return _mm512_setzero_ps(); }
VEC vf v_load(const float *p) { return _mm512_loadu_ps(p); }
VEC void v_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
VEC vf v_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(vm_first(n), p); }
VEC vf v_load_nf(const float *p, int n, float fill) { return _mm512_mask_loadu_ps(v_set(fill), vm_first(n), p); }
VEC void v_store_n(float *p, vf v, int n) { _mm512_mask_storeu_ps(p, vm_first(n), v); }

VEC vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
VEC vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
VEC vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
VEC vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
VEC vf v_sqrt(vf a) { return _mm512_sqrt_ps(a); }
VEC vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
VEC vf v_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
VEC vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
VEC vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }

VEC vm v_lt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
VEC vm v_nan(vf a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
VEC vf v_sel(vm m, vf t, vf f) { return _mm512_mask_blend_ps(m, f, t); }
VEC vm vm_and(vm a, vm b) { return (vm)(a & b); }

VEC vi v_bits(vf a) { return _mm512_castps_si512(a); }
VEC vf v_float(vi a) { return _mm512_castsi512_ps(a); }
VEC vi vi_set(uint32_t x) { return _mm512_set1_epi32((int)x); }
VEC vi vi_load(const void *p) { return _mm512_loadu_si512(p); }
VEC vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
VEC vi vi_and(vi a, vi b) { return _mm512_and_si512(a, b); }
VEC vi vi_or(vi a, vi b) { return _mm512_or_si512(a, b); }
VEC vi vi_xor(vi a, vi b) { return _mm512_xor_si512(a, b); }
VEC vi vi_shl(vi a, int n) { return _mm512_slli_epi32(a, (unsigned)n); }
VEC vi vi_shr(vi a, int n) { return _mm512_srli_epi32(a, (unsigned)n); }
VEC vi vi_sel(vm m, vi t, vi f) { return _mm512_mask_blend_epi32(m, f, t); }
VEC vm vi_gt(vi a, vi b) { return _mm512_cmpgt_epi32_mask(a, b); }
VEC vi vi_mul(vi a, uint32_t b, vi *hi)
{
    vi m = vi_set(b), even = _mm512_mul_epu32(a, m), odd = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), m);
    *hi = _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 32), odd);
    return _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
}

VEC vi vi_load_u16(const uint16_t *p) { return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)); }
VEC vi vi_load_u16_n(const uint16_t *p, int n) { return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(vm_first(n), p)); }
VEC void vi_store_u16(uint16_t *p, vi v) { _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(v)); }
VEC void vi_store_u16_n(uint16_t *p, vi v, int n) { _mm512_mask_cvtepi32_storeu_epi16(p, vm_first(n), v); }

/* Lanes i and i+8 added, in the first eight. */
typedef __m256 vf8;
VEC vf8 v_fold8(vf v) { return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)); }
VEC void v_store8(float *p, vf8 v) { _mm256_storeu_ps(p, v); }

VEC vf v_swap(vf a) { return _mm512_permute_ps(a, 0xb1); }
VEC vf v_dup8(const float *p)
{
    const vi two = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    return _mm512_permutexvar_ps(two, _mm512_castps256_ps512(_mm256_loadu_ps(p)));
}
VEC void vi_tr4(vi w[4])
{
    vi a = _mm512_unpacklo_epi32(w[0], w[1]), b = _mm512_unpackhi_epi32(w[0], w[1]);
    vi c = _mm512_unpacklo_epi32(w[2], w[3]), d = _mm512_unpackhi_epi32(w[2], w[3]);
    w[0] = _mm512_unpacklo_epi64(a, c);
    w[1] = _mm512_unpackhi_epi64(a, c);
    w[2] = _mm512_unpacklo_epi64(b, d);
    w[3] = _mm512_unpackhi_epi64(b, d);
}
VEC void v_tr16(vf r[16])
{
    vf t[16];
    UNROLL
    for (int i = 0; i < 16; i += 4) { /* 4x4 blocks within the 128-bit quarters */
        vi w[4] = {v_bits(r[i]), v_bits(r[i + 1]), v_bits(r[i + 2]), v_bits(r[i + 3])};
        vi_tr4(w);
        UNROLL
        for (int j = 0; j < 4; j++) t[i + j] = v_float(w[j]);
    }
    UNROLL
    for (int j = 0; j < 4; j++) { /* then the quarters themselves */
        vf a = _mm512_shuffle_f32x4(t[j], t[4 + j], 0x44), b = _mm512_shuffle_f32x4(t[8 + j], t[12 + j], 0x44);
        vf c = _mm512_shuffle_f32x4(t[j], t[4 + j], 0xee), d = _mm512_shuffle_f32x4(t[8 + j], t[12 + j], 0xee);
        r[j] = _mm512_shuffle_f32x4(a, b, 0x88);
        r[4 + j] = _mm512_shuffle_f32x4(a, b, 0xdd);
        r[8 + j] = _mm512_shuffle_f32x4(c, d, 0x88);
        r[12 + j] = _mm512_shuffle_f32x4(c, d, 0xdd);
    }
}

VEC vf v_load_f16(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
VEC vf v_load_f16_n(const uint16_t *p, int n) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(vm_first(n), p)); }
VEC __m256i f16_of(vf x) { return _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
VEC void v_store_f16(uint16_t *p, vf x) { _mm256_storeu_si256((__m256i *)p, f16_of(x)); }
VEC void v_store_f16_n(uint16_t *p, vf x, int n) { _mm256_mask_storeu_epi16(p, vm_first(n), f16_of(x)); }

#endif
