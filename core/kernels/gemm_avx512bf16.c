/* bf16 GEMM with VDPBF16PS; f32 and packing are those of AVX-512. */
#if defined(__x86_64__)

#include "core/kernels/fill.h"
#include "core/kernels/gemm_zmm.h"

#define ENTER
#define LEAVE
#define BF16(x) ((__m512bh)(x))
#define PREPARE const __m512i b0 = _mm512_loadu_si512(b), b1 = _mm512_loadu_si512(b + 16);
#define KEEP_B(p) (void)(p)
#define STEP(r, p, o)                                                       \
    {                                                                       \
        const __m512i x = _mm512_set1_epi32((int)(p)[o]);                   \
        c##r##_0 = _mm512_dpbf16_ps(c##r##_0, BF16(x), BF16(b0));           \
        c##r##_1 = _mm512_dpbf16_ps(c##r##_1, BF16(x), BF16(b1));           \
    }

GEMM_UPTO_14(GEMM_MICRO, dp)

static gemm_micro *const dp[] = {GEMM_UPTO_14(GEMM_ENTRY, dp)};

static struct gemm_core core = {
    .nr = NR,
    .mr_bf16 = 14,
    .bf16 = dp,
    .transpose = gemm_transpose_avx512,
    .pack_f32 = gemm_pack_f32_avx512,
    .pack_bf16 = gemm_pack_bf16_avx512,
};

static void (*gemm_f32)(const struct gemm *g, int m0, int m1, int n0, int n1, void *ws);
static void (*gemm_tn_f32)(const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws);

static void gemm(const struct gemm *g, int m0, int m1, int n0, int n1, void *ws)
{
    if (g->ab == DT_BF16)
        gemm_drive(&core, g, m0, m1, n0, n1, ws);
    else
        gemm_f32(g, m0, m1, n0, n1, ws);
}

static void gemm_tn(const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws)
{
    if (g->a == DT_BF16)
        gemm_drive_tn(&core, g, m0, m1, n0, n1, ws);
    else
        gemm_tn_f32(g, m0, m1, n0, n1, ws);
}

void kernels_fill_gemm_avx512bf16(struct kernels *k)
{
    core.rows = k;
    gemm_f32 = k->gemm;
    gemm_tn_f32 = k->gemm_tn;
    k->mr_bf16 = core.mr_bf16;
    k->gemm = gemm;
    k->gemm_tn = gemm_tn;
}

#endif
