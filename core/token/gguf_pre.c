/* The pre-tokenizers that GGUF files name. */
#include "core/token/gguf_pre.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/token/split.h"

#define SPLIT(regex) "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\",\"invert\":false}"
#define GPT2 "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}"
#define BYTES "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}"
static const char digits_gpt2[] = "{\"type\":\"Digits\",\"individual_digits\":true}," GPT2;
static const char bloom[] = SPLIT(" ?[^(\\\\s|.,!?\xE2\x80\xA6\xE3\x80\x82\xEF\xBC\x8C\xE3\x80\x81\xE0\xA5\xA4\xDB\x94\xD8\x8C)]+");
static const char deepseek_v3[] = SPLIT("\\\\p{N}{1,3}") "," SPLIT("[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-\xE3\x83\xBF]+") ","
    SPLIT("[!\\\"#$%&'()*+,\\\\-./:;<=>?@\\\\[\\\\\\\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\\\p{L}\\\\p{P}\\\\p{S}]?[\\\\p{L}\\\\p{M}]+|"
          " ?[\\\\p{P}\\\\p{S}]+[\\r\\n]*|\\\\s*[\\r\\n]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES;
static const char deepseek_coder[] = SPLIT("[\\r\\n]") "," SPLIT("\\\\s?\\\\p{L}+") "," SPLIT("\\\\s?\\\\p{P}+") ","
    SPLIT("[\xE4\xB8\x80-\xE9\xBE\xA5\xE0\xA0\x80-\xE4\xB8\x80\xEA\xB0\x80-\xED\x9F\xBF]+") ",{\"type\":\"Digits\",\"individual_digits\":true}," BYTES;
static const char falcon[] = "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}," GPT2
    ",{\"type\":\"Digits\",\"individual_digits\":false}," SPLIT("[0-9][0-9][0-9]");

/* A name is a split of split.h, or a chain of pre-tokenizers.  What the names
 * mean is what the models' own tokenizers do. */
static const struct gguf_pre pres[] = {
    {"gpt-2", "gpt2", NULL, false, FORM_NONE}, {"phi-2", "gpt2", NULL, false, FORM_NONE}, {"mpt", "gpt2", NULL, false, FORM_NFC}, {"olmo", "gpt2", NULL, false, FORM_NFC},
    {"jais", "gpt2", NULL, false, FORM_UNKNOWN}, {"jina-es", "gpt2", NULL, false, FORM_UNKNOWN}, {"jina-de", "gpt2", NULL, false, FORM_UNKNOWN},
    {"jina-v2-es", "gpt2", NULL, false, FORM_UNKNOWN}, {"jina-v2-de", "gpt2", NULL, false, FORM_UNKNOWN}, {"jina-v1-en", "gpt2", NULL, false, FORM_NONE},
    {"jina-v2-code", "gpt2", NULL, false, FORM_UNKNOWN}, {"roberta-bpe", "gpt2", NULL, false, FORM_NONE}, {"gigachat", "gpt2", NULL, false, FORM_UNKNOWN},
    {"a.x-4.0", "gpt2", NULL, false, FORM_UNKNOWN}, {"mellum", "gpt2", NULL, false, FORM_UNKNOWN}, {"modern-bert", "gpt2", NULL, false, FORM_NFC},
    {"starcoder", NULL, digits_gpt2, false, FORM_NONE}, {"refact", NULL, digits_gpt2, false, FORM_NONE}, {"command-r", NULL, digits_gpt2, false, FORM_NFC},
    {"smollm", NULL, digits_gpt2, false, FORM_NONE}, {"codeshell", NULL, digits_gpt2, false, FORM_UNKNOWN}, {"exaone", NULL, digits_gpt2, false, FORM_UNKNOWN},
    {"minerva-7b", NULL, digits_gpt2, false, FORM_UNKNOWN},
    {"llama-bpe", "llama3", NULL, true, FORM_NONE}, {"llama3", "llama3", NULL, true, FORM_NONE}, {"llama-v3", "llama3", NULL, true, FORM_NONE},
    {"falcon3", "llama3", NULL, true, FORM_UNKNOWN}, {"pixtral", "llama3", NULL, true, FORM_NONE},
    {"dbrx", "llama3", NULL, false, FORM_NONE}, {"smaug-bpe", "llama3", NULL, false, FORM_UNKNOWN}, {"glm4", "llama3", NULL, false, FORM_UNKNOWN},
    {"chatglm-bpe", "llama3", NULL, false, FORM_UNKNOWN},
    {"qwen2", "qwen2", NULL, false, FORM_NFC}, {"deepseek-r1-qwen", "qwen2", NULL, false, FORM_UNKNOWN}, {"stablelm2", "qwen2", NULL, false, FORM_UNKNOWN},
    {"kormo", "qwen2", NULL, false, FORM_UNKNOWN}, {"f2llmv2", "qwen2", NULL, false, FORM_UNKNOWN}, {"qwen35", "qwen35", NULL, false, FORM_NFC},
    {"gpt-4o", "o200k", NULL, false, FORM_NONE}, {"llama4", "o200k", NULL, false, FORM_NONE}, {"tekken", "tekken", NULL, true, FORM_NONE},
    {"deepseek-v3", NULL, deepseek_v3, false, FORM_NONE}, {"hunyuan-dense", NULL, deepseek_v3, false, FORM_UNKNOWN},
    {"deepseek-coder", NULL, deepseek_coder, false, FORM_NONE}, {"falcon", NULL, falcon, false, FORM_NONE},
    {"bloom", NULL, bloom, false, FORM_NONE}, {"poro-chat", NULL, bloom, false, FORM_UNKNOWN}, {"gpt3-finnish", NULL, bloom, false, FORM_UNKNOWN},
};

const struct gguf_pre *gguf_pre_named(const char *name)
{
    for (size_t k = 0; k < COUNT_OF(pres); k++)
        if (strcmp(name, pres[k].name) == 0) return &pres[k];
    return NULL;
}

const struct gguf_pre *gguf_pre_at(size_t k)
{
    return k < COUNT_OF(pres) ? &pres[k] : NULL;
}

void gguf_pre_regex(const char *regex, struct buf *out)
{
    buf_adds(out, "{\"type\":\"Split\",\"pattern\":{\"Regex\":");
    buf_add_json(out, regex, strlen(regex));
    buf_adds(out, "},\"behavior\":\"Isolated\",\"invert\":false}," BYTES);
}

void gguf_pre_chain(const struct gguf_pre *p, struct buf *out)
{
    if (p->chain) {
        buf_adds(out, p->chain);
        if (p->chain == bloom) buf_adds(out, "," BYTES);
        return;
    }
    gguf_pre_regex(split_pattern(p->split), out);
}
