/* op_attn.h - attention over a fused qkv[N, (H + 2 Hk) D], row by row.
 *
 *   s_ij = softcap(scale * q_i . k_j) + alibi_h (j - i),  o_i = sum_j softmax(s_i)_j v_j
 *
 * over the keys that query i sees (causal, window, same segment; see struct
 * attn in kernels.h); query head h reads kv head h / (H / Hk).  Flash style:
 * no [T,T] matrix; forward keeps lse [rows, H, T] for backward
 * (arXiv:2205.14135).  Dropout acts on the probabilities, keyed by (seed,
 * RNG_DROPOUT, step, instance) and the global row.  A sink is one more logit
 * a head that takes probability and gives nothing. */
#ifndef CORE_TENSOR_OP_ATTN_H
#define CORE_TENSOR_OP_ATTN_H

#include "core/tensor/ops.h"

#endif
