/* op_wkv.h - the recurrences of RWKV-5 to -7 (core/kernels/wkv.h) and what
 * stands around them.
 *
 *   wkv      y of the recurrence; a slice is one head of one row of the batch
 *   decay    w = exp(-exp(z)), of RWKV-7 exp(-e^{-1/2} sigmoid(z)), z = d + x
 *   keys     RWKV-7: a = sigmoid(x); kk = k k_k / |k k_k| of each head; k' = k (1 + (a - 1) k_a);
 *            the state is removed along -kk and written along kk a
 *   bonus    RWKV-7: y + (sum over a head of r k' r_k) v
 *   blend    v + (v_0 - v) sigmoid(x), v_0 the values of the first layer
 *
 * All activations [N,C] of f32, C = heads * D; parameters [C]. */
#ifndef CORE_TENSOR_OP_WKV_H
#define CORE_TENSOR_OP_WKV_H

#include "core/tensor/op.h"
#include "core/tensor/ops.h"

#define WKV7_DECAY -0.60653065971263342f /* -e^{-1/2} */

/* f32 [N,C] as t, else graph_fail(). */
bool want_like(struct graph *g, const char *op, const struct tensor *t, const struct tensor *as);

#endif
