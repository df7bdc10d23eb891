#include "core/tensor/op_embed.h"

#include <string.h>

#include "core/tensor/op.h"

struct embed {
    float scale;
    int pos_offset, pad;
};

enum { IN_IDS, IN_TABLE, IN_POSITIONS, IN_POS_TABLE };

/* ---- forward ---- */

static int embed_plan(struct graph *g, struct node *n, struct err *e)
{
    int64_t C = n->out[0]->dim[1];
    n->tws_bytes = 2 * (size_t)C * sizeof(float);
    return node_rows(g, n, n->out[0]->dim[0], C, e);
}

static void embed_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct embed *a = n->attr;
    const struct tensor *y = n->out[0], *table = n->in[IN_TABLE], *pos = n->in[IN_POS_TABLE];
    const int32_t *id = n->in[IN_IDS]->data, *position = pos ? n->in[IN_POSITIONS]->data : NULL;
    int64_t C = y->dim[1], end = min_i64((slice + 1) * n->rows, y->dim[0]);
    float *tmp = (float *)(void *)r->tws;
    for (int64_t t = slice * n->rows; t < end; t++) {
        float *row = (float *)y->data + t * C;
        const float *w = load_row(r->k, table, id[t] * C, C, tmp);
        r->k->scale(row, a->scale, w, (size_t)C);
        if (!pos) continue;
        const float *p = load_row(r->k, pos, (position[t] + (int64_t)a->pos_offset) * C, C, tmp);
        r->k->add(row, row, p, (size_t)C);
    }
}

static int embed_check(const struct node *n, struct err *e)
{
    const struct embed *a = n->attr;
    if (check_ids(n->in[IN_IDS], 0, n->in[IN_TABLE]->dim[0], "token id", "the vocabulary", e)) return -1;
    if (!n->in[IN_POS_TABLE]) return 0;
    return check_ids(n->in[IN_POSITIONS], a->pos_offset, n->in[IN_POS_TABLE]->dim[0], "position",
                     "the position table", e);
}

/* ---- backward: one node a table ---- */

struct embed_bwd {
    float scale;
    int offset, pad;         /* pad: a row without gradient, -1 = none */
};

enum { TREE_LEVELS = 33 }; /* a total and a row for each level of the tree over leaves */

/* Workspace: order[N], the tokens sorted by id; start[V+1], where each id's begin. */
static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    int64_t N = n->in[0]->dim[0], V = n->grad[0]->param->dim[0], C = n->grad[0]->param->dim[1];
    n->ws_bytes = (size_t)(N + V + 1) * sizeof(int32_t);
    n->tws_bytes = (size_t)C * sizeof(float) * TREE_LEVELS;
    n->rows = slice_items(V, C, g->n_threads);
    return node_phases(g, n, 2, (int[]){1, (int)div_up(V, n->rows)}, e);
}

static void sort_tokens(const int32_t *id, int64_t N, int64_t V, int offset, int32_t *order,
                        int32_t *start)
{
    memset(start, 0, (size_t)(V + 1) * sizeof *start);
    for (int64_t t = 0; t < N; t++) start[id[t] + offset + 1]++;
    for (int64_t v = 0; v < V; v++) start[v + 1] += start[v];
    for (int64_t t = 0; t < N; t++) order[start[id[t] + offset]++] = (int32_t)t;
    /* start[v] is now where v ends: shift back. */
    memmove(start + 1, start, (size_t)V * sizeof *start);
    start[0] = 0;
}

struct sum {
    const struct kernels *k;
    const float *dy;
    float scale;
    int64_t C, leaf;         /* tokens in a leaf */
    const int32_t *order;
    float *tmp;              /* one row a level of the tree */
};

/* dst = the tree over leaves [l0,l1) of the sums of tokens order[i0,i1), of
 * which there is at least one. */
