#include "core/tensor/op_replace.h"

#include <string.h>

#include "core/tensor/op_loss.h"

enum { IN_TOKENS, IN_AT, IN_TARGETS, IN_LOGITS };

static int replace_plan(struct graph *g, struct node *n, struct err *e)
{
    n->tws_bytes = (size_t)n->in[IN_LOGITS]->dim[1] * sizeof(float);
    return node_phases(g, n, 1, (int[]){g->opts.rows}, e);
}

/* The first id whose share of the probability reaches u. */
static int32_t draw(const struct kernels *k, const float *logits, int64_t V, double u, float *p)
{
    double sum = 0;
    k->softmax(p, logits, (size_t)V);
    for (int64_t v = 0; v < V; v++) {
        sum += (double)p[v];
        if (u < sum) return (int32_t)v;
    }
    return (int32_t)(V - 1); /* the shares add up to less than 1 by a rounding */
}

static void replace_run(const struct node *n, const struct run *r, int phase, int row)
{
    (void)phase;
    int64_t T = tensor_n(n->in[IN_TOKENS]) / r->opts->rows, M = tensor_n(n->in[IN_AT]) / r->opts->rows,
            V = n->in[IN_LOGITS]->dim[1];
    const int32_t *at = (const int32_t *)n->in[IN_AT]->data + row * M,
                  *target = (const int32_t *)n->in[IN_TARGETS]->data + row * M;
    const float *logits = (const float *)n->in[IN_LOGITS]->data + row * M * V;
    int32_t *tokens = (int32_t *)n->out[0]->data + row * T, *replaced = (int32_t *)n->out[1]->data + row * T;
    struct rng_key key = rng_key(r->args->seed, RNG_MASK, (uint32_t)r->args->step,
                                 (uint32_t)(r->args->row0 + (uint64_t)row) & 0xffffffu);
    memcpy(tokens, (const int32_t *)n->in[IN_TOKENS]->data + row * T, (size_t)T * sizeof *tokens);
    memset(replaced, 0, (size_t)T * sizeof *replaced);
    for (int64_t i = 0; i < M; i++) {
        if (at[i] < 0 || target[i] < 0) continue;
        tokens[at[i]] = draw(r->k, logits + i * V, V, rng_f64(&key, (uint64_t)i), (float *)(void *)r->tws);
        replaced[at[i]] = tokens[at[i]] != target[i];
    }
}

static int replace_check(const struct node *n, struct err *e)
{
    const int32_t *at = n->in[IN_AT]->data;
    int64_t T = tensor_n(n->out[0]), M = tensor_n(n->in[IN_AT]);
    for (int64_t i = 0; i < M; i++) /* rows are checked by op_gather; here only that it stays inside */
        if (at[i] >= T) return err_set(e, ERR_DATA, "chosen token %d of the batch is outside of its row", at[i]);
    return 0;
}

static const struct op replace_op = {.name = "replace", .plan = replace_plan, .run = replace_run, .check = replace_check};

struct replaced op_replace(struct graph *g, struct tensor *tokens, struct tensor *at, struct tensor *targets,
                           struct tensor *logits)
{
    struct replaced none = {NULL, NULL};
    if (!tokens || !at || !logits || !want_2d(g, "replace", logits)) return none;
    int64_t M = logits->dim[0], N = tensor_n(tokens);
    if (!want_ids(g, "replace", at, M) || !want_ids(g, "replace", targets, M) || !want_ids(g, "replace", tokens, N))
        return none;
    if (logits->dtype != DT_F32 || M % g->opts.rows || N % g->opts.rows) {
        graph_fail(g, ERR_INTERNAL, "replace: shapes do not match");
        return none;
    }
    struct node *n = node_new(g, &replace_op, NULL);
    if (!n) return none;
    node_in(n, tokens);
    node_in(n, at);
    node_in(n, targets);
    node_in(n, logits);
    struct replaced r = {tensor_1d(g, DT_I32, N, "replaced tokens"), tensor_1d(g, DT_I32, N, "was replaced")};
    node_out(n, r.tokens);
    node_out(n, r.replaced);
    return graph_failed(g) ? none : r;
}

/* ---- the sum of two losses ---- */

static int sum_plan(struct graph *g, struct node *n, struct err *e)
{
    return node_phases(g, n, 1, (int[]){1}, e);
}

static void sum_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)r, (void)phase, (void)slice;
    const float *a = n->in[0]->data, *b = n->in[1]->data;
    float *y = n->out[0]->data;
    memcpy(y, a, 4 * sizeof *y);
    y[0] = a[0] + b[0];
}

static void sum_seed(struct graph *g, struct node *n)
{
    for (int i = 0; i < 2; i++)
        n->in[i]->producer->op->seed(g, n->in[i]->producer);
}

static const struct op sum_op = {.name = "loss_sum", .plan = sum_plan, .run = sum_run, .seed = sum_seed};

struct tensor *op_loss_sum(struct graph *g, struct tensor *a, struct tensor *b)
{
    if (!a || !b) return NULL;
    if (!a->producer || !a->producer->op->seed || !b->producer || !b->producer->op->seed)
        return graph_fail(g, ERR_INTERNAL, "loss_sum: '%s' or '%s' is not a loss", a->name, b->name);
    struct node *n = node_new(g, &sum_op, NULL);
    if (!n) return NULL;
    node_in(n, a);
    node_in(n, b);
    return loss_output(g, n);
}
