#include "core/ckpt/planes.h"

#include <stdint.h>
#include <string.h>

/* 16-byte vectors of the compiler's generic kind: SSE2 on every x86-64, NEON
 * on ARM, scalar code elsewhere; no dispatch is needed. */
typedef uint8_t v16u8 __attribute__((vector_size(16)));
typedef uint16_t v8u16 __attribute__((vector_size(16)));
typedef uint32_t v4u32 __attribute__((vector_size(16)));
typedef uint64_t v2u64 __attribute__((vector_size(16)));

/* At -O2 gcc keeps these short loops, and with them the vectors in memory. */
#define UNROLL _Pragma("GCC unroll 8")

enum { STEP = 16 }; /* elements handled at a time: one vector of every plane */

/* ---- splitting: halve the elements until they are bytes ---- */

static inline void even_odd_8(v16u8 a, v16u8 b, v16u8 *even, v16u8 *odd)
{
    *even = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    *odd = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

static inline void even_odd_16(v8u16 a, v8u16 b, v16u8 *even, v16u8 *odd)
{
    *even = (v16u8)__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
    *odd = (v16u8)__builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
}

static inline void even_odd_32(v4u32 a, v4u32 b, v16u8 *even, v16u8 *odd)
{
    *even = (v16u8)__builtin_shufflevector(a, b, 0, 2, 4, 6);
    *odd = (v16u8)__builtin_shufflevector(a, b, 1, 3, 5, 7);
}

static inline void split_step_2(v16u8 x[2], bool rotate, v16u8 p[2])
{
    if (rotate)
        UNROLL for (int i = 0; i < 2; i++) x[i] = (v16u8)((v8u16)x[i] << 1 | (v8u16)x[i] >> 15);
    even_odd_8(x[0], x[1], &p[0], &p[1]);
}

static inline void split_step_4(v16u8 x[4], bool rotate, v16u8 p[4])
{
    v16u8 y[4];
    if (rotate)
        UNROLL for (int i = 0; i < 4; i++) x[i] = (v16u8)((v4u32)x[i] << 1 | (v4u32)x[i] >> 31);
    even_odd_16((v8u16)x[0], (v8u16)x[1], &y[0], &y[2]);
    even_odd_16((v8u16)x[2], (v8u16)x[3], &y[1], &y[3]);
    even_odd_8(y[0], y[1], &p[0], &p[1]);
    even_odd_8(y[2], y[3], &p[2], &p[3]);
}

static inline void split_step_8(v16u8 x[8], bool rotate, v16u8 p[8])
{
    v16u8 y[8];
    if (rotate)
        UNROLL for (int i = 0; i < 8; i++) x[i] = (v16u8)((v2u64)x[i] << 1 | (v2u64)x[i] >> 63);
    UNROLL for (int i = 0; i < 4; i++)
        even_odd_32((v4u32)x[2 * i], (v4u32)x[2 * i + 1], &y[i], &y[4 + i]);
    split_step_4(y, false, p);
    split_step_4(y + 4, false, p + 4);
}

/* ---- joining: the same in reverse ---- */

static inline void zip_8(v16u8 a, v16u8 b, v16u8 *lo, v16u8 *hi)
{
    *lo = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    *hi = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

static inline void zip_16(v8u16 a, v8u16 b, v16u8 *lo, v16u8 *hi)
{
    *lo = (v16u8)__builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    *hi = (v16u8)__builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

static inline void zip_32(v4u32 a, v4u32 b, v16u8 *lo, v16u8 *hi)
{
    *lo = (v16u8)__builtin_shufflevector(a, b, 0, 4, 1, 5);
    *hi = (v16u8)__builtin_shufflevector(a, b, 2, 6, 3, 7);
}

static inline void join_step_2(v16u8 p[2], bool rotate, v16u8 x[2])
{
    zip_8(p[0], p[1], &x[0], &x[1]);
    if (rotate)
        UNROLL for (int i = 0; i < 2; i++) x[i] = (v16u8)((v8u16)x[i] >> 1 | (v8u16)x[i] << 15);
}

static inline void join_step_4(v16u8 p[4], bool rotate, v16u8 x[4])
{
    v16u8 y[4];
    zip_8(p[0], p[1], &y[0], &y[1]);
    zip_8(p[2], p[3], &y[2], &y[3]);
    zip_16((v8u16)y[0], (v8u16)y[2], &x[0], &x[1]);
    zip_16((v8u16)y[1], (v8u16)y[3], &x[2], &x[3]);
    if (rotate)
        UNROLL for (int i = 0; i < 4; i++) x[i] = (v16u8)((v4u32)x[i] >> 1 | (v4u32)x[i] << 31);
}

static inline void join_step_8(v16u8 p[8], bool rotate, v16u8 x[8])
{
    v16u8 y[8];
    join_step_4(p, false, y);
    join_step_4(p + 4, false, y + 4);
    UNROLL for (int i = 0; i < 4; i++)
        zip_32((v4u32)y[i], (v4u32)y[4 + i], &x[2 * i], &x[2 * i + 1]);
    if (rotate)
        UNROLL for (int i = 0; i < 8; i++) x[i] = (v16u8)((v2u64)x[i] >> 1 | (v2u64)x[i] << 63);
}

/* ---- whole arrays; the last, shorter step goes through the same code ---- */

#define DEFINE_ARRAY(SIZE)                                                                         \
    static void split_##SIZE(uint8_t *out, const uint8_t *src, size_t n, bool rotate)              \
    {                                                                                              \
        v16u8 x[SIZE], p[SIZE];                                                                    \
        size_t i = 0;                                                                              \
        for (; i + STEP <= n; i += STEP) {                                                         \
            memcpy(x, src + i * SIZE, sizeof x);                                                   \
            split_step_##SIZE(x, rotate, p);                                                       \
            UNROLL for (size_t k = 0; k < SIZE; k++) memcpy(out + k * n + i, &p[k], STEP);         \
        }                                                                                          \
        if (i == n) return;                                                                        \
        memset(x, 0, sizeof x);                                                                    \
        memcpy(x, src + i * SIZE, (n - i) * SIZE);                                                 \
        split_step_##SIZE(x, rotate, p);                                                           \
        for (size_t k = 0; k < SIZE; k++) memcpy(out + k * n + i, &p[k], n - i);                   \
    }                                                                                              \
    static void join_##SIZE(uint8_t *dst, const uint8_t *in, size_t n, bool rotate)                \
    {                                                                                              \
        v16u8 x[SIZE], p[SIZE];                                                                    \
        size_t i = 0;                                                                              \
        for (; i + STEP <= n; i += STEP) {                                                         \
            UNROLL for (size_t k = 0; k < SIZE; k++) memcpy(&p[k], in + k * n + i, STEP);          \
            join_step_##SIZE(p, rotate, x);                                                        \
            memcpy(dst + i * SIZE, x, sizeof x);                                                   \
        }                                                                                          \
        if (i == n) return;                                                                        \
        memset(p, 0, sizeof p);                                                                    \
        for (size_t k = 0; k < SIZE; k++) memcpy(&p[k], in + k * n + i, n - i);                    \
        join_step_##SIZE(p, rotate, x);                                                            \
        memcpy(dst + i * SIZE, x, (n - i) * SIZE);                                                 \
    }

DEFINE_ARRAY(2)
DEFINE_ARRAY(4)
DEFINE_ARRAY(8)

void planes_split(void *planes, const void *src, size_t n, size_t size, bool rotate)
{
    if (size == 2) split_2(planes, src, n, rotate);
    else if (size == 4) split_4(planes, src, n, rotate);
    else split_8(planes, src, n, rotate);
}

void planes_join(void *dst, const void *planes, size_t n, size_t size, bool rotate)
{
    if (size == 2) join_2(dst, planes, n, rotate);
    else if (size == 4) join_4(dst, planes, n, rotate);
    else join_8(dst, planes, n, rotate);
}
