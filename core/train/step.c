#include "core/train/step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sig.h"

struct stepper {
    struct step_cfg cfg;
    const struct objective *obj;
    struct params *params;
    struct model_graph mg;
    struct exec *exec;
    struct grads *grads;
    struct pool *pool;
    struct batch batch;
    void *batch_mem;
    /* of models with experts */
    int moe_layers, n_experts;
    int64_t *counts;    /* [moe_layers * n_experts], of the last batch */
    struct param **correction; /* [moe_layers], entries may be NULL */
    double bias_gamma;
};

double loss_sum_bpb(const struct loss_sum *s)
{
    return s->bytes > 0 ? s->nll / (M_LN2 * s->bytes) : (double)NAN;
}

bool step_has_dropout(const struct model_config *m)
{
    return m->dropout_embed > 0 || m->dropout_attn > 0 || m->dropout_resid > 0;
}

int step_default_leaves(int batch, int accum)
{
    int n = 1;
    while (batch % (2 * n) == 0 && (n < 8 || n < accum)) n *= 2;
    return n;
}

int step_check(const struct step_cfg *c, struct err *e)
{
    if (c->leaves < 1 || (c->leaves & (c->leaves - 1)))
        return err_set(e, ERR_CONFIG, "leaves = %d is not a power of two", c->leaves);
    if (c->rows % c->leaves)
        return err_set(e, ERR_CONFIG, "a batch of %d sequences cannot be cut into %d equal leaves", c->rows, c->leaves);
    if (c->accum < 1 || c->leaves % c->accum)
        return err_set(e, ERR_CONFIG, "accum = %d does not divide the %d leaves of a batch", c->accum, c->leaves);
    return 0;
}

/* The arrays that the model reads; sources leave alone what is NULL. */
static int alloc_batch(struct stepper *s, const struct model_config *m, struct err *e)
{
    const struct step_cfg *c = &s->cfg;
    struct batch *b = &s->batch;
    int S = s->obj->S;
    size_t n = (size_t)c->rows * (size_t)c->T, src = (size_t)c->rows * (size_t)S, types = S ? src : n;
    *b = (struct batch){.rows = c->rows, .T = c->T, .S = S};
    int32_t *weights = NULL;
    const struct {
        int32_t **at;
        size_t n;
    } part[] = {{&b->tokens, n}, {&b->targets, n}, {&b->positions, n}, {&b->seg_start, n}, {&weights, n},
                {&b->prefix_end, s->obj->prefix ? n : 0}, {&b->types, m->embed_types ? types : 0},
                {&b->src_tokens, src}, {&b->src_positions, src}, {&b->src_seg_start, src},
                {&b->src_lo, S ? n : 0}, {&b->src_hi, S ? n : 0}};
    size_t total = 0;
    for (size_t i = 0; i < COUNT_OF(part); i++) total += part[i].n;
    int32_t *p = s->batch_mem = mem_zalloc(total, sizeof *p);
    if (!p) return err_oom(e, total * sizeof *p, "a batch");
    for (size_t i = 0; i < COUNT_OF(part); p += part[i++].n)
        if (part[i].n) *part[i].at = p;
    b->weights = (float *)weights;
    return 0;
}

static int alloc_experts(struct stepper *s, const struct model_config *m, struct err *e)
{
    s->moe_layers = model_moe_layers(m, &s->n_experts);
    if (!s->moe_layers) return 0;
    s->counts = mem_zalloc((size_t)s->moe_layers * (size_t)s->n_experts, sizeof *s->counts);
    s->correction = mem_zalloc((size_t)s->moe_layers, sizeof *s->correction);
    if (!s->counts || !s->correction) return err_oom(e, (size_t)s->moe_layers * (size_t)s->n_experts * 8, "expert counts");
    for (int i = 0; i < m->n_blocks; i++)
        if (m->block[i].ffn == FFN_MOE) s->bias_gamma = m->block[i].moe.bias_gamma;
    return model_router_corrections(m, s->params, s->correction, e);
}

