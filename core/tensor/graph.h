/* graph.h - the static graph: tensors, nodes, one vjp an op, the memory plan.
 *
 *     struct graph *g = graph_new(&(struct graph_opts){...}, e);
 *     struct tensor *x = op_embed(g, ...);  ...  struct tensor *loss = op_linear_ce(g, ...);
 *     graph_backward(g, loss, e); graph_plan(g, e);
 *     struct exec *x = exec_new(g, pool, e); exec_run(x, &args, e);
 *
 * A graph is built once for (model, batch shape, phase).  Building never
 * computes.  Op builders return NULL after the first error, and accept NULL
 * tensors (returning NULL), so a model builder checks once, at the end, with
 * graph_error().
 *
 * Shapes: activations are [N, C] with N = rows * T packed tokens.  The batch is
 * cut into `leaves` equal groups of rows (a power of two).  The gradient of a
 * parameter is, for each use of the parameter in graph order, the canonical
 * binary tree over leaves of that use's leaf gradient; uses are added in
 * order.  With accumulation over A executions each computes leaves/A leaves,
 * and grads_merge() continues the same tree, so A never changes a bit.
 *
 * Memory: the graph and its nodes live in the graph's arena; tensor data lives
 * in the blocks described by the plan and is owned by the exec, except
 * parameters, which are owned by struct params and shared between graphs. */
#ifndef CORE_TENSOR_GRAPH_H
#define CORE_TENSOR_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/dtype.h"
#include "core/base/err.h"
#include "core/base/pool.h"

/* ---- parameters: shared by every graph of one model ---- */

enum param_flags {
    PARAM_DECAY = 1,   /* weight decay applies (matrices) */
    PARAM_MATRIX = 2,  /* a hidden 2-D matrix: Muon may take it (not embeddings, not the head) */
    PARAM_FROZEN = 4,  /* no gradient, no optimizer state */
    PARAM_AUX = 8,     /* trained beside the model, not part of it: in checkpoints only */
};

struct param {
    char *name;              /* Hugging Face name of the family */
    enum dtype dtype;        /* DT_F32 for training; DT_BF16 allowed for inference */
    int ndim;
    int64_t dim[4];
    int64_t n;               /* elements */
    unsigned flags;
    int split;               /* matrices one below the other (experts), which Muon takes one by one; 0 = 1 */
    int index;               /* position in params->v */
    void *data;              /* [n], 64-aligned; NULL until params_alloc() */
    float *grad;             /* [n] or NULL: final gradient of the step */
    float *m, *v;            /* optimizer moments or NULL */
};

struct params {
    struct param **v;
    int n;
    int64_t n_elements;
};

struct params *params_new(struct err *e);
/* Declares a parameter; NULL on error (duplicate name, overflow). */
struct param *params_add(struct params *p, const char *name, enum dtype dt, int ndim, const int64_t *dim,
                         unsigned flags, struct err *e);
struct param *params_find(const struct params *p, const char *name);
/* Allocates data (uninitialised); with `training` also grad, m, v (zeroed), each kind in one block. */
int params_alloc(struct params *p, bool training, struct err *e);
void params_free(struct params *p);

/* ---- tensors and nodes ---- */

enum tensor_kind { T_ACT, T_INPUT, T_CONST, T_PARAM };

struct tensor {
    int id;
    enum tensor_kind kind;
    enum dtype dtype;
    int ndim;
    int64_t dim[4];
    const char *name;        /* for messages and the plan */
    struct param *param;     /* T_PARAM */
    struct node *producer;   /* T_ACT */
    struct tensor *grad;     /* activation gradient, while building backward */
    bool needs_grad;
    int64_t offset;          /* in the activation arena, after graph_plan(); -1 = none */
    void *data;              /* after exec_new(); inputs: see exec_input() */

    /* of the engine */
    int n_uses;              /* forward nodes that read it */
    bool output;             /* graph_output() was called */
    struct tensor *clone;    /* while a block is recomputed */
    int first, last, buffer; /* while planning */
};

