/* hf_deepseek.c - config.json of DeepseekV2ForCausalLM and DeepseekV3ForCausalLM. */
#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/model/config_names.h"
#include "core/model/hf.h"

/* Keys of DeepSeek's own code that transformers does not read. */
static int check_own_keys(const struct cJSON *hf, bool two, struct err *e)
{
    const char *score = two ? "softmax" : "sigmoid", *want = score;
    int every = 1;
    if (json_opt_str(hf, "scoring_func", &score, "config", e) || hf_int(hf, "moe_layer_freq", 1, 1 << 20, &every, e))
        return -1;
    if (strcmp(score, want)) return err_set(e, ERR_CONFIG, "scoring_func %s is not supported yet in this model_type", score);
    return every == 1 ? 0 : err_set(e, ERR_CONFIG, "moe_layer_freq %d is not supported yet", every);
}

int hf_deepseek_experts(struct block_config *b, const struct cJSON *hf, int groups, double scale, bool renorm, struct err *e)
{
    struct moe_config *m = &b->moe;
    *m = (struct moe_config){
        .groups = groups, .scale = scale, .score = ROUTER_SIGMOID, .renorm = renorm, .correction_bias = true};
    b->ffn = FFN_MOE;
    if (hf_need(hf, "n_routed_experts", 1024, &m->experts, e) || hf_need(hf, "num_experts_per_tok", 1024, &m->top_k, e) ||
        hf_need(hf, "moe_intermediate_size", 1 << 22, &b->d_ff, e) || hf_int(hf, "n_shared_experts", 0, 64, &m->shared, e) ||
        hf_int(hf, "n_group", 1, 1024, &m->groups, e))
        return -1;
    m->topk_groups = m->groups == 8 ? 4 : m->groups;
    return hf_int(hf, "topk_group", 1, 1024, &m->topk_groups, e) ||
                   json_opt_bool(hf, "norm_topk_prob", &m->renorm, "config", e) ||
                   json_opt_f64(hf, "routed_scaling_factor", 1e-6, 1e6, &m->scale, "config", e)
               ? -1
               : 0;
}

static int read_experts(struct block_config *b, const struct cJSON *hf, bool two, struct err *e)
{
    return hf_deepseek_experts(b, hf, two ? 1 : 8, two ? 1 : 2.5, true, e) || check_own_keys(hf, two, e) ? -1 : 0;
}

/* Version 2: softmax; the best of all, or of the groups that hold the best one each. */
static int read_experts2(struct block_config *b, const struct cJSON *hf, struct err *e)
{
    const char *method = "greedy";
    struct moe_config *m = &b->moe;
    if (read_experts(b, hf, true, e) || json_opt_str(hf, "topk_method", &method, "config", e)) return -1;
    m->score = ROUTER_SOFTMAX;
    m->correction_bias = false;
    if (strcmp(method, "greedy") == 0) m->groups = m->topk_groups = 1;
    else if (strcmp(method, "group_limited_greedy"))
        return err_set(e, ERR_CONFIG, "topk_method %s is not supported yet", method);
    m->renorm = false;
    if (json_opt_bool(hf, "norm_topk_prob", &m->renorm, "config", e)) return -1;
    return m->renorm ? err_set(e, ERR_CONFIG,
                               "norm_topk_prob true is not supported yet: DeepSeek's code and transformers differ")
                     : 0;
}

static int read_deepseek(struct model_config *c, const struct cJSON *hf, bool two, struct err *e)
{
    struct block_config b = model_block_default();
    bool interleaved = true, mlp_bias = false;
    int layers = 0, dense = 0;
    b.mixer = MIX_MLA;
    b.ffn = FFN_GLU;
    b.act = ACT_SILU;
    b.norm_eps = 1e-6;
    if (hf_need(hf, "hidden_size", 1 << 17, &c->d_model, e) || hf_need(hf, "num_attention_heads", 4096, &b.heads, e) ||
        hf_need(hf, "num_hidden_layers", MODEL_MAX_LAYERS, &layers, e) ||
        hf_need(hf, "intermediate_size", 1 << 22, &b.d_ff, e) ||
        hf_need(hf, "max_position_embeddings", 1 << 24, &c->max_pos, e) ||
        hf_int(hf, "q_lora_rank", 1, 1 << 16, &b.mla.q_rank, e) ||
        hf_need(hf, "kv_lora_rank", 1 << 16, &b.mla.kv_rank, e) ||
        hf_need(hf, "qk_nope_head_dim", 256, &b.mla.nope_dim, e) ||
        hf_need(hf, "qk_rope_head_dim", 256, &b.mla.rope_dim, e) || hf_need(hf, "v_head_dim", 256, &b.mla.v_dim, e) ||
        hf_int(hf, "first_k_dense_replace", 0, MODEL_MAX_LAYERS, &dense, e) ||
        hf_activation(hf, "hidden_act", &b.act, e) ||
        json_opt_f64(hf, "rms_norm_eps", 0, 1, &b.norm_eps, "config", e) ||
        json_opt_bool(hf, "attention_bias", &b.mla.bias, "config", e) ||
        json_opt_bool(hf, "mlp_bias", &mlp_bias, "config", e) ||
        json_opt_bool(hf, "rope_interleave", &interleaved, "config", e) ||
        json_opt_f64(hf, "attention_dropout", 0, 0.99, &c->dropout_attn, "config", e) ||
        hf_rope(&b, hf, c, "rope_theta", "partial_rotary_factor", 1, e))
        return -1;
    if (two && mlp_bias) return err_set(e, ERR_CONFIG, "mlp_bias is not supported yet");
    b.mla.norm_eps = 1e-6; /* whatever rms_norm_eps says */
    b.interleaved = interleaved;
    mla_set_sizes(&b);
    const struct cJSON *rp = json_member(hf, "rope_parameters");
    if (!rp || !cJSON_IsObject(rp)) rp = json_member(hf, "rope_scaling");
    double all = 0;
    if (b.scaling != ROPE_PLAIN && rp && json_opt_f64(rp, "mscale_all_dim", 0, 1e3, &all, "rope_parameters", e)) return -1;
    if (all > 0 && b.factor > 1) {
        double m = 0.1 * all * log(b.factor) + 1;
        b.scale = m * m / sqrt(b.mla.nope_dim + b.mla.rope_dim);
    }
    struct block_config sparse = b;
    if (dense < layers && (two ? read_experts2(&sparse, hf, e) : read_experts(&sparse, hf, false, e))) return -1;
    for (int i = 0; i < layers; i++)
        if (hf_add_block(c, i < dense ? &b : &sparse, e)) return -1;
    return 0;
}

