/* op_dispatch.c - rows to their experts and back; see op_experts.h. */
#include <string.h>

#include "core/tensor/op_experts.h"

enum { BLOCK = 1024 }; /* elements converted at a time, on the stack */

struct dispatch {
    int K;
};

/* dst[0, C) (+)= sum over k of w[k] row[k], in order; w NULL = 1. */
static void sum_rows(const struct kernels *k, float *dst, const struct tensor *rows, const int32_t *place, int K,
                     const float *w, int64_t C)
{
    float tmp[BLOCK];
    for (int64_t c = 0; c < C; c += BLOCK) {
        int64_t len = min_i64(BLOCK, C - c);
        for (int j = 0; j < K; j++)
            k->axpy(dst + c, w ? w[j] : 1, load_row(k, rows, place[j] * C + c, len, tmp), (size_t)len);
    }
}

static int sorted_plan(struct graph *g, struct node *n, struct err *e)
{
    return node_rows(g, n, n->out[0]->dim[0], n->out[0]->dim[1], e);
}

/* ---- dispatch ---- */

static void dispatch_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    (void)r;
    const struct dispatch *a = n->attr;
    const struct tensor *x = n->in[0], *y = n->out[0];
    const int32_t *source = n->in[1]->data;
    int64_t C = x->dim[1], end = min_i64((slice + 1) * n->rows, y->dim[0]);
    size_t bytes = (size_t)C * dtype_size(x->dtype);
    for (int64_t i = slice * n->rows; i < end; i++) memcpy(data_at(y, i * C), data_at(x, source[i] / a->K * C), bytes);
}

/* dx[n] (+)= its K rows, in slot order. */
static void gather_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct dispatch *a = n->attr;
    const struct tensor *dy = n->in[0], *dx = n->out[0];
    const int32_t *place = n->in[1]->data;
    int64_t C = dx->dim[1], end = min_i64((slice + 1) * n->rows, dx->dim[0]);
    float *sum = (float *)(void *)r->tws;
    for (int64_t t = slice * n->rows; t < end; t++) {
        memset(sum, 0, (size_t)C * sizeof *sum);
        sum_rows(r->k, sum, dy, place + t * a->K, a->K, NULL, C);
        put_row(r->k, dx, t * C, C, sum, n->accumulate);
    }
}

static int gather_plan(struct graph *g, struct node *n, struct err *e)
{
    n->tws_bytes = (size_t)n->out[0]->dim[1] * sizeof(float);
    return sorted_plan(g, n, e);
}

static const struct op dispatch_bwd_op = {.name = "dispatch_bwd", .plan = gather_plan, .run = gather_run};

enum { DISPATCH_X, DISPATCH_SOURCE, DISPATCH_PLACE };

static void dispatch_vjp(struct graph *g, struct node *n)
{
    struct node *b = node_new(g, &dispatch_bwd_op, n->attr);
    if (!b) return;
    node_in(b, n->out[0]->grad);
    node_in(b, n->in[DISPATCH_PLACE]);
    node_out(b, grad_slot(g, n->in[DISPATCH_X], &b->accumulate));
}

static const struct op dispatch_op = {
    .name = "dispatch", .plan = sorted_plan, .run = dispatch_run, .vjp = dispatch_vjp, .cheap = true};

struct tensor *op_dispatch(struct graph *g, struct tensor *x, const struct routing *r)
{
    if (!want_2d(g, "dispatch", x) || !r->source) return NULL;
    struct dispatch *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &dispatch_op, a) : NULL;
    if (!n) return NULL;
    a->K = r->top_k;
    node_in(n, x);
    node_in(n, r->source);
    node_in(n, r->place);
    struct tensor *y = tensor_2d(g, x->dtype, x->dim[0] * r->top_k, x->dim[1], "expert inputs");
    node_out(n, y);
    return y;
}

/* ---- combine ---- */

enum { COMBINE_YS, COMBINE_W, COMBINE_PLACE, COMBINE_RESIDUAL };

