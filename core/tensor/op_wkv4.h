/* op_wkv4.h - RWKV-4's time mixing: y = sigmoid(r) wkv(k, v), see core/kernels/wkv.h.
 *
 * r, k, v [N,C] f32, decay and first [C] (w = -e^decay, u = first), y [N,C] of the
 * compute type.  A slice is one row of the batch and a block of channels.
 * Gradients of decay and first: one sum a row, in the order of tokens, then the
 * tree over rows and leaves. */
#ifndef CORE_TENSOR_OP_WKV4_H
#define CORE_TENSOR_OP_WKV4_H

#include "core/tensor/op.h"
#include "core/tensor/ops.h"

enum { WKV4_CHANNELS = 64 }; /* of a slice */

#endif
