/* AVX2 GEMM: blocks of up to 6 rows by 16 columns in f32 (12 accumulators, two
 * registers of B, one of A), 4 rows in bf16, where B and A take a register
 * more each for the halves of the pairs (see gemm_emu_avx512.c).  Ragged
 * columns go through a block on the stack. */
#if defined(__x86_64__)

#include "core/kernels/fill.h"
#include "core/kernels/gemm_micro.h"

enum { NR = 16, FETCH_AT_ONCE = true }; /* a unit takes 6 cycles only: no time for a second stream */

#define VEC __m256
#define ZERO _mm256_setzero_ps()
#define ADD(x, y) _mm256_add_ps(x, y)
#define COLUMNS
#define LOAD(p, i) _mm256_loadu_ps((p) + 8 * (i))
#define STORE(p, i, x) _mm256_storeu_ps((p) + 8 * (i), x)

/* name_full_n for any number of columns. */
#define ANY_COLS(name, n)                                   \
    static void name##_##n(const struct gemm_tile *t)       \
    {                                                       \
        if (t->cols == NR)                                  \
            name##_full_##n(t);                             \
        else                                                \
            ragged(t, name##_full_##n, n);                  \
    }

/* Columns that do not fill a panel: through blocks that do. */
static void ragged(const struct gemm_tile *t, gemm_micro *micro, int rows)
{
    float block[6 * NR] = {0}, from[6 * NR] = {0};
    size_t bytes = (size_t)t->cols * sizeof(float);
    struct gemm_tile full = *t;
    for (int i = 0; i < rows && t->from; i++) memcpy(from + i * NR, t->from + i * t->ld_from, bytes);
    for (int i = 0; i < rows && t->add_c; i++) memcpy(block + i * NR, t->c + i * t->ldc, bytes);
    full.c = block;
    full.from = t->from ? from : NULL;
    full.ldc = full.ld_from = full.cols = NR;
    micro(&full);
    for (int i = 0; i < rows; i++) memcpy(t->c + i * t->ldc, block + i * NR, bytes);
}

#define LOAD_B(i) _mm256_loadu_si256((const __m256i *)(const void *)(b + (i)))
#define ENTER
#define LEAVE
#define PREPARE const __m256 b0 = _mm256_castsi256_ps(LOAD_B(0)), b1 = _mm256_castsi256_ps(LOAD_B(8));
#define KEEP_B(p)                                \
    _mm256_storeu_ps((float *)(p), b0);          \
    _mm256_storeu_ps((float *)(p) + 8, b1)
#define STEP(r, p, o)                                                         \
    {                                                                         \
        const __m256 x = _mm256_castsi256_ps(_mm256_set1_epi32((int)(p)[o])); \
        c##r##_0 = _mm256_fmadd_ps(x, b0, c##r##_0);                          \
        c##r##_1 = _mm256_fmadd_ps(x, b1, c##r##_1);                          \
    }

GEMM_UPTO_6(GEMM_MICRO, f32_full)
GEMM_UPTO_6(GEMM_MICRO_COPIES, f32_full)
GEMM_UPTO_6(ANY_COLS, f32)

static gemm_micro *const f32[] = {GEMM_UPTO_6(GEMM_ENTRY, f32)};
static gemm_micro *const f32_a[] = {GEMM_UPTO_6(GEMM_ENTRY, f32_full_a)};
static gemm_micro *const f32_b[] = {GEMM_UPTO_6(GEMM_ENTRY, f32_full_b)};
static gemm_micro *const f32_ab[] = {GEMM_UPTO_6(GEMM_ENTRY, f32_full_ab)};

#undef ENTER
#undef LEAVE
#undef PREPARE
#undef KEEP_B
#undef STEP
#define ENTER                          \
    const unsigned csr = _mm_getcsr(); \
    _mm_setcsr(csr | MXCSR_FTZ_DAZ);
#define LEAVE _mm_setcsr(csr);
#define HI(x) _mm256_castsi256_ps(_mm256_and_si256(x, _mm256_set1_epi32((int)0xffff0000)))
#define LO(x) _mm256_castsi256_ps(_mm256_slli_epi32(x, 16))
#define PREPARE                                        \
    const __m256i v0 = LOAD_B(0), v1 = LOAD_B(8);      \
    const __m256 hi0 = HI(v0), hi1 = HI(v1), lo0 = LO(v0), lo1 = LO(v1);
#define KEEP_B(p) (void)(p)
#define STEP(r, p, o)                                          \
    {                                                          \
        const __m256i v = _mm256_set1_epi32((int)(p)[o]);      \
        const __m256 hi = HI(v), lo = LO(v);                   \
        c##r##_0 = _mm256_fmadd_ps(hi, hi0, c##r##_0);         \
        c##r##_1 = _mm256_fmadd_ps(hi, hi1, c##r##_1);         \
        c##r##_0 = _mm256_fmadd_ps(lo, lo0, c##r##_0);         \
        c##r##_1 = _mm256_fmadd_ps(lo, lo1, c##r##_1);         \
    }

GEMM_UPTO_4(GEMM_MICRO, emu_full)
GEMM_UPTO_4(ANY_COLS, emu)

static gemm_micro *const emu[] = {GEMM_UPTO_4(GEMM_ENTRY, emu)};

/* ---- packing ---- */

/* Eight columns and eight units. */
static void transpose8(uint32_t *dst, const char *src, int64_t ld)
{
#define ROW(i) _mm256_loadu_ps((const float *)(const void *)(src + (i) * ld))
#define OUT(i, x) _mm256_storeu_ps((float *)(void *)(dst + (i) * NR), x);
#define HALVES(a, b, c, d)                                                                       \
    {                                                                                            \
        const __m256 t0 = _mm256_unpacklo_ps(a, b), t1 = _mm256_unpackhi_ps(a, b);               \
        const __m256 t2 = _mm256_unpacklo_ps(c, d), t3 = _mm256_unpackhi_ps(c, d);               \
        a = _mm256_shuffle_ps(t0, t2, 0x44);                                                     \
        b = _mm256_shuffle_ps(t0, t2, 0xee);                                                     \
        c = _mm256_shuffle_ps(t1, t3, 0x44);                                                     \
        d = _mm256_shuffle_ps(t1, t3, 0xee);                                                     \
    }
    __m256 r0 = ROW(0), r1 = ROW(1), r2 = ROW(2), r3 = ROW(3);
    __m256 r4 = ROW(4), r5 = ROW(5), r6 = ROW(6), r7 = ROW(7);
    HALVES(r0, r1, r2, r3)
    HALVES(r4, r5, r6, r7)
    OUT(0, _mm256_permute2f128_ps(r0, r4, 0x20))
    OUT(1, _mm256_permute2f128_ps(r1, r5, 0x20))
    OUT(2, _mm256_permute2f128_ps(r2, r6, 0x20))
    OUT(3, _mm256_permute2f128_ps(r3, r7, 0x20))
    OUT(4, _mm256_permute2f128_ps(r0, r4, 0x31))
    OUT(5, _mm256_permute2f128_ps(r1, r5, 0x31))
    OUT(6, _mm256_permute2f128_ps(r2, r6, 0x31))
    OUT(7, _mm256_permute2f128_ps(r3, r7, 0x31))
}

static void transpose(uint32_t *dst, const void *src, int64_t ld, int cols, int units)
{
    const char *s = src;
    for (int n = 0; n < cols; n += 8)
        for (int u = 0; u < units; u += 8) {
            if (n + 8 <= cols && u + 8 <= units) {
                transpose8(dst + u * NR + n, s + n * ld + u * 4, ld);
                continue;
            }
            for (int i = n; i < gemm_min(n + 8, cols); i++)
                for (int j = u; j < gemm_min(u + 8, units); j++) memcpy(dst + j * NR + i, s + i * ld + j * 4, 4);
        }
}

static void pack_f32(uint32_t *dst, int width, const void *src, int64_t ld, int K, int cols)
{
    const uint32_t *s = src;
    for (int k = 0; k < K; k++, s += ld, dst += width) {
        _mm_prefetch((const char *)(dst + 256), _MM_HINT_T0);
        if (cols == NR) {
            memcpy(dst, s, NR * sizeof *dst);
            continue;
        }
        for (int i = 0; i < cols; i++) dst[i] = s[i];
    }
}

static void pack_bf16(uint32_t *dst, int width, const void *src, int64_t ld, int K, int cols)
{
    static const uint16_t zeros[NR];
    const uint16_t *lo = src;
    for (int k = 0; k < K; k += 2, lo += 2 * ld, dst += width) {
        const uint16_t *hi = k + 1 < K ? lo + ld : zeros;
        int i = 0;
        _mm_prefetch((const char *)(dst + 256), _MM_HINT_T0);
        for (; i + 8 <= cols; i += 8) {
            const __m128i l = _mm_loadu_si128((const __m128i *)(const void *)(lo + i));
            const __m128i h = _mm_loadu_si128((const __m128i *)(const void *)(hi + i));
            _mm_storeu_si128((__m128i *)(void *)(dst + i), _mm_unpacklo_epi16(l, h));
            _mm_storeu_si128((__m128i *)(void *)(dst + i + 4), _mm_unpackhi_epi16(l, h));
        }
        for (; i < cols; i++) dst[i] = (uint32_t)lo[i] | (uint32_t)hi[i] << 16;
    }
}

/* ---- the table ---- */

static struct gemm_core core = {
    .nr = NR,
    .mr_f32 = 6,
    .mr_bf16 = 4,
    .f32 = {f32, f32_a, f32_b, f32_ab},
    .bf16 = emu,
    .transpose = transpose,
    .pack_f32 = pack_f32,
    .pack_bf16 = pack_bf16,
};

#include "core/kernels/gemm_table.h"

void kernels_fill_gemm_avx2(struct kernels *k)
{
    fill_gemm(k);
}

#endif
