/* op_replace.h - ELECTRA's corrupted text (arXiv:2003.10555, section 2): each
 * chosen token is replaced by one that the generator draws.
 *
 *   tokens'[at_i] ~ softmax(logits_i),  replaced[at_i] = tokens'[at_i] != targets_i
 *
 * tokens [rows T] i32, at, targets [rows M] i32 (-1 = none; at is relative to
 * the row), logits [rows M, V] f32.  Where nothing was chosen the token stays
 * and replaced is 0.  A draw is named by (seed, step, row, i); no gradient
 * passes through it.  If two of a row name one token, the later stands. */
#ifndef CORE_TENSOR_OP_REPLACE_H
#define CORE_TENSOR_OP_REPLACE_H

#include "core/tensor/ops.h"

struct replaced {
    struct tensor *tokens, *replaced; /* [rows T] i32 */
};
/* Both NULL after an error of the graph. */
struct replaced op_replace(struct graph *g, struct tensor *tokens, struct tensor *at, struct tensor *targets,
                           struct tensor *logits);

/* The sum of two losses of one batch, for backward of both: [4] = { a0 + b0, a1,
 * a2, a3 }; what each weighs is said by the weights of its tokens. */
struct tensor *op_loss_sum(struct graph *g, struct tensor *a, struct tensor *b);

#endif