struct stepper *stepper_new(const struct step_cfg *c, const struct objective *o, const struct model_config *m,
                            struct params *p, int n_threads, struct err *e)
{
    if (step_check(c, e)) return NULL;
    struct stepper *s = mem_zalloc(1, sizeof *s);
    if (!s) {
        err_oom(e, sizeof *s, "step");
        return NULL;
    }
    s->cfg = *c;
    s->obj = o;
    s->params = p;
    struct graph_opts opts = {.compute = c->compute, .training = c->training,
                              .recompute = c->recompute ? RECOMPUTE_BLOCK : RECOMPUTE_NONE,
                              .rows = c->rows / c->accum, .T = c->T, .leaves = c->leaves / c->accum};
    if (alloc_batch(s, m, e) || alloc_experts(s, m, e) || o->build(o, m, p, &opts, &s->mg, e) || graph_error(s->mg.g, e) ||
        (c->training && graph_backward(s->mg.g, s->mg.loss, e)) || graph_plan(s->mg.g, n_threads, e)) {
        stepper_free(s);
        return NULL;
    }
    return s;
}

int stepper_alloc(struct stepper *s, struct pool *pool, struct err *e)
{
    s->pool = pool;
    s->exec = exec_new(s->mg.g, pool, e);
    if (!s->exec) return -1;
    if (!s->cfg.training) return 0;
    s->grads = grads_new(s->mg.g, s->params, s->cfg.accum, e);
    return s->grads ? 0 : -1;
}

void stepper_free(struct stepper *s)
{
    if (!s) return;
    grads_free(s->grads);
    exec_free(s->exec);
    graph_free(s->mg.g);
    free(s->batch_mem);
    free(s->counts);
    free(s->correction);
    free(s);
}

struct graph_sizes stepper_sizes(const struct stepper *s)
{
    return graph_get_sizes(s->mg.g);
}

int64_t stepper_grad_bytes(const struct stepper *s)
{
    return s->grads ? grads_bytes(s->grads) : grads_plan_bytes(s->mg.g, s->cfg.accum);
}

int64_t stepper_bytes(const struct stepper *s)
{
    return (s->exec ? exec_bytes(s->exec) : 0) + (s->grads ? grads_bytes(s->grads) : 0);
}

void stepper_profile(const struct stepper *s, struct buf *out)
{
    if (s->exec) exec_profile(s->exec, out);
}

/* The carry stack of the canonical tree: level l holds the sum of 2^l
 * executions.  Sums are f32, as inside an execution. */
enum { SUMS = 6 }; /* those of linear_ce, then of router_loss */
struct loss_tree {
    float level[32][SUMS];
};

static void merge(struct loss_tree *t, int i, const float *leaf)
{
    float sum[SUMS];
    int l = 0;
    memcpy(sum, leaf, sizeof sum);
    for (; (i >> l) & 1; l++)
        for (int k = 0; k < SUMS; k++) sum[k] = t->level[l][k] + sum[k];
    memcpy(t->level[l], sum, sizeof sum);
}

static double sum_weights(const struct batch *b)
{
    double w = 0;
    size_t n = (size_t)b->rows * (size_t)b->T;
    for (size_t i = 0; i < n; i++) w += (double)b->weights[i];
    return w;
}

static void add_counts(struct stepper *s)
{
    const int32_t *counts = s->mg.router_counts ? s->mg.router_counts->data : NULL;
    for (int i = 0; counts && i < s->moe_layers * s->n_experts; i++) s->counts[i] += counts[i];
}

const int64_t *stepper_expert_counts(const struct stepper *s, int *layers, int *experts)
{
    *layers = s->moe_layers;
    *experts = s->n_experts;
    return s->counts;
}

/* The load-balancing loss weighs experts by the counts of the whole batch, so
 * with several executions these are taken first, by a forward pass over all. */
