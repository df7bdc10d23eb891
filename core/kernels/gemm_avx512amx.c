/* bf16 GEMM with AMX: a microkernel of 32 rows by 32 columns in four tiles of
 * sums, which takes two tiles of A, two of B (16 units of k each) a step: 64
 * cycles of the multiplier, 32 of loads.  f32 and packing of B are those of AVX-512.
 *
 * Tiles are configured for the time of a call of the table, and given back at
 * its end: a thread that holds none has 8 KiB less to be saved when it is switched.
 *
 * The instructions are written by hand: gcc 12 does not tell itself that its
 * intrinsics read and write memory. */
#if defined(__x86_64__)

#include <immintrin.h>

#include "core/kernels/fill.h"
#include "core/kernels/gemm_impl.h"

enum {
    NR = 32,
    SIDE = 16,              /* rows of a tile, units of k, columns */
};

#define LOAD(tile, p, bytes) \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile : : "r"(p), "r"((int64_t)(bytes)) : "memory")
#define STORE(tile, p, bytes) \
    __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)" : : "r"(p), "r"((int64_t)(bytes)) : "memory")
#define ZERO(tile) __asm__ volatile("tilezero %%tmm" #tile : : : "memory")
#define PRODUCT(sums, a, b) __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #sums : : : "memory")

/* What this thread's tiles are configured for, rows * 64 + cols; 0 = nothing.  It takes as long as a dozen products. */
static _Thread_local int configured;

/* Tiles 0 to 3 hold sums (2 i + j: rows 16 i .., columns 16 j ..), 4 and 5 of A, 6 and 7 of B. */
static void configure(int rows, int cols)
{
    if (configured == rows * 64 + cols) return;
    configured = rows * 64 + cols;
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } c = {.palette = 1};
    for (int i = 0; i < 2; i++) {
        int r = gemm_min(rows - SIDE * i, SIDE), n = gemm_min(cols - SIDE * i, SIDE);
        for (int j = 0; j < 2; j++) {
            if (r > 0) c.rows[2 * i + j] = (uint8_t)r;
            if (n > 0) c.row_bytes[2 * j + i] = (uint16_t)(4 * n);
        }
        if (r > 0) c.rows[4 + i] = (uint8_t)r, c.row_bytes[4 + i] = 4 * SIDE;
        if (n > 0) c.rows[6 + i] = SIDE, c.row_bytes[6 + i] = (uint16_t)(4 * n);
    }
    for (int i = 0; i < 4; i++)
        if (!c.rows[i] || !c.row_bytes[i]) c.rows[i] = 0, c.row_bytes[i] = 0;
    __asm__ volatile("ldtilecfg %0" : : "m"(c) : "memory");
}

/* C = sums, left[] and C added to them. */
static void add_and_store(const struct gemm_tile *t, const float *sums)
{
    for (int r = 0; r < t->rows; r++)
        for (int n = 0; n < t->cols; n += 16) {
            const __mmask16 m = (__mmask16)(t->cols - n >= 16 ? 0xffff : (1 << (t->cols - n)) - 1);
            float *c = t->c + r * t->ldc + n;
            __m512 v = _mm512_maskz_loadu_ps(m, sums + r * NR + n);
            for (int i = 0; i < t->n_left; i++) v = _mm512_add_ps(_mm512_maskz_loadu_ps(m, t->left[i] + r * NR + n), v);
            if (t->add_c) v = _mm512_add_ps(_mm512_maskz_loadu_ps(m, c), v);
            _mm512_mask_storeu_ps(c, m, v);
        }
}

/* `low`: there is a second row of tiles; `wide`: a second column. */
static inline __attribute__((always_inline)) void multiply(const struct gemm_tile *t, bool low, bool wide)
{
    const int64_t rs = t->rs * 4, down = SIDE * rs, a_step = SIDE * t->ks * 4;
    const char *a = t->a, *b = t->b, *next = t->next, *soon = t->soon;
    int left = t->rows;
    const int soon_rows = (int)((t->rows * SIDE + t->k - 1) / (t->k ? t->k : 1)); /* a step */
    if (t->from) {
        const float *f = t->from;
        const int64_t ld = t->ld_from * 4;
        LOAD(0, f, ld);
        if (wide) LOAD(1, f + SIDE, ld);
        if (low) LOAD(2, f + SIDE * t->ld_from, ld);
        if (low && wide) LOAD(3, f + SIDE * t->ld_from + SIDE, ld);
    } else {
        ZERO(0);
        if (wide) ZERO(1);
        if (low) ZERO(2);
        if (low && wide) ZERO(3);
    }
    for (int64_t k = t->k; k > 0; k -= SIDE) {
        LOAD(6, b, NR * 4);
        LOAD(4, a, rs);
        if (wide) LOAD(7, b + SIDE * 4, NR * 4);
        if (low) LOAD(5, a + down, rs);
        PRODUCT(0, 4, 6);
        if (wide) PRODUCT(1, 4, 7);
        if (low) PRODUCT(2, 5, 6);
        if (low && wide) PRODUCT(3, 5, 7);
        a += a_step;
        b += SIDE * NR * 4;
        for (int i = 0; i < SIDE / GEMM_FETCH; i++, next += t->next_step) _mm_prefetch(next, _MM_HINT_T1);
        for (int i = 0; i < soon_rows && left > 0; i++, left--, soon += t->soon_step) {
            _mm_prefetch(soon, _MM_HINT_T0);
            _mm_prefetch(soon + 64, _MM_HINT_T0);
        }
    }
    _Alignas(64) float sums[2 * SIDE * NR];
    bool direct = t->n_left == 0 && !t->add_c;
    float *c = direct ? t->c : sums;
    const int64_t ldc = direct ? t->ldc : NR;
    STORE(0, c, ldc * 4);
    if (wide) STORE(1, c + SIDE, ldc * 4);
    if (low) STORE(2, c + SIDE * ldc, ldc * 4);
    if (low && wide) STORE(3, c + SIDE * ldc + SIDE, ldc * 4);
    if (!direct) add_and_store(t, sums);
}

static void release(void)
{
    __asm__ volatile("tilerelease" : : : "memory");
    configured = 0;
}

static void micro(const struct gemm_tile *t)
{
    configure(t->rows, t->cols);
    if (t->rows > SIDE && t->cols > SIDE) multiply(t, true, true);
    else if (t->rows > SIDE) multiply(t, true, false);
    else if (t->cols > SIDE) multiply(t, false, true);
    else multiply(t, false, false);
}

#define FOUR micro, micro, micro, micro
static gemm_micro *const tiles[GEMM_MR_MAX + 1] = {NULL, FOUR, FOUR, FOUR, FOUR, FOUR, FOUR, FOUR, FOUR};

static struct gemm_core core = {
    .nr = NR,
    .mr_bf16 = 2 * SIDE,
    .step = SIDE,
    .bf16 = tiles,
    .transpose = gemm_transpose_avx512,
    .pack_f32 = gemm_pack_f32_avx512,
    .pack_bf16 = gemm_pack_bf16_avx512,
    .pack_rows = gemm_pack_rows_avx512,
    .leave = release,
};

#include "core/kernels/gemm_table.h"

void kernels_fill_gemm_avx512amx(struct kernels *k)
{
    fill_gemm(k);
    k->sums = SUMS_TILES;
}

#endif
