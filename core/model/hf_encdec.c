/* hf_encdec.c - config.json of T5 (v1.0, v1.1), mT5, UMT5, BART and its relatives, Marian, M2M100 (NLLB too). */
#include <math.h>

#include <string.h>

#include "core/base/json.h"
#include "core/model/hf.h"

static int add_stack(struct model_config *c, const struct block_config *b, int layers, bool encoder, struct err *e)
{
    struct block_config one = *b;
    one.causal = one.cross = !encoder;
    for (int i = 0; i < layers; i++)
        if (hf_add_block(c, &one, e)) return -1;
    if (encoder) c->n_enc_blocks = c->n_blocks;
    return 0;
}

/* ---- T5 ---- */

/* "relu", "gated-gelu": a GLU where gated; "gated-gelu" means the tanh form. */
static int read_t5_ffn(struct block_config *b, const struct cJSON *hf, struct err *e)
{
    const char *proj = "relu";
    if (json_opt_str(hf, "feed_forward_proj", &proj, "config", e)) return -1;
    bool gated = strncmp(proj, "gated-", 6) == 0;
    b->ffn = gated ? FFN_GLU : FFN_MLP;
    if (gated) proj += 6;
    if (gated && strcmp(proj, "gelu") == 0) proj = "gelu_new";
    for (const struct hf_act *a = hf_acts; a->name; a++)
        if (strcmp(a->name, proj) == 0) {
            b->act = a->act;
            return 0;
        }
    return err_set(e, ERR_CONFIG, "feed_forward_proj %s is not supported yet", proj);
}

/* own_tables: each layer has positions of its own (UMT5); scales: the states may be scaled before the head (not mT5's). */
static int read_t5_like(struct model_config *c, const struct cJSON *hf, bool own_tables, bool scales, struct err *e)
{
    struct block_config b = model_block_default();
    int enc = 0, dec = 0;
    bool tied = true;
    double dropout = 0.1;
    c->stack = STACK_ENCDEC;
    c->max_pos = 512;
    c->decoder_start = 0;
    b.pos = POS_T5;
    b.pos_shared = !own_tables;
    b.scale = 1;
    b.norm_eps = 1e-6;
    if (hf_need(hf, "d_model", 1 << 17, &c->d_model, e) || hf_need(hf, "num_heads", 4096, &b.heads, e) ||
        hf_need(hf, "d_kv", 1024, &b.head_dim, e) || hf_need(hf, "d_ff", 1 << 22, &b.d_ff, e) ||
        hf_need(hf, "num_layers", MODEL_MAX_LAYERS / 2, &enc, e))
        return -1;
    dec = enc;
    bool scaled = false;
    if (hf_int(hf, "num_decoder_layers", 1, MODEL_MAX_LAYERS / 2, &dec, e) ||
        hf_int(hf, "n_positions", 1, 1 << 24, &c->max_pos, e) ||
        hf_int(hf, "relative_attention_num_buckets", 0, 1 << 16, &b.buckets, e) ||
        hf_int(hf, "relative_attention_max_distance", 0, 1 << 24, &b.max_distance, e) ||
        hf_int(hf, "decoder_start_token_id", 0, 1 << 24, &c->decoder_start, e) ||
        json_opt_f64(hf, "layer_norm_epsilon", 0, 1, &b.norm_eps, "config", e) ||
        json_opt_f64(hf, "dropout_rate", 0, 0.99, &dropout, "config", e) ||
        json_opt_bool(hf, "tie_word_embeddings", &tied, "config", e) || read_t5_ffn(&b, hf, e))
        return -1;
    /* transformers 5 says it in a key of its own; before, an untied head was one without the scale. */
    if (scales) {
        scaled = tied;
        if (json_opt_bool(hf, "scale_decoder_outputs", &scaled, "config", e)) return -1;
    }
    c->tie_embed = true;
    c->logit_scale = scaled ? 1 / sqrt(c->d_model) : 1;
    c->dropout_embed = c->dropout_attn = c->dropout_resid = dropout;
    b.kv_heads = b.heads;
    return add_stack(c, &b, enc, true, e) || add_stack(c, &b, dec, false, e) ? -1 : 0;
}

static int read_t5(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    return read_t5_like(c, hf, false, true, e);
}

static int read_mt5(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    return read_t5_like(c, hf, false, false, e);
}

static int read_umt5(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    return read_t5_like(c, hf, true, true, e);
}

