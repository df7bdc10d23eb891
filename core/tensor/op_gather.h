/* op_gather.h - chosen tokens of each row, so that a head works only where
 * something is predicted (the masked tokens of BERT).
 *
 *   y[r M + i] = x[r T + at[r M + i]],  zeros where at is -1
 *
 * x [rows T, C], at [rows M] i32, y of x's type.  Backward adds, in the order
 * of i, into zeros: a token may be chosen twice. */
#ifndef CORE_TENSOR_OP_GATHER_H
#define CORE_TENSOR_OP_GATHER_H

#include "core/tensor/ops.h"

#endif
