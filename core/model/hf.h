/* hf.h - inside core/model: what reading and writing config.json share. */
#ifndef CORE_MODEL_HF_H
#define CORE_MODEL_HF_H

#include "core/model/layout.h"

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
/* "key": v as a float even when it is whole: transformers checks types. */
void hf_write_float(struct buf *out, const char *key, double v);
int hf_dense_width(const struct model_config *c); /* d_ff of layers without experts, else of an expert */

/* Members of config.json; *out keeps its value when they are absent (hf_need: an error). */
int hf_int(const struct cJSON *o, const char *key, int64_t min, int64_t max, int *out, struct err *e);
int hf_need(const struct cJSON *o, const char *key, int64_t max, int *out, struct err *e);
int hf_activation(const struct cJSON *hf, const char *key, enum act *out, struct err *e);
/* Rotary positions; partial: what the family assumes when nothing is said.  hf_rope_object: from one rope_parameters. */
int hf_rope(struct block_config *b, const struct cJSON *hf, const struct model_config *c, const char *theta_key,
            const char *partial_key, double partial, struct err *e);
int hf_rope_object(struct block_config *b, const struct cJSON *rp, const struct model_config *c, struct err *e);
/* Appends a layer, folded into the last group when equal to it. */
int hf_add_block(struct model_config *c, const struct block_config *b, struct err *e);

/* A family in a file of its own: reading and writing config.json (what stands between model_type, vocab_size and the
 * keys that all have). */
struct hf_family {
    const char *family, *type, *arch;
    int (*read)(struct model_config *c, const struct cJSON *hf, struct err *e);
    void (*write)(const struct model_config *c, struct buf *out);
};
extern const struct hf_family hf_bert, hf_electra, hf_electra_generator, hf_t5, hf_bart, hf_marian, hf_bloom, hf_gemma,
    hf_gemma2, hf_gemma3, hf_rwkv, hf_deepseek;
/* Reads, and takes away the head that an architecture such as BertModel has not. */
int hf_read(const struct hf_family *f, struct model_config *c, const struct cJSON *hf, struct err *e);
/* Architecture of a family's encoder without a head, or NULL. */
const char *hf_bare(const char *family);
/* By our family, or by model_type and architecture; NULL when it has no file of its own. */
const struct hf_family *hf_family_of(const char *family);
const struct hf_family *hf_family_for(const struct cJSON *hf, const char *type);

/* pad_token_id, whose embedding these families do not train; null for none. */
int hf_read_pad(struct model_config *c, const struct cJSON *hf, int by_default, struct err *e);
void hf_write_pad(const struct model_config *c, struct buf *out);
const char *hf_act_name(enum act act);
const char *hf_yes(bool b);
/* "key": {...}, with the rotary positions of b. */
void hf_write_rope(const struct block_config *b, const char *key, struct buf *out);

#endif
