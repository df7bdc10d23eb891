#include "core/tensor/op_qk.h"

#include <string.h>

#include "core/tensor/colsum.h"
#include "core/tensor/op.h"

struct qk {
    int H, Hk, D, n_rot;
    float eps;
    bool interleaved, plus_one, full, ln;
    int64_t max_pos;
};

enum { IN_QKV, IN_POSITIONS, IN_COS, IN_SIN, IN_QNORM, IN_KNORM, IN_DY };

static int64_t width(const struct qk *a)
{
    return (int64_t)(a->H + 2 * a->Hk) * a->D;
}

static void rotate(const struct node *n, const struct run *r, float *x, int64_t t, float sign)
{
    const struct qk *a = n->attr;
    if (!a->n_rot) return;
    int64_t at = ((const int32_t *)n->in[IN_POSITIONS]->data)[t] * (int64_t)(a->n_rot / 2);
    r->k->rope(x, (const float *)n->in[IN_COS]->data + at, (const float *)n->in[IN_SIN]->data + at, a->n_rot,
               a->interleaved, sign);
}

/* Weights of the norms of q (0) and of k (1). */
static int span(const struct qk *a, int which)
{
    return a->full || a->ln ? (which ? a->Hk : a->H) * a->D : a->D;
}

/* What one norm spans. */
static int norm_len(const struct qk *a, int which)
{
    return a->full ? span(a, which) : a->D;
}

static int spans(const struct qk *a)
{
    return span(a, 0) + span(a, 1);
}

/* Where norm i lies among q's and k's heads, and whether it is one of k's; their number is n_norms(); *w: where its
 * weights lie among those. */
static int n_norms(const struct qk *a)
{
    return a->full ? 2 : a->H + a->Hk;
}

static int norm_at(const struct qk *a, int i, int *which, int *w)
{
    *which = i >= (a->full ? 1 : a->H);
    *w = a->ln ? (*which ? i - a->H : i) * a->D : 0;
    return a->full ? i * a->H * a->D : i * a->D;
}

static void norm_row(const struct qk *a, const struct run *r, float *y, const float *x, const float *w, int n)
{
    float mean, rstd;
    if (a->ln) r->k->layernorm(y, x, w, NULL, n, a->eps, &mean, &rstd);
    else r->k->rmsnorm(y, x, w, n, a->eps, &rstd);
}

/* dx may not be dy; the forward's statistics are computed again, through dx. */
static void norm_row_bwd(const struct qk *a, const struct run *r, float *dx, float *dw, const float *dy, const float *x,
                         const float *w, int n)
{
    float mean, rstd;
    if (a->ln) {
        r->k->layernorm(dx, x, w, NULL, n, a->eps, &mean, &rstd);
        r->k->layernorm_bwd(dx, dw, NULL, dy, x, w, mean, rstd, n);
    } else {
        r->k->rmsnorm(dx, x, NULL, n, a->eps, &rstd);
        r->k->rmsnorm_bwd(dx, dw, dy, x, w, rstd, n);
    }
}

/* Norm weights of q and of k; with plus_one in `room` [spans], for the caller to keep. */
static void norms_of(const struct node *n, const float *w[2], float *room)
{
    const struct qk *a = n->attr;
    for (int j = 0; j < 2; j++) {
        const struct tensor *t = n->in[IN_QNORM + j];
        w[j] = t ? t->data : NULL;
        if (!t || !a->plus_one) continue;
        float *own = room + (j ? span(a, 0) : 0);
        for (int i = 0; i < span(a, j); i++) own[i] = ((const float *)t->data)[i] + 1.0f;
        w[j] = own;
    }
}

/* ---- forward ---- */

static int qk_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct qk *a = n->attr;
    n->tws_bytes = (2 * (size_t)width(a) + (size_t)spans(a)) * sizeof(float);
    return node_rows(g, n, n->in[IN_QKV]->dim[0], 2 * width(a), e);
}

static void copy_row(const struct tensor *y, const struct tensor *x, int64_t i, int64_t n)
{
    if (y->data != x->data) memcpy(data_at(y, i), data_at(x, i), (size_t)n * dtype_size(y->dtype));
}

