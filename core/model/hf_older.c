/* hf_older.c - config.json of GPT-Neo, OPT, MPT, Falcon and XGLM, as tables. */
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/model/hf.h"

static void start_biased(struct block_config *b)
{
    b->norm = NORM_LN;
    b->norm_bias = b->qkv_bias = b->out_bias = b->ffn_bias = true;
}

/* ---- GPT-Neo: scores without a scale, every other layer sees a window ---- */

static void start_gpt_neo(struct model_config *c, struct block_config *b)
{
    c->embed_pos = POS_LEARNED;
    c->tie_embed = true;
    start_biased(b);
    b->qkv_bias = false;
    b->act = ACT_GELU_TANH;
    b->scale = 1;
    b->window = 256;
}

static const struct hf_key gpt_neo_keys[] = {
    {"hidden_size", HF_WIDTH, true, NULL}, {"num_layers", HF_LAYERS, true, NULL}, {"num_heads", HF_HEADS, true, NULL},
    {"intermediate_size", HF_FF, false, NULL}, {"max_position_embeddings", HF_MAX_POS, true, NULL},
    {"activation_function", HF_ACT, false, NULL}, {"layer_norm_epsilon", HF_EPS, false, NULL}, {"window_size", HF_WINDOW, false, NULL},
    {"embed_dropout", HF_DROP_EMBED, false, NULL}, {"resid_dropout", HF_DROP_RESID, false, NULL},
    {"attention_dropout", HF_DROP_ATTN, false, NULL}, {0}};

/* attention_types: [[["global", "local"], 12], ...] is twelve times global, local. */
static int layer_gpt_neo(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers,
                         struct err *e)
{
    const struct cJSON *list = json_member(hf, "attention_types"), *o, *word = NULL;
    int at = 0;
    (void)c;
    if (!list || cJSON_IsNull(list)) {
        if (layer % 2 == 0) b->window = 0;
        return 0;
    }
    cJSON_ArrayForEach(o, list)
    {
        const struct cJSON *kinds = cJSON_GetArrayItem(o, 0), *times = cJSON_GetArrayItem(o, 1);
        int n = cJSON_IsArray(kinds) ? cJSON_GetArraySize(kinds) : 0;
        if (!n || !cJSON_IsNumber(times) || times->valuedouble < 0 || times->valuedouble > MODEL_MAX_LAYERS)
            return err_set(e, ERR_CONFIG, "attention_types must be a list of [[kinds], times]");
        int all = n * (int)times->valuedouble;
        if (layer >= at && layer < at + all) word = cJSON_GetArrayItem(kinds, (layer - at) % n);
        at += all;
    }
    if (at != layers || !cJSON_IsString(word))
        return err_set(e, ERR_CONFIG, "attention_types names %d layers, num_layers is %d", at, layers);
    if (strcmp(word->valuestring, "global") == 0) b->window = 0;
    else if (strcmp(word->valuestring, "local"))
        return err_set(e, ERR_CONFIG, "attention_types %s is not supported yet", word->valuestring);
    return 0;
}

static void rest_gpt_neo(const struct model_config *c, struct buf *out)
{
    for (int list = 0; list < 2; list++) {
        buf_adds(out, list ? "  \"attention_layers\": [" : "  \"attention_types\": [[[");
        for (int i = 0; i < c->n_layers; i++)
            buf_printf(out, "%s\"%s\"", i ? ", " : "", model_block(c, i)->window ? "local" : "global");
        buf_adds(out, list ? "],\n" : "], 1]],\n");
    }
}

const struct hf_family hf_gpt_neo = {.family = "gpt_neo", .type = "gpt_neo", .arch = "GPTNeoForCausalLM", .start = start_gpt_neo,
                                     .keys = gpt_neo_keys, .layer = layer_gpt_neo, .rest = rest_gpt_neo};

/* ---- OPT ---- */

static void start_opt(struct model_config *c, struct block_config *b)
{
    c->embed_pos = POS_LEARNED;
    c->pos_offset = 2;
    c->tie_embed = true;
    c->embed_pad = 1;
    start_biased(b);
    b->act = ACT_RELU;
}

static const struct hf_key opt_keys[] = {
    {"hidden_size", HF_WIDTH, true, NULL}, {"num_hidden_layers", HF_LAYERS, true, NULL}, {"num_attention_heads", HF_HEADS, true, NULL},
    {"ffn_dim", HF_FF, true, NULL}, {"max_position_embeddings", HF_MAX_POS, true, NULL}, {"activation_function", HF_ACT, false, NULL},
    {"enable_bias", HF_ALL_BIAS, false, NULL}, {"do_layer_norm_before", HF_ONLY, false, "true"},
    {"_remove_final_layer_norm", HF_ONLY, false, "false"}, {"layer_norm_elementwise_affine", HF_ONLY, false, "true"},
    {"dropout", HF_DROP_RESID, false, NULL}, {"attention_dropout", HF_DROP_ATTN, false, NULL}, {"pad_token_id", HF_PAD, false, NULL}, {0}};

