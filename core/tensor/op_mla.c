/* op_mla.c - multi-head latent attention (DeepSeek-V2, arXiv:2405.04434) in the
 * shape of plain attention.
 *
 *   pack   q [N, H (nope + rope)], kv [N, H (nope + v)], kr [N, rope], one for all heads
 *          -> qkv [N, 3 H D], D = max(nope + rope, v): a head's q and k with the rotary part
 *          first (op_qk turns that), then the other, then zeros; v, then zeros
 *   heads  o [N, H D] -> [N, H v]: what is not padding
 *
 * Scores do not change when q and k are permuted alike.  All of one type. */
#include <string.h>

#include "core/tensor/op.h"
#include "core/tensor/ops.h"

struct mla {
    int H, nope, rope, v, D;
};

enum { IN_Q, IN_KV, IN_KR };

static int mla_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct mla *a = n->attr;
    n->tws_bytes = 2 * (size_t)a->D * sizeof(float);
    return node_rows(g, n, n->in[0]->dim[0], 3 * (int64_t)a->H * a->D, e);
}

/* Elements [from, from + n) of src to dst, of one type. */
static void copy(const struct tensor *dst, int64_t to, const struct tensor *src, int64_t from, int n)
{
    memcpy(data_at(dst, to), data_at(src, from), (size_t)n * dtype_size(dst->dtype));
}

static void zero(const struct tensor *dst, int64_t to, int n)
{
    memset(data_at(dst, to), 0, (size_t)n * dtype_size(dst->dtype));
}

static void pack_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    (void)r;
    const struct mla *a = n->attr;
    const struct tensor *q = n->in[IN_Q], *kv = n->in[IN_KV], *kr = n->in[IN_KR], *y = n->out[0];
    int64_t HD = (int64_t)a->H * a->D, end = min_i64((slice + 1) * n->rows, y->dim[0]);
    int K = a->nope + a->rope;
    for (int64_t t = slice * n->rows; t < end; t++)
        for (int h = 0; h < a->H; h++) {
            int64_t at = t * 3 * HD + (int64_t)h * a->D, iq = (t * a->H + h) * K, ikv = (t * a->H + h) * (a->nope + a->v);
            copy(y, at, q, iq + a->nope, a->rope);
            copy(y, at + a->rope, q, iq, a->nope);
            zero(y, at + K, a->D - K);
            at += HD;
            copy(y, at, kr, t * a->rope, a->rope);
            copy(y, at + a->rope, kv, ikv, a->nope);
            zero(y, at + K, a->D - K);
            at += HD;
            copy(y, at, kv, ikv + a->nope, a->v);
            zero(y, at + a->v, a->D - a->v);
        }
}

enum { OUT_DQ, OUT_DKV, OUT_DKR };

static void pack_bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct mla *a = n->attr;
    const struct tensor *dy = n->in[0], *dq = n->out[OUT_DQ], *dkv = n->out[OUT_DKV], *dkr = n->out[OUT_DKR];
    int64_t HD = (int64_t)a->H * a->D, end = min_i64((slice + 1) * n->rows, dy->dim[0]);
    int K = a->nope + a->rope;
    float *sum = (float *)(void *)r->tws, *tmp = sum + a->D;
    for (int64_t t = slice * n->rows; t < end; t++) {
        memset(sum, 0, (size_t)a->rope * sizeof *sum);
        for (int h = 0; h < a->H; h++) {
            int64_t at = t * 3 * HD + (int64_t)h * a->D, iq = (t * a->H + h) * K, ikv = (t * a->H + h) * (a->nope + a->v);
            copy(dq, iq + a->nope, dy, at, a->rope);
            copy(dq, iq, dy, at + a->rope, a->nope);
            at += HD;
            r->k->add(sum, sum, load_row(r->k, dy, at, a->rope, tmp), (size_t)a->rope);
            copy(dkv, ikv, dy, at + a->rope, a->nope);
            copy(dkv, ikv + a->nope, dy, at + HD, a->v);
        }
        put_row(r->k, dkr, t * a->rope, a->rope, sum, false);
    }
}

static const struct op pack_bwd_op = {.name = "mla_pack_bwd", .plan = mla_plan, .run = pack_bwd_run};

