/* VDPBF16PS for CPUs without it, to the bit: the odd elements' FMA, then the
 * even ones', with denormals taken and flushed to zero.  A bf16 is the upper
 * half of an f32, so the odd element needs a mask and the even one a shift. */
#if defined(__x86_64__)

#include "core/kernels/gemm_zmm.h"

#define ENTER                                   \
    const unsigned csr = _mm_getcsr();          \
    _mm_setcsr(csr | MXCSR_FTZ_DAZ);
#define LEAVE _mm_setcsr(csr);

#define HI(x) _mm512_castsi512_ps(_mm512_and_si512(x, upper))
#define LO(x) _mm512_castsi512_ps(_mm512_slli_epi32(x, 16))
#define PREPARE                                                                             \
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000);                               \
    const __m512i v0 = _mm512_loadu_si512(b), v1 = _mm512_loadu_si512(b + 16);              \
    const __m512 hi0 = HI(v0), hi1 = HI(v1), lo0 = LO(v0), lo1 = LO(v1);
#define KEEP_B(p) (void)(p)
#define STEP(r, p, o)                                                                       \
    {                                                                                       \
        const __m512i v = _mm512_set1_epi32((int)(p)[o]);                                   \
        const __m512 hi = HI(v), lo = LO(v);                                                \
        c##r##_0 = _mm512_fmadd_ps(hi, hi0, c##r##_0);                                      \
        c##r##_1 = _mm512_fmadd_ps(hi, hi1, c##r##_1);                                      \
        c##r##_0 = _mm512_fmadd_ps(lo, lo0, c##r##_0);                                      \
        c##r##_1 = _mm512_fmadd_ps(lo, lo1, c##r##_1);                                      \
    }

GEMM_UPTO_12(GEMM_MICRO, emu)

gemm_micro *const gemm_emu_avx512[GEMM_EMU_MR + 1] = {GEMM_UPTO_12(GEMM_ENTRY, emu)};

#endif
