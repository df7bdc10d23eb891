/* hf_config.c - config.json of a Hugging Face directory -> our description.
 * Keys that do not change the arithmetic are ignored; values that we cannot
 * compute are refused by name.  Both the rope_parameters of transformers 5 and
 * the rope_theta, rope_scaling, rotary_pct ... of transformers 4 are read. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/model/hf.h"

const struct hf_act hf_acts[] = {
    {"gelu_new", ACT_GELU_TANH},          {"gelu", ACT_GELU_ERF},
    {"gelu_pytorch_tanh", ACT_GELU_TANH}, {"gelu_fast", ACT_GELU_TANH},
    {"gelu_python_tanh", ACT_GELU_TANH},  {"gelu_accurate", ACT_GELU_TANH},
    {"gelu_python", ACT_GELU_ERF},        {"silu", ACT_SILU},
    {"swish", ACT_SILU},                  {"relu", ACT_RELU},
    {"relu2", ACT_RELU2},                 {"sigmoid", ACT_SIGMOID},
    {"tanh", ACT_TANH},                   {"linear", ACT_NONE},
    {NULL, ACT_NONE},
};

int hf_int(const struct cJSON *o, const char *key, int64_t min, int64_t max, int *out, struct err *e)
{
    int64_t v = *out;
    if (json_opt_i64(o, key, min, max, &v, "config", e)) return -1;
    *out = (int)v;
    return 0;
}

int hf_need(const struct cJSON *o, const char *key, int64_t max, int *out, struct err *e)
{
    int64_t v = 0;
    if (json_get_i64(o, key, 1, max, &v, "config", e)) return -1;
    *out = (int)v;
    return 0;
}

int hf_activation(const struct cJSON *hf, const char *key, enum act *out, struct err *e)
{
    const char *word = NULL;
    if (json_opt_str(hf, key, &word, "config", e)) return -1;
    if (!word) return 0;
    for (const struct hf_act *a = hf_acts; a->name; a++)
        if (strcmp(a->name, word) == 0) {
            *out = a->act;
            return 0;
        }
    return err_set(e, ERR_CONFIG, "%s %s is not supported yet", key, word);
}

static int rope_numbers(struct block_config *b, const struct cJSON *rp, const struct model_config *c, struct err *e)
{
    static const char where[] = "rope_parameters";
    double mscale = 0, mscale_all = 0, factor = 0;
    if (json_opt_f64(rp, "factor", 1e-3, 1e6, &factor, where, e) ||
        json_opt_f64(rp, "low_freq_factor", 1e-6, 1e6, &b->low_freq, where, e) ||
        json_opt_f64(rp, "high_freq_factor", 1e-6, 1e6, &b->high_freq, where, e) ||
        json_opt_f64(rp, "original_max_position_embeddings", 1, 1e9, &b->original_max_pos, where, e) ||
        json_opt_f64(rp, "beta_fast", 0, 1e6, &b->beta_fast, where, e) ||
        json_opt_f64(rp, "beta_slow", 0, 1e6, &b->beta_slow, where, e) ||
        json_opt_f64(rp, "attention_factor", 0, 1e3, &b->attn_factor, where, e) ||
        json_opt_f64(rp, "mscale", 0, 1e3, &mscale, where, e) ||
        json_opt_f64(rp, "mscale_all_dim", 0, 1e3, &mscale_all, where, e) ||
        json_opt_bool(rp, "truncate", &b->yarn_truncate, where, e))
        return -1;
    /* dynamic scales from max_position_embeddings, whatever the original says. */
    if (b->scaling == ROPE_DYNAMIC) b->original_max_pos = c->max_pos;
    if (factor == 0) {
        if (b->scaling != ROPE_YARN && b->scaling != ROPE_LONG) return err_set(e, ERR_CONFIG, "%s.factor is missing", where);
        factor = c->max_pos / b->original_max_pos;
    }
    b->factor = factor;
    if (b->beta_fast == 0) b->beta_fast = 32;
    if (b->beta_slow == 0) b->beta_slow = 1;
    if (b->scaling == ROPE_YARN && b->attn_factor == 0 && mscale > 0 && mscale_all > 0 && factor > 1)
        b->attn_factor = (0.1 * mscale * log(factor) + 1) / (0.1 * mscale_all * log(factor) + 1);
    return 0;
}

