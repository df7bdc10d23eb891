/* op_group_norm.c - LayerNorm of each head (arXiv:1803.08494 with one group a
 * head), with weights of all channels: the norm of RWKV-5 to -7's outputs.
 *   y = (x - mean) / sqrt(var + eps) * w + b, mean and var over a head's D channels
 * x, y [N,C] f32, w, b [C].  Backward computes mean and var again. */
#include "core/tensor/op_wkv.h"
#include "core/tensor/rowgrad.h"

struct group_norm {
    int D;
    float eps;
};

enum { IN_X, IN_W, IN_B, IN_DY };

static int gn_plan(struct graph *g, struct node *n, struct err *e)
{
    return node_rows(g, n, n->out[0]->dim[0], 2 * n->out[0]->dim[1], e);
}

static void gn_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct group_norm *a = n->attr;
    int64_t C = n->out[0]->dim[1], end = min_i64((slice + 1) * n->rows, n->out[0]->dim[0]);
    const float *w = n->in[IN_W]->data, *b = n->in[IN_B]->data;
    float mean, rstd;
    for (int64_t t = slice * n->rows; t < end; t++)
        for (int64_t h = 0; h < C; h += a->D)
            r->k->layernorm((float *)n->out[0]->data + t * C + h, (const float *)n->in[IN_X]->data + t * C + h, w + h, b + h,
                            a->D, a->eps, &mean, &rstd);
}

static void bwd_row(const struct node *n, const struct run *r, int64_t t, float *partial)
{
    const struct group_norm *a = n->attr;
    int64_t C = n->in[IN_X]->dim[1];
    const float *w = n->in[IN_W]->data, *b = n->in[IN_B]->data;
    float *tmp = (float *)(void *)r->tws, mean, rstd;
    for (int64_t h = 0; h < C; h += a->D) {
        int64_t at = t * C + h;
        const float *x = (const float *)n->in[IN_X]->data + at;
        r->k->layernorm(tmp, x, w + h, b + h, a->D, a->eps, &mean, &rstd);
        r->k->layernorm_bwd(tmp, partial ? partial + h : NULL, partial ? partial + C + h : NULL,
                            (const float *)n->in[IN_DY]->data + at, x, w + h, mean, rstd, a->D);
        if (n->out[0]) put_row(r->k, n->out[0], at, a->D, tmp, n->accumulate);
    }
}

static const struct rowgrad gn_rows = {bwd_row, 2};

static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    int64_t C = n->in[IN_X]->dim[1];
    return rowgrad_plan(g, n, 2, C, (size_t)C * sizeof(float), e);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    rowgrad_run(n, r, &gn_rows, n->in[IN_X]->dim[1], phase, slice);
}

static const struct op gn_bwd_op = {.name = "group_norm_bwd", .plan = bwd_plan, .run = bwd_run};

static void gn_vjp(struct graph *g, struct node *n)
{
    struct tensor *dy = grad_cast(g, n->out[0]->grad, DT_F32);
    struct node *b = dy ? node_new(g, &gn_bwd_op, n->attr) : NULL;
    if (!b) return;
    for (int i = 0; i < 3; i++) node_in(b, n->in[i]);
    node_in(b, dy);
    for (int i = 0; i < 2; i++) {
        b->grad[i] = grad_param(g, n->in[IN_W + i]);
        if (b->grad[i]) b->effect = true;
    }
    node_out(b, grad_slot(g, n->in[IN_X], &b->accumulate));
}

static const struct op gn_op = {.name = "group_norm", .plan = gn_plan, .run = gn_run, .vjp = gn_vjp};

struct tensor *op_group_norm(struct graph *g, struct tensor *x, struct tensor *w, struct tensor *b, int D, float eps)
{
    if (!want_like(g, "group_norm", x, x) || !w || !b || !want_vector(g, "group_norm", w, x->dim[1]) ||
        !want_vector(g, "group_norm", b, x->dim[1]))
        return NULL;
    if (D < 1 || x->dim[1] % D)
        return graph_fail(g, ERR_CONFIG, "group_norm: heads of %d in a width of %lld", D, (long long)x->dim[1]);
    struct group_norm *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &gn_op, a) : NULL;
    if (!n) return NULL;
    *a = (struct group_norm){D, eps};
    node_in(n, x);
    node_in(n, w);
    node_in(n, b);
    struct tensor *y = tensor_2d(g, DT_F32, x->dim[0], x->dim[1], "group norm");
    node_out(n, y);
    return y;
}