static int read_deepseek2(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    return read_deepseek(c, hf, true, e);
}

static int read_deepseek3(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    return read_deepseek(c, hf, false, e);
}

/* Of YaRN the scores' factor too: (0.1 mscale_all_dim ln(factor) + 1)^2. */
static void write_rope(const struct model_config *c, const struct block_config *b, struct buf *out)
{
    hf_write_rope(c, b, "rope_parameters", out);
    if (b->scale <= 0 || b->factor <= 1 || out->oom || out->len < 3) return;
    double all = (sqrt(b->scale * sqrt(b->mla.nope_dim + b->mla.rope_dim)) - 1) / (0.1 * log(b->factor));
    out->len -= 3; /* "},\n" */
    buf_printf(out, ", \"mscale_all_dim\": %.12g},\n", all);
}

void hf_deepseek_write_experts(const struct model_config *c, struct buf *out)
{
    const struct block_config *sparse = NULL;
    int dense = 0;
    for (int i = 0; i < c->n_blocks && !sparse; i++) {
        if (c->block[i].ffn == FFN_MOE) sparse = &c->block[i];
        else dense += c->block[i].repeat;
    }
    buf_printf(out, "  \"first_k_dense_replace\": %d,\n", dense);
    if (!sparse) return;
    const struct moe_config *x = &sparse->moe;
    buf_printf(out,
               "  \"n_routed_experts\": %d,\n  \"num_experts_per_tok\": %d,\n  \"moe_intermediate_size\": %d,\n"
               "  \"n_shared_experts\": %d,\n  \"n_group\": %d,\n  \"topk_group\": %d,\n  \"norm_topk_prob\": %s,\n",
               x->experts, x->top_k, sparse->d_ff, x->shared, x->groups, x->topk_groups, hf_yes(x->renorm));
    hf_write_float(out, "routed_scaling_factor", x->scale);
    if (strcmp(c->family, "deepseek_v2") == 0)
        buf_printf(out, "  \"topk_method\": \"%s\",\n", x->groups > 1 ? "group_limited_greedy" : "greedy");
}

static void write_deepseek(const struct model_config *c, struct buf *out)
{
    const struct block_config *b = &c->block[0];
    const struct mla_config *m = &b->mla;
    buf_printf(out,
               "  \"hidden_size\": %d,\n  \"num_hidden_layers\": %d,\n  \"num_attention_heads\": %d,\n  "
               "\"num_key_value_heads\": %d,\n"
               "  \"intermediate_size\": %d,\n  \"max_position_embeddings\": %d,\n  \"kv_lora_rank\": %d,\n  "
               "\"qk_nope_head_dim\": %d,\n"
               "  \"qk_rope_head_dim\": %d,\n  \"v_head_dim\": %d,\n  "
               "\"hidden_act\": \"%s\",\n"
               "  \"rms_norm_eps\": %.17g,\n  \"rope_interleave\": %s,\n  \"attention_bias\": %s,\n",
               c->d_model, c->n_layers, b->heads, b->heads, hf_dense_width(c), c->max_pos, m->kv_rank, m->nope_dim,
               m->rope_dim, m->v_dim, hf_act_name(b->act), b->norm_eps, hf_yes(b->interleaved), hf_yes(m->bias));
    hf_write_float(out, "attention_dropout", c->dropout_attn);
    buf_printf(out, m->q_rank ? "  \"q_lora_rank\": %d,\n" : "  \"q_lora_rank\": null,\n", m->q_rank);
    hf_deepseek_write_experts(c, out);
    write_rope(c, b, out);
}

const struct hf_family hf_deepseek = {.family = "deepseek_v3", .type = "deepseek_v3", .arch = "DeepseekV3ForCausalLM",
                                      .read = read_deepseek3, .write = write_deepseek};
const struct hf_family hf_deepseek2 = {.family = "deepseek_v2", .type = "deepseek_v2", .arch = "DeepseekV2ForCausalLM",
                                       .read = read_deepseek2, .write = write_deepseek};
