#include "core/tensor/op_span_mean.h"

#include <string.h>

#include "core/tensor/op.h"

struct span_mean {
    int64_t T;               /* tokens of a row of x */
};

enum { IN_X, IN_LO, IN_HI };
enum { BWD_DY, BWD_LO, BWD_HI };

/* ---- forward, sliced by spans ---- */

static int mean_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct span_mean *a = n->attr;
    int64_t C = n->out[0]->dim[1];
    n->tws_bytes = 2 * (size_t)C * sizeof(float);
    return node_rows(g, n, n->out[0]->dim[0], a->T * C, e);
}

static void mean_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct tensor *x = n->in[IN_X], *y = n->out[0];
    const int32_t *lo = n->in[IN_LO]->data, *hi = n->in[IN_HI]->data;
    int64_t C = y->dim[1], M = y->dim[0] / r->opts->rows, T = x->dim[0] / r->opts->rows;
    int64_t end = min_i64((slice + 1) * n->rows, y->dim[0]);
    float *sum = (float *)(void *)r->tws, *tmp = sum + C;
    for (int64_t i = slice * n->rows; i < end; i++) {
        float *to = begin_row(y, i * C, sum);
        memset(to, 0, (size_t)C * sizeof *to);
        for (int64_t t = lo[i]; lo[i] >= 0 && t < hi[i]; t++)
            r->k->add(to, to, load_row(r->k, x, (i / M * T + t) * C, C, tmp), (size_t)C);
        if (lo[i] >= 0) r->k->scale(to, 1.0f / (float)(hi[i] - lo[i]), to, (size_t)C);
        store_row(r->k, y, i * C, C, to);
    }
}

static int mean_check(const struct node *n, struct err *e)
{
    const struct span_mean *a = n->attr;
    const int32_t *lo = n->in[IN_LO]->data, *hi = n->in[IN_HI]->data;
    for (int64_t i = 0; i < tensor_n(n->in[IN_LO]); i++)
        if (lo[i] >= 0 && (hi[i] <= lo[i] || hi[i] > a->T))
            return err_set(e, ERR_DATA, "span %lld, tokens %d to %d, is empty or outside of its row", (long long)i,
                           lo[i], hi[i]);
    return 0;
}

/* ---- backward, sliced by rows of the batch ---- */

static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    int64_t C = n->out[0]->dim[1];
    n->tws_bytes = 2 * (size_t)C * sizeof(float);
    return node_rows(g, n, g->opts.rows, n->out[0]->dim[0] / g->opts.rows * C, e);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct tensor *dy = n->in[BWD_DY], *dx = n->out[0];
    const int32_t *lo = n->in[BWD_LO]->data, *hi = n->in[BWD_HI]->data;
    int64_t C = dx->dim[1], M = dy->dim[0] / r->opts->rows, T = dx->dim[0] / r->opts->rows;
    int64_t end = min_i64((slice + 1) * n->rows, r->opts->rows);
    float *part = (float *)(void *)r->tws, *tmp = part + C;
    for (int64_t row = slice * n->rows; row < end; row++) {
        float *to = (float *)dx->data + row * T * C;
        if (!n->accumulate) memset(to, 0, (size_t)(T * C) * sizeof *to);
        for (int64_t i = row * M; i < (row + 1) * M; i++) {
            if (lo[i] < 0) continue;
            r->k->scale(part, 1.0f / (float)(hi[i] - lo[i]), load_row(r->k, dy, i * C, C, tmp), (size_t)C);
            for (int64_t t = lo[i]; t < hi[i]; t++) r->k->add(to + t * C, to + t * C, part, (size_t)C);
        }
    }
}

static const struct op span_mean_bwd_op = {.name = "span_mean_bwd", .plan = bwd_plan, .run = bwd_run};

static void mean_vjp(struct graph *g, struct node *n)
{
    struct tensor *x = n->in[IN_X];
    struct node *b = node_new(g, &span_mean_bwd_op, NULL);
    if (!b) return;
    node_in(b, n->out[0]->grad);
    node_in(b, n->in[IN_LO]);
    node_in(b, n->in[IN_HI]);
    if (x->dtype == DT_F32 || x->n_uses > 1) {
        node_out(b, grad_slot(g, x, &b->accumulate));
        return;
    }
    /* It adds up in f32. */
    struct tensor *d = tensor_new(g, T_ACT, DT_F32, x->ndim, x->dim, "d span_mean");
    node_out(b, d);
    grad_pass(g, x, d, true);
}

static const struct op span_mean_op = {
    .name = "span_mean", .plan = mean_plan, .run = mean_run, .check = mean_check, .vjp = mean_vjp};

struct tensor *op_span_mean(struct graph *g, struct tensor *x, struct tensor *lo, struct tensor *hi)
{
    if (!want_2d(g, "span_mean", x) || !lo || !want_ids(g, "span_mean", lo, tensor_n(lo)) ||
        !want_ids(g, "span_mean", hi, tensor_n(lo)))
        return NULL;
    if (tensor_n(lo) % g->opts.rows || x->dim[0] % g->opts.rows)
        return graph_fail(g, ERR_CONFIG, "span_mean: '%s' has no equal share for each of %d rows", lo->name, g->opts.rows);
    struct span_mean *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &span_mean_op, a) : NULL;
    if (!n) return NULL;
    a->T = x->dim[0] / g->opts.rows;
    node_in(n, x);
    node_in(n, lo);
    node_in(n, hi);
    struct tensor *y = tensor_2d(g, x->dtype, tensor_n(lo), x->dim[1], "means");
    node_out(n, y);
    return y;
}
