/* config_head.c - the head of a description: parsing, printing, checking. */
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/model/config_names.h"
#include "core/model/layout.h"

static const struct choice choice_pool[] = {
    {"mean", POOL_MEAN, true}, {"cls", POOL_CLS, true}, {"last", POOL_LAST, true}, {0}};
static const struct choice choice_loss[] = {
    {"ce", LOSS_CE, true}, {"mse", LOSS_MSE, true}, {"pairs", LOSS_PAIRS, true}, {0}};

const char *model_label(const struct model_config *c, int i)
{
    const char *name = c->label_names;
    if (!*name || i < 0 || i >= c->labels) return NULL;
    for (; i > 0; i--) name += strlen(name) + 1;
    return name;
}

int model_set_label(struct model_config *c, int i, const char *name, struct err *e)
{
    char *to = c->label_names, *end = to + sizeof c->label_names;
    for (int k = 0; k < i; k++) to += strlen(to) + 1;
    size_t n = strlen(name) + 1;
    if (n == 1) return err_set(e, ERR_CONFIG, "the name of label %d is empty", i);
    if (n + 1 > (size_t)(end - to))
        return err_set(e, ERR_CONFIG, "the names of the labels have more than %zu bytes", sizeof c->label_names - 2);
    memcpy(to, name, n);
    to[n] = '\0';
    c->labels = i + 1;
    return 0;
}

/* A number, or the list of their names. */
static int parse_labels(struct model_config *c, const struct cJSON *o, struct err *e)
{
    const struct cJSON *list = json_member(o, "labels"), *name;
    if (!list || !cJSON_IsArray(list)) return opt_int(o, "labels", 1, MODEL_MAX_LABELS, &c->labels, "head", e);
    int i = 0;
    cJSON_ArrayForEach(name, list)
    {
        if (!cJSON_IsString(name)) return err_set(e, ERR_CONFIG, "head.labels must be a number or a list of names");
        if (model_set_label(c, i++, name->valuestring, e)) return -1;
    }
    return i ? 0 : err_set(e, ERR_CONFIG, "head.labels is empty");
}

/* What a head of texts has when nothing is said. */
static void score_defaults(struct model_config *c)
{
    bool encoder = c->stack == STACK_ENCODER;
    c->labels = c->head == HEAD_REWARD ? 1 : 2;
    c->pool = encoder ? POOL_CLS : POOL_LAST;
    c->head_dense = c->head_bias = encoder && c->head == HEAD_CLS;
    c->head_act = ACT_TANH;
}

static int parse_scores(struct model_config *c, const struct cJSON *o, struct err *e)
{
    static const char *const known[] = {"type", "act", "norm",       "bias",       "labels",      "pool",    "dense",
                                        "loss", "pad", "dense_norm", "dense_bias", "logit_scale", "softcap", NULL};
    int act = ACT_TANH, pool, loss;
    score_defaults(c);
    pool = (int)c->pool;
    if (o &&
        (json_known_keys(o, known, "head", e) || config_refuse(o, "logit_scale", 1, "head", e) ||
         config_refuse(o, "softcap", 0, "head", e) || parse_labels(c, o, e) ||
         opt_choice(o, "act", choice_act, &act, "head", e) || opt_choice(o, "pool", choice_pool, &pool, "head", e) ||
         opt_int(o, "pad", -1, 1 << 24, &c->score_pad, "head", e) ||
         json_opt_bool(o, "norm", &c->head_norm, "head", e) || json_opt_bool(o, "bias", &c->head_bias, "head", e) ||
         json_opt_bool(o, "dense", &c->head_dense, "head", e) ||
         json_opt_bool(o, "dense_norm", &c->head_dense_norm, "head", e) ||
         json_opt_bool(o, "dense_bias", &c->head_dense_bias, "head", e)))
        return -1;
    loss = c->head == HEAD_REWARD ? LOSS_PAIRS : c->labels == 1 ? LOSS_MSE : LOSS_CE;
    if (o && opt_choice(o, "loss", choice_loss, &loss, "head", e)) return -1;
    c->head_act = (enum act)act;
    c->pool = (enum head_pool)pool;
    c->score_loss = (enum score_loss)loss;
    return 0;
}

int head_parse(struct model_config *c, const struct cJSON *j, struct err *e)
{
    static const char *const known[] = {"type", "act", "norm", "bias", "dense_bias", "logit_scale", "softcap", NULL};
    const struct cJSON *o = json_member(j, "head");
    int type = (int)c->head, act = ACT_GELU_ERF;
    if (!o) return 0;
    bool name = cJSON_IsString(o);
    if (!name && !cJSON_IsObject(o)) return err_set(e, ERR_CONFIG, "head must be an object or a name");
    if (name ? opt_choice(j, "head", choice_head, &type, "model", e)
             : opt_choice(o, "type", choice_head, &type, "head", e))
        return -1;
    c->head = (enum head_type)type;
    if (model_scores(c)) return parse_scores(c, name ? NULL : o, e);
    if (name) return 0;
    if (json_known_keys(o, known, "head", e) || opt_choice(o, "act", choice_act, &act, "head", e) ||
        json_opt_bool(o, "norm", &c->head_norm, "head", e) || json_opt_bool(o, "bias", &c->head_bias, "head", e) ||
        json_opt_bool(o, "dense_bias", &c->head_dense_bias, "head", e) ||
        json_opt_f64(o, "logit_scale", 1e-6, 1e6, &c->logit_scale, "head", e) ||
        json_opt_f64(o, "softcap", 0, 1e6, &c->head_softcap, "head", e))
        return -1;
    c->head_act = (enum act)act;
    return 0;
}

