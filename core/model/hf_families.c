/* hf_families.c - which file reads and writes which config.json. */
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/model/hf.h"

static const struct hf_family *const all[] = {&hf_bert, &hf_electra, &hf_electra_generator, &hf_t5, &hf_bart,
                                              &hf_marian, &hf_bloom, &hf_gemma, &hf_gemma2, &hf_gemma3};

const struct hf_family *hf_family_of(const char *family)
{
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (strcmp(all[i]->family, family) == 0) return all[i];
    return NULL;
}

/* ELECTRA's two models share model_type: the architecture tells them apart. */
const struct hf_family *hf_family_for(const struct cJSON *hf, const char *type)
{
    const struct cJSON *list = json_member(hf, "architectures");
    const struct cJSON *arch = list && cJSON_IsArray(list) ? list->child : NULL;
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (strcmp(all[i]->type, type) == 0 && cJSON_IsString(arch) && strcmp(all[i]->arch, arch->valuestring) == 0)
            return all[i];
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (strcmp(all[i]->type, type) == 0) return all[i];
    return NULL;
}
