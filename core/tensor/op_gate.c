/* op_gate.c - y = f(a) b (+ residual); see op_shift.h. */
#include "core/tensor/op_shift.h"

enum { BLOCK = 1024 }; /* elements converted at a time, on the stack */
enum { IN_A, IN_B, IN_RESIDUAL };

struct gate {
    enum act act;
};

static int gate_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct tensor *t = n->in[IN_A];
    return node_rows(g, n, t->dim[0], 4 * t->dim[1], e);
}

static void gate_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct gate *a = n->attr;
    const struct tensor *y = n->out[0], *residual = n->in[IN_RESIDUAL];
    int64_t C = y->dim[1], end = min_i64((slice + 1) * n->rows, y->dim[0]) * C;
    float ta[BLOCK], tb[BLOCK], ty[BLOCK];
    for (int64_t i = slice * n->rows * C; i < end; i += BLOCK) {
        int64_t len = min_i64(BLOCK, end - i);
        float *dst = residual ? ty : begin_row(y, i, ty);
        r->k->glu(a->act, dst, load_row(r->k, n->in[IN_A], i, len, ta), load_row(r->k, n->in[IN_B], i, len, tb),
                  (size_t)len);
        if (residual) r->k->add((float *)y->data + i, (const float *)residual->data + i, dst, (size_t)len);
        else store_row(r->k, y, i, len, dst);
    }
}

enum { BWD_A, BWD_B, BWD_DY };

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct gate *a = n->attr;
    const struct tensor *x = n->in[BWD_A];
    int64_t C = x->dim[1], end = min_i64((slice + 1) * n->rows, x->dim[0]) * C;
    float ta[BLOCK], tb[BLOCK], td[BLOCK], tda[BLOCK], tdb[BLOCK];
    for (int64_t i = slice * n->rows * C; i < end; i += BLOCK) {
        int64_t len = min_i64(BLOCK, end - i);
        r->k->glu_bwd(a->act, tda, tdb, load_row(r->k, x, i, len, ta), load_row(r->k, n->in[BWD_B], i, len, tb),
                      load_row(r->k, n->in[BWD_DY], i, len, td), (size_t)len);
        if (n->out[0]) put_row(r->k, n->out[0], i, len, tda, false);
        if (n->out[1]) put_row(r->k, n->out[1], i, len, tdb, false);
    }
}

static const struct op gate_bwd_op = {.name = "gate_bwd", .plan = gate_plan, .run = bwd_run};

static void gate_vjp(struct graph *g, struct node *n)
{
    struct tensor *dy = n->out[0]->grad;
    struct node *b = node_new(g, &gate_bwd_op, n->attr);
    if (!b) return;
    bool other[2] = {false, false};
    node_in(b, n->in[IN_A]);
    node_in(b, n->in[IN_B]);
    node_in(b, dy);
    for (int i = 0; i < 2; i++) node_out(b, grad_slot(g, n->in[IN_A + i], &other[i]));
    if (other[0] || other[1]) graph_fail(g, ERR_INTERNAL, "gate: its inputs have other readers");
    grad_pass(g, n->in[IN_RESIDUAL], dy, true); /* last: from here on dy may be added to */
}

static const struct op gate_op = {.name = "gate", .plan = gate_plan, .run = gate_run, .vjp = gate_vjp};

struct tensor *op_gate(struct graph *g, struct tensor *a, enum act act, struct tensor *b, struct tensor *residual)
{
    if (!want_2d(g, "gate", a) || !want_2d(g, "gate", b)) return NULL;
    if (tensor_n(a) != tensor_n(b) || a == b ||
        (residual && (residual->dtype != DT_F32 || tensor_n(residual) != tensor_n(a))))
        return graph_fail(g, ERR_CONFIG, "gate: '%s' and '%s' do not fit", a->name, b->name);
    struct gate *at = graph_zalloc(g, 1, sizeof *at);
    struct node *n = at ? node_new(g, &gate_op, at) : NULL;
    if (!n) return NULL;
    at->act = act;
    node_in(n, a);
    node_in(n, b);
    node_in(n, residual);
    if (residual) n->inplace = IN_RESIDUAL;
    struct tensor *y = tensor_2d(g, residual ? DT_F32 : g->opts.compute, a->dim[0], a->dim[1], "gate");
    node_out(n, y);
    return y;
}
