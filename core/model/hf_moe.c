/* hf_moe.c - experts in config.json, both ways. */
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/model/hf.h"

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

bool hf_has_experts(const char *type)
{
    return is(type, "mixtral") || is(type, "qwen2_moe") || is(type, "qwen3_moe") || is(type, "olmoe") || is(type, "gpt_oss");
}

/* The first of the keys that is there; they were renamed in transformers 5. */
static int get_int(const struct cJSON *hf, const char *key, const char *old, int64_t max, int *out, struct err *e)
{
    int64_t v = 0;
    if (json_opt_i64(hf, key, 1, max, &v, "config", e) || (v == 0 && old && json_opt_i64(hf, old, 1, max, &v, "config", e)))
        return -1;
    if (v == 0 && *out == 0) return err_set(e, ERR_CONFIG, "config.%s is missing", key);
    if (v) *out = (int)v;
    return 0;
}

int hf_moe_read(struct block_config *b, const struct cJSON *hf, const char *type, struct err *e)
{
    struct moe_config *m = &b->moe;
    bool logits = false, qwen2 = is(type, "qwen2_moe"), own_width = qwen2 || is(type, "qwen3_moe"),
         oss = is(type, "gpt_oss");
    bool says_norm = own_width || is(type, "olmoe");
    double coef = is(type, "olmoe") ? 0.01 : oss ? 0.9 : 0.001, limit = 7;
    *m = (struct moe_config){
        .groups = 1, .topk_groups = 1, .scale = 1, .aux_norm = AUX_MODEL, .renorm = is(type, "mixtral")};
    b->ffn = FFN_MOE;
    if (get_int(hf, "num_local_experts", "num_experts", 1024, &m->experts, e) ||
        get_int(hf, "num_experts_per_tok", "experts_per_token", 1024, &m->top_k, e) ||
        (own_width && get_int(hf, "moe_intermediate_size", NULL, 1 << 22, &b->d_ff, e)) ||
        (says_norm && json_opt_bool(hf, "norm_topk_prob", &m->renorm, "config", e)) ||
        json_opt_bool(hf, "output_router_logits", &logits, "config", e) ||
        json_opt_f64(hf, "router_aux_loss_coef", 0, 1e3, &coef, "config", e) ||
        (oss && json_opt_f64(hf, "swiglu_limit", 0, 1e6, &limit, "config", e)))
        return -1;
    m->aux_coef = logits ? coef : 0; /* only then transformers adds it to the loss */
    if (qwen2) {
        m->shared = 1;
        m->shared_gate = true;
        if (get_int(hf, "shared_expert_intermediate_size", NULL, 1 << 22, &m->shared_ff, e)) return -1;
    }
    if (oss || is(type, "granitemoe")) m->score = ROUTER_TOPK_SOFTMAX;
    if (!oss) return 0;
    m->router_bias = b->ffn_bias = true;
    b->glu_limit = limit;
    b->glu_alpha = 1.702;
    if (json_opt_f64(hf, "swiglu_alpha", 0, 1e3, &b->glu_alpha, "config", e)) return -1;
    return 0;
}

int hf_moe_dense_layer(const struct cJSON *hf, int layer, bool *dense, struct err *e)
{
    int64_t step = 1;
    const struct cJSON *only = json_member(hf, "mlp_only_layers"), *o;
    if (json_opt_i64(hf, "decoder_sparse_step", 1, 1 << 20, &step, "config", e)) return -1;
    *dense = (layer + 1) % step != 0;
    cJSON_ArrayForEach(o, only)
    {
        if (cJSON_IsNumber(o) && o->valuedouble >= layer && o->valuedouble <= layer) *dense = true;
    }
    return 0;
}

void hf_write_float(struct buf *out, const char *key, double v)
{
    char s[40];
    snprintf(s, sizeof s, "%.17g", v);
    buf_printf(out, "  \"%s\": %s%s,\n", key, s, strpbrk(s, ".e") ? "" : ".0");
}

void hf_moe_write(const struct model_config *c, const char *type, struct buf *out)
{
    const struct block_config *b = NULL;
    const char *sep = "";
    for (int i = 0; i < c->n_blocks && !b; i++)
        if (c->block[i].ffn == FFN_MOE) b = &c->block[i];
    if (!b) return;
    const struct moe_config *m = &b->moe;
    bool own_width = is(type, "qwen2_moe") || is(type, "qwen3_moe"), apart = own_width || is(type, "olmoe");
    buf_printf(out,
               "  \"%s\": %d,\n  \"num_experts_per_tok\": %d,\n  \"output_router_logits\": %s,\n",
               apart ? "num_experts" : "num_local_experts", m->experts, m->top_k, m->aux_coef > 0 ? "true" : "false");
    hf_write_float(out, "router_aux_loss_coef", m->aux_coef);
    if (is(type, "gpt_oss")) {
        hf_write_float(out, "swiglu_limit", b->glu_limit);
        hf_write_float(out, "swiglu_alpha", b->glu_alpha);
    }
    if (apart) buf_printf(out, "  \"norm_topk_prob\": %s,\n", m->renorm ? "true" : "false");
    if (m->shared && is(type, "qwen2_moe")) buf_printf(out, "  \"shared_expert_intermediate_size\": %d,\n", moe_shared_width(b));
    if (!own_width) return;
    buf_printf(out, "  \"moe_intermediate_size\": %d,\n  \"decoder_sparse_step\": 1,\n  \"mlp_only_layers\": [", b->d_ff);
    for (int i = 0; i < c->n_layers; i++)
        if (model_block(c, i)->ffn != FFN_MOE) {
            buf_printf(out, "%s%d", sep, i);
            sep = ", ";
        }
    buf_adds(out, "],\n");
}

int hf_dense_width(const struct model_config *c)
{
    for (int i = 0; i < c->n_blocks; i++)
        if (c->block[i].ffn != FFN_MOE) return c->block[i].d_ff;
    return c->block[0].d_ff;
}
