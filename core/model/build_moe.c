#include "core/model/build_internal.h"

/* The shared experts: one GLU that every token takes. */
static struct tensor *shared_experts(struct builder *b, const struct block_config *k, struct tensor *x,
                                     struct tensor *residual)
{
    struct linear_spec up = {.n = 2, .w = {build_param(b, b->layer, SLOT_SGATE_W), build_param(b, b->layer, SLOT_SUP_W)}};
    bool weighed = k->moe.shared_gate;
    struct linear_spec down = {
        .n = 1, .w = {build_param(b, b->layer, SLOT_SDOWN_W)}, .residual = weighed ? NULL : residual, .f32_out = true};
    struct tensor *y = op_linear(b->g, op_glu(b->g, op_linear(b->g, x, &up), k->act), &down);
    if (!weighed) return y;
    struct linear_spec one = {.n = 1, .w = {build_param(b, b->layer, SLOT_SSIG_W)}, .f32 = true};
    return op_weigh(b->g, y, op_linear(b->g, x, &one), residual);
}

struct tensor *build_moe(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual)
{
    const struct moe_config *m = &k->moe;
    struct linear_spec gate = {.n = 1, .w = {build_param(b, b->layer, SLOT_ROUTER_W)},
                               .b = {build_param(b, b->layer, SLOT_ROUTER_B)}, .f32 = true};
    struct router_rule rule = {.score = m->score, .experts = m->experts, .top_k = m->top_k, .groups = m->groups,
                               .topk_groups = m->topk_groups, .renorm = m->renorm, .scale = (float)m->scale};
    struct routing to;
    if (!op_router(b->g, op_linear(b->g, x, &gate), build_param(b, b->layer, SLOT_ROUTER_CORR), &rule, b->stats,
                   b->moe_layer++, &to))
        return NULL;
    struct tensor *h = op_grouped(b->g, op_dispatch(b->g, x, &to), &to, build_param(b, b->layer, SLOT_EUP_W),
                                  build_param(b, b->layer, SLOT_EUP_B));
    h = k->glu_limit > 0 ? op_glu_clamped(b->g, h, (float)k->glu_limit, (float)k->glu_alpha) : op_glu(b->g, h, k->act);
    h = op_grouped(b->g, h, &to, build_param(b, b->layer, SLOT_EDOWN_W), build_param(b, b->layer, SLOT_EDOWN_B));
    bool direct = !norm_behind(k) && b->drop_resid == 0 && k->residual_scale == 1;
    struct tensor *base = direct ? residual : NULL;
    if (m->shared) base = shared_experts(b, k, x, base);
    struct tensor *y = op_combine(b->g, h, &to, base);
    return direct ? y : build_join(b, k, y, SLOT_POST2_W, residual);
}

static const struct moe_config *first_moe(const struct model_config *c, int *layers)
{
    const struct moe_config *m = NULL;
    *layers = 0;
    for (int i = 0; i < c->n_blocks; i++) {
        if (c->block[i].ffn != FFN_MOE) continue;
        if (!m) m = &c->block[i].moe;
        *layers += c->block[i].repeat;
    }
    return m;
}

struct router_stats *build_router_stats(struct builder *b, bool want_loss)
{
    int layers;
    const struct moe_config *m = first_moe(b->c, &layers);
    if (!m) return NULL;
    return router_stats_new(b->g, layers, m->experts, m->top_k, want_loss && (m->aux_coef > 0 || m->z_coef > 0));
}

struct tensor *build_router_loss(struct builder *b)
{
    int layers;
    const struct moe_config *m = first_moe(b->c, &layers);
    if (!b->stats || !b->stats->probs) return NULL;
    struct tensor *given = graph_input(b->g, "router_counts", DT_F32, 1, (int64_t[]){(int64_t)layers * m->experts});
    return op_router_loss(b->g, b->stats, given, m->aux_norm, (float)m->aux_coef, (float)m->z_coef);
}

struct corrections {
    const struct params *p;
    struct param **out;
    int n;
};

static int take(void *arg, const struct slot *s, struct err *e)
{
    struct corrections *w = arg;
    (void)e;
    if (s->role == SLOT_ROUTER_W) w->out[w->n++] = NULL;
    if (s->role == SLOT_ROUTER_CORR) w->out[w->n - 1] = params_find(w->p, s->name);
    return 0;
}

int model_router_corrections(const struct model_config *c, const struct params *p, struct param **out, struct err *e)
{
    return layout_walk(c, take, &(struct corrections){p, out, 0}, e);
}

int model_moe_layers(const struct model_config *c, int *experts)
{
    int layers;
    const struct moe_config *m = first_moe(c, &layers);
    *experts = m ? m->experts : 0;
    return layers;
}
