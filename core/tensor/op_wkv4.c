#include "core/tensor/op_wkv4.h"

#include <string.h>

#include "core/kernels/wkv.h"
#include "core/tensor/colsum.h"

enum { IN_R, IN_K, IN_V, IN_DECAY, IN_FIRST, IN_SEG };

static int blocks_of(const struct tensor *t)
{
    return (int)div_up(t->dim[1], WKV4_CHANNELS);
}

/* w = -e^decay for all channels, into [C] floats. */
static void decays(const struct kernels *k, const struct tensor *decay, float *w, int64_t C)
{
    k->exp(w, decay->data, (size_t)C);
    k->scale(w, -1, w, (size_t)C);
}

/* What one row of r, k, v and its like gives the kernel. */
static struct wkv4 at_row(const struct tensor *const in[3], const struct tensor *seg, const float *w,
                          const struct tensor *first, const struct run *r, int row)
{
    int64_t C = in[0]->dim[1], at = (int64_t)row * r->opts->T;
    return (struct wkv4){.T = r->opts->T, .ld = C, .r = (const float *)in[0]->data + at * C,
                         .k = (const float *)in[1]->data + at * C, .v = (const float *)in[2]->data + at * C, .w = w,
                         .u = first->data, .seg_start = (const int32_t *)seg->data + at};
}

/* Phase 0: w.  Phase 1: rows and blocks of channels. */
static int wkv4_plan(struct graph *g, struct node *n, struct err *e)
{
    size_t C = (size_t)n->in[IN_R]->dim[1];
    n->ws_bytes = (C * sizeof(float) + 63) & ~(size_t)63;
    return node_phases(g, n, 2, (int[]){1, g->opts.rows * blocks_of(n->in[IN_R])}, e);
}

static void wkv4_run(const struct node *n, const struct run *r, int phase, int slice)
{
    float *w = (float *)(void *)r->ws;
    int64_t C = n->in[IN_R]->dim[1];
    if (phase == 0) {
        decays(r->k, n->in[IN_DECAY], w, C);
        return;
    }
    int blocks = blocks_of(n->in[IN_R]), row = slice / blocks, c0 = slice % blocks * WKV4_CHANNELS;
    int c1 = (int)min_i64(c0 + WKV4_CHANNELS, C);
    struct wkv4 x = at_row((const struct tensor *const *)n->in, n->in[IN_SEG], w, n->in[IN_FIRST], r, row);
    struct tensor *y = n->out[0];
    x.dt = y->dtype;
    x.y = data_at(y, (int64_t)row * x.T * C);
    r->k->wkv4_fwd(&x, c0, c1);
}

/* ---- backward ---- */

enum { BWD_R, BWD_K, BWD_V, BWD_DECAY, BWD_FIRST, BWD_SEG, BWD_DY };

struct wkv4_bwd {
    size_t at_dw, at_du;    /* partial sums [rows, C] in the workspace, behind w */
};

/* Phase 0: w.  Phase 1: rows and blocks.  Phase 2: the tree over rows. */
static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    struct wkv4_bwd *a = n->attr;
    size_t C = (size_t)n->in[BWD_R]->dim[1], partial = (size_t)g->opts.rows * C * sizeof(float);
    a->at_dw = (C * sizeof(float) + 63) & ~(size_t)63;
    a->at_du = a->at_dw + ((partial + 63) & ~(size_t)63);
    n->ws_bytes = a->at_du + partial;
    n->tws_bytes = 48 * (size_t)g->opts.T * sizeof(float);
    int slices[3] = {1, g->opts.rows * blocks_of(n->in[BWD_R]), 2 * (int)div_up((int64_t)C, COLSUM_WIDTH)};
    return node_phases(g, n, 3, slices, e);
}

