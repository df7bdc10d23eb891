#include "core/tensor/op_gather.h"

#include <string.h>

#include "core/tensor/op.h"

struct gather {
    int64_t T;               /* tokens of a row of x */
};

enum { IN_X, IN_AT };
enum { BWD_DY, BWD_AT };

/* ---- forward, sliced by chosen tokens ---- */

static int gather_plan(struct graph *g, struct node *n, struct err *e)
{
    return node_rows(g, n, n->out[0]->dim[0], n->out[0]->dim[1], e);
}

static void gather_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct tensor *x = n->in[IN_X], *y = n->out[0];
    const int32_t *at = n->in[IN_AT]->data;
    int64_t C = y->dim[1], M = y->dim[0] / r->opts->rows, T = x->dim[0] / r->opts->rows;
    int64_t end = min_i64((slice + 1) * n->rows, y->dim[0]);
    size_t bytes = (size_t)C * dtype_size(y->dtype);
    for (int64_t i = slice * n->rows; i < end; i++) {
        if (at[i] < 0) memset(data_at(y, i * C), 0, bytes);
        else memcpy(data_at(y, i * C), data_at(x, (i / M * T + at[i]) * C), bytes);
    }
}

static int gather_check(const struct node *n, struct err *e)
{
    const struct gather *a = n->attr;
    const int32_t *at = n->in[IN_AT]->data;
    for (int64_t i = 0; i < tensor_n(n->in[IN_AT]); i++)
        if (at[i] >= a->T) return err_set(e, ERR_DATA, "chosen token %d at %lld is outside of its row", at[i], (long long)i);
    return 0;
}

/* ---- backward, sliced by rows of the batch ---- */

static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    int64_t C = n->out[0]->dim[1];
    n->tws_bytes = (size_t)C * sizeof(float);
    return node_rows(g, n, g->opts.rows, n->out[0]->dim[0] / g->opts.rows * C, e);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct tensor *dy = n->in[BWD_DY], *dx = n->out[0];
    const int32_t *at = n->in[BWD_AT]->data;
    int64_t C = dx->dim[1], M = dy->dim[0] / r->opts->rows, T = dx->dim[0] / r->opts->rows;
    int64_t end = min_i64((slice + 1) * n->rows, r->opts->rows);
    float *tmp = (float *)(void *)r->tws;
    for (int64_t row = slice * n->rows; row < end; row++) {
        float *to = (float *)dx->data + row * T * C;
        if (!n->accumulate) memset(to, 0, (size_t)(T * C) * sizeof *to);
        for (int64_t i = row * M; i < (row + 1) * M; i++)
            if (at[i] >= 0) r->k->add(to + at[i] * C, to + at[i] * C, load_row(r->k, dy, i * C, C, tmp), (size_t)C);
    }
}

static const struct op gather_bwd_op = {.name = "gather_bwd", .plan = bwd_plan, .run = bwd_run};

static void gather_vjp(struct graph *g, struct node *n)
{
    struct tensor *x = n->in[IN_X];
    struct node *b = node_new(g, &gather_bwd_op, NULL);
    if (!b) return;
    node_in(b, n->out[0]->grad);
    node_in(b, n->in[IN_AT]);
    if (x->dtype == DT_F32 || x->n_uses > 1) {
        node_out(b, grad_slot(g, x, &b->accumulate));
        return;
    }
    /* It adds up in f32. */
    struct tensor *d = tensor_new(g, T_ACT, DT_F32, x->ndim, x->dim, "d gather");
    node_out(b, d);
    grad_pass(g, x, d, true);
}

static const struct op gather_op = {
    .name = "gather", .plan = gather_plan, .run = gather_run, .check = gather_check, .vjp = gather_vjp};

struct tensor *op_gather(struct graph *g, struct tensor *x, struct tensor *at)
{
    if (!want_2d(g, "gather", x) || !at || !want_ids(g, "gather", at, tensor_n(at))) return NULL;
    if (tensor_n(at) % g->opts.rows || x->dim[0] % g->opts.rows)
        return graph_fail(g, ERR_CONFIG, "gather: '%s' has no equal share for each of %d rows", at->name, g->opts.rows);
    struct gather *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &gather_op, a) : NULL;
    if (!n) return NULL;
    a->T = x->dim[0] / g->opts.rows;
    node_in(n, x);
    node_in(n, at);
    struct tensor *y = tensor_2d(g, x->dtype, tensor_n(at), x->dim[1], "chosen");
    node_out(n, y);
    return y;
}
