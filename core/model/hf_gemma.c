/* hf_gemma.c - config.json of Bloom and of Gemma 1, 2 and 3 (text). */
#include <math.h>

#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/model/hf.h"

/* ---- Bloom ---- */

static int read_bloom(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    struct block_config b = model_block_default();
    bool post = false;
    int layers = 0, n_embed = 0;
    b.norm = NORM_LN;
    b.norm_bias = b.qkv_bias = b.out_bias = b.ffn_bias = true;
    b.act = ACT_GELU_TANH;
    b.pos = POS_ALIBI;
    c->embed_ln = c->tie_embed = true;
    c->max_pos = 2048;
    if (hf_int(hf, "n_embed", 1, 1 << 17, &n_embed, e) ||
        (n_embed ? (c->d_model = n_embed, 0) : hf_need(hf, "hidden_size", 1 << 17, &c->d_model, e)) ||
        hf_need(hf, "n_layer", MODEL_MAX_LAYERS, &layers, e) || hf_need(hf, "n_head", 4096, &b.heads, e) ||
        hf_int(hf, "seq_length", 1, 1 << 24, &c->max_pos, e) ||
        json_opt_f64(hf, "layer_norm_epsilon", 0, 1, &b.norm_eps, "config", e) ||
        json_opt_bool(hf, "apply_residual_connection_post_layernorm", &post, "config", e) ||
        json_opt_f64(hf, "hidden_dropout", 0, 0.99, &c->dropout_resid, "config", e) ||
        json_opt_f64(hf, "attention_dropout", 0, 0.99, &c->dropout_attn, "config", e))
        return -1;
    if (post) return err_set(e, ERR_CONFIG, "apply_residual_connection_post_layernorm is not supported yet");
    if (c->d_model % b.heads) return err_set(e, ERR_CONFIG, "n_head %d does not divide hidden_size %d", b.heads, c->d_model);
    b.kv_heads = b.heads;
    b.head_dim = c->d_model / b.heads;
    b.d_ff = 4 * c->d_model;
    for (int i = 0; i < layers; i++)
        if (hf_add_block(c, &b, e)) return -1;
    return 0;
}

static void write_bloom(const struct model_config *c, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    buf_printf(out,
               "  \"hidden_size\": %d,\n  \"n_layer\": %d,\n  \"n_head\": %d,\n  \"seq_length\": %d,\n"
               "  \"layer_norm_epsilon\": %.17g,\n  \"hidden_dropout\": %.17g,\n  \"attention_dropout\": %.17g,\n",
               c->d_model, c->n_layers, b->heads, c->max_pos, b->norm_eps, c->dropout_resid, c->dropout_attn);
}

/* ---- Gemma ---- */

int hf_is_sliding(const struct cJSON *hf, int layer, int layers, int period, bool *out, struct err *e)
{
    const struct cJSON *types = json_member(hf, "layer_types");
    *out = period > 0 && (layer + 1) % period;
    if (!types || cJSON_IsNull(types)) return 0;
    const struct cJSON *t =
        cJSON_IsArray(types) && cJSON_GetArraySize(types) == layers ? cJSON_GetArrayItem(types, layer) : NULL;
    if (!cJSON_IsString(t)) return err_set(e, ERR_CONFIG, "layer_types must be a list of %d names", layers);
    *out = strcmp(t->valuestring, "sliding_attention") == 0;
    if (*out || strcmp(t->valuestring, "full_attention") == 0) return 0;
    return err_set(e, ERR_CONFIG, "layer_types[%d] %s is not supported yet", layer, t->valuestring);
}

/* Older files name the window's base apart, or scale full attention only. */
int hf_rope_of_kind(struct block_config *b, const struct cJSON *hf, const struct model_config *c, bool sliding,
                    struct err *e)
{
    const struct cJSON *rp = json_member(hf, "rope_parameters");
    const char *kind = sliding ? "sliding_attention" : "full_attention";
    const struct cJSON *own = rp && cJSON_IsObject(rp) ? json_member(rp, kind) : NULL;
    b->pos = POS_ROPE;
    b->original_max_pos = c->max_pos;
    if (own && cJSON_IsObject(own)) return hf_rope_object(b, own, c, false, e);
    if (!sliding) return hf_rope(b, hf, c, "rope_theta", NULL, 1, e);
    const char *base = json_member(hf, "rope_local_base_freq") ? "rope_local_base_freq" : "rope_theta";
    return json_opt_f64(hf, base, 1e-3, 1e12, &b->theta, "config", e);
}

