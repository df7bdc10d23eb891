#include "core/token/train_parts.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/gguf_pre.h"
#include "core/token/regex.h"

static const char *norm_part(enum tok_train_type type, const char *name, struct err *e)
{
    static const struct { const char *name, *json; } known[] = {
        {"identity", ""}, {"nfc", "{\"type\":\"NFC\"}"}, {"nfd", "{\"type\":\"NFD\"}"},
        {"nfkc", "{\"type\":\"NFKC\"}"}, {"nfkd", "{\"type\":\"NFKD\"}"},
        {"bert", "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
                 "\"strip_accents\":null,\"lowercase\":true}"},
        {"bert-cased", "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
                       "\"strip_accents\":null,\"lowercase\":false}"}};
    if (!name) name = type == TOK_TRAIN_WORDPIECE ? "bert" : "identity";
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strcmp(name, known[i].name) == 0) return known[i].json;
    err_set(e, ERR_USAGE, "--norm '%s': for this kind identity, nfc, nfd, nfkc, nfkd, bert or bert-cased", name);
    return NULL;
}

static bool is_regex(const char *split)
{
    return strpbrk(split, "\\[](){}|+*?.^$ ") != NULL;
}

/* Splits that are more than one expression. */
static const struct gguf_pre *chain_named(const char *split)
{
    if (strcmp(split, "deepseek") == 0) return gguf_pre_named("deepseek-v3");
    return strcmp(split, "falcon") == 0 ? gguf_pre_named(split) : NULL;
}

static int split_part(const char *split, struct buf *out, struct err *e)
{
    const struct gguf_pre *chain = chain_named(split);
    const char *pattern = is_regex(split) ? split : split_pattern(split);
    if (!chain && !pattern)
        return err_set(e, ERR_USAGE, "--split '%s': %s, deepseek, falcon or a regular expression", split, split_names());
    struct regex *r = chain ? NULL : regex_new(pattern, strlen(pattern), e);
    if (!chain && !r) {
        e->code = ERR_USAGE;
        return err_wrap(e, "--split");
    }
    regex_free(r);
    buf_adds(out, "{\"type\":\"Sequence\",\"pretokenizers\":[");
    if (chain) gguf_pre_chain(chain, out);
    else gguf_pre_regex(pattern, out);
    buf_adds(out, "]}");
    return buf_ok(out, e);
}

int train_parts(struct tok_train_opts *o, const char *norm, const char *split, struct buf *pre, struct err *e)
{
    const char *part = norm_part(o->type, norm, e);
    if (!part) return -1;
    if (*part) o->normalizer = part;
    if (o->type == TOK_TRAIN_WORDPIECE) {
        o->pre = "{\"type\":\"BertPreTokenizer\"}";
        return 0;
    }
    o->split = split_from_name(split);
    if (o->split != SPLIT_N && !o->normalizer) return 0;
    if (o->split == SPLIT_GPT2 || o->split == SPLIT_NONE) {
        buf_printf(pre, "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
                        "\"use_regex\":%s}", o->split == SPLIT_GPT2 ? "true" : "false");
        if (buf_ok(pre, e)) return -1;
    } else if (split_part(split, pre, e)) {
        return -1;
    }
    o->pre = pre->data;
    o->lines = o->split != SPLIT_NONE && !is_regex(split);
    return 0;
}
