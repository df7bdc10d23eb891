/* build_rwkv.c - RWKV's time mixing and channel mixing in the graph. */
#include "core/model/build_internal.h"

static struct tensor *param(struct builder *b, enum slot_role r)
{
    return build_param(b, b->layer, r);
}

/* The same product for an input of its own; f32 where the recurrence reads it. */
static struct tensor *linear(struct builder *b, struct tensor *x, enum slot_role w, enum slot_role bias, enum act act,
                             bool f32)
{
    struct linear_spec s = {.n = 1, .w = {param(b, w)}, .act = act, .f32_out = f32};
    if (bias != SLOT_N) s.b[0] = param(b, bias);
    return op_linear(b->g, x, &s);
}

static bool shift(struct builder *b, struct tensor *x, bool complement, const enum slot_role *roles, int n,
                  struct tensor **y)
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

/* The heads' outputs, normed. */
static struct tensor *head_norm(struct builder *b, const struct block_config *k, struct tensor *y)
{
    return op_group_norm(b->g, y, param(b, SLOT_LNX_W), param(b, SLOT_LNX_B), k->head_dim, (float)k->rwkv.norm_eps);
}

static struct tensor *time_mix_5(struct builder *b, const struct block_config *k, struct tensor *x)
{
    static const enum slot_role mix[] = {SLOT_MIX_R, SLOT_MIX_K, SLOT_MIX_V, SLOT_MIX_G};
    struct tensor *m[4];
    if (!shift(b, x, true, mix, 3, m) || (k->rwkv.gate && !shift(b, x, true, mix + 3, 1, m + 3))) return NULL;
    struct wkv_spec s = {.r = linear(b, m[0], SLOT_TR_W, SLOT_N, ACT_NONE, true),
                         .k = linear(b, m[1], SLOT_TK_W, SLOT_N, ACT_NONE, true),
                         .v = linear(b, m[2], SLOT_TV_W, SLOT_N, ACT_NONE, true),
                         .w = op_decay(b->g, param(b, SLOT_DECAY), NULL, false),
                         .u = param(b, SLOT_FIRST),
                         .D = k->head_dim};
    struct tensor *y = head_norm(b, k, op_wkv(b->g, &s, b->seg_start));
    if (!k->rwkv.gate) return y;
    return op_gate(b->g, linear(b, m[3], SLOT_TG_W, SLOT_N, ACT_NONE, false), ACT_SILU, y, NULL);
}

/* Each of w, k, v, r, g has a mix that depends on the token (its mu plus a low-rank function of it). */
static bool mixes_6(struct builder *b, struct tensor *x, struct tensor *m[5])
{
    static const enum slot_role mix[] = {SLOT_MIX_X, SLOT_MIX_W, SLOT_MIX_K, SLOT_MIX_V, SLOT_MIX_R, SLOT_MIX_G};
    struct tensor *all;
    if (!shift(b, x, false, mix, 1, &all)) return false;
    for (unsigned i = 0; i < 5; i++) {
        struct tensor *d =
            linear(b, linear(b, all, SLOT_MA1_W + i, SLOT_N, ACT_TANH, false), SLOT_MA2_W + i, SLOT_N, ACT_NONE, false);
        struct tensor *mu = param(b, mix[1 + i]);
        if (!op_shift(b->g, x, b->seg_start, &mu, 1, false, d, &m[i])) return false;
    }
    return true;
}

static struct tensor *time_mix_6(struct builder *b, const struct block_config *k, struct tensor *x)
{
    struct tensor *m[5];
    if (!mixes_6(b, x, m)) return NULL;
    struct tensor *z =
        linear(b, linear(b, m[0], SLOT_DECAY_A, SLOT_N, ACT_TANH, false), SLOT_DECAY_B, SLOT_N, ACT_NONE, true);
    struct wkv_spec s = {.r = linear(b, m[3], SLOT_TR_W, SLOT_N, ACT_NONE, true),
                         .k = linear(b, m[1], SLOT_TK_W, SLOT_N, ACT_NONE, true),
                         .v = linear(b, m[2], SLOT_TV_W, SLOT_N, ACT_NONE, true),
                         .w = op_decay(b->g, param(b, SLOT_DECAY), z, false), .u = param(b, SLOT_FIRST), .D = k->head_dim};
    struct tensor *y = head_norm(b, k, op_wkv(b->g, &s, b->seg_start));
    return op_gate(b->g, linear(b, m[4], SLOT_TG_W, SLOT_N, ACT_NONE, false), ACT_SILU, y, NULL);
}

static struct tensor *low_rank(struct builder *b, struct tensor *x, enum slot_role down, enum act act, enum slot_role up,
                               enum slot_role bias)
{
    return linear(b, linear(b, x, down, SLOT_N, act, false), up, bias, ACT_NONE, true);
}

static struct tensor *time_mix_7(struct builder *b, const struct block_config *k, struct tensor *x)
{
    static const enum slot_role mix[] = {SLOT_MIX_R, SLOT_MIX_W, SLOT_MIX_K, SLOT_MIX_V, SLOT_MIX_A, SLOT_MIX_G};
    struct tensor *m[6], *keys[3];
    if (!shift(b, x, false, mix, 3, m) || !shift(b, x, false, mix + 3, 3, m + 3)) return NULL;
    struct tensor *z = low_rank(b, m[1], SLOT_DECAY_A, ACT_TANH, SLOT_DECAY_B, SLOT_N);
    struct wkv_spec s = {.r = linear(b, m[0], SLOT_TR_W, SLOT_N, ACT_NONE, true),
                         .v = linear(b, m[3], SLOT_TV_W, SLOT_N, ACT_NONE, true),
                         .w = op_decay(b->g, param(b, SLOT_DECAY), z, true), .D = k->head_dim};
    /* All layers but the first blend their values with those of the first. */
    if (!b->v_first) b->v_first = s.v;
    else s.v = op_blend(b->g, s.v, b->v_first, low_rank(b, m[3], SLOT_V1, ACT_NONE, SLOT_V2, SLOT_V0));
    struct tensor *a = low_rank(b, m[4], SLOT_A1, ACT_NONE, SLOT_A2, SLOT_A0);
    if (!op_rwkv7_keys(b->g, linear(b, m[2], SLOT_TK_W, SLOT_N, ACT_NONE, true), a, param(b, SLOT_KK), param(b, SLOT_KA),
                       k->head_dim, keys))
        return NULL;
    s.k = keys[0];
    s.a = keys[1];
    s.b = keys[2];
    struct tensor *y = head_norm(b, k, op_wkv(b->g, &s, b->seg_start));
    y = op_rwkv7_bonus(b->g, y, s.r, s.k, s.v, param(b, SLOT_RK), k->head_dim);
    struct tensor *g = linear(b, linear(b, m[5], SLOT_G1, SLOT_N, ACT_SIGMOID, false), SLOT_G2, SLOT_N, ACT_NONE, false);
    return op_gate(b->g, y, ACT_NONE, g, NULL);
}

struct tensor *build_rwkv(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual)
{
    struct tensor *y = k->mixer == MIX_RWKV4   ? time_mix_4(b, x)
                       : k->mixer == MIX_RWKV5 ? time_mix_5(b, k, x)
                       : k->mixer == MIX_RWKV6 ? time_mix_6(b, k, x)
                                               : time_mix_7(b, k, x);
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
