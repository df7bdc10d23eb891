/* plan.c - from nodes to memory.
 *
 * A buffer lives from the first node that writes it to the last that touches
 * it.  Buffers are placed largest first, each into the tightest gap left by
 * those that live at the same time (greedy by size, best fit). */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/tensor/op.h"

struct buffer {
    int64_t size, offset;
    int first, last;
};

#define ALIGN 64

static int64_t round_up(size_t n)
{
    return (int64_t)((n + ALIGN - 1) & ~(size_t)(ALIGN - 1));
}

/* ---- helpers for the plan() of ops ---- */

int node_phases(struct graph *g, struct node *n, int n_phases, const int *n_slices, struct err *e)
{
    n->n_slices = arena_alloc(&g->arena, (size_t)n_phases, sizeof *n->n_slices);
    if (!n->n_slices) return err_oom(e, (size_t)n_phases * sizeof *n->n_slices, "the plan");
    memcpy(n->n_slices, n_slices, (size_t)n_phases * sizeof *n_slices);
    n->n_phases = n_phases;
    return 0;
}

/* A slice below about 8192 elements (2-4 us) is not worth a thread; more than
 * eight a thread do not balance better. */
int64_t slice_items(int64_t n_items, int64_t work, int n_threads)
{
    int64_t least = div_up(8192, max_i64(work, 1));
    int64_t even = div_up(n_items, 8 * (int64_t)n_threads);
    return min_i64(max_i64(least, even), max_i64(n_items, 1));
}

int node_rows(struct graph *g, struct node *n, int64_t n_rows, int64_t work, struct err *e)
{
    n->rows = slice_items(n_rows, work, g->n_threads);
    int slices = (int)div_up(n_rows, n->rows);
    return node_phases(g, n, 1, &slices, e);
}

/* ---- dead nodes ---- */

/* Drops nodes whose results nobody reads: parts of recomputed blocks, and
 * what a builder made in vain. */
static void drop_dead(struct graph *g)
{
    for (int i = 0; i < g->n_tensors; i++) g->tensor[i]->first = g->tensor[i]->output;
    for (int i = g->n_nodes; i-- > 0;) {
        struct node *n = g->node[i];
        bool live = n->effect;
        for (int j = 0; j < n->n_out; j++)
            if (n->out[j] && n->out[j]->first) live = true;
        if (!live) {
            g->node[i] = NULL;
            continue;
        }
        for (int j = 0; j < n->n_in; j++)
            if (n->in[j]) n->in[j]->first = 1;
    }
    int k = 0;
    for (int i = 0; i < g->n_nodes; i++)
        if (g->node[i]) g->node[k++] = g->node[i];
    g->n_nodes = k;
}

/* ---- liveness ---- */

static void touch(struct tensor *t, int at)
{
    if (!t) return;
    if (t->first < 0) t->first = at;
    t->last = at;
}

static void find_lifetimes(struct graph *g)
{
    for (int i = 0; i < g->n_tensors; i++) {
        struct tensor *t = g->tensor[i];
        t->first = t->last = t->buffer = -1;
    }
    for (int i = 0; i < g->n_nodes; i++) {
        const struct node *n = g->node[i];
        for (int j = 0; j < n->n_in; j++) touch(n->in[j], i);
        for (int j = 0; j < n->n_out; j++) touch(n->out[j], i);
    }
    for (int i = 0; i < g->n_tensors; i++)
        if (g->tensor[i]->output && g->tensor[i]->first >= 0) g->tensor[i]->last = INT_MAX;
}

/* Gives out[0] of node i the dying buffer of the input it may overwrite. */
static bool take_inplace(const struct graph *g, struct buffer *b, int i)
{
    const struct node *n = g->node[i];
    if (n->inplace < 0 || n->accumulate || !n->out[0]) return false;
    const struct tensor *in = n->in[n->inplace];
    struct tensor *out = n->out[0];
    if (!in || in->kind != T_ACT || in->buffer < 0 || out->first != i || out->buffer >= 0) return false;
    if (b[in->buffer].last != i || b[in->buffer].size != round_up(tensor_bytes(out))) return false;
    out->buffer = in->buffer;
    if (out->last > b[in->buffer].last) b[in->buffer].last = out->last;
    return true;
}

