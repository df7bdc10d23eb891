#include "core/tensor/op_attn.h"

#include <math.h>
#include <string.h>

#include "core/tensor/colsum.h"
#include "core/tensor/op.h"
#include "core/tensor/op_dropout.h"

struct attn_attr {
    struct attn_spec s;
    float *alibi;            /* [H] or NULL */
    uint32_t instance;
    int T;
    int64_t group;           /* work items a slice */
};

enum { IN_QKV, IN_SEG, IN_SINK };
enum { OUT_O, OUT_LSE };
enum { BWD_QKV, BWD_SEG, BWD_SINK, BWD_O, BWD_LSE, BWD_DO };
enum { QUERIES = 128 };      /* queries of one work item */

/* q k^T and p v; half of it when causal. */
static double attn_flops(const struct graph_opts *o, const struct attn_spec *s)
{
    double pairs = (double)o->T * o->T * (s->causal ? 0.5 : 1.0);
    if (s->window > 0 && s->window < o->T) pairs = (double)o->T * s->window * (s->causal ? 1 : 2);
    return 4.0 * (double)o->rows * s->H * s->D * pairs;
}

/* The kernel's view of one row of the batch; out, dout etc. are the caller's. */
static struct attn row_view(const struct node *n, const struct run *r, const struct tensor *qkv, int row)
{
    const struct attn_attr *a = n->attr;
    const struct attn_spec *s = &a->s;
    int64_t W = (int64_t)(s->H + 2 * s->Hk) * s->D, T = r->opts->T, at = row * T * W;
    struct attn v = {.Tq = (int)T, .Tk = (int)T, .H = s->H, .Hk = s->Hk, .D = s->D, .dt = qkv->dtype,
                     .q = data_at(qkv, at), .k = data_at(qkv, at + (int64_t)s->H * s->D),
                     .v = data_at(qkv, at + (int64_t)(s->H + s->Hk) * s->D),
                     .q_stride = W, .k_stride = W, .v_stride = W, .o_stride = (int64_t)s->H * s->D,
                     .scale = s->scale, .softcap = s->softcap, .window = s->window, .causal = s->causal,
                     .alibi = a->alibi, .sink = n->in[IN_SINK] ? n->in[IN_SINK]->data : NULL};
    if (n->in[IN_SEG]) v.seg_start = (const int32_t *)n->in[IN_SEG]->data + row * T;
    if (s->dropout > 0 && r->opts->training) {
        struct rng_key key = rng_key(r->args->seed, RNG_DROPOUT, (uint32_t)r->args->step, a->instance);
        v.drop_below = dropout_below(s->dropout);
        v.drop_scale = 1.0f / (1.0f - s->dropout);
        memcpy(v.drop_key, key.k, sizeof v.drop_key);
        memcpy(v.drop_ctr, key.c, sizeof v.drop_ctr);
        v.drop_row = r->args->row0 + (uint64_t)row;
    }
    return v;
}

/* ---- forward: an item is (row, head, block of queries) ---- */

static int attn_plan(struct graph *g, struct node *n, struct err *e)
{
    struct attn_attr *a = n->attr;
    const struct attn_spec *s = &a->s;
    int64_t blocks = div_up(g->opts.T, QUERIES), items = blocks * s->H * g->opts.rows;
    n->tws_bytes = kernels_get()->attn_ws_bytes(g->opts.T, g->opts.T, s->H, s->Hk, s->D, false);
    n->flops = attn_flops(&g->opts, s);
    a->group = slice_items(items, (int64_t)(n->flops / (double)items / 16), g->n_threads);
    int slices = (int)div_up(items, a->group);
    return node_phases(g, n, 1, &slices, e);
}

