#include "core/tensor/op_shift.h"

#include <string.h>

#include "core/kernels/shift.h"
#include "core/tensor/rowgrad.h"

struct shift {
    int n;
    bool complement;
};

enum { IN_X, IN_SEG, IN_MU, IN_D = IN_MU + SHIFT_MAX };

/* Is there a token before t of the batch in the same segment? */
static bool follows(const struct tensor *seg, int64_t t, int T)
{
    int at = (int)(t % T);
    return ((const int32_t *)seg->data)[t] != at && at > 0;
}

static int shift_plan(struct graph *g, struct node *n, struct err *e)
{
    return node_rows(g, n, n->in[IN_X]->dim[0], 2 * n->in[IN_X]->dim[1], e);
}

/* Output j at token t: what the kernel reads. */
static struct shift_token token(const struct shift *a, const struct tensor *x, const struct tensor *seg,
                                const struct tensor *mu, const struct tensor *d, int64_t t, int T)
{
    int64_t C = x->dim[1];
    struct shift_token k = {.x = data_at(x, t * C), .x_dt = x->dtype, .mu = mu->data, .complement = a->complement};
    if (follows(seg, t, T)) k.prev = data_at(x, (t - 1) * C);
    if (d) {
        k.d = data_at(d, t * C);
        k.d_dt = d->dtype;
    }
    return k;
}

static void shift_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct shift *a = n->attr;
    const struct tensor *x = n->in[IN_X];
    int64_t C = x->dim[1], end = min_i64((slice + 1) * n->rows, x->dim[0]);
    for (int64_t t = slice * n->rows; t < end; t++)
        for (int j = 0; j < a->n; j++) {
            struct shift_token k = token(a, x, n->in[IN_SEG], n->in[IN_MU + j], n->in[IN_D], t, r->opts->T);
            r->k->shift(&k, data_at(n->out[j], t * C), n->out[j]->dtype, (size_t)C);
        }
}

/* ---- backward ---- */

/* dx[t] = sum_j dy_j[t] (1 - m_j[t]) + dy_j[t+1] m_j[t+1]; dd = dy (x' - x); dmu_j the column sums of that. */
enum { BWD_X, BWD_SEG, BWD_MU, BWD_D = BWD_MU + SHIFT_MAX, BWD_DY };
enum { OUT_DX, OUT_DD };

static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct shift *a = n->attr;
    int64_t C = n->in[BWD_X]->dim[1];
    return rowgrad_plan(g, n, a->n, C, (size_t)C * sizeof(float), e);
}

static void bwd_row(const struct node *n, const struct run *r, int64_t t, float *partial)
{
    const struct shift *a = n->attr;
    const struct tensor *x = n->in[BWD_X], *d = n->in[BWD_D], *dd = n->out[OUT_DD];
    int64_t C = x->dim[1], N = x->dim[0];
    bool next = t + 1 < N && follows(n->in[BWD_SEG], t + 1, r->opts->T);
    float *dx = (float *)(void *)r->tws;
    memset(dx, 0, (size_t)C * sizeof *dx);
    for (int j = 0; j < a->n; j++) {
        const struct tensor *dy = n->in[BWD_DY + j];
        struct shift_token k = token(a, x, n->in[BWD_SEG], n->in[BWD_MU + j], d, t, r->opts->T);
        struct shift_grad g = {
            .dy = data_at(dy, t * C), .dy_dt = dy->dtype, .dx = dx, .dmu = partial ? partial + j * C : NULL};
        if (next) g.dy_next = data_at(dy, (t + 1) * C);
        if (next && d) g.d_next = data_at(d, (t + 1) * C);
        if (dd) {
            g.dd = data_at(dd, t * C);
            g.dd_dt = dd->dtype;
        }
        r->k->shift_bwd(&k, &g, (size_t)C);
    }
    if (n->out[OUT_DX]) put_row(r->k, n->out[OUT_DX], t * C, C, dx, n->accumulate);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    const struct shift *a = n->attr;
    const struct rowgrad w = {bwd_row, a->n};
    rowgrad_run(n, r, &w, n->in[BWD_X]->dim[1], phase, slice);
}

static const struct op shift_bwd_op = {.name = "shift_bwd", .plan = bwd_plan, .run = bwd_run};

static void shift_vjp(struct graph *g, struct node *n)
{
    const struct shift *a = n->attr;
    struct node *b = node_new(g, &shift_bwd_op, n->attr);
    if (!b) return;
    bool ignored = false;
    node_in(b, n->in[IN_X]);
    node_in(b, n->in[IN_SEG]);
    for (int j = 0; j < SHIFT_MAX; j++) node_in(b, n->in[IN_MU + j]);
    node_in(b, n->in[IN_D]);
    for (int j = 0; j < a->n; j++) {
        node_in(b, n->out[j]->grad);
        b->grad[j] = grad_param(g, n->in[IN_MU + j]);
        if (b->grad[j]) b->effect = true;
        if (!n->out[j]->grad) graph_fail(g, ERR_INTERNAL, "shift: an output is not used");
    }
    node_out(b, grad_slot(g, n->in[IN_X], &b->accumulate));
    if (n->in[IN_D]) node_out(b, grad_slot(g, n->in[IN_D], &ignored));
    if (ignored) graph_fail(g, ERR_INTERNAL, "shift: its mix has other readers");
}

static const struct op shift_op = {.name = "shift", .plan = shift_plan, .run = shift_run, .vjp = shift_vjp};

bool op_shift(struct graph *g, struct tensor *x, struct tensor *seg_start, struct tensor *const *mu, int n,
              bool complement, struct tensor *d, struct tensor **y)
{
    for (int j = 0; j < n; j++) y[j] = NULL;
    if (!want_2d(g, "shift", x) || !want_ids(g, "shift", seg_start, x->dim[0]) || (d && !want_2d(g, "shift", d)))
        return false;
    if (n < 1 || n > SHIFT_MAX || (d && (n != 1 || complement || tensor_n(d) != tensor_n(x)))) {
        graph_fail(g, ERR_INTERNAL, "shift: %d outputs", n);
        return false;
    }
    for (int j = 0; j < n; j++)
        if (!mu[j] || !want_vector(g, "shift", mu[j], x->dim[1])) return false;
    struct shift *a = graph_zalloc(g, 1, sizeof *a);
    struct node *nd = a ? node_new(g, &shift_op, a) : NULL;
    if (!nd) return false;
    *a = (struct shift){n, complement};
    node_in(nd, x);
    node_in(nd, seg_start);
    for (int j = 0; j < SHIFT_MAX; j++) node_in(nd, j < n ? mu[j] : NULL);
    node_in(nd, d);
    for (int j = 0; j < n; j++) node_out(nd, y[j] = tensor_2d(g, g->opts.compute, x->dim[0], x->dim[1], "token shift"));
    return !graph_failed(g);
}
