/* hf_encoders.c - config.json of encoders as tables: RoBERTa and its relatives, DistilBERT, MPNet, Megatron-BERT,
 * ALBERT. */
#include "core/model/hf.h"

static void start_encoder(struct model_config *c, struct block_config *b)
{
    c->stack = STACK_ENCODER;
    c->head = HEAD_MLM;
    c->head_bias = true;
    c->embed_pos = POS_LEARNED;
    c->embed_ln = c->tie_embed = true;
    c->head_norm = false;
    c->dropout_embed = c->dropout_resid = c->dropout_attn = 0.1;
    b->norm = NORM_LN;
    b->norm_bias = b->qkv_bias = b->out_bias = b->ffn_bias = true;
    b->norm_eps = 1e-12;
    b->place = PLACE_POST;
    b->causal = false;
    b->act = ACT_GELU_ERF;
}

#define ENCODER_SIZES                                                                \
    {"hidden_size", HF_WIDTH, true, NULL}, {"num_hidden_layers", HF_LAYERS, true, NULL}, \
    {"num_attention_heads", HF_HEADS, true, NULL}, {"intermediate_size", HF_FF, true, NULL}, \
    {"layer_norm_eps", HF_EPS, false, NULL}, {"hidden_dropout_prob", HF_DROP_HIDDEN, false, NULL}, \
    {"attention_probs_dropout_prob", HF_DROP_ATTN, false, NULL}, \
    {"position_embedding_type", HF_ONLY, false, "\"absolute\""}, {"is_decoder", HF_ONLY, false, "false"}
#define TYPES {"type_vocab_size", HF_TYPES, false, NULL}

/* ---- RoBERTa: positions begin after the padding's row ---- */

static void start_roberta(struct model_config *c, struct block_config *b)
{
    start_encoder(c, b);
    c->embed_types = 2;
    c->embed_pad = 1;
    c->pos_offset = 2;
}

static const struct hf_key roberta_keys[] = {
    ENCODER_SIZES, TYPES, {"max_position_embeddings", HF_POSITIONS, true, NULL}, {"hidden_act", HF_ACT, false, NULL},
    {"pad_token_id", HF_ONLY, false, "1"}, {0}};

#define ROBERTA(var, family_, type_, arch_, start_)                                  \
    const struct hf_family var = {.family = family_, .type = type_, .arch = arch_, .start = start_, .keys = roberta_keys}
ROBERTA(hf_roberta, "roberta", "roberta", "RobertaForMaskedLM", start_roberta);
ROBERTA(hf_xlm_roberta, "xlm_roberta", "xlm-roberta", "XLMRobertaForMaskedLM", start_roberta);
ROBERTA(hf_camembert, "camembert", "camembert", "CamembertForMaskedLM", start_roberta);
ROBERTA(hf_data2vec_text, "data2vec_text", "data2vec-text", "Data2VecTextForMaskedLM", start_roberta);

/* Norms before the sublayers and at the end. */
static void start_prelayernorm(struct model_config *c, struct block_config *b)
{
    start_roberta(c, b);
    b->place = PLACE_PRE;
    c->head_norm = true;
}

ROBERTA(hf_roberta_prelayernorm, "roberta_prelayernorm", "roberta-prelayernorm", "RobertaPreLayerNormForMaskedLM", start_prelayernorm);

/* ---- MPNet: RoBERTa's positions, and T5's buckets in one table for all layers ---- */

static void start_mpnet(struct model_config *c, struct block_config *b)
{
    start_roberta(c, b);
    c->embed_types = 0;
    b->pos = POS_T5;
    b->pos_shared = true;
}

static const struct hf_key mpnet_keys[] = {
    ENCODER_SIZES, {"max_position_embeddings", HF_POSITIONS, true, NULL}, {"hidden_act", HF_ACT, false, NULL},
    {"pad_token_id", HF_ONLY, false, "1"}, {"relative_attention_num_buckets", HF_ONLY, false, "32"}, {0}};
const struct hf_family hf_mpnet = {.family = "mpnet", .type = "mpnet", .arch = "MPNetForMaskedLM", .start = start_mpnet,
                                   .keys = mpnet_keys};

/* ---- Megatron-BERT: BERT with norms before the sublayers, none on the embedding ---- */

static void start_megatron(struct model_config *c, struct block_config *b)
{
    start_encoder(c, b);
    c->embed_types = 2;
    c->embed_pad = 0;
    c->embed_ln = false;
    c->head_norm = true;
    b->place = PLACE_PRE;
}

static const struct hf_key megatron_keys[] = {
    ENCODER_SIZES, TYPES, {"max_position_embeddings", HF_MAX_POS, true, NULL}, {"hidden_act", HF_HEAD_ACT, false, NULL},
    {"pad_token_id", HF_PAD, false, NULL}, {0}};
const struct hf_family hf_megatron_bert = {.family = "megatron_bert", .type = "megatron-bert", .arch = "MegatronBertForMaskedLM",
                                           .start = start_megatron, .keys = megatron_keys};

/* ---- ALBERT: one layer's parameters for all, a narrow embedding ---- */

static void start_albert(struct model_config *c, struct block_config *b)
{
    start_encoder(c, b);
    c->embed_types = 2;
    c->embed_pad = 0;
    c->embed_dim = 128;
    c->dropout_embed = c->dropout_resid = c->dropout_attn = 0;
    c->head_act = ACT_GELU_TANH;
    b->act = ACT_GELU_TANH;
    b->shared = true;
}

static int layer_albert(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers,
                        struct err *e)
{
    (void)b, (void)hf, (void)layer, (void)layers;
    if (c->embed_dim != c->d_model) return 0;
    return err_set(e, ERR_CONFIG, "embedding_size %d equal to hidden_size is not supported yet", c->embed_dim);
}

static const struct hf_key albert_keys[] = {
    ENCODER_SIZES, TYPES, {"max_position_embeddings", HF_MAX_POS, true, NULL}, {"hidden_act", HF_HEAD_ACT, false, NULL},
    {"pad_token_id", HF_PAD, false, NULL}, {"embedding_size", HF_EMBED_DIM, false, NULL}, {"num_hidden_groups", HF_ONLY, false, "1"},
    {"inner_group_num", HF_ONLY, false, "1"}, {0}};
const struct hf_family hf_albert = {.family = "albert", .type = "albert", .arch = "AlbertForMaskedLM", .start = start_albert,
                                    .keys = albert_keys, .layer = layer_albert};

/* ---- DistilBERT ---- */

static void start_distilbert(struct model_config *c, struct block_config *b)
{
    start_encoder(c, b);
    c->embed_pad = 0;
    c->max_pos = 512;
}

static const struct hf_key distilbert_keys[] = {
    {"dim", HF_WIDTH, true, NULL}, {"n_layers", HF_LAYERS, true, NULL}, {"n_heads", HF_HEADS, true, NULL},
    {"hidden_dim", HF_FF, true, NULL}, {"max_position_embeddings", HF_MAX_POS, false, NULL}, {"activation", HF_HEAD_ACT, false, NULL},
    {"dropout", HF_DROP_HIDDEN, false, NULL}, {"attention_dropout", HF_DROP_ATTN, false, NULL}, {"pad_token_id", HF_PAD, false, NULL}, {0}};

const struct hf_family hf_distilbert = {.family = "distilbert", .type = "distilbert", .arch = "DistilBertForMaskedLM",
                                        .start = start_distilbert, .keys = distilbert_keys};
