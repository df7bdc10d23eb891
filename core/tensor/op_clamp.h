/* op_clamp.h - values held within a limit (queries, keys and values of OLMo).
 *
 *   y = min(max(x, -c), c),   dx = dy where |x| <= c, else 0
 *
 * y of x's type; a NaN stays one. */
#ifndef CORE_TENSOR_OP_CLAMP_H
#define CORE_TENSOR_OP_CLAMP_H

#include "core/tensor/ops.h"

#endif
