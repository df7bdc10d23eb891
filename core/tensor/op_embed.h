/* op_embed.h - token and position embedding.
 *
 *   y[t] = scale * table[id[t]] (+ pos_table[position[t] + offset])
 *
 * table [V,C], pos_table [P,C], y [N,C] f32.  Gradients:
 *   dtable[v] = sum over tokens t with id v of scale * dy[t]
 * Tokens are sorted by id (a stable counting sort), so ids are independent of
 * each other; the sum runs over the tokens of a leaf in order, then by the
 * tree over leaves, where a leaf without the id adds nothing.  A chain that
 * starts at +0 never gives -0, so leaving out absent leaves changes no bit. */
#ifndef CORE_TENSOR_OP_EMBED_H
#define CORE_TENSOR_OP_EMBED_H

#include "core/tensor/ops.h"

#endif
