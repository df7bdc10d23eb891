/* op_attn_bwd.c - gradients of attention: an item is (row, kv head); then the
 * sums over rows of what all rows share (sinks, T5's and Shaw's tables). */
#include <string.h>

#include "core/tensor/colsum.h"
#include "core/tensor/op_attn.h"

enum { BWD_O = ATTN_N_IN, BWD_LSE, BWD_DO };
enum { G_SINK, G_T5, G_SHAW_K, G_SHAW_V, N_GRADS };
enum { TABLES, ITEMS, SUMS };

/* Floats that a row (sinks, T5) or an item (Shaw) leaves behind for each gradient. */
static int64_t part_size(const struct attn_attr *a, int grad)
{
    const struct attn_spec *s = &a->s;
    if (grad == G_SINK) return s->H;
    return grad == G_T5 ? (int64_t)s->buckets * s->H : (2 * (int64_t)s->clip + 1) * s->D;
}

static int64_t parts_a_row(const struct attn_attr *a, int grad)
{
    return grad < G_SHAW_K ? 1 : a->s.Hk;
}

/* Where the parts of a gradient begin in the workspace, in floats. */
static size_t part_at(const struct node *n, const struct graph_opts *o, int grad)
{
    const struct attn_attr *a = n->attr;
    size_t at = (attn_tables_bytes(n) + 63) / 64 * 16;
    for (int i = 0; i < grad; i++)
        if (n->grad[i]) at += (size_t)(o->rows * parts_a_row(a, i) * part_size(a, i));
    return at;
}

static size_t kernel_bytes(const struct attn_attr *a)
{
    return (kernels_get()->attn_ws_bytes(a->T, a->S, a->s.D, a->s.clip, true) + 63) / 64 * 64;
}

static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct attn_attr *a = n->attr;
    const struct attn_spec *s = &a->s;
    int columns = 0;
    for (int i = 0; i < N_GRADS; i++)
        if (n->grad[i]) columns += (int)div_up(part_size(a, i), COLSUM_WIDTH);
    n->ws_bytes = columns || attn_tables_bytes(n) ? part_at(n, &g->opts, N_GRADS) * sizeof(float) : 0;
    n->tws_bytes = kernel_bytes(a);
    if (n->grad[G_T5]) n->tws_bytes += (size_t)((a->rel_ld + 15) / 16 * 16 * (s->H / s->Hk)) * sizeof(float);
    n->flops = 2.5 * attn_flops(&g->opts, a);
    int64_t items = (int64_t)g->opts.rows * s->Hk;
    n->rows = slice_items(items, (int64_t)(n->flops / (double)items / 16), g->n_threads);
    int slices[3] = {attn_tables_bytes(n) ? attn_table_slices(n) : 0, (int)div_up(items, n->rows), columns};
    return node_phases(g, n, 3, slices, e);
}

static float *part(const struct node *n, const struct run *r, int grad, int64_t i)
{
    return (float *)(void *)r->ws + part_at(n, r->opts, grad) + i * part_size(n->attr, grad);
}