static void combine_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct dispatch *a = n->attr;
    const struct tensor *residual = n->in[COMBINE_RESIDUAL], *y = n->out[0];
    const float *w = n->in[COMBINE_W]->data;
    const int32_t *place = n->in[COMBINE_PLACE]->data;
    int64_t C = y->dim[1], end = min_i64((slice + 1) * n->rows, y->dim[0]);
    for (int64_t t = slice * n->rows; t < end; t++) {
        float *dst = (float *)y->data + t * C;
        if (!residual) memset(dst, 0, (size_t)C * sizeof *dst);
        else if (residual->data != y->data) memcpy(dst, (const float *)residual->data + t * C, (size_t)C * sizeof *dst);
        sum_rows(r->k, dst, n->in[COMBINE_YS], place + t * a->K, a->K, w + t * a->K, C);
    }
}

enum { BWD_DY, BWD_YS, BWD_W, BWD_PLACE };

/* dys[place] = w dy, dw = dy . ys[place]. */
static void combine_bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct dispatch *a = n->attr;
    const struct tensor *dy = n->in[BWD_DY], *ys = n->in[BWD_YS], *dys = n->out[0];
    const float *w = n->in[BWD_W]->data;
    const int32_t *place = n->in[BWD_PLACE]->data;
    int64_t C = dy->dim[1], K = a->K, end = min_i64((slice + 1) * n->rows, dy->dim[0]);
    float ty[BLOCK], td[BLOCK], ts[BLOCK];
    for (int64_t i = slice * n->rows * K; i < end * K; i++) {
        float dot = 0;
        for (int64_t c = 0; c < C; c += BLOCK) {
            int64_t len = min_i64(BLOCK, C - c), at = place[i] * C + c;
            const float *g = load_row(r->k, dy, i / K * C + c, len, td);
            dot += r->k->dot(g, load_row(r->k, ys, at, len, ty), (size_t)len);
            if (!dys) continue;
            float *dst = begin_row(dys, at, ts);
            r->k->scale(dst, w[i], g, (size_t)len);
            store_row(r->k, dys, at, len, dst);
        }
        if (n->out[1]) ((float *)n->out[1]->data)[i] = dot;
    }
}

static int combine_bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct dispatch *a = n->attr;
    return node_rows(g, n, n->in[BWD_DY]->dim[0], n->in[BWD_DY]->dim[1] * a->K, e);
}

static const struct op combine_bwd_op = {.name = "combine_bwd", .plan = combine_bwd_plan, .run = combine_bwd_run};

static void combine_vjp(struct graph *g, struct node *n)
{
    struct tensor *dy = n->out[0]->grad, *ys = n->in[COMBINE_YS], *w = n->in[COMBINE_W];
    struct node *b = node_new(g, &combine_bwd_op, n->attr);
    if (!b) return;
    bool acc_ys = false, acc_w = false; /* nothing else reads the two */
    node_in(b, dy);
    node_in(b, ys);
    node_in(b, w);
    node_in(b, n->in[COMBINE_PLACE]);
    node_out(b, grad_slot(g, ys, &acc_ys));
    node_out(b, grad_slot(g, w, &acc_w));
    if (acc_ys || acc_w) graph_fail(g, ERR_INTERNAL, "combine: its inputs have other readers");
    grad_pass(g, n->in[COMBINE_RESIDUAL], dy, true); /* last: from here on dy may be added to */
}

static const struct op combine_op = {.name = "combine", .plan = sorted_plan, .run = combine_run, .vjp = combine_vjp};

struct tensor *op_combine(struct graph *g, struct tensor *ys, const struct routing *r, struct tensor *residual)
{
    if (!want_2d(g, "combine", ys) || !r->weights) return NULL;
    int64_t N = r->weights->dim[0], C = ys->dim[1];
    if (ys->dim[0] != N * r->top_k || (residual && (residual->dtype != DT_F32 || tensor_n(residual) != N * C)))
        return graph_fail(g, ERR_CONFIG, "combine: '%s' does not fit its routing", ys->name);
    struct dispatch *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &combine_op, a) : NULL;
    if (!n) return NULL;
    a->K = r->top_k;
    node_in(n, ys);
    node_in(n, r->weights);
    node_in(n, r->place);
    node_in(n, residual);
    if (residual) n->inplace = COMBINE_RESIDUAL;
    struct tensor *y = tensor_2d(g, DT_F32, N, C, "experts");
    node_out(n, y);
    return y;
}
