/* config_moe.c - ffn.type moe: its keys, their print and their checks. */
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/model/config_names.h"
#include "core/model/model.h"

enum { MAX_EXPERTS = 1024 };

static const struct choice choice_score[] = {{"softmax", ROUTER_SOFTMAX, true},
                                             {"sigmoid", ROUTER_SIGMOID, true},
                                             {"topk_softmax", ROUTER_TOPK_SOFTMAX, true},
                                             {0}};
static const struct choice choice_aux_norm[] = {{"layer", AUX_LAYER, true}, {"model", AUX_MODEL, true}, {0}};

int moe_parse(struct block_config *b, const struct cJSON *o, const char *where, struct err *e)
{
    static const char *const known[] = {"experts",         "top_k",       "shared",   "shared_ff", "shared_gate",
                                        "groups",          "topk_groups", "score",    "renorm",    "router_bias",
                                        "correction_bias", "scale",       "aux_coef", "aux_norm",  "z_coef",
                                        "bias_gamma",      NULL};
    struct moe_config *m = &b->moe;
    int64_t experts = 0, top_k = 0;
    int score = ROUTER_SOFTMAX, norm = AUX_LAYER;
    *m = (struct moe_config){.groups = 1, .topk_groups = 1, .scale = 1};
    if (json_known_keys(o, known, where, e) || json_get_i64(o, "experts", 1, MAX_EXPERTS, &experts, where, e) ||
        json_get_i64(o, "top_k", 1, MAX_EXPERTS, &top_k, where, e) ||
        opt_choice(o, "score", choice_score, &score, where, e))
        return -1;
    m->experts = (int)experts;
    m->top_k = (int)top_k;
    m->score = (enum router_score)score;
    m->renorm = m->correction_bias = score == ROUTER_SIGMOID;
    if (opt_int(o, "shared", 0, 64, &m->shared, where, e) || opt_int(o, "shared_ff", 0, 1 << 22, &m->shared_ff, where, e) ||
         opt_int(o, "groups", 1, MAX_EXPERTS, &m->groups, where, e))
        return -1;
    m->topk_groups = m->groups;
    if (opt_int(o, "topk_groups", 1, MAX_EXPERTS, &m->topk_groups, where, e) ||
        json_opt_bool(o, "renorm", &m->renorm, where, e) ||
        json_opt_bool(o, "shared_gate", &m->shared_gate, where, e) ||
        json_opt_bool(o, "router_bias", &m->router_bias, where, e) ||
        json_opt_bool(o, "correction_bias", &m->correction_bias, where, e) ||
        json_opt_f64(o, "scale", 1e-6, 1e6, &m->scale, where, e) ||
        json_opt_f64(o, "aux_coef", 0, 1e3, &m->aux_coef, where, e) ||
        opt_choice(o, "aux_norm", choice_aux_norm, &norm, where, e) ||
        json_opt_f64(o, "z_coef", 0, 1e3, &m->z_coef, where, e) ||
        json_opt_f64(o, "bias_gamma", 0, 1, &m->bias_gamma, where, e))
        return -1;
    m->aux_norm = (enum aux_norm)norm;
    return 0;
}

static const char *yes(bool b)
{
    return b ? "true" : "false";
}

void moe_print(const struct block_config *b, struct buf *out)
{
    const struct moe_config *m = &b->moe;
    buf_printf(
        out,
        ",\n        \"moe\": {\"experts\": %d, \"top_k\": %d, \"shared\": %d, \"groups\": %d, \"topk_groups\": %d, "
        "\"score\": \"%s\",\n          \"renorm\": %s, \"router_bias\": %s, \"correction_bias\": %s, ",
        m->experts, m->top_k, m->shared, m->groups, m->topk_groups, choice_name(choice_score, (int)m->score),
        yes(m->renorm), yes(m->router_bias), yes(m->correction_bias));
    if (m->shared_ff) buf_printf(out, "\"shared_ff\": %d, ", m->shared_ff);
    if (m->shared_gate) buf_adds(out, "\"shared_gate\": true, ");
    config_num(out, "scale", m->scale);
    buf_adds(out, ", ");
    config_num(out, "aux_coef", m->aux_coef);
    buf_printf(out, ", \"aux_norm\": \"%s\", ", choice_name(choice_aux_norm, (int)m->aux_norm));
    config_num(out, "z_coef", m->z_coef);
    buf_adds(out, ", ");
    config_num(out, "bias_gamma", m->bias_gamma);
    buf_addc(out, '}');
}

int moe_check(const struct block_config *b, int i, struct err *e)
{
    const struct moe_config *m = &b->moe;
    if (m->top_k > m->experts)
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.moe.top_k %d is above experts %d", i, m->top_k, m->experts);
    if (m->groups > 1 && m->experts % m->groups)
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.moe.groups %d does not divide experts %d", i, m->groups, m->experts);
    if (m->topk_groups > m->groups)
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.moe.topk_groups %d is above groups %d", i, m->topk_groups, m->groups);
    if (m->groups > 1 && m->score == ROUTER_TOPK_SOFTMAX)
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.moe.groups needs score sigmoid or softmax", i);
    if ((m->shared_gate || m->shared_ff) && !m->shared)
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.moe.%s needs shared", i, m->shared_gate ? "shared_gate" : "shared_ff");
    if (m->groups > 1 && m->score == ROUTER_SIGMOID && m->experts / m->groups < 2)
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.moe.groups %d leaves fewer than two experts a group", i, m->groups);
    if (m->groups > 1 && m->topk_groups * (m->experts / m->groups) < m->top_k)
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.moe.top_k %d is above the %d experts of topk_groups %d groups", i,
                       m->top_k, m->topk_groups * (m->experts / m->groups), m->topk_groups);
    if (m->correction_bias && m->score != ROUTER_SIGMOID)
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.moe.correction_bias needs score sigmoid", i);
    if (m->bias_gamma > 0 && !m->correction_bias)
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.moe.bias_gamma needs correction_bias", i);
    if (m->renorm && m->score == ROUTER_TOPK_SOFTMAX)
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.moe.renorm: the weights of score topk_softmax already add up to 1", i);
    if (m->shared && b->ffn_bias)
        return err_set(e, ERR_CONFIG, "blocks[%d].ffn.moe.shared with ffn.bias is not supported yet", i);
    return 0;
}
