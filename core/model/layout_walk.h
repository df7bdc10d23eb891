/* layout_walk.h - inside core/model: the walk over all parameters, for layout.c
 * and the layouts of single mixers and feed-forward parts. */
#ifndef CORE_MODEL_LAYOUT_WALK_H
#define CORE_MODEL_LAYOUT_WALK_H

#include "core/model/layout.h"

struct walk {
    const struct model_config *c;
    const struct family *f;
    slot_fn *fn;
    void *arg;
    struct err *e;
    int layer;
};

/* Hands one parameter to the callback; layer, linear and name are filled in. */
int layout_emit(struct walk *w, struct slot s);
/* layout_moe.c: router, experts and shared experts of a block. */
int layout_moe(struct walk *w, const struct block_config *b);
/* layout_mla.c */
int layout_mla(struct walk *w, const struct block_config *b);
/* layout_rwkv.c: an rwkv mixer, and channel mixing. */
int layout_rwkv(struct walk *w, const struct block_config *b);
int layout_cmix(struct walk *w, const struct block_config *b);

#endif