/* partial: what the family assumes when nothing is said. */
int hf_rope(struct block_config *b, const struct cJSON *hf, const struct model_config *c, const char *theta_key,
                   const char *partial_key, double partial, struct err *e)
{
    const struct cJSON *rp = json_member(hf, "rope_parameters");
    if (!rp || cJSON_IsNull(rp)) rp = json_member(hf, "rope_scaling");
    if (rp && cJSON_IsNull(rp)) rp = NULL;
    if (rp && !cJSON_IsObject(rp)) return err_set(e, ERR_CONFIG, "rope_parameters must be an object");
    b->pos = POS_ROPE;
    b->partial = partial;
    b->original_max_pos = c->max_pos;
    if (json_opt_f64(hf, theta_key, 1e-3, 1e12, &b->theta, "config", e) ||
        (partial_key && json_opt_f64(hf, partial_key, 0, 1, &b->partial, "config", e)) ||
        json_opt_f64(hf, "original_max_position_embeddings", 1, 1e9, &b->original_max_pos, "config", e))
        return -1;
    return rp ? hf_rope_object(b, rp, c, partial_key, e) : 0;
}

int hf_rope_object(struct block_config *b, const struct cJSON *rp, const struct model_config *c, bool partial, struct err *e)
{
    static const struct {
        const char *name;
        enum rope_scaling scaling;
    } types[] = {{"default", ROPE_PLAIN}, {"linear", ROPE_LINEAR}, {"dynamic", ROPE_DYNAMIC},
                 {"llama3", ROPE_LLAMA3}, {"yarn", ROPE_YARN}, {"longrope", ROPE_LONG}, {"su", ROPE_LONG}};
    b->pos = POS_ROPE;
    if (json_member(rp, "full_attention") || json_member(rp, "sliding_attention"))
        return err_set(e, ERR_CONFIG, "rope_parameters by kind of layer is not supported yet");
    const char *type = "default";
    if (json_opt_f64(rp, "rope_theta", 1e-3, 1e12, &b->theta, "rope_parameters", e) ||
        json_opt_f64(rp, "partial_rotary_factor", 0, 1, &b->partial, "rope_parameters", e) ||
        json_opt_str(rp, "type", &type, "rope_parameters", e) ||
        json_opt_str(rp, "rope_type", &type, "rope_parameters", e))
        return -1;
    /* transformers would turn the whole head, or fail. */
    if (!partial && (b->partial < 1 || b->partial > 1))
        return err_set(e, ERR_CONFIG, "partial_rotary_factor is not supported yet in this model_type");
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (strcmp(types[i].name, type) == 0) {
            b->scaling = types[i].scaling;
            return b->scaling == ROPE_PLAIN ? 0 : rope_numbers(b, rp, c, e);
        }
    return err_set(e, ERR_CONFIG, "rope_parameters.rope_type %s is not supported yet", type);
}

/* Layers that differ only in window and scale, folded into groups. */
static int add_layer(struct model_config *c, const struct block_config *tmpl, int window, double scale, struct err *e)
{
    struct block_config *last = c->n_blocks ? &c->block[c->n_blocks - 1] : NULL;
    if (last && last->window == window && last->scale == scale && last->ffn == tmpl->ffn) {
        last->repeat++;
        return 0;
    }
    if (c->n_blocks == MODEL_MAX_BLOCKS)
        return err_set(e, ERR_CONFIG, "more than %d groups of differing layers are not supported", MODEL_MAX_BLOCKS);
    last = &c->block[c->n_blocks++];
    *last = *tmpl;
    last->repeat = 1;
    last->window = window;
    last->scale = scale;
    return 0;
}

int hf_add_block(struct model_config *c, const struct block_config *b, struct err *e)
{
    struct block_config one = *b, *last = c->n_blocks ? &c->block[c->n_blocks - 1] : NULL;
    /* A stack begins with a group of its own. */
    if (last && c->n_blocks > c->n_enc_blocks) {
        one.repeat = last->repeat;
        if (memcmp(&one, last, sizeof one) == 0) {
            last->repeat++;
            return 0;
        }
    }
    if (c->n_blocks == MODEL_MAX_BLOCKS)
        return err_set(e, ERR_CONFIG, "more than %d groups of differing layers are not supported", MODEL_MAX_BLOCKS);
    c->block[c->n_blocks] = *b;
    c->block[c->n_blocks++].repeat = 1;
    return 0;
}

