/* hf_families.c - which file reads and writes which config.json. */
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/model/hf.h"

// clang-format off
static const struct hf_family *const all[] = {
    &hf_bert, &hf_electra, &hf_electra_generator, &hf_t5, &hf_bart, &hf_marian, &hf_bloom, &hf_gemma, &hf_gemma2,
    &hf_gemma3, &hf_rwkv, &hf_deepseek, &hf_deepseek2, &hf_mbart, &hf_pegasus, &hf_olmo, &hf_olmo2, &hf_granite,
    &hf_cohere, &hf_stablelm, &hf_phi, &hf_phi3, &hf_starcoder2, &hf_gpt_neo, &hf_opt, &hf_mpt, &hf_roberta,
    &hf_distilbert, &hf_falcon_two, &hf_falcon, &hf_smollm3, &hf_cohere2, &hf_olmo3, &hf_gptj, &hf_arcee,
    &hf_seed_oss, &hf_helium, &hf_ernie4_5, &hf_glm, &hf_glm4, &hf_exaone4, &hf_xlm_roberta, &hf_camembert,
    &hf_modernbert, &hf_mt5, &hf_umt5, &hf_m2m_100, &hf_blenderbot, &hf_plbart,
    &hf_granitemoe, &hf_granitemoeshared, &hf_glm4_moe, &hf_dots1, &hf_nemotron, &hf_xglm, &hf_albert, &hf_mpnet,
    &hf_megatron_bert, &hf_roberta_prelayernorm, &hf_data2vec_text};
// clang-format on

const struct hf_family *hf_family_of(const char *family)
{
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (strcmp(all[i]->family, family) == 0) return all[i];
    return NULL;
}

const char *hf_architecture(const struct cJSON *hf)
{
    const struct cJSON *list = json_member(hf, "architectures");
    const struct cJSON *arch = list && cJSON_IsArray(list) ? list->child : NULL;
    return cJSON_IsString(arch) ? arch->valuestring : "";
}

/* ELECTRA's two models share model_type: the architecture tells them apart. */
const struct hf_family *hf_family_for(const struct cJSON *hf, const char *type)
{
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (strcmp(all[i]->type, type) == 0 && strcmp(all[i]->arch, hf_architecture(hf)) == 0 &&
            (!all[i]->is || all[i]->is(hf)))
            return all[i];
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (strcmp(all[i]->type, type) == 0 && (!all[i]->is || all[i]->is(hf))) return all[i];
    return NULL;
}

int hf_check_architecture(const struct cJSON *hf, const char *type, struct err *e)
{
    static const char *const heads[] = {"ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering",
                                        "ForMultipleChoice", "ForNextSentencePrediction"};
    const char *arch = hf_architecture(hf), *known = hf_score_arch(type);
    if (known && strcmp(known, arch) == 0) return 0;
    for (size_t i = 0; i < COUNT_OF(heads); i++)
        if (strstr(arch, heads[i])) return err_set(e, ERR_CONFIG, "architectures %s is not supported yet", arch);
    return 0;
}

const char *hf_bare(const char *family)
{
    static const char *const bare[][2] = {{"bert", "BertModel"},
                                          {"electra", "ElectraModel"},
                                          {"roberta", "RobertaModel"},
                                          {"xlm_roberta", "XLMRobertaModel"},
                                          {"camembert", "CamembertModel"},
                                          {"modernbert", "ModernBertModel"},
                                          {"albert", "AlbertModel"},
                                          {"mpnet", "MPNetModel"},
                                          {"megatron_bert", "MegatronBertModel"},
                                          {"roberta_prelayernorm", "RobertaPreLayerNormModel"},
                                          {"data2vec_text", "Data2VecTextModel"},
                                          {"distilbert", "DistilBertModel"}};
    for (size_t i = 0; i < COUNT_OF(bare); i++)
        if (strcmp(family, bare[i][0]) == 0) return bare[i][1];
    return NULL;
}

int hf_read(const struct hf_family *f, struct model_config *c, const struct cJSON *hf, struct err *e)
{
    if (f->keys ? hf_keys_read(f, c, hf, e) : f->read(c, hf, e)) return -1;
    const char *bare = hf_bare(f->family);
    if (!bare || strcmp(bare, hf_architecture(hf))) return 0;
    c->head = HEAD_NONE;
    c->head_bias = false;
    return 0;
}

int hf_read_pad(struct model_config *c, const struct cJSON *hf, int by_default, struct err *e)
{
    const struct cJSON *m = json_member(hf, "pad_token_id");
    c->embed_pad = m && cJSON_IsNull(m) ? -1 : by_default;
    if (hf_int(hf, "pad_token_id", -1, 1 << 24, &c->embed_pad, e)) return -1;
    if (c->embed_pad >= c->vocab) c->embed_pad = -1; /* a default beyond a small vocabulary */
    return 0;
}

void hf_write_pad(const struct model_config *c, struct buf *out)
{
    if (c->embed_pad < 0) buf_adds(out, "  \"pad_token_id\": null,\n");
    else buf_printf(out, "  \"pad_token_id\": %d,\n", c->embed_pad);
}
