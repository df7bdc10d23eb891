/* op_loss.h - what losses of a few numbers a row have in common: op_bce.c, op_score.c.
 *
 * Inputs: numbers [N,L], what they should be, weights [N].  Outputs: the loss,
 * {loss, nll, weight, hits} summed leaf by leaf, and dz, made in the forward run. */
#ifndef CORE_TENSOR_OP_LOSS_H
#define CORE_TENSOR_OP_LOSS_H

#include "core/tensor/op.h"

enum { LOSS_IN_Z, LOSS_IN_TARGETS, LOSS_IN_WEIGHTS };
enum { LOSS_OUT, LOSS_OUT_DZ };

/* Adds row t to the sums of its leaf, and writes its row of dz if that is wanted. */
typedef void loss_row_fn(const struct node *n, const struct run *r, int64_t t, double sum[4]);

int loss_plan(struct graph *g, struct node *n, struct err *e); /* one slice */
void loss_run(const struct node *n, const struct run *r, loss_row_fn *row);
void loss_seed(struct graph *g, struct node *n);
void loss_vjp(struct graph *g, struct node *n); /* nothing: loss_seed() did it */

/* The tensor [4] of node n's loss, the first of its outputs and one of the graph: of every loss there is. */
struct tensor *loss_output(struct graph *g, struct node *n);
/* A node and that; NULL = the graph has failed. */
struct tensor *loss_new(struct graph *g, const struct op *op, struct tensor *z, struct tensor *targets, struct tensor *weights);

#endif
