/* gemm_zmm.h - gemm_micro.h in AVX-512 registers: 32 columns, masked at the end of a row.
 *
 * The user still defines ENTER, LEAVE, PREPARE, STEP and KEEP_B. */
#ifndef CORE_KERNELS_GEMM_ZMM_H
#define CORE_KERNELS_GEMM_ZMM_H

#include "core/kernels/gemm_micro.h"

enum { NR = 32, FETCH_AT_ONCE = false };

#define VEC __m512
#define ZERO _mm512_setzero_ps()
#define ADD(x, y) _mm512_add_ps(x, y)
#define COLUMNS                                                               \
    const uint32_t mask = t->cols >= NR ? ~0u : (1u << t->cols) - 1;          \
    const __mmask16 mask0 = (__mmask16)mask, mask1 = (__mmask16)(mask >> 16);
#define LOAD(p, i) _mm512_maskz_loadu_ps(mask##i, (p) + 16 * (i))
#define STORE(p, i, x) _mm512_mask_storeu_ps((p) + 16 * (i), mask##i, x)

#endif
