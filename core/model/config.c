/* config.c - JSON description -> struct model_config: choices and blocks. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/opt.h"
#include "core/model/config_names.h"
#include "core/model/layout.h"

const struct choice choice_stack[] = {
    {"decoder", STACK_DECODER, true}, {"encoder", STACK_ENCODER, true}, {"encdec", STACK_ENCDEC, true}, {0}};
const struct choice choice_embed_pos[] = {
    {"none", POS_NONE, true}, {"sinusoidal", POS_SINUSOIDAL, true}, {"learned", POS_LEARNED, true}, {0}};
const struct choice choice_sin[] = {
    {"interleaved", SIN_INTERLEAVED, true}, {"concat", SIN_CONCAT, true}, {"t2t", SIN_T2T, true}, {0}};
const struct choice choice_mixer[] = {
    {"attn", MIX_ATTN, true},    {"mla", MIX_MLA, true},     {"rwkv4", MIX_RWKV4, true},     {"rwkv5", MIX_RWKV5, true},
    {"rwkv6", MIX_RWKV6, true}, {"rwkv7", MIX_RWKV7, true}, {0}};
const struct choice choice_bias[] = {{"none", 0, true}, {"qkv", 1, true}, {"all", 3, true}, {"out", 2, true}, {0}};
const struct choice choice_qk_norm[] = {{"none", QK_NONE, true},
                                        {"head_rms", QK_HEAD_RMS, true},
                                        {"full_rms", QK_FULL_RMS, true},
                                        {"head_ln", QK_HEAD_LN, true},
                                        {0}};
const struct choice choice_pos[] = {{"none", POS_NONE, true}, {"rope", POS_ROPE, true},
                                    {"alibi", POS_ALIBI, true}, {"shaw", POS_SHAW, true},
                                    {"t5", POS_T5, true},       {0}};
const struct choice choice_shared[] = {{"layer", 0, true}, {"stack", 1, true}, {0}};
const struct choice choice_pairing[] = {{"half", 0, true}, {"interleaved", 1, true}, {0}};
const struct choice choice_scaling[] = {
    {"none", ROPE_PLAIN, true},       {"linear", ROPE_LINEAR, true}, {"ntk", ROPE_NTK, true},
    {"dynamic", ROPE_DYNAMIC, true},  {"llama3", ROPE_LLAMA3, true}, {"yarn", ROPE_YARN, true},
    {"longrope", ROPE_LONG, true},          {0}};
const struct choice choice_ffn[] = {
    {"mlp", FFN_MLP, true}, {"glu", FFN_GLU, true}, {"moe", FFN_MOE, true}, {"rwkv_cmix", FFN_CMIX, true}, {0}};
const struct choice choice_act[] = {
    {"none", ACT_NONE, true},          {"relu", ACT_RELU, true},          {"relu2", ACT_RELU2, true},
    {"gelu_erf", ACT_GELU_ERF, true},  {"gelu_tanh", ACT_GELU_TANH, true}, {"silu", ACT_SILU, true},
    {"sigmoid", ACT_SIGMOID, true},    {"tanh", ACT_TANH, true},          {0}};
const struct choice choice_norm[] = {{"ln", NORM_LN, true}, {"rms", NORM_RMS, true}, {"none", -1, false}, {0}};
const struct choice choice_place[] = {{"pre", PLACE_PRE, true},
                                      {"post", PLACE_POST, true},
                                      {"sandwich", PLACE_SANDWICH, true},
                                      {"parallel", PLACE_PARALLEL, true},
                                      {"out", PLACE_OUT, true},
                                      {"parallel_one", PLACE_PARALLEL_ONE, true},
                                      {0}};
const struct choice choice_head[] = {{"lm", HEAD_LM, true},
                                     {"mlm", HEAD_MLM, true},
                                     {"rtd", HEAD_RTD, true},
                                     {"cls", HEAD_CLS, true},
                                     {"reward", HEAD_REWARD, true},
                                     {"none", HEAD_NONE, true},
                                     {0}};

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

bool config_absent(const struct cJSON *o, const char *key)
{
    const struct cJSON *m = json_member(o, key);
    return !m || cJSON_IsNull(m);
}

/* An object member; *out NULL when absent. */
int opt_object(const struct cJSON *o, const char *key, const struct cJSON **out,
                      const char *where, struct err *e)
{
    *out = config_absent(o, key) ? NULL : json_member(o, key);
    if (*out && !cJSON_IsObject(*out)) return err_set(e, ERR_CONFIG, "%s.%s must be an object", where, key);
    return 0;
}

/* A key of the schema whose feature is not built: only `off` is accepted. */
int config_refuse(const struct cJSON *o, const char *key, double off, const char *where, struct err *e)
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
    if (type != ROPE_PLAIN && config_absent(o, "factor"))
        return err_set(e, ERR_CONFIG, "%s.factor is missing", where);
    return 0;
}

