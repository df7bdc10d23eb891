/* The pre-tokenizers that GGUF files name. */
#include "core/token/gguf_pre.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/token/split.h"
#include "core/token/tok_members.h"

/* A chain: expressions that a text is cut at, and other steps in JSON (is_expression() tells them apart). */
#define DIGITS "{\"type\":\"Digits\",\"individual_digits\":true}"
#define NUMBERS "{\"type\":\"Digits\",\"individual_digits\":false}"
#define PUNCTUATION(behavior) "{\"type\":\"Punctuation\",\"behavior\":\"" behavior "\"}"
#define GPT2 TOK_BYTE_LEVEL(false, true, true)
#define BYTES TOK_BYTE_LEVEL(false, true, false)

static const char *const digits_gpt2[] = {DIGITS, GPT2, NULL};
static const char *const bloom[] = {" ?[^(\\s|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)]+", BYTES, NULL};
static const char *const viking[] = {" ?[^(\\s|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)]+", DIGITS, BYTES, NULL};
static const char *const deepseek_v3[] = {
    "\\p{N}{1,3}", "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|"
     "\\s+(?!\\S)|\\s+",
    BYTES, NULL};
static const char *const deepseek_coder[] = {
    "[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+", DIGITS, BYTES, NULL};
/* Letters of its words: cased ones of older Unicode, without Armenian and Georgian small letters. */
static const char *const deepseek_llm[] = {
    "[\r\n]",
    "\\s?[A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF\u0370-\u0373\u0376\u0377\u037B-\u037D"
     "\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD"
     "\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59"
     "\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4"
     "\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149"
     "\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E"
     "\uAB70-\uABBF\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A\U00010400-\U0001044F\U000104B0-\U000104D3\U000104D8-\U000104FB"
     "\U00010C80-\U00010CB2\U00010CC0-\U00010CF2\U000118A0-\U000118DF\U0001E900-\U0001E943]+",
    "\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+", "\\s+$", "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+", DIGITS, BYTES, NULL};
static const char *const falcon[] = {PUNCTUATION("Contiguous"), GPT2, NUMBERS, "[0-9][0-9][0-9]", NULL};
static const char *const bailing[] = {
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+", BYTES, NULL};
static const char *const seed_coder[] = {
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", BYTES, NULL};
static const char *const exaone_moe[] = {
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|"
     "\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
    BYTES, NULL};
static const char *const kimi_k2[] = {
    "[\\p{Han}]+|"
     "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
     "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
     "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    BYTES, NULL};
static const char *const tiny_aya[] = {
    "\\d{1,3}(?=(?:\\d{3})*\\b)",
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
     "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}|"
     " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    BYTES, NULL};
static const char *const minicpm5[] = {
    "\\p{N}{1,3}",
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}+| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", BYTES, NULL};
static const char *const jais_2[] = {
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s{512}(?!\\S)|"
     "\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}",
    BYTES, NULL};
static const char *const laguna[] = {
    "[^\\n]+|[\\n]+",
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", BYTES, NULL};
static const char *const ufakzeka[] = {
    "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", BYTES, NULL};
static const char *const superbpe[] = {"\\p{N}+", "(?=(\\d{3})+(?!\\d))", BYTES, NULL};
static const char *const spark2_5[] = {
    "\\p{N}{1,3}", "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+|[\r\n]|\\s+(?!\\S)|\\s+",
    DIGITS, BYTES, NULL};
/* Hangul, East Asian punctuation, Bopomofo, and Han with kana are cut out first. */
static const char *const youtu[] = {
    "[\uAC00-\uD7A3\u3131-\u318E]+|[\uFF01\u2026\u201C\u201D\u2018\u2019\u2014\uFF1A\uFF1B\uFF0C\u3001-\u303F\uFE30-\uFE4F]+|[\u3105-\u312F]+|"
     "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+",
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
     "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}|"
     " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    BYTES, NULL};
static const char *const chameleon[] = {
    "<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", "([\t\n]|    |  )", DIGITS, PUNCTUATION("Isolated"), GPT2, NULL};

/* Digits in threes from the right (of 510 at most), runs of scripts without spaces. */
static const char *const afmoe[] = {
    "\\p{Nd}{1,510}(?=(?>\\p{Nd}{510})*(?:\\P{Nd}|$))|\\G\\p{Nd}{510}", "\\A\\p{Nd}{1,2}(?=\\p{Nd}{3}+\\z)", "\\A\\p{Nd}{3}|\\G\\p{Nd}{3}",
    "[\u4E00-\u9FFF\u3040-\u309F\u30A0-\u30FF\u3400-\u4DBF\uF900-\uFAFF\uFF65-\uFF9F\u2F00-\u2FDF]+|[\u0E00-\u0E7F]+|[\u0E80-\u0EFF]+|"
     "[\u1780-\u17FF]+|[\u1000-\u109F\uAA60-\uAA7F\uA9E0-\uA9FF]+|[\uAC00-\uD7AF\u1100-\u11FF]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|"
     "\\s+(?!\\S)|\\s+",
    BYTES, NULL};

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
    {"chameleon", NULL, chameleon, false, FORM_UNKNOWN}, {"afmoe", NULL, afmoe, false, FORM_UNKNOWN},
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
                                        "tekken", "chameleon", "gemma4", "granite-embed-multi-311m"};
    return is_among(name, names, COUNT_OF(names));
}

bool gguf_pre_is_gemma(const char *name)
{
    static const char *const names[] = {"gemma4", "sarvam-moe", "granite-embed-multi-311m"};
    return is_among(name, names, COUNT_OF(names));
}

const struct gguf_pre *gguf_pre_at(size_t k)
{
    return k < COUNT_OF(pres) ? &pres[k] : NULL;
}

static bool is_expression(const char *step)
{
    return strncmp(step, "{\"type\":", 8) != 0;
}

void gguf_pre_chain(const struct gguf_pre *p, struct buf *out)
{
    if (p->split) {
        tok_split_bytes_json(out, split_pattern(p->split));
        return;
    }
    buf_adds(out, "{\"type\":\"Sequence\",\"pretokenizers\":[");
    for (size_t k = 0; p->chain[k]; k++) {
        if (k) buf_addc(out, ',');
        if (is_expression(p->chain[k])) tok_split_json(out, "Regex", p->chain[k], "Isolated", false);
        else buf_adds(out, p->chain[k]);
    }
    buf_adds(out, "]}");
}

bool gguf_pre_expression(const struct gguf_pre *p, struct buf *out)
{
    bool one = p->split || (is_expression(p->chain[0]) && strcmp(p->chain[1], BYTES) == 0);
    if (one) buf_adds(out, p->split ? split_pattern(p->split) : p->chain[0]);
    return one;
}