static int make_buffers(const struct graph *g, struct buffer *b)
{
    int n_buffers = 0;
    for (int i = 0; i < g->n_nodes; i++) {
        struct node *n = g->node[i];
        take_inplace(g, b, i);
        for (int j = 0; j < n->n_out; j++) {
            struct tensor *t = n->out[j];
            if (!t || t->kind != T_ACT || t->buffer >= 0) continue;
            b[n_buffers] = (struct buffer){round_up(tensor_bytes(t)), -1, t->first, t->last};
            t->buffer = n_buffers++;
        }
        if (n->ws_bytes) {
            b[n_buffers] = (struct buffer){round_up(n->ws_bytes), -1, i, i};
            n->ws_offset = n_buffers++; /* becomes an offset in place() */
        }
    }
    return n_buffers;
}

/* ---- placement ---- */

static int by_size(const void *pa, const void *pb)
{
    const struct buffer *a = *(struct buffer *const *)pa, *b = *(struct buffer *const *)pb;
    if (a->size != b->size) return a->size < b->size ? 1 : -1;
    return a < b ? -1 : a > b;
}

/* `placed` is sorted by offset.  Returns the offset of the tightest gap. */
static int64_t best_gap(struct buffer *const *placed, int n, const struct buffer *b)
{
    int64_t end = 0, best = -1, best_size = INT64_MAX;
    for (int i = 0; i < n; i++) {
        const struct buffer *p = placed[i];
        if (p->last < b->first || p->first > b->last) continue;
        int64_t gap = p->offset - end;
        if (gap >= b->size && gap < best_size) {
            best = end;
            best_size = gap;
        }
        end = max_i64(end, p->offset + p->size);
    }
    return best >= 0 ? best : end;
}

/* Returns the size of the arena; order and placed are scratch. */
static int64_t place(struct buffer *b, int n, struct buffer **order, struct buffer **placed)
{
    int64_t top = 0;
    for (int i = 0; i < n; i++) order[i] = &b[i];
    qsort(order, (size_t)n, sizeof *order, by_size);
    for (int i = 0; i < n; i++) {
        struct buffer *x = order[i];
        x->offset = best_gap(placed, i, x);
        top = max_i64(top, x->offset + x->size);
        int at = i;
        while (at > 0 && placed[at - 1]->offset > x->offset) at--;
        memmove(placed + at + 1, placed + at, (size_t)(i - at) * sizeof *placed);
        placed[at] = x;
    }
    return top;
}

static int plan_memory(struct graph *g, struct err *e)
{
    find_lifetimes(g);
    size_t most = (size_t)g->n_tensors + (size_t)g->n_nodes;
    struct buffer *b = mem_alloc(most, sizeof *b);
    struct buffer **order = mem_alloc(most, sizeof *order), **placed = mem_alloc(most, sizeof *placed);
    int ret = -1;
    if (!b || !order || !placed) {
        err_oom(e, most * sizeof *b, "the memory plan");
        goto out;
    }
    int n = make_buffers(g, b);
    g->sizes.act_bytes = place(b, n, order, placed);
    for (int i = 0; i < g->n_tensors; i++) {
        struct tensor *t = g->tensor[i];
        t->offset = t->buffer >= 0 ? b[t->buffer].offset : -1;
    }
    for (int i = 0; i < g->n_nodes; i++)
        if (g->node[i]->ws_bytes) g->node[i]->ws_offset = b[g->node[i]->ws_offset].offset;
    ret = 0;
out:
    free(b);
    free(order);
    free(placed);
    return ret;
}

int graph_plan(struct graph *g, int n_threads, struct err *e)
{
    if (graph_error(g, e)) return -1;
    g->n_threads = n_threads < 1 ? 1 : n_threads;
    drop_dead(g);
    g->sizes = (struct graph_sizes){.n_nodes = g->n_nodes};
    size_t tws = 0;
    for (int i = 0; i < g->n_nodes; i++) {
        struct node *n = g->node[i];
        n->ws_bytes = n->tws_bytes = 0;
        n->flops = 0;
        if (g->backend->supports(n, e) || g->backend->plan(g, n, e)) {
            if (n->layer >= 0) err_wrap(e, "block %d", n->layer);
            return -1;
        }
        if (n->tws_bytes > tws) tws = n->tws_bytes;
        g->sizes.flops += n->flops;
    }
    if (plan_memory(g, e)) return -1;
    g->sizes.ws_bytes = round_up(tws) * g->n_threads;
    for (int i = 0; i < g->n_tensors; i++) {
        const struct tensor *t = g->tensor[i];
        if (t->kind == T_INPUT) g->sizes.input_bytes += round_up(tensor_bytes(t));
        if (t->kind == T_CONST) g->sizes.const_bytes += (int64_t)tensor_bytes(t);
    }
    g->planned = true;
    return 0;
}

struct graph_sizes graph_get_sizes(const struct graph *g)
{
    return g->sizes;
}
