#include "core/tensor/op_norm.h"

#include <string.h>

#include "core/tensor/colsum.h"
#include "core/tensor/op.h"

struct norm {
    enum norm_kind kind;
    float eps;
};

enum { IN_X, IN_W, IN_B };
enum { OUT_Y, OUT_RSTD, OUT_MEAN };

static bool is_ln(enum norm_kind kind)
{
    return kind == NORM_LN || kind == NORM_LN_1;
}

/* The weights; where they are stored minus 1, made in `room` [C]. */
static const float *weights_of(const struct norm *a, const struct tensor *t, float *room)
{
    const float *w = t ? t->data : NULL;
    if (!w || a->kind == NORM_LN || a->kind == NORM_RMS) return w;
    for (int64_t i = 0; i < t->dim[0]; i++) room[i] = w[i] + 1.0f;
    return room;
}

/* ---- forward ---- */

static int norm_plan(struct graph *g, struct node *n, struct err *e)
{
    int64_t C = n->in[IN_X]->dim[1];
    n->tws_bytes = 3 * (size_t)C * sizeof(float);
    return node_rows(g, n, n->in[IN_X]->dim[0], C, e);
}

static void norm_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct norm *a = n->attr;
    const struct kernels *k = r->k;
    const struct tensor *x = n->in[IN_X], *y = n->out[OUT_Y];
    const float *b = n->in[IN_B] ? n->in[IN_B]->data : NULL;
    /* computed again, it has only y */
    float *rstd = n->out[OUT_RSTD] ? n->out[OUT_RSTD]->data : NULL;
    float *mean = n->out[OUT_MEAN] ? n->out[OUT_MEAN]->data : NULL;
    int64_t C = x->dim[1], end = min_i64((slice + 1) * n->rows, x->dim[0]);
    float *tx = (float *)(void *)r->tws, *ty = tx + C, m, s;
    const float *w = weights_of(a, n->in[IN_W], ty + C);
    for (int64_t i = slice * n->rows; i < end; i++) {
        const float *row = load_row(k, x, i * C, C, tx);
        float *dst = begin_row(y, i * C, ty);
        if (is_ln(a->kind)) k->layernorm(dst, row, w, b, (int)C, a->eps, &m, &s);
        else k->rmsnorm(dst, row, w, (int)C, a->eps, &s);
        store_row(k, y, i * C, C, dst);
        if (rstd) rstd[i] = s;
        if (mean) mean[i] = m;
    }
}

/* ---- backward ---- */

enum { BWD_DY, BWD_X, BWD_W, BWD_RSTD, BWD_MEAN };

static int64_t chunks_per_leaf(const struct node *n, const struct graph_opts *o)
{
    return div_up(n->in[BWD_X]->dim[0] / o->leaves, NORM_ROWS);
}

/* Phase 0: dx, and the parameter gradients of each chunk of rows into the
 * workspace [chunks, 2, C].  Phase 1: the tree over chunks, by columns. */
static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    int64_t C = n->in[BWD_X]->dim[1], chunks = chunks_per_leaf(n, &g->opts) * g->opts.leaves;
    n->tws_bytes = 4 * (size_t)C * sizeof(float);
    n->rows = slice_items(chunks, NORM_ROWS * C, g->n_threads);
    int slices[2] = {(int)div_up(chunks, n->rows), (int)div_up(C, COLSUM_WIDTH)};
    if (n->grad[0] || n->grad[1]) n->ws_bytes = (size_t)(chunks * 2 * C) * sizeof(float);
    return node_phases(g, n, n->ws_bytes ? 2 : 1, slices, e);
}

static void bwd_row(const struct node *n, const struct run *r, const float *w, int64_t i, float *dw, float *db)
{
    const struct norm *a = n->attr;
    const struct kernels *k = r->k;
    const struct tensor *x = n->in[BWD_X], *dx = n->out[0];
    const float *rstd = n->in[BWD_RSTD]->data;
    int64_t C = x->dim[1];
    float *tx = (float *)(void *)r->tws, *tdy = tx + C, *tdx = tdy + C;
    const float *row = load_row(k, x, i * C, C, tx), *dy = load_row(k, n->in[BWD_DY], i * C, C, tdy);
    float *dst = dx && !n->accumulate ? begin_row(dx, i * C, tdx) : tdx;
    if (is_ln(a->kind)) {
        const float *mean = n->in[BWD_MEAN]->data;
        k->layernorm_bwd(dst, dw, db, dy, row, w, mean[i], rstd[i], (int)C);
    } else {
        k->rmsnorm_bwd(dst, dw, dy, row, w, rstd[i], (int)C);
    }
    if (dx) put_row(k, dx, i * C, C, dst, n->accumulate);
}

