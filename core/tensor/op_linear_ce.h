/* op_linear_ce.h - the head and its loss in one op: logits never exist whole.
 *
 *   z = logit_scale (x W^T + b), capped: c tanh(z / c)
 *   ce_t = (1 - ls) nll_t + ls mean_v nll_tv + z_coef lse_t^2
 *   loss = sum_t w_t ce_t
 *
 * x [N,C] of the compute type, W [V,C], b [V] f32.  Tokens go through in
 * chunks whose logit gradients fit the budget; the gradients of x, W and b
 * are computed in the same pass (as in arXiv:2410.10989), already multiplied
 * by run_args.loss_scale.  A chunk is all tokens, or whole leaves (a power of
 * two of them), or a part of a leaf; sums over tokens follow the tree over
 * leaves with one FMA chain a leaf either way, so the budget changes no bit.
 *
 * Output [4]: sum w ce, sum w nll, sum w, and the number of tokens with w > 0
 * whose target has the highest logit (the first such, if equal).  Each is a
 * sum in double over the tokens of a leaf, rounded to f32, then the f32 tree
 * over leaves: add the outputs of several executions by the same tree. */
#ifndef CORE_TENSOR_OP_LINEAR_CE_H
#define CORE_TENSOR_OP_LINEAR_CE_H

#include "core/tensor/ops.h"

enum {
    CE_BUDGET = 128 << 20,   /* bytes of logit gradients, unless 128 rows need more */
    CE_LOGITS = 16 << 20,    /* bytes of f32 logits a thread */
    CE_ROWS = 128,           /* chunks inside of a leaf are multiples of this */
};

#endif
