/* config_top.c - JSON description -> struct model_config: everything around the blocks. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/opt.h"
#include "core/model/config_names.h"
#include "core/model/layout.h"

struct block_config model_block_default(void)
{
    return (struct block_config){.repeat = 1, .causal = true, .theta = 10000, .partial = 1, .factor = 1, .low_freq = 1,
                                 .high_freq = 4, .beta_fast = 32, .beta_slow = 1, .yarn_truncate = true, .clip = 16,
                                 .shaw_v = true, .buckets = 32, .max_distance = 128, .pos_shared = true,
                                 .norm = NORM_RMS, .norm_eps = 1e-5, .norm_weight = true, .norm_mixer = true, .residual_scale = 1};
}

/* The groups of one stack; `where` is the list's name in messages. */
static int parse_blocks(struct model_config *c, const struct cJSON *j, const char *name, bool encoder, struct err *e)
{
    const struct cJSON *blocks = json_member(j, "blocks"), *o;
    if (!blocks || !cJSON_IsArray(blocks) || !blocks->child)
        return err_set(e, ERR_CONFIG, "%s must be a list of at least one group", name);
    int i = 0;
    cJSON_ArrayForEach(o, blocks)
    {
        char where[48];
        if (c->n_blocks == MODEL_MAX_BLOCKS)
            return err_set(e, ERR_CONFIG, "%s has more than %d groups", name, MODEL_MAX_BLOCKS);
        snprintf(where, sizeof where, "%s[%d]", name, i++);
        struct block_config *b = &c->block[c->n_blocks];
        *b = model_block_default();
        b->causal = !encoder;
        b->cross = !encoder && c->stack == STACK_ENCDEC;
        if (config_block(b, c->d_model, o, where, e)) return -1;
        if (b->original_max_pos == 0) b->original_max_pos = c->max_pos;
        c->n_layers += c->block[c->n_blocks++].repeat;
    }
    return 0;
}

/* A number, or "sqrt_d". */
static int parse_embed_scale(struct model_config *c, const struct cJSON *o, struct err *e)
{
    const struct cJSON *m = json_member(o, "scale");
    if (m && cJSON_IsString(m)) {
        if (strcmp(m->valuestring, "sqrt_d"))
            return err_set(e, ERR_CONFIG, "embed.scale must be a number or \"sqrt_d\"");
        c->embed_scale = sqrt((double)c->d_model);
        return 0;
    }
    return json_opt_f64(o, "scale", -1e6, 1e6, &c->embed_scale, "embed", e);
}

static int parse_embed(struct model_config *c, const struct cJSON *o, struct err *e)
{
    static const char *const known[] = {"pos", "max_pos", "pos_offset", "layout", "scale", "ln", "types", "dim", "pad", NULL};
    int pos = POS_NONE, sin_layout = SIN_INTERLEAVED;
    if (json_known_keys(o, known, "embed", e) || opt_choice(o, "pos", choice_embed_pos, &pos, "embed", e) ||
        opt_int(o, "max_pos", 1, 1 << 24, &c->max_pos, "embed", e) ||
        opt_int(o, "pos_offset", 0, 1024, &c->pos_offset, "embed", e) ||
        opt_choice(o, "layout", choice_sin, &sin_layout, "embed", e) || parse_embed_scale(c, o, e) ||
        json_opt_bool(o, "ln", &c->embed_ln, "embed", e) || opt_int(o, "types", 0, 1 << 16, &c->embed_types, "embed", e) ||
        opt_int(o, "dim", 1, 1 << 17, &c->embed_dim, "embed", e) || opt_int(o, "pad", -1, 1 << 24, &c->embed_pad, "embed", e))
        return -1;
    c->embed_pos = (enum pos_type)pos;
    c->sin_layout = (enum sin_layout)sin_layout;
    return 0;
}

static int parse_rest(struct model_config *c, const struct cJSON *j, struct err *e)
{
    static const char *const init_keys[] = {"std", NULL};
    static const char *const drop_keys[] = {"embed", "attn", "resid", NULL};
    const struct cJSON *init, *drop;
    if (opt_object(j, "init", &init, "model", e) || opt_object(j, "dropout", &drop, "model", e)) return -1;
    if (init && (json_known_keys(init, init_keys, "init", e) ||
                 json_opt_f64(init, "std", 0, 100, &c->init_std, "init", e)))
        return -1;
    if (drop && (json_known_keys(drop, drop_keys, "dropout", e) ||
                 json_opt_f64(drop, "embed", 0, 0.99, &c->dropout_embed, "dropout", e) ||
                 json_opt_f64(drop, "attn", 0, 0.99, &c->dropout_attn, "dropout", e) ||
                 json_opt_f64(drop, "resid", 0, 0.99, &c->dropout_resid, "dropout", e)))
        return -1;
    return 0;
}

