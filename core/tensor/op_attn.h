/* op_attn.h - attention: over a fused qkv[N, (H + 2 Hk) D], or of q[N, H D] to
 * the kv[M, 2 Hk D] of another sequence; row by row.
 *
 *   s_ij = softcap(scale * q_i . (k_j + K_r)) + bias_h(j - i)
 *   o_i  = sum_j softmax(s_i)_j (v_j + V_r)
 *
 * over the keys that query i sees (causal, window, same segment, prefix, or a
 * range; see struct attn in kernels.h); query head h reads kv head h / (H /
 * Hk).  Flash style: no [T,T] matrix; forward keeps lse [rows, H, T] for
 * backward (arXiv:2205.14135).  Dropout acts on the probabilities, keyed by
 * (seed, RNG_DROPOUT, step, instance) and the global row.  A sink is one more
 * logit a head that takes probability and gives nothing.
 *
 * Positions: ALiBi (arXiv:2108.12409) slope (j - i), -slope |j - i| when not
 * causal; T5 (arXiv:1910.10683) a bias a bucket of distances and head; Shaw
 * (arXiv:1803.02155) vectors K_r, V_r, r = clip(j - i), shared by the heads.
 *
 * Backward sums the gradients of T5's and Shaw's tables over a row first, then
 * rows by the tree over leaves. */
#ifndef CORE_TENSOR_OP_ATTN_H
#define CORE_TENSOR_OP_ATTN_H

#include "core/tensor/op.h"
#include "core/tensor/ops.h"

struct attn_attr {
    struct attn_spec s;
    float *alibi;            /* [H] or NULL */
    uint32_t instance;       /* of dropout */
    int T, S;                /* queries and keys of a row */
    int64_t group;           /* work items a slice */
    int64_t rel_ld;          /* T5's bias over distances of a head, 0 = none */
    int32_t *bucket;         /* [rel_ld] of each distance */
};

enum { ATTN_Q, ATTN_KV, ATTN_SEG, ATTN_PREFIX, ATTN_LO, ATTN_HI, ATTN_SINK, ATTN_T5, ATTN_SHAW_K, ATTN_SHAW_V, ATTN_N_IN };
enum { ATTN_O, ATTN_LSE };

/* What backward sees too.  Workspace of both begins with the tables. */
double attn_flops(const struct graph_opts *o, const struct attn_attr *a);
/* The kernel's view of one row of the batch; out, dout etc. are the caller's. */
struct attn attn_view(const struct node *n, const struct run *r, int row);
void attn_vjp(struct graph *g, struct node *n);

/* ---- tables (op_attn_rel.c) ---- */

/* Bytes of the tables in the workspace; 0 when the phase that fills them is not needed. */
size_t attn_tables_bytes(const struct node *n);
enum { ATTN_TABLE_SLICES = 2 }; /* plus H for T5 */
int attn_table_slices(const struct node *n);
void attn_table_slice(const struct node *n, const struct run *r, int slice);
/* Adds them to the kernel's view. */
void attn_use_tables(const struct node *n, const struct run *r, struct attn *v);


#endif
