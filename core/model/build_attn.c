/* build_attn.c - attention of one layer, to its own stream and to the encoder's. */
#include <math.h>

#include "core/model/build_internal.h"
#include "core/model/rope.h"

static float scale_of(const struct block_config *k)
{
    return (float)(k->scale > 0 ? k->scale : 1 / sqrt(k->head_dim));
}

/* T5's table: the layer's own, or that of the first layer of the stack. */
static struct tensor *t5_table(struct builder *b, const struct block_config *k)
{
    int first = b->layer < b->c->n_enc_layers ? 0 : b->c->n_enc_layers;
    return build_param(b, k->pos_shared ? first : b->layer, SLOT_T5);
}

static void set_positions(struct builder *b, const struct block_config *k, struct attn_spec *a)
{
    if (k->pos == POS_T5) {
        a->t5 = t5_table(b, k);
        a->buckets = k->buckets;
        a->max_distance = k->max_distance;
    }
    if (k->pos == POS_SHAW) {
        a->shaw_k = build_param(b, b->layer, SLOT_SHAW_K);
        a->shaw_v = build_param(b, b->layer, SLOT_SHAW_V);
        a->clip = k->clip;
    }
}

/* Norms, limits and rotation inside the fused product. */
static struct tensor *queries_keys(struct builder *b, const struct block_config *k, struct tensor *qkv)
{
    struct qk_spec q = {.H = k->heads, .Hk = k->kv_heads, .D = k->head_dim, .eps = (float)k->norm_eps,
                        .q_norm = build_param(b, b->layer, SLOT_QNORM), .k_norm = build_param(b, b->layer, SLOT_KNORM),
                        .plus_one = k->norm_plus_one, .full = k->qk_norm == QK_FULL_RMS, .ln = k->qk_norm == QK_HEAD_LN,
                        .interleaved = k->interleaved};
    if (k->clip_qkv > 0) { /* behind the norms (OLMoE) */
        qkv = op_clamp(b->g, op_qk(b->g, qkv, b->positions, &q), (float)k->clip_qkv);
        q.q_norm = q.k_norm = NULL;
        q.full = q.ln = false;
    }
    if (k->pos == POS_ROPE) q.rope = &b->rope;
    return op_qk(b->g, qkv, b->positions, &q);
}

struct tensor *build_attn(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual)
{
    struct linear_spec s = {.n = 3};
    for (unsigned i = 0; i < 3; i++) {
        s.w[i] = build_param(b, b->layer, SLOT_Q_W + i);
        s.b[i] = build_param(b, b->layer, SLOT_Q_B + i);
    }
    struct tensor *qkv = queries_keys(b, k, op_linear(b->g, x, &s));
    struct attn_spec a = {.H = k->heads, .Hk = k->kv_heads, .D = k->head_dim, .window = k->window,
                          .scale = scale_of(k), .softcap = (float)k->softcap, .dropout = b->drop_attn,
                          .causal = k->causal, .prefix_end = k->causal ? b->prefix_end : NULL,
                          .sink = build_param(b, b->layer, SLOT_SINK)};
    set_positions(b, k, &a);
    float slopes[4096];
    if (k->pos == POS_ALIBI) {
        alibi_slopes(slopes, k->heads);
        a.alibi = slopes;
    }
    struct tensor *o = op_attn(b->g, qkv, b->seg_start, &a);
    return build_project(b, k, o, SLOT_O_W, SLOT_O_B, SLOT_POST1_W, residual);
}

/* No positions: a source token is what it is, wherever it stands. */
struct tensor *build_cross(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual)
{
    struct linear_spec q = {.n = 1, .w = {build_param(b, b->layer, SLOT_XQ_W)}, .b = {build_param(b, b->layer, SLOT_XQ_B)}};
    struct linear_spec kv = {.n = 2,
                             .w = {build_param(b, b->layer, SLOT_XK_W), build_param(b, b->layer, SLOT_XV_W)},
                             .b = {build_param(b, b->layer, SLOT_XK_B), build_param(b, b->layer, SLOT_XV_B)}};
    struct attn_spec a = {.H = k->heads, .Hk = k->kv_heads, .D = k->head_dim, .scale = scale_of(k),
                          .softcap = (float)k->softcap, .dropout = b->drop_attn};
    struct tensor *queries = op_linear(b->g, x, &q), *source = op_linear(b->g, b->memory, &kv);
    struct tensor *o = op_attn_cross(b->g, queries, source, b->src_lo, b->src_hi, &a);
    return build_project(b, k, o, SLOT_XO_W, SLOT_XO_B, SLOT_POSTX_W, residual);
}
