/* lens.h - what single ops of a forward graph decide, for people to look at.
 * Called between building and graph_plan(); the tensors can be read after a
 * run.  NULL or false when the layer has no such op. */
#ifndef CORE_TENSOR_LENS_H
#define CORE_TENSOR_LENS_H

#include "core/tensor/graph.h"

/* The probabilities of a layer's attention, [rows H T, S] f32: to itself, or
 * with `cross` to the encoder's output.  The graph computes in f32. */
struct tensor *lens_attention(struct graph *g, int layer, bool cross);
/* Which experts a layer's router gave to each token, [N K] i32 in falling
 * weight, and the weights, [N, K] f32. */
bool lens_experts(struct graph *g, int layer, struct tensor **ids, struct tensor **weights);

#endif
