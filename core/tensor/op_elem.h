/* op_elem.h - sums, scaling, type changes: elementwise, computed in f32.
 *
 *   add: y = a + b      scale: y = s * x      cast: y = x in another type
 *
 * Also the node that adds one gradient to another (emit_accumulate). */
#ifndef CORE_TENSOR_OP_ELEM_H
#define CORE_TENSOR_OP_ELEM_H

#include "core/tensor/ops.h"

#endif
