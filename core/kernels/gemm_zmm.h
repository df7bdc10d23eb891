/* gemm_zmm.h - microkernels of n rows by 32 columns in AVX-512 registers.
 *
 * GEMM_ZMM(name, n) defines name_n, a gemm_micro.  The user defines before
 *   PREPARE      declares what a step needs of B from `b` (const uint32_t *),
 *   STEP(r,p,o)  adds row r's products to c<r>_0, c<r>_1; A's unit is at p[o],
 *   ENTER, LEAVE around the loop (MXCSR).
 * Every accumulator is a variable of its own: an array would live in memory. */
#ifndef CORE_KERNELS_GEMM_ZMM_H
#define CORE_KERNELS_GEMM_ZMM_H

#include <immintrin.h>

#include "core/kernels/gemm_impl.h"
#include "core/kernels/gemm_rows.h"

enum { ZMM_NR = 32 };

/* The compiler must not know that a3.. are a0 plus something, else it keeps a pointer for each row. */
#define OPAQUE(p) __asm__("" : "+r"(p))

#define ZMM_DECL(r, base, off) __m512 c##r##_0, c##r##_1;
#define ZMM_ZERO(r, base, off) c##r##_0 = c##r##_1 = _mm512_setzero_ps();
#define ZMM_LOAD(r, base, off)                                \
    c##r##_0 = _mm512_maskz_loadu_ps(mask0, cp);              \
    c##r##_1 = _mm512_maskz_loadu_ps(mask1, cp + 16);         \
    cp += ld;
#define ZMM_ADD(r, base, off)                                                        \
    c##r##_0 = _mm512_add_ps(_mm512_maskz_loadu_ps(mask0, cp), c##r##_0);            \
    c##r##_1 = _mm512_add_ps(_mm512_maskz_loadu_ps(mask1, cp + 16), c##r##_1);       \
    cp += ld;
#define ZMM_STORE(r, base, off)                               \
    _mm512_mask_storeu_ps(c, mask0, c##r##_0);                \
    _mm512_mask_storeu_ps(c + 16, mask1, c##r##_1);           \
    c += ldc;

#define ZMM_UNIT(n)         \
    {                       \
        PREPARE             \
        GEMM_ROWS_##n(STEP) \
        a0 += ks;           \
        a3 += ks;           \
        a6 += ks;           \
        a9 += ks;           \
        a12 += ks;          \
        b += ZMM_NR;        \
    }

#define GEMM_ZMM(name, n)                                                                                  \
    static void name##_##n(const struct gemm_tile *t)                                                      \
    {                                                                                                      \
        const int64_t rs = t->rs, ks = t->ks, next_step = t->next_step;                                    \
        const uint32_t *a0 = t->a, *a3 = a0 + 3 * rs, *a6 = a3 + 3 * rs, *a9 = a6 + 3 * rs;                \
        const uint32_t *a12 = a9 + 3 * rs, *b = t->b;                                                      \
        const char *next = t->next, *soon = t->soon;                                                        \
        const int64_t soon_step = t->soon_step, soon_last = t->soon_every - 1;                             \
        const uint32_t mask = t->cols >= ZMM_NR ? ~0u : (1u << t->cols) - 1;                               \
        const __mmask16 mask0 = (__mmask16)mask, mask1 = (__mmask16)(mask >> 16);                          \
        GEMM_ROWS_##n(ZMM_DECL)                                                                            \
        OPAQUE(a3);                                                                                        \
        OPAQUE(a6);                                                                                        \
        OPAQUE(a9);                                                                                        \
        OPAQUE(a12);                                                                                       \
        if (t->from) {                                                                                     \
            const float *cp = t->from;                                                                     \
            const int64_t ld = t->ld_from;                                                                 \
            GEMM_ROWS_##n(ZMM_LOAD)                                                                        \
        } else {                                                                                           \
            GEMM_ROWS_##n(ZMM_ZERO)                                                                        \
        }                                                                                                  \
        ENTER                                                                                              \
        for (int64_t k = t->k; k > 0; k--) {                                                               \
            _mm_prefetch(next, _MM_HINT_T1);                                                               \
            next += next_step & -(int64_t)(k % GEMM_FETCH == 1);                                           \
            _mm_prefetch(soon + ((k & 2) << 5), _MM_HINT_T0);                                              \
            soon += soon_step & -(int64_t)((k & soon_last) == 1);                                          \
            ZMM_UNIT(n)                                                                                    \
        }                                                                                                  \
        LEAVE                                                                                              \
        for (int i = 0; i < t->n_left; i++) {                                                              \
            const float *cp = t->left[i];                                                                  \
            const int64_t ld = ZMM_NR;                                                                     \
            GEMM_ROWS_##n(ZMM_ADD)                                                                         \
        }                                                                                                  \
        float *c = t->c;                                                                                   \
        const int64_t ldc = t->ldc;                                                                        \
        if (t->add_c) {                                                                                    \
            const float *cp = c;                                                                           \
            const int64_t ld = ldc;                                                                        \
            GEMM_ROWS_##n(ZMM_ADD)                                                                         \
        }                                                                                                  \
        GEMM_ROWS_##n(ZMM_STORE)                                                                           \
    }

#endif
