/* AVX2 GEMM: blocks of up to 6 rows by 16 columns in f32 (12 accumulators, two
 * registers of B, one of A), 4 rows in bf16, where B and A take a register
 * more each for the halves of the pairs (see gemm_emu_avx512.c).  Ragged
 * columns go through a block on the stack. */
#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "core/kernels/fill.h"
#include "core/kernels/gemm_impl.h"
#include "core/kernels/gemm_rows.h"

enum { NR = 16 };

#define DECL(r, base, off) __m256 c##r##_0, c##r##_1;
#define ZERO(r, base, off) c##r##_0 = c##r##_1 = _mm256_setzero_ps();
#define LOAD(r, base, off)                    \
    c##r##_0 = _mm256_loadu_ps(cp);           \
    c##r##_1 = _mm256_loadu_ps(cp + 8);       \
    cp += ld;
#define ADD(r, base, off)                                          \
    c##r##_0 = _mm256_add_ps(_mm256_loadu_ps(cp), c##r##_0);       \
    c##r##_1 = _mm256_add_ps(_mm256_loadu_ps(cp + 8), c##r##_1);   \
    cp += ld;
#define STORE(r, base, off)                   \
    _mm256_storeu_ps(c, c##r##_0);            \
    _mm256_storeu_ps(c + 8, c##r##_1);        \
    c += ldc;

#define OPAQUE(p) __asm__("" : "+r"(p))
#define UNIT(n)             \
    {                       \
        PREPARE             \
        GEMM_ROWS_##n(STEP) \
        a0 += ks;           \
        a3 += ks;           \
        b += NR;            \
    }

/* Full panels only; OPAQUE, PREPARE and STEP as in gemm_zmm.h. */
#define MICRO(name, n)                                                                       \
    static void name##_##n(const struct gemm_tile *t)                                        \
    {                                                                                        \
        const int64_t rs = t->rs, ks = t->ks, next_step = t->next_step;                      \
        const uint32_t *a0 = t->a, *a3 = a0 + 3 * rs, *b = t->b;                             \
        const char *next = t->next, *soon = t->soon;                                          \
        GEMM_ROWS_##n(DECL)                                                                  \
        OPAQUE(a3);                                                                          \
        if (t->from) {                                                                       \
            const float *cp = t->from;                                                       \
            const int64_t ld = t->ld_from;                                                   \
            GEMM_ROWS_##n(LOAD)                                                              \
        } else {                                                                             \
            GEMM_ROWS_##n(ZERO)                                                              \
        }                                                                                    \
        /* a unit takes 6 cycles only: no time for a second stream */                        \
        for (int i = 0; i < n; i++) _mm_prefetch(soon + i * t->soon_step, _MM_HINT_T0);      \
        ENTER                                                                                \
        for (int64_t k = t->k; k > 0; k--) {                                                 \
            _mm_prefetch(next, _MM_HINT_T1);                                                 \
            next += next_step & -(int64_t)(k % GEMM_FETCH == 1);                             \
            UNIT(n)                                                                          \
        }                                                                                    \
        LEAVE                                                                                \
        for (int i = 0; i < t->n_left; i++) {                                                \
            const float *cp = t->left[i];                                                    \
            const int64_t ld = NR;                                                           \
            GEMM_ROWS_##n(ADD)                                                               \
        }                                                                                    \
        float *c = t->c;                                                                     \
        const int64_t ldc = t->ldc;                                                          \
        if (t->add_c) {                                                                      \
            const float *cp = c;                                                             \
            const int64_t ld = ldc;                                                          \
            GEMM_ROWS_##n(ADD)                                                               \
        }                                                                                    \
        GEMM_ROWS_##n(STORE)                                                                 \
    }                                                                                        \
    static void name##_any_##n(const struct gemm_tile *t)                                    \
    {                                                                                        \
        if (t->cols == NR)                                                                   \
            name##_##n(t);                                                                   \
        else                                                                                 \
            ragged(t, name##_##n, n);                                                        \
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
#define STEP(r, p, o)                                                         \
    {                                                                         \
        const __m256 x = _mm256_castsi256_ps(_mm256_set1_epi32((int)(p)[o])); \
        c##r##_0 = _mm256_fmadd_ps(x, b0, c##r##_0);                          \
        c##r##_1 = _mm256_fmadd_ps(x, b1, c##r##_1);                          \
    }

MICRO(f32, 1)
MICRO(f32, 2)
MICRO(f32, 3)
MICRO(f32, 4)
MICRO(f32, 5)
MICRO(f32, 6)

static gemm_micro *const f32[] = {NULL, f32_any_1, f32_any_2, f32_any_3, f32_any_4, f32_any_5, f32_any_6};

#undef ENTER
#undef LEAVE
#undef PREPARE
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
#define STEP(r, p, o)                                          \
    {                                                          \
        const __m256i v = _mm256_set1_epi32((int)(p)[o]);      \
        const __m256 hi = HI(v), lo = LO(v);                   \
        c##r##_0 = _mm256_fmadd_ps(hi, hi0, c##r##_0);         \
        c##r##_1 = _mm256_fmadd_ps(hi, hi1, c##r##_1);         \
        c##r##_0 = _mm256_fmadd_ps(lo, lo0, c##r##_0);         \
        c##r##_1 = _mm256_fmadd_ps(lo, lo1, c##r##_1);         \
    }

MICRO(emu, 1)
MICRO(emu, 2)
MICRO(emu, 3)
MICRO(emu, 4)

static gemm_micro *const emu[] = {NULL, emu_any_1, emu_any_2, emu_any_3, emu_any_4};

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
    .f32 = f32,
    .bf16 = emu,
    .transpose = transpose,
    .pack_f32 = pack_f32,
    .pack_bf16 = pack_bf16,
};

static size_t packed_bytes(enum dtype dt, int K, int N)
{
    return gemm_packed_bytes(&core, dt, K, N);
}

static void pack_b(enum dtype dt, void *Bp, int K, int N, const void *src, enum dtype src_dt, int64_t ld, bool trans,
                   int col0, int n0, int n1)
{
    gemm_pack_b(&core, dt, Bp, K, N, src, src_dt, ld, trans, col0, n0, n1);
}

static void gemm(const struct gemm *g, int m0, int m1, int n0, int n1, void *ws)
{
    gemm_drive(&core, g, m0, m1, n0, n1, ws);
}

static void gemm_tn(const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws)
{
    gemm_drive_tn(&core, g, m0, m1, n0, n1, ws);
}

void kernels_fill_gemm_avx2(struct kernels *k)
{
    core.rows = k;
    k->mr_f32 = core.mr_f32;
    k->mr_bf16 = core.mr_bf16;
    k->nr_f32 = k->nr_bf16 = core.nr;
    k->gemm_ws_bytes = gemm_ws_bytes();
    k->packed_bytes = packed_bytes;
    k->pack_b = pack_b;
    k->gemm = gemm;
    k->gemm_tn = gemm_tn;
}

#endif
