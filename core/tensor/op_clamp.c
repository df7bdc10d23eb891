#include "core/tensor/op_clamp.h"

#include "core/tensor/op.h"

struct clamp {
    float c;
};

enum { BLOCK = 1024 }; /* elements converted at a time, on the stack */

static int clamp_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct tensor *t = n->in[0];
    return node_rows(g, n, t->dim[0], t->dim[1], e);
}

static void clamp_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const float c = ((const struct clamp *)n->attr)->c;
    const struct tensor *x = n->in[0], *y = n->out[0];
    int64_t C = x->dim[1], end = min_i64((slice + 1) * n->rows, x->dim[0]) * C;
    float tx[BLOCK], ty[BLOCK];
    for (int64_t i = slice * n->rows * C; i < end; i += BLOCK) {
        int64_t len = min_i64(BLOCK, end - i);
        const float *from = load_row(r->k, x, i, len, tx);
        float *to = begin_row(y, i, ty);
        for (int64_t j = 0; j < len; j++) to[j] = from[j] > c ? c : from[j] < -c ? -c : from[j];
        store_row(r->k, y, i, len, to);
    }
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const float c = ((const struct clamp *)n->attr)->c;
    const struct tensor *x = n->in[0], *dy = n->in[1], *dx = n->out[0];
    int64_t C = x->dim[1], end = min_i64((slice + 1) * n->rows, x->dim[0]) * C;
    float tx[BLOCK], tdy[BLOCK], to[BLOCK];
    for (int64_t i = slice * n->rows * C; i < end; i += BLOCK) {
        int64_t len = min_i64(BLOCK, end - i);
        const float *from = load_row(r->k, x, i, len, tx), *d = load_row(r->k, dy, i, len, tdy);
        for (int64_t j = 0; j < len; j++) to[j] = from[j] > c || from[j] < -c ? 0 : d[j];
        put_row(r->k, dx, i, len, to, n->accumulate);
    }
}

static const struct op clamp_bwd_op = {.name = "clamp_bwd", .plan = clamp_plan, .run = bwd_run};

static void clamp_vjp(struct graph *g, struct node *n)
{
    struct node *b = node_new(g, &clamp_bwd_op, n->attr);
    if (!b) return;
    node_in(b, n->in[0]);
    node_in(b, n->out[0]->grad);
    node_out(b, grad_slot(g, n->in[0], &b->accumulate));
    b->inplace = 1;
}

static const struct op clamp_op = {.name = "clamp", .plan = clamp_plan, .run = clamp_run, .vjp = clamp_vjp};

struct tensor *op_clamp(struct graph *g, struct tensor *x, float c)
{
    if (!want_2d(g, "clamp", x)) return NULL;
    struct clamp *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &clamp_op, a) : NULL;
    if (!n) return NULL;
    a->c = c;
    node_in(n, x);
    struct tensor *y = tensor_2d(g, x->dtype, x->dim[0], x->dim[1], "clamped");
    node_out(n, y);
    n->inplace = 0;
    return y;
}
