/* AVX-512 GEMM.  f32: 28 accumulators, two registers of B and one of A fill
 * the register file; a step of k is 28 FMAs (14 cycles at two a cycle) on 16
 * loads. */
#if defined(__x86_64__)

#include "core/kernels/fill.h"
#include "core/kernels/gemm_zmm.h"

#define ENTER
#define LEAVE
#define PREPARE const __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);
#define KEEP_B(p)                \
    _mm512_storeu_ps(p, b0);     \
    _mm512_storeu_ps((p) + 16, b1)
#define STEP(r, p, o)                                                            \
    {                                                                            \
        const __m512 x = _mm512_castsi512_ps(_mm512_set1_epi32((int)(p)[o]));    \
        c##r##_0 = _mm512_fmadd_ps(x, b0, c##r##_0);                             \
        c##r##_1 = _mm512_fmadd_ps(x, b1, c##r##_1);                             \
    }

GEMM_UPTO_14(GEMM_MICRO, f32)
GEMM_UPTO_14(GEMM_MICRO_COPIES, f32)

static gemm_micro *const f32[] = {GEMM_UPTO_14(GEMM_ENTRY, f32)};
static gemm_micro *const f32_a[] = {GEMM_UPTO_14(GEMM_ENTRY, f32_a)};
static gemm_micro *const f32_b[] = {GEMM_UPTO_14(GEMM_ENTRY, f32_b)};
static gemm_micro *const f32_ab[] = {GEMM_UPTO_14(GEMM_ENTRY, f32_ab)};

static struct gemm_core core = {
    .nr = NR,
    .mr_f32 = 14,
    .mr_bf16 = GEMM_EMU_MR,
    .f32 = {f32, f32_a, f32_b, f32_ab},
    .bf16 = gemm_emu_avx512,
    .transpose = gemm_transpose_avx512,
    .pack_f32 = gemm_pack_f32_avx512,
    .pack_bf16 = gemm_pack_bf16_avx512,
};

#include "core/kernels/gemm_table.h"

void kernels_fill_gemm_avx512(struct kernels *k)
{
    fill_gemm(k);
}

#endif
