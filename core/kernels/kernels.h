/* kernels.h - plain-pointer kernels behind one table of function pointers.
 *
 * kernels_get() fills the table once: portable reference first, then each ISA
 * that the CPU has (AVX2+FMA, AVX-512, AVX-512-BF16, AMX) overwrites the entries
 * it implements; LLMCTL_ISA=ref|avx2|avx512|avx512bf16|avx512amx caps the choice.
 *
 * Rules.  Kernels never allocate, never fail, run on one thread: the op slices
 * the work and passes scratch memory.  Every f32 entry gives the same bits on
 * every ISA (payload and sign of a NaN aside), and so does bf16 attention:
 *   - elementwise: the same sequence of correctly rounded operations (FMA only
 *     where written as FMA; own exp/tanh/erf polynomials);
 *   - reductions over a row: 16 lanes, lane i sums elements i, i+16, ... in
 *     order, then the tree ((0+8)+(4+12)) ... fixed in vec.h;
 *   - GEMM: each element of C is one chain of FMAs over k in increasing order,
 *     starting from 0 (or from C when accumulating), whatever the blocking;
 *     lanes run over N.
 * bf16 GEMM follows VDPBF16PS: of each pair k, k+1 along k (k even, counted
 * from the start of the chain; an odd last one is paired with zeros) first
 * acc = fma(a[k+1], b[k+1], acc), then fma(a[k], b[k], acc), denormals being
 * zero on both sides -- the order that the hardware has; the emulation on
 * other ISAs gives the same bits.  Only AMX cannot: TDPBF16PS (enum bf16_sums)
 * sums of each 32 elements along k (the last filled up with zeros) the even
 * ones' products in one chain of FMAs from 0 and the odd ones' in another, then
 * acc = acc + (even + odd), again without denormals.  There bf16 has the bits of
 * kernels_reference(), which emulates that.
 *
 * bf16 is stored as uint16_t.  Pointers need only their element's alignment
 * unless said otherwise.  In `y` and `x` may be the same buffer where noted. */
#ifndef CORE_KERNELS_KERNELS_H
#define CORE_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/dtype.h"

enum act { ACT_NONE, ACT_RELU, ACT_RELU2, ACT_GELU_ERF, ACT_GELU_TANH, ACT_SILU, ACT_SIGMOID, ACT_TANH };

/* ---- GEMM with a packed right operand: C[M,N] (op)= A[M,K] * B[K,N] ----
 * A is row-major f32 or bf16 (row stride lda elements, K contiguous).  B was
 * packed by pack_b() into panels of NR columns of the table's own layout; A
 * and the packed B have the same type.  A call computes the tile
 * [m0,m1) x [n0,n1), n0 a multiple of nr; tiles are independent. */
struct gemm {
    int M, N, K;
    enum dtype ab;          /* DT_F32 or DT_BF16 */
    const void *A;
    int64_t lda;
    const void *Bp;
    void *C;                /* may be NULL when only `act_out` is wanted */
    int64_t ldc;
    enum dtype c;           /* type of C: DT_F32 or DT_BF16 */
    bool accumulate;        /* C += (C must be f32); the chain starts from C */
    const float *bias;      /* [N] or NULL, added after the sum */
    enum act act;           /* applied after bias: act_out = act(C), C rounded to its type first */
    void *act_out;          /* [M,N], stride ldc, type c; required when act != ACT_NONE */
    const void *dact_in;    /* [M,N], stride ldc, type c, or NULL: C = sum * act'(dact_in) (backward epilogue; act gives
                               the function) */
    const float *residual;  /* [M,N] f32, stride ldc, or NULL: C = sum + bias + residual (c must be f32) */
};

/* ---- C[M,N] (op)= A[K,M]^T * B[K,N], both activations (weight gradients) ----
 * K = tokens.  The sum over k is cut at multiples of `leaf` (a divisor of K,
 * K/leaf a power of two); each leaf is one FMA chain from 0, and leaves are
 * added by the canonical binary tree (l0+l1)+(l2+l3).  With `accumulate` the
 * total is added to C; with `chain` (then leaf == K) the chain starts from C.
 * With `cuts` leaf i is rows [cuts[i], cuts[i+1]) of A and B instead, i <
 * n_leaves (a power of two); leaves may be empty; K and leaf are ignored. */
