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

#include "core/kernels/gemm_table.h"

void kernels_fill_gemm_avx512bf16(struct kernels *k)
{
    fill_gemm(k);
}

#endif
