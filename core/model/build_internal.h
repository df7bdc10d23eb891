/* build_internal.h - between build.c and the builders of embeddings, mixers,
 * feed-forward parts and heads (build_NAME.c). */
#ifndef CORE_MODEL_BUILD_INTERNAL_H
#define CORE_MODEL_BUILD_INTERNAL_H

#include "core/model/layout.h"

struct builder {
    const struct model_config *c;
    struct graph *g;
    struct bound bound;
    enum dtype cd;
    /* of the stack that is being built */
    bool encoder;                        /* of an encoder-decoder */
    int T;                               /* tokens of a row */
    struct tensor *positions, *seg_start, *prefix_end;
    struct tensor *memory, *src_lo, *src_hi; /* the encoder's output, and what each token sees of it */
    struct rope_table rope;
    const struct block_config *rope_of;  /* whose table `rope` is */
    float drop_attn, drop_resid, drop_embed;
    int layer;
    struct tensor *v_first;              /* rwkv7: values of the first layer */
    struct router_stats *stats;          /* of layers with experts, or NULL */
    int moe_layer;                       /* how many of them there were */
};

/* The parameter of a layer (-1 = outside of blocks), NULL when there is none; SLOT_N stands for none. */
struct tensor *build_param(struct builder *b, int layer, enum slot_role r);
/* A norm of block k; its bias follows its weight among the roles. */
struct tensor *build_norm(struct builder *b, const struct block_config *k, struct tensor *x, enum slot_role w,
                          bool f32_out);
/* y = x W^T + bias, then dropout and the residual: in the product's epilogue where nothing stands between. */
struct tensor *build_project(struct builder *b, const struct block_config *k, struct tensor *x, enum slot_role w,
                             enum slot_role bias, enum slot_role post, struct tensor *residual);
/* residual + a sublayer's output y, with the norm, scale and dropout that stand between. */
struct tensor *build_join(struct builder *b, const struct block_config *k, struct tensor *y, enum slot_role post,
                          struct tensor *residual);
/* The residual stream as the input of a product. */
struct tensor *build_plain(struct builder *b, struct tensor *x);


/* build_moe.c.  Experts of one layer; x is normed and of the compute type. */
struct tensor *build_moe(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual);
/* Statistics of all routers (before the blocks) and their loss (after); NULL without experts. */
struct router_stats *build_router_stats(struct builder *b, bool want_loss);
struct tensor *build_router_loss(struct builder *b);

/* build_mla.c. */
struct tensor *build_mla(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual);

/* build_rwkv.c.  Time mixing and channel mixing. */
struct tensor *build_rwkv(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual);
struct tensor *build_cmix(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual);

/* build_attn.c.  Self-attention of one layer, and attention to the encoder's output; x is the input of the
 * sublayer, of the compute type. */
struct tensor *build_attn(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual);
struct tensor *build_cross(struct builder *b, const struct block_config *k, struct tensor *x, struct tensor *residual);

/* build_embed.c.  Tokens of the stack at hand to its residual stream; types may be NULL. */
struct tensor *build_embed(struct builder *b, struct tensor *tokens, struct tensor *types, struct err *e);

/* build_head.c.  Logits and loss, from out->hidden. */
void build_head(struct builder *b, const struct model_build *o, struct model_graph *out);

#endif
