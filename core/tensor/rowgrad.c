#include "core/tensor/rowgrad.h"

#include <string.h>

#include "core/tensor/colsum.h"

static int64_t chunks_per_leaf(const struct graph_opts *o)
{
    return div_up((int64_t)(o->rows / o->leaves) * o->T, ROWGRAD_ROWS);
}

int rowgrad_plan(struct graph *g, struct node *n, int n_params, int64_t C, size_t tws_bytes, struct err *e)
{
    int64_t chunks = chunks_per_leaf(&g->opts) * g->opts.leaves;
    n->tws_bytes = tws_bytes;
    n->rows = slice_items(chunks, 4 * ROWGRAD_ROWS * C, g->n_threads);
    n->ws_bytes = n->effect ? (size_t)(chunks * n_params * C) * sizeof(float) : 0;
    int slices[2] = {(int)div_up(chunks, n->rows), n_params * (int)div_up(C, COLSUM_WIDTH)};
    return node_phases(g, n, n->ws_bytes ? 2 : 1, slices, e);
}

static void sum_columns(const struct node *n, const struct run *r, int n_params, int64_t C, int slice)
{
    int blocks = (int)div_up(C, COLSUM_WIDTH), i = slice / blocks;
    int64_t c0 = (int64_t)(slice % blocks) * COLSUM_WIDTH;
    const struct grad_use *u = n->grad[i];
    if (u)
        colsum_partials(r->k, u->dst + c0, u->accumulate, (float *)(void *)r->ws + i * C + c0, n_params * C,
                        (int)min_i64(COLSUM_WIDTH, C - c0), r->opts->leaves, chunks_per_leaf(r->opts));
}

void rowgrad_run(const struct node *n, const struct run *r, const struct rowgrad *w, int64_t C, int phase, int slice)
{
    if (phase == 1) {
        sum_columns(n, r, w->n, C, slice);
        return;
    }
    int64_t per_leaf = chunks_per_leaf(r->opts), leaf_rows = (int64_t)(r->opts->rows / r->opts->leaves) * r->opts->T;
    int64_t last = min_i64((slice + 1) * n->rows, per_leaf * r->opts->leaves);
    for (int64_t chunk = slice * n->rows; chunk < last; chunk++) {
        int64_t leaf = chunk / per_leaf, first = leaf * leaf_rows + chunk % per_leaf * ROWGRAD_ROWS;
        int64_t end = min_i64(first + ROWGRAD_ROWS, (leaf + 1) * leaf_rows);
        float *partial = n->ws_bytes ? (float *)(void *)r->ws + chunk * w->n * C : NULL;
        if (partial) memset(partial, 0, (size_t)(w->n * C) * sizeof *partial);
        for (int64_t t = first; t < end; t++) w->row(n, r, t, partial);
    }
}

void grad_out(struct graph *g, struct node *n, struct tensor *t)
{
    bool ignored;
    if (!t->grad && t->needs_grad) {
        node_out(n, grad_slot(g, t, &ignored));
        return;
    }
    struct tensor *own = tensor_new(g, T_ACT, DT_F32, t->ndim, t->dim, t->name);
    node_out(n, own);
    if (t->grad) emit_accumulate(g, t->grad, own, true);
}
