/* layout_rwkv.c - parameters of RWKV's mixers and channel mix. */
#include "core/model/layout_walk.h"

static int vector(struct walk *w, enum slot_role role, int64_t n)
{
    return layout_emit(w, (struct slot){.role = role, .ndim = 1, .dim = {n}, .init = INIT_RWKV});
}

static int matrix(struct walk *w, enum slot_role role, int64_t out, int64_t in)
{
    return layout_emit(w, (struct slot){.role = role, .ndim = 2, .dim = {out, in}, .flags = PARAM_DECAY | PARAM_MATRIX,
                                        .init = INIT_RWKV});
}

/* Low ranks take no weight decay, as in the authors' training code. */
static int low(struct walk *w, enum slot_role a, enum slot_role b, int64_t out, int64_t rank, int64_t in)
{
    struct slot s = {.role = a, .ndim = 2, .dim = {rank, in}, .flags = PARAM_MATRIX, .init = INIT_RWKV};
    if (layout_emit(w, s)) return -1;
    s.role = b;
    s.dim[0] = out;
    s.dim[1] = rank;
    return layout_emit(w, s);
}

static int mixes(struct walk *w, const enum slot_role *roles, int n)
{
    for (int i = 0; i < n; i++)
        if (vector(w, roles[i], w->c->d_model)) return -1;
    return 0;
}

/* r, k, v, the norm of the heads and the way out. */
static int products(struct walk *w, const struct block_config *b)
{
    int64_t C = w->c->d_model, A = (int64_t)b->heads * b->head_dim;
    bool norm = b->mixer != MIX_RWKV4;
    if (matrix(w, SLOT_TR_W, A, C) || matrix(w, SLOT_TK_W, A, C) || matrix(w, SLOT_TV_W, A, C) ||
        (b->rwkv.gate && matrix(w, SLOT_TG_W, A, C)) ||
        (norm && (vector(w, SLOT_LNX_W, A) ||
                  layout_emit(w, (struct slot){.role = SLOT_LNX_B, .ndim = 1, .dim = {A}, .init = INIT_ZERO}))))
        return -1;
    return matrix(w, SLOT_TO_W, C, A);
}

/* RWKV-4 and -5: fixed mixes and decays. */
static int fixed(struct walk *w, const struct block_config *b)
{
    static const enum slot_role mix[] = {SLOT_MIX_K, SLOT_MIX_V, SLOT_MIX_R, SLOT_MIX_G};
    int64_t A = (int64_t)b->heads * b->head_dim;
    if (mixes(w, mix, b->rwkv.gate ? 4 : 3) || vector(w, SLOT_DECAY, A) || vector(w, SLOT_FIRST, A)) return -1;
    return products(w, b);
}

static int six(struct walk *w, const struct block_config *b)
{
    static const enum slot_role mix[] = {SLOT_MIX_X, SLOT_MIX_W, SLOT_MIX_K, SLOT_MIX_V, SLOT_MIX_R, SLOT_MIX_G};
    int64_t C = w->c->d_model, A = (int64_t)b->heads * b->head_dim;
    if (mixes(w, mix, 6)) return -1;
    for (unsigned i = 0; i < 5; i++)
        if (low(w, SLOT_MA1_W + i, SLOT_MA2_W + i, C, b->rwkv.mix_rank, C)) return -1;
    if (vector(w, SLOT_DECAY, A) || low(w, SLOT_DECAY_A, SLOT_DECAY_B, A, b->rwkv.decay_rank, C) ||
        vector(w, SLOT_FIRST, A))
        return -1;
    return products(w, b);
}

/* The first layer of that kind has nothing to blend its values with. */
static bool rwkv7_first(const struct walk *w)
{
    for (int i = 0; i < w->layer; i++)
        if (model_block(w->c, i)->mixer == MIX_RWKV7) return false;
    return true;
}

static int seven(struct walk *w, const struct block_config *b)
{
    static const enum slot_role mix[] = {SLOT_MIX_R, SLOT_MIX_W, SLOT_MIX_K, SLOT_MIX_V, SLOT_MIX_A, SLOT_MIX_G};
    int64_t C = w->c->d_model, A = (int64_t)b->heads * b->head_dim;
    const struct rwkv_config *r = &b->rwkv;
    if (mixes(w, mix, 6) || vector(w, SLOT_DECAY, A) || low(w, SLOT_DECAY_A, SLOT_DECAY_B, A, r->decay_rank, C) ||
        vector(w, SLOT_A0, A) || low(w, SLOT_A1, SLOT_A2, A, r->a_rank, C) ||
        (!rwkv7_first(w) && (vector(w, SLOT_V0, A) || low(w, SLOT_V1, SLOT_V2, A, r->v_rank, C))) ||
        low(w, SLOT_G1, SLOT_G2, A, r->gate_rank, C) || vector(w, SLOT_KK, A) || vector(w, SLOT_KA, A) ||
        vector(w, SLOT_RK, A))
        return -1;
    return products(w, b);
}

int layout_rwkv(struct walk *w, const struct block_config *b)
{
    if (b->mixer == MIX_RWKV6) return six(w, b);
    return b->mixer == MIX_RWKV7 ? seven(w, b) : fixed(w, b);
}

int layout_cmix(struct walk *w, const struct block_config *b)
{
    int64_t C = w->c->d_model, F = b->d_ff;
    if (vector(w, SLOT_CMIX_K, C) || (b->cmix_gate && vector(w, SLOT_CMIX_R, C)) || matrix(w, SLOT_CKEY_W, F, C) ||
        (b->cmix_gate && matrix(w, SLOT_CR_W, C, C)))
        return -1;
    return matrix(w, SLOT_CVAL_W, C, F);
}
