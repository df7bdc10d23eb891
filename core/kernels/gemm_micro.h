/* gemm_micro.h - microkernels of n rows by NR columns, two registers of accumulators a row.
 *
 * GEMM_MICRO(name, n) defines name_n, a gemm_micro; GEMM_MICRO_COPIES(name, n)
 * after it those which copy what they read (struct gemm_tile): name_a_n,
 * name_b_n, name_ab_n.  The user defines before
 *   NR, VEC       columns; the type of a register, with
 *   ZERO, ADD(x,y)
 *   COLUMNS       declares what the next two need to know about t->cols
 *   LOAD(p,i), STORE(p,i,x)  columns NR/2 i .. of a row of C at p, i = 0 or 1,
 *   FETCH_AT_ONCE  whether `soon` is fetched before the loop and not in it,
 *   ENTER, LEAVE  around the loop (MXCSR),
 *   PREPARE       declares what a step needs of B from `b` (const uint32_t *),
 *   STEP(r,p,o)   adds row r's products to c<r>_0, c<r>_1; A's unit is at p[o],
 *   KEEP_B(p)     stores the NR units which PREPARE read (only for copies).
 * Every accumulator is a variable of its own: an array would live in memory. */
#ifndef CORE_KERNELS_GEMM_MICRO_H
#define CORE_KERNELS_GEMM_MICRO_H

#include <immintrin.h>
#include <string.h>

#include "core/kernels/gemm_impl.h"
#include "core/kernels/gemm_rows.h"

/* The compiler must not know that a3.. are a0 plus something, else it keeps a pointer for each row. */
#define OPAQUE(p) __asm__("" : "+r"(p))

#define ROW_DECL(r, base, off) VEC c##r##_0, c##r##_1;
#define ROW_ZERO(r, base, off) c##r##_0 = c##r##_1 = ZERO;
#define ROW_LOAD(r, base, off)             \
    c##r##_0 = LOAD(cp, 0);                \
    c##r##_1 = LOAD(cp, 1);                \
    cp += ld;
#define ROW_ADD(r, base, off)              \
    c##r##_0 = ADD(LOAD(cp, 0), c##r##_0); \
    c##r##_1 = ADD(LOAD(cp, 1), c##r##_1); \
    cp += ld;
#define ROW_STORE(r, base, off)            \
    STORE(c, 0, c##r##_0);                 \
    STORE(c, 1, c##r##_1);                 \
    c += ldc;

/* What lies unpacked is not in order in any cache: fetched into L2, which has the ways for its strides. */
#define KEEP_UNIT(n)                                                                    \
    if (copy & COPY_A) {                                                                \
        _mm_prefetch((const char *)(a0 + n - 1 + GEMM_AHEAD * ks), _MM_HINT_T1);        \
        memcpy(a_to, a0, n * sizeof *a_to);                                             \
        a_to += to_width;                                                               \
    }                                                                                   \
    if (copy & COPY_B) {                                                                \
        _mm_prefetch((const char *)(b + GEMM_AHEAD * b_ld), _MM_HINT_T1);               \
        _mm_prefetch((const char *)(b + NR - 1 + GEMM_AHEAD * b_ld), _MM_HINT_T1);      \
        KEEP_B(b_to);                                                                   \
        b_to += NR;                                                                     \
    }

#define GEMM_UNIT(n)        \
    {                       \
        PREPARE             \
        KEEP_UNIT(n)        \
        GEMM_ROWS_##n(STEP) \
        a0 += ks;           \
        a3 += ks;           \
        a6 += ks;           \
        a9 += ks;           \
        a12 += ks;          \
        b += b_ld;          \
    }

#define GEMM_MICRO(name, n)                                                                                \
    static inline __attribute__((always_inline)) void name##_body_##n(const struct gemm_tile *t, int copy) \
    {                                                                                                      \
        const int64_t rs = t->rs, ks = t->ks, b_ld = copy & COPY_B ? t->b_ld : NR, to_width = t->to_width; \
        const int64_t next_step = t->next_step, soon_step = t->soon_step, soon_last = t->soon_every - 1;   \
        const uint32_t *a0 = t->a, *a3 = a0 + 3 * rs, *a6 = a3 + 3 * rs, *a9 = a6 + 3 * rs;                \
        const uint32_t *a12 = a9 + 3 * rs, *b = t->b;                                                      \
        const char *next = t->next, *soon = t->soon;                                                       \
        uint32_t *a_to = t->a_to, *b_to = t->b_to;                                                         \
        COLUMNS                                                                                            \
        GEMM_ROWS_##n(ROW_DECL)                                                                            \
        OPAQUE(a3);                                                                                        \
        OPAQUE(a6);                                                                                        \
        OPAQUE(a9);                                                                                        \
        OPAQUE(a12);                                                                                       \
        if (t->from) {                                                                                     \
            const float *cp = t->from;                                                                     \
            const int64_t ld = t->ld_from;                                                                 \
            GEMM_ROWS_##n(ROW_LOAD)                                                                        \
        } else {                                                                                           \
            GEMM_ROWS_##n(ROW_ZERO)                                                                        \
        }                                                                                                  \
        for (int i = 0; FETCH_AT_ONCE && i < n; i++) _mm_prefetch(soon + i * soon_step, _MM_HINT_T0);      \
        ENTER                                                                                              \
        for (int64_t k = t->k; k > 0; k--) {                                                               \
            _mm_prefetch(next, _MM_HINT_T1);                                                               \
            next += next_step & -(int64_t)(k % GEMM_FETCH == 1);                                           \
            if (!FETCH_AT_ONCE) {                                                                          \
                _mm_prefetch(soon + ((k & 2) << 5), _MM_HINT_T0);                                          \
                soon += soon_step & -(int64_t)((k & soon_last) == 1);                                      \
            }                                                                                              \
            GEMM_UNIT(n)                                                                                   \
        }                                                                                                  \
        LEAVE                                                                                              \
        for (int i = 0; i < t->n_left; i++) {                                                              \
            const float *cp = t->left[i];                                                                  \
            const int64_t ld = NR;                                                                         \
            GEMM_ROWS_##n(ROW_ADD)                                                                         \
        }                                                                                                  \
        float *c = t->c;                                                                                   \
        const int64_t ldc = t->ldc;                                                                        \
        if (t->add_c) {                                                                                    \
            const float *cp = c;                                                                           \
            const int64_t ld = ldc;                                                                        \
            GEMM_ROWS_##n(ROW_ADD)                                                                         \
        }                                                                                                  \
        GEMM_ROWS_##n(ROW_STORE)                                                                           \
    }                                                                                                      \
    static void name##_##n(const struct gemm_tile *t)                                                      \
    {                                                                                                      \
        name##_body_##n(t, 0);                                                                              \
    }

#define GEMM_MICRO_COPIES(name, n)                                                                         \
    static void name##_a_##n(const struct gemm_tile *t)                                                    \
    {                                                                                                      \
        name##_body_##n(t, COPY_A);                                                                         \
    }                                                                                                      \
    static void name##_b_##n(const struct gemm_tile *t)                                                    \
    {                                                                                                      \
        name##_body_##n(t, COPY_B);                                                                         \
    }                                                                                                      \
    static void name##_ab_##n(const struct gemm_tile *t)                                                   \
    {                                                                                                      \
        name##_body_##n(t, COPY_A | COPY_B);                                                                \
    }

#endif
