/* hf.h - inside core/model: what reading and writing config.json share. */
#ifndef CORE_MODEL_HF_H
#define CORE_MODEL_HF_H

#include "core/model/model.h"

/* Names of activations; the first of a kind is the one that is written. */
struct hf_act {
    const char *name;
    enum act act;
};
extern const struct hf_act hf_acts[]; /* ended by a NULL name */

/* GPT-2's two switches as our scale: 0 = the default 1/sqrt(head_dim). */
double hf_gpt2_scale(int head_dim, bool scaled, bool inverse, int layer);

/* hf_moe.c.  Families with experts; their keys -> b (ffn, d_ff, moe), and back. */
bool hf_has_experts(const char *type);
int hf_moe_read(struct block_config *b, const struct cJSON *hf, const char *type, struct err *e);
int hf_moe_dense_layer(const struct cJSON *hf, int layer, bool *dense, struct err *e);
void hf_moe_write(const struct model_config *c, const char *type, struct buf *out);
int hf_dense_width(const struct model_config *c); /* d_ff of layers without experts, else of an expert */

#endif
