/* Replaced-token detection: generator and model in one graph, so that one
 * backward pass trains both.  The generator's loss is a sum over the chosen
 * tokens of a batch, as in masked language modelling, and is divided by their
 * number; the weights of the model's questions bring its mean over all tokens
 * to the same denominator. */
#include <math.h>
#include <stdio.h>

#include "core/tensor/op_replace.h"
#include "core/train/objective.h"

static int build(const struct objective *o, const struct model_config *c, struct params *p, const struct graph_opts *opts,
                 struct model_graph *out, struct err *e)
{
    const struct objective_electra *x = (const struct objective_electra *)o;
    struct model_graph gen, model;
    struct model_build b = {.opts = *opts, .want_loss = true, .want_logits = true, .targets_per_row = x->targets_per_row};
    if (model_build(&x->generator, p, &b, &gen, e)) return -1;
    struct graph *g = gen.g;
    int64_t N = (int64_t)opts->rows * opts->T;
    struct replaced r = op_replace(g, graph_find_input(g, "tokens"), graph_find_input(g, "target_at"),
                                   graph_find_input(g, "targets"), gen.logits);
    struct model_build d = {.opts = *opts, .want_loss = true, .g = g, .tokens = r.tokens, .targets = r.replaced,
                            .weights = graph_input(g, "question_weights", DT_F32, 1, &N)};
    if (graph_error(g, e) || model_build(c, p, &d, &model, e)) {
        graph_free(g);
        return -1;
    }
    *out = model;
    out->loss = op_loss_sum(g, gen.loss, model.loss);
    if (!graph_error(g, e)) return 0;
    graph_free(g);
    return -1;
}

/* Targets are -1 or an id where there is text (batch.h). */
static int fill(const struct objective *o, struct exec *x, const struct batch *b, int row0, int rows, struct err *e)
{
    const struct objective_electra *el = (const struct objective_electra *)o;
    if (objective_fill(x, b, row0, rows, el->targets_per_row, e)) return -1;
    float *w = exec_input(x, "question_weights");
    size_t N = (size_t)b->rows * (size_t)b->T, from = (size_t)row0 * (size_t)b->T, n = (size_t)rows * (size_t)b->T;
    double chosen = 0, tokens = 0;
    for (size_t i = 0; i < N; i++) {
        chosen += b->targets[i] >= 0;
        tokens += b->targets[i] > -2;
    }
    for (size_t i = 0; i < n; i++)
        w[i] = b->targets[from + i] > -2 ? (float)((double)el->weight * chosen / tokens) : 0.0f;
    return 0;
}

static void describe(const struct objective *o, struct buf *json)
{
    const struct objective_electra *x = (const struct objective_electra *)o;
    buf_printf(json, ",\"rtd_weight\":%.9g,\"generator\":", (double)x->weight);
    model_config_print(&x->generator, json);
}

static int declare(const struct objective *o, const struct model_config *c, struct params *p, struct err *e)
{
    (void)c;
    return model_declare(&((const struct objective_electra *)o)->generator, p, DT_F32, e);
}

static int init(const struct objective *o, const struct model_config *c, struct params *p, uint64_t seed, struct err *e)
{
    (void)c;
    return model_init(&((const struct objective_electra *)o)->generator, p, seed, e);
}

static int shrink(int n, double size)
{
    int m = (int)lround(n * size);
    return m < 1 ? 1 : m;
}

int objective_electra(struct objective_electra *o, const struct model_config *model, double size, double weight,
                      int targets_per_row, struct err *e)
{
    *o = (struct objective_electra){
        .base =
            {.name = "electra", .describe = describe, .declare = declare, .init = init, .build = build, .fill = fill},
        .generator = *model,
        .targets_per_row = targets_per_row,
        .weight = (float)weight};
    struct model_config *g = &o->generator;
    if (model->stack != STACK_ENCODER || model->head != HEAD_RTD)
        return err_set(e, ERR_CONFIG, "--objective electra trains an encoder with head.type rtd");
    snprintf(g->prefix, sizeof g->prefix, "generator.");
    for (int i = 0; i < g->n_blocks; i++) {
        struct block_config *b = &g->block[i];
        b->heads = b->kv_heads = shrink(b->heads, size);
        b->d_ff = shrink(b->d_ff, size);
    }
    g->d_model = g->block[0].heads * g->block[0].head_dim;
    g->head = HEAD_MLM;
    g->head_norm = false;
    g->head_bias = g->tie_embed = true;
    return model_config_check(g, e) ? err_wrap(e, "the generator") : 0;
}