/* Gemma 3: a base of its own for windows. */
static int read_rope3(struct block_config *b, const struct cJSON *hf, const struct model_config *c, bool sliding,
                      struct err *e)
{
    b->theta = sliding ? 10000 : 1e6;
    if (sliding && !json_member(hf, "rope_local_base_freq") && !json_member(hf, "rope_parameters")) {
        b->pos = POS_ROPE;
        b->original_max_pos = c->max_pos;
        return 0;
    }
    return hf_rope_of_kind(b, hf, c, sliding, e);
}

static int read_gemma_like(struct model_config *c, const struct cJSON *hf, int version, struct err *e)
{
    struct block_config b = model_block_default();
    int layers = 0, window = version == 1 ? 0 : 4096, period = version == 2 ? 2 : version == 3 ? 6 : 0;
    bool bias = false, both = false;
    double scalar = 256;
    b.ffn = FFN_GLU;
    b.act = ACT_GELU_TANH;
    b.norm_plus_one = true;
    b.norm_eps = 1e-6;
    b.head_dim = 256;
    b.qk_norm = version == 3;
    b.place = version == 1 ? PLACE_PRE : PLACE_SANDWICH;
    if (version == 2) {
        b.softcap = 50;
        c->head_softcap = 30;
    }
    c->tie_embed = true;
    c->max_pos = version == 3 ? 131072 : 8192;
    if (hf_need(hf, "hidden_size", 1 << 17, &c->d_model, e) || hf_need(hf, "num_attention_heads", 4096, &b.heads, e) ||
        hf_need(hf, "num_hidden_layers", MODEL_MAX_LAYERS, &layers, e) ||
        hf_need(hf, "intermediate_size", 1 << 22, &b.d_ff, e))
        return -1;
    b.kv_heads = b.heads;
    if (hf_int(hf, "max_position_embeddings", 1, 1 << 24, &c->max_pos, e) ||
        hf_int(hf, "num_key_value_heads", 1, 4096, &b.kv_heads, e) || hf_int(hf, "head_dim", 1, 1024, &b.head_dim, e) ||
        hf_int(hf, "sliding_window", 0, INT32_MAX, &window, e) ||
        hf_int(hf, "sliding_window_pattern", 1, 1 << 20, &period, e) || hf_activation(hf, "hidden_act", &b.act, e) ||
        hf_activation(hf, "hidden_activation", &b.act, e) ||
        json_opt_f64(hf, "rms_norm_eps", 0, 1, &b.norm_eps, "config", e) ||
        json_opt_f64(hf, "query_pre_attn_scalar", 1e-6, 1e6, &scalar, "config", e) ||
        json_opt_f64(hf, "attn_logit_softcapping", 0, 1e6, &b.softcap, "config", e) ||
        json_opt_f64(hf, "final_logit_softcapping", 0, 1e6, &c->head_softcap, "config", e) ||
        json_opt_f64(hf, "attention_dropout", 0, 0.99, &c->dropout_attn, "config", e) ||
        json_opt_bool(hf, "use_bidirectional_attention", &both, "config", e) ||
        json_opt_bool(hf, "attention_bias", &bias, "config", e))
        return -1;
    if (hf_read_pad(c, hf, 0, e)) return -1;
    if (both) return err_set(e, ERR_CONFIG, "use_bidirectional_attention is not supported yet");
    /* The first files said gelu and meant its tanh form. */
    if (version == 1) b.act = b.act == ACT_GELU_ERF ? ACT_GELU_TANH : b.act;
    b.qkv_bias = b.out_bias = bias;
    if (version > 1 && scalar != b.head_dim) b.scale = 1 / sqrt(scalar);
    c->embed_scale = sqrt(c->d_model);
    for (int i = 0; i < layers; i++) {
        bool sliding;
        struct block_config one = b;
        if (hf_is_sliding(hf, i, layers, version == 1 ? 0 : period, &sliding, e)) return -1;
        if (version == 3 ? read_rope3(&one, hf, c, sliding, e)
                         : hf_rope(&one, hf, c, "rope_theta", NULL, 1, e))
            return -1;
        one.window = sliding ? window : 0;
        if (hf_add_block(c, &one, e)) return -1;
    }
    return 0;
}