static int parse_family(struct model_config *c, const char *family, struct err *e)
{
    snprintf(c->family, sizeof c->family, "%s", family);
    if (family_find(family)) return 0;
    struct buf all = {0};
    size_t n = 0;
    for (; family_names[n]; n++) buf_printf(&all, "%s%s", n ? "|" : "", family_names[n]);
    err_set(e, ERR_CONFIG, "family '%s' is none of %s", family, buf_text(&all));
    buf_free(&all);
    const char *near = opt_nearest(family, family_names, n);
    return near ? err_hint(e, "did you mean %s?", near) : -1;
}

/* "encoder": {"blocks": [...]}, of an encoder-decoder. */
static int parse_encoder(struct model_config *c, const struct cJSON *j, struct err *e)
{
    static const char *const known[] = {"blocks", "vocab", NULL};
    const struct cJSON *enc;
    if (opt_object(j, "encoder", &enc, "model", e)) return -1;
    if (!enc != (c->stack != STACK_ENCDEC))
        return err_set(e, ERR_CONFIG, enc ? "encoder belongs to stack encdec" : "stack encdec needs encoder.blocks");
    if (!enc) return 0;
    if (json_known_keys(enc, known, "encoder", e) || opt_int(enc, "vocab", 0, 1 << 24, &c->enc_vocab, "encoder", e) || parse_blocks(c, enc, "encoder.blocks", true, e)) return -1;
    c->n_enc_blocks = c->n_blocks;
    c->n_enc_layers = c->n_layers;
    return 0;
}

static int parse_top(struct model_config *c, const struct cJSON *j, struct err *e)
{
    static const char *const known[] = {"family", "stack", "d_model", "vocab", "vocab_pad", "tie_embed",
                                        "embed", "encoder", "blocks", "head", "init", "dropout", "mup", "decoder_start", "longrope", NULL};
    if (!cJSON_IsObject(j)) return err_set(e, ERR_CONFIG, "a model description must be an object");
    int64_t d_model = 0, vocab = 0;
    int stack = STACK_DECODER;
    const char *family = "llama";
    const struct cJSON *embed;
    if (json_known_keys(j, known, "model", e) || json_opt_str(j, "family", &family, "model", e) ||
        opt_choice(j, "stack", choice_stack, &stack, "model", e) ||
        json_get_i64(j, "d_model", 1, 1 << 17, &d_model, "model", e) ||
        json_get_i64(j, "vocab", 1, 1 << 24, &vocab, "model", e) ||
        json_opt_bool(j, "tie_embed", &c->tie_embed, "model", e) || config_refuse(j, "vocab_pad", 1, "model", e) ||
        config_refuse(j, "mup", -1, "model", e) || opt_object(j, "embed", &embed, "model", e) ||
        opt_int(j, "decoder_start", -1, 1 << 24, &c->decoder_start, "model", e))
        return -1;
    if (parse_family(c, family, e)) return -1;
    c->stack = (enum stack_type)stack;
    if (c->stack == STACK_ENCODER) c->head = HEAD_MLM;
    c->d_model = c->embed_dim = (int)d_model;
    c->vocab = (int)vocab;
    if (embed && parse_embed(c, embed, e)) return -1;
    if (parse_encoder(c, j, e) || parse_blocks(c, j, "blocks", c->stack == STACK_ENCODER, e) || head_parse(c, j, e) || longrope_parse(c, j, e)) return -1;
    return parse_rest(c, j, e);
}

void model_config_init(struct model_config *c)
{
    *c = (struct model_config){.embed_scale = 1, .head_norm = true, .logit_scale = 1, .init_std = 0.02, .decoder_start = -1,
                               .embed_pad = -1, .score_pad = -1, .head_dense_bias = true, .head_act = ACT_GELU_ERF};
}

int model_config_parse(struct model_config *c, const struct cJSON *j, const char *name, struct err *e)
{
    model_config_init(c);
    c->max_pos = 2048;
    if (parse_top(c, j, e) || model_config_check(c, e)) {
        e->code = ERR_CONFIG;
        return err_wrap(e, "%s", name);
    }
    return 0;
}
