/* rowgrad.h - backward of ops that treat tokens one by one and have vectors as
 * parameters: chunks of ROWGRAD_ROWS tokens are slices, each with partial sums
 * of the parameters' gradients in the workspace [chunks, n, C]; then the tree
 * over chunks and leaves, by columns.
 *
 *     static const struct rowgrad keys = {.n = 2, .row = keys_row};
 *     plan: return rowgrad_plan(g, n, &keys, C, tws_bytes, e);    run: rowgrad_run(n, r, &keys, C, phase, slice);
 *
 * node->grad[i] is parameter i's; all NULL = no sums are kept. */
#ifndef CORE_TENSOR_ROWGRAD_H
#define CORE_TENSOR_ROWGRAD_H

#include "core/tensor/op.h"

enum { ROWGRAD_ROWS = 64 };

struct rowgrad {
    /* Token t: writes its outputs and adds to partial [n, C], NULL when no parameter is trained. */
    void (*row)(const struct node *n, const struct run *r, int64_t t, float *partial);
    int n;
};

int rowgrad_plan(struct graph *g, struct node *n, int n_params, int64_t C, size_t tws_bytes, struct err *e);
void rowgrad_run(const struct node *n, const struct run *r, const struct rowgrad *w, int64_t C, int phase, int slice);
/* An output for t's gradient: its place itself when nothing is there, else one that is added to it afterwards. */
void grad_out(struct graph *g, struct node *n, struct tensor *t);

#endif