int config_pos(struct block_config *b, const struct cJSON *o, const char *where, struct err *e)
{
    static const char *const known[] = {"type", "theta", "pairing", "partial", "scaling", "clip",
                                        "shaw_v", "buckets", "max_distance", "shared", NULL};
    int type = POS_NONE, pairing = 0, shared = 1;
    const struct cJSON *scaling;
    char sub[128];
    snprintf(sub, sizeof sub, "%s.scaling", where);
    if (json_known_keys(o, known, where, e) || opt_choice(o, "type", choice_pos, &type, where, e) ||
        json_opt_f64(o, "theta", 1e-3, 1e12, &b->theta, where, e) ||
        opt_choice(o, "pairing", choice_pairing, &pairing, where, e) ||
        json_opt_f64(o, "partial", 0, 1, &b->partial, where, e) ||
        opt_object(o, "scaling", &scaling, where, e) ||
        (scaling && parse_scaling(b, scaling, sub, e)) ||
        opt_int(o, "clip", 1, 1 << 16, &b->clip, where, e) || json_opt_bool(o, "shaw_v", &b->shaw_v, where, e) ||
        opt_int(o, "buckets", 2, 1 << 16, &b->buckets, where, e) ||
        opt_int(o, "max_distance", 1, 1 << 24, &b->max_distance, where, e) ||
        opt_choice(o, "shared", choice_shared, &shared, where, e))
        return -1;
    b->pos_shared = shared;
    b->pos = (enum pos_type)type;
    b->interleaved = pairing;
    if (b->pos != POS_ROPE && (scaling || !config_absent(o, "theta") || !config_absent(o, "partial")))
        return err_set(e, ERR_CONFIG, "%s.type is %s: theta, partial and scaling belong to rope", where,
                       choice_name(choice_pos, type));
    if (b->pos != POS_SHAW && (!config_absent(o, "clip") || !config_absent(o, "shaw_v")))
        return err_set(e, ERR_CONFIG, "%s.type is %s: clip and shaw_v belong to shaw", where, choice_name(choice_pos, type));
    if (b->pos != POS_T5 &&
        (!config_absent(o, "buckets") || !config_absent(o, "max_distance") || !config_absent(o, "shared")))
        return err_set(e, ERR_CONFIG, "%s.type is %s: buckets, max_distance and shared belong to t5", where,
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
                                        "qk_norm", "scale", "softcap", "window", "causal", "sink", "pos", "clip_qkv", NULL};
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
        json_opt_f64(o, "clip_qkv", 0, 1e9, &b->clip_qkv, where, e) ||
        opt_int(o, "window", 0, INT32_MAX, &b->window, where, e) ||
        json_opt_bool(o, "causal", &b->causal, where, e) || json_opt_bool(o, "sink", &b->sink, where, e) ||
        config_refuse(o, "v_head_dim", b->head_dim, where, e) || opt_object(o, "pos", &pos, where, e) ||
        (pos && config_pos(b, pos, sub, e)))
        return -1;
    if (!b->head_dim) {
        if (d_model % b->heads)
            return err_set(e, ERR_CONFIG, "%s.heads %d does not divide d_model %d; give head_dim", where,
                           b->heads, d_model);
        b->head_dim = d_model / b->heads;
    }
    b->qkv_bias = bias & 1;
    b->out_bias = bias & 2;
    b->qk_norm = (enum qk_norm)qk_norm;
    return 0;
}

static int parse_ffn(struct block_config *b, const struct cJSON *o, const char *where, struct err *e)
{
    static const char *const known[] = {"type", "act", "d_ff", "bias", "moe", "limit", "alpha", "gate", NULL};
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
    b->cmix_gate = type == FFN_CMIX && b->mixer != MIX_RWKV7;
    if (type != FFN_CMIX && !config_absent(o, "gate"))
        return err_set(e, ERR_CONFIG, "%s.gate belongs to ffn.type rwkv_cmix", where);
    if (json_opt_bool(o, "gate", &b->cmix_gate, where, e)) return -1;
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
    static const char *const known[] = {"type", "eps", "bias", "place", "plus_one", "weight", "mixer", NULL};
    int type = NORM_RMS, place = PLACE_PRE;
    if (json_known_keys(o, known, where, e) || opt_choice(o, "type", choice_norm, &type, where, e) ||
        json_opt_f64(o, "eps", 0, 1, &b->norm_eps, where, e) ||
        opt_choice(o, "place", choice_place, &place, where, e) ||
        json_opt_bool(o, "plus_one", &b->norm_plus_one, where, e))
        return -1;
    b->norm = (enum norm_kind)type;
    if (json_opt_bool(o, "weight", &b->norm_weight, where, e) || json_opt_bool(o, "mixer", &b->norm_mixer, where, e))
        return -1;
    b->norm_bias = b->norm == NORM_LN && b->norm_weight;
    b->place = (enum norm_place)place;
    return json_opt_bool(o, "bias", &b->norm_bias, where, e);
}

int config_block(struct block_config *b, int d_model, const struct cJSON *o, const char *where, struct err *e)
{
    static const char *const known[] = {"repeat", "mixer", "cross", "ffn", "norm", "residual_scale", "shared", NULL};
    if (!cJSON_IsObject(o)) return err_set(e, ERR_CONFIG, "%s must be an object", where);
    const struct cJSON *mixer, *ffn, *norm;
    char sub[3][80];
    snprintf(sub[0], sizeof sub[0], "%s.mixer", where);
    snprintf(sub[1], sizeof sub[1], "%s.ffn", where);
    snprintf(sub[2], sizeof sub[2], "%s.norm", where);
    if (json_known_keys(o, known, where, e) || opt_int(o, "repeat", 1, MODEL_MAX_LAYERS, &b->repeat, where, e) ||
        json_opt_bool(o, "cross", &b->cross, where, e) || json_opt_bool(o, "shared", &b->shared, where, e) ||
        json_opt_f64(o, "residual_scale", 1e-6, 1e6, &b->residual_scale, where, e) ||
        opt_object(o, "mixer", &mixer, where, e) || opt_object(o, "ffn", &ffn, where, e) ||
        opt_object(o, "norm", &norm, where, e))
        return -1;
    if (!mixer || !ffn) return err_set(e, ERR_CONFIG, "%s.%s is missing", where, mixer ? "ffn" : "mixer");
    if (parse_mixer(b, d_model, mixer, sub[0], e) || parse_ffn(b, ffn, sub[1], e)) return -1;
    return norm ? parse_norm(b, norm, sub[2], e) : 0;
}