static int from_gpt2(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    struct block_config b = model_block_default();
    bool scaled = true, inverse = false, cross = false;
    int inner = 0, layers = 0;
    b.norm = NORM_LN;
    b.norm_bias = b.qkv_bias = b.out_bias = b.ffn_bias = true;
    b.ffn = FFN_MLP;
    b.act = ACT_GELU_TANH;
    c->embed_pos = POS_LEARNED;
    c->tie_embed = true;
    if (hf_need(hf, "n_embd", 1 << 17, &c->d_model, e) || hf_need(hf, "n_head", 4096, &b.heads, e) ||
        hf_need(hf, "n_layer", MODEL_MAX_LAYERS, &layers, e) || hf_need(hf, "n_positions", 1 << 24, &c->max_pos, e) ||
        hf_int(hf, "n_inner", 1, 1 << 22, &inner, e) || hf_activation(hf, "activation_function", &b.act, e) ||
        json_opt_f64(hf, "layer_norm_epsilon", 0, 1, &b.norm_eps, "config", e) ||
        json_opt_bool(hf, "scale_attn_weights", &scaled, "config", e) ||
        json_opt_bool(hf, "scale_attn_by_inverse_layer_idx", &inverse, "config", e) ||
        json_opt_bool(hf, "add_cross_attention", &cross, "config", e) ||
        json_opt_f64(hf, "embd_pdrop", 0, 0.99, &c->dropout_embed, "config", e) ||
        json_opt_f64(hf, "attn_pdrop", 0, 0.99, &c->dropout_attn, "config", e) ||
        json_opt_f64(hf, "resid_pdrop", 0, 0.99, &c->dropout_resid, "config", e))
        return -1;
    if (cross) return err_set(e, ERR_CONFIG, "add_cross_attention is not supported yet");
    if (c->d_model % b.heads)
        return err_set(e, ERR_CONFIG, "n_head %d does not divide n_embd %d", b.heads, c->d_model);
    b.kv_heads = b.heads;
    b.head_dim = c->d_model / b.heads;
    b.d_ff = inner ? inner : 4 * c->d_model;
    for (int i = 0; i < layers; i++)
        if (add_layer(c, &b, 0, hf_gpt2_scale(b.head_dim, scaled, inverse, i), e)) return -1;
    return 0;
}

/* The window of each layer: layer_types where given, else the family's rule.  With experts, `dense` is a layer
 * that has none. */
static int llama_layers(struct model_config *c, const struct block_config *b, const struct block_config *dense,
                        const struct cJSON *hf, int layers, const char *type, struct err *e)
{
    bool oss = strcmp(type, "gpt_oss") == 0, qwen = strncmp(type, "qwen", 4) == 0, use = !qwen, plain = false;
    bool own_rule = strcmp(type, "qwen2_moe") == 0;
    int window = 0, from = qwen ? 28 : 0;
    const struct cJSON *types = json_member(hf, "layer_types");
    if (json_opt_bool(hf, "use_sliding_window", &use, "config", e) ||
        hf_int(hf, "sliding_window", 0, INT32_MAX, &window, e) || hf_int(hf, "max_window_layers", 0, 1 << 20, &from, e))
        return -1;
    if (!use) window = 0;
    if (!(qwen || oss) || !types || cJSON_IsNull(types)) types = NULL;
    if (types && (!cJSON_IsArray(types) || cJSON_GetArraySize(types) != layers))
        return err_set(e, ERR_CONFIG, "layer_types must be a list of %d names", layers);
    if (own_rule && window && !types)
        return err_set(e, ERR_CONFIG,
                       "use_sliding_window without layer_types is not supported yet: versions of transformers differ");
    const struct cJSON *t = types ? types->child : NULL;
    for (int i = 0; i < layers; i++) {
        bool sliding = qwen ? i >= from : oss ? i % 2 == 0 : true;
        if (t) {
            const char *word = cJSON_IsString(t) ? t->valuestring : "?";
            sliding = strcmp(word, "sliding_attention") == 0;
            if (!sliding && strcmp(word, "full_attention"))
                return err_set(e, ERR_CONFIG, "layer_types[%d] %s is not supported yet", i, word);
            t = t->next;
        }
        if (b->ffn == FFN_MOE && hf_moe_dense_layer(hf, i, &plain, e)) return -1;
        if (add_layer(c, plain ? dense : b, sliding ? window : 0, 0, e)) return -1;
    }
    return 0;
}

