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
/* hf_deepseek.c.  Sigmoid routers with their keys; what holds where a file says nothing; and the same keys written. */
int hf_deepseek_experts(struct block_config *b, const struct cJSON *hf, int groups, double scale, bool renorm, struct err *e);
void hf_deepseek_write_experts(const struct model_config *c, struct buf *out);
/* hf_moe.c: "key": v as a float even when it is whole: transformers checks types. */
void hf_write_float(struct buf *out, const char *key, double v);
int hf_dense_width(const struct model_config *c); /* d_ff of layers without experts, else of an expert */

/* hf_config.c: members of config.json; *out keeps its value when they are absent (hf_need: an error). */
int hf_int(const struct cJSON *o, const char *key, int64_t min, int64_t max, int *out, struct err *e);
int hf_need(const struct cJSON *o, const char *key, int64_t max, int *out, struct err *e);
int hf_activation(const struct cJSON *hf, const char *key, enum act *out, struct err *e);
/* Rotary positions; partial: what the family assumes when nothing is said, partial_key NULL: it knows no such share.
 * hf_rope_object: from one rope_parameters. */
int hf_rope(struct block_config *b, const struct cJSON *hf, const struct model_config *c, const char *theta_key,
            const char *partial_key, double partial, struct err *e);
int hf_rope_object(struct block_config *b, const struct cJSON *rp, const struct model_config *c, bool partial, struct err *e);
/* hf_gemma.c: the same where rope_parameters are by kind of layer, or scale full attention only; b->theta is the family's. */
int hf_rope_of_kind(struct block_config *b, const struct cJSON *hf, const struct model_config *c, bool sliding, struct err *e);
void hf_write_ropes(const struct model_config *c, struct buf *out);
/* Whether a layer sees a window only: what layer_types says, else all but each period-th (0 = none). */
int hf_is_sliding(const struct cJSON *hf, int layer, int layers, int period, bool *out, struct err *e);
void hf_write_layer_types(const struct model_config *c, struct buf *out);
/* hf_config.c: appends a layer, folded into the last group when equal to it. */
int hf_add_block(struct model_config *c, const struct block_config *b, struct err *e);

/* A family in a file of its own: reading and writing config.json (what stands between model_type, vocab_size and the
 * keys that all have). */
struct hf_family {
    const char *family, *type, *arch;
    int (*read)(struct model_config *c, const struct cJSON *hf, struct err *e);
    void (*write)(const struct model_config *c, struct buf *out);
    /* Families that are a table (hf_keys.c) instead of the two functions: what the table does not say, the keys,
     * and, where there is more, one layer of it and the rest of the file. */
    void (*start)(struct model_config *c, struct block_config *b);
    const struct hf_key *keys;
    bool (*is)(const struct cJSON *hf);  /* which of the families of one model_type; NULL = any */
    int (*layer)(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers, struct err *e);
    void (*rest)(const struct model_config *c, struct buf *out);
};

/* One key of config.json and what it is in our description; HF_SCALED: whether the embedding is times sqrt(width); HF_ONLY: accepted with one value, refused by name with
 * any other (`only` is its JSON text); HF_ACT: `only` is the family's own word for gelu_tanh.  HF_POSITIONS counts the rows below pos_offset too.  "a.b" is member b of the object a, which only `rest` writes. */
enum hf_what {
    HF_WIDTH, HF_LAYERS, HF_HEADS, HF_KV_HEADS, HF_HEAD_DIM, HF_FF, HF_MAX_POS, HF_POSITIONS, HF_ACT, HF_HEAD_ACT, HF_EPS,
    HF_BIAS, HF_QKV_BIAS, HF_OUT_BIAS, HF_FFN_BIAS, HF_ALL_BIAS, /* HF_BIAS: of q, k, v and the way out */
    HF_WINDOW, HF_SCALE, HF_EMBED_SCALE, HF_RESIDUAL_SCALE, HF_LOGIT_SCALE, HF_LOGIT_DIVISOR, HF_SCALED, HF_EMBED_DIM,
    HF_DROP_EMBED, HF_DROP_ATTN, HF_DROP_RESID, HF_DROP_HIDDEN, HF_TYPES, HF_PAD, HF_ROPE, HF_ROPE_PARTIAL, HF_PARALLEL, HF_QK_LN, HF_CLIP, HF_ONLY
};
struct hf_key {
    const char *key;                     /* NULL ends the table */
    enum hf_what what;
    bool need;
    const char *only;
};
/* Rows that most decoders share. */
#define HF_KEYS_SIZES                                                                \
    {"hidden_size", HF_WIDTH, true, NULL}, {"num_hidden_layers", HF_LAYERS, true, NULL}, \
    {"num_attention_heads", HF_HEADS, true, NULL}, {"num_key_value_heads", HF_KV_HEADS, false, NULL}, \
    {"intermediate_size", HF_FF, true, NULL}, {"max_position_embeddings", HF_MAX_POS, true, NULL}, \
    {"attention_dropout", HF_DROP_ATTN, false, NULL}
