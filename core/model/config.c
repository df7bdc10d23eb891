/* config.c - JSON description -> struct model_config, and the checks. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/opt.h"
#include "core/model/config_names.h"
#include "core/model/layout.h"

const struct choice choice_stack[] = {{"decoder", 0, true}, {"encoder", 1, false}, {"encdec", 2, false}, {0}};
const struct choice choice_embed_pos[] = {
    {"none", POS_NONE, true}, {"sinusoidal", POS_SINUSOIDAL, true}, {"learned", POS_LEARNED, true}, {0}};
const struct choice choice_sin[] = {
    {"interleaved", SIN_INTERLEAVED, true}, {"concat", SIN_CONCAT, true}, {"t2t", SIN_T2T, true}, {0}};
const struct choice choice_mixer[] = {
    {"attn", MIX_ATTN, true},    {"mla", MIX_MLA, false},     {"rwkv4", MIX_RWKV4, false},
    {"rwkv6", MIX_RWKV6, false}, {"rwkv7", MIX_RWKV7, false}, {0}};
const struct choice choice_bias[] = {{"none", 0, true}, {"qkv", 1, true}, {"all", 3, true}, {"out", 2, true}, {0}};
const struct choice choice_qk_norm[] = {
    {"none", 0, true}, {"head_rms", 1, true}, {"full_rms", 2, false}, {"ln", 3, false}, {0}};
const struct choice choice_pos[] = {{"none", POS_NONE, true}, {"rope", POS_ROPE, true},
                                    {"alibi", POS_ALIBI, true}, {"shaw", POS_SHAW, false},
                                    {"t5", POS_T5, false},      {0}};
const struct choice choice_pairing[] = {{"half", 0, true}, {"interleaved", 1, true}, {0}};
const struct choice choice_scaling[] = {
    {"none", ROPE_PLAIN, true},       {"linear", ROPE_LINEAR, true}, {"ntk", ROPE_NTK, true},
    {"dynamic", ROPE_DYNAMIC, true},  {"llama3", ROPE_LLAMA3, true}, {"yarn", ROPE_YARN, true},
    {"longrope", -1, false},          {0}};
const struct choice choice_ffn[] = {
    {"mlp", FFN_MLP, true}, {"glu", FFN_GLU, true}, {"moe", FFN_MOE, false}, {"rwkv_cmix", FFN_CMIX, false}, {0}};
const struct choice choice_act[] = {
    {"none", ACT_NONE, true},          {"relu", ACT_RELU, true},          {"relu2", ACT_RELU2, true},
    {"gelu_erf", ACT_GELU_ERF, true},  {"gelu_tanh", ACT_GELU_TANH, true}, {"silu", ACT_SILU, true},
    {"sigmoid", ACT_SIGMOID, true},    {"tanh", ACT_TANH, true},          {0}};
const struct choice choice_norm[] = {{"ln", NORM_LN, true}, {"rms", NORM_RMS, true}, {"none", -1, false}, {0}};
const struct choice choice_place[] = {{"pre", PLACE_PRE, true},
                                      {"post", PLACE_POST, true},
                                      {"sandwich", PLACE_SANDWICH, true},
                                      {"parallel", PLACE_PARALLEL, true},
                                      {0}};
const struct choice choice_head[] = {
    {"lm", 0, true}, {"mlm", 1, false}, {"rtd", 2, false}, {"cls", 3, false}, {"reward", 4, false}, {0}};

const char *choice_name(const struct choice *t, int value)
{
    for (; t->name; t++)
        if (t->value == value) return t->name;
    return "?";
}

static int choice_find(const struct choice *t, const char *word, int *out, const char *where,
                       const char *key, struct err *e)
{
    const char *names[16];
    char all[160] = "";
    size_t n = 0;
    for (; t[n].name && n < COUNT_OF(names); n++) {
        if (strcmp(t[n].name, word) == 0) {
            if (!t[n].built)
                return err_set(e, ERR_CONFIG, "%s.%s %s is not supported yet", where, key, word);
            *out = t[n].value;
            return 0;
        }
        names[n] = t[n].name;
        if (strlen(all) + strlen(names[n]) + 3 < sizeof all) {
            if (n) strcat(all, "|");
            strcat(all, names[n]);
        }
    }
    err_set(e, ERR_CONFIG, "%s.%s '%s' is none of %s", where, key, word, all);
    const char *near = opt_nearest(word, names, n);
    return near ? err_hint(e, "did you mean %s?", near) : -1;
}

int opt_choice(const struct cJSON *o, const char *key, const struct choice *t, int *out,
                      const char *where, struct err *e)
{
    const char *word = NULL;
    if (json_opt_str(o, key, &word, where, e)) return -1;
    return word ? choice_find(t, word, out, where, key, e) : 0;
}

int opt_int(const struct cJSON *o, const char *key, int64_t min, int64_t max, int *out,
                   const char *where, struct err *e)
{
    int64_t v = *out;
    if (json_opt_i64(o, key, min, max, &v, where, e)) return -1;
    *out = (int)v;
    return 0;
}

static bool absent(const struct cJSON *o, const char *key)
{
    const struct cJSON *m = json_member(o, key);
    return !m || cJSON_IsNull(m);
}

/* An object member; *out NULL when absent. */
int opt_object(const struct cJSON *o, const char *key, const struct cJSON **out,
                      const char *where, struct err *e)
{
    *out = absent(o, key) ? NULL : json_member(o, key);
    if (*out && !cJSON_IsObject(*out)) return err_set(e, ERR_CONFIG, "%s.%s must be an object", where, key);
    return 0;
}