struct graph_opts {
    enum dtype compute;      /* DT_F32 or DT_BF16: type of GEMM inputs and saved activations; the residual stream is f32 */
    bool training;           /* dropout on, backward will be built */
    enum { RECOMPUTE_NONE, RECOMPUTE_BLOCK } recompute;
    int rows, T;             /* batch shape of one execution */
    int leaves;              /* of one execution: leaves/A; divides rows; a power of two */
};

struct graph;
struct graph *graph_new(const struct graph_opts *o, struct err *e);
void graph_free(struct graph *g);
const struct graph_opts *graph_get_opts(const struct graph *g);
int graph_error(const struct graph *g, struct err *e);  /* 0, or -1 with the first error */

struct tensor *graph_input(struct graph *g, const char *name, enum dtype dt, int ndim, const int64_t *dim);
struct tensor *graph_find_input(const struct graph *g, const char *name); /* NULL when there is none */
struct tensor *graph_param(struct graph *g, struct param *p);   /* the same tensor for the same param */
struct tensor *graph_const_f32(struct graph *g, const char *name, const float *data, int ndim,
                               const int64_t *dim); /* copies */
/* Keeps t's data until the end of the run (logits, lse, hidden states to read). */
void graph_output(struct graph *g, struct tensor *t);

/* Everything between begin and end belongs to one transformer block: the unit
 * of recomputation and of names in messages ("block 3: attn"). */
void graph_block_begin(struct graph *g, int layer);
void graph_block_end(struct graph *g);

/* Emits the backward nodes of a scalar loss (through every op's vjp). */
int graph_backward(struct graph *g, struct tensor *loss, struct err *e);
/* The same from any activation y, whose gradient is the input dy (of y's shape,
 * f32): for objectives computed outside, and for gradient tests. */
int graph_backward_from(struct graph *g, struct tensor *y, struct tensor *dy, struct err *e);

/* Liveness, offsets, workspace.  After it the sizes are exact. */
struct graph_sizes {
    int64_t act_bytes;       /* activation arena */
    int64_t ws_bytes;        /* shared + per-thread workspace, for n_threads given to graph_plan */
    int64_t input_bytes, const_bytes;
    int n_nodes;
    double flops;            /* of one execution, GEMM and attention */
};
int graph_plan(struct graph *g, int n_threads, struct err *e);
struct graph_sizes graph_get_sizes(const struct graph *g);
void graph_print(const struct graph *g, struct buf *out);  /* one line a node: for --plan -v and debugging */

/* ---- execution ---- */

struct run_args {
    uint64_t seed, step;     /* keys of dropout */
    uint64_t row0;           /* global index of this execution's first row within the step's batch */
    float loss_scale;        /* multiplies the loss gradient: 1 / sum of weights over the GLOBAL batch */
    bool grads;              /* run the backward part too */
};

struct exec;
/* Allocates all memory of the plan; nothing is allocated afterwards. */
struct exec *exec_new(struct graph *g, struct pool *pool, struct err *e);
void exec_free(struct exec *x);
void *exec_input(struct exec *x,
                 const char *name); /* the input's buffer, to fill before a run; NULL if there is none of that name */
int exec_run(struct exec *x, const struct run_args *a, struct err *e);
int64_t exec_bytes(const struct exec *x);                /* what was allocated */
/* Time per kind of op over all runs so far, as text (--profile); f forward, b backward. */
void exec_profile(const struct exec *x, struct buf *out);

/* ---- gradient accumulation over A executions ----
 * Executions write their subtree of the canonical tree into params->grad; a
 * grads object keeps the carry stack (log2(A) extra gradient sets; none for A = 1)
 * and separate slots for parameters that are used more than once.  It tells the
 * graph's nodes where to write, so free it before the graph. */
struct grads;
struct grads *grads_new(struct graph *g, struct params *p, int accum, struct err *e);
/* After execution i (0-based, in order).  After the last one params->grad holds the total. */
void grads_merge(struct grads *gr, int i, struct pool *pool);
int64_t grads_bytes(const struct grads *gr);
int64_t grads_plan_bytes(const struct graph *g, int accum); /* what grads_new() will take */
void grads_free(struct grads *gr);

/* Global L2 norm of all gradients: fixed 4096-element chunks, then a fixed tree, in double. */
double grads_norm(const struct params *p, struct pool *pool);

#endif
