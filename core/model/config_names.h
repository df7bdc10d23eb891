/* config_names.h - inside core/model: the words of the description's choices,
 * shared by the parser and the printer, and the parts of the parser. */
#ifndef CORE_MODEL_CONFIG_NAMES_H
#define CORE_MODEL_CONFIG_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

#include "core/model/model.h"

struct choice {
    const char *name;
    int value;
    bool built; /* false: part of the schema, refused as not supported yet */
};

extern const struct choice choice_stack[], choice_embed_pos[], choice_sin[], choice_mixer[], choice_bias[],
    choice_qk_norm[], choice_pos[], choice_pairing[], choice_scaling[], choice_ffn[], choice_act[],
    choice_norm[], choice_place[], choice_head[], choice_shared[];

const char *choice_name(const struct choice *t, int value);

/* Members of an object; *out keeps its value when they are absent. */
struct cJSON;
int opt_choice(const struct cJSON *o, const char *key, const struct choice *t, int *out, const char *where, struct err *e);
int opt_int(const struct cJSON *o, const char *key, int64_t min, int64_t max, int *out, const char *where, struct err *e);
int opt_object(const struct cJSON *o, const char *key, const struct cJSON **out, const char *where, struct err *e);

/* config_moe.c: ffn.type moe; where = "blocks[i].ffn.moe". */
struct buf;
struct block_config;
int moe_parse(struct block_config *b, const struct cJSON *o, const char *where, struct err *e);
void moe_print(const struct block_config *b, struct buf *out);
int moe_check(const struct block_config *b, int i, struct err *e);

/* config_rwkv.c: mixers that are not attention; where = "blocks[i].mixer". */
int mixer_parse_other(struct block_config *b, int d_model, const struct cJSON *o, const char *where, struct err *e);
void mixer_print_other(const struct block_config *b, struct buf *out);
int mixer_check_other(const struct block_config *b, int i, struct err *e);

/* config_long.c: of the whole description. */
int longrope_parse(struct model_config *c, const struct cJSON *j, struct err *e);
void longrope_print(const struct model_config *c, struct buf *out);
int longrope_check(const struct model_config *c, struct err *e);

/* config_head.c */
int head_parse(struct model_config *c, const struct cJSON *j, struct err *e); /* j: the whole description */
void head_print(const struct model_config *c, struct buf *out);
int head_check(const struct model_config *c, struct err *e);

/* config_print.c: prints "key": the shortest decimal that reads back as the same double. */
void config_num(struct buf *out, const char *key, double v);
/* config.c */
bool config_absent(const struct cJSON *o, const char *key); /* or null */
/* A key of the schema whose feature is not built: only `off` is accepted. */
int config_refuse(const struct cJSON *o, const char *key, double off, const char *where, struct err *e);
/* mixer.pos */
int config_pos(struct block_config *b, const struct cJSON *o, const char *where, struct err *e);
/* config_print.c: "pos": {"type": "rope", ...}. */
void config_print_rope(const struct block_config *b, struct buf *out);
/* config_mla.c: sizes that follow from the keys. */
int mla_parse(struct block_config *b, const struct cJSON *o, const char *where, struct err *e);
void mla_print(const struct block_config *b, struct buf *out);
int mla_check(const struct block_config *b, int i, struct err *e);
void mla_set_sizes(struct block_config *b);
/* config.c: one group of blocks; *b holds the defaults. */
int config_block(struct block_config *b, int d_model, const struct cJSON *o, const char *where, struct err *e);

#endif