static int read_gemma1(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    return read_gemma_like(c, hf, 1, e);
}

static int read_gemma2(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    return read_gemma_like(c, hf, 2, e);
}

static int read_gemma3(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    return read_gemma_like(c, hf, 3, e);
}

static void number_or_null(struct buf *out, const char *key, double v)
{
    /* transformers 5 wants a float to look like one. */
    if (v > 0) buf_printf(out, v == floor(v) && v < 1e15 ? "  \"%s\": %.1f,\n" : "  \"%s\": %.17g,\n", key, v);
    else buf_printf(out, "  \"%s\": null,\n", key);
}

void hf_write_ropes(const struct model_config *c, struct buf *out)
{
    const struct block_config *full = NULL, *sliding = NULL;
    for (int i = 0; i < c->n_blocks; i++) {
        if (c->block[i].window) sliding = &c->block[i];
        else full = &c->block[i];
    }
    buf_adds(out, "  \"rope_parameters\": {\n  ");
    hf_write_rope(c, full ? full : sliding, "full_attention", out);
    /* Without the comma between the members of the list. */
    if (!out->oom && out->len >= 2) out->len -= 2;
    buf_adds(out, ",\n  ");
    hf_write_rope(c, sliding ? sliding : full, "sliding_attention", out);
    if (!out->oom && out->len >= 2) out->len -= 2;
    buf_adds(out, "},\n");
}

void hf_write_layer_types(const struct model_config *c, struct buf *out)
{
    buf_adds(out, "  \"layer_types\": [");
    for (int i = 0; i < c->n_layers; i++)
        buf_printf(out, "%s\"%s\"", i ? ", " : "", model_block(c, i)->window ? "sliding_attention" : "full_attention");
    buf_adds(out, "],\n");
}

static void write_gemma(const struct model_config *c, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    int version = strcmp(c->family, "gemma") == 0 ? 1 : c->family[5] - '0', window = 0;
    buf_printf(out,
               "  \"hidden_size\": %d,\n  \"num_hidden_layers\": %d,\n  \"num_attention_heads\": %d,\n"
               "  \"num_key_value_heads\": %d,\n  \"head_dim\": %d,\n  \"intermediate_size\": %d,\n"
               "  \"max_position_embeddings\": %d,\n  \"%s\": \"%s\",\n  \"rms_norm_eps\": %.17g,\n"
               "  \"attention_bias\": %s,\n  \"attention_dropout\": %.17g,\n",
               c->d_model, c->n_layers, b->heads, b->kv_heads, b->head_dim, b->d_ff, c->max_pos,
               version == 1 ? "hidden_act" : "hidden_activation",
               b->act == ACT_GELU_TANH ? "gelu_pytorch_tanh" : hf_act_name(b->act), b->norm_eps, hf_yes(b->qkv_bias),
               c->dropout_attn);
    hf_write_pad(c, out);
    if (version == 1) {
        hf_write_rope(c, b, "rope_parameters", out);
        return;
    }
    buf_printf(out, "  \"query_pre_attn_scalar\": %.17g,\n",
               b->scale > 0 ? round(1e6 / (b->scale * b->scale)) / 1e6 : b->head_dim);
    number_or_null(out, "attn_logit_softcapping", b->softcap);
    number_or_null(out, "final_logit_softcapping", c->head_softcap);
    for (int i = 0; i < c->n_blocks; i++)
        if (c->block[i].window) window = c->block[i].window;
    buf_printf(out, "  \"sliding_window\": %d,\n", window ? window : 4096);
    hf_write_layer_types(c, out);
    if (version == 3) hf_write_ropes(c, out);
    else hf_write_rope(c, b, "rope_parameters", out);
}

const struct hf_family hf_bloom = {.family = "bloom", .type = "bloom", .arch = "BloomForCausalLM", .read = read_bloom,
    .write = write_bloom};
const struct hf_family hf_gemma = {.family = "gemma", .type = "gemma", .arch = "GemmaForCausalLM", .read = read_gemma1,
    .write = write_gemma};
const struct hf_family hf_gemma2 = {.family = "gemma2", .type = "gemma2", .arch = "Gemma2ForCausalLM", .read = read_gemma2,
    .write = write_gemma};
const struct hf_family hf_gemma3 = {
    .family = "gemma3", .type = "gemma3_text", .arch = "Gemma3ForCausalLM", .read = read_gemma3, .write = write_gemma};
