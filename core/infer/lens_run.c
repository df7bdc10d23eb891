#include "core/infer/lens_run.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/tensor/lens.h"

struct inside {
    struct tensor *attention, *ids, *weights;
};

static int build(const struct saved_model *m, int n, struct model_graph *mg, struct err *e)
{
    bool two = m->config.stack == STACK_ENCDEC;
    struct model_build b = {
        .opts = {.compute = DT_F32, .rows = 1, .T = n, .leaves = 1}, .S = two ? n : 0, .encoder_only = two};
    return model_build(&m->config, m->params, &b, mg, e);
}

static void fill(struct exec *x, const char *name, const int32_t *ids, int n, int step)
{
    int32_t *v = exec_input(x, name);
    for (int i = 0; v && i < n; i++) v[i] = ids ? ids[i] : i * step;
}

static int execute(struct graph *g, const int32_t *ids, int n, struct pool *pool, struct exec **out, struct err *e)
{
    if (graph_error(g, e) || graph_plan(g, pool_threads(pool), e) || !(*out = exec_new(g, pool, e))) return -1;
    static const char *const names[2][3] = {{"tokens", "positions", "seg_start"},
                                            {"src_tokens", "src_positions", "src_seg_start"}};
    for (int k = 0; k < 2; k++) {
        fill(*out, names[k][0], ids, n, 0);
        fill(*out, names[k][1], NULL, n, 1);
        fill(*out, names[k][2], NULL, n, 0);
    }
    fill(*out, "types", NULL, n, 0);
    return exec_run(*out, &(struct run_args){.loss_scale = 1}, e);
}

static void *copy(const void *p, size_t n)
{
    void *q = mem_alloc(n, 1);
    if (q) memcpy(q, p, n);
    return q;
}

static int keep(const struct inside *in, int n, struct lens_result *out, struct err *e)
{
    size_t bytes = 0;
    if (in->attention) {
        out->heads = (int)(in->attention->dim[0] / n);
        bytes = (size_t)out->heads * (size_t)n * (size_t)n * sizeof(float);
        out->attention = copy(in->attention->data, bytes);
    } else {
        out->top_k = (int)in->weights->dim[1];
        bytes = (size_t)n * (size_t)out->top_k * sizeof(float);
        out->weights = copy(in->weights->data, bytes);
        out->experts = copy(in->ids->data, bytes);
    }
    return out->attention || (out->weights && out->experts) ? 0 : err_oom(e, bytes, "what the layer did");
}

static int run(const struct saved_model *m, const int32_t *ids, int n, int layer, bool experts, struct pool *pool,
               struct lens_result *out, struct err *e)
{
    const struct model_config *c = &m->config;
    int layers = c->stack == STACK_ENCDEC ? c->n_enc_layers : c->n_layers;
    struct model_graph mg = {0};
    struct inside in = {0};
    struct exec *x = NULL;
    int ret = -1;
    *out = (struct lens_result){.n = n};
    if (layer < 0 || layer >= layers)
        return err_set(e, ERR_USAGE, "layer %d: the model has layers 0 to %d", layer, layers - 1);
    if (n > c->max_pos) return err_set(e, ERR_USAGE, "the text has %d tokens, the model's context is %d", n, c->max_pos);
    if (build(m, n, &mg, e)) return -1;
    if (experts ? !lens_experts(mg.g, layer, &in.ids, &in.weights) : !(in.attention = lens_attention(mg.g, layer, false)))
        err_set(e, ERR_USAGE, "layer %d of this model has no %s", layer,
                experts ? "experts" : "attention that could be shown");
    else if (!execute(mg.g, ids, n, pool, &x, e))
        ret = keep(&in, n, out, e);
    exec_free(x);
    graph_free(mg.g);
    if (ret) lens_result_free(out);
    return ret;
}

int lens_run_attention(const struct saved_model *m, const int32_t *ids, int n, int layer, struct pool *pool,
                       struct lens_result *out, struct err *e)
{
    return run(m, ids, n, layer, false, pool, out, e);
}

int lens_run_experts(const struct saved_model *m, const int32_t *ids, int n, int layer, struct pool *pool,
                     struct lens_result *out, struct err *e)
{
    return run(m, ids, n, layer, true, pool, out, e);
}

void lens_result_free(struct lens_result *r)
{
    free(r->attention);
    free(r->experts);
    free(r->weights);
    *r = (struct lens_result){0};
}