/* A key of the schema whose feature is not built: only `off` is accepted. */
static int refuse(const struct cJSON *o, const char *key, double off, const char *where, struct err *e)
{
    const struct cJSON *m = json_member(o, key);
    if (!m || cJSON_IsNull(m) || cJSON_IsFalse(m)) return 0;
    if (cJSON_IsNumber(m) && m->valuedouble == off) return 0;
    if (cJSON_IsString(m) && strcmp(m->valuestring, "none") == 0) return 0;
    return err_set(e, ERR_CONFIG, "%s.%s is not supported yet", where, key);
}

static int parse_scaling(struct block_config *b, const struct cJSON *o, const char *where, struct err *e)
{
    static const char *const known[] = {"type", "factor", "low_freq_factor", "high_freq_factor",
                                        "original_max_pos", "beta_fast", "beta_slow", "attn_factor",
                                        "truncate", NULL};
    int type = ROPE_PLAIN;
    if (json_known_keys(o, known, where, e) || opt_choice(o, "type", choice_scaling, &type, where, e) ||
        json_opt_f64(o, "factor", 1e-3, 1e6, &b->factor, where, e) ||
        json_opt_f64(o, "low_freq_factor", 1e-6, 1e6, &b->low_freq, where, e) ||
        json_opt_f64(o, "high_freq_factor", 1e-6, 1e6, &b->high_freq, where, e) ||
        json_opt_f64(o, "original_max_pos", 1, 1e9, &b->original_max_pos, where, e) ||
        json_opt_f64(o, "beta_fast", 1e-6, 1e6, &b->beta_fast, where, e) ||
        json_opt_f64(o, "beta_slow", 1e-6, 1e6, &b->beta_slow, where, e) ||
        json_opt_f64(o, "attn_factor", 0, 1e3, &b->attn_factor, where, e) ||
        json_opt_bool(o, "truncate", &b->yarn_truncate, where, e))
        return -1;
    b->scaling = (enum rope_scaling)type;
    if (type != ROPE_PLAIN && absent(o, "factor"))
        return err_set(e, ERR_CONFIG, "%s.factor is missing", where);
    return 0;
}

static int parse_pos(struct block_config *b, const struct cJSON *o, const char *where, struct err *e)
{
    static const char *const known[] = {"type", "theta", "pairing", "partial", "scaling", "clip",
                                        "shaw_v", "buckets", "max_distance", "shared", NULL};
    int type = POS_NONE, pairing = 0;
    const struct cJSON *scaling;
    char sub[128];
    snprintf(sub, sizeof sub, "%s.scaling", where);
    if (json_known_keys(o, known, where, e) || opt_choice(o, "type", choice_pos, &type, where, e) ||
        json_opt_f64(o, "theta", 1e-3, 1e12, &b->theta, where, e) ||
        opt_choice(o, "pairing", choice_pairing, &pairing, where, e) ||
        json_opt_f64(o, "partial", 0, 1, &b->partial, where, e) ||
        opt_object(o, "scaling", &scaling, where, e) ||
        (scaling && parse_scaling(b, scaling, sub, e)))
        return -1;
    static const char *const unbuilt[] = {"clip", "shaw_v", "buckets", "max_distance", "shared"};
    for (size_t i = 0; i < COUNT_OF(unbuilt); i++)
        if (refuse(o, unbuilt[i], -1, where, e)) return -1;
    b->pos = (enum pos_type)type;
    b->interleaved = pairing;
    if (b->pos != POS_ROPE && (scaling || !absent(o, "theta") || !absent(o, "partial")))
        return err_set(e, ERR_CONFIG, "%s.type is %s: theta, partial and scaling belong to rope", where,
                       choice_name(choice_pos, type));
    return 0;
}

