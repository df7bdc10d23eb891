/* hf_open.c - config.json of relatives of Llama, as tables: OLMo 1 and 2,
 * Granite, Cohere, StableLM, Phi, Phi-3 and StarCoder2. */
#include "core/model/hf.h"

static void start_glu(struct model_config *c, struct block_config *b)
{
    (void)c;
    b->ffn = FFN_GLU;
    b->act = ACT_SILU;
}

/* ---- OLMo ---- */

/* Layer norms without parameters. */
static void start_olmo(struct model_config *c, struct block_config *b)
{
    start_glu(c, b);
    b->norm = NORM_LN;
    b->norm_weight = false;
}

static const struct hf_key olmo_keys[] = {HF_KEYS_SIZES, HF_KEY_ACT, {"attention_bias", HF_BIAS, false, NULL}, {"clip_qkv", HF_CLIP, false, NULL},
                                          HF_KEY_ROPE, {0}};
const struct hf_family hf_olmo = {.family = "olmo", .type = "olmo", .arch = "OlmoForCausalLM", .start = start_olmo, .keys = olmo_keys};

static void start_olmo2(struct model_config *c, struct block_config *b)
{
    start_glu(c, b);
    b->place = PLACE_OUT;
    b->qk_norm = QK_FULL_RMS;
}

static const struct hf_key olmo2_keys[] = {HF_KEYS_SIZES, HF_KEY_ACT, {"rms_norm_eps", HF_EPS, false, NULL}, {"attention_bias", HF_BIAS, false, NULL},
                                           HF_KEY_ROPE, {0}};
const struct hf_family hf_olmo2 = {.family = "olmo2", .type = "olmo2", .arch = "Olmo2ForCausalLM", .start = start_olmo2, .keys = olmo2_keys};

/* ---- Granite: factors everywhere ---- */

static void start_granite(struct model_config *c, struct block_config *b)
{
    start_glu(c, b);
    b->norm_eps = 1e-6;
    b->scale = 1;
}

static const struct hf_key granite_keys[] = {
    HF_KEYS_SIZES, HF_KEY_ACT, {"rms_norm_eps", HF_EPS, false, NULL}, {"attention_bias", HF_BIAS, false, NULL}, {"mlp_bias", HF_FFN_BIAS, false, NULL},
    {"embedding_multiplier", HF_EMBED_SCALE, false, NULL}, {"residual_multiplier", HF_RESIDUAL_SCALE, false, NULL},
    {"attention_multiplier", HF_SCALE, false, NULL}, {"logits_scaling", HF_LOGIT_DIVISOR, false, NULL}, HF_KEY_ROPE, {0}};
const struct hf_family hf_granite = {.family = "granite", .type = "granite", .arch = "GraniteForCausalLM", .start = start_granite,
                                     .keys = granite_keys};

/* ---- one norm for attention and FFN: Cohere, Phi, StableLM ---- */

static void start_cohere(struct model_config *c, struct block_config *b)
{
    start_glu(c, b);
    c->tie_embed = true;
    c->logit_scale = 0.0625;
    c->embed_pad = 0;
    b->norm = NORM_LN;
    b->place = PLACE_PARALLEL_ONE;
    b->interleaved = true;
    b->theta = 500000;
}

static const struct hf_key cohere_keys[] = {
    HF_KEYS_SIZES, HF_KEY_ACT, {"layer_norm_eps", HF_EPS, false, NULL}, {"attention_bias", HF_BIAS, false, NULL}, {"logit_scale", HF_LOGIT_SCALE, false, NULL},
    {"use_qk_norm", HF_QK_LN, false, NULL}, {"pad_token_id", HF_PAD, false, NULL}, HF_KEY_ROPE, {0}};
const struct hf_family hf_cohere = {.family = "cohere", .type = "cohere", .arch = "CohereForCausalLM", .start = start_cohere,
                                    .keys = cohere_keys};