static void attn_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct attn_attr *a = n->attr;
    const struct tensor *o = n->out[OUT_O], *lse = n->out[OUT_LSE];
    int T = r->opts->T, H = a->s.H, blocks = (int)div_up(T, QUERIES);
    int64_t items = (int64_t)blocks * H * r->opts->rows, end = min_i64((slice + 1) * a->group, items);
    for (int64_t i = slice * a->group; i < end; i++) {
        int block = (int)(i % blocks), h = (int)(i / blocks % H), row = (int)(i / blocks / H);
        struct attn v = row_view(n, r, n->in[IN_QKV], row);
        v.out = data_at(o, (int64_t)row * T * H * a->s.D);
        if (lse) v.lse = (float *)lse->data + (int64_t)row * H * T;
        r->k->attn_fwd(&v, h, block * QUERIES, (int)min_i64((int64_t)(block + 1) * QUERIES, T), r->tws);
    }
}

/* A segment starts in its row, at or before the token. */
static int attn_check(const struct node *n, struct err *e)
{
    const struct tensor *seg = n->in[IN_SEG];
    const struct attn_attr *a = n->attr;
    if (!seg) return 0;
    const int32_t *start = seg->data;
    for (int64_t t = 0; t < tensor_n(seg); t++)
        if (start[t] < 0 || start[t] > t % a->T)
            return err_set(e, ERR_DATA, "segment start %d of token %lld of the batch is outside of its row", start[t],
                           (long long)t);
    return 0;
}

/* ---- backward: an item is (row, kv head); phase 1 sums the sink's gradient ---- */

static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct attn_attr *a = n->attr;
    const struct attn_spec *s = &a->s;
    n->tws_bytes = kernels_get()->attn_ws_bytes(g->opts.T, g->opts.T, s->H, s->Hk, s->D, true);
    n->flops = 2.5 * attn_flops(&g->opts, s);
    int64_t items = (int64_t)g->opts.rows * s->Hk;
    n->rows = slice_items(items, (int64_t)(n->flops / (double)items / 16), g->n_threads);
    if (n->grad[0]) n->ws_bytes = (size_t)(g->opts.rows * (int64_t)s->H) * sizeof(float);
    return node_phases(g, n, n->grad[0] ? 2 : 1, (int[]){(int)div_up(items, n->rows), 1}, e);
}

static void bwd_item(const struct node *n, const struct run *r, int row, int hk)
{
    const struct attn_attr *a = n->attr;
    const struct tensor *dqkv = n->out[0];
    int64_t T = r->opts->T, H = a->s.H, Hk = a->s.Hk, D = a->s.D, W = (H + 2 * Hk) * D;
    struct attn v = row_view(n, r, n->in[BWD_QKV], row);
    v.out = data_at(n->in[BWD_O], row * T * H * D);
    v.dout = data_at(n->in[BWD_DO], row * T * H * D);
    v.lse = (float *)n->in[BWD_LSE]->data + row * H * T;
    v.dq = data_at(dqkv, row * T * W);
    v.dk = data_at(dqkv, row * T * W + H * D);
    v.dv = data_at(dqkv, row * T * W + (H + Hk) * D);
    if (n->grad[0]) v.dsink = (float *)(void *)r->ws + row * H;
    r->k->attn_bwd(&v, hk, r->tws);
}

static void sum_sinks(const struct node *n, const struct run *r)
{
    const struct grad_use *u = n->grad[0];
    int H = ((const struct attn_attr *)n->attr)->s.H, leaves = r->opts->leaves;
    for (int c = 0; c < H; c += COLSUM_WIDTH)
        colsum_partials(r->k, u->dst + c, u->accumulate, (float *)(void *)r->ws + c, H,
                        (int)min_i64(COLSUM_WIDTH, H - c), leaves, r->opts->rows / leaves);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    const struct attn_attr *a = n->attr;
    if (phase == 1) {
        sum_sinks(n, r);
        return;
    }
    int64_t items = (int64_t)r->opts->rows * a->s.Hk, end = min_i64((slice + 1) * n->rows, items);
    for (int64_t i = slice * n->rows; i < end; i++) bwd_item(n, r, (int)(i / a->s.Hk), (int)(i % a->s.Hk));
}