/* A number, or "rsqrt_d" for the default 1/sqrt(head_dim). */
static int parse_scale(struct block_config *b, const struct cJSON *o, const char *where, struct err *e)
{
    const struct cJSON *m = json_member(o, "scale");
    if (!m || !cJSON_IsString(m)) return json_opt_f64(o, "scale", 0, 1e3, &b->scale, where, e);
    if (strcmp(m->valuestring, "rsqrt_d") == 0) return 0;
    if (strcmp(m->valuestring, "1") == 0 || strcmp(m->valuestring, "mup") == 0)
        return err_set(e, ERR_CONFIG, "%s.scale \"%s\" is not supported yet; give a number", where, m->valuestring);
    return err_set(e, ERR_CONFIG, "%s.scale must be a number or \"rsqrt_d\"", where);
}

static int parse_qk_norm(const struct cJSON *o, int *out, const char *where, struct err *e)
{
    const struct cJSON *m = json_member(o, "qk_norm");
    if (m && cJSON_IsBool(m)) {
        *out = cJSON_IsTrue(m);
        return 0;
    }
    return opt_choice(o, "qk_norm", choice_qk_norm, out, where, e);
}

static int parse_mixer(struct block_config *b, int d_model, const struct cJSON *o, const char *where,
                       struct err *e)
{
    static const char *const known[] = {"type", "heads", "kv_heads", "head_dim", "v_head_dim", "bias",
                                        "qk_norm", "scale", "softcap", "window", "causal", "sink", "pos", NULL};
    int type = 0, bias = 0, qk_norm = 0;
    int64_t heads = 0;
    const struct cJSON *pos;
    char sub[96];
    snprintf(sub, sizeof sub, "%s.pos", where);
    if (opt_choice(o, "type", choice_mixer, &type, where, e)) return -1;
    b->mixer = (enum mixer_type)type;
    if (type != MIX_ATTN) return mixer_parse_other(b, d_model, o, where, e);
    if (json_known_keys(o, known, where, e) || json_get_i64(o, "heads", 1, 4096, &heads, where, e)) return -1;
    b->heads = b->kv_heads = (int)heads;
    if (opt_int(o, "kv_heads", 1, 4096, &b->kv_heads, where, e) ||
        opt_int(o, "head_dim", 1, 1024, &b->head_dim, where, e) ||
        opt_choice(o, "bias", choice_bias, &bias, where, e) || parse_qk_norm(o, &qk_norm, where, e) ||
        parse_scale(b, o, where, e) || json_opt_f64(o, "softcap", 0, 1e6, &b->softcap, where, e) ||
        opt_int(o, "window", 0, INT32_MAX, &b->window, where, e) ||
        json_opt_bool(o, "causal", &b->causal, where, e) || refuse(o, "sink", 0, where, e) ||
        refuse(o, "v_head_dim", b->head_dim, where, e) || opt_object(o, "pos", &pos, where, e) ||
        (pos && parse_pos(b, pos, sub, e)))
        return -1;
    if (!b->head_dim) {
        if (d_model % b->heads)
            return err_set(e, ERR_CONFIG, "%s.heads %d does not divide d_model %d; give head_dim", where,
                           b->heads, d_model);
        b->head_dim = d_model / b->heads;
    }
    b->qkv_bias = bias & 1;
    b->out_bias = bias & 2;
    b->qk_norm = qk_norm;
    return 0;
}