static void qk_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct qk *a = n->attr;
    const struct tensor *x = n->in[IN_QKV], *y = n->out[0];
    int64_t W = width(a), qk = (int64_t)(a->H + a->Hk) * a->D;
    int64_t end = min_i64((slice + 1) * n->rows, x->dim[0]);
    float *tx = (float *)(void *)r->tws, *ty = tx + W;
    const float *norms[2];
    norms_of(n, norms, ty + W);
    for (int64_t t = slice * n->rows; t < end; t++) {
        const float *row = load_row(r->k, x, t * W, qk, tx);
        float *dst = begin_row(y, t * W, ty);
        for (int i = 0, which, w; i < n_norms(a); i++) {
            int at = norm_at(a, i, &which, &w), len = norm_len(a, which);
            if (norms[which]) norm_row(a, r, dst + at, row + at, norms[which] + w, len);
            else if (dst != row) memcpy(dst + at, row + at, (size_t)len * sizeof *dst);
        }
        for (int h = 0; h < a->H + a->Hk; h++) rotate(n, r, dst + (int64_t)h * a->D, t, 1.0f);
        store_row(r->k, y, t * W, qk, dst);
        copy_row(y, x, t * W + qk, W - qk);
    }
}

static int qk_check(const struct node *n, struct err *e)
{
    const struct qk *a = n->attr;
    if (!a->n_rot) return 0;
    return check_ids(n->in[IN_POSITIONS], 0, a->max_pos, "position", "the rotary table", e);
}

/* ---- backward ---- */

static int64_t chunks_per_leaf(const struct node *n, const struct graph_opts *o)
{
    return div_up(n->in[IN_QKV]->dim[0] / o->leaves, QK_ROWS);
}

/* Phase 0: dqkv, and per chunk of rows the norm gradients [chunks, spans];
 * phase 1: their tree. */
static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct qk *a = n->attr;
    int64_t chunks = chunks_per_leaf(n, &g->opts) * g->opts.leaves;
    n->tws_bytes = (3 * (size_t)width(a) + (size_t)spans(a)) * sizeof(float);
    n->rows = slice_items(chunks, 2 * QK_ROWS * width(a), g->n_threads);
    if (n->grad[0] || n->grad[1]) n->ws_bytes = (size_t)(chunks * spans(a)) * sizeof(float);
    int widest = span(a, 0) > span(a, 1) ? span(a, 0) : span(a, 1);
    int slices[2] = {(int)div_up(chunks, n->rows), (int)div_up(widest, COLSUM_WIDTH)};
    return node_phases(g, n, n->ws_bytes ? 2 : 1, slices, e);
}

static void bwd_row(const struct node *n, const struct run *r, const float *const norms[2], int64_t t, float *dq, float *dk)
{
    const struct qk *a = n->attr;
    const struct tensor *x = n->in[IN_QKV], *dy = n->in[IN_DY], *dx = n->out[0];
    int64_t W = width(a), qk = (int64_t)(a->H + a->Hk) * a->D;
    float *tx = (float *)(void *)r->tws, *td = tx + W, *tu = td + W;
    bool norm = n->in[IN_QNORM] || n->in[IN_KNORM];
    const float *row = norm ? load_row(r->k, x, t * W, qk, tx) : NULL;
    const float *grad = load_row(r->k, dy, t * W, W, td);
    if (grad != td) memcpy(td, grad, (size_t)W * sizeof *td);
    for (int h = 0; h < a->H + a->Hk; h++) rotate(n, r, td + (int64_t)h * a->D, t, -1.0f);
    for (int i = 0, which, w; i < n_norms(a); i++) {
        int at = norm_at(a, i, &which, &w), len = norm_len(a, which);
        if (!norms[which]) continue;
        float *dw = which ? dk : dq;
        norm_row_bwd(a, r, tu, dw ? dw + w : NULL, td + at, row + at, norms[which] + w, len);
        memcpy(td + at, tu, (size_t)len * sizeof *td);
    }
    put_row(r->k, dx, t * W, W, td, n->accumulate);
}

static void bwd_chunk(const struct node *n, const struct run *r, int64_t chunk)
{
    const struct qk *a = n->attr;
    int64_t per_leaf = chunks_per_leaf(n, r->opts), leaf_rows = n->in[IN_QKV]->dim[0] / r->opts->leaves;
    int64_t leaf = chunk / per_leaf, first = leaf * leaf_rows + chunk % per_leaf * QK_ROWS;
    int64_t end = min_i64(first + QK_ROWS, (leaf + 1) * leaf_rows);
    float *partial = NULL;
    if (n->ws_bytes) {
        partial = (float *)(void *)r->ws + chunk * spans(a);
        memset(partial, 0, (size_t)spans(a) * sizeof *partial);
    }
    const float *norms[2];
    norms_of(n, norms, (float *)(void *)r->tws + 3 * width(a));
    for (int64_t t = first; t < end; t++)
        bwd_row(n, r, norms, t, n->grad[0] ? partial : NULL, n->grad[1] ? partial + span(a, 0) : NULL);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    const struct qk *a = n->attr;
    int64_t per_leaf = chunks_per_leaf(n, r->opts);
    if (phase == 0) {
        int64_t end = min_i64((slice + 1) * n->rows, per_leaf * r->opts->leaves);
        for (int64_t c = slice * n->rows; c < end; c++) bwd_chunk(n, r, c);
        return;
    }
    int c0 = slice * COLSUM_WIDTH;
    for (int j = 0; j < 2; j++) {
        const struct grad_use *u = n->grad[j];
        int cols = (int)min_i64(COLSUM_WIDTH, span(a, j) - c0);
        if (u && cols > 0)
            colsum_partials(r->k, u->dst + c0, u->accumulate, (float *)(void *)r->ws + (j ? span(a, 0) : 0) + c0, spans(a),
                            cols, r->opts->leaves, per_leaf);
    }
}

