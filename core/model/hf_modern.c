/* hf_modern.c - config.json of ModernBERT (arXiv:2412.13663): no biases, GLUs,
 * rotary positions, windows between layers of full attention, and a first
 * layer that takes the normed embedding as it is. */
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/model/hf.h"

struct modern {
    int layers, heads, every, span; /* span: local_attention, both sides together */
    bool bias, mlp_bias, norm_bias, head_bias;
    const char *pool;
};

static int read_keys(struct modern *m, struct model_config *c, struct block_config *b, const struct cJSON *hf, struct err *e)
{
    *m = (struct modern){.every = 3, .span = 128, .pool = "cls"};
    c->head_bias = c->tie_embed = true;
    c->embed_pad = 50283;
    if (hf_need(hf, "hidden_size", 1 << 17, &c->d_model, e) || hf_need(hf, "num_attention_heads", 4096, &m->heads, e) ||
        hf_need(hf, "num_hidden_layers", MODEL_MAX_LAYERS, &m->layers, e) ||
        hf_need(hf, "intermediate_size", 1 << 22, &b->d_ff, e) ||
        hf_need(hf, "max_position_embeddings", 1 << 24, &c->max_pos, e) ||
        hf_activation(hf, "hidden_activation", &b->act, e) ||
        hf_activation(hf, "classifier_activation", &c->head_act, e) ||
        json_opt_f64(hf, "norm_eps", 0, 1, &b->norm_eps, "config", e) ||
        json_opt_bool(hf, "norm_bias", &m->norm_bias, "config", e) ||
        json_opt_bool(hf, "attention_bias", &m->bias, "config", e) ||
        json_opt_bool(hf, "mlp_bias", &m->mlp_bias, "config", e) ||
        json_opt_bool(hf, "classifier_bias", &m->head_bias, "config", e) ||
        json_opt_bool(hf, "decoder_bias", &c->head_bias, "config", e) ||
        json_opt_str(hf, "classifier_pooling", &m->pool, "config", e) ||
        hf_int(hf, "local_attention", 2, INT32_MAX, &m->span, e) ||
        hf_int(hf, "global_attn_every_n_layers", 1, 1 << 20, &m->every, e) ||
        json_opt_f64(hf, "embedding_dropout", 0, 0.99, &c->dropout_embed, "config", e) ||
        json_opt_f64(hf, "attention_dropout", 0, 0.99, &c->dropout_attn, "config", e) || hf_read_pad(c, hf, 50283, e))
        return -1;
    if (m->mlp_bias) return err_set(e, ERR_CONFIG, "mlp_bias true is not supported yet");
    if (m->head_bias != m->norm_bias)
        return err_set(e, ERR_CONFIG, "classifier_bias other than norm_bias is not supported yet");
    if (c->d_model % m->heads)
        return err_set(e, ERR_CONFIG, "num_attention_heads %d does not divide hidden_size %d", m->heads, c->d_model);
    return 0;
}

static int add_layer(struct model_config *c, const struct modern *m, struct block_config b, int i,
                     const struct cJSON *hf, struct err *e)
{
    const struct cJSON *types = json_member(hf, "layer_types"), *rp = json_member(hf, "rope_parameters");
    bool sliding = i % m->every;
    if (types && !cJSON_IsNull(types) && hf_is_sliding(hf, i, m->layers, 0, &sliding, e)) return -1;
    const char *kind = sliding ? "sliding_attention" : "full_attention",
               *theta = sliding ? "local_rope_theta" : "global_rope_theta";
    const struct cJSON *own = rp && cJSON_IsObject(rp) ? json_member(rp, kind) : NULL;
    b.pos = POS_ROPE;
    b.original_max_pos = c->max_pos;
    b.theta = sliding ? 10000 : 160000;
    b.window = sliding ? m->span / 2 + 1 : 0;
    b.norm_mixer = i > 0;
    if (own && cJSON_IsObject(own) ? hf_rope_object(&b, own, c, false, e)
                                   : json_opt_f64(hf, theta, 1e-3, 1e12, &b.theta, "config", e))
        return -1;
    return hf_add_block(c, &b, e);
}

static int read_modernbert(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    struct block_config b = model_block_default();
    struct modern m;
    b.norm = NORM_LN;
    b.ffn = FFN_GLU;
    b.act = c->head_act = ACT_GELU_ERF;
    b.causal = false;
    c->stack = STACK_ENCODER;
    c->head = HEAD_MLM;
    c->embed_ln = true;
    if (read_keys(&m, c, &b, hf, e)) return -1;
    b.heads = b.kv_heads = m.heads;
    b.head_dim = c->d_model / m.heads;
    b.qkv_bias = b.out_bias = m.bias;
    b.norm_bias = c->head_dense_bias = m.norm_bias;
    if (strcmp(m.pool, "cls") && strcmp(m.pool, "mean"))
        return err_set(e, ERR_CONFIG, "classifier_pooling %s is not supported yet", m.pool);
    c->pool = strcmp(m.pool, "mean") ? POOL_CLS : POOL_MEAN;
    for (int i = 0; i < m.layers; i++)
        if (add_layer(c, &m, b, i, hf, e)) return -1;
    return 0;
}

static void write_modernbert(const struct model_config *c, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    int span = 128;
    for (int i = 0; i < c->n_blocks; i++)
        if (c->block[i].window) span = 2 * (c->block[i].window - 1);
    buf_printf(
        out,
        "  \"hidden_size\": %d,\n  \"num_hidden_layers\": %d,\n  \"num_attention_heads\": %d,\n  "
        "\"intermediate_size\": %d,\n"
        "  \"max_position_embeddings\": %d,\n  \"hidden_activation\": \"%s\",\n  \"classifier_activation\": \"%s\",\n"
        "  \"norm_eps\": %.17g,\n  \"norm_bias\": %s,\n  \"attention_bias\": %s,\n  \"mlp_bias\": false,\n  "
        "\"classifier_bias\": %s,\n"
        "  \"decoder_bias\": %s,\n  \"classifier_pooling\": \"%s\",\n  \"local_attention\": %d,\n  "
        "\"embedding_dropout\": %.17g,\n"
        "  \"attention_dropout\": %.17g,\n",
        c->d_model, c->n_layers, b->heads, b->d_ff, c->max_pos, hf_act_name(b->act), hf_act_name(c->head_act),
        b->norm_eps, hf_yes(b->norm_bias), hf_yes(b->qkv_bias), hf_yes(c->head_dense_bias),
        hf_yes(model_scores(c) || c->head_bias), model_scores(c) && c->pool == POOL_MEAN ? "mean" : "cls", span,
        c->dropout_embed, c->dropout_attn);
    hf_write_pad(c, out);
    hf_write_layer_types(c, out);
    hf_write_ropes(c, out);
}

const struct hf_family hf_modernbert = {.family = "modernbert", .type = "modernbert", .arch = "ModernBertForMaskedLM",
                                        .read = read_modernbert, .write = write_modernbert};
