/* build_rwkv.c - RWKV's time mixing and channel mixing in the graph. */
#include "core/model/build_internal.h"

static struct tensor *param(struct builder *b, enum slot_role r)
{
    return build_param(b, b->layer, r);
}

/* The same product for an input of its own; f32 where the recurrence reads it. */
static struct tensor *linear(struct builder *b, struct tensor *x, enum slot_role w, enum slot_role bias, enum act act, bool f32)
{
    struct linear_spec s = {.n = 1, .w = {param(b, w)}, .act = act, .f32_out = f32};
    if (bias != SLOT_N) s.b[0] = param(b, bias);
    return op_linear(b->g, x, &s);
}

static bool shift(struct builder *b, struct tensor *x, bool complement, const enum slot_role *roles, int n, struct tensor **y)
{
    struct tensor *mu[3];
    for (int i = 0; i < n; i++) mu[i] = param(b, roles[i]);
    return op_shift(b->g, x, b->seg_start, mu, n, complement, NULL, y);
}

static struct tensor *time_mix_4(struct builder *b, struct tensor *x)
{
    static const enum slot_role mix[] = {SLOT_MIX_R, SLOT_MIX_K, SLOT_MIX_V};
    struct tensor *m[3];
    if (!shift(b, x, true, mix, 3, m)) return NULL;
    struct tensor *r = linear(b, m[0], SLOT_TR_W, SLOT_N, ACT_NONE, true);
    struct tensor *k = linear(b, m[1], SLOT_TK_W, SLOT_N, ACT_NONE, true);
    struct tensor *v = linear(b, m[2], SLOT_TV_W, SLOT_N, ACT_NONE, true);
    return op_wkv4(b->g, r, k, v, param(b, SLOT_DECAY), param(b, SLOT_FIRST), b->seg_start);
}

struct tensor *build_rwkv(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual)
{
    struct tensor *y = time_mix_4(b, x);
    return build_project(b, k, y, SLOT_TO_W, SLOT_N, SLOT_POST1_W, residual);
}

struct tensor *build_cmix(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual)
{
    static const enum slot_role mix[] = {SLOT_CMIX_K, SLOT_CMIX_R};
    bool complement = k->mixer == MIX_RWKV4 || k->mixer == MIX_RWKV5;
    struct tensor *m[2];
    if (!shift(b, x, complement, mix, k->cmix_gate ? 2 : 1, m)) return NULL;
    struct tensor *h = linear(b, m[0], SLOT_CKEY_W, SLOT_N, ACT_RELU2, false);
    if (!k->cmix_gate) return build_project(b, k, h, SLOT_CVAL_W, SLOT_N, SLOT_POST2_W, residual);
    struct tensor *v = linear(b, h, SLOT_CVAL_W, SLOT_N, ACT_NONE, false);
    struct tensor *r = linear(b, m[1], SLOT_CR_W, SLOT_N, ACT_NONE, false);
    if (b->drop_resid == 0) return op_gate(b->g, r, ACT_SIGMOID, v, residual);
    return op_dropout(b->g, op_cast(b->g, op_gate(b->g, r, ACT_SIGMOID, v, NULL), DT_F32), b->drop_resid, residual);
}
