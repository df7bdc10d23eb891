/* op_experts.h - rows to their experts and back, and the product between.
 *
 *   dispatch  xs[i] = x[source[i] / K]
 *   grouped   y[i] = x[i] W_e^T + b_e, rows of expert e lying together: one ragged GEMM an expert,
 *             no padding and no capacity, so no token is dropped; an expert without rows costs nothing
 *   combine   y[n] = residual[n] + sum over k of w[n,k] ys[place[n*K+k]], in slot order
 *
 * Backward: dxs and dx the same way round; dW_e is one FMA chain over the rows
 * of (expert, leaf), which stand in token order, then the tree over leaves, an
 * empty leaf giving zeros; db_e by chunks of COLSUM_ROWS rows and that tree.
 *
 * A slice packs the columns of W that it needs into its thread's scratch, small
 * enough to stay in L2, and does all rows of the expert: no packed copy of all
 * experts exists. */
#ifndef CORE_TENSOR_OP_EXPERTS_H
#define CORE_TENSOR_OP_EXPERTS_H

#include "core/tensor/op_linear.h"

struct grouped {
    int E, O, C;
    int cols;                /* columns of y that a slice packs and computes */
    int blocks;              /* slices an expert */
    size_t at_panel;         /* of the packed columns in the thread's scratch */
};
enum { GROUPED_X, GROUPED_BEGIN, GROUPED_W, GROUPED_B };

/* Columns whose packed form (K units deep) stays in L2 beside a block of rows. */
int grouped_columns(const struct kernels *k, enum dtype dt, int K, int N);
/* Rows of expert e: [*first, *end). */
static inline void expert_rows(const struct tensor *begin, int e, int leaves, int *first, int *end)
{
    const int32_t *b = begin->data;
    *first = b[(int64_t)e * leaves];
    *end = b[(int64_t)(e + 1) * leaves];
}
void grouped_vjp(struct graph *g, struct node *n);

#endif
