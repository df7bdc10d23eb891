/* init_rwkv.h - inside core/model: see init_rwkv.c. */
#ifndef CORE_MODEL_INIT_RWKV_H
#define CORE_MODEL_INIT_RWKV_H

#include "core/base/rng.h"
#include "core/model/layout.h"

/* x [elements of s], a function of the description, the slot and the key alone. */
int rwkv_init(const struct model_config *c, const struct slot *s, float *x, const struct rng_key *key, struct err *e);

#endif
