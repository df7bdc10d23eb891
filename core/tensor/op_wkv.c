#include "core/tensor/op_wkv.h"

#include <string.h>

#include "core/kernels/wkv.h"
#include "core/tensor/colsum.h"
#include "core/tensor/rowgrad.h"

struct wkv_attr {
    int D, H;
};

enum { IN_R, IN_W, IN_K, IN_V, IN_A, IN_B, IN_U, IN_SEG, IN_DY };

bool want_like(struct graph *g, const char *op, const struct tensor *t, const struct tensor *as)
{
    if (!t || !as || graph_failed(g)) return false;
    if (t->dtype == DT_F32 && t->ndim == 2 && as->ndim == 2 && t->dim[0] == as->dim[0] && t->dim[1] == as->dim[1])
        return true;
    graph_fail(g, ERR_CONFIG, "%s: '%s' must be f32 of the shape of '%s'", op, t->name, as->name);
    return false;
}

static const float *at(const struct tensor *t, int64_t i)
{
    return t ? (const float *)t->data + i : NULL;
}

static struct wkv head_of(const struct node *n, const struct run *r, int row, int head)
{
    const struct wkv_attr *a = n->attr;
    int64_t C = n->in[IN_R]->dim[1], first = (int64_t)row * r->opts->T, i = first * C + (int64_t)head * a->D;
    return (struct wkv){.T = r->opts->T, .D = a->D, .ld = C, .r = at(n->in[IN_R], i), .w = at(n->in[IN_W], i),
                        .k = at(n->in[IN_K], i), .v = at(n->in[IN_V], i), .a = at(n->in[IN_A], i), .b = at(n->in[IN_B], i),
                        .u = at(n->in[IN_U], (int64_t)head * a->D),
                        .seg_start = (const int32_t *)n->in[IN_SEG]->data + first};
}

static int wkv_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct wkv_attr *a = n->attr;
    n->tws_bytes = (size_t)wkv_ws_floats(g->opts.T, a->D, 0) * sizeof(float);
    return node_phases(g, n, 1, (int[]){g->opts.rows * a->H}, e);
}

static void wkv_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct wkv_attr *a = n->attr;
    struct wkv x = head_of(n, r, slice / a->H, slice % a->H);
    x.y = (float *)n->out[0]->data + (x.r - at(n->in[IN_R], 0));
    r->k->wkv_fwd(&x, (float *)(void *)r->tws);
}

/* ---- backward ---- */

/* Phase 0: heads of rows, du of each row in the workspace; phase 1: the tree over rows. */
static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct wkv_attr *a = n->attr;
    int64_t C = n->in[IN_R]->dim[1];
    n->tws_bytes = (size_t)wkv_ws_floats(g->opts.T, a->D, 1) * sizeof(float);
    n->ws_bytes = n->in[IN_U] ? (size_t)(g->opts.rows * C) * sizeof(float) : 0;
    return node_phases(g, n, n->grad[0] ? 2 : 1, (int[]){g->opts.rows * a->H, (int)div_up(C, COLSUM_WIDTH)}, e);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    const struct wkv_attr *a = n->attr;
    int64_t C = n->in[IN_R]->dim[1];
    float *du = (float *)(void *)r->ws;
    if (phase == 1) {
        int64_t c0 = (int64_t)slice * COLSUM_WIDTH;
        colsum_partials(r->k, n->grad[0]->dst + c0, n->grad[0]->accumulate, du + c0, C, (int)min_i64(COLSUM_WIDTH, C - c0),
                        r->opts->leaves, r->opts->rows / r->opts->leaves);
        return;
    }
    int row = slice / a->H, head = slice % a->H;
    struct wkv x = head_of(n, r, row, head);
    int64_t i = x.r - at(n->in[IN_R], 0);
    float **out[] = {&x.dr, &x.dw, &x.dk, &x.dv, &x.da, &x.db};
    x.dy = at(n->in[IN_DY], i);
    for (int j = 0; j < n->n_out; j++) *out[j] = (float *)n->out[j]->data + i;
    x.du = n->in[IN_U] ? du + row * C + (int64_t)head * a->D : NULL;
    r->k->wkv_bwd(&x, (float *)(void *)r->tws);
}

static const struct op wkv_bwd_op = {.name = "wkv_bwd", .plan = bwd_plan, .run = bwd_run};

static void wkv_vjp(struct graph *g, struct node *n)
{
    struct tensor *dy = grad_cast(g, n->out[0]->grad, DT_F32);
    struct node *b = dy ? node_new(g, &wkv_bwd_op, n->attr) : NULL;
    if (!b) return;
    for (int i = 0; i <= IN_SEG; i++) node_in(b, n->in[i]);
    node_in(b, dy);
    b->grad[0] = grad_param(g, n->in[IN_U]);
    b->effect = b->grad[0];
    for (int i = IN_R; i <= (n->in[IN_A] ? IN_B : IN_V); i++) grad_out(g, b, n->in[i]);
}

static const struct op wkv_op = {.name = "wkv", .plan = wkv_plan, .run = wkv_run, .vjp = wkv_vjp};

struct tensor *op_wkv(struct graph *g, const struct wkv_spec *s, struct tensor *seg_start)
{
    struct tensor *const in[] = {s->r, s->w, s->k, s->v, s->a, s->b, s->u, seg_start};
    if (!want_2d(g, "wkv", s->r)) return NULL;
    for (int i = IN_R; i <= (s->a ? IN_B : IN_V); i++)
        if (!want_like(g, "wkv", in[i], s->r)) return NULL;
    if (s->D < 1 || s->D > WKV_MAX_D || s->r->dim[1] % s->D || (!s->a && !s->u))
        return graph_fail(g, ERR_CONFIG, "wkv: heads of %d in a width of %lld", s->D, (long long)s->r->dim[1]);
    if (!want_vector(g, "wkv", s->u, s->r->dim[1]) || !want_ids(g, "wkv", seg_start, s->r->dim[0])) return NULL;
    struct wkv_attr *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &wkv_op, a) : NULL;
    if (!n) return NULL;
    *a = (struct wkv_attr){s->D, (int)(s->r->dim[1] / s->D)};
    for (size_t i = 0; i < COUNT_OF(in); i++) node_in(n, in[i]);
    struct tensor *y = tensor_2d(g, DT_F32, s->r->dim[0], s->r->dim[1], "wkv");
    node_out(n, y);
    return y;
}
