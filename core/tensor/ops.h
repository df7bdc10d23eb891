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

/* The same; the row of id `pad` (-1 = none) gets no gradient from here (torch's padding_idx). */
struct tensor *op_embed_pad(struct graph *g, struct tensor *ids, struct tensor *table, float scale,
                            struct tensor *positions, struct tensor *pos_table, int pos_offset, int pad);

enum norm_kind { NORM_LN, NORM_RMS, NORM_RMS_1, NORM_LN_1 /* 1: weights are stored minus 1 (Gemma, Nemotron) */ };
/* y[N,C] of type cd (or f32 when f32_out) from x[N,C]; w, b [C], b NULL for rms or no bias, w NULL for no weights. */
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
    bool f32;                   /* the product itself in f32, whatever the compute type (routers) */
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
    bool full;                       /* one norm over all heads instead: [H*D] and [Hk*D] */
    bool ln;                         /* layer norms of each head, with its own weights: [H*D] and [Hk*D] */
    float eps;
    const struct rope_table *rope;   /* NULL = none; copied as graph constants */
    bool interleaved;
    bool plus_one;                   /* norm weights are stored minus 1 */
};
struct tensor *op_qk(struct graph *g, struct tensor *qkv, struct tensor *positions, const struct qk_spec *s);

/* o[N, H*D] from fused qkv[N, (H+2Hk)*D]; seg_start [N] i32 or NULL. */
struct attn_spec {
    int H, Hk, D, window;
    float scale, softcap, dropout;
    bool causal;
    const float *alibi;              /* [H] slopes, copied, or NULL */
    struct tensor *sink;             /* [H] parameter or NULL */
    struct tensor *prefix_end;       /* [N] i32 or NULL: causal tokens also see all of their row before it */
    struct tensor *t5;               /* [buckets, H] parameter: bias of the distance's bucket; or NULL */
    int buckets, max_distance;
    struct tensor *shaw_k, *shaw_v;  /* [2 clip + 1, D] parameters, or NULL */
    int clip;
};
/* Bucket of the distance rel = j - i. */
int t5_bucket(int rel, bool causal, int buckets, int max_distance);
struct tensor *op_attn(struct graph *g, struct tensor *qkv, struct tensor *seg_start, const struct attn_spec *s);
/* o[N, H*D] from q[N, H*D] and kv[M, 2*Hk*D] of another sequence (N and M = rows times their lengths);
 * query i of a row sees its keys lo[i] <= j < hi[i], [N] i32, row-relative; none: o = 0.  causal, window and prefix_end
 * must be off. */
struct tensor *op_attn_cross(struct graph *g, struct tensor *q, struct tensor *kv, struct tensor *lo, struct tensor *hi,
                             const struct attn_spec *s);

/* ---- latent attention (op_mla.c) ---- */
struct mla_spec {
    int H, nope, rope, v;    /* heads; a head's part without and with positions; of its values */
};
/* qkv [N, 3 H D], D = max(nope + rope, v), from q [N, H (nope+rope)], kv [N, H (nope+v)], kr [N, rope]; the rotary part
 * first. */
struct tensor *op_mla_pack(struct graph *g, struct tensor *q, struct tensor *kv, struct tensor *kr,
                           const struct mla_spec *s);
/* [N, H v] from attention's [N, H D]. */
struct tensor *op_mla_heads(struct graph *g, struct tensor *o, const struct mla_spec *s);

/* ---- mixture of experts (op_router.h, op_experts.h) ---- */

/* How router logits become scores: softmax over all experts, then the top k
 * (Mixtral, Qwen3, OLMoE); sigmoid (DeepSeek-V3); softmax over the top k (gpt-oss). */
enum router_score { ROUTER_SOFTMAX, ROUTER_SIGMOID, ROUTER_TOPK_SOFTMAX };
/* Load-balancing loss: E sum f P of each layer with f the share of the T*K
 * slots (its least value is 1), added over layers; or, as transformers has it,
 * of all layers together with f the share of the T tokens (least value K). */