struct gemm_tn {
    int M, N, K, leaf;
    enum dtype a, b;        /* f32/f32 or bf16/bf16 */
    const void *A, *B;
    int64_t lda, ldb;
    float *C;
    int64_t ldc;
    bool accumulate, chain;
    const int32_t *cuts;
    int n_leaves;
};

/* ---- attention ----
 * q [Tq,H,D], k, v [Tk,Hk,D] of one row (sequence), with strides in elements
 * between tokens (so q, k, v may point into one fused qkv buffer); heads are
 * D apart.  Query i sits at absolute index q_offset + i; key j is visible if
 *     j <= q_offset + i                       (when causal)
 *     j >  q_offset + i - window              (window > 0; bidirectional: |..| < window)
 *     seg[j] range: seg_start[abs i] <= j  and seg_start[j] == seg_start[abs i]
 * (seg_start NULL = one segment); keys before prefix_end[abs i] are visible to
 * causal queries too.  With lo and hi (cross-attention) query i sees the keys
 * lo[i] <= j < hi[i]; use them alone.
 * Scores are scale * (q.k + q.K_r), then softcap * tanh(s / softcap) when
 * softcap > 0, then + alibi slope * (j - i) when alibi != NULL ([H]; slope *
 * -|j - i| when not causal), then + rel_bias of the distance; softmax in f32
 * with an optional sink logit per head; the output is sum p (v_j + V_r).
 * K_r, V_r: Shaw's tables at r = clip(j - i) (attn_rel.h).
 * Rows with no visible key give 0 and lse = -inf. */
struct attn {
    int Tq, Tk, H, Hk, D, q_offset;
    enum dtype dt;                      /* of q, k, v, out, dout, dq, dk, dv */
    const void *q, *k, *v;
    int64_t q_stride, k_stride, v_stride;
    void *out;                          /* [Tq,H,D] */
    int64_t o_stride;
    float *lse;                         /* [H,Tq] log-sum-exp of the scores; NULL = not wanted */
    const int32_t *seg_start;           /* [Tk] row-relative, or NULL */
    const int32_t *prefix_end;          /* [Tk] row-relative, or NULL; no further than the segment */
    const int32_t *lo, *hi;             /* [Tq] or NULL */
    float scale, softcap;
    int window;
    bool causal;
    const float *alibi;                 /* [H] slopes or NULL */
    const float *sink;                  /* [H] or NULL */
    /* Bias of distance i - j (absolute indices) of head h: rel_bias[h rel_ld +
     * rel_zero + (i - j)], defined for -(Tk + 8) < i - j < q_offset + Tq + 16:
     * attn_rel_size() elements a head. */
    const float *rel_bias;
    int64_t rel_ld;
    int rel_zero;
    int clip;                           /* of Shaw's tables, 0 = none */
    const float *shaw_k, *shaw_v;       /* [2 clip + 1, D]; each may be NULL */
    /* dropout on probabilities: keep iff rng word >= drop_below; kept ones are
     * scaled by drop_scale.  drop_below 0 = off.  The word of query i (absolute)
     * and key j of head h is number (drop_row * H + h) << 36 | i << 18 | j of the
     * Philox stream {drop_key, drop_ctr} (rng_u32); so i, j < 2^18, row * H < 2^28. */
    uint32_t drop_below;
    float drop_scale;
    uint32_t drop_key[2], drop_ctr[2];  /* Philox key and upper counter words */
    uint64_t drop_row;                  /* global row index of this sequence */
    /* backward only */
    const void *dout;                   /* [Tq,H,D], stride o_stride */
    void *dq, *dk, *dv;                 /* strides as q, k, v; written (=) */
    float *dsink;                       /* [H] written, or NULL */
    float *drel;                        /* as rel_bias, but [H / Hk] of this kv head's heads; written; or NULL */
    float *dshaw_k, *dshaw_v;           /* [2 clip + 1, D] sums over this kv head's heads, written; or NULL */
};
static inline int attn_rel_zero(int Tk) { return Tk + 8; }
static inline int64_t attn_rel_size(int Tq, int Tk, int q_offset) { return (int64_t)Tk + 8 + q_offset + Tq + 16; }

struct wkv4;
struct wkv;
struct shift_token;
struct shift_grad;

/* What a product in bf16 takes: it is emulated; the CPU's own, slower than f32 (Intel's VDPBF16PS); or faster. */
enum bf16_speed { BF16_EMULATED, BF16_SLOW, BF16_FAST };

