/* op.h - inside the engine: what an op is, what a node is, what a slice sees.
 * Only core/tensor includes this file.
 *
 * A node runs in phases with a barrier between them; a phase is cut into
 * slices that the thread pool runs in any order.  The result of a slice never
 * depends on the thread or on how many slices there are: sums over tokens go
 * through the fixed trees of colsum.h.  Nothing is allocated during a run; a
 * node says at plan time how much shared and per-thread workspace it needs.
 *
 * To add an op: a builder in op_NAME.c that makes a node with node_new(), its
 * `struct op`, and a line in ops.h.  CONTRIBUTING.md has the list of steps. */
#ifndef CORE_TENSOR_OP_H
#define CORE_TENSOR_OP_H

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/kernels/kernels.h"
#include "core/tensor/graph.h"

/* What stays in the caches anyway is not worth computing twice. */
#define KEEP_BYTES ((int64_t)2 << 20)

enum { NODE_MAX_IN = 16, NODE_MAX_OUT = 6, NODE_MAX_PARAM_GRADS = 6 };

struct node;

/* What a slice may use besides its node. */
struct run {
    const struct kernels *k;
    const struct run_args *args;
    const struct graph_opts *opts;
    char *ws;   /* the node's shared workspace, kept between its phases */
    char *tws;  /* this thread's scratch, not kept */
};

struct op {
    const char *name;
    /* Sets phases, slices and workspace (node_phases, node_rows, ws_*). */
    int (*plan)(struct graph *g, struct node *n, struct err *e);
    void (*run)(const struct node *n, const struct run *r, int phase, int slice);
    /* Before a run: input values that could lead outside a buffer.  May be NULL. */
    int (*check)(const struct node *n, struct err *e);
    /* Emits the backward nodes, given the gradients of n->out; errors through
     * graph_fail().  NULL: not differentiable. */
    void (*vjp)(struct graph *g, struct node *n);
    /* Results are computed again for backward where that saves keeping them:
     * cheap next to the product that reads them. */
    bool cheap;
    /* A scalar loss: makes the node compute its inputs' gradients as well. */
    void (*seed)(struct graph *g, struct node *n);
};

/* One place where a parameter's gradient is produced.  `dst` and `accumulate`
 * are set by the executor or by a grads object before each run. */
struct grad_use {
    struct param *param;
    int use;                /* 0 for the first in execution order, ... */
    float *dst;
    bool accumulate;        /* += instead of = */
    struct grad_use *next;  /* all uses of the graph */
};

struct node {
    const struct op *op;
    int layer;              /* for messages; -1 outside of blocks */
    int block;              /* index of the block it belongs to, -1 = none */
    bool backward;          /* run only when run_args.grads */
    bool effect;            /* writes something else than out[]: never dropped */
    int n_in, n_out;
    struct tensor *in[NODE_MAX_IN], *out[NODE_MAX_OUT]; /* entries may be NULL */
    struct grad_use *grad[NODE_MAX_PARAM_GRADS];
    void *attr;             /* of the op, in the graph's arena */
    bool accumulate;        /* out[0] += instead of = */
    int inplace;            /* out[0] may take the buffer of in[inplace]; -1 = none */

    /* plan */
    int n_phases, *n_slices;
    int64_t rows;           /* rows a slice, for ops sliced by rows */
    size_t ws_bytes, tws_bytes;
    int64_t ws_offset;
    double flops;

    /* profile */
    int64_t total_ns;
};

/* The seam between plan and kernels.  The CPU is the first backend. */
struct exec;
struct backend {
    const char *name;
    /* Can this node run here?  Otherwise an error that names op and tensor. */
    int (*supports)(const struct node *n, struct err *e);
    int (*plan)(struct graph *g, struct node *n, struct err *e);
    void (*run)(struct exec *x, struct node *n, const struct run_args *a);
};
extern const struct backend backend_cpu;

struct graph {
    struct graph_opts opts;
    struct arena arena;
    struct err err;          /* the first error; code ERR_NONE = none */
    struct node **node;
    int n_nodes, cap_nodes;
    struct tensor **tensor;
    int n_tensors, cap_tensors;
    struct grad_use *uses;
    int layer, block, n_blocks; /* while building */
    bool in_backward;
    int n_random;            /* op instances that draw random numbers */
    int n_threads;           /* of the plan */
    int64_t keep_bytes; /* activations up to this size (linear's: 8 times it in bf16) are kept even if cheap to compute
                           again */
    int64_t ce_budget;       /* of linear_ce, 0 = CE_BUDGET; tests cut it short */
    bool planned;
    struct graph_sizes sizes;
    const struct backend *backend;
    struct grads *grads;     /* bound accumulation, or NULL */
};

/* ---- building ---- */

