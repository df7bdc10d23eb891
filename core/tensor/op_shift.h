/* op_shift.h - RWKV's token shift and gates.
 *
 *   shift  y_j = x + m_j (x' - x), x' the token before in the same segment (0 at its beginning);
 *          m_j = mu_j, of RWKV-4 1 - mu_j (its mixes weigh x, not x'), of RWKV-6 mu_j + d_j with d_j a value a token
 *   gate   y = f(a) b (+ residual)
 *
 * x [N,C], mu_j [C], d [N,C]; up to 3 outputs y_j of the compute type. */
#ifndef CORE_TENSOR_OP_SHIFT_H
#define CORE_TENSOR_OP_SHIFT_H

#include "core/tensor/op.h"
#include "core/tensor/ops.h"

enum { SHIFT_MAX = 3 };

#endif
