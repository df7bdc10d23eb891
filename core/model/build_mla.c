/* build_mla.c - latent attention in the graph: keys and values of all heads are
 * made from a short vector, then attention is the usual one. */
#include <math.h>

#include "core/model/build_internal.h"

static struct tensor *product(struct builder *b, struct tensor *x, enum slot_role w, enum slot_role bias)
{
    struct linear_spec s = {.n = 1, .w = {build_param(b, b->layer, w)}, .b = {build_param(b, b->layer, bias)}};
    return op_linear(b->g, x, &s);
}

static struct tensor *normed(struct builder *b, const struct block_config *k, struct tensor *x, enum slot_role w)
{
    return op_norm(b->g, NORM_RMS, x, build_param(b, b->layer, w), NULL, (float)k->mla.norm_eps, false);
}

struct tensor *build_mla(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual)
{
    const struct mla_config *m = &k->mla;
    const struct mla_spec s = {.H = k->heads, .nope = m->nope_dim, .rope = m->rope_dim, .v = m->v_dim};
    struct tensor *q = m->q_rank ? normed(b, k, product(b, x, SLOT_MLA_QA, SLOT_MLA_QA_B), SLOT_MLA_QNORM) : x;
    q = product(b, q, SLOT_MLA_QB, SLOT_N);
    struct tensor *kv = product(b, normed(b, k, product(b, x, SLOT_MLA_KVA, SLOT_MLA_KVA_B), SLOT_MLA_KVNORM), SLOT_MLA_KVB,
                                SLOT_N);
    struct tensor *qkv = op_mla_pack(b->g, q, kv, product(b, x, SLOT_MLA_KR, SLOT_MLA_KR_B), &s);
    struct qk_spec turn = {.H = k->heads, .Hk = k->heads, .D = k->head_dim, .rope = &b->rope, .interleaved = k->interleaved};
    qkv = op_qk(b->g, qkv, b->positions, &turn);
    struct attn_spec a = {.H = k->heads, .Hk = k->heads, .D = k->head_dim, .dropout = b->drop_attn, .causal = true,
                          .scale = (float)(k->scale > 0 ? k->scale : 1 / sqrt(m->nope_dim + m->rope_dim)),
                          .prefix_end = b->prefix_end};
    struct tensor *o = op_mla_heads(b->g, op_attn(b->g, qkv, b->seg_start, &a), &s);
    return build_project(b, k, o, SLOT_O_W, SLOT_O_B, SLOT_POST1_W, residual);
}