/* Records the first error; always returns NULL. */
void *graph_fail(struct graph *g, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static inline bool graph_failed(const struct graph *g)
{
    return g->err.code != ERR_NONE;
}
void *graph_zalloc(struct graph *g, size_t count, size_t size); /* NULL after graph_fail() */

struct tensor *tensor_new(struct graph *g, enum tensor_kind kind, enum dtype dt, int ndim,
                          const int64_t *dim, const char *name);
struct tensor *tensor_2d(struct graph *g, enum dtype dt, int64_t n, int64_t c, const char *name);
struct tensor *tensor_1d(struct graph *g, enum dtype dt, int64_t n, const char *name);
int64_t tensor_n(const struct tensor *t);
size_t tensor_bytes(const struct tensor *t);

/* A new node at the end; inputs and outputs are attached with node_in/out.
 * NULL after an error. */
struct node *node_new(struct graph *g, const struct op *op, void *attr);
void node_in(struct node *n, struct tensor *t);  /* t NULL keeps the position */
void node_out(struct node *n, struct tensor *t);

/* Checks used by builders; false after graph_fail(). */
bool want_2d(struct graph *g, const char *op, const struct tensor *t);
bool want_vector(struct graph *g, const char *op, const struct tensor *t, int64_t n);
bool want_ids(struct graph *g, const char *op, const struct tensor *t, int64_t n);
bool is_param(const struct tensor *t);

/* ---- building backward ---- */

/* The gradient tensor of t: made on first call (*accumulate = false), later
 * calls must add (*accumulate = true).  NULL when t needs none. */
struct tensor *grad_slot(struct graph *g, struct tensor *t, bool *accumulate);
/* The same of another type than t's, where t is f32 and its producer wants it rounded. */
struct tensor *grad_slot_as(struct graph *g, struct tensor *t, enum dtype dt, bool *accumulate);
/* t's gradient += dy; takes dy itself as the gradient when it is the first
 * contribution, may_alias is set, and nothing reads dy after the nodes
 * emitted so far. */
void grad_pass(struct graph *g, struct tensor *t, struct tensor *dy, bool may_alias);
/* dy in the graph's compute type (itself, or through a cast node). */
struct tensor *grad_cast(struct graph *g, struct tensor *dy, enum dtype to);
/* t for a backward node to read: t, or computed again when its op is cheap. */
struct tensor *grad_keep(struct graph *g, struct tensor *t);
/* Registers one more use of the parameter behind t; NULL when it is not
 * trained (not a parameter, or frozen). */
struct grad_use *grad_param(struct graph *g, const struct tensor *t);
/* Emitted by several ops: dst (+)= src, any of f32 and bf16. */
void emit_accumulate(struct graph *g, struct tensor *dst, struct tensor *src, bool accumulate);

/* ---- planning ---- */

/* n_slices of each phase; -1 when out of memory. */
int node_phases(struct graph *g, struct node *n, int n_phases, const int *n_slices, struct err *e);
/* One phase over n_rows rows of about `work` elements each: sets n->rows. */
int node_rows(struct graph *g, struct node *n, int64_t n_rows, int64_t work, struct err *e);
/* How many of n_items a slice takes so that a slice is worth waking a thread
 * for and there are enough of them to balance; work in elements an item. */
int64_t slice_items(int64_t n_items, int64_t work, int n_threads);
static inline int64_t div_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}
static inline int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- running ---- */

static inline char *data_at(const struct tensor *t, int64_t i)
{
    return (char *)t->data + (size_t)i * dtype_size(t->dtype);
}
/* Elements [i, i+n) as f32: in place, or converted into tmp. */
static inline const float *load_row(const struct kernels *k, const struct tensor *t, int64_t i,
                                    int64_t n, float *tmp)
{
    if (t->dtype == DT_F32) return (const float *)t->data + i;
    k->f32_from_bf16(tmp, (const uint16_t *)t->data + i, (size_t)n);
    return tmp;
}
/* Where to write elements [i, i+n): the tensor itself or tmp; then store_row(). */
static inline float *begin_row(const struct tensor *t, int64_t i, float *tmp)
{
    return t->dtype == DT_F32 ? (float *)t->data + i : tmp;
}
static inline void store_row(const struct kernels *k, const struct tensor *t, int64_t i, int64_t n,
                             const float *tmp)
{
    if (t->dtype != DT_F32) k->bf16_from_f32((uint16_t *)t->data + i, tmp, (size_t)n);
}
/* Adds when `add`, else stores: t[i, i+n) (+)= v; t f32 when adding. */
void put_row(const struct kernels *k, const struct tensor *t, int64_t i, int64_t n, const float *v,
             bool add);

/* Ids within [0, limit): 0, or -1 naming the position. */
int check_ids(const struct tensor *t, int64_t offset, int64_t limit, const char *what,
              const char *of, struct err *e);

#endif
