/* Packing primitives in AVX-512. */
#if defined(__x86_64__)

#include <immintrin.h>

#include "core/kernels/gemm_impl.h"

enum { NR = 32 };

static __mmask16 first(int n)
{
    return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1);
}

/* Four rows of four 128-bit lanes, each lane a 4x4 square, transposed in place. */
#define SQUARES(a, b, c, d)                                              \
    {                                                                    \
        const __m512i t0 = _mm512_unpacklo_epi32(a, b);                  \
        const __m512i t1 = _mm512_unpackhi_epi32(a, b);                  \
        const __m512i t2 = _mm512_unpacklo_epi32(c, d);                  \
        const __m512i t3 = _mm512_unpackhi_epi32(c, d);                  \
        a = _mm512_unpacklo_epi64(t0, t2);                               \
        b = _mm512_unpackhi_epi64(t0, t2);                               \
        c = _mm512_unpacklo_epi64(t1, t3);                               \
        d = _mm512_unpackhi_epi64(t1, t3);                               \
    }

/* The four registers' lanes as a 4x4 matrix, transposed and stored as rows i, i+4, i+8, i+12. */
#define LANES(i, a, b, c, d)                                             \
    {                                                                    \
        const __m512i t0 = _mm512_shuffle_i32x4(a, b, 0x88);             \
        const __m512i t1 = _mm512_shuffle_i32x4(a, b, 0xdd);             \
        const __m512i t2 = _mm512_shuffle_i32x4(c, d, 0x88);             \
        const __m512i t3 = _mm512_shuffle_i32x4(c, d, 0xdd);             \
        STORE(i, _mm512_shuffle_i32x4(t0, t2, 0x88))                     \
        STORE((i) + 4, _mm512_shuffle_i32x4(t1, t3, 0x88))               \
        STORE((i) + 8, _mm512_shuffle_i32x4(t0, t2, 0xdd))               \
        STORE((i) + 12, _mm512_shuffle_i32x4(t1, t3, 0xdd))              \
    }
/* Sixteen rows ROW(i), transposed, by STORE(k, row k). */
#define TRANSPOSE                                                        \
    __m512i r0 = ROW(0), r1 = ROW(1), r2 = ROW(2), r3 = ROW(3);          \
    __m512i r4 = ROW(4), r5 = ROW(5), r6 = ROW(6), r7 = ROW(7);          \
    __m512i r8 = ROW(8), r9 = ROW(9), r10 = ROW(10), r11 = ROW(11);      \
    __m512i r12 = ROW(12), r13 = ROW(13), r14 = ROW(14), r15 = ROW(15);  \
    SQUARES(r0, r1, r2, r3)                                              \
    SQUARES(r4, r5, r6, r7)                                              \
    SQUARES(r8, r9, r10, r11)                                            \
    SQUARES(r12, r13, r14, r15)                                          \
    LANES(0, r0, r4, r8, r12)                                            \
    LANES(1, r1, r5, r9, r13)                                            \
    LANES(2, r2, r6, r10, r14)                                           \
    LANES(3, r3, r7, r11, r15)

#define STORE(i, x)                                                      \
    if ((i) < units) _mm512_mask_storeu_epi32(dst + (i) * NR, lanes, x);
#define ROW(i) ((i) < cols ? _mm512_maskz_loadu_epi32(have, src + (i) * ld) : _mm512_setzero_si512())

/* At most 16 columns and 16 units. */
static void transpose16(uint32_t *dst, const char *src, int64_t ld, int cols, int units)
{
    const __mmask16 lanes = first(cols), have = first(units);
    TRANSPOSE
}
#undef STORE
#undef ROW

void gemm_transpose_avx512(uint32_t *dst, const void *src, int64_t ld, int cols, int units)
{
    for (int n = 0; n < cols; n += 16)
        for (int u = 0; u < units; u += 16)
            transpose16(dst + u * NR + n, (const char *)src + n * ld + u * 4, ld, cols - n, units - u);
}

/* The destination is in L2 at best, and stores wait for their line one after the other: fetch it ahead. */
static void fetch(const uint32_t *dst)
{
    _mm_prefetch((const char *)(dst + 256), _MM_HINT_T0);
}