/* The embedding has the width of the stream: 350m's narrower one is projected without a bias. */
static int layer_opt(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers,
                         struct err *e)
{
    int width = b->heads * b->head_dim, dim = width;
    (void)c;
    (void)layer;
    (void)layers;
    if (hf_int(hf, "word_embed_proj_dim", 1, 1 << 17, &dim, e)) return -1;
    return dim == width ? 0 : err_set(e, ERR_CONFIG, "word_embed_proj_dim %d other than hidden_size is not supported yet", dim);
}

static void rest_opt(const struct model_config *c, struct buf *out)
{
    buf_printf(out, "  \"word_embed_proj_dim\": %d,\n", c->d_model);
}

const struct hf_family hf_opt = {.family = "opt", .type = "opt", .arch = "OPTForCausalLM", .start = start_opt, .keys = opt_keys,
                                 .layer = layer_opt, .rest = rest_opt};

/* ---- MPT: ALiBi, no biases anywhere; transformers takes an expansion_ratio of 4 whatever it says ---- */

static void start_mpt(struct model_config *c, struct block_config *b)
{
    c->tie_embed = true;
    b->norm = NORM_LN;
    b->act = ACT_GELU_ERF;
    b->pos = POS_ALIBI;
}

static const struct hf_key mpt_keys[] = {
    {"d_model", HF_WIDTH, true, NULL}, {"n_layers", HF_LAYERS, true, NULL}, {"n_heads", HF_HEADS, true, NULL},
    {"expansion_ratio", HF_ONLY, false, "4"}, {"max_seq_len", HF_MAX_POS, true, NULL}, {"layer_norm_epsilon", HF_EPS, false, NULL},
    {"logit_scale", HF_ONLY, false, "null"}, {"no_bias", HF_ONLY, false, "true"}, {"embedding_fraction", HF_ONLY, false, "1.0"},
    {"emb_pdrop", HF_DROP_EMBED, false, NULL}, {"resid_pdrop", HF_DROP_RESID, false, NULL},
    {"attn_config.attn_pdrop", HF_DROP_ATTN, false, NULL}, {"attn_config.attn_type", HF_ONLY, false, "\"multihead_attention\""},
    {"attn_config.alibi", HF_ONLY, false, "true"}, {"attn_config.alibi_bias_max", HF_ONLY, false, "8"},
    {"attn_config.qk_ln", HF_ONLY, false, "false"}, {"attn_config.clip_qkv", HF_CLIP, false, NULL},
    {"attn_config.prefix_lm", HF_ONLY, false, "false"}, {"attn_config.softmax_scale", HF_SCALE, false, NULL}, {0}};

static void rest_mpt(const struct model_config *c, struct buf *out)
{
    buf_printf(out, "  \"attn_config\": {\"attn_type\": \"multihead_attention\", \"alibi\": true, \"alibi_bias_max\": 8, "
                    "\"attn_pdrop\": %.17g, ", c->dropout_attn);
    if (c->block[0].clip_qkv > 0) buf_printf(out, "\"clip_qkv\": %.17g, ", c->block[0].clip_qkv);
    buf_adds(out, "\"softmax_scale\": ");
    if (c->block[0].scale > 0) buf_printf(out, "%.17g},\n", c->block[0].scale);
    else buf_adds(out, "null},\n");
}

const struct hf_family hf_mpt = {.family = "mpt", .type = "mpt", .arch = "MptForCausalLM", .start = start_mpt, .keys = mpt_keys,
                                 .rest = rest_mpt};

/* ---- Falcon: keys and values of one head, of some, or of all; one norm a layer, two in parallel, or two in turn ---- */

struct falcon {
    bool grouped, one_kv, parallel;      /* new_decoder_architecture, multi_query, parallel_attn */
    int norms;                           /* num_ln_in_parallel_attn */
};

static int read_falcon(struct falcon *f, const struct cJSON *hf, struct err *e)
{
    *f = (struct falcon){.one_kv = true, .parallel = true};
    if (json_opt_bool(hf, "new_decoder_architecture", &f->grouped, "config", e) ||
        json_opt_bool(hf, "multi_query", &f->one_kv, "config", e) || json_opt_bool(hf, "parallel_attn", &f->parallel, "config", e))
        return -1;
    f->norms = f->grouped ? 2 : 1;
    return hf_int(hf, "num_ln_in_parallel_attn", 1, 2, &f->norms, e);
}