/* A gradient of t's own type; t has no other reader. */
static struct tensor *only_grad(struct graph *g, struct tensor *t)
{
    bool other;
    t->needs_grad = true; /* the node writes all of them */
    struct tensor *d = grad_slot(g, t, &other);
    if (d && (other || d->dtype != t->dtype)) return graph_fail(g, ERR_INTERNAL, "mla: '%s' has other readers", t->name);
    return d;
}

static void pack_vjp(struct graph *g, struct node *n)
{
    struct tensor *dy = grad_cast(g, n->out[0]->grad, n->out[0]->dtype);
    struct node *b = dy ? node_new(g, &pack_bwd_op, n->attr) : NULL;
    if (!b) return;
    node_in(b, dy);
    for (int i = 0; i < 3; i++) node_out(b, only_grad(g, n->in[i]));
}

static const struct op pack_op = {.name = "mla_pack", .plan = mla_plan, .run = pack_run, .vjp = pack_vjp};

struct tensor *op_mla_pack(struct graph *g, struct tensor *q, struct tensor *kv, struct tensor *kr, const struct mla_spec *s)
{
    if (!want_2d(g, "mla", q) || !want_2d(g, "mla", kv) || !want_2d(g, "mla", kr)) return NULL;
    int K = s->nope + s->rope, D = K > s->v ? K : s->v;
    if (q->dim[1] != (int64_t)s->H * K || kv->dim[1] != (int64_t)s->H * (s->nope + s->v) || kr->dim[1] != s->rope ||
        q->dtype != kv->dtype || q->dtype != kr->dtype)
        return graph_fail(g, ERR_CONFIG, "mla: '%s', '%s' and '%s' do not fit %d heads of %d + %d and %d", q->name, kv->name,
                          kr->name, s->H, s->nope, s->rope, s->v);
    struct mla *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &pack_op, a) : NULL;
    if (!n) return NULL;
    *a = (struct mla){s->H, s->nope, s->rope, s->v, D};
    node_in(n, q);
    node_in(n, kv);
    node_in(n, kr);
    struct tensor *y = tensor_2d(g, q->dtype, q->dim[0], 3 * (int64_t)s->H * D, "qkv");
    node_out(n, y);
    return y;
}

/* ---- heads ---- */

static void heads_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    (void)r;
    const struct mla *a = n->attr;
    int64_t end = min_i64((slice + 1) * n->rows, n->in[0]->dim[0]) * a->H;
    for (int64_t i = slice * n->rows * a->H; i < end; i++) copy(n->out[0], i * a->v, n->in[0], i * a->D, a->v);
}

static void heads_bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    (void)r;
    const struct mla *a = n->attr;
    int64_t end = min_i64((slice + 1) * n->rows, n->in[0]->dim[0]) * a->H;
    for (int64_t i = slice * n->rows * a->H; i < end; i++) {
        copy(n->out[0], i * a->D, n->in[0], i * a->v, a->v);
        zero(n->out[0], i * a->D + a->v, a->D - a->v);
    }
}

static const struct op heads_bwd_op = {.name = "mla_heads_bwd", .plan = mla_plan, .run = heads_bwd_run};

static void heads_vjp(struct graph *g, struct node *n)
{
    struct tensor *dy = grad_cast(g, n->out[0]->grad, n->out[0]->dtype);
    struct node *b = dy ? node_new(g, &heads_bwd_op, n->attr) : NULL;
    if (!b) return;
    node_in(b, dy);
    node_out(b, only_grad(g, n->in[0]));
}

static const struct op heads_op = {.name = "mla_heads", .plan = mla_plan, .run = heads_run, .vjp = heads_vjp};

struct tensor *op_mla_heads(struct graph *g, struct tensor *o, const struct mla_spec *s)
{
    int K = s->nope + s->rope, D = K > s->v ? K : s->v;
    if (!want_2d(g, "mla", o)) return NULL;
    if (D == s->v) return o;
    if (o->dim[1] != (int64_t)s->H * D)
        return graph_fail(g, ERR_CONFIG, "mla: '%s' is not %d heads of %d", o->name, s->H, D);
    struct mla *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &heads_op, a) : NULL;
    if (!n) return NULL;
    *a = (struct mla){s->H, s->nope, s->rope, s->v, D};
    node_in(n, o);
    struct tensor *y = tensor_2d(g, o->dtype, o->dim[0], (int64_t)s->H * s->v, "heads");
    node_out(n, y);
    return y;
}