static const char *yes(bool b)
{
    return b ? "true" : "false";
}

static void print_scores(const struct model_config *c, struct buf *out)
{
    buf_printf(out, "\"labels\": %s", c->label_names[0] ? "[" : "");
    if (!c->label_names[0]) buf_printf(out, "%d", c->labels);
    for (int i = 0; c->label_names[0] && i < c->labels; i++) {
        const char *name = model_label(c, i);
        buf_adds(out, i ? ", " : "");
        buf_adds_json(out, name);
    }
    buf_printf(out, "%s, \"pool\": \"%s\", \"dense\": %s, \"act\": \"%s\", \"norm\": %s, \"bias\": %s, \"loss\": \"%s\"",
               c->label_names[0] ? "]" : "", choice_name(choice_pool, (int)c->pool), yes(c->head_dense),
               choice_name(choice_act, (int)c->head_act), yes(c->head_norm), yes(c->head_bias),
               choice_name(choice_loss, (int)c->score_loss));
    if (c->head_dense_norm) buf_adds(out, ", \"dense_norm\": true");
    if (!c->head_dense_bias) buf_adds(out, ", \"dense_bias\": false");
    if (c->score_pad >= 0) buf_printf(out, ", \"pad\": %d", c->score_pad);
    buf_adds(out, "},\n");
}

void head_print(const struct model_config *c, struct buf *out)
{
    buf_printf(out, "  \"head\": {\"type\": \"%s\", ", choice_name(choice_head, (int)c->head));
    if (model_scores(c)) {
        print_scores(c, out);
        return;
    }
    if (c->head != HEAD_LM) buf_printf(out, "\"act\": \"%s\", ", choice_name(choice_act, (int)c->head_act));
    if (!c->head_dense_bias) buf_adds(out, "\"dense_bias\": false, ");
    buf_printf(out, "\"norm\": %s, \"bias\": %s, ", yes(c->head_norm), yes(c->head_bias));
    config_num(out, "logit_scale", c->logit_scale);
    buf_adds(out, ", ");
    config_num(out, "softcap", c->head_softcap);
    buf_adds(out, "},\n");
}

static int check_scores(const struct model_config *c, struct err *e)
{
    const char *type = choice_name(choice_head, (int)c->head);
    if (c->stack == STACK_ENCDEC) return err_set(e, ERR_CONFIG, "head.type %s with stack encdec is not supported yet", type);
    if (c->labels < 1 || c->labels > MODEL_MAX_LABELS)
        return err_set(e, ERR_CONFIG, "head.labels %d is not within 1 and %d", c->labels, MODEL_MAX_LABELS);
    if (c->score_loss == LOSS_CE && c->labels < 2)
        return err_set(e, ERR_CONFIG, "head.labels 1: head.loss ce chooses among at least 2");
    if ((c->score_loss == LOSS_PAIRS || c->head == HEAD_REWARD) && c->labels != 1)
        return err_set(e, ERR_CONFIG, "head.labels %d: %s gives one number", c->labels,
                       c->head == HEAD_REWARD ? "head.type reward" : "head.loss pairs");
    if (c->head_dense_norm && !c->head_dense) return err_set(e, ERR_CONFIG, "head.dense_norm belongs to head.dense");
    if (c->pool == POOL_CLS && c->stack == STACK_DECODER)
        return err_set(e, ERR_CONFIG,
                       "head.pool cls: the first token of a decoder sees nothing of the text; take mean or last");
    return 0;
}

int head_check(const struct model_config *c, struct err *e)
{
    if (model_scores(c)) return check_scores(c, e);
    if (!c->head_dense_bias && c->head != HEAD_MLM && c->head != HEAD_NONE)
        return err_set(e, ERR_CONFIG, "head.dense_bias belongs to head.type mlm and cls");
    if ((c->head == HEAD_LM) != (c->stack != STACK_ENCODER))
        return err_set(e, ERR_CONFIG, "head.type %s does not go with stack %s", choice_name(choice_head, (int)c->head),
                       choice_name(choice_stack, (int)c->stack));
    if (c->head == HEAD_LM && c->tie_embed && c->embed_dim != c->d_model)
        return err_set(e, ERR_CONFIG, "tie_embed: the head needs d_model %d, embed.dim is %d", c->d_model, c->embed_dim);
    if ((c->head == HEAD_RTD || c->head == HEAD_NONE) && (c->head_softcap > 0 || c->head_bias))
        return err_set(e, ERR_CONFIG, "head.%s does not go with head.type %s", c->head_bias ? "bias" : "softcap",
                       choice_name(choice_head, (int)c->head));
    return 0;
}
