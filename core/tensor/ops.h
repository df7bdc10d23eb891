/* ops.h - the builders of every op, one line each; each op's own header
 * (op_NAME.h) has its equation, shapes and source.
 *
 * N = rows * T tokens, C channels.  "cd" is the graph's compute dtype (f32 or
 * bf16); the residual stream is f32.  All return NULL on error (graph_error). */
#ifndef CORE_TENSOR_OPS_H
#define CORE_TENSOR_OPS_H

#include "core/kernels/kernels.h"
#include "core/tensor/graph.h"

/* y[N,C] f32 = table[id] * scale (+ pos_table[position + pos_offset]); ids, positions [N] i32.
 * pos_table may be a learned parameter or a constant (sinusoidal), or NULL. */
struct tensor *op_embed(struct graph *g, struct tensor *ids, struct tensor *table, float scale,
                        struct tensor *positions, struct tensor *pos_table, int pos_offset);

enum norm_kind { NORM_LN, NORM_RMS };
/* y[N,C] of type cd (or f32 when f32_out) from x[N,C]; w, b [C], b NULL for rms or no bias. */
struct tensor *op_norm(struct graph *g, enum norm_kind kind, struct tensor *x, struct tensor *w,
                       struct tensor *b, float eps, bool f32_out);

/* y[N, sum O_i] = x[N,C] W_i^T + b_i for up to 3 weights W_i [O_i, C] side by side (q|k|v, gate|up).
 * act: applied to the result.  residual: [N,O] f32 added, then y is f32.  y is cd otherwise (f32 when f32_out). */
struct linear_spec {
    struct tensor *w[3], *b[3]; /* b[i] NULL = no bias */
    int n;
    enum act act;
    struct tensor *residual;
    bool f32_out;
};
struct tensor *op_linear(struct graph *g, struct tensor *x, const struct linear_spec *s);

/* y[N,F] = act(gu[:, :F]) * gu[:, F:]. */
struct tensor *op_glu(struct graph *g, struct tensor *gate_up, enum act act);
struct tensor *op_act(struct graph *g, struct tensor *x, enum act act);

/* RoPE and optional per-head RMS norm of q and k inside a fused qkv[N, (H+2Hk)*D] tensor. */
struct rope_table {
    int n_rot, max_pos;      /* n_rot <= D, even */
    float *cos, *sin;        /* [max_pos, n_rot/2], attention factor (YaRN) included */
};
struct qk_spec {
    int H, Hk, D;
    struct tensor *q_norm, *k_norm;  /* [D] per-head rms weights before RoPE, or NULL */
    float eps;
    const struct rope_table *rope;   /* NULL = none; copied as graph constants */
    bool interleaved;
};
struct tensor *op_qk(struct graph *g, struct tensor *qkv, struct tensor *positions, const struct qk_spec *s);

/* o[N, H*D] from fused qkv[N, (H+2Hk)*D]; seg_start [N] i32. */
struct attn_spec {
    int H, Hk, D, window;
    float scale, softcap, dropout;
    bool causal;
    const float *alibi;              /* [H] slopes, copied, or NULL */
    struct tensor *sink;             /* [H] parameter or NULL */
};
struct tensor *op_attn(struct graph *g, struct tensor *qkv, struct tensor *seg_start, const struct attn_spec *s);

/* y = dropout(x) + residual (residual NULL = none); p = 0 gives x (or a plain add).  Philox, see op_dropout.h. */
struct tensor *op_dropout(struct graph *g, struct tensor *x, float p, struct tensor *residual);
struct tensor *op_add(struct graph *g, struct tensor *a, struct tensor *b);
struct tensor *op_scale(struct graph *g, struct tensor *x, float s);
struct tensor *op_cast(struct graph *g, struct tensor *x, enum dtype to);

/* Scalar loss: sum over tokens of w_t * ce_t (times args.loss_scale in the gradient), in chunks; logits are
 * never stored whole.  x[N,C], W[V,C], bias [V] or NULL, targets [N] i32, weights [N] f32.
 * Output is f32 [4]: { sum w*loss, sum w*nll, sum w, sum of correct (argmax) over w > 0 }. */
struct ce_spec {
    struct tensor *w, *b;
    float label_smoothing, z_coef, softcap, logit_scale; /* logit_scale 0 = 1 */
};
struct tensor *op_linear_ce(struct graph *g, struct tensor *x, struct tensor *targets, struct tensor *weights, const struct ce_spec *s);

#endif