static int parse_ffn(struct block_config *b, const struct cJSON *o, const char *where, struct err *e)
{
    static const char *const known[] = {"type", "act", "d_ff", "bias", "moe", "limit", "alpha", NULL};
    int type = FFN_MLP;
    int64_t d_ff = 0;
    const struct cJSON *moe;
    char sub[96];
    snprintf(sub, sizeof sub, "%s.moe", where);
    if (json_known_keys(o, known, where, e) || opt_choice(o, "type", choice_ffn, &type, where, e) ||
        opt_object(o, "moe", &moe, where, e) || json_get_i64(o, "d_ff", 1, 1 << 22, &d_ff, where, e))
        return -1;
    int act = type == FFN_MLP ? ACT_GELU_TANH : type == FFN_CMIX ? ACT_RELU2 : ACT_SILU;
    if (opt_choice(o, "act", choice_act, &act, where, e) ||
        json_opt_bool(o, "bias", &b->ffn_bias, where, e) || json_opt_f64(o, "limit", 0, 1e6, &b->glu_limit, where, e) ||
        json_opt_f64(o, "alpha", 0, 1e3, &b->glu_alpha, where, e))
        return -1;
    if (!moe != (type != FFN_MOE))
        return err_set(e, ERR_CONFIG, moe ? "%s.moe belongs to ffn.type moe" : "%s.moe is missing", where);
    if (moe && moe_parse(b, moe, sub, e)) return -1;
    if (b->glu_limit > 0 && b->glu_alpha == 0) b->glu_alpha = 1.702;
    b->ffn = (enum ffn_type)type;
    b->act = (enum act)act;
    b->d_ff = (int)d_ff;
    return 0;
}

static int parse_norm(struct block_config *b, const struct cJSON *o, const char *where, struct err *e)
{
    static const char *const known[] = {"type", "eps", "bias", "place", NULL};
    int type = NORM_RMS, place = PLACE_PRE;
    if (json_known_keys(o, known, where, e) || opt_choice(o, "type", choice_norm, &type, where, e) ||
        json_opt_f64(o, "eps", 0, 1, &b->norm_eps, where, e) ||
        opt_choice(o, "place", choice_place, &place, where, e))
        return -1;
    b->norm = (enum norm_kind)type;
    b->norm_bias = b->norm == NORM_LN;
    b->place = (enum norm_place)place;
    return json_opt_bool(o, "bias", &b->norm_bias, where, e);
}

static int parse_block(struct block_config *b, int d_model, const struct cJSON *o, const char *where,
                       struct err *e)
{
    static const char *const known[] = {"repeat", "mixer", "cross", "ffn", "norm", "residual_scale", NULL};
    *b = (struct block_config){.repeat = 1, .causal = true, .theta = 10000, .partial = 1, .factor = 1,
                               .low_freq = 1, .high_freq = 4, .beta_fast = 32,
                               .beta_slow = 1, .yarn_truncate = true, .norm = NORM_RMS, .norm_eps = 1e-5};
    if (!cJSON_IsObject(o)) return err_set(e, ERR_CONFIG, "%s must be an object", where);
    const struct cJSON *mixer, *ffn, *norm;
    char sub[3][80];
    snprintf(sub[0], sizeof sub[0], "%s.mixer", where);
    snprintf(sub[1], sizeof sub[1], "%s.ffn", where);
    snprintf(sub[2], sizeof sub[2], "%s.norm", where);
    if (json_known_keys(o, known, where, e) ||
        opt_int(o, "repeat", 1, MODEL_MAX_LAYERS, &b->repeat, where, e) || refuse(o, "cross", 0, where, e) ||
        refuse(o, "residual_scale", 1, where, e) || opt_object(o, "mixer", &mixer, where, e) ||
        opt_object(o, "ffn", &ffn, where, e) || opt_object(o, "norm", &norm, where, e))
        return -1;
    if (!mixer || !ffn) return err_set(e, ERR_CONFIG, "%s.%s is missing", where, mixer ? "ffn" : "mixer");
    if (parse_mixer(b, d_model, mixer, sub[0], e) || parse_ffn(b, ffn, sub[1], e)) return -1;
    return norm ? parse_norm(b, norm, sub[2], e) : 0;
}

