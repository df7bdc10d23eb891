/* op_bce.h - yes-no questions: was this token replaced? (ELECTRA, arXiv:2003.10555)
 *
 *   bce_t = log(1 + e^z) - target z,   loss = sum_t w_t bce_t
 *
 * which is the cross-entropy of the two logits 0 and z.  z [N,1] f32, targets
 * [N] i32 (0, 1, or -1: no question here), weights [N] f32.  The gradient of z
 * is computed in the same pass, times run_args.loss_scale.  Output [4] as
 * op_linear_ce.h has it, with sums by leaf and the tree over leaves. */
#ifndef CORE_TENSOR_OP_BCE_H
#define CORE_TENSOR_OP_BCE_H

#include "core/tensor/ops.h"

#endif
