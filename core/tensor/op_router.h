/* op_router.h - which experts a token takes, and with which weights.
 *
 * Of logits l [E] of a token, all in f32:
 *   softmax       p = softmax(l); the K largest; w = p, / sum w with renorm
 *   sigmoid       s = sigmoid(l); the K largest of s + c (correction bias c, DeepSeek-V3,
 *                 arXiv:2412.19437 eq. 16); with groups only within the topk_groups groups whose
 *                 two best add up to most -- others count as 0 there, as in transformers;
 *                 w = s, / (sum w + 1e-20) with renorm
 *   topk_softmax  the K largest l; w = softmax of those (gpt-oss)
 * then w *= scale.  Slots are in falling order, ties go to the lowest expert.
 *
 * Losses (op_router_loss): f_e from the counts of the whole global batch, a
 * constant; the gradient flows through P.  P = p, of sigmoid s / sum s.
 * z = mean(lse(l)^2) (arXiv:2202.08906 eq. 5). */
#ifndef CORE_TENSOR_OP_ROUTER_H
#define CORE_TENSOR_OP_ROUTER_H

#include "core/tensor/op.h"
#include "core/tensor/ops.h"

enum { ROUTER_MAX_EXPERTS = 1024 };

/* One token.  p [E] receives the scores (softmax over all for topk_softmax only when all_p). */
void router_choose(const struct kernels *k, const struct router_rule *r, const float *logits, const float *correction,
                   float *p, float *weights, int32_t *ids);
/* P of the load-balancing loss; returns the log-sum-exp of the logits. */
float router_probs(const struct kernels *k, const struct router_rule *r, const float *logits, float *P);

#endif
