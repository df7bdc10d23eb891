/* exec.h - the executor's own state; for exec.c and backends. */
#ifndef CORE_TENSOR_EXEC_H
#define CORE_TENSOR_EXEC_H

#include "core/kernels/kernels.h"
#include "core/tensor/graph.h"

struct exec {
    struct graph *g;
    struct pool *pool;
    const struct kernels *k;
    char *arena;             /* activations and shared workspace */
    char *tws;               /* n_threads pieces of tws_bytes */
    char *inputs;
    size_t tws_bytes;
    int64_t n_runs;
};

#endif
