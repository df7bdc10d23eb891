/* op_act.h - activations and gated units, elementwise.
 *
 *   act: y = f(x)
 *   glu: y = f(x[:, :F]) * x[:, F:]          (arXiv:2002.05202)
 *   clamped glu (gpt-oss): g = min(x[:, :F], limit), u = x[:, F:] within +-limit,
 *        y = g sigmoid(alpha g) (u + 1)
 *
 * f: relu, relu^2, gelu (erf, or the tanh form of arXiv:1606.08415), silu,
 * sigmoid, tanh.  Any of f32 and bf16, computed in f32; y has x's type. */
#ifndef CORE_TENSOR_OP_ACT_H
#define CORE_TENSOR_OP_ACT_H

#include "core/tensor/ops.h"

/* Emits dx = f'(x) dy, of x's type and a new tensor: for linears with an act. */
struct tensor *emit_act_bwd(struct graph *g, enum act act, struct tensor *x, struct tensor *dy);

#endif