#define HF_KEY_ACT {"hidden_act", HF_ACT, false, NULL}
#define HF_KEY_ROPE_PARTIAL {"rope_theta", HF_ROPE_PARTIAL, false, NULL}
#define HF_KEY_ROPE {"rope_theta", HF_ROPE, false, NULL}
/* hf_keys.c */
int hf_keys_read(const struct hf_family *f, struct model_config *c, const struct cJSON *hf, struct err *e);
void hf_keys_write(const struct hf_family *f, const struct model_config *c, struct buf *out);
extern const struct hf_family hf_bert, hf_electra, hf_electra_generator, hf_t5, hf_bart, hf_marian, hf_bloom, hf_gemma,
    hf_gemma2, hf_gemma3, hf_rwkv, hf_deepseek, hf_deepseek2, hf_mbart, hf_pegasus, hf_mt5, hf_umt5, hf_m2m_100, hf_blenderbot,
    hf_plbart;
/* hf_sparse.c, hf_encoders.c: tables. */
extern const struct hf_family hf_granitemoe, hf_granitemoeshared, hf_glm4_moe, hf_dots1, hf_nemotron, hf_xglm, hf_albert, hf_mpnet,
    hf_megatron_bert, hf_roberta_prelayernorm, hf_data2vec_text;
/* hf_open.c, hf_older.c: the tables. */
extern const struct hf_family hf_falcon, hf_falcon_two;
extern const struct hf_family hf_arcee, hf_seed_oss, hf_helium, hf_ernie4_5, hf_glm, hf_glm4, hf_exaone4; /* hf_recent.c */
extern const struct hf_family hf_modernbert; /* hf_modern.c */
extern const struct hf_family hf_smollm3, hf_cohere2, hf_olmo3, hf_gptj; /* hf_layers.c */
extern const struct hf_family hf_olmo, hf_olmo2, hf_granite, hf_cohere, hf_stablelm, hf_phi, hf_phi3, hf_starcoder2;
extern const struct hf_family hf_gpt_neo, hf_opt, hf_mpt, hf_roberta, hf_xlm_roberta, hf_camembert, hf_distilbert;
/* hf_families.c: reads, and takes away the head that an architecture such as BertModel has not. */
int hf_read(const struct hf_family *f, struct model_config *c, const struct cJSON *hf, struct err *e);
/* Architecture of a family's encoder without a head, or NULL. */
const char *hf_bare(const char *family);
/* By our family, or by model_type and architecture; NULL when it has no file of its own. */
const struct hf_family *hf_family_of(const char *family);
const struct hf_family *hf_family_for(const struct cJSON *hf, const char *type);

/* Refuses the heads of other tasks by name. */
int hf_check_architecture(const struct cJSON *hf, const char *type, struct err *e);
const char *hf_architecture(const struct cJSON *hf); /* "" = not said */
/* hf_score.c.  The architecture of a model_type that scores whole texts, NULL = none that we know; its keys, which take
 * the place of the head that was read; what files do not tell apart becomes the same. */
const char *hf_score_arch(const char *type);
int hf_score_read(struct model_config *c, const struct cJSON *hf, const char *type, struct err *e);
void hf_score_write(const struct model_config *c, struct buf *out);
void hf_score_normalise(struct model_config *c);
/* hf_families.c: pad_token_id, whose embedding these families do not train; null for none. */
int hf_read_pad(struct model_config *c, const struct cJSON *hf, int by_default, struct err *e);
void hf_write_pad(const struct model_config *c, struct buf *out);
/* hf_export.c */
const char *hf_act_name(enum act act);
const char *hf_yes(bool b);
/* "key": {...}, with the rotary positions of b. */
void hf_write_rope(const struct model_config *c, const struct block_config *b, const char *key, struct buf *out);
/* config_long.c.  The factors of longrope, where a block has it; as members of rope_parameters. */
int hf_longrope_read(struct model_config *c, const struct cJSON *hf, struct err *e);
void hf_longrope_write(const struct model_config *c, struct buf *out);

#endif
