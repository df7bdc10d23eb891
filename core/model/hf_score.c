/* hf_score.c - the *ForSequenceClassification heads of config.json: labels,
 * what the head learns from, and which families have one.
 *
 * Encoders: a dense layer over the first state (BERT's pooler, the heads of
 * RoBERTa, DistilBERT, ELECTRA), then the labels with biases.  Decoders: the
 * labels straight from the state of the last token.  One label is regression,
 * unless problem_type says otherwise; of a decoder it is how reward models are
 * kept, which learned from pairs. */
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/model/hf.h"

static const struct score_arch {
    const char *type, *arch;
    enum act act;           /* of the dense layer; ACT_NONE = there is none */
    bool own;               /* act, pooling and the norm behind it are the family's (ModernBERT) */
} archs[] = {
    {"bert", "BertForSequenceClassification", ACT_TANH, false},
    {"roberta", "RobertaForSequenceClassification", ACT_TANH, false},
    {"xlm-roberta", "XLMRobertaForSequenceClassification", ACT_TANH, false},
    {"camembert", "CamembertForSequenceClassification", ACT_TANH, false},
    {"albert", "AlbertForSequenceClassification", ACT_TANH, false},
    {"mpnet", "MPNetForSequenceClassification", ACT_TANH, false},
    {"megatron-bert", "MegatronBertForSequenceClassification", ACT_TANH, false},
    {"roberta-prelayernorm", "RobertaPreLayerNormForSequenceClassification", ACT_TANH, false},
    {"data2vec-text", "Data2VecTextForSequenceClassification", ACT_TANH, false},
    {"modernbert", "ModernBertForSequenceClassification", ACT_GELU_ERF, true},
    {"distilbert", "DistilBertForSequenceClassification", ACT_RELU, false},
    {"electra", "ElectraForSequenceClassification", ACT_GELU_ERF, false},
    {"gpt2", "GPT2ForSequenceClassification", ACT_NONE, false},
    {"gpt_neo", "GPTNeoForSequenceClassification", ACT_NONE, false},
    {"gpt_neox", "GPTNeoXForSequenceClassification", ACT_NONE, false},
    {"llama", "LlamaForSequenceClassification", ACT_NONE, false},
    {"mistral", "MistralForSequenceClassification", ACT_NONE, false},
    {"mixtral", "MixtralForSequenceClassification", ACT_NONE, false},
    {"qwen2", "Qwen2ForSequenceClassification", ACT_NONE, false},
    {"qwen3", "Qwen3ForSequenceClassification", ACT_NONE, false},
    {"smollm3", "SmolLM3ForSequenceClassification", ACT_NONE, false},
    {"gptj", "GPTJForSequenceClassification", ACT_NONE, false},
    {"seed_oss", "SeedOssForSequenceClassification", ACT_NONE, false},
    {"glm4", "Glm4ForSequenceClassification", ACT_NONE, false},
    {"gemma", "GemmaForSequenceClassification", ACT_NONE, false},
    {"phi", "PhiForSequenceClassification", ACT_NONE, false},
    {"phi3", "Phi3ForSequenceClassification", ACT_NONE, false},
    {"starcoder2", "Starcoder2ForSequenceClassification", ACT_NONE, false},
    {"stablelm", "StableLmForSequenceClassification", ACT_NONE, false},
    {"bloom", "BloomForSequenceClassification", ACT_NONE, false},
    {"mpt", "MptForSequenceClassification", ACT_NONE, false},
    {"nemotron", "NemotronForSequenceClassification", ACT_NONE, false},
    {"opt", "OPTForSequenceClassification", ACT_NONE, false},
};

static const struct score_arch *of_type(const char *type)
{
    for (size_t i = 0; i < COUNT_OF(archs); i++)
        if (strcmp(archs[i].type, type) == 0) return &archs[i];
    return NULL;
}

const char *hf_score_arch(const char *type)
{
    const struct score_arch *a = of_type(type);
    return a ? a->arch : NULL;
}

/* What transformers calls labels that nobody named. */
static void default_name(char out[24], int i)
{
    snprintf(out, 24, "LABEL_%d", i);
}

