#include "core/model/layout_walk.h"

static int matrix(struct walk *w, enum slot_role role, int64_t out, int64_t in, enum slot_init init)
{
    return layout_emit(
        w, (struct slot){.role = role, .ndim = 2, .dim = {out, in}, .flags = PARAM_DECAY | PARAM_MATRIX, .init = init});
}

static int norm(struct walk *w, enum slot_role role, int64_t n)
{
    return layout_emit(w, (struct slot){.role = role, .ndim = 1, .dim = {n}, .init = INIT_ONE});
}

static int bias(struct walk *w, const struct block_config *b, enum slot_role role, int64_t n)
{
    return b->mla.bias ? layout_emit(w, (struct slot){.role = role, .ndim = 1, .dim = {n}, .init = INIT_ZERO}) : 0;
}

int layout_mla(struct walk *w, const struct block_config *b)
{
    const struct mla_config *m = &b->mla;
    int64_t C = w->c->d_model, H = b->heads, q = H * (m->nope_dim + m->rope_dim);
    if (m->q_rank && (matrix(w, SLOT_MLA_QA, m->q_rank, C, INIT_NORMAL) || bias(w, b, SLOT_MLA_QA_B, m->q_rank) ||
                      norm(w, SLOT_MLA_QNORM, m->q_rank)))
        return -1;
    if (matrix(w, SLOT_MLA_QB, q, m->q_rank ? m->q_rank : C, INIT_NORMAL) ||
        matrix(w, SLOT_MLA_KVA, m->kv_rank, C, INIT_NORMAL) || matrix(w, SLOT_MLA_KR, m->rope_dim, C, INIT_NORMAL) ||
        bias(w, b, SLOT_MLA_KVA_B, m->kv_rank) || bias(w, b, SLOT_MLA_KR_B, m->rope_dim) ||
        norm(w, SLOT_MLA_KVNORM, m->kv_rank) ||
        matrix(w, SLOT_MLA_KVB, H * (m->nope_dim + m->v_dim), m->kv_rank, INIT_NORMAL))
        return -1;
    return matrix(w, SLOT_O_W, C, H * m->v_dim, INIT_RESIDUAL) || bias(w, b, SLOT_O_B, C) ? -1 : 0;
}
