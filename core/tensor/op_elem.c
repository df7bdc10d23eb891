#include "core/tensor/op_elem.h"

#include "core/tensor/op.h"

enum { BLOCK = 1024 }; /* elements converted at a time, on the stack */

struct scale_attr {
    float s;
};

/* Slices are blocks of elements; n->rows counts elements. */
static int elem_plan(struct graph *g, struct node *n, struct err *e)
{
    int64_t elements = tensor_n(n->out[0]);
    n->rows = div_up(slice_items(elements, 1, g->n_threads), BLOCK) * BLOCK;
    int slices = (int)div_up(elements, n->rows);
    return node_phases(g, n, 1, &slices, e);
}

/* ---- copy: cast, and accumulation of gradients ---- */

static void copy_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct tensor *x = n->in[0], *y = n->out[0];
    int64_t end = min_i64((slice + 1) * n->rows, tensor_n(y));
    float tmp[BLOCK];
    for (int64_t i = slice * n->rows; i < end; i += BLOCK) {
        int64_t len = min_i64(BLOCK, end - i);
        put_row(r->k, y, i, len, load_row(r->k, x, i, len, tmp), n->accumulate);
    }
}

static void cast_vjp(struct graph *g, struct node *n)
{
    grad_pass(g, n->in[0], n->out[0]->grad, true);
}

static const struct op cast_op = {.name = "cast", .plan = elem_plan, .run = copy_run, .vjp = cast_vjp};

void emit_accumulate(struct graph *g, struct tensor *dst, struct tensor *src, bool accumulate)
{
    struct node *n = node_new(g, &cast_op, NULL);
    if (!n) return;
    node_in(n, src);
    node_out(n, dst);
    n->accumulate = accumulate;
}

struct tensor *op_cast(struct graph *g, struct tensor *x, enum dtype to)
{
    if (!x || graph_failed(g)) return NULL;
    if (x->dtype == to) return x;
    if ((to != DT_F32 && to != DT_BF16) || (x->dtype != DT_F32 && x->dtype != DT_BF16))
        return graph_fail(g, ERR_CONFIG, "cast of '%s' from %s to %s is not supported", x->name,
                          dtype_name(x->dtype), dtype_name(to));
    struct node *n = node_new(g, &cast_op, NULL);
    if (!n) return NULL;
    node_in(n, x);
    struct tensor *y = tensor_new(g, T_ACT, to, x->ndim, x->dim, x->name);
    node_out(n, y);
    return y;
}

/* ---- add ---- */

static void add_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct tensor *a = n->in[0], *b = n->in[1], *y = n->out[0];
    int64_t end = min_i64((slice + 1) * n->rows, tensor_n(y));
    float ta[BLOCK], tb[BLOCK], ty[BLOCK];
    for (int64_t i = slice * n->rows; i < end; i += BLOCK) {
        int64_t len = min_i64(BLOCK, end - i);
        float *dst = begin_row(y, i, ty);
        r->k->add(dst, load_row(r->k, a, i, len, ta), load_row(r->k, b, i, len, tb), (size_t)len);
        store_row(r->k, y, i, len, dst);
    }
}

static void add_vjp(struct graph *g, struct node *n)
{
    struct tensor *dy = n->out[0]->grad, *a = n->in[0], *b = n->in[1];
    /* b first: once a's gradient is dy itself, dy may change. */
    if (b != a) grad_pass(g, b, dy, !a->needs_grad);
    else if (a->needs_grad) grad_pass(g, a, dy, false);
    grad_pass(g, a, dy, b != a);
}

static const struct op add_op = {.name = "add", .plan = elem_plan, .run = add_run, .vjp = add_vjp};

struct tensor *op_add(struct graph *g, struct tensor *a, struct tensor *b)
{
    if (!want_2d(g, "add", a) || !want_2d(g, "add", b)) return NULL;
    if (a->dim[0] != b->dim[0] || a->dim[1] != b->dim[1])
        return graph_fail(g, ERR_CONFIG, "add: '%s' and '%s' differ in shape", a->name, b->name);
    struct node *n = node_new(g, &add_op, NULL);
    if (!n) return NULL;
    node_in(n, a);
    node_in(n, b);
    enum dtype dt = a->dtype == DT_F32 || b->dtype == DT_F32 ? DT_F32 : DT_BF16;
    struct tensor *y = tensor_2d(g, dt, a->dim[0], a->dim[1], "sum");
    node_out(n, y);
    n->inplace = a->dtype == dt ? 0 : 1;
    return y;
}

/* ---- scale ---- */

static void scale_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct scale_attr *a = n->attr;
    const struct tensor *x = n->in[0], *y = n->out[0];
    int64_t end = min_i64((slice + 1) * n->rows, tensor_n(y));
    float tx[BLOCK], ty[BLOCK];
    for (int64_t i = slice * n->rows; i < end; i += BLOCK) {
        int64_t len = min_i64(BLOCK, end - i);
        float *dst = n->accumulate ? ty : begin_row(y, i, ty);
        r->k->scale(dst, a->s, load_row(r->k, x, i, len, tx), (size_t)len);
        put_row(r->k, y, i, len, dst, n->accumulate);
    }
}

static void scale_vjp(struct graph *g, struct node *n);

static const struct op scale_op = {.name = "scale", .plan = elem_plan, .run = scale_run, .vjp = scale_vjp};

static void scale_vjp(struct graph *g, struct node *n)
{
    struct node *b = node_new(g, &scale_op, n->attr);
    if (!b) return;
    node_in(b, n->out[0]->grad);
    node_out(b, grad_slot(g, n->in[0], &b->accumulate));
    b->inplace = 0;
}

struct tensor *op_scale(struct graph *g, struct tensor *x, float s)
{
    if (!want_2d(g, "scale", x)) return NULL;
    struct scale_attr *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &scale_op, a) : NULL;
    if (!n) return NULL;
    a->s = s;
    node_in(n, x);
    struct tensor *y = tensor_2d(g, x->dtype, x->dim[0], x->dim[1], x->name);
    node_out(n, y);
    n->inplace = 0;
    return y;
}
