/* AVX-512 GEMM.  f32: 28 accumulators, two registers of B and one of A fill
 * the register file; a step of k is 28 FMAs (14 cycles at two a cycle) on 16
 * loads. */
#if defined(__x86_64__)

#include "core/kernels/fill.h"
#include "core/kernels/gemm_zmm.h"

#define ENTER
#define LEAVE
#define PREPARE const __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);
#define STEP(r, p, o)                                                            \
    {                                                                            \
        const __m512 x = _mm512_castsi512_ps(_mm512_set1_epi32((int)(p)[o]));    \
        c##r##_0 = _mm512_fmadd_ps(x, b0, c##r##_0);                             \
        c##r##_1 = _mm512_fmadd_ps(x, b1, c##r##_1);                             \
    }

GEMM_ZMM(f32, 1)
GEMM_ZMM(f32, 2)
GEMM_ZMM(f32, 3)
GEMM_ZMM(f32, 4)
GEMM_ZMM(f32, 5)
GEMM_ZMM(f32, 6)
GEMM_ZMM(f32, 7)
GEMM_ZMM(f32, 8)
GEMM_ZMM(f32, 9)
GEMM_ZMM(f32, 10)
GEMM_ZMM(f32, 11)
GEMM_ZMM(f32, 12)
GEMM_ZMM(f32, 13)
GEMM_ZMM(f32, 14)

static gemm_micro *const f32[] = {NULL,  f32_1, f32_2, f32_3,  f32_4,  f32_5,  f32_6, f32_7,
                                  f32_8, f32_9, f32_10, f32_11, f32_12, f32_13, f32_14};

static struct gemm_core core = {
    .nr = ZMM_NR,
    .mr_f32 = 14,
    .mr_bf16 = GEMM_EMU_MR,
    .f32 = f32,
    .bf16 = gemm_emu_avx512,
    .transpose = gemm_transpose_avx512,
    .pack_f32 = gemm_pack_f32_avx512,
    .pack_bf16 = gemm_pack_bf16_avx512,
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

void kernels_fill_gemm_avx512(struct kernels *k)
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