static void bwd_item(const struct node *n, const struct run *r, int row, int hk)
{
    const struct attn_attr *a = n->attr;
    const struct attn_spec *s = &a->s;
    const struct tensor *dq = n->out[0], *dkv = n->in[ATTN_KV] ? n->out[1] : dq;
    int64_t T = a->T, H = s->H, Hk = s->Hk, D = s->D, QW = dq->dim[1];
    int64_t at = n->in[ATTN_KV] ? row * (int64_t)a->S * dkv->dim[1] : row * T * QW + H * D;
    struct attn v = attn_view(n, r, row);
    v.out = data_at(n->in[BWD_O], row * T * H * D);
    v.dout = data_at(n->in[BWD_DO], row * T * H * D);
    v.lse = (float *)n->in[BWD_LSE]->data + row * H * T;
    v.dq = data_at(dq, row * T * QW);
    v.dk = data_at(dkv, at);
    v.dv = data_at(dkv, at + Hk * D);
    int64_t item = row * Hk + hk;
    if (n->grad[G_SINK]) v.dsink = part(n, r, G_SINK, row);
    if (n->grad[G_SHAW_K]) v.dshaw_k = part(n, r, G_SHAW_K, item);
    if (n->grad[G_SHAW_V]) v.dshaw_v = part(n, r, G_SHAW_V, item);
    if (n->grad[G_T5]) v.drel = (float *)(void *)(r->tws + kernel_bytes(a));
    r->k->attn_bwd(&v, hk, r->tws);
    for (int64_t h = hk * (H / Hk), g = 0; n->grad[G_T5] && g < H / Hk; h++, g++) {
        float *sums = part(n, r, G_T5, row) + h;
        for (int b = 0; b < s->buckets; b++) sums[b * H] = 0;
        for (int64_t i = 0; i < a->rel_ld; i++) sums[a->bucket[i] * H] += v.drel[g * v.rel_ld + i];
    }
}

/* One block of columns of one gradient: the tree over rows and leaves. */
static void sum_columns(const struct node *n, const struct run *r, int slice)
{
    const struct attn_attr *a = n->attr;
    int i = 0, leaves = r->opts->leaves;
    for (;; i++) {
        if (!n->grad[i]) continue;
        int blocks = (int)div_up(part_size(a, i), COLSUM_WIDTH);
        if (slice < blocks) break;
        slice -= blocks;
    }
    const struct grad_use *u = n->grad[i];
    int64_t size = part_size(a, i), c = (int64_t)slice * COLSUM_WIDTH;
    colsum_partials(r->k, u->dst + c, u->accumulate, part(n, r, i, 0) + c, size, (int)min_i64(COLSUM_WIDTH, size - c),
                    leaves, r->opts->rows / leaves * parts_a_row(a, i));
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    const struct attn_attr *a = n->attr;
    if (phase == TABLES) attn_table_slice(n, r, slice);
    if (phase == SUMS) sum_columns(n, r, slice);
    if (phase != ITEMS) return;
    int64_t items = (int64_t)r->opts->rows * a->s.Hk, end = min_i64((slice + 1) * n->rows, items);
    for (int64_t i = slice * n->rows; i < end; i++) bwd_item(n, r, (int)(i / a->s.Hk), (int)(i % a->s.Hk));
}

static const struct op attn_bwd_op = {.name = "attn_bwd", .plan = bwd_plan, .run = bwd_run};

/* The kernel writes t's gradient (=) in t's type. */
static void emit_gradient(struct graph *g, struct node *b, struct tensor *t, const char *name)
{
    if (t->needs_grad && !t->grad && (t->n_uses == 1 || t->dtype == DT_F32)) {
        bool accumulate;
        node_out(b, grad_slot(g, t, &accumulate));
        return;
    }
    struct tensor *d = tensor_new(g, T_ACT, t->dtype, t->ndim, t->dim, name);
    node_out(b, d);
    grad_pass(g, t, d, true);
}

void attn_vjp(struct graph *g, struct node *n)
{
    struct tensor *o = n->out[ATTN_O];
    /* The kernel reads dout in the type of o. */
    struct tensor *dout = grad_cast(g, o->grad, o->dtype);
    struct node *b = node_new(g, &attn_bwd_op, n->attr);
    if (!b || !dout) return;
    for (int i = 0; i < ATTN_N_IN; i++) node_in(b, n->in[i]);
    node_in(b, o);
    node_in(b, n->out[ATTN_LSE]);
    node_in(b, dout);
    for (int i = 0; i < N_GRADS; i++) {
        b->grad[i] = grad_param(g, n->in[ATTN_SINK + i]);
        b->effect |= b->grad[i] != NULL;
    }
    emit_gradient(g, b, n->in[ATTN_Q], "d q");
    if (n->in[ATTN_KV]) emit_gradient(g, b, n->in[ATTN_KV], "d kv");
}
