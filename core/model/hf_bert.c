/* hf_bert.c - config.json of BERT and ELECTRA. */
#include <string.h>

#include "core/base/json.h"
#include "core/model/hf.h"

static int read_encoder(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    struct block_config b = model_block_default();
    bool decoder = false;
    int layers = 0;
    const char *pos = "absolute";
    b.norm = NORM_LN;
    b.norm_bias = b.qkv_bias = b.out_bias = b.ffn_bias = true;
    b.norm_eps = 1e-12;
    b.place = PLACE_POST;
    b.causal = false;
    b.act = ACT_GELU_ERF;
    c->stack = STACK_ENCODER;
    c->embed_pos = POS_LEARNED;
    c->embed_ln = c->tie_embed = true;
    c->head_norm = false;
    c->embed_types = 2;
    c->dropout_resid = c->dropout_attn = 0.1;
    if (hf_need(hf, "hidden_size", 1 << 17, &c->d_model, e) || hf_need(hf, "num_attention_heads", 4096, &b.heads, e) ||
        hf_need(hf, "num_hidden_layers", MODEL_MAX_LAYERS, &layers, e) ||
        hf_need(hf, "intermediate_size", 1 << 22, &b.d_ff, e) ||
        hf_need(hf, "max_position_embeddings", 1 << 24, &c->max_pos, e) ||
        hf_int(hf, "type_vocab_size", 0, 1 << 16, &c->embed_types, e) || hf_activation(hf, "hidden_act", &b.act, e) ||
        json_opt_f64(hf, "layer_norm_eps", 0, 1, &b.norm_eps, "config", e) ||
        hf_read_pad(c, hf, 0, e) || json_opt_bool(hf, "is_decoder", &decoder, "config", e) ||
        json_opt_str(hf, "position_embedding_type", &pos, "config", e) ||
        json_opt_f64(hf, "hidden_dropout_prob", 0, 0.99, &c->dropout_resid, "config", e) ||
        json_opt_f64(hf, "attention_probs_dropout_prob", 0, 0.99, &c->dropout_attn, "config", e))
        return -1;
    if (decoder) return err_set(e, ERR_CONFIG, "is_decoder is not supported yet");
    if (strcmp(pos, "absolute")) return err_set(e, ERR_CONFIG, "position_embedding_type %s is not supported yet", pos);
    if (c->d_model % b.heads)
        return err_set(e, ERR_CONFIG, "num_attention_heads %d does not divide hidden_size %d", b.heads, c->d_model);
    c->dropout_embed = c->dropout_resid;
    b.kv_heads = b.heads;
    b.head_dim = c->d_model / b.heads;
    c->head_act = b.act;
    for (int i = 0; i < layers; i++)
        if (hf_add_block(c, &b, e)) return -1;
    return 0;
}

static int read_bert(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    c->head = HEAD_MLM;
    c->head_bias = true;
    return read_encoder(c, hf, e);
}

static int read_discriminator(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    c->head = HEAD_RTD;
    c->embed_dim = 128;
    return hf_int(hf, "embedding_size", 1, 1 << 17, &c->embed_dim, e) ? -1 : read_encoder(c, hf, e);
}

static int read_generator(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    if (read_discriminator(c, hf, e)) return -1;
    c->head = HEAD_MLM;
    c->head_bias = true;
    c->head_act = ACT_GELU_ERF;
    return 0;
}

static void write_encoder(const struct model_config *c, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    buf_printf(out,
               "  \"hidden_size\": %d,\n  \"num_hidden_layers\": %d,\n  \"num_attention_heads\": %d,\n"
               "  \"intermediate_size\": %d,\n  \"max_position_embeddings\": %d,\n  \"type_vocab_size\": %d,\n"
               "  \"hidden_act\": \"%s\",\n  \"layer_norm_eps\": %.17g,\n  \"hidden_dropout_prob\": %.17g,\n"
               "  \"attention_probs_dropout_prob\": %.17g,\n",
               c->d_model, c->n_layers, b->heads, b->d_ff, c->max_pos, c->embed_types, hf_act_name(b->act), b->norm_eps,
               c->dropout_resid, c->dropout_attn);
    hf_write_pad(c, out);
}

static void write_electra(const struct model_config *c, struct buf *out)
{
    buf_printf(out, "  \"embedding_size\": %d,\n", c->embed_dim);
    write_encoder(c, out);
}

const struct hf_family hf_bert = {.family = "bert", .type = "bert", .arch = "BertForMaskedLM", .read = read_bert,
    .write = write_encoder};
const struct hf_family hf_electra = {.family = "electra",
                                     .type = "electra",
                                     .arch = "ElectraForPreTraining",
                                     .read = read_discriminator,
                                     .write = write_electra};
const struct hf_family hf_electra_generator = {.family = "electra_generator",
                                               .type = "electra",
                                               .arch = "ElectraForMaskedLM",
                                               .read = read_generator,
                                               .write = write_electra};