static const struct op qk_bwd_op = {.name = "qk_bwd", .plan = bwd_plan, .run = bwd_run};

static void qk_vjp(struct graph *g, struct node *n)
{
    struct node *b = node_new(g, &qk_bwd_op, n->attr);
    if (!b) return;
    /* Without norms the input's values are not needed, so that forward may overwrite them. */
    bool norm = n->in[IN_QNORM] || n->in[IN_KNORM];
    node_in(b, norm ? n->in[IN_QKV] : n->out[0]->grad);
    for (int i = IN_POSITIONS; i < IN_DY; i++) node_in(b, n->in[i]);
    node_in(b, n->out[0]->grad);
    b->grad[0] = grad_param(g, n->in[IN_QNORM]);
    b->grad[1] = grad_param(g, n->in[IN_KNORM]);
    b->effect = b->grad[0] || b->grad[1];
    node_out(b, grad_slot(g, n->in[IN_QKV], &b->accumulate));
    b->inplace = IN_DY;
}

static const struct op qk_op = {.name = "qk", .plan = qk_plan, .run = qk_run, .check = qk_check, .vjp = qk_vjp};

/* ---- builder ---- */

/* The table as a constant; blocks with equal tables share one. */
static struct tensor *rope_const(struct graph *g, const float *data, const struct rope_table *t, const char *name)
{
    int64_t dim[2] = {t->max_pos, t->n_rot / 2};
    for (int i = 0; i < g->n_tensors; i++) {
        struct tensor *c = g->tensor[i];
        if (c->kind == T_CONST && c->ndim == 2 && c->dim[0] == dim[0] && c->dim[1] == dim[1] &&
            memcmp(c->data, data, tensor_bytes(c)) == 0)
            return c;
    }
    return graph_const_f32(g, name, data, 2, dim);
}

struct tensor *op_qk(struct graph *g, struct tensor *qkv, struct tensor *positions, const struct qk_spec *s)
{
    if (!want_2d(g, "qk", qkv)) return NULL;
    struct qk v = {s->H, s->Hk, s->D, 0, s->eps, s->interleaved, s->plus_one, s->full, s->ln, 0};
    if (s->H < 1 || s->Hk < 1 || s->D < 1 || qkv->dim[1] != width(&v))
        return graph_fail(g, ERR_CONFIG, "qk: '%s' has width %lld, not (%d + 2*%d) heads of %d", qkv->name,
                          (long long)qkv->dim[1], s->H, s->Hk, s->D);
    if (!want_vector(g, "qk", s->q_norm, span(&v, 0)) || !want_vector(g, "qk", s->k_norm, span(&v, 1))) return NULL;
    if (!s->rope && !s->q_norm && !s->k_norm) return qkv;
    struct tensor *cos = NULL, *sin = NULL;
    if (s->rope) {
        const struct rope_table *t = s->rope;
        if (t->n_rot < 2 || t->n_rot > s->D || t->n_rot % 2 || t->max_pos < 1)
            return graph_fail(g, ERR_CONFIG, "qk: rotation of %d elements of a head of %d", t->n_rot, s->D);
        if (!want_ids(g, "qk", positions, qkv->dim[0])) return NULL;
        v.n_rot = t->n_rot;
        v.max_pos = t->max_pos;
        cos = rope_const(g, t->cos, t, "rope cos");
        sin = rope_const(g, t->sin, t, "rope sin");
        if (!sin) return NULL;
    }
    struct qk *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &qk_op, a) : NULL;
    if (!n) return NULL;
    *a = v;
    node_in(n, qkv);
    node_in(n, positions);
    node_in(n, cos);
    node_in(n, sin);
    node_in(n, s->q_norm);
    node_in(n, s->k_norm);
    struct tensor *y = tensor_2d(g, qkv->dtype, qkv->dim[0], qkv->dim[1], "qkv");
    node_out(n, y);
    n->inplace = IN_QKV;
    return y;
}
