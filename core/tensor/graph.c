#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/tensor/op.h"

/* ---- the graph ---- */

struct graph *graph_new(const struct graph_opts *o, struct err *e)
{
    if (o->rows < 1 || o->T < 1 || o->leaves < 1 || (o->leaves & (o->leaves - 1)) != 0 ||
        o->rows % o->leaves != 0) {
        err_set(e, ERR_CONFIG,
                "a batch of %d rows of %d tokens cannot be cut into %d leaves; the leaves must be a "
                "power of two that divides the rows",
                o->rows, o->T, o->leaves);
        return NULL;
    }
    if (o->compute != DT_F32 && o->compute != DT_BF16) {
        err_set(e, ERR_CONFIG, "compute type %s is not supported; use f32 or bf16",
                dtype_name(o->compute));
        return NULL;
    }
    if ((int64_t)o->rows * o->T > INT32_MAX / 2) {
        err_set(e, ERR_CONFIG, "a batch of %d rows of %d tokens is too large", o->rows, o->T);
        return NULL;
    }
    struct graph *g = mem_zalloc(1, sizeof *g);
    if (!g) {
        err_oom(e, sizeof *g, "a graph");
        return NULL;
    }
    g->opts = *o;
    g->layer = g->block = -1;
    g->backend = &backend_cpu;
    g->keep_bytes = KEEP_BYTES;
    return g;
}

void graph_free(struct graph *g)
{
    if (!g) return;
    arena_free(&g->arena);
    free(g->node);
    free(g->tensor);
    free(g);
}

const struct graph_opts *graph_get_opts(const struct graph *g)
{
    return &g->opts;
}

int graph_error(const struct graph *g, struct err *e)
{
    if (!graph_failed(g)) return 0;
    *e = g->err;
    return -1;
}

void *graph_fail(struct graph *g, enum err_code code, const char *fmt, ...)
{
    if (graph_failed(g)) return NULL;
    char msg[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    if (g->layer >= 0) err_set(&g->err, code, "block %d: %s", g->layer, msg);
    else err_set(&g->err, code, "%s", msg);
    return NULL;
}

void *graph_zalloc(struct graph *g, size_t count, size_t size)
{
    void *p = arena_zalloc(&g->arena, count, size);
    if (!p && !graph_failed(g)) err_oom(&g->err, count * size, "the graph");
    return p;
}

/* Room for one more pointer in a table of n; false after an error. */
static bool grow(struct graph *g, void *table, int n, int *cap)
{
    if (n < *cap) return true;
    int c = *cap ? 2 * *cap : 256;
    void *old, *v;
    memcpy(&old, table, sizeof old);
    v = mem_resize(old, (size_t)c, sizeof(void *));
    if (!v) {
        if (!graph_failed(g)) err_oom(&g->err, (size_t)c * sizeof(void *), "the graph");
        return false;
    }
    memcpy(table, &v, sizeof v);
    *cap = c;
    return true;
}

/* ---- tensors ---- */

struct tensor *tensor_new(struct graph *g, enum tensor_kind kind, enum dtype dt, int ndim,
                          const int64_t *dim, const char *name)
{
    if (graph_failed(g)) return NULL;
    if (ndim < 1 || ndim > 4) return graph_fail(g, ERR_CONFIG, "tensor '%s': %d dimensions", name, ndim);
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        if (dim[i] < 1 || __builtin_mul_overflow(n, dim[i], &n) || n > INT64_MAX / 64)
            return graph_fail(g, ERR_CONFIG, "tensor '%s' is too large or empty: dimension %d is %lld",
                              name, i, (long long)dim[i]);
    struct tensor *t = graph_zalloc(g, 1, sizeof *t);
    if (!t || !grow(g, &g->tensor, g->n_tensors, &g->cap_tensors)) return NULL;
    t->id = g->n_tensors;
    t->kind = kind;
    t->dtype = dt;
    t->ndim = ndim;
    memcpy(t->dim, dim, (size_t)ndim * sizeof *dim);
    t->name = arena_strdup(&g->arena, name);
    if (!t->name) return graph_fail(g, ERR_OS, "out of memory building the graph");
    t->offset = -1;
    g->tensor[g->n_tensors++] = t;
    return t;
}

struct tensor *tensor_2d(struct graph *g, enum dtype dt, int64_t n, int64_t c, const char *name)
{
    return tensor_new(g, T_ACT, dt, 2, (int64_t[]){n, c}, name);
}

struct tensor *tensor_1d(struct graph *g, enum dtype dt, int64_t n, const char *name)
{
    return tensor_new(g, T_ACT, dt, 1, &n, name);
}

int64_t tensor_n(const struct tensor *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->ndim; i++) n *= t->dim[i];
    return n;
}

size_t tensor_bytes(const struct tensor *t)
{
    return (size_t)tensor_n(t) * dtype_size(t->dtype);
}

struct tensor *graph_find_input(const struct graph *g, const char *name)
{
    for (int i = 0; i < g->n_tensors; i++)
        if (g->tensor[i]->kind == T_INPUT && strcmp(g->tensor[i]->name, name) == 0) return g->tensor[i];
    return NULL;
}

struct tensor *graph_input(struct graph *g, const char *name, enum dtype dt, int ndim,
                           const int64_t *dim)
{
    if (graph_find_input(g, name)) return graph_fail(g, ERR_INTERNAL, "input '%s' is declared twice", name);
    return tensor_new(g, T_INPUT, dt, ndim, dim, name);
}

