/* gemm_impl.h - what the GEMM files share.
 *
 * gemm_ref.c is the readable definition.  Every other ISA gives microkernels
 * and two packing primitives in a struct gemm_core; gemm_drive.c blocks for
 * the caches around them and knows nothing of instructions.
 *
 * A *unit* is what one multiply step of the microkernel takes from A and B:
 * one f32, or a pair of bf16 that are neighbours along k (the layout of
 * VDPBF16PS; an odd last one is paired with zero).  Both have four bytes, so
 * driver and packing are the same code for both types; k, strides and block
 * sizes below count units.
 *
 * AMX multiplies tiles: 16 units of k at once (gemm_core.step), so that k is
 * filled up with zeros in both operands, and rows of A whose units lie one
 * after the other. */
#ifndef CORE_KERNELS_GEMM_IMPL_H
#define CORE_KERNELS_GEMM_IMPL_H

#include "core/kernels/kernels.h"

enum {
    GEMM_MR_VECTORS = 14, /* rows of a microkernel, at most; */
    GEMM_MR_MAX = 32,   /* of one with tiles */
    GEMM_NR_MAX = 32,
    GEMM_AHEAD = 32,    /* units of k that a microkernel which packs fetches ahead of what it reads */
    GEMM_FETCH = 4,     /* units of k to a cache line fetched ahead: more lines would keep the loads of A waiting */
};

/* One call of a microkernel: sums S[rows, cols] = from (zeros when NULL) + sum
 * over k of A[r,k] B[k,c], where A[r,k] = a[r*rs + k*ks] and B[k,c] = b[k*nr + c]
 * (with tiles A[r,k+i] = a[r*rs + k*ks + i] for i < step, k a multiple of step);
 * then S = left[i] + S for each of the n_left blocks [rows, nr], S = C + S with
 * add_c, and C = S, of which cols <= nr columns are stored.  `from` may be C.
 * In every unit the kernel also prefetches `next`, to which it adds next_step
 * (bytes) once in GEMM_FETCH units: what will be packed next comes into L2 meanwhile;
 * and one of the two lines at `soon`, to which it adds soon_step once in soon_every
 * (a power of two from GEMM_FETCH) units: gemm_soon().
 * Some kernels pack on the way, where the multiplications leave room for it:
 * COPY_A ones read A where it lies (rs = 1) and write it to a_to[k*to_width + r];
 * COPY_B ones read B[k,c] = b[k*b_ld + c], cols = nr, and write it to b_to[k*nr + c]. */
enum gemm_copy { COPY_A = 1, COPY_B = 2 };
struct gemm_tile {
    const void *a, *b;
    uint32_t *a_to, *b_to;
    int64_t b_ld, to_width;
    float *c;
    const float *from;
    const float *const *left;
    int64_t k, rs, ks, ldc, ld_from;
    int rows, cols, n_left;
    bool add_c;
    const char *next;
    int64_t next_step;
    const void *soon;
    int64_t soon_step, soon_every;
};
typedef void gemm_micro(const struct gemm_tile *t);

struct gemm_core {
    int nr;                                 /* columns of a panel of B, both types */
    int mr_f32, mr_bf16;                    /* most rows that a microkernel does; 0: there is none */
    int step;                               /* units of bf16 that it takes at once: 1, or 16 where it has tiles */
    gemm_micro *const *f32[4];              /* by enum gemm_copy, then [1 .. mr] by the number of rows */
    gemm_micro *const *bf16;
    /* dst[k*nr + n] = src[n*ld + k] for n < cols (<= nr) and k < units; other lanes keep what they have.
     * ld counts bytes; src and ld are even. */
    void (*transpose)(uint32_t *dst, const void *src, int64_t ld, int cols, int units);
    /* dst[k*width + n] = unit k of column n, n < cols (<= 32), of K rows (elements) of row-major src, ld elements
     * apart; other lanes keep what they have.  For bf16 a unit is of rows 2k and 2k+1; an odd K ends with zeros. */
    void (*pack_f32)(uint32_t *dst, int width, const void *src, int64_t ld, int K, int cols);
    void (*pack_bf16)(uint32_t *dst, int width, const void *src, int64_t ld, int K, int cols);
    /* For tiles, the left operand: dst[n*step + k], width = mr, K <= 2 step; units after K are zeros. */
    void (*pack_rows)(uint32_t *dst, int width, const void *src, int64_t ld, int K, int cols);
    void (*leave)(void);                    /* after the last microkernel of a call; or NULL */
    const struct kernels *rows;             /* row kernels for conversions and the epilogue */
};

