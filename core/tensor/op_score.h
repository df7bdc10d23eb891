/* op_score.h - what models that score whole texts learn from.
 *
 * Squared error of regression, z and values [N,L] f32, weights [N]:
 *
 *   mse_t = 1/L sum_l (z_tl - v_tl)^2,   loss = sum_t w_t mse_t
 *
 * output [4] as op_linear_ce.h has it (nll = the loss, nothing is "right"),
 * with the gradient of z computed in the same pass, times run_args.loss_scale.
 *
 * Pairs of answers, the better one first (Bradley and Terry 1952; eq. 1 of
 * arXiv:2203.02155): d_i = z_2i - z_2i+1 [N/2,1] from z [N,1].  op_bce of d
 * with target 1 is -log sigmoid(d). */
#ifndef CORE_TENSOR_OP_SCORE_H
#define CORE_TENSOR_OP_SCORE_H

#include "core/tensor/ops.h"

#endif