static bool has_two_norms(const struct cJSON *hf)
{
    struct falcon f;
    struct err ignored;
    return read_falcon(&f, hf, &ignored) == 0 && f.grouped && f.norms == 2;
}

static void start_falcon(struct model_config *c, struct block_config *b)
{
    c->tie_embed = true;
    c->max_pos = 2048;
    b->norm = NORM_LN;
    b->norm_bias = true;
    b->act = ACT_GELU_ERF;
}

static const struct hf_key falcon_keys[] = {
    {"hidden_size", HF_WIDTH, true, NULL}, {"num_hidden_layers", HF_LAYERS, true, NULL}, {"num_attention_heads", HF_HEADS, true, NULL},
    {"num_kv_heads", HF_KV_HEADS, false, NULL}, {"ffn_hidden_size", HF_FF, false, NULL},
    {"max_position_embeddings", HF_MAX_POS, false, NULL}, {"activation", HF_ACT, false, NULL},
    {"layer_norm_epsilon", HF_EPS, false, NULL}, {"bias", HF_ALL_BIAS, false, NULL}, {"alibi", HF_ONLY, false, "false"},
    {"hidden_dropout", HF_DROP_RESID, false, NULL}, {"attention_dropout", HF_DROP_ATTN, false, NULL},
    {"rope_theta", HF_ROPE, false, NULL}, {0}};

static int layer_falcon(struct block_config *b, const struct cJSON *hf, const struct model_config *c, int layer, int layers,
                         struct err *e)
{
    struct falcon f;
    (void)c;
    (void)layer;
    (void)layers;
    if (read_falcon(&f, hf, e)) return -1;
    if (f.grouped && !f.parallel) return err_set(e, ERR_CONFIG, "parallel_attn false with new_decoder_architecture is not supported yet");
    if (!f.grouped) {
        b->kv_heads = f.one_kv ? 1 : b->heads;
        b->place = f.parallel ? PLACE_PARALLEL_ONE : PLACE_PRE;
    } else {
        b->place = f.norms == 2 ? PLACE_PARALLEL : PLACE_PARALLEL_ONE;
    }
    return 0;
}

static void rest_falcon(const struct model_config *c, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    bool one_kv = b->kv_heads == 1, grouped = b->place == PLACE_PARALLEL || (!one_kv && b->kv_heads != b->heads);
    buf_printf(out, "  \"new_decoder_architecture\": %s,\n  \"multi_query\": %s,\n  \"parallel_attn\": %s,\n", hf_yes(grouped),
               hf_yes(one_kv), hf_yes(b->place != PLACE_PRE));
    if (grouped) buf_printf(out, "  \"num_ln_in_parallel_attn\": %d,\n", b->place == PLACE_PARALLEL ? 2 : 1);
}

const struct hf_family hf_falcon_two = {.family = "falcon_two_norms", .type = "falcon", .arch = "FalconForCausalLM", .start = start_falcon,
                                        .keys = falcon_keys, .layer = layer_falcon, .rest = rest_falcon, .is = has_two_norms};
const struct hf_family hf_falcon = {.family = "falcon", .type = "falcon", .arch = "FalconForCausalLM", .start = start_falcon,
                                    .keys = falcon_keys, .layer = layer_falcon, .rest = rest_falcon};

/* ---- XGLM: M2M100's decoder ---- */

static void start_xglm(struct model_config *c, struct block_config *b)
{
    c->embed_pos = POS_SINUSOIDAL;
    c->sin_layout = SIN_T2T;
    c->pos_offset = 2;
    c->embed_pad = 1;
    c->tie_embed = true;
    start_biased(b);
    b->act = ACT_GELU_ERF;
}

static const struct hf_key xglm_keys[] = {
    {"d_model", HF_WIDTH, true, NULL}, {"num_layers", HF_LAYERS, true, NULL}, {"attention_heads", HF_HEADS, true, NULL},
    {"ffn_dim", HF_FF, true, NULL}, {"max_position_embeddings", HF_MAX_POS, true, NULL}, {"activation_function", HF_ACT, false, NULL},
    {"scale_embedding", HF_SCALED, false, NULL}, {"add_cross_attention", HF_ONLY, false, "false"}, {"dropout", HF_DROP_HIDDEN, false, NULL},
    {"attention_dropout", HF_DROP_ATTN, false, NULL}, {"pad_token_id", HF_PAD, false, NULL}, {0}};
const struct hf_family hf_xglm = {.family = "xglm", .type = "xglm", .arch = "XGLMForCausalLM", .start = start_xglm, .keys = xglm_keys};