static int from_llama(struct model_config *c, const struct cJSON *hf, const char *type, struct err *e)
{
    struct block_config b = model_block_default();
    bool qwen2 = strncmp(type, "qwen2", 5) == 0, qwen3 = strncmp(type, "qwen3", 5) == 0, oss = strcmp(type, "gpt_oss") == 0;
    bool experts = hf_has_experts(type), attn_bias = oss, olmoe = strcmp(type, "olmoe") == 0, qkv_bias = true;
    int layers = 0;
    b.ffn = FFN_GLU;
    b.act = ACT_SILU;
    b.norm_eps = experts && !qwen3 && !qwen2 ? 1e-5 : 1e-6;
    if (oss || strcmp(type, "mixtral") == 0) b.theta = oss ? 150000 : 1e6;
    b.qk_norm = qwen3 ? QK_HEAD_RMS : olmoe ? QK_FULL_RMS : QK_NONE;
    b.sink = oss;
    if (hf_need(hf, "hidden_size", 1 << 17, &c->d_model, e) || hf_need(hf, "num_attention_heads", 4096, &b.heads, e) ||
        hf_need(hf, "num_hidden_layers", MODEL_MAX_LAYERS, &layers, e) ||
        hf_need(hf, "intermediate_size", 1 << 22, &b.d_ff, e) ||
        hf_need(hf, "max_position_embeddings", 1 << 24, &c->max_pos, e))
        return -1;
    b.kv_heads = b.heads;
    b.head_dim = strcmp(type, "qwen3") == 0 ? 128 : oss ? 64 : c->d_model / b.heads;
    if (hf_int(hf, "num_key_value_heads", 1, 4096, &b.kv_heads, e) || hf_int(hf, "head_dim", 1, 1024, &b.head_dim, e) ||
        hf_activation(hf, "hidden_act", &b.act, e) ||
        json_opt_f64(hf, "rms_norm_eps", 0, 1, &b.norm_eps, "config", e) ||
        json_opt_bool(hf, "attention_bias", &attn_bias, "config", e) ||
        json_opt_bool(hf, "qkv_bias", &qkv_bias, "config", e) ||
        json_opt_bool(hf, "mlp_bias", &b.ffn_bias, "config", e) ||
        json_opt_f64(hf, "attention_dropout", 0, 0.99, &c->dropout_attn, "config", e) ||
        hf_rope(&b, hf, c, "rope_theta", NULL, 1, e))
        return -1;
    if (b.head_dim < 1) return err_set(e, ERR_CONFIG, "hidden_size is below num_attention_heads");
    const struct cJSON *clip = json_member(hf, "clip_qkv");
    if (clip && !cJSON_IsNull(clip) && !olmoe)
        return err_set(e, ERR_CONFIG, "clip_qkv is not supported yet in this model_type");
    if (json_opt_f64(hf, "clip_qkv", 1e-9, 1e9, &b.clip_qkv, "config", e)) return -1;
    b.qkv_bias = (qwen2 && (qkv_bias || !experts)) || (attn_bias && strcmp(type, "mistral") && strcmp(type, "mixtral"));
    b.out_bias = !qwen2 && b.qkv_bias;
    if (strcmp(type, "llama")) {
        b.ffn_bias = false;
        struct block_config dense = b;
        if (experts && hf_moe_read(&b, hf, type, e)) return -1;
        return llama_layers(c, &b, &dense, hf, layers, type, e);
    }
    for (int i = 0; i < layers; i++)
        if (add_layer(c, &b, 0, 0, e)) return -1;
    return 0;
}