static const struct op attn_bwd_op = {.name = "attn_bwd", .plan = bwd_plan, .run = bwd_run};

static void attn_vjp(struct graph *g, struct node *n)
{
    struct tensor *qkv = n->in[IN_QKV], *o = n->out[OUT_O];
    /* The kernel reads dout in the type of o, and writes dqkv. */
    struct tensor *dout = grad_cast(g, o->grad, o->dtype);
    struct node *b = node_new(g, &attn_bwd_op, n->attr);
    if (!b || !dout) return;
    node_in(b, qkv);
    node_in(b, n->in[IN_SEG]);
    node_in(b, n->in[IN_SINK]);
    node_in(b, o);
    node_in(b, n->out[OUT_LSE]);
    node_in(b, dout);
    b->grad[0] = grad_param(g, n->in[IN_SINK]);
    b->effect = b->grad[0] != NULL;
    if (qkv->grad || (qkv->n_uses > 1 && qkv->dtype != DT_F32)) {
        struct tensor *d = tensor_new(g, T_ACT, qkv->dtype, qkv->ndim, qkv->dim, "d qkv");
        node_out(b, d);
        grad_pass(g, qkv, d, true);
        return;
    }
    bool accumulate;
    node_out(b, grad_slot(g, qkv, &accumulate));
}

static const struct op attn_op = {
    .name = "attn", .plan = attn_plan, .run = attn_run, .check = attn_check, .vjp = attn_vjp};

/* ---- builder ---- */

static bool check_spec(struct graph *g, const struct tensor *qkv, const struct attn_spec *s)
{
    if (s->H < 1 || s->Hk < 1 || s->D < 1 || s->H % s->Hk ||
        qkv->dim[1] != (int64_t)(s->H + 2 * (int64_t)s->Hk) * s->D ||
        qkv->dim[0] != (int64_t)g->opts.rows * g->opts.T) {
        graph_fail(g, ERR_CONFIG, "attn: '%s' [%lld,%lld] is not %d + 2*%d heads of %d", qkv->name,
                   (long long)qkv->dim[0], (long long)qkv->dim[1], s->H, s->Hk, s->D);
        return false;
    }
    if (!(s->dropout >= 0 && s->dropout < 1) || !(s->softcap >= 0) || s->window < 0 || !isfinite(s->scale)) {
        graph_fail(g, ERR_CONFIG, "attn: dropout %g, softcap %g, window %d or scale %g is out of range",
                   (double)s->dropout, (double)s->softcap, s->window, (double)s->scale);
        return false;
    }
    return want_vector(g, "attn", s->sink, s->H);
}

struct tensor *op_attn(struct graph *g, struct tensor *qkv, struct tensor *seg_start, const struct attn_spec *s)
{
    if (!want_2d(g, "attn", qkv) || !check_spec(g, qkv, s)) return NULL;
    if (seg_start && !want_ids(g, "attn", seg_start, qkv->dim[0])) return NULL;
    struct attn_attr *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &attn_op, a) : NULL;
    if (!n) return NULL;
    a->s = *s;
    a->T = g->opts.T;
    if (s->dropout > 0) a->instance = (uint32_t)g->n_random++;
    if (s->alibi) {
        a->alibi = graph_zalloc(g, (size_t)s->H, sizeof *a->alibi);
        if (!a->alibi) return NULL;
        memcpy(a->alibi, s->alibi, (size_t)s->H * sizeof *a->alibi);
    }
    node_in(n, qkv);
    node_in(n, seg_start);
    node_in(n, s->sink);
    struct tensor *o = tensor_2d(g, qkv->dtype, qkv->dim[0], (int64_t)s->H * s->D, "attn");
    node_out(n, o);
    int64_t dim[3] = {g->opts.rows, s->H, g->opts.T};
    if (o && o->needs_grad) node_out(n, tensor_new(g, T_ACT, DT_F32, 3, dim, "attn lse"));
    return o;
}