/* {"0": "negative", "1": "positive"}; absent for two unnamed ones. */
static int read_labels(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    const struct cJSON *names = json_member(hf, "id2label");
    c->labels = 2;
    c->label_names[0] = '\0';
    if (hf_int(hf, "num_labels", 1, MODEL_MAX_LABELS, &c->labels, e)) return -1;
    if (!names || cJSON_IsNull(names)) return 0;
    if (!cJSON_IsObject(names)) return err_set(e, ERR_CONFIG, "id2label must be an object");
    int n = cJSON_GetArraySize(names);
    bool named = false;
    if (n < 1 || n > MODEL_MAX_LABELS) return err_set(e, ERR_CONFIG, "id2label has %d labels", n);
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < n; i++) {
            char key[24], unnamed[24];
            snprintf(key, sizeof key, "%d", i);
            default_name(unnamed, i);
            const struct cJSON *v = json_member(names, key);
            if (!cJSON_IsString(v)) return err_set(e, ERR_CONFIG, "id2label has no name for label %d of %d", i, n);
            if (pass == 0) named |= strcmp(v->valuestring, unnamed) != 0;
            else if (named && model_set_label(c, i, v->valuestring, e)) return -1;
        }
    c->labels = n;
    return 0;
}

static int read_loss(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    const char *problem = NULL;
    if (json_opt_str(hf, "problem_type", &problem, "config", e)) return -1;
    c->score_loss = c->labels == 1 ? LOSS_MSE : LOSS_CE;
    if (!problem && c->labels == 1 && c->stack == STACK_DECODER) {
        c->head = HEAD_REWARD;
        c->score_loss = LOSS_PAIRS;
    }
    if (!problem) return 0;
    if (strcmp(problem, "regression") == 0) c->score_loss = LOSS_MSE;
    else if (strcmp(problem, "single_label_classification") == 0) c->score_loss = LOSS_CE;
    else return err_set(e, ERR_CONFIG, "problem_type %s is not supported yet", problem);
    return 0;
}

int hf_score_read(struct model_config *c, const struct cJSON *hf, const char *type, struct err *e)
{
    const struct score_arch *a = of_type(type);
    if (!a || strcmp(a->arch, hf_architecture(hf))) return 0;
    c->head = HEAD_CLS;
    c->head_dense = c->head_bias = a->act != ACT_NONE;
    c->head_dense_norm = a->own;
    if (!a->own) {
        c->head_act = c->head_dense ? a->act : ACT_TANH;
        c->pool = c->stack == STACK_ENCODER ? POOL_CLS : POOL_LAST;
    }
    c->logit_scale = 1; /* of logits over the vocabulary only */
    c->head_softcap = 0;
    if (c->stack == STACK_DECODER && hf_int(hf, "pad_token_id", -1, 1 << 24, &c->score_pad, e)) return -1;
    return read_labels(c, hf, e) ? -1 : read_loss(c, hf, e);
}

void hf_score_write(const struct model_config *c, struct buf *out)
{
    for (int id2label = 1; id2label >= 0; id2label--) {
        buf_adds(out, id2label ? "  \"id2label\": {" : "  \"label2id\": {");
        for (int i = 0; i < c->labels; i++) {
            char unnamed[24];
            const char *name = model_label(c, i);
            default_name(unnamed, i);
            if (!name) name = unnamed;
            buf_adds(out, i ? ", " : "");
            if (id2label) buf_printf(out, "\"%d\": ", i);
            buf_adds_json(out, name);
            if (!id2label) buf_printf(out, ": %d", i);
        }
        buf_adds(out, "},\n");
    }
    /* Without it transformers takes no batches; some families have written it as the table's. */
    if (c->score_pad >= 0 && out->data && !strstr(out->data, "\"pad_token_id\""))
        buf_printf(out, "  \"pad_token_id\": %d,\n", c->score_pad);
    if (c->score_loss == LOSS_MSE) buf_adds(out, "  \"problem_type\": \"regression\",\n");
}

void hf_score_normalise(struct model_config *c)
{
    if (c->head != HEAD_REWARD && c->score_loss != LOSS_PAIRS) return;
    c->head = HEAD_CLS;
    c->score_loss = LOSS_MSE;
}