/* How bf16 products are summed, see above. */
enum bf16_sums { SUMS_PAIRS, SUMS_TILES };

struct kernels {
    const char *isa;                    /* "ref", "avx2", "avx512", "avx512bf16", "avx512amx" */
    enum bf16_speed bf16;
    enum bf16_sums sums;

    /* Conversions: round to nearest even, NaN stays NaN. */
    void (*bf16_from_f32)(uint16_t *y, const float *x, size_t n);
    void (*f32_from_bf16)(float *y, const uint16_t *x, size_t n);
    void (*f16_from_f32)(uint16_t *y, const float *x, size_t n);
    void (*f32_from_f16)(float *y, const uint16_t *x, size_t n);

    /* Elementwise, y may alias x. */
    void (*add)(float *y, const float *a, const float *b, size_t n);
    void (*mul)(float *y, const float *a, const float *b, size_t n);
    void (*axpy)(float *y, float a, const float *x, size_t n);       /* y = fma(a, x, y) */
    void (*scale)(float *y, float a, const float *x, size_t n);      /* y = a * x */
    void (*exp)(float *y, const float *x, size_t n);
    void (*tanh)(float *y, const float *x, size_t n);
    void (*act)(enum act kind, float *y, const float *x, size_t n);
    void (*act_bwd)(enum act kind, float *dx, const float *x, const float *dy, size_t n); /* dx = act'(x) dy */
    void (*glu)(enum act kind, float *y, const float *g, const float *u, size_t n);       /* y = act(g) u */
    /* gpt-oss: g' = min(g, limit), u' = u within +-limit, y = g' sigmoid(alpha g') (u' + 1). */
    void (*glu_clamped)(float *y, const float *g, const float *u, size_t n, float limit, float alpha);
    void (*glu_clamped_bwd)(float *dg, float *du, const float *g, const float *u, const float *dy, size_t n,
                            float limit, float alpha);
    void (*glu_bwd)(enum act kind, float *dg, float *du, const float *g, const float *u, const float *dy, size_t n);

    /* Row reductions (fixed 16-lane order). */
    float (*sum)(const float *x, size_t n);
    float (*dot)(const float *x, const float *y, size_t n);
    float (*sumsq)(const float *x, size_t n);
    float (*max)(const float *x, size_t n);                          /* NaN if any element is NaN */

    /* Norm rows, n = C.  bwd: dx (=) and the parameter gradients accumulated
     * into dw, db (+=); dw/db/w/b may be NULL. */
    void (*layernorm)(float *y, const float *x, const float *w, const float *b, int n, float eps, float *mean, float *rstd);
    void (*layernorm_bwd)(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w, float mean,
                          float rstd, int n);
    void (*rmsnorm)(float *y, const float *x, const float *w, int n, float eps, float *rstd);
    void (*rmsnorm_bwd)(float *dx, float *dw, const float *dy, const float *x, const float *w, float rstd, int n);

    /* Rotary embedding of one head vector x[D], in place: the first n_rot
     * elements turn by the angles of cos/sin [n_rot/2]; sign -1 = backward. */
    void (*rope)(float *x, const float *cos, const float *sin, int n_rot, bool interleaved, float sign);

    /* Softmax cross-entropy of one row of logits [V], f32.  Applies
     * softcap first (0 = off).  loss = (1-ls)*nll + ls*mean nll over V, plus
     * z_coef * lse^2.  Returns the row's loss (unweighted), *lse and *nll (plain
     * cross-entropy); when grad, x becomes dloss/dlogits * w.  target < 0: loss 0, zero gradient. */
    float (*ce_row)(float *x, int V, int target, float w, float ls, float z_coef, float softcap, bool grad, float *lse,
                    float *nll);
    /* y = softmax(x), returns log-sum-exp. */
    float (*softmax)(float *y, const float *x, size_t n);

    /* y[i] = x[i] * (word(ctr0 + i) >= below ? scale : 0), Philox words of the key. */
    void (*dropout)(float *y, const float *x, size_t n, uint32_t below, float scale, const uint32_t key[2],
                    const uint32_t ctr[2], uint64_t index0);

    /* AdamW in torch's order (decoupled decay): p *= 1 - lr*wd; m = lerp(m, g*gscale, 1-b1);
     * v = b2 v + (1-b2)(g*gscale)^2; p -= (lr/bc1) * m / (sqrt(v)/sqrt(bc2) + eps). */
    void (*adamw)(float *p, float *m, float *v, const float *g, size_t n, float gscale, float lr, float b1, float b2,
                  float eps, float wd, float bc1, float bc2);

