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
#define STORE(i, x)                                                      \
    if ((i) < units) _mm512_mask_storeu_epi32(dst + (i) * NR, lanes, x);
#define ROW(i) ((i) < cols ? _mm512_maskz_loadu_epi32(have, src + (i) * ld) : _mm512_setzero_si512())

/* At most 16 columns and 16 units. */
static void transpose16(uint32_t *dst, const char *src, int64_t ld, int cols, int units)
{
    const __mmask16 lanes = first(cols), have = first(units);
    __m512i r0 = ROW(0), r1 = ROW(1), r2 = ROW(2), r3 = ROW(3);
    __m512i r4 = ROW(4), r5 = ROW(5), r6 = ROW(6), r7 = ROW(7);
    __m512i r8 = ROW(8), r9 = ROW(9), r10 = ROW(10), r11 = ROW(11);
    __m512i r12 = ROW(12), r13 = ROW(13), r14 = ROW(14), r15 = ROW(15);
    SQUARES(r0, r1, r2, r3)
    SQUARES(r4, r5, r6, r7)
    SQUARES(r8, r9, r10, r11)
    SQUARES(r12, r13, r14, r15)
    LANES(0, r0, r4, r8, r12)
    LANES(1, r1, r5, r9, r13)
    LANES(2, r2, r6, r10, r14)
    LANES(3, r3, r7, r11, r15)
}

void gemm_transpose_avx512(uint32_t *dst, const void *src, int64_t ld, int cols, int units)
{
    for (int n = 0; n < cols; n += 16)
        for (int u = 0; u < units; u += 16)
            transpose16(dst + u * NR + n, (const char *)src + n * ld + u * 4, ld, cols - n, units - u);
}

/* Rows of src are read a few at a time from left to right, so that every line
 * of cache comes once and the stores fill whole lines; the rows that follow are
 * fetched meanwhile, for the processor does not see streams that short coming. */
enum { ROWS = 4, AHEAD = 8 };

/* A macro: gcc takes a function that only prefetches for one without effect, and drops its calls. */
#define FETCH(row, bytes) _mm_prefetch((const char *)(row) + (bytes), _MM_HINT_T0)

/* A panel's masks: what is loaded, and where the first register is stored; lanes past the width may be written when
 * the pitch leaves room for them. */
struct masks {
    __mmask16 load0, load1, store0;
};

static struct masks masks_of(const struct gemm_panels *p, int width)
{
    const __mmask16 m = first(width);
    return (struct masks){m, width > 16 ? first(width - 16) : 0, p->width < 16 && p->pitch >= 16 ? 0xffff : m};
}

/* `rows` and `wide` are constants where it matters. */
static inline __attribute__((always_inline)) void f32_panels(uint32_t *d, const struct gemm_panels *p,
                                                             const uint32_t *s, int64_t ld, int rows, int n, int width,
                                                             bool wide)
{
    const struct masks m = masks_of(p, width);
    const int64_t pitch = p->pitch, panel = p->panel, step = p->width;
    for (; n > 0; n--, s += step, d += panel)
        for (int i = 0; i < rows; i++) {
            FETCH(s + i * ld, AHEAD * ld * 4);
            _mm512_mask_storeu_epi32(d + i * pitch, m.store0, _mm512_maskz_loadu_epi32(m.load0, s + i * ld));
            if (!wide) continue;
            FETCH(s + i * ld + 16, AHEAD * ld * 4);
            _mm512_mask_storeu_epi32(d + i * pitch + 16, m.load1, _mm512_maskz_loadu_epi32(m.load1, s + i * ld + 16));
        }
}

void gemm_pack_f32_avx512(uint32_t *dst, const struct gemm_panels *p, const void *src, int64_t ld, int K, int cols)
{
    int whole = cols / p->width, left = cols % p->width;
    for (int k = 0; k < K; k += ROWS) {
        const uint32_t *s = (const uint32_t *)src + k * ld;
        uint32_t *d = dst + (int64_t)k * p->pitch;
        int rows = gemm_min(ROWS, K - k);
        if (rows == ROWS && p->width > 16)
            f32_panels(d, p, s, ld, ROWS, whole, p->width, true);
        else if (rows == ROWS)
            f32_panels(d, p, s, ld, ROWS, whole, p->width, false);
        else
            f32_panels(d, p, s, ld, rows, whole, p->width, p->width > 16);
        if (left) f32_panels(d + whole * p->panel, p, s + whole * p->width, ld, rows, 1, left, left > 16);
    }
}

/* Sixteen pairs of which lo and hi hold the halves. */
static inline __m512i pairs(const uint16_t *lo, const uint16_t *hi, __mmask16 m)
{
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                           23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    const __m512i l = _mm512_castsi256_si512(_mm256_maskz_loadu_epi16(m, lo));
    return _mm512_permutexvar_epi16(order, _mm512_inserti64x4(l, _mm256_maskz_loadu_epi16(m, hi), 1));
}

static inline __attribute__((always_inline)) void bf16_panels(uint32_t *d, const struct gemm_panels *p,
                                                              const uint16_t *s, int64_t ld, int rows, int n, int width,
                                                              bool wide)
{
    static const uint16_t zeros[NR];
    const struct masks m = masks_of(p, width);
    const int64_t pitch = p->pitch, panel = p->panel, step = p->width;
    for (; n > 0; n--, s += step, d += panel)
        for (int i = 0; i < rows; i += 2) {
            const uint16_t *lo = s + i * ld, *hi = i + 1 < rows ? lo + ld : zeros;
            uint32_t *to = d + i / 2 * pitch;
            FETCH(lo, AHEAD * ld * 2);
            FETCH(lo, (AHEAD + 1) * ld * 2);
            _mm512_mask_storeu_epi32(to, m.store0, pairs(lo, hi, m.load0));
            if (wide) _mm512_mask_storeu_epi32(to + 16, m.load1, pairs(lo + 16, hi + 16, m.load1));
        }
}

void gemm_pack_bf16_avx512(uint32_t *dst, const struct gemm_panels *p, const void *src, int64_t ld, int K, int cols)
{
    int whole = cols / p->width, left = cols % p->width;
    for (int k = 0; k < K; k += ROWS) {
        const uint16_t *s = (const uint16_t *)src + k * ld;
        uint32_t *d = dst + (int64_t)(k / 2) * p->pitch;
        int rows = gemm_min(ROWS, K - k);
        if (rows == ROWS && p->width > 16)
            bf16_panels(d, p, s, ld, ROWS, whole, p->width, true);
        else if (rows == ROWS)
            bf16_panels(d, p, s, ld, ROWS, whole, p->width, false);
        else
            bf16_panels(d, p, s, ld, rows, whole, p->width, p->width > 16);
        if (left) bf16_panels(d + whole * p->panel, p, s + whole * p->width, ld, rows, 1, left, left > 16);
    }
}

#endif
