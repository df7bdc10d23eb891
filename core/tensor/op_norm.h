/* op_norm.h - LayerNorm and RMSNorm over the last axis.
 *
 *   ln:  y = (x - mean) / sqrt(var + eps) * w + b        (arXiv:1607.06450)
 *   rms: y = x / sqrt(mean(x^2) + eps) * w               (arXiv:1910.07467, eq. 4)
 *
 * x [N,C] f32 or bf16, w, b [C] f32 (NULL = none), y of the compute type.
 * For backward it keeps rstd [N] (and mean [N]).  dx is added in place to the
 * gradient of the residual stream; dw and db are summed over chunks of
 * NORM_ROWS rows in order, then by the fixed tree. */
#ifndef CORE_TENSOR_OP_NORM_H
#define CORE_TENSOR_OP_NORM_H

#include "core/tensor/ops.h"

enum { NORM_ROWS = 32 };

#endif
