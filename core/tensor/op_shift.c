#include "core/tensor/op_shift.h"

#include <string.h>

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
    n->tws_bytes = 4 * (size_t)n->in[IN_X]->dim[1] * sizeof(float);
    return node_rows(g, n, n->in[IN_X]->dim[0], 2 * n->in[IN_X]->dim[1], e);
}

/* m of output j at token t; NULL mu or d count as absent. */
static const float *mix(const struct kernels *k, const struct shift *a, const float *mu, const struct tensor *d, int64_t t,
                        int64_t C, float *tmp, float *tmp2)
{
    if (a->complement) {
        for (int64_t c = 0; c < C; c++) tmp[c] = 1 - mu[c];
        return tmp;
    }
    if (!d) return mu;
    k->add(tmp, mu, load_row(k, d, t * C, C, tmp2), (size_t)C);
    return tmp;
}

static void shift_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct shift *a = n->attr;
    const struct tensor *x = n->in[IN_X];
    int64_t C = x->dim[1], end = min_i64((slice + 1) * n->rows, x->dim[0]);
    float *diff = (float *)(void *)r->tws, *t0 = diff + C, *t1 = t0 + C, *ty = t1 + C;
    for (int64_t t = slice * n->rows; t < end; t++) {
        bool prev = follows(n->in[IN_SEG], t, r->opts->T);
        const float *cur = load_row(r->k, x, t * C, C, t0);
        r->k->scale(diff, -1, cur, (size_t)C);
        if (prev) r->k->add(diff, diff, load_row(r->k, x, (t - 1) * C, C, t1), (size_t)C);
        for (int j = 0; j < a->n; j++) {
            float *y = begin_row(n->out[j], t * C, ty);
            const float *m = mix(r->k, a, n->in[IN_MU + j]->data, n->in[IN_D], t, C, t1, ty);
            r->k->mul(y, m, diff, (size_t)C);
            r->k->add(y, y, cur, (size_t)C);
            store_row(r->k, n->out[j], t * C, C, y);
        }
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
    return rowgrad_plan(g, n, a->n, C, 6 * (size_t)C * sizeof(float), e);
}

static void bwd_row(const struct node *n, const struct run *r, int64_t t, float *partial)
{
    const struct shift *a = n->attr;
    const struct tensor *x = n->in[BWD_X], *dd = n->out[OUT_DD];
    int64_t C = x->dim[1], N = x->dim[0];
    size_t len = (size_t)C;
    const struct kernels *k = r->k;
    float *diff = (float *)(void *)r->tws, *t0 = diff + C, *t1 = t0 + C, *t2 = t1 + C, *dx = t2 + C, *t3 = dx + C;
    bool next = t + 1 < N && follows(n->in[BWD_SEG], t + 1, r->opts->T);
    k->scale(diff, -1, load_row(k, x, t * C, C, t0), len);
    if (follows(n->in[BWD_SEG], t, r->opts->T)) k->add(diff, diff, load_row(k, x, (t - 1) * C, C, t1), len);
    memset(dx, 0, len * sizeof *dx);
    for (int j = 0; j < a->n; j++) {
        const float *mu = n->in[BWD_MU + j]->data, *dy = load_row(k, n->in[BWD_DY + j], t * C, C, t0);
        const float *m = mix(k, a, mu, n->in[BWD_D], t, C, t1, t2);
        k->mul(t2, m, dy, len);
        k->scale(t2, -1, t2, len);
        k->add(t2, t2, dy, len);
        k->add(dx, dx, t2, len);
        k->mul(t2, dy, diff, len);
        if (dd) put_row(k, dd, t * C, C, t2, false);
        if (partial) k->axpy(partial + j * C, a->complement ? -1 : 1, t2, len);
        if (!next) continue;
        m = mix(k, a, mu, n->in[BWD_D], t + 1, C, t1, t2);
        k->mul(t2, m, load_row(k, n->in[BWD_DY + j], (t + 1) * C, C, t3), len);
        k->add(dx, dx, t2, len);
    }
    if (n->out[OUT_DX]) put_row(k, n->out[OUT_DX], t * C, C, dx, n->accumulate);
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
    if (!want_2d(g, "shift", x) || !want_ids(g, "shift", seg_start, x->dim[0]) || (d && !want_2d(g, "shift", d))) return false;
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