static int parse_blocks(struct model_config *c, const struct cJSON *j, struct err *e)
{
    const struct cJSON *blocks = json_member(j, "blocks"), *o;
    if (!blocks || !cJSON_IsArray(blocks) || !blocks->child)
        return err_set(e, ERR_CONFIG, "blocks must be a list of at least one group");
    cJSON_ArrayForEach(o, blocks)
    {
        char where[32];
        if (c->n_blocks == MODEL_MAX_BLOCKS)
            return err_set(e, ERR_CONFIG, "blocks has more than %d groups", MODEL_MAX_BLOCKS);
        snprintf(where, sizeof where, "blocks[%d]", c->n_blocks);
        struct block_config *b = &c->block[c->n_blocks];
        if (parse_block(b, c->d_model, o, where, e)) return -1;
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
    static const char *const known[] = {"pos", "max_pos", "pos_offset", "layout", "scale", "ln", "types", "dim", NULL};
    int pos = POS_NONE, sin_layout = SIN_INTERLEAVED;
    if (json_known_keys(o, known, "embed", e) || opt_choice(o, "pos", choice_embed_pos, &pos, "embed", e) ||
        opt_int(o, "max_pos", 1, 1 << 24, &c->max_pos, "embed", e) ||
        opt_int(o, "pos_offset", 0, 1024, &c->pos_offset, "embed", e) ||
        opt_choice(o, "layout", choice_sin, &sin_layout, "embed", e) || parse_embed_scale(c, o, e) ||
        refuse(o, "ln", 0, "embed", e) || refuse(o, "types", 0, "embed", e) ||
        refuse(o, "dim", c->d_model, "embed", e))
        return -1;
    c->embed_pos = (enum pos_type)pos;
    c->sin_layout = (enum sin_layout)sin_layout;
    return 0;
}

static int parse_head(struct model_config *c, const struct cJSON *j, struct err *e)
{
    static const char *const known[] = {"type", "norm", "bias", "logit_scale", "softcap", NULL};
    const struct cJSON *o = json_member(j, "head");
    int type = 0;
    if (!o) return 0;
    if (cJSON_IsString(o)) return opt_choice(j, "head", choice_head, &type, "model", e);
    if (!cJSON_IsObject(o)) return err_set(e, ERR_CONFIG, "head must be an object or a name");
    if (json_known_keys(o, known, "head", e) || opt_choice(o, "type", choice_head, &type, "head", e) ||
        json_opt_bool(o, "norm", &c->head_norm, "head", e) ||
        json_opt_bool(o, "bias", &c->head_bias, "head", e) ||
        json_opt_f64(o, "logit_scale", 1e-6, 1e6, &c->logit_scale, "head", e) ||
        json_opt_f64(o, "softcap", 0, 1e6, &c->head_softcap, "head", e))
        return -1;
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

static int parse_top(struct model_config *c, const struct cJSON *j, struct err *e)
{
    static const char *const known[] = {"family", "stack", "d_model", "vocab", "vocab_pad", "tie_embed",
                                        "embed", "blocks", "head", "init", "dropout", "mup", NULL};
    if (!cJSON_IsObject(j)) return err_set(e, ERR_CONFIG, "a model description must be an object");
    int64_t d_model = 0, vocab = 0;
    int stack = 0;
    const char *family = "llama";
    const struct cJSON *embed;
    if (json_known_keys(j, known, "model", e) || json_opt_str(j, "family", &family, "model", e) ||
        opt_choice(j, "stack", choice_stack, &stack, "model", e) ||
        json_get_i64(j, "d_model", 1, 1 << 17, &d_model, "model", e) ||
        json_get_i64(j, "vocab", 1, 1 << 24, &vocab, "model", e) ||
        json_opt_bool(j, "tie_embed", &c->tie_embed, "model", e) || refuse(j, "vocab_pad", 1, "model", e) ||
        refuse(j, "mup", -1, "model", e) || opt_object(j, "embed", &embed, "model", e))
        return -1;
    if (!family_find(family)) {
        size_t n = 0;
        while (family_names[n]) n++;
        err_set(e, ERR_CONFIG, "family '%s' is none of gpt2|llama|qwen2|qwen3|gpt_neox", family);
        const char *near = opt_nearest(family, family_names, n);
        return near ? err_hint(e, "did you mean %s?", near) : -1;
    }
    snprintf(c->family, sizeof c->family, "%s", family);
    c->d_model = (int)d_model;
    c->vocab = (int)vocab;
    if (embed && parse_embed(c, embed, e)) return -1;
    if (parse_blocks(c, j, e) || parse_head(c, j, e)) return -1;
    return parse_rest(c, j, e);
}

int model_config_parse(struct model_config *c, const struct cJSON *j, const char *name, struct err *e)
{
    *c = (struct model_config){.max_pos = 2048, .embed_scale = 1, .head_norm = true, .logit_scale = 1,
                               .init_std = 0.02};
    if (parse_top(c, j, e) || model_config_check(c, e)) {
        e->code = ERR_CONFIG;
        return err_wrap(e, "%s", name);
    }
    return 0;
}

static int check_rope(const struct block_config *b, int i, struct err *e)
{
    int n = (int)(b->head_dim * b->partial);
    if (2 * ((n + 1) / 2) > b->head_dim)
        return err_set(e, ERR_CONFIG, "blocks[%d].mixer.head_dim %d is odd: rope turns pairs", i, b->head_dim);
    if (n < 1)
        return err_set(e, ERR_CONFIG, "blocks[%d].mixer.pos.partial %g leaves nothing of head_dim %d to turn",
                       i, b->partial, b->head_dim);
    if (b->scaling == ROPE_LLAMA3 && b->low_freq >= b->high_freq)
        return err_set(e, ERR_CONFIG,
                       "blocks[%d].mixer.pos.scaling.low_freq_factor must be below high_freq_factor", i);
    if ((b->scaling == ROPE_NTK || b->scaling == ROPE_DYNAMIC) && n <= 2)
        return err_set(e, ERR_CONFIG, "blocks[%d].mixer.pos.scaling.type %s needs more than 2 turning elements",
                       i, choice_name(choice_scaling, (int)b->scaling));
    return 0;
}

static int check_ffn(const struct block_config *b, int i, struct err *e)
{
    if ((b->glu_limit > 0 || b->glu_alpha > 0) && !(b->ffn == FFN_MOE && b->act == ACT_SILU))
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.limit and alpha belong to ffn.type moe with act silu", i);
    if (b->ffn == FFN_CMIX && (b->act != ACT_RELU2 || b->ffn_bias))
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.type rwkv_cmix has act relu2 and no bias", i);
    return b->ffn == FFN_MOE ? moe_check(b, i, e) : 0;
}

static int check_block(const struct block_config *b, int i, struct err *e)
{
    if (check_ffn(b, i, e)) return -1;
    if (b->mixer != MIX_ATTN) return mixer_check_other(b, i, e);
    if (b->heads % b->kv_heads)
        return err_set(e, ERR_CONFIG, "blocks[%d].mixer.kv_heads %d does not divide heads %d", i, b->kv_heads,
                       b->heads);
    if (!b->causal)
        return err_set(e, ERR_CONFIG, "blocks[%d].mixer.causal false is not supported yet with stack decoder", i);
    if (b->norm == NORM_RMS && b->norm_bias)
        return err_set(e, ERR_CONFIG, "blocks[%d].norm.bias: norm.type rms has no bias", i);
    return b->pos == POS_ROPE ? check_rope(b, i, e) : 0;
}

int model_config_check(const struct model_config *c, struct err *e)
{
    int n = 0;
    if (c->n_blocks < 1 || c->n_blocks > MODEL_MAX_BLOCKS)
        return err_set(e, ERR_CONFIG, "blocks must have 1 to %d groups", MODEL_MAX_BLOCKS);
    for (int i = 0; i < c->n_blocks; i++) {
        if (check_block(&c->block[i], i, e)) return -1;
        n += c->block[i].repeat;
        if (n > MODEL_MAX_LAYERS) return err_set(e, ERR_CONFIG, "blocks add up to more than %d layers", MODEL_MAX_LAYERS);
    }
    if (n != c->n_layers) return err_set(e, ERR_CONFIG, "blocks add up to %d layers, not %d", n, c->n_layers);
    if (c->embed_pos == POS_SINUSOIDAL && c->d_model % 2)
        return err_set(e, ERR_CONFIG, "d_model %d is odd: embed.pos sinusoidal needs pairs", c->d_model);
    if (c->embed_pos == POS_NONE && c->pos_offset)
        return err_set(e, ERR_CONFIG, "embed.pos_offset without embed.pos");
    return 0;
}