static int count_ahead(struct stepper *s, const struct run_args *args, struct err *e)
{
    float *given = exec_input(s->exec, "router_counts");
    int n = s->moe_layers * s->n_experts, rows = s->cfg.rows / s->cfg.accum;
    if (!given || s->cfg.accum == 1) return 0;
    for (int i = 0; i < s->cfg.accum; i++) {
        struct run_args a = *args;
        a.row0 = (uint64_t)(i * rows);
        a.grads = false;
        if (s->obj->fill(s->obj, s->exec, &s->batch, i * rows, rows, e) || exec_run(s->exec, &a, e)) return -1;
        add_counts(s);
    }
    for (int i = 0; i < n; i++) given[i] = (float)s->counts[i];
    memset(s->counts, 0, (size_t)n * sizeof *s->counts);
    return 0;
}

void stepper_balance_experts(struct stepper *s)
{
    for (int l = 0; l < s->moe_layers && s->bias_gamma > 0; l++) {
        if (!s->correction[l]) continue;
        const int64_t *count = s->counts + (int64_t)l * s->n_experts;
        float *bias = s->correction[l]->data, gamma = (float)s->bias_gamma;
        int64_t total = 0;
        for (int x = 0; x < s->n_experts; x++) total += count[x];
        for (int x = 0; x < s->n_experts; x++) {
            int64_t under = total - count[x] * s->n_experts; /* > 0: below the mean */
            if (under) bias[x] += under > 0 ? gamma : -gamma;
        }
    }
}

int stepper_run(struct stepper *s, struct batch_source *src, uint64_t index, uint64_t seed, uint64_t step,
                bool grads, struct loss_sum *out, struct err *e)
{
    struct batch *b = &s->batch;
    if (src->next(src, index, b, e)) return -1;
    memset(out, 0, sizeof *out);
    out->weight = sum_weights(b);
    out->bytes = (double)b->n_bytes;
    if (out->weight <= 0) {
        if (!grads) return 0; /* padding at the end of a validation set */
        return err_set(e, ERR_DATA, "batch %llu has no token to predict", (unsigned long long)index);
    }
    struct loss_tree tree;
    int rows = s->cfg.rows / s->cfg.accum, levels = 0;
    while (1 << levels < s->cfg.accum) levels++;
    struct run_args a = {.seed = seed, .step = step, .loss_scale = (float)(1 / out->weight), .grads = grads};
    if (s->counts) memset(s->counts, 0, (size_t)(s->moe_layers * s->n_experts) * sizeof *s->counts);
    if (grads && count_ahead(s, &a, e)) return -1;
    for (int i = 0; i < s->cfg.accum; i++) {
        a.row0 = (uint64_t)(i * rows);
        if (s->obj->fill(s->obj, s->exec, b, i * rows, rows, e) || exec_run(s->exec, &a, e)) return -1;
        if (grads) grads_merge(s->grads, i, s->pool);
        add_counts(s);
        float sums[SUMS] = {0};
        memcpy(sums, s->mg.loss->data, 4 * sizeof *sums);
        if (s->mg.router_loss) memcpy(sums + 4, s->mg.router_loss->data, 2 * sizeof *sums);
        merge(&tree, i, sums);
    }
    const float *sum = tree.level[levels];
    out->balance = (double)sum[4];
    out->router_z = (double)sum[5];
    out->loss = (double)sum[0] + (out->balance + out->router_z) * out->weight;
    out->nll = (double)sum[1];
    out->correct = (double)sum[3];
    return 0;
}

int stepper_eval(struct stepper *s, struct batch_source *src, uint64_t n, struct progress *bar, struct loss_sum *out,
                 struct err *e)
{
    memset(out, 0, sizeof *out);
    for (uint64_t i = 0; i < n; i++) {
        struct loss_sum one;
        if (sig_check(e)) return -1;
        if (bar) progress_update(bar, (double)i, NULL);
        if (stepper_run(s, src, i, 0, 0, false, &one, e)) return -1;
        out->loss += one.loss;
        out->nll += one.nll;
        out->weight += one.weight;
        out->correct += one.correct;
        out->bytes += one.bytes;
    }
    return out->weight > 0 ? 0 : err_set(e, ERR_DATA, "nothing to predict in the validation text");
}