enum aux_norm { AUX_LAYER, AUX_MODEL };
struct router_rule {
    enum router_score score;
    int experts, top_k, groups, topk_groups; /* groups 1 = off */
    bool renorm;             /* the weights are divided by their sum */
    float scale;             /* of the weights, after that */
};
/* What became of N tokens in one layer, slot k of token n being n*K + k. */
struct routing {
    int top_k, experts;
    struct tensor *weights;  /* [N,K] f32 */
    struct tensor *ids;      /* [N,K] i32 experts, best first, ties to the lowest */
    struct tensor *source;   /* [N*K] i32: the slot that sorted row i came from */
    struct tensor *place;    /* [N*K] i32: the sorted row of a slot */
    struct tensor *begin;    /* [E*leaves + 1] i32: where the rows of (expert, leaf) begin */
};
/* Sums that losses and metrics need, over all layers with experts. */
struct router_stats {
    int layers, experts, top_k;
    struct tensor *counts;   /* [layers, E] i32: slots of each expert */
    struct tensor *probs;    /* [layers * leaves, E+1] f32: sums of P and of lse^2; NULL without losses */
    struct tensor *coef;     /* [layers, E+1] f32 from op_router_loss, or NULL */
};
struct router_stats *router_stats_new(struct graph *g, int layers, int experts, int top_k, bool losses);
/* logits [N,E] f32; correction [E] f32 (frozen) or NULL is added to the scores for the choice only.
 * stats may be NULL, layer counts layers with experts.  False on error. */
bool op_router(struct graph *g, struct tensor *logits, struct tensor *correction, const struct router_rule *rule,
               struct router_stats *stats, int layer, struct routing *out);
/* f32 [2]: this execution's part of aux_coef * load-balancing loss and of z_coef * sum over layers of mean lse^2.
 * given [layers*E] f32: counts of the whole batch where it has several executions, all zero otherwise.
 * Its gradient joins that of the routers' weights. */
struct tensor *op_router_loss(struct graph *g, struct router_stats *stats, struct tensor *given, enum aux_norm norm,
                              float aux_coef, float z_coef);
/* xs[N*K,C] = x's rows in the order of experts. */
struct tensor *op_dispatch(struct graph *g, struct tensor *x, const struct routing *r);
/* y[i] = x[i] W_e^T + b_e for the rows of expert e; w [E,O,C], b [E*O] or NULL. */
struct tensor *op_grouped(struct graph *g, struct tensor *x, const struct routing *r, struct tensor *w, struct tensor *b);
/* y[N,C] f32 = residual + sum over k of weights[n,k] ys[place[n,k]], in slot order. */
struct tensor *op_combine(struct graph *g, struct tensor *ys, const struct routing *r, struct tensor *residual);
/* y = gate sigmoid(alpha gate) (up + 1) with gate = min(gate, limit), up within +-limit (gpt-oss). */
struct tensor *op_glu_clamped(struct graph *g, struct tensor *gate_up, float limit, float alpha);

/* ---- RWKV (op_shift.h, op_wkv4.h) ---- */

/* y_j = x + m_j (previous token - x), m_j = mu_j (complement: 1 - mu_j) + d; n <= 3.  seg_start [N] i32.  False on error. */
bool op_shift(struct graph *g, struct tensor *x, struct tensor *seg_start, struct tensor *const *mu, int n,
              bool complement, struct tensor *d, struct tensor **y);
/* y[N,C] f32 = sigmoid(z[n]) a[N,C] (+ residual); z [N,1], all f32. */
struct tensor *op_weigh(struct graph *g, struct tensor *a, struct tensor *z, struct tensor *residual);
/* y = act(a) b, or f32 with the residual added. */
struct tensor *op_gate(struct graph *g, struct tensor *a, enum act act, struct tensor *b, struct tensor *residual);
/* y = sigmoid(r) wkv(k, v): r, k, v [N,C] f32; decay, first [C]. */
struct tensor *op_wkv4(struct graph *g, struct tensor *r, struct tensor *k, struct tensor *v, struct tensor *decay,
                       struct tensor *first, struct tensor *seg_start);

