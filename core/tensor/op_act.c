#include "core/tensor/op_act.h"

#include "core/tensor/op.h"

struct act_attr {
    enum act act;
    float limit, alpha; /* limit > 0: the clamped GLU */
};

enum { BLOCK = 1024 }; /* elements converted at a time, on the stack */

/* Slices are rows; the elementwise ops walk a slice in blocks. */
static int act_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct tensor *t = n->in[0];
    return node_rows(g, n, t->dim[0], 4 * t->dim[1], e);
}

/* ---- act ---- */

static void act_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct act_attr *a = n->attr;
    const struct tensor *x = n->in[0], *y = n->out[0];
    int64_t C = x->dim[1], end = min_i64((slice + 1) * n->rows, x->dim[0]) * C;
    float tx[BLOCK], ty[BLOCK];
    for (int64_t i = slice * n->rows * C; i < end; i += BLOCK) {
        int64_t len = min_i64(BLOCK, end - i);
        float *dst = begin_row(y, i, ty);
        r->k->act(a->act, dst, load_row(r->k, x, i, len, tx), (size_t)len);
        store_row(r->k, y, i, len, dst);
    }
}

static void act_bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct act_attr *a = n->attr;
    const struct tensor *x = n->in[0], *dy = n->in[1], *dx = n->out[0];
    int64_t C = x->dim[1], end = min_i64((slice + 1) * n->rows, x->dim[0]) * C;
    float tx[BLOCK], tdy[BLOCK], tdx[BLOCK];
    for (int64_t i = slice * n->rows * C; i < end; i += BLOCK) {
        int64_t len = min_i64(BLOCK, end - i);
        float *dst = n->accumulate ? tdx : begin_row(dx, i, tdx);
        r->k->act_bwd(a->act, dst, load_row(r->k, x, i, len, tx), load_row(r->k, dy, i, len, tdy), (size_t)len);
        put_row(r->k, dx, i, len, dst, n->accumulate);
    }
}

static const struct op act_bwd_op = {.name = "act_bwd", .plan = act_plan, .run = act_bwd_run};

static struct node *emit_bwd(struct graph *g, struct act_attr *a, struct tensor *x, struct tensor *dy)
{
    struct node *n = node_new(g, &act_bwd_op, a);
    node_in(n, x);
    node_in(n, dy);
    return n;
}

struct tensor *emit_act_bwd(struct graph *g, enum act act, struct tensor *x, struct tensor *dy)
{
    struct act_attr *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? emit_bwd(g, a, x, dy) : NULL;
    if (!n) return NULL;
    a->act = act;
    n->inplace = x->dtype == dy->dtype ? 1 : 0;
    struct tensor *dx = tensor_new(g, T_ACT, x->dtype, x->ndim, x->dim, "d pre-activation");
    node_out(n, dx);
    return dx;
}

static void act_vjp(struct graph *g, struct node *n)
{
    struct node *b = emit_bwd(g, n->attr, n->in[0], n->out[0]->grad);
    if (!b) return;
    node_out(b, grad_slot(g, n->in[0], &b->accumulate));
    b->inplace = 1;
}

static const struct op act_op = {.name = "act", .plan = act_plan, .run = act_run, .vjp = act_vjp};

struct tensor *op_act(struct graph *g, struct tensor *x, enum act act)
{
    if (!want_2d(g, "act", x)) return NULL;
    if (act == ACT_NONE) return x;
    struct act_attr *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &act_op, a) : NULL;
    if (!n) return NULL;
    a->act = act;
    node_in(n, x);
    struct tensor *y = tensor_2d(g, x->dtype, x->dim[0], x->dim[1], "act");
    node_out(n, y);
    n->inplace = 0;
    return y;
}

/* ---- glu ---- */

static void glu_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct act_attr *a = n->attr;
    const struct tensor *x = n->in[0], *y = n->out[0];
    int64_t F = y->dim[1], end = min_i64((slice + 1) * n->rows, y->dim[0]);
    float tg[BLOCK], tu[BLOCK], ty[BLOCK];
    for (int64_t t = slice * n->rows; t < end; t++)
        for (int64_t i = 0; i < F; i += BLOCK) {
            int64_t len = min_i64(BLOCK, F - i), at = t * F + i, in = 2 * t * F + i;
            float *dst = begin_row(y, at, ty);
            const float *gate = load_row(r->k, x, in, len, tg), *up = load_row(r->k, x, in + F, len, tu);
            if (a->limit > 0) r->k->glu_clamped(dst, gate, up, (size_t)len, a->limit, a->alpha);
            else r->k->glu(a->act, dst, gate, up, (size_t)len);
            store_row(r->k, y, at, len, dst);
        }
}

static void glu_bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct act_attr *a = n->attr;
    const struct tensor *x = n->in[0], *dy = n->in[1], *dx = n->out[0];
    int64_t F = dy->dim[1], end = min_i64((slice + 1) * n->rows, dy->dim[0]);
    float tg[BLOCK], tu[BLOCK], td[BLOCK], tdg[BLOCK], tdu[BLOCK];
    for (int64_t t = slice * n->rows; t < end; t++)
        for (int64_t i = 0; i < F; i += BLOCK) {
            int64_t len = min_i64(BLOCK, F - i), in = 2 * t * F + i;
            const float *gate = load_row(r->k, x, in, len, tg), *up = load_row(r->k, x, in + F, len, tu);
            const float *d = load_row(r->k, dy, t * F + i, len, td);
            if (a->limit > 0) r->k->glu_clamped_bwd(tdg, tdu, gate, up, d, (size_t)len, a->limit, a->alpha);
            else r->k->glu_bwd(a->act, tdg, tdu, gate, up, d, (size_t)len);
            put_row(r->k, dx, in, len, tdg, n->accumulate);
            put_row(r->k, dx, in + F, len, tdu, n->accumulate);
        }
}

static const struct op glu_bwd_op = {.name = "glu_bwd", .plan = act_plan, .run = glu_bwd_run};

static void glu_vjp(struct graph *g, struct node *n)
{
    struct node *b = node_new(g, &glu_bwd_op, n->attr);
    if (!b) return;
    node_in(b, n->in[0]);
    node_in(b, n->out[0]->grad);
    node_out(b, grad_slot(g, n->in[0], &b->accumulate));
    b->inplace = 0;
}

static const struct op glu_op = {.name = "glu", .plan = act_plan, .run = glu_run, .vjp = glu_vjp};

static struct tensor *make_glu(struct graph *g, struct tensor *gate_up, struct act_attr how)
{
    if (!want_2d(g, "glu", gate_up)) return NULL;
    if (gate_up->dim[1] % 2) return graph_fail(g, ERR_CONFIG, "glu: '%s' has an odd width", gate_up->name);
    struct act_attr *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &glu_op, a) : NULL;
    if (!n) return NULL;
    *a = how;
    node_in(n, gate_up);
    struct tensor *y = tensor_2d(g, gate_up->dtype, gate_up->dim[0], gate_up->dim[1] / 2, "glu");
    node_out(n, y);
    return y;
}

struct tensor *op_glu(struct graph *g, struct tensor *gate_up, enum act act)
{
    return make_glu(g, gate_up, (struct act_attr){.act = act});
}

struct tensor *op_glu_clamped(struct graph *g, struct tensor *gate_up, float limit, float alpha)
{
    return make_glu(g, gate_up, (struct act_attr){.limit = limit, .alpha = alpha});
}