void gemm_pack_f32_avx512(uint32_t *dst, int width, const void *src, int64_t ld, int K, int cols)
{
    const __mmask16 m0 = first(cols), m1 = cols > 16 ? first(cols - 16) : 0;
    const uint32_t *s = src;
    for (int k = 0; k < K; k++, s += ld, dst += width) {
        fetch(dst);
        _mm512_mask_storeu_epi32(dst, m0, _mm512_maskz_loadu_epi32(m0, s));
        if (cols <= 16) continue;
        fetch(dst + 16);
        _mm512_mask_storeu_epi32(dst + 16, m1, _mm512_maskz_loadu_epi32(m1, s + 16));
    }
}

/* A permutation: element i of the even row beside element i of the odd one, 16 units from i = base. */
#define LANES_16(base)                                                                                                  \
    _mm512_set_epi32((base) + 0x2f000f, (base) + 0x2e000e, (base) + 0x2d000d, (base) + 0x2c000c, (base) + 0x2b000b,     \
                     (base) + 0x2a000a, (base) + 0x290009, (base) + 0x280008, (base) + 0x270007, (base) + 0x260006,     \
                     (base) + 0x250005, (base) + 0x240004, (base) + 0x230003, (base) + 0x220002, (base) + 0x210001,     \
                     (base) + 0x200000)

static void pack_narrow(uint32_t *dst, int width, const uint16_t *lo, int64_t ld, int K, int cols)
{
    static const uint16_t zeros[NR];
    const __mmask16 m = first(cols);
    const __m512i first16 = LANES_16(0);
    for (int k = 0; k < K; k += 2, lo += 2 * ld, dst += width) {
        const __m512i l = _mm512_castsi256_si512(_mm256_maskz_loadu_epi16(m, lo));
        const __m512i h = _mm512_castsi256_si512(_mm256_maskz_loadu_epi16(m, k + 1 < K ? lo + ld : zeros));
        fetch(dst);
        _mm512_mask_storeu_epi32(dst, m, _mm512_permutex2var_epi16(l, first16, h));
    }
}

void gemm_pack_bf16_avx512(uint32_t *dst, int width, const void *src, int64_t ld, int K, int cols)
{
    static const uint16_t zeros[NR];
    const uint16_t *lo = src;
    if (cols <= 16) {
        pack_narrow(dst, width, lo, ld, K, cols);
        return;
    }
    const __mmask16 m1 = first(cols - 16);
    const __mmask32 m = (__mmask32)m1 << 16 | 0xffff;
    const __m512i first16 = LANES_16(0), last16 = LANES_16(0x100010);
    for (int k = 0; k < K; k += 2, lo += 2 * ld, dst += width) {
        const __m512i l = _mm512_maskz_loadu_epi16(m, lo), h = _mm512_maskz_loadu_epi16(m, k + 1 < K ? lo + ld : zeros);
        fetch(dst);
        fetch(dst + 16);
        _mm512_storeu_si512(dst, _mm512_permutex2var_epi16(l, first16, h));
        _mm512_mask_storeu_epi32(dst + 16, m1, _mm512_permutex2var_epi16(l, last16, h));
    }
}

#define HALF(k) ((k) < K ? _mm512_castsi256_si512(_mm256_maskz_loadu_epi16(m, lo + (k) * ld)) : _mm512_setzero_si512())
#define ROW(i) _mm512_permutex2var_epi16(HALF(2 * (i)), pairs, HALF(2 * (i) + 1))
#define STORE(i, x) \
    if ((i) < cols) _mm512_store_si512(dst + (i) * 16, x);

/* At most 16 columns. */
static void pack_rows16(uint32_t *dst, const uint16_t *lo, int64_t ld, int K, int cols)
{
    const __mmask16 m = first(cols);
    const __m512i pairs = LANES_16(0);
    TRANSPOSE
}
#undef STORE
#undef ROW

void gemm_pack_rows_avx512(uint32_t *dst, int width, const void *src, int64_t ld, int K, int cols)
{
    (void)width;
    for (int n = 0; n < cols; n += 16) pack_rows16(dst + n * 16, (const uint16_t *)src + n, ld, K, cols - n);
}

#endif