static void write_t5(const struct model_config *c, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    const char *act = hf_act_name(b->act);
    bool gated = b->ffn == FFN_GLU;
    if (gated && b->act == ACT_GELU_TANH) act = "gelu";
    buf_printf(out,
               "  \"is_encoder_decoder\": true,\n  \"d_model\": %d,\n  \"d_kv\": %d,\n  \"d_ff\": %d,\n"
               "  \"num_layers\": %d,\n  \"num_decoder_layers\": %d,\n  \"num_heads\": %d,\n  \"n_positions\": %d,\n"
               "  \"relative_attention_num_buckets\": %d,\n  \"relative_attention_max_distance\": %d,\n"
               "  \"layer_norm_epsilon\": %.17g,\n  \"dropout_rate\": %.17g,\n  \"feed_forward_proj\": \"%s%s\",\n"
               "  \"scale_decoder_outputs\": %s,\n  \"decoder_start_token_id\": %d,\n  \"pad_token_id\": %d,\n",
               c->d_model, b->head_dim, b->d_ff, c->n_enc_layers, c->n_layers - c->n_enc_layers, b->heads, c->max_pos,
               b->buckets, b->max_distance, b->norm_eps, c->dropout_resid, gated ? "gated-" : "", act,
               hf_yes(c->logit_scale != 1), c->decoder_start, c->decoder_start);
}

/* ---- BART and Marian ---- */

static int read_stack(struct model_config *c, const struct cJSON *hf, const struct block_config *tmpl, bool encoder,
                      struct err *e)
{
    static const char *const keys[2][3] = {{"decoder_layers", "decoder_attention_heads", "decoder_ffn_dim"},
                                           {"encoder_layers", "encoder_attention_heads", "encoder_ffn_dim"}};
    struct block_config b = *tmpl;
    int layers = 0;
    if (hf_need(hf, keys[encoder][0], MODEL_MAX_LAYERS / 2, &layers, e) ||
        hf_need(hf, keys[encoder][1], 4096, &b.heads, e) || hf_need(hf, keys[encoder][2], 1 << 22, &b.d_ff, e))
        return -1;
    if (c->d_model % b.heads)
        return err_set(e, ERR_CONFIG, "%s %d does not divide d_model %d", keys[encoder][1], b.heads, c->d_model);
    b.kv_heads = b.heads;
    b.head_dim = c->d_model / b.heads;
    return add_stack(c, &b, layers, encoder, e);
}

static int read_bart_like(struct model_config *c, const struct cJSON *hf, enum norm_place place, struct err *e)
{
    struct block_config b = model_block_default();
    bool scale = false;
    double dropout = 0.1;
    c->stack = STACK_ENCDEC;
    c->tie_embed = c->head_bias = true;
    c->head_norm = place == PLACE_PRE;
    c->max_pos = 1024;
    b.norm = NORM_LN;
    b.norm_bias = b.qkv_bias = b.out_bias = b.ffn_bias = true;
    b.place = place;
    b.act = ACT_GELU_ERF;
    if (hf_need(hf, "d_model", 1 << 17, &c->d_model, e) ||
        hf_int(hf, "max_position_embeddings", 1, 1 << 24, &c->max_pos, e) ||
        hf_int(hf, "decoder_start_token_id", 0, 1 << 24, &c->decoder_start, e) ||
        hf_activation(hf, "activation_function", &b.act, e) ||
        json_opt_bool(hf, "scale_embedding", &scale, "config", e) ||
        json_opt_f64(hf, "init_std", 0, 100, &c->init_std, "config", e) ||
        json_opt_f64(hf, "attention_dropout", 0, 0.99, &c->dropout_attn, "config", e) ||
        json_opt_f64(hf, "dropout", 0, 0.99, &dropout, "config", e) || read_stack(c, hf, &b, true, e) ||
        read_stack(c, hf, &b, false, e))
        return -1;
    c->dropout_embed = c->dropout_resid = dropout;
    if (scale) c->embed_scale = sqrt(c->d_model);
    return 0;
}

static int read_bart(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    c->embed_pos = POS_LEARNED;
    c->pos_offset = 2;
    c->embed_ln = true;
    c->decoder_start = 2;
    return hf_read_pad(c, hf, 1, e) ? -1 : read_bart_like(c, hf, PLACE_POST, e);
}

/* Begins with the target's language, as mBART does. */
static int read_plbart(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    c->embed_pos = POS_LEARNED;
    c->pos_offset = 2;
    c->embed_ln = true;
    return hf_read_pad(c, hf, 1, e) ? -1 : read_bart_like(c, hf, PLACE_POST, e);
}

/* BART with norms before the sublayers and at the end of each stack. */
static int read_mbart(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    c->embed_pos = POS_LEARNED;
    c->pos_offset = 2;
    c->embed_ln = true;
    return hf_read_pad(c, hf, 1, e) ? -1 : read_bart_like(c, hf, PLACE_PRE, e);
}

static int read_pegasus(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    c->embed_pos = POS_SINUSOIDAL;
    c->sin_layout = SIN_CONCAT;
    c->decoder_start = 0;
    return hf_read_pad(c, hf, 0, e) ? -1 : read_bart_like(c, hf, PLACE_PRE, e);
}

