/* op_qk.h - rotary position embedding and per-head norm of q and k, inside a
 * fused qkv[N, (H + 2 Hk) D]; v passes through.
 *
 *   u = x / sqrt(mean(x^2) + eps) * w        (when q_norm / k_norm; of a head, or of all heads together when full)
 *   u = (x - mean(x)) / std(x) * w_h         (when ln: of each head, with weights of its own; Cohere, StableLM)
 *   half:        (y_i, y_{i+r/2}) = rotation of (u_i, u_{i+r/2}) by angle(pos, i)
 *   interleaved: (y_2i, y_2i+1)   = rotation of (u_2i, u_2i+1)
 *
 * for the first r = n_rot elements of a head (arXiv:2104.09864; the tables
 * carry the scaling).  Without norms it works in place.  The norm's 1/rms is
 * computed again in backward: cheaper than keeping N (H + Hk) of them. */
#ifndef CORE_TENSOR_OP_QK_H
#define CORE_TENSOR_OP_QK_H

#include "core/tensor/ops.h"

enum { QK_ROWS = 32 }; /* rows a chunk of the norm gradients' tree */

#endif
