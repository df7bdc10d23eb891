#include "core/model/layout_walk.h"

enum { MATRIX = PARAM_DECAY | PARAM_MATRIX };

static int vector(struct walk *w, enum slot_role role, int64_t n, unsigned flags)
{
    return layout_emit(w, (struct slot){.role = role, .ndim = 1, .dim = {n}, .flags = flags, .init = INIT_ZERO});
}

int layout_moe(struct walk *w, const struct block_config *b)
{
    const struct moe_config *m = &b->moe;
    int64_t C = w->c->d_model, F = b->d_ff, E = m->experts, S = moe_shared_width(b);
    if (layout_emit(w, (struct slot){.role = SLOT_ROUTER_W, .ndim = 2, .dim = {E, C}, .flags = PARAM_DECAY,
                                     .init = INIT_NORMAL, .f32 = true}) ||
        (m->router_bias && vector(w, SLOT_ROUTER_B, E, 0)) ||
        (m->correction_bias && vector(w, SLOT_ROUTER_CORR, E, PARAM_FROZEN)) ||
        layout_emit(w, (struct slot){.role = SLOT_EUP_W, .ndim = 3, .dim = {E, 2 * F, C}, .flags = MATRIX,
                                     .init = INIT_NORMAL, .split = 2 * m->experts}) ||
        (b->ffn_bias && vector(w, SLOT_EUP_B, E * 2 * F, 0)) ||
        layout_emit(w, (struct slot){.role = SLOT_EDOWN_W, .ndim = 3, .dim = {E, C, F}, .flags = MATRIX,
                                     .init = INIT_RESIDUAL, .split = m->experts}) ||
        (b->ffn_bias && vector(w, SLOT_EDOWN_B, E * C, 0)))
        return -1;
    if (!S) return 0;
    struct slot up = {.ndim = 2, .dim = {S, C}, .flags = MATRIX, .init = INIT_NORMAL}, gate = up;
    gate.role = SLOT_SGATE_W;
    up.role = SLOT_SUP_W;
    if (layout_emit(w, gate) || layout_emit(w, up)) return -1;
    if (m->shared_gate && layout_emit(w, (struct slot){.role = SLOT_SSIG_W, .ndim = 2, .dim = {1, C}, .flags = PARAM_DECAY,
                                                       .init = INIT_NORMAL, .f32 = true}))
        return -1;
    return layout_emit(
        w, (struct slot){.role = SLOT_SDOWN_W, .ndim = 2, .dim = {C, S}, .flags = MATRIX, .init = INIT_RESIDUAL});
}
