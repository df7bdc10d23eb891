/* hf_sparse.c - config.json of decoders with experts, as tables: GraniteMoE (with shared experts too), GLM-4.5 and dots.llm1,
 * whose experts are DeepSeek-V3's. */
#include <string.h>

#include "core/base/json.h"
#include "core/model/hf.h"

/* ---- GraniteMoE: Granite's factors; the top scores' softmax ---- */

static void start_granitemoe(struct model_config *c, struct block_config *b)
{
    (void)c;
    b->act = ACT_SILU;
    b->norm_eps = 1e-6;
    b->scale = 1;
}

static int layer_granitemoe(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers,
                            struct err *e)
{
    (void)c, (void)layer, (void)layers;
    return hf_moe_read(b, hf, "granitemoe", e);
}

static int layer_granitemoeshared(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers,
                                  struct err *e)
{
    int width = 0;
    if (layer_granitemoe(b, hf, c, layer, layers, e) || hf_int(hf, "shared_intermediate_size", 0, 1 << 22, &width, e)) return -1;
    b->moe.shared = width > 0;
    b->moe.shared_ff = width;
    return 0;
}

static void rest_granitemoe(const struct model_config *c, struct buf *out)
{
    hf_moe_write(c, "granitemoe", out);
}

static void rest_granitemoeshared(const struct model_config *c, struct buf *out)
{
    rest_granitemoe(c, out);
    buf_printf(out, "  \"shared_intermediate_size\": %d,\n", moe_shared_width(&c->block[0]));
}

static const struct hf_key granitemoe_keys[] = {
    HF_KEYS_SIZES, HF_KEY_ACT, {"rms_norm_eps", HF_EPS, false, NULL}, {"attention_bias", HF_BIAS, false, NULL},
    {"embedding_multiplier", HF_EMBED_SCALE, false, NULL}, {"residual_multiplier", HF_RESIDUAL_SCALE, false, NULL},
    {"attention_multiplier", HF_SCALE, false, NULL}, {"logits_scaling", HF_LOGIT_DIVISOR, false, NULL},
    {"pad_token_id", HF_PAD, false, NULL}, HF_KEY_ROPE, {0}};
const struct hf_family hf_granitemoe = {.family = "granitemoe", .type = "granitemoe", .arch = "GraniteMoeForCausalLM",
                                        .start = start_granitemoe, .keys = granitemoe_keys, .layer = layer_granitemoe,
                                        .rest = rest_granitemoe};
const struct hf_family hf_granitemoeshared = {.family = "granitemoeshared", .type = "granitemoeshared",
                                              .arch = "GraniteMoeSharedForCausalLM", .start = start_granitemoe,
                                              .keys = granitemoe_keys, .layer = layer_granitemoeshared, .rest = rest_granitemoeshared};

/* ---- GLM-4.5 and dots.llm1: the first layers are dense ---- */

static void start_glm4_moe(struct model_config *c, struct block_config *b)
{
    (void)c;
    b->ffn = FFN_GLU;
    b->act = ACT_SILU;
    b->partial = 0.5;
}

static int sparse_after(struct block_config *b, const struct cJSON *hf, int layer, int dense, bool renorm, struct err *e)
{
    if (hf_int(hf, "first_k_dense_replace", 0, MODEL_MAX_LAYERS, &dense, e)) return -1;
    if (layer < dense) return 0;
    if (!json_member(hf, "n_group")) b->moe.groups = 1;
    return hf_deepseek_experts(b, hf, 1, 1, renorm, e);
}

static int layer_glm4_moe(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers,
                          struct err *e)
{
    bool norms = false;
    (void)c, (void)layers;
    if (json_opt_bool(hf, "use_qk_norm", &norms, "config", e)) return -1;
    b->qk_norm = norms ? QK_HEAD_RMS : QK_NONE;
    return sparse_after(b, hf, layer, 1, true, e);
}

static void rest_glm4_moe(const struct model_config *c, struct buf *out)
{
    buf_printf(out, "  \"use_qk_norm\": %s,\n", hf_yes(c->block[0].qk_norm == QK_HEAD_RMS));
    hf_deepseek_write_experts(c, out);
}

static const struct hf_key glm4_moe_keys[] = {
    HF_KEYS_SIZES, {"head_dim", HF_HEAD_DIM, false, NULL}, HF_KEY_ACT, {"rms_norm_eps", HF_EPS, false, NULL},
    {"attention_bias", HF_QKV_BIAS, false, NULL}, {"pad_token_id", HF_PAD, false, NULL}, HF_KEY_ROPE_PARTIAL, {0}};
const struct hf_family hf_glm4_moe = {.family = "glm4_moe", .type = "glm4_moe", .arch = "Glm4MoeForCausalLM", .start = start_glm4_moe,
                                      .keys = glm4_moe_keys, .layer = layer_glm4_moe, .rest = rest_glm4_moe};

static void start_dots1(struct model_config *c, struct block_config *b)
{
    start_glm4_moe(c, b);
    b->partial = 1;
    b->norm_eps = 1e-6;
    b->qk_norm = QK_HEAD_RMS;
}

static int layer_dots1(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers,
                       struct err *e)
{
    bool sliding = false;
    int from = layers;
    (void)c;
    if (hf_int(hf, "max_window_layers", 0, 1 << 20, &from, e) || hf_is_sliding(hf, layer, layers, 0, &sliding, e)) return -1;
    const struct cJSON *types = json_member(hf, "layer_types");
    if (!types) sliding = layer >= from;
    if (!sliding) b->window = 0;
    return sparse_after(b, hf, layer, 0, false, e);
}

static void rest_dots1(const struct model_config *c, struct buf *out)
{
    hf_write_layer_types(c, out);
    hf_deepseek_write_experts(c, out);
}

static const struct hf_key dots1_keys[] = {
    HF_KEYS_SIZES, {"head_dim", HF_HEAD_DIM, false, NULL}, HF_KEY_ACT, {"rms_norm_eps", HF_EPS, false, NULL},
    {"attention_bias", HF_BIAS, false, NULL}, {"pad_token_id", HF_PAD, false, NULL}, {"sliding_window", HF_WINDOW, false, NULL},
    HF_KEY_ROPE, {0}};
const struct hf_family hf_dots1 = {.family = "dots1", .type = "dots1", .arch = "Dots1ForCausalLM", .start = start_dots1,
                                   .keys = dots1_keys, .layer = layer_dots1, .rest = rest_dots1};