static int from_neox(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    struct block_config b = model_block_default();
    bool parallel = true, bias = true;
    int layers = 0;
    b.norm = NORM_LN;
    b.norm_bias = b.ffn_bias = true;
    b.ffn = FFN_MLP;
    b.act = ACT_GELU_ERF;
    if (hf_need(hf, "hidden_size", 1 << 17, &c->d_model, e) || hf_need(hf, "num_attention_heads", 4096, &b.heads, e) ||
        hf_need(hf, "num_hidden_layers", MODEL_MAX_LAYERS, &layers, e) ||
        hf_need(hf, "intermediate_size", 1 << 22, &b.d_ff, e) ||
        hf_need(hf, "max_position_embeddings", 1 << 24, &c->max_pos, e) || hf_activation(hf, "hidden_act", &b.act, e) ||
        json_opt_f64(hf, "layer_norm_eps", 0, 1, &b.norm_eps, "config", e) ||
        json_opt_bool(hf, "use_parallel_residual", &parallel, "config", e) ||
        json_opt_bool(hf, "attention_bias", &bias, "config", e) ||
        json_opt_f64(hf, "attention_dropout", 0, 0.99, &c->dropout_attn, "config", e) ||
        json_opt_f64(hf, "hidden_dropout", 0, 0.99, &c->dropout_resid, "config", e))
        return -1;
    if (c->d_model % b.heads)
        return err_set(e, ERR_CONFIG, "num_attention_heads %d does not divide hidden_size %d", b.heads, c->d_model);
    c->dropout_embed = c->dropout_resid;
    b.kv_heads = b.heads;
    b.head_dim = c->d_model / b.heads;
    b.qkv_bias = b.out_bias = bias;
    b.place = parallel ? PLACE_PARALLEL : PLACE_PRE;
    if (hf_rope(&b, hf, c, "rotary_emb_base", "rotary_pct", 0.25, e)) return -1;
    for (int i = 0; i < layers; i++)
        if (add_layer(c, &b, 0, 0, e)) return -1;
    return 0;
}

double hf_gpt2_scale(int head_dim, bool scaled, bool inverse, int layer)
{
    if (scaled && !inverse) return 0;
    double s = scaled ? 1 / sqrt(head_dim) : 1;
    return inverse ? s / (layer + 1) : s;
}

static int from_hf(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    const char *type = NULL;
    if (!cJSON_IsObject(hf)) return err_set(e, ERR_CONFIG, "config.json must be an object");
    if (json_get_str(hf, "model_type", &type, "config", e) || hf_need(hf, "vocab_size", 1 << 24, &c->vocab, e) ||
        json_opt_f64(hf, "initializer_range", 0, 100, &c->init_std, "config", e))
        return -1;
    if (hf_check_architecture(hf, type, e)) return -1;
    bool llama = strcmp(type, "llama") == 0 || strcmp(type, "mistral") == 0;
    const struct hf_family *more = hf_family_for(hf, type);
    int r;
    if (strcmp(type, "gpt2") == 0) r = from_gpt2(c, hf, e);
    else if (strcmp(type, "gpt_neox") == 0) r = from_neox(c, hf, e);
    else if (llama || strcmp(type, "qwen2") == 0 || strcmp(type, "qwen3") == 0 || hf_has_experts(type))
        r = from_llama(c, hf, type, e);
    else if (more) r = hf_read(more, c, hf, e);
    else return err_set(e, ERR_CONFIG, "model_type %s is not supported yet", type);
    if (r == 0) r = hf_score_read(c, hf, type, e);
    if (r || json_opt_bool(hf, "tie_word_embeddings", &c->tie_embed, "config", e)) return -1;
    snprintf(c->family, sizeof c->family, "%s", llama ? "llama" : more ? more->family : type);
    for (int i = 0; i < c->n_blocks; i++) c->n_layers += c->block[i].repeat;
    for (int i = 0; i < c->n_enc_blocks; i++) c->n_enc_layers += c->block[i].repeat;
    if (!c->embed_dim) c->embed_dim = c->d_model;
    return hf_longrope_read(c, hf, e) ? -1 : model_config_check(c, e);
}

int model_config_from_hf(struct model_config *c, const struct cJSON *hf, const char *name, struct err *e)
{
    model_config_init(c);
    if (from_hf(c, hf, e) == 0) return 0;
    e->code = ERR_CONFIG;
    return err_wrap(e, "%s", name);
}