static void sum_leaves(const struct sum *s, float *dst, int64_t l0, int64_t l1, int i0, int i1, int level)
{
    if (l1 - l0 == 1) {
        memset(dst, 0, (size_t)s->C * sizeof *dst);
        for (int i = i0; i < i1; i++) s->k->axpy(dst, s->scale, s->dy + s->order[i] * s->C, (size_t)s->C);
        return;
    }
    int64_t mid = l0 + (l1 - l0) / 2;
    int im = i0;
    while (im < i1 && s->order[im] < mid * s->leaf) im++;
    if (im == i1) {
        sum_leaves(s, dst, l0, mid, i0, i1, level + 1);
    } else if (im == i0) {
        sum_leaves(s, dst, mid, l1, i0, i1, level + 1);
    } else {
        float *right = s->tmp + level * s->C;
        sum_leaves(s, dst, l0, mid, i0, im, level + 1);
        sum_leaves(s, right, mid, l1, im, i1, level + 1);
        s->k->add(dst, dst, right, (size_t)s->C);
    }
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    const struct embed_bwd *a = n->attr;
    const struct grad_use *u = n->grad[0];
    const struct tensor *dy = n->in[1];
    int64_t N = dy->dim[0], C = dy->dim[1], V = u->param->dim[0];
    int32_t *order = (int32_t *)(void *)r->ws, *start = order + N;
    if (phase == 0) {
        sort_tokens(n->in[0]->data, N, V, a->offset, order, start);
        return;
    }
    int leaves = r->opts->leaves;
    struct sum s = {r->k, dy->data, a->scale, C, N / leaves, order, (float *)(void *)r->tws + C};
    int64_t end = min_i64((slice + 1) * n->rows, V);
    for (int64_t v = slice * n->rows; v < end; v++) {
        float *dst = u->dst + v * C, *total = u->accumulate ? (float *)(void *)r->tws : dst;
        if (start[v] == start[v + 1] || v == a->pad) {
            if (!u->accumulate) memset(dst, 0, (size_t)C * sizeof *dst);
            continue;
        }
        sum_leaves(&s, total, 0, leaves, start[v], start[v + 1], 0);
        if (u->accumulate) r->k->add(dst, dst, total, (size_t)C);
    }
}

static const struct op embed_bwd_op = {.name = "embed_bwd", .plan = bwd_plan, .run = bwd_run};

static void emit_table_grad(struct graph *g, struct tensor *ids, struct tensor *table, struct embed_bwd how,
                            struct tensor *dy)
{
    struct grad_use *u = grad_param(g, table);
    struct embed_bwd *a = u ? graph_zalloc(g, 1, sizeof *a) : NULL;
    struct node *n = a ? node_new(g, &embed_bwd_op, a) : NULL;
    if (!n) return;
    *a = how;
    node_in(n, ids);
    node_in(n, dy);
    n->grad[0] = u;
    n->effect = true;
}

static void embed_vjp(struct graph *g, struct node *n)
{
    const struct embed *a = n->attr;
    struct tensor *dy = n->out[0]->grad;
    if (is_param(n->in[IN_POS_TABLE]))
        emit_table_grad(g, n->in[IN_POSITIONS], n->in[IN_POS_TABLE], (struct embed_bwd){1.0f, a->pos_offset, -1}, dy);
    emit_table_grad(g, n->in[IN_IDS], n->in[IN_TABLE], (struct embed_bwd){a->scale, 0, a->pad}, dy);
}

static const struct op embed_op = {
    .name = "embed", .plan = embed_plan, .run = embed_run, .check = embed_check, .vjp = embed_vjp};

/* ---- builder ---- */

struct tensor *op_embed(struct graph *g, struct tensor *ids, struct tensor *table, float scale,
                        struct tensor *positions, struct tensor *pos_table, int pos_offset)
{
    return op_embed_pad(g, ids, table, scale, positions, pos_table, pos_offset, -1);
}

struct tensor *op_embed_pad(struct graph *g, struct tensor *ids, struct tensor *table, float scale,
                            struct tensor *positions, struct tensor *pos_table, int pos_offset, int pad)
{
    if (!ids || !want_2d(g, "embed", table)) return NULL;
    int64_t N = tensor_n(ids);
    if (!want_ids(g, "embed", ids, N)) return NULL;
    if (N % g->opts.rows)
        return graph_fail(g, ERR_CONFIG, "embed: '%s' has %lld ids, no multiple of %d rows", ids->name, (long long)N,
                          g->opts.rows);
    if (pos_table) {
        if (!want_2d(g, "embed", pos_table) || !want_ids(g, "embed", positions, N)) return NULL;
        if (pos_table->dim[1] != table->dim[1])
            return graph_fail(g, ERR_CONFIG, "embed: '%s' has width %lld, '%s' %lld", pos_table->name,
                              (long long)pos_table->dim[1], table->name, (long long)table->dim[1]);
    }
    struct embed *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &embed_op, a) : NULL;
    if (!n) return NULL;
    *a = (struct embed){scale, pos_offset, pad};
    node_in(n, ids);
    node_in(n, table);
    node_in(n, pos_table ? positions : NULL);
    node_in(n, pos_table);
    struct tensor *y = tensor_2d(g, DT_F32, N, table->dim[1], "embedding");
    node_out(n, y);
    return y;
}
