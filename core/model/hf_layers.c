/* hf_layers.c - config.json of decoders whose layers take turns, as tables:
 * SmolLM3 (layers without positions), Cohere 2 (windows with, full attention
 * without positions), OLMo 3 (windows with plain, full attention with scaled
 * positions); and of GPT-J. */
#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/model/hf.h"

static void start_glu(struct block_config *b)
{
    b->ffn = FFN_GLU;
    b->act = ACT_SILU;
}

static void write_ints(struct buf *out, const char *key, const struct model_config *c, int (*of)(const struct block_config *b))
{
    buf_printf(out, "  \"%s\": [", key);
    for (int i = 0; i < c->n_layers; i++) buf_printf(out, "%s%d", i ? ", " : "", of(model_block(c, i)));
    buf_adds(out, "],\n");
}

/* ---- SmolLM3 ---- */

static void start_smollm3(struct model_config *c, struct block_config *b)
{
    start_glu(b);
    c->tie_embed = true;
    c->embed_pad = 128004;
    b->theta = 2e6;
    b->norm_eps = 1e-6;
}

/* no_rope_layers: 1 = the layer has positions; else all but each fourth. */
static int layer_smollm3(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers,
                         struct err *e)
{
    const struct cJSON *list = json_member(hf, "no_rope_layers");
    int interval = 4;
    bool use = false, sliding;
    (void)c;
    if (hf_int(hf, "no_rope_layer_interval", 1, 1 << 20, &interval, e) ||
        json_opt_bool(hf, "use_sliding_window", &use, "config", e))
        return -1;
    bool turns = (layer + 1) % interval;
    if (list && !cJSON_IsNull(list)) {
        const struct cJSON *v = cJSON_IsArray(list) ? cJSON_GetArrayItem(list, layer) : NULL;
        if (!cJSON_IsNumber(v) || (v->valueint != 0 && v->valueint != 1))
            return err_set(e, ERR_CONFIG, "no_rope_layers must be a list of %d zeros and ones", layers);
        turns = v->valueint;
    }
    if (!turns) b->pos = POS_NONE;
    if (hf_is_sliding(hf, layer, layers, 0, &sliding, e)) return -1;
    const struct cJSON *types = json_member(hf, "layer_types");
    if (!types || cJSON_IsNull(types)) sliding = !turns;
    if (!use || !sliding) b->window = 0;
    return 0;
}

static int has_rope(const struct block_config *b)
{
    return b->pos == POS_ROPE;
}

static void rest_smollm3(const struct model_config *c, struct buf *out)
{
    bool window = false;
    for (int i = 0; i < c->n_blocks; i++) window |= c->block[i].window > 0;
    write_ints(out, "no_rope_layers", c, has_rope);
    buf_printf(out, "  \"use_sliding_window\": %s,\n", hf_yes(window));
    hf_write_layer_types(c, out);
}

static const struct hf_key smollm3_keys[] = {
    HF_KEYS_SIZES, HF_KEY_ACT, {"rms_norm_eps", HF_EPS, false, NULL}, {"attention_bias", HF_BIAS, false, NULL},
    {"mlp_bias", HF_FFN_BIAS, false, NULL}, {"pad_token_id", HF_PAD, false, NULL}, {"sliding_window", HF_WINDOW, false, NULL},
    HF_KEY_ROPE, {0}};
const struct hf_family hf_smollm3 = {.family = "smollm3", .type = "smollm3", .arch = "SmolLM3ForCausalLM", .start = start_smollm3,
                                     .keys = smollm3_keys, .layer = layer_smollm3, .rest = rest_smollm3};

/* ---- Cohere 2 ---- */

static void start_cohere2(struct model_config *c, struct block_config *b)
{
    start_glu(b);
    c->tie_embed = true;
    c->logit_scale = 0.0625;
    c->embed_pad = 0;
    b->norm = NORM_LN;
    b->place = PLACE_PARALLEL_ONE;
    b->interleaved = true;
    b->window = 4096;
}

static int layer_cohere2(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers,
                         struct err *e)
{
    int period = 4;
    bool sliding;
    (void)c;
    if (hf_int(hf, "sliding_window_pattern", 1, 1 << 20, &period, e) || hf_is_sliding(hf, layer, layers, period, &sliding, e)) return -1;
    if (sliding && b->window > 0) return 0;
    b->window = 0;
    b->pos = POS_NONE;
    return 0;
}

