/* The pre-tokenizers that GGUF files name. */
#include "core/token/gguf_pre.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/split.h"
#include "core/token/tok_members.h"

#define SPLIT(regex) "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\",\"invert\":false}"
#define GPT2 TOK_BYTE_LEVEL(false, true, true)
#define BYTES TOK_BYTE_LEVEL(false, true, false)
static const char digits_gpt2[] = "{\"type\":\"Digits\",\"individual_digits\":true}," GPT2;
#define BLOOM SPLIT(" ?[^(\\\\s|.,!?\xE2\x80\xA6\xE3\x80\x82\xEF\xBC\x8C\xE3\x80\x81\xE0\xA5\xA4\xDB\x94\xD8\x8C)]+")
static const char bloom[] = BLOOM "," BYTES;
static const char viking[] = BLOOM ",{\"type\":\"Digits\",\"individual_digits\":true}," BYTES;
static const char deepseek_v3[] = SPLIT("\\\\p{N}{1,3}") "," SPLIT("[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-\xE3\x83\xBF]+") ","
    SPLIT("[!\\\"#$%&'()*+,\\\\-./:;<=>?@\\\\[\\\\\\\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\\\p{L}\\\\p{P}\\\\p{S}]?[\\\\p{L}\\\\p{M}]+|"
          " ?[\\\\p{P}\\\\p{S}]+[\\r\\n]*|\\\\s*[\\r\\n]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES;
static const char deepseek_coder[] = SPLIT("[\\r\\n]") "," SPLIT("\\\\s?\\\\p{L}+") "," SPLIT("\\\\s?\\\\p{P}+") ","
    SPLIT("[\xE4\xB8\x80-\xE9\xBE\xA5\xE0\xA0\x80-\xE4\xB8\x80\xEA\xB0\x80-\xED\x9F\xBF]+") ",{\"type\":\"Digits\",\"individual_digits\":true}," BYTES;
/* DeepSeek LLM's letters of words: cased ones of older Unicode, without Armenian and Georgian small letters. */
#define CASED \
    "[A-Za-z\302\265\303\200-\303\226\303\230-\303\266\303\270-\306\272\306\274-\306\277\307\204-\312\223\312\225" \
    "-\312\257\315\260-\315\263\315\266\315\267\315\273-\315\275\315\277\316\206\316\210-\316\212\316\214\316\216" \
    "-\316\241\316\243-\317\265\317\267-\322\201\322\212-\324\257\324\261-\325\226\341\202\240-\341\203\205" \
    "\341\216\240-\341\217\265\341\217\270-\341\217\275\341\262\220-\341\262\272\341\262\275-\341\262\277" \
    "\341\264\200-\341\264\253\341\265\253-\341\265\267\341\265\271-\341\266\232\341\270\200-\341\274\225" \
    "\341\274\230-\341\274\235\341\274\240-\341\275\205\341\275\210-\341\275\215\341\275\220-\341\275\227" \
    "\341\275\231\341\275\233\341\275\235\341\275\237-\341\275\275\341\276\200-\341\276\264\341\276\266-" \
    "\341\276\274\341\276\276\341\277\202-\341\277\204\341\277\206-\341\277\214\341\277\220-\341\277\223" \
    "\341\277\226-\341\277\233\341\277\240-\341\277\254\341\277\262-\341\277\264\341\277\266-\341\277\274" \
    "\342\204\202\342\204\207\342\204\212-\342\204\223\342\204\225\342\204\231-\342\204\235\342\204\244" \
    "\342\204\246\342\204\250\342\204\252-\342\204\255\342\204\257-\342\204\264\342\204\271\342\204\274-" \
    "\342\204\277\342\205\205-\342\205\211\342\205\216\342\206\203\342\206\204\342\260\200-\342\261\273" \
    "\342\261\276-\342\263\244\342\263\253-\342\263\256\342\263\262\342\263\263\352\231\200-\352\231\255" \
    "\352\232\200-\352\232\233\352\234\242-\352\235\257\352\235\261-\352\236\207\352\236\213-\352\236\216" \
    "\352\255\260-\352\256\277\357\254\200-\357\254\206\357\254\223-\357\254\227\357\274\241-\357\274\272" \
    "\357\275\201-\357\275\232\360\220\220\200-\360\220\221\217\360\220\222\260-\360\220\223\223\360\220\223\230-" \
    "\360\220\223\273\360\220\262\200-\360\220\262\262\360\220\263\200-\360\220\263\262\360\221\242\240-" \
    "\360\221\243\237\360\236\244\200-\360\236\245\203]"
static const char deepseek_llm[] = SPLIT("[\\r\\n]") "," SPLIT("\\\\s?" CASED "+") ","
    SPLIT("\\\\s?[!-/:-~\357\274\201-\357\274\217\357\274\232-\357\275\236\342\200\230-\342\200\237\343\200\200-\343\200\202]+") "," SPLIT("\\\\s+$") ","
    SPLIT("[\344\270\200-\351\276\245\340\240\200-\344\270\200\352\260\200-\355\237\277]+") ",{\"type\":\"Digits\",\"individual_digits\":true}," BYTES;
static const char falcon[] = "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}," GPT2
    ",{\"type\":\"Digits\",\"individual_digits\":false}," SPLIT("[0-9][0-9][0-9]");

static const char bailing[] = SPLIT("'(?i:[sdmt]|ll|ve|re)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?+\\\\p{L}+|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]++[\\\\r\\\\n]*|"
          "\\\\s*[\\\\r\\\\n]|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES;
static const char seed_coder[] = SPLIT("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1}| ?[^\\\\s\\\\p{L}\\\\p{N}\\\\r\\\\n]+|"
          "\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES;
static const char exaone_moe[] = SPLIT("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?(?:\\\\p{L}\\\\p{M}*(?: \\\\p{L}\\\\p{M}*)*)+|\\\\p{N}|"
          " ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]?|\\\\s*[\\\\r\\\\n]|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES;
static const char kimi_k2[] = SPLIT("[\\\\p{Han}]+|"
          "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}&&[^\\\\p{Han}]]*[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}&&[^\\\\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
          "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}&&[^\\\\p{Han}]]+[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}&&[^\\\\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
          "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES;
static const char tiny_aya[] = SPLIT("\\\\d{1,3}(?=(?:\\\\d{3})*\\\\b)") ","
    SPLIT("[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]*[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
          "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]+[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
          "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES;
static const char minicpm5[] = SPLIT("\\\\p{N}{1,3}") ","
    SPLIT("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|"
          "\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES;
static const char jais_2[] = SPLIT("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|"
          "\\\\s{512}(?!\\\\S)|\\\\s{256}(?!\\\\S)|\\\\s{128}(?!\\\\S)|\\\\s{64}(?!\\\\S)|\\\\s{32}(?!\\\\S)|\\\\s{16}(?!\\\\S)|\\\\s{8}(?!\\\\S)|\\\\s{4}(?!\\\\S)|"
          "\\\\s{1,2}(?!\\\\S)|\\\\s{1}") "," BYTES;
static const char laguna[] = SPLIT("[^\\\\n]+|[\\\\n]+") "," SPLIT("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}|"
          " ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES;
static const char ufakzeka[] = SPLIT("[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|"
          "\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES;
static const char superbpe[] = SPLIT("\\\\p{N}+") "," SPLIT("(?=(\\\\d{3})+(?!\\\\d))") "," BYTES;

static const char spark2_5[] = SPLIT("\\\\p{N}{1,3}") "," SPLIT("[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-\xE3\x83\xBF]+") ","
    SPLIT("[!\\\"#$%&'()*+,\\\\-./:;<=>?@\\\\[\\\\\\\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\\\p{L}\\\\p{P}\\\\p{S}]?[\\\\p{L}\\\\p{M}]+|"
          " ?[\\\\p{P}\\\\p{S}]+|[\\r\\n]|\\\\s+(?!\\\\S)|\\\\s+") ",{\"type\":\"Digits\",\"individual_digits\":true}," BYTES;
/* Hangul, East Asian punctuation, Bopomofo, and Han with kana are cut out first. */
static const char youtu[] = SPLIT("[\\uAC00-\\uD7A3\\u3131-\\u318E]+|[\\uFF01\\u2026\\u201C\\u201D\\u2018\\u2019\\u2014\\uFF1A\\uFF1B\\uFF0C\\u3001-\\u303F\\uFE30-\\uFE4F]+|"
          "[\\u3105-\\u312F]+|[\\u4E00-\\u9FA5\\u3040-\\u309F\\u30A0-\\u30FF]+") ","
    SPLIT("[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]*[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
          "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]+[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
          "\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES;
static const char chameleon[] = SPLIT("<sentinel:[0-9]+>") "," SPLIT("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z") "," SPLIT("([\\t\\n]|    |  )")
    ",{\"type\":\"Digits\",\"individual_digits\":true},{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}," GPT2;

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
    {"dbrx", "llama3", NULL, false, FORM_NONE}, {"smaug-bpe", "llama3", NULL, false, FORM_UNKNOWN}, {"glm4", "llama3", NULL, true, FORM_UNKNOWN},
    {"glm5", "llama3", NULL, true, FORM_UNKNOWN},
    {"chatglm-bpe", "llama3", NULL, false, FORM_UNKNOWN},
    {"qwen2", "qwen2", NULL, false, FORM_NFC}, {"deepseek-r1-qwen", "qwen2", NULL, false, FORM_UNKNOWN}, {"stablelm2", "qwen2", NULL, false, FORM_UNKNOWN},
    {"kormo", "qwen2", NULL, false, FORM_UNKNOWN}, {"f2llmv2", "qwen2", NULL, false, FORM_UNKNOWN}, {"qwen35", "qwen35", NULL, false, FORM_NFC},
    {"gpt-4o", "o200k", NULL, false, FORM_NONE}, {"llama4", "o200k", NULL, false, FORM_NONE}, {"tekken", "tekken", NULL, true, FORM_NONE},
    {"deepseek-v3", NULL, deepseek_v3, false, FORM_NONE}, {"hunyuan-dense", NULL, deepseek_v3, false, FORM_UNKNOWN},
    {"deepseek-coder", NULL, deepseek_coder, false, FORM_NONE}, {"deepseek-llm", NULL, deepseek_llm, false, FORM_NONE}, {"falcon", NULL, falcon, false, FORM_NONE},
    {"bloom", NULL, bloom, false, FORM_NONE}, {"poro-chat", NULL, bloom, false, FORM_UNKNOWN}, {"gpt3-finnish", NULL, bloom, false, FORM_UNKNOWN},
    {"exaone4", "gpt2", NULL, false, FORM_UNKNOWN}, {"trillion", "gpt2", NULL, false, FORM_UNKNOWN},
    {"granite-docling", "gpt2", NULL, false, FORM_UNKNOWN}, {"mellum2", NULL, digits_gpt2, false, FORM_UNKNOWN},
    {"falcon-h1", "llama3", NULL, true, FORM_UNKNOWN}, {"midm-2.0", "llama3", NULL, true, FORM_UNKNOWN}, {"lfm2", "llama3", NULL, true, FORM_UNKNOWN},
    {"jina-v5-nano", "llama3", NULL, true, FORM_UNKNOWN}, {"megrez", "qwen2", NULL, false, FORM_UNKNOWN}, {"hunyuan", "qwen2", NULL, false, FORM_NONE},
    {"solar-open", "qwen2", NULL, false, FORM_UNKNOWN}, {"grok-2", "qwen2", NULL, false, FORM_NONE}, {"minimax-m2", "o200k", NULL, false, FORM_UNKNOWN},
    {"kanana2", "o200k", NULL, false, FORM_UNKNOWN}, {"talkie", "o200k", NULL, false, FORM_UNKNOWN}, {"viking", NULL, viking, false, FORM_UNKNOWN},
    {"bailingmoe", NULL, bailing, false, FORM_UNKNOWN}, {"bailingmoe2", NULL, bailing, false, FORM_UNKNOWN}, {"llada-moe", NULL, bailing, false, FORM_UNKNOWN},
    {"seed-coder", NULL, seed_coder, false, FORM_UNKNOWN}, {"exaone-moe", NULL, exaone_moe, false, FORM_UNKNOWN}, {"kimi-k2", NULL, kimi_k2, false, FORM_NONE},
    {"tiny_aya", NULL, tiny_aya, false, FORM_UNKNOWN}, {"cohere2moe", NULL, tiny_aya, false, FORM_UNKNOWN}, {"minicpm5", NULL, minicpm5, true, FORM_UNKNOWN},
    {"joyai-llm", NULL, deepseek_v3, false, FORM_UNKNOWN}, {"hy_v4", NULL, deepseek_v3, false, FORM_UNKNOWN},
    {"granite-embed-multi-97m", "o200k", NULL, true, FORM_UNKNOWN}, {"jais-2", NULL, jais_2, false, FORM_UNKNOWN},
    {"laguna", NULL, laguna, false, FORM_UNKNOWN}, {"ufakzeka", NULL, ufakzeka, false, FORM_UNKNOWN},
    {"superbpe", NULL, superbpe, false, FORM_UNKNOWN}, {"spark2_5", NULL, spark2_5, false, FORM_UNKNOWN}, {"youtu", NULL, youtu, true, FORM_UNKNOWN},
    {"chameleon", NULL, chameleon, false, FORM_UNKNOWN},
};

const struct gguf_pre *gguf_pre_named(const char *name)
{
    for (size_t k = 0; k < COUNT_OF(pres); k++)
        if (strcmp(name, pres[k].name) == 0) return &pres[k];
    return NULL;
}

static bool is_among(const char *name, const char *const *names, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (strcmp(name, names[k]) == 0) return true;
    return false;
}

bool gguf_pre_begins(const char *name)
{
    static const char *const names[] = {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano",
                                        "tekken", "chameleon", "granite-embed-multi-311m"};
    return is_among(name, names, COUNT_OF(names));
}

bool gguf_pre_is_gemma(const char *name)
{
    static const char *const names[] = {"sarvam-moe", "granite-embed-multi-311m"};
    return is_among(name, names, COUNT_OF(names));
}

const struct gguf_pre *gguf_pre_at(size_t k)
{
    return k < COUNT_OF(pres) ? &pres[k] : NULL;
}

void gguf_pre_chain(const struct gguf_pre *p, struct buf *out)
{
    if (p->chain) buf_printf(out, "{\"type\":\"Sequence\",\"pretokenizers\":[%s]}", p->chain);
    else tok_split_bytes_json(out, split_pattern(p->split));
}

bool gguf_pre_expression(const struct gguf_pre *p, struct buf *out)
{
    struct buf list = {0};
    if (p->split) {
        buf_adds(out, split_pattern(p->split));
        return true;
    }
    buf_printf(&list, "[%s]", p->chain);
    struct cJSON *j = list.oom ? NULL : cJSON_Parse(list.data);
    const struct cJSON *first = cJSON_GetArrayItem(j, 0), *regex = cJSON_GetObjectItem(cJSON_GetObjectItem(first, "pattern"), "Regex");
    bool one = cJSON_GetArraySize(j) == 2 && cJSON_IsString(regex); /* and the bytes */
    if (one) buf_adds(out, regex->valuestring);
    cJSON_Delete(j);
    buf_free(&list);
    return one;
}
