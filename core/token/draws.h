/* draws.h - random numbers one after the other, beginning at a place of their own (rng.h). */
#ifndef CORE_TOKEN_DRAWS_H
#define CORE_TOKEN_DRAWS_H

#include "core/base/rng.h"

struct draws {
    struct rng_key key;
    uint64_t next;
};

/* [0,1) */
static inline double draws_next(struct draws *d)
{
    return rng_f64(&d->key, d->next++);
}

#endif