/* d decay = d w * w. */
static void sum_rows(const struct node *n, const struct run *r, int slice)
{
    const struct wkv4_bwd *a = n->attr;
    int64_t C = n->in[BWD_R]->dim[1];
    int blocks = (int)div_up(C, COLSUM_WIDTH), which = slice / blocks;
    int64_t c0 = (int64_t)(slice % blocks) * COLSUM_WIDTH;
    const struct grad_use *u = n->grad[which];
    float *partial = (float *)(void *)(r->ws + (which ? a->at_du : a->at_dw)) + c0;
    int width = (int)min_i64(COLSUM_WIDTH, C - c0);
    const float *w = (const float *)(const void *)r->ws + c0;
    for (int row = 0; row < r->opts->rows && !which; row++)
        r->k->mul(partial + row * C, partial + row * C, w, (size_t)width);
    if (u)
        colsum_partials(r->k, u->dst + c0, u->accumulate, partial, C, width, r->opts->leaves,
                        r->opts->rows / r->opts->leaves);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    const struct wkv4_bwd *a = n->attr;
    int64_t C = n->in[BWD_R]->dim[1];
    float *w = (float *)(void *)r->ws;
    if (phase == 0) decays(r->k, n->in[BWD_DECAY], w, C);
    else if (phase == 2) sum_rows(n, r, slice);
    if (phase != 1) return;
    int blocks = blocks_of(n->in[BWD_R]), row = slice / blocks, c0 = slice % blocks * WKV4_CHANNELS;
    int64_t at = (int64_t)row * r->opts->T * C;
    struct wkv4 x = at_row((const struct tensor *const *)n->in, n->in[BWD_SEG], w, n->in[BWD_FIRST], r, row);
    x.dt = n->in[BWD_DY]->dtype;
    x.dy = data_at(n->in[BWD_DY], at);
    x.dr = data_at(n->out[0], at);
    x.dk = data_at(n->out[1], at);
    x.dv = data_at(n->out[2], at);
    x.dw = (float *)(void *)(r->ws + a->at_dw) + row * C;
    x.du = (float *)(void *)(r->ws + a->at_du) + row * C;
    r->k->wkv4_bwd(&x, c0, (int)min_i64(c0 + WKV4_CHANNELS, C), (float *)(void *)r->tws);
}

static const struct op wkv4_bwd_op = {.name = "wkv4_bwd", .plan = bwd_plan, .run = bwd_run};

static void wkv4_vjp(struct graph *g, struct node *n)
{
    struct tensor *dy = grad_cast(g, n->out[0]->grad, n->out[0]->dtype); /* and so are the gradients made from it */
    struct wkv4_bwd *a = graph_zalloc(g, 1, sizeof *a);
    struct node *b = a && dy ? node_new(g, &wkv4_bwd_op, a) : NULL;
    if (!b) return;
    bool other[3] = {false, false, false};
    for (int i = 0; i <= IN_SEG; i++) node_in(b, n->in[i]);
    node_in(b, dy);
    b->grad[0] = grad_param(g, n->in[IN_DECAY]);
    b->grad[1] = grad_param(g, n->in[IN_FIRST]);
    b->effect = b->grad[0] || b->grad[1];
    for (int i = 0; i < 3; i++) {
        n->in[i]->needs_grad = true; /* the kernel writes all three */
        node_out(b, grad_slot_as(g, n->in[i], n->out[0]->dtype, &other[i]));
        if (other[i]) graph_fail(g, ERR_INTERNAL, "wkv4: its inputs have other readers");
    }
}

static const struct op wkv4_op = {.name = "wkv4", .plan = wkv4_plan, .run = wkv4_run, .vjp = wkv4_vjp};

struct tensor *op_wkv4(struct graph *g, struct tensor *r, struct tensor *k, struct tensor *v, struct tensor *decay,
                       struct tensor *first, struct tensor *seg_start)
{
    struct tensor *const in[] = {r, k, v, decay, first, seg_start};
    if (!want_2d(g, "wkv4", r) || !want_2d(g, "wkv4", k) || !want_2d(g, "wkv4", v) || !decay || !first) return NULL;
    if (tensor_n(r) != tensor_n(k) || tensor_n(r) != tensor_n(v) || r->dtype != DT_F32 || k->dtype != DT_F32 ||
        v->dtype != DT_F32)
        return graph_fail(g, ERR_CONFIG, "wkv4: '%s', '%s' and '%s' must be f32 of one shape", r->name, k->name, v->name);
    if (!want_vector(g, "wkv4", decay, r->dim[1]) || !want_vector(g, "wkv4", first, r->dim[1]) ||
        !want_ids(g, "wkv4", seg_start, r->dim[0]))
        return NULL;
    struct node *n = node_new(g, &wkv4_op, NULL);
    for (size_t i = 0; i < COUNT_OF(in); i++) node_in(n, in[i]);
    struct tensor *y = tensor_2d(g, g->opts.compute, r->dim[0], r->dim[1], "wkv");
    node_out(n, y);
    return y;
}
