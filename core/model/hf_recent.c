/* hf_recent.c - config.json of further relatives of Llama, as tables: Arcee,
 * Seed-OSS, Helium, ERNIE 4.5, GLM and GLM-4, EXAONE 4, Nemotron. */
#include "core/base/json.h"
#include "core/model/hf.h"

#include <cjson/cJSON.h>

#define RMS_EPS {"rms_norm_eps", HF_EPS, false, NULL}
#define HEAD_DIM {"head_dim", HF_HEAD_DIM, false, NULL}
#define PAD {"pad_token_id", HF_PAD, false, NULL}

static void start_glu(struct block_config *b)
{
    b->ffn = FFN_GLU;
    b->act = ACT_SILU;
}

/* ---- Arcee: no gate, relu² ---- */

static void start_arcee(struct model_config *c, struct block_config *b)
{
    (void)c;
    b->act = ACT_RELU2;
}

static const struct hf_key arcee_keys[] = {
    HF_KEYS_SIZES, HEAD_DIM, HF_KEY_ACT, RMS_EPS, {"attention_bias", HF_BIAS, false, NULL}, {"mlp_bias", HF_FFN_BIAS, false, NULL},
    PAD, HF_KEY_ROPE, {0}};
const struct hf_family hf_arcee = {.family = "arcee", .type = "arcee", .arch = "ArceeForCausalLM", .start = start_arcee, .keys = arcee_keys};

/* ---- Seed-OSS: biases of q, k and v ---- */

static void start_seed_oss(struct model_config *c, struct block_config *b)
{
    start_glu(b);
    c->embed_pad = 1;
    c->dropout_attn = c->dropout_resid = 0.1;
    b->norm_eps = 1e-6;
    b->head_dim = 128;
    b->kv_heads = 8;
    b->qkv_bias = true;
}

static const struct hf_key seed_oss_keys[] = {
    HF_KEYS_SIZES, HEAD_DIM, HF_KEY_ACT, RMS_EPS, {"attention_bias", HF_QKV_BIAS, false, NULL}, {"attention_out_bias", HF_OUT_BIAS, false, NULL},
    {"mlp_bias", HF_FFN_BIAS, false, NULL}, {"residual_dropout", HF_DROP_RESID, false, NULL}, PAD, HF_KEY_ROPE, {0}};
const struct hf_family hf_seed_oss = {.family = "seed_oss", .type = "seed_oss", .arch = "SeedOssForCausalLM", .start = start_seed_oss,
                                      .keys = seed_oss_keys};

/* ---- Helium, ERNIE 4.5: interleaved rotation ---- */

static void start_helium(struct model_config *c, struct block_config *b)
{
    start_glu(b);
    c->embed_pad = 3;
    b->norm_eps = 1e-8;
    b->head_dim = 128;
    b->theta = 100000;
    b->interleaved = true;
}

static const struct hf_key helium_keys[] = {
    HF_KEYS_SIZES, HEAD_DIM, HF_KEY_ACT, RMS_EPS, {"attention_bias", HF_QKV_BIAS, false, NULL}, {"mlp_bias", HF_FFN_BIAS, false, NULL},
    PAD, HF_KEY_ROPE, {0}};
const struct hf_family hf_helium = {.family = "helium", .type = "helium", .arch = "HeliumForCausalLM", .start = start_helium,
                                    .keys = helium_keys};

static void start_ernie(struct model_config *c, struct block_config *b)
{
    start_glu(b);
    c->tie_embed = true;
    c->embed_pad = 0;
    b->head_dim = 128;
    b->kv_heads = 2;
    b->theta = 500000;
    b->interleaved = true;
}

static const struct hf_key ernie_keys[] = {
    HF_KEYS_SIZES, HEAD_DIM, HF_KEY_ACT, RMS_EPS, {"use_bias", HF_ALL_BIAS, false, NULL}, PAD, HF_KEY_ROPE, {0}};