    /* Attention.  fwd: queries [q0,q1) of head h; the bits do not depend on the
     * slicing (multiples of 64 are fastest).  bwd: all queries of all heads of kv
     * head hk; needs out, lse.  D <= 256.  ws: attn_ws_bytes() bytes, 64-aligned:
     * fixed for fwd; 8 Tk D bytes and a fixed part for bwd.  Fewer than 4 queries
     * (Tq, decoding) are summed in another order than more. */
    size_t (*attn_ws_bytes)(int Tq, int Tk, int D, int clip, bool backward);
    void (*attn_fwd)(const struct attn *a, int h, int q0, int q1, void *ws);
    void (*attn_bwd)(const struct attn *a, int hk, void *ws);

    /* RWKV's token shift (shift.h): n channels of one token. */
    void (*shift)(const struct shift_token *t, void *y, enum dtype y_dt, size_t n);
    void (*shift_bwd)(const struct shift_token *t, const struct shift_grad *g, size_t n);
    /* RWKV-4 (wkv.h): channels [c0,c1) of one row; ws: 48 T floats. */
    void (*wkv4_fwd)(const struct wkv4 *a, int c0, int c1);
    void (*wkv4_bwd)(const struct wkv4 *a, int c0, int c1, float *ws);
    /* RWKV-5 to -7 (wkv.h): one head of one row; ws: wkv_ws_floats(). */
    void (*wkv_fwd)(const struct wkv *a, float *ws);
    void (*wkv_bwd)(const struct wkv *a, float *ws);

    /* Matrix-vector for decoding: y[n0..n1) = W[n,:] . x (+ bias), W [N,K] row-major of type dt
     * (f32, bf16), x [K] of f32. */
    void (*gemv)(float *y, const void *W, enum dtype dt, int64_t ldw, const float *x, int K, int n0, int n1,
                 const float *bias);

    /* GEMM, see above.  nr: panel width; mr: row block; n is cut at multiples of
     * nr, m anywhere.  A call pays for the copy of its rows of A once per 512
     * columns and for fetching B once per 168 rows: good slices are 84-168 rows
     * by up to 512 columns, for gemm_tn about 384 by 384.  ws: gemm_ws_bytes() bytes a thread, 64-aligned. */
    int mr_f32, nr_f32, mr_bf16, nr_bf16;
    size_t gemm_ws_bytes;
    size_t (*packed_bytes)(enum dtype dt, int K, int N);
    /* Packs columns [n0,n1) (n0 a multiple of nr, n1 one too or N) of B[K,N].
     * src is f32 or bf16 (src_dt): trans false: B[k][n] = src[k*ld + n]; trans true: src[n*ld + k].
     * A B made of several weights side by side is packed by several calls with col0 = first
     * column of this source in B; then n0, n1 count within the source. */
    void (*pack_b)(enum dtype dt, void *Bp, int K, int N, const void *src, enum dtype src_dt, int64_t ld, bool trans,
                   int col0, int n0, int n1);
    void (*gemm)(const struct gemm *g, int m0, int m1, int n0, int n1, void *ws);
    void (*gemm_tn)(const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws);
};

/* What `--dtype auto` is with a table.  Training, and whatever else multiplies matrices, is bf16 where that is faster;
 * decoding token by token waits for the weights, and bf16 has half the bytes: there it is what the CPU can multiply. */
enum dtype kernels_auto_dtype(const struct kernels *k, bool decoding);
/* Why, of products: a clause for the log. */
const char *kernels_auto_reason(const struct kernels *k);

/* The table, chosen on first use; never NULL.  Thread-safe. */
const struct kernels *kernels_get(void);
/* A table for one ISA by name, for tests; NULL when the CPU lacks it or the name is unknown. */
const struct kernels *kernels_isa(const char *name);
/* The reference whose bits a table's products have. */
const struct kernels *kernels_reference(const struct kernels *k);
/* "vdpbf16ps" or "tdpbf16ps": the instruction that sums so. */
const char *kernels_sums_name(enum bf16_sums sums);
/* NULL-terminated names, weakest first: "ref", "avx2", ... (those compiled in). */
const char *const *kernels_isa_names(void);

#endif