struct tensor *graph_param(struct graph *g, struct param *p)
{
    if (!p) return NULL;
    for (int i = 0; i < g->n_tensors; i++)
        if (g->tensor[i]->param == p) return g->tensor[i];
    struct tensor *t = tensor_new(g, T_PARAM, p->dtype, p->ndim, p->dim, p->name);
    if (!t) return NULL;
    t->param = p;
    t->needs_grad = g->opts.training && !(p->flags & PARAM_FROZEN);
    return t;
}

struct tensor *graph_const_f32(struct graph *g, const char *name, const float *data, int ndim,
                               const int64_t *dim)
{
    struct tensor *t = tensor_new(g, T_CONST, DT_F32, ndim, dim, name);
    if (!t) return NULL;
    t->data = graph_zalloc(g, (size_t)tensor_n(t), sizeof *data);
    if (!t->data) return NULL;
    memcpy(t->data, data, tensor_bytes(t));
    return t;
}

void graph_output(struct graph *g, struct tensor *t)
{
    (void)g;
    if (t) t->output = true;
}

/* ---- nodes ---- */

void graph_block_begin(struct graph *g, int layer)
{
    g->layer = layer;
    g->block = g->n_blocks++;
}

void graph_block_end(struct graph *g)
{
    g->layer = g->block = -1;
}

struct node *node_new(struct graph *g, const struct op *op, void *attr)
{
    if (graph_failed(g)) return NULL;
    struct node *n = graph_zalloc(g, 1, sizeof *n);
    if (!n || !grow(g, &g->node, g->n_nodes, &g->cap_nodes)) return NULL;
    n->op = op;
    n->attr = attr;
    n->layer = g->layer;
    n->block = g->in_backward ? -1 : g->block;
    n->backward = g->in_backward;
    n->inplace = -1;
    g->node[g->n_nodes++] = n;
    return n;
}

void node_in(struct node *n, struct tensor *t)
{
    if (!n) return;
    n->in[n->n_in++] = t;
    if (!t || n->backward || !t->needs_grad) return;
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i]) n->out[i]->needs_grad = true;
}

void node_out(struct node *n, struct tensor *t)
{
    if (!n) return;
    n->out[n->n_out++] = t;
    if (!t) return;
    if (!t->producer) t->producer = n;
    if (n->backward) return;
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i] && n->in[i]->needs_grad) t->needs_grad = true;
}

bool want_2d(struct graph *g, const char *op, const struct tensor *t)
{
    if (!t || graph_failed(g)) return false;
    if (t->ndim == 2 && (t->dtype == DT_F32 || t->dtype == DT_BF16) && t->dim[1] <= INT32_MAX &&
        t->dim[0] <= INT32_MAX)
        return true;
    graph_fail(g, ERR_CONFIG, "%s: '%s' must be a matrix of f32 or bf16", op, t->name);
    return false;
}

bool want_vector(struct graph *g, const char *op, const struct tensor *t, int64_t n)
{
    if (graph_failed(g)) return false;
    if (!t) return true;
    if (t->dtype == DT_F32 && tensor_n(t) == n) return true;
    graph_fail(g, ERR_CONFIG, "%s: '%s' must have %lld elements of f32, but has %lld of %s", op,
               t->name, (long long)n, (long long)tensor_n(t), dtype_name(t->dtype));
    return false;
}

bool want_ids(struct graph *g, const char *op, const struct tensor *t, int64_t n)
{
    if (!t || graph_failed(g)) return false;
    if (t->dtype == DT_I32 && tensor_n(t) == n) return true;
    graph_fail(g, ERR_CONFIG, "%s: '%s' must have %lld elements of i32", op, t->name, (long long)n);
    return false;
}

bool is_param(const struct tensor *t)
{
    return t && t->kind == T_PARAM;
}

/* ---- printing ---- */

static void print_tensor(const struct tensor *t, struct buf *out)
{
    buf_printf(out, "%s %s[", t->name, dtype_name(t->dtype));
    for (int i = 0; i < t->ndim; i++) buf_printf(out, i ? ",%lld" : "%lld", (long long)t->dim[i]);
    buf_adds(out, "]");
    if (t->offset >= 0) buf_printf(out, "@%lld", (long long)t->offset);
}

void graph_print(const struct graph *g, struct buf *out)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const struct node *n = g->node[i];
        buf_printf(out, "%4d %c ", i, n->backward ? 'b' : 'f');
        if (n->layer >= 0) buf_printf(out, "%3d", n->layer);
        else buf_adds(out, "  -");
        buf_printf(out, " %-14s", n->op->name);
        const char *sep = "";
        for (int j = 0; j < n->n_in; j++)
            if (n->in[j]) {
                buf_adds(out, sep);
                print_tensor(n->in[j], out);
                sep = ", ";
            }
        buf_adds(out, n->accumulate ? " +> " : " -> ");
        sep = "";
        for (int j = 0; j < n->n_out; j++)
            if (n->out[j]) {
                buf_adds(out, sep);
                print_tensor(n->out[j], out);
                sep = ", ";
            }
        for (int j = 0; j < NODE_MAX_PARAM_GRADS; j++)
            if (n->grad[j]) buf_printf(out, " grad(%s)", n->grad[j]->param->name);
        if (n->n_phases) {
            buf_adds(out, " |");
            for (int j = 0; j < n->n_phases && j < 8; j++) buf_printf(out, " %d", n->n_slices[j]);
            if (n->n_phases > 8) buf_printf(out, " .. %d phases", n->n_phases);
            if (n->ws_bytes) buf_printf(out, " ws %zu", n->ws_bytes);
        }
        buf_addc(out, '\n');
    }
}