const struct hf_family hf_ernie4_5 = {.family = "ernie4_5", .type = "ernie4_5", .arch = "Ernie4_5ForCausalLM", .start = start_ernie,
                                      .keys = ernie_keys};

/* ---- GLM: half of a head turns; version 4 has norms on the outputs too ---- */

static void start_glm(struct model_config *c, struct block_config *b)
{
    start_glu(b);
    c->embed_pad = 151329;
    b->norm_eps = 1.5625e-7;
    b->head_dim = 128;
    b->kv_heads = 2;
    b->partial = 0.5;
    b->interleaved = true;
    b->qkv_bias = true;
}

static void start_glm4(struct model_config *c, struct block_config *b)
{
    start_glm(c, b);
    b->place = PLACE_SANDWICH;
}

static const struct hf_key glm_keys[] = {
    HF_KEYS_SIZES, HEAD_DIM, HF_KEY_ACT, RMS_EPS, {"attention_bias", HF_QKV_BIAS, false, NULL}, PAD, HF_KEY_ROPE_PARTIAL, {0}};
const struct hf_family hf_glm = {.family = "glm", .type = "glm", .arch = "GlmForCausalLM", .start = start_glm, .keys = glm_keys};
const struct hf_family hf_glm4 = {.family = "glm4", .type = "glm4", .arch = "Glm4ForCausalLM", .start = start_glm4, .keys = glm_keys};

/* ---- EXAONE 4: norms on outputs and on heads; where windows are, full attention has no positions ---- */

static void start_exaone4(struct model_config *c, struct block_config *b)
{
    (void)c;
    start_glu(b);
    b->place = PLACE_OUT;
    b->qk_norm = QK_HEAD_RMS;
    b->window = 4096;
}

static int layer_exaone4(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers,
                         struct err *e)
{
    const struct cJSON *pattern = json_member(hf, "sliding_window_pattern"), *window = json_member(hf, "sliding_window");
    int period = 4;
    bool sliding;
    (void)c;
    if (cJSON_IsNumber(pattern) && hf_int(hf, "sliding_window_pattern", 0, 1 << 20, &period, e)) return -1;
    if (window && cJSON_IsNull(window)) b->window = 0;
    if (b->window == 0) return 0;
    if (hf_is_sliding(hf, layer, layers, period, &sliding, e)) return -1;
    if (sliding) return 0;
    b->window = 0;
    b->pos = POS_NONE;
    return 0;
}

static const struct hf_key exaone4_keys[] = {
    HF_KEYS_SIZES, HEAD_DIM, HF_KEY_ACT, RMS_EPS, PAD, {"sliding_window", HF_WINDOW, false, NULL}, HF_KEY_ROPE, {0}};
const struct hf_family hf_exaone4 = {.family = "exaone4", .type = "exaone4", .arch = "Exaone4ForCausalLM", .start = start_exaone4,
                                     .keys = exaone4_keys, .layer = layer_exaone4, .rest = hf_write_layer_types};

/* ---- Nemotron: relu², layer norms whose weights are stored minus one ---- */

static void start_nemotron(struct model_config *c, struct block_config *b)
{
    (void)c;
    b->act = ACT_RELU2;
    b->norm = NORM_LN;
    b->norm_bias = b->norm_plus_one = true;
    b->partial = 0.5;
}

static const struct hf_key nemotron_keys[] = {
    HF_KEYS_SIZES, HEAD_DIM, HF_KEY_ACT, {"norm_eps", HF_EPS, false, NULL}, {"attention_bias", HF_BIAS, false, NULL},
    {"mlp_bias", HF_FFN_BIAS, false, NULL}, PAD, HF_KEY_ROPE_PARTIAL, {0}};
const struct hf_family hf_nemotron = {.family = "nemotron", .type = "nemotron", .arch = "NemotronForCausalLM", .start = start_nemotron,
                                      .keys = nemotron_keys};
