/* op_dropout.h - dropout with a fused residual addition.
 *
 *   y = x * mask / (1 - p) (+ residual),  mask[i] = word(i) >= p * 2^32
 *
 * word(i) is Philox word number (global token index * C + column) of the key
 * (seed, RNG_DROPOUT, step, instance): the mask depends neither on threads nor
 * on how a batch is split, and backward draws it again.  The global token
 * index counts from the first row of the step's batch.  instance numbers the
 * ops of a graph that draw, in building order. */
#ifndef CORE_TENSOR_OP_DROPOUT_H
#define CORE_TENSOR_OP_DROPOUT_H

#include "core/tensor/ops.h"

/* The threshold below which a word drops its element. */
uint32_t dropout_below(float p);

#endif