static void start_phi(struct model_config *c, struct block_config *b)
{
    c->head_bias = true;
    b->norm = NORM_LN;
    b->norm_bias = b->qkv_bias = b->out_bias = b->ffn_bias = true;
    b->place = PLACE_PARALLEL_ONE;
    b->act = ACT_GELU_TANH;
    b->partial = 0.5;
}

static const struct hf_key phi_keys[] = {
    HF_KEYS_SIZES, HF_KEY_ACT, {"layer_norm_eps", HF_EPS, false, NULL}, {"qk_layernorm", HF_ONLY, false, "false"}, {"embd_pdrop", HF_DROP_EMBED, false, NULL},
    {"resid_pdrop", HF_DROP_RESID, false, NULL}, HF_KEY_ROPE_PARTIAL, {0}};
const struct hf_family hf_phi = {.family = "phi", .type = "phi", .arch = "PhiForCausalLM", .start = start_phi, .keys = phi_keys};

static void start_stablelm(struct model_config *c, struct block_config *b)
{
    start_glu(c, b);
    b->norm = NORM_LN;
    b->norm_bias = true;
    b->partial = 0.25;
}

static const struct hf_key stablelm_keys[] = {
    HF_KEYS_SIZES, HF_KEY_ACT, {"layer_norm_eps", HF_EPS, false, NULL}, {"use_qkv_bias", HF_QKV_BIAS, false, NULL}, {"qk_layernorm", HF_QK_LN, false, NULL},
    {"use_parallel_residual", HF_PARALLEL, false, NULL}, {"hidden_dropout", HF_DROP_RESID, false, NULL}, HF_KEY_ROPE_PARTIAL, {0}};
const struct hf_family hf_stablelm = {.family = "stablelm", .type = "stablelm", .arch = "StableLmForCausalLM", .start = start_stablelm,
                                      .keys = stablelm_keys};

/* ---- Phi-3, StarCoder2 ---- */

static const struct hf_key phi3_keys[] = {
    HF_KEYS_SIZES, HF_KEY_ACT, {"rms_norm_eps", HF_EPS, false, NULL}, {"sliding_window", HF_WINDOW, false, NULL}, {"embd_pdrop", HF_DROP_EMBED, false, NULL},
    {"resid_pdrop", HF_DROP_RESID, false, NULL}, {"pad_token_id", HF_PAD, false, NULL}, HF_KEY_ROPE_PARTIAL, {0}};

static void start_phi3(struct model_config *c, struct block_config *b)
{
    start_glu(c, b);
    c->embed_pad = 32000;
}

static void rest_phi3(const struct model_config *c, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    buf_printf(out, "  \"original_max_position_embeddings\": %d,\n", b->scaling == ROPE_LONG ? (int)b->original_max_pos : c->max_pos);
}

const struct hf_family hf_phi3 = {.family = "phi3", .type = "phi3", .arch = "Phi3ForCausalLM", .start = start_phi3, .keys = phi3_keys,
                                  .rest = rest_phi3};

static void start_starcoder2(struct model_config *c, struct block_config *b)
{
    c->tie_embed = true;
    b->kv_heads = 2;
    b->norm = NORM_LN;
    b->norm_bias = b->qkv_bias = b->out_bias = b->ffn_bias = true;
    b->act = ACT_GELU_TANH;
}

static const struct hf_key starcoder2_keys[] = {
    HF_KEYS_SIZES, {"hidden_act", HF_ACT, false, "gelu_pytorch_tanh"}, {"norm_epsilon", HF_EPS, false, NULL}, {"use_bias", HF_ALL_BIAS, false, NULL}, {"sliding_window", HF_WINDOW, false, NULL},
    {"embedding_dropout", HF_DROP_EMBED, false, NULL}, {"residual_dropout", HF_DROP_RESID, false, NULL}, HF_KEY_ROPE, {0}};
const struct hf_family hf_starcoder2 = {.family = "starcoder2", .type = "starcoder2", .arch = "Starcoder2ForCausalLM",
                                        .start = start_starcoder2, .keys = starcoder2_keys};
