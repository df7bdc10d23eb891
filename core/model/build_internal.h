/* build_internal.h - between build.c and the builders of single mixers and
 * feed-forward parts (build_moe.c, build_rwkv.c). */
#ifndef CORE_MODEL_BUILD_INTERNAL_H
#define CORE_MODEL_BUILD_INTERNAL_H

#include "core/model/layout.h"

struct builder {
    const struct model_config *c;
    struct graph *g;
    struct bound bound;
    enum dtype cd;
    struct tensor *positions, *seg_start;
    struct rope_table rope;
    const struct block_config *rope_of;  /* whose table `rope` is */
    float drop_attn, drop_resid;
    int layer;
    struct router_stats *stats;          /* of layers with experts, or NULL */
    int moe_layer;                       /* how many of them there were */
};

/* The parameter of a layer (-1 = outside of blocks), NULL when there is none. */
struct tensor *build_param(struct builder *b, int layer, enum slot_role r);
/* A norm of block k; its bias follows its weight among the roles. */
struct tensor *build_norm(struct builder *b, const struct block_config *k, struct tensor *x, enum slot_role w,
                          bool f32_out);
/* y = x W^T + bias, then dropout and the residual: in the product's epilogue where nothing stands between. */
struct tensor *build_project(struct builder *b, const struct block_config *k, struct tensor *x, enum slot_role w,
                             enum slot_role bias, enum slot_role post, struct tensor *residual);

/* build_moe.c.  Experts of one layer; x is normed and of the compute type. */
struct tensor *build_moe(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual);
/* Statistics of all routers (before the blocks) and their loss (after); NULL without experts. */
struct router_stats *build_router_stats(struct builder *b, bool want_loss);
struct tensor *build_router_loss(struct builder *b);

#endif