static void bwd_chunk(const struct node *n, const struct run *r, int64_t chunk)
{
    int64_t C = n->in[BWD_X]->dim[1], per_leaf = chunks_per_leaf(n, r->opts);
    int64_t leaf_rows = n->in[BWD_X]->dim[0] / r->opts->leaves, leaf = chunk / per_leaf;
    int64_t first = leaf * leaf_rows + chunk % per_leaf * NORM_ROWS;
    int64_t end = min_i64(first + NORM_ROWS, (leaf + 1) * leaf_rows);
    float *dw = NULL, *db = NULL;
    if (n->ws_bytes) {
        float *partial = (float *)(void *)r->ws + chunk * 2 * C;
        memset(partial, 0, 2 * (size_t)C * sizeof *partial);
        dw = partial;
        db = n->grad[1] ? partial + C : NULL;
    }
    const float *w = weights_of(n->attr, n->in[BWD_W], (float *)(void *)r->tws + 3 * C);
    for (int64_t i = first; i < end; i++) bwd_row(n, r, w, i, dw, db);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    int64_t C = n->in[BWD_X]->dim[1], per_leaf = chunks_per_leaf(n, r->opts);
    if (phase == 0) {
        int64_t end = min_i64((slice + 1) * n->rows, per_leaf * r->opts->leaves);
        for (int64_t c = slice * n->rows; c < end; c++) bwd_chunk(n, r, c);
        return;
    }
    int64_t c0 = (int64_t)slice * COLSUM_WIDTH;
    int width = (int)min_i64(COLSUM_WIDTH, C - c0);
    for (int j = 0; j < 2; j++) {
        const struct grad_use *u = n->grad[j];
        if (u)
            colsum_partials(r->k, u->dst + c0, u->accumulate, (float *)(void *)r->ws + j * C + c0, 2 * C,
                            width, r->opts->leaves, per_leaf);
    }
}

static const struct op norm_bwd_op = {.name = "norm_bwd", .plan = bwd_plan, .run = bwd_run};

static void norm_vjp(struct graph *g, struct node *n)
{
    struct grad_use *dw = grad_param(g, n->in[IN_W]), *db = grad_param(g, n->in[IN_B]);
    struct node *b = node_new(g, &norm_bwd_op, n->attr);
    if (!b) return;
    node_in(b, n->out[OUT_Y]->grad);
    node_in(b, n->in[IN_X]);
    node_in(b, n->in[IN_W]);
    node_in(b, n->out[OUT_RSTD]);
    node_in(b, n->out[OUT_MEAN]);
    b->grad[0] = dw;
    b->grad[1] = db;
    b->effect = dw || db;
    node_out(b, grad_slot(g, n->in[IN_X], &b->accumulate));
}

static const struct op norm_op = {.name = "norm", .plan = norm_plan, .run = norm_run, .vjp = norm_vjp, .cheap = true};

/* ---- builder ---- */

struct tensor *op_norm(struct graph *g, enum norm_kind kind, struct tensor *x, struct tensor *w,
                       struct tensor *b, float eps, bool f32_out)
{
    if (!want_2d(g, "norm", x)) return NULL;
    int64_t N = x->dim[0], C = x->dim[1];
    if (!want_vector(g, "norm", w, C) || !want_vector(g, "norm", b, C)) return NULL;
    if (!is_ln(kind) && b) return graph_fail(g, ERR_CONFIG, "norm: rms has no bias '%s'", b->name);
    struct norm *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &norm_op, a) : NULL;
    if (!n) return NULL;
    *a = (struct norm){kind, eps};
    node_in(n, x);
    node_in(n, w);
    node_in(n, b);
    struct tensor *y = tensor_2d(g, f32_out ? DT_F32 : g->opts.compute, N, C, "norm");
    node_out(n, y);
    bool keep = y && y->needs_grad;
    node_out(n, keep ? tensor_1d(g, DT_F32, N, "norm rstd") : NULL);
    node_out(n, keep && is_ln(kind) ? tensor_1d(g, DT_F32, N, "norm mean") : NULL);
    return y;
}