static const struct hf_key cohere2_keys[] = {
    HF_KEYS_SIZES, HF_KEY_ACT, {"layer_norm_eps", HF_EPS, false, NULL}, {"attention_bias", HF_BIAS, false, NULL},
    {"logit_scale", HF_LOGIT_SCALE, false, NULL}, {"pad_token_id", HF_PAD, false, NULL}, {"sliding_window", HF_WINDOW, false, NULL},
    HF_KEY_ROPE, {0}};
const struct hf_family hf_cohere2 = {.family = "cohere2", .type = "cohere2", .arch = "Cohere2ForCausalLM", .start = start_cohere2,
                                     .keys = cohere2_keys, .layer = layer_cohere2, .rest = hf_write_layer_types};

/* ---- OLMo 3 ---- */

static void start_olmo3(struct model_config *c, struct block_config *b)
{
    start_glu(b);
    c->embed_pad = 1;
    b->place = PLACE_OUT;
    b->qk_norm = QK_FULL_RMS;
    b->theta = 500000;
    b->window = 4096;
}

static int layer_olmo3(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers, struct err *e)
{
    bool sliding;
    if (hf_is_sliding(hf, layer, layers, 4, &sliding, e)) return -1;
    if (!sliding) b->window = 0;
    return hf_rope_of_kind(b, hf, c, sliding, e);
}

static void rest_olmo3(const struct model_config *c, struct buf *out)
{
    hf_write_layer_types(c, out);
    hf_write_ropes(c, out);
}

static const struct hf_key olmo3_keys[] = {
    HF_KEYS_SIZES, HF_KEY_ACT, {"rms_norm_eps", HF_EPS, false, NULL}, {"attention_bias", HF_BIAS, false, NULL},
    {"pad_token_id", HF_PAD, false, NULL}, {"sliding_window", HF_WINDOW, false, NULL}, {0}};
const struct hf_family hf_olmo3 = {.family = "olmo3", .type = "olmo3", .arch = "Olmo3ForCausalLM", .start = start_olmo3,
                                   .keys = olmo3_keys, .layer = layer_olmo3, .rest = rest_olmo3};

/* ---- GPT-J ---- */

static void start_gptj(struct model_config *c, struct block_config *b)
{
    c->head_bias = true;
    b->norm = NORM_LN;
    b->norm_bias = b->ffn_bias = true;
    b->place = PLACE_PARALLEL_ONE;
    b->act = ACT_GELU_TANH;
    b->pos = POS_ROPE;
    b->interleaved = true;
}

static int layer_gptj(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers, struct err *e)
{
    int turning = json_member(hf, "rotary_dim") ? b->head_dim : 64;
    (void)layer;
    (void)layers;
    if (hf_int(hf, "rotary_dim", 1, 1024, &turning, e)) return -1;
    b->original_max_pos = c->max_pos;
    b->partial = (double)turning / b->head_dim;
    if ((int)(b->head_dim * b->partial) < turning) b->partial = nextafter(b->partial, 2);
    return 0;
}

static void rest_gptj(const struct model_config *c, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    buf_printf(out, "  \"rotary_dim\": %d,\n", (int)(b->head_dim * b->partial));
}

static const struct hf_key gptj_keys[] = {
    {"n_embd", HF_WIDTH, true, NULL}, {"n_layer", HF_LAYERS, true, NULL}, {"n_head", HF_HEADS, true, NULL}, {"n_inner", HF_FF, false, NULL},
    {"n_positions", HF_MAX_POS, true, NULL}, {"activation_function", HF_ACT, false, NULL}, {"layer_norm_epsilon", HF_EPS, false, NULL},
    {"embd_pdrop", HF_DROP_EMBED, false, NULL}, {"resid_pdrop", HF_DROP_RESID, false, NULL}, {"attn_pdrop", HF_DROP_ATTN, false, NULL}, {0}};
const struct hf_family hf_gptj = {.family = "gptj", .type = "gptj", .arch = "GPTJForCausalLM", .start = start_gptj, .keys = gptj_keys,
                                  .layer = layer_gptj, .rest = rest_gptj};
