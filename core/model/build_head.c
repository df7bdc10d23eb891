/* build_head.c - from the last hidden state to logits and loss. */
#include "core/model/build_internal.h"

static struct tensor *vector_input(struct builder *b, const char *name, enum dtype dt, int64_t n)
{
    return graph_input(b->g, name, dt, 1, &n);
}

/* What predicts: the hidden states of all tokens, or of the chosen ones. */
struct head {
    struct tensor *x, *targets, *weights;
};

static struct head inputs(struct builder *b, const struct model_build *o, struct tensor *x)
{
    struct head h = {.x = x};
    int64_t n = (int64_t)o->opts.rows * (o->targets_per_row ? o->targets_per_row : o->opts.T);
    if (o->targets_per_row && (o->want_loss || o->want_logits))
        h.x = op_gather(b->g, x, vector_input(b, "target_at", DT_I32, n));
    if (!o->want_loss) return h;
    h.targets = o->targets ? o->targets : vector_input(b, "targets", DT_I32, n);
    h.weights = o->weights ? o->weights : vector_input(b, "weights", DT_F32, n);
    return h;
}

/* Dense and activation of the mlm and rtd heads; mlm: a layer norm, whatever the blocks have. */
static struct tensor *transform(struct builder *b, struct tensor *x)
{
    const struct model_config *c = b->c;
    if (c->head == HEAD_LM) return x;
    struct linear_spec s = {.n = 1, .act = c->head_act, .w = {build_param(b, -1, SLOT_HDENSE_W)},
                            .b = {build_param(b, -1, SLOT_HDENSE_B)}};
    x = op_linear(b->g, x, &s);
    if (c->head == HEAD_RTD) return x;
    return op_norm(b->g, NORM_LN, x, build_param(b, -1, SLOT_HNORM_W), build_param(b, -1, SLOT_HNORM_B),
                   (float)c->block[c->n_blocks - 1].norm_eps, false);
}

static void replaced(struct builder *b, const struct model_build *o, struct model_graph *out, const struct head *h)
{
    struct linear_spec s = {.n = 1, .w = {build_param(b, -1, SLOT_HEAD_W)}, .b = {build_param(b, -1, SLOT_HEAD_B)},
                            .f32_out = true};
    struct tensor *z = op_linear(b->g, h->x, &s);
    if (o->want_logits) out->logits = z;
    if (o->want_loss) out->loss = op_bce(b->g, z, h->targets, h->weights);
}

static void vocabulary(struct builder *b, const struct model_build *o, struct model_graph *out, const struct head *h)
{
    const struct model_config *c = b->c;
    struct tensor *w = build_param(b, -1, c->tie_embed ? SLOT_EMBED : SLOT_HEAD_W);
    struct tensor *bias = build_param(b, -1, SLOT_HEAD_B);
    float scale = (float)c->logit_scale, cap = (float)c->head_softcap;
    if (o->want_logits) {
        struct linear_spec s = {.w = {w}, .b = {bias}, .n = 1, .f32_out = true};
        struct tensor *y = op_linear(b->g, h->x, &s);
        if (scale != 1) y = op_scale(b->g, y, scale);
        if (cap > 0) y = op_scale(b->g, op_act(b->g, op_scale(b->g, y, 1 / cap), ACT_TANH), cap);
        out->logits = y;
    }
    if (!o->want_loss) return;
    struct ce_spec s = {.w = w, .b = bias, .label_smoothing = o->label_smoothing, .z_coef = o->z_coef, .softcap = cap,
                        .logit_scale = scale};
    out->loss = op_linear_ce(b->g, h->x, h->targets, h->weights, &s);
}

/* One state a text. */
static struct tensor *pooled(struct builder *b, int64_t n, struct tensor *x)
{
    struct tensor *at = vector_input(b, "target_at", DT_I32, n);
    if (b->c->pool != POOL_MEAN) return op_gather(b->g, x, at);
    return op_span_mean(b->g, x, at, vector_input(b, "target_end", DT_I32, n));
}

static void scores(struct builder *b, const struct model_build *o, struct model_graph *out)
{
    const struct model_config *c = b->c;
    int64_t n = (int64_t)o->opts.rows * o->targets_per_row, n_pairs = n / 2;
    struct tensor *w = build_param(b, -1, SLOT_SCORE_W), *bias = build_param(b, -1, SLOT_SCORE_B);
    struct tensor *x = pooled(b, n, out->hidden);
    struct linear_spec dense = {.n = 1, .act = c->head_act, .w = {build_param(b, -1, SLOT_SDENSE_W)},
                                .b = {build_param(b, -1, SLOT_SDENSE_B)}};
    struct linear_spec s = {.n = 1, .w = {w}, .b = {bias}, .f32_out = true};
    if (c->head_dense) x = op_linear(b->g, x, &dense);
    if (c->head_dense_norm)
        x = op_norm(b->g, NORM_LN, x, build_param(b, -1, SLOT_SNORM_W), build_param(b, -1, SLOT_SNORM_B),
                    (float)c->block[c->n_blocks - 1].norm_eps, false);
    bool ce = c->score_loss == LOSS_CE;
    struct tensor *z = o->want_logits || !ce ? op_linear(b->g, x, &s) : NULL;
    if (o->want_logits) out->logits = z;
    if (!o->want_loss) return;
    if (c->score_loss == LOSS_PAIRS) {
        out->loss = op_bce(b->g, op_pair_difference(b->g, z), vector_input(b, "targets", DT_I32, n_pairs),
                           vector_input(b, "weights", DT_F32, n_pairs));
        return;
    }
    struct tensor *weights = vector_input(b, "weights", DT_F32, n);
    if (ce) {
        struct ce_spec spec = {.w = w, .b = bias, .label_smoothing = o->label_smoothing, .z_coef = o->z_coef};
        out->loss = op_linear_ce(b->g, x, vector_input(b, "targets", DT_I32, n), weights, &spec);
    } else {
        out->loss = op_mse(b->g, z, graph_input(b->g, "values", DT_F32, 2, (int64_t[]){n, c->labels}), weights);
    }
}

void build_head(struct builder *b, const struct model_build *o, struct model_graph *out)
{
    graph_output(b->g, out->hidden);
    if (!o->want_logits && !o->want_loss) return;
    if (model_scores(b->c)) {
        scores(b, o, out);
        graph_output(b->g, out->logits);
        return;
    }
    struct head h = inputs(b, o, out->hidden);
    h.x = transform(b, h.x);
    if (b->c->head == HEAD_RTD) replaced(b, o, out, &h);
    else vocabulary(b, o, out, &h);
    graph_output(b->g, out->logits);
}