static inline int gemm_units(enum dtype dt, int k)
{
    return dt == DT_BF16 ? k / 2 + (k & 1) : k;
}

static inline bool gemm_tiles(const struct gemm_core *c, enum dtype dt)
{
    return dt == DT_BF16 && c->step > 1;
}

/* The same, filled up to whole tiles. */
static inline int gemm_steps(const struct gemm_core *c, enum dtype dt, int k)
{
    int u = gemm_units(dt, k);
    return gemm_tiles(c, dt) ? (u + c->step - 1) / c->step * c->step : u;
}

/* The first row of sliver s of `rows`: they differ by one at most, but with tiles only the last is not whole. */
static inline int gemm_sliver(const struct gemm_core *c, enum dtype dt, int rows, int slivers, int s)
{
    if (!gemm_tiles(c, dt)) return rows * s / slivers;
    return s < slivers ? s * c->mr_bf16 : rows;
}

/* Rows of a block, some bytes apart, come near while the microkernel multiplies: a burst of prefetches before it
 * would fill the buffers for misses, and its first loads, which come from L2, would wait for all of them. */
static inline void gemm_soon(struct gemm_tile *t, const void *p, int64_t bytes)
{
    t->soon = p;
    t->soon_step = bytes;
}

/* Units of k to two lines of it, so that all rows are fetched in k units. */
static inline int64_t gemm_soon_every(int64_t k)
{
    int64_t every = GEMM_FETCH;
    while (every * 2 * (GEMM_MR_VECTORS + 1) <= k) every *= 2;
    return every;
}

/* The same at once.  Inlined, lest gcc drop the calls of a function that it takes for one without effect. */
static inline __attribute__((always_inline)) void gemm_fetch(const float *p, int64_t ld, int rows, int cols)
{
    for (int i = 0; i < rows; i++, p += ld)
        for (int j = 0; j < cols; j += 16) __builtin_prefetch(p + j, 1);
}

static inline int gemm_min(int a, int b)
{
    return a < b ? a : b;
}

/* ---- gemm_drive.c, gemm_drive_tn.c: blocking.  The entries of the table without the core. ---- */
size_t gemm_drive_ws_bytes(void);
size_t gemm_drive_tn_ws_bytes(void);
static inline size_t gemm_ws_bytes(void)
{
    size_t nn = gemm_drive_ws_bytes(), tn = gemm_drive_tn_ws_bytes();
    return nn > tn ? nn : tn;
}
void gemm_drive(const struct gemm_core *c, const struct gemm *g, int m0, int m1, int n0, int n1, void *ws);
void gemm_drive_tn(const struct gemm_core *c, const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws);

/* ---- gemm_pack.c ---- */
size_t gemm_packed_bytes(const struct gemm_core *c, enum dtype dt, int K, int N);
void gemm_pack_b(const struct gemm_core *c, enum dtype dt, void *Bp, int K, int N, const void *src, enum dtype src_dt,
                 int64_t ld, bool trans, int col0, int n0, int n1);
#if defined(__x86_64__)
/* ---- shared by the AVX-512 tables ---- */
enum { GEMM_EMU_MR = 12, MXCSR_FTZ_DAZ = 0x8040 };
extern gemm_micro *const gemm_emu_avx512[GEMM_EMU_MR + 1];
void gemm_transpose_avx512(uint32_t *dst, const void *src, int64_t ld, int cols, int units);
void gemm_pack_f32_avx512(uint32_t *dst, int width, const void *src, int64_t ld, int K, int cols);
void gemm_pack_bf16_avx512(uint32_t *dst, int width, const void *src, int64_t ld, int K, int cols);
void gemm_pack_rows_avx512(uint32_t *dst, int width, const void *src, int64_t ld, int K, int cols);
#endif

/* ---- gemm_epilogue.c ---- */
/* Finishes C[m, n .. n+len) whose sums are in acc: bias, activation gradient,
 * residual, stores.  acc is overwritten; it may be the row of C itself. */
void gemm_finish_row(const struct kernels *rows, const struct gemm *g, float *acc, int m, int n, int len);
/* Whether the sums may be built in C itself: it must be f32 and not what the epilogue reads. */
bool gemm_sums_in_c(const struct gemm *g);

#endif