/* ---- RWKV-5 to -7 (op_wkv.h); all [N,C] f32, heads of D channels ---- */
struct wkv_spec {
    struct tensor *r, *w, *k, *v; /* w: decay factors in (0,1) */
    struct tensor *a, *b;         /* rwkv7: the state is removed along a, written along b; else NULL */
    struct tensor *u;             /* [C] rwkv5, rwkv6: weight of the token itself; else NULL */
    int D;
};
struct tensor *op_wkv(struct graph *g, const struct wkv_spec *s, struct tensor *seg_start);
/* exp(-exp(d + x)), or exp(-e^{-1/2} sigmoid(d + x)); d [C], x may be NULL. */
struct tensor *op_decay(struct graph *g, struct tensor *d, struct tensor *x, bool seven);
/* out = k', -kk and kk a; false on error. */
bool op_rwkv7_keys(struct graph *g, struct tensor *k, struct tensor *x, struct tensor *k_k, struct tensor *k_a, int D,
                   struct tensor *out[3]);
struct tensor *op_rwkv7_bonus(struct graph *g, struct tensor *y, struct tensor *r, struct tensor *key, struct tensor *v,
                              struct tensor *r_k, int D);
/* v + (first - v) sigmoid(x) */
struct tensor *op_blend(struct graph *g, struct tensor *v, struct tensor *first, struct tensor *x);
struct tensor *op_group_norm(struct graph *g, struct tensor *x, struct tensor *w, struct tensor *b, int D, float eps);

/* y = dropout(x) + residual (residual NULL = none); p = 0 gives x (or a plain add).  Philox, see op_dropout.h. */
struct tensor *op_dropout(struct graph *g, struct tensor *x, float p, struct tensor *residual);
struct tensor *op_add(struct graph *g, struct tensor *a, struct tensor *b);
struct tensor *op_scale(struct graph *g, struct tensor *x, float s);
/* y = x within -c and c (op_clamp.h). */
struct tensor *op_clamp(struct graph *g, struct tensor *x, float c);
struct tensor *op_cast(struct graph *g, struct tensor *x, enum dtype to);

/* y[rows*M, C] = x[row*(N/rows) + at]: M chosen tokens of each row; at [rows*M] i32, row-relative, -1 = zeros. */
struct tensor *op_gather(struct graph *g, struct tensor *x, struct tensor *at);

/* y[rows*M, C]: the mean over tokens lo <= t < hi of each row (op_span_mean.h); lo, hi [rows*M] i32, -1 = zeros. */
struct tensor *op_span_mean(struct graph *g, struct tensor *x, struct tensor *lo, struct tensor *hi);

/* Of models that score texts (op_score.h): squared error of z against values [N,L], a scalar loss; and z_2i - z_2i+1
 * [N/2,1]. */
struct tensor *op_mse(struct graph *g, struct tensor *z, struct tensor *values, struct tensor *weights);
struct tensor *op_pair_difference(struct graph *g, struct tensor *z);

/* Scalar loss over yes-no questions, as op_linear_ce's: sum of w_t * bce(sigmoid(z_t), target_t); z [N,1] f32, targets
 * 0, 1 or -1 (none). */
struct tensor *op_bce(struct graph *g, struct tensor *z, struct tensor *targets, struct tensor *weights);

/* Scalar loss: sum over tokens of w_t * ce_t (times args.loss_scale in the gradient), in chunks; logits are
 * never stored whole.  x[N,C], W[V,C], bias [V] or NULL, targets [N] i32, weights [N] f32.
 * Output is f32 [4]: { sum w*loss, sum w*nll, sum w, sum of correct (argmax) over w > 0 }. */
struct ce_spec {
    struct tensor *w, *b;
    float label_smoothing, z_coef, softcap, logit_scale; /* logit_scale 0 = 1 */
};
struct tensor *op_linear_ce(struct graph *g, struct tensor *x, struct tensor *targets, struct tensor *weights,
                            const struct ce_spec *s);

#endif
