#include "core/infer/lens_run.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/tensor/lens.h"

struct inside {
    struct tensor *attention, *ids, *weights;
};

static int build(const struct saved_model *m, const struct lens_text *t, struct model_graph *mg, struct err *e)
{
    bool two = m->config.stack == STACK_ENCDEC;
    struct model_build b = {.opts = {.compute = DT_F32, .rows = 1, .T = t->target ? t->n_target : t->n, .leaves = 1},
                            .S = two ? t->n : 0,
                            .encoder_only = two && !t->target};
    return model_build(&m->config, m->params, &b, mg, e);
}

static void fill(struct exec *x, const char *name, const int32_t *ids, int n, int first, int step)
{
    int32_t *v = exec_input(x, name);
    for (int i = 0; v && i < n; i++) v[i] = ids ? ids[i] : first + i * step;
}

static int execute(struct graph *g, const struct lens_text *t, struct pool *pool, struct exec **out, struct err *e)
{
    if (graph_error(g, e) || graph_plan(g, pool_threads(pool), e) || !(*out = exec_new(g, pool, e))) return -1;
    static const char *const names[2][3] = {{"tokens", "positions", "seg_start"},
                                            {"src_tokens", "src_positions", "src_seg_start"}};
    for (int k = 0; k < 2; k++) {
        bool target = k == 0 && t->target;
        int n = target ? t->n_target : t->n;
        fill(*out, names[k][0], target ? t->target : t->ids, n, 0, 0);
        fill(*out, names[k][1], NULL, n, 0, 1);
        fill(*out, names[k][2], NULL, n, 0, 0);
    }
    fill(*out, "types", NULL, t->n, 0, 0);
    fill(*out, "src_lo", NULL, t->n_target, 0, 0);
    fill(*out, "src_hi", NULL, t->n_target, t->n, 0);
    return exec_run(*out, &(struct run_args){.loss_scale = 1}, e);
}

static void *copy(const void *p, size_t n)
{
    void *q = mem_alloc(n, 1);
    if (q) memcpy(q, p, n);
    return q;
}

static int keep(const struct inside *in, struct lens_result *out, struct err *e)
{
    size_t bytes = 0, n = (size_t)out->n;
    if (in->attention) {
        out->heads = (int)(in->attention->dim[0] / out->n);
        bytes = (size_t)out->heads * n * (size_t)out->seen * sizeof(float);
        out->attention = copy(in->attention->data, bytes);
    } else {
        out->top_k = (int)in->weights->dim[1];
        bytes = n * (size_t)out->top_k * sizeof(float);
        out->weights = copy(in->weights->data, bytes);
        out->experts = copy(in->ids->data, bytes);
    }
    return out->attention || (out->weights && out->experts) ? 0 : err_oom(e, bytes, "what the layer did");
}

static int check(const struct model_config *c, const struct lens_text *t, int layer, struct err *e)
{
    bool two = c->stack == STACK_ENCDEC;
    int layers = !two ? c->n_layers : t->target ? c->n_layers - c->n_enc_layers : c->n_enc_layers;
    if (t->target && !two) return err_set(e, ERR_USAGE, "a target is for encoder-decoders; this model has one stack");
    if (t->cross && !t->target) return err_set(e, ERR_USAGE, "only the tokens of a target look at the source; give a target");
    if (layer < 0 || layer >= layers)
        return err_set(e, ERR_USAGE, "layer %d: the %s has layers 0 to %d", layer,
                       !two ? "model" : t->target ? "decoder" : "encoder", layers - 1);
    int n = t->n > t->n_target ? t->n : t->n_target;
    return n > c->max_pos ? err_set(e, ERR_USAGE, "the text has %d tokens, the model's context is %d", n, c->max_pos) : 0;
}

static int run(const struct saved_model *m, const struct lens_text *t, int layer, bool experts, struct pool *pool,
               struct lens_result *out, struct err *e)
{
    struct model_graph mg = {0};
    struct inside in = {0};
    struct exec *x = NULL;
    int ret = -1, at = layer + (t->target ? m->config.n_enc_layers : 0); /* in the graph */
    *out = (struct lens_result){.n = t->target ? t->n_target : t->n};
    out->seen = t->cross ? t->n : out->n;
    if (check(&m->config, t, layer, e) || build(m, t, &mg, e)) return -1;
    if (experts ? !lens_experts(mg.g, at, &in.ids, &in.weights) : !(in.attention = lens_attention(mg.g, at, t->cross)))
        err_set(e, ERR_USAGE, "layer %d of this model has no %s", layer,
                experts ? "experts" : "attention that could be shown");
    else if (!execute(mg.g, t, pool, &x, e))
        ret = keep(&in, out, e);
    exec_free(x);
    graph_free(mg.g);
    if (ret) lens_result_free(out);
    return ret;
}

int lens_run_attention(const struct saved_model *m, const struct lens_text *t, int layer, struct pool *pool,
                       struct lens_result *out, struct err *e)
{
    return run(m, t, layer, false, pool, out, e);
}

int lens_run_experts(const struct saved_model *m, const struct lens_text *t, int layer, struct pool *pool,
                     struct lens_result *out, struct err *e)
{
    return run(m, t, layer, true, pool, out, e);
}

void lens_result_free(struct lens_result *r)
{
    free(r->attention);
    free(r->experts);
    free(r->weights);
    *r = (struct lens_result){0};
}
