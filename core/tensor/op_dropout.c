#include "core/tensor/op_dropout.h"

#include "core/tensor/op.h"

struct dropout {
    float p;
    uint32_t instance;
};

uint32_t dropout_below(float p)
{
    return (uint32_t)((double)p * 4294967296.0);
}

static int dropout_plan(struct graph *g, struct node *n, struct err *e)
{
    int64_t C = n->out[0]->dim[1];
    n->tws_bytes = 2 * (size_t)C * sizeof(float);
    return node_rows(g, n, n->out[0]->dim[0], 4 * C, e);
}

/* Forward: out = dropout(in[0]) + in[1]; backward: the same with in[1] NULL. */
static void dropout_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct dropout *a = n->attr;
    const struct tensor *x = n->in[0], *res = n->in[1], *y = n->out[0];
    struct rng_key key = rng_key(r->args->seed, RNG_DROPOUT, (uint32_t)r->args->step, a->instance);
    int64_t C = y->dim[1], end = min_i64((slice + 1) * n->rows, y->dim[0]);
    uint64_t token0 = r->args->row0 * (uint64_t)(n->in[0]->dim[0] / r->opts->rows);
    float *tx = (float *)(void *)r->tws, *ty = tx + C, scale = 1.0f / (1.0f - a->p);
    for (int64_t t = slice * n->rows; t < end; t++) {
        const float *row = load_row(r->k, x, t * C, C, tx);
        r->k->dropout(ty, row, (size_t)C, dropout_below(a->p), scale, key.k, key.c,
                      (token0 + (uint64_t)t) * (uint64_t)C);
        if (res) r->k->add(ty, ty, (const float *)res->data + t * C, (size_t)C);
        put_row(r->k, y, t * C, C, ty, n->accumulate);
    }
}

static const struct op dropout_bwd_op = {.name = "dropout_bwd", .plan = dropout_plan, .run = dropout_run};

static void dropout_vjp(struct graph *g, struct node *n)
{
    struct tensor *dy = n->out[0]->grad;
    if (n->in[0]->needs_grad) {
        struct node *b = node_new(g, &dropout_bwd_op, n->attr);
        if (!b) return;
        node_in(b, dy);
        node_in(b, NULL);
        node_out(b, grad_slot(g, n->in[0], &b->accumulate));
        if (!n->in[1] || !n->in[1]->needs_grad) b->inplace = 0;
    }
    grad_pass(g, n->in[1], dy, true); /* last: from here on dy may be added to */
}

static const struct op dropout_op = {
    .name = "dropout", .plan = dropout_plan, .run = dropout_run, .vjp = dropout_vjp};

struct tensor *op_dropout(struct graph *g, struct tensor *x, float p, struct tensor *residual)
{
    if (!want_2d(g, "dropout", x) || (residual && !want_2d(g, "dropout", residual))) return NULL;
    if (!(p >= 0 && p < 1)) return graph_fail(g, ERR_CONFIG, "dropout: p = %g is not in [0, 1)", (double)p);
    if (p <= 0 || !g->opts.training) return residual ? op_add(g, x, residual) : x;
    if (residual && (residual->dtype != DT_F32 || tensor_n(residual) != tensor_n(x)))
        return graph_fail(g, ERR_CONFIG, "dropout: '%s' cannot be added to '%s'", residual->name, x->name);
    struct dropout *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &dropout_op, a) : NULL;
    if (!n) return NULL;
    *a = (struct dropout){p, (uint32_t)g->n_random++};
    node_in(n, x);
    node_in(n, residual);
    struct tensor *y = tensor_2d(g, residual ? DT_F32 : x->dtype, x->dim[0], x->dim[1], "dropout");
    node_out(n, y);
    if (y) n->inplace = x->dtype == y->dtype ? 0 : residual ? 1 : -1;
    return y;
}