/* mBART without a norm on the embedding, positions of fairseq's sines (M2M100, NLLB). */
static int read_m2m_100(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    c->embed_pos = POS_SINUSOIDAL;
    c->sin_layout = SIN_T2T;
    c->pos_offset = 2;
    c->decoder_start = 2;
    if (hf_read_pad(c, hf, 1, e) || read_bart_like(c, hf, PLACE_PRE, e)) return -1;
    c->head_bias = false;
    return 0;
}

static int read_blenderbot(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    c->embed_pos = POS_LEARNED;
    c->decoder_start = 1;
    return hf_read_pad(c, hf, 0, e) ? -1 : read_bart_like(c, hf, PLACE_PRE, e);
}

static int read_marian(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    bool shared = true;
    int vocab = c->vocab;
    c->embed_pos = POS_SINUSOIDAL;
    c->sin_layout = SIN_CONCAT;
    c->decoder_start = c->vocab > 58100 ? 58100 : c->vocab - 1;
    if (json_opt_bool(hf, "share_encoder_decoder_embeddings", &shared, "config", e) ||
        hf_int(hf, "decoder_vocab_size", 1, 1 << 24, &vocab, e) || hf_read_pad(c, hf, 58100, e))
        return -1;
    if (shared && vocab != c->vocab)
        return err_set(e, ERR_CONFIG,
                       "decoder_vocab_size %d is not vocab_size %d, but share_encoder_decoder_embeddings is true",
                       vocab, c->vocab);
    if (!shared) {
        c->enc_vocab = c->vocab;
        c->vocab = vocab;
        if (c->decoder_start >= vocab) c->decoder_start = vocab - 1;
    }
    return read_bart_like(c, hf, PLACE_POST, e);
}

static void write_bart(const struct model_config *c, struct buf *out)
{
    const struct block_config *enc = &c->block[0], *dec = &c->block[c->n_blocks - 1];
    buf_printf(
        out,
        "  \"is_encoder_decoder\": true,\n  \"d_model\": %d,\n  \"encoder_layers\": %d,\n  \"decoder_layers\": %d,\n"
        "  \"encoder_attention_heads\": %d,\n  \"decoder_attention_heads\": %d,\n  \"encoder_ffn_dim\": %d,\n"
        "  \"decoder_ffn_dim\": %d,\n  \"max_position_embeddings\": %d,\n  \"activation_function\": \"%s\",\n"
        "  \"scale_embedding\": %s,\n  \"dropout\": %.17g,\n  \"attention_dropout\": %.17g,\n"
        "  \"activation_dropout\": 0.0,\n  \"init_std\": %.17g,\n",
        c->d_model, c->n_enc_layers, c->n_layers - c->n_enc_layers, enc->heads, dec->heads, enc->d_ff, dec->d_ff,
        c->max_pos, hf_act_name(enc->act), hf_yes(c->embed_scale != 1), c->dropout_resid, c->dropout_attn, c->init_std);
    if (c->decoder_start >= 0)
        buf_printf(out, "  \"decoder_start_token_id\": %d,\n  \"forced_eos_token_id\": null,\n", c->decoder_start);
    if (strcmp(c->family, "marian") == 0)
        buf_printf(out, "  \"share_encoder_decoder_embeddings\": %s,\n  \"decoder_vocab_size\": %d,\n",
                   hf_yes(!c->enc_vocab), c->vocab);
    hf_write_pad(c, out);
}

#define FAMILY(name, arch_, read_, write_) {.family = name, .type = name, .arch = arch_, .read = read_, .write = write_}
const struct hf_family hf_t5 = FAMILY("t5", "T5ForConditionalGeneration", read_t5, write_t5);
const struct hf_family hf_bart = FAMILY("bart", "BartForConditionalGeneration", read_bart, write_bart);
const struct hf_family hf_mbart = FAMILY("mbart", "MBartForConditionalGeneration", read_mbart, write_bart);
const struct hf_family hf_pegasus = FAMILY("pegasus", "PegasusForConditionalGeneration", read_pegasus, write_bart);
const struct hf_family hf_mt5 = FAMILY("mt5", "MT5ForConditionalGeneration", read_mt5, write_t5);
const struct hf_family hf_umt5 = FAMILY("umt5", "UMT5ForConditionalGeneration", read_umt5, write_t5);
const struct hf_family hf_m2m_100 = FAMILY("m2m_100", "M2M100ForConditionalGeneration", read_m2m_100, write_bart);
const struct hf_family hf_blenderbot = FAMILY("blenderbot", "BlenderbotForConditionalGeneration", read_blenderbot, write_bart);
const struct hf_family hf_plbart = FAMILY("plbart", "PLBartForConditionalGeneration", read_plbart, write_bart);
const struct hf_family hf_marian = FAMILY("marian", "MarianMTModel", read_marian, write_bart);
