#include "core/token/train_parts.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/base/opt.h"
#include "core/token/gguf_pre.h"
#include "core/token/regex.h"
#include "core/token/tok_lines.h"
#include "core/token/tok_members.h"
#include "core/token/tok_steps.h"
#include "core/token/train_chain.h"

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

/* What files of models call their splits, and short for DeepSeek-V3's. */
static const struct gguf_pre *pre_named(const char *split)
{
    return gguf_pre_named(strcmp(split, "deepseek") == 0 ? "deepseek-v3" : split);
}

const char *train_split_name(const char *split)
{
    enum split_kind kind = split_from_name(split);
    const struct gguf_pre *p = kind == SPLIT_N ? pre_named(split) : NULL;
    return kind != SPLIT_N ? split_name(kind) : p && p->split ? p->split : split;
}

/* Whether a split's name is one of several steps, and not of one expression. */
static bool is_chain(const char *split)
{
    const struct gguf_pre *p = split_from_name(split) == SPLIT_N ? pre_named(split) : NULL;
    return p && p->chain;
}

bool train_split_is_expression(const char *split)
{
    struct buf regex = {0};
    bool one = !is_chain(split) || gguf_pre_expression(pre_named(split), &regex);
    buf_free(&regex);
    return one;
}

static int unknown_split(const char *split, struct err *e)
{
    const char *names[256] = {"deepseek"};
    size_t n = 1;
    for (int k = 0; k < SPLIT_N; k++) names[n++] = split_name((enum split_kind)k);
    enum split_kind kind;
    for (size_t k = 0; split_encoding(k, &kind); k++) names[n++] = split_encoding(k, &kind);
    for (size_t k = 0; gguf_pre_at(k) && n < COUNT_OF(names); k++) names[n++] = gguf_pre_at(k)->name;
    const char *near = opt_nearest(split, names, n);
    err_set(e, ERR_USAGE, "--split '%s': %s, deepseek, deepseek-coder, deepseek-llm, falcon, kimi-k2, starcoder, bloom, "
                          "another name that --split list shows, or a regular expression", split, split_names());
    return near ? err_hint(e, "did you mean %s?", near) : -1;
}

/* ---- the list ---- */

static void add_name(struct buf *out, const char *name, bool first)
{
    buf_printf(out, "%s%s", first ? "" : ", ", name);
}

/* A split of split.h: all its names, then its expression. */
static void list_kind(enum split_kind kind, struct buf *out)
{
    const struct gguf_pre *p;
    enum split_kind of;
    add_name(out, split_name(kind), true);
    for (size_t k = 0; split_encoding(k, &of); k++)
        if (of == kind) add_name(out, split_encoding(k, &of), false);
    for (size_t k = 0; (p = gguf_pre_at(k)); k++)
        if (p->split && split_from_name(p->split) == kind && strcmp(p->name, split_name(kind))) add_name(out, p->name, false);
    buf_printf(out, "\n    %s\n", kind == SPLIT_NONE ? "nothing is cut" : split_regex(kind));
}

/* Whether no name before the k-th has the same chain. */
static bool is_first(size_t k)
{
    for (size_t i = 0; i < k; i++)
        if (gguf_pre_at(i)->chain == gguf_pre_at(k)->chain) return false;
    return true;
}

static int list_chain(size_t k, struct buf *out, struct err *e)
{
    const struct gguf_pre *p = gguf_pre_at(k), *other;
    struct buf json = {0};
    gguf_pre_chain(p, &json);
    struct tokenizer *t = buf_ok(&json, e) ? NULL : chain_make(NULL, json.data, e);
    buf_free(&json);
    if (!t) return -1;
    add_name(out, p->name, true);
    if (p == pre_named("deepseek")) add_name(out, "deepseek", false);
    for (size_t i = k + 1; (other = gguf_pre_at(i)); i++)
        if (other->chain == p->chain) add_name(out, other->name, false);
    buf_adds(out, "\n    ");
    tok_steps_split(t, out);
    buf_addc(out, '\n');
    tok_free(t);
    return 0;
}

int train_split_list(struct buf *out, struct err *e)
{
    for (int k = 0; k < SPLIT_N; k++) list_kind((enum split_kind)k, out);
    for (size_t k = 0; gguf_pre_at(k); k++)
        if (gguf_pre_at(k)->chain && is_first(k) && list_chain(k, out, e)) return -1;
    return buf_ok(out, e);
}

/* ---- parts of a tokenizer.json ---- */

static int split_part(const char *split, struct buf *out, struct err *e)
{
    const struct gguf_pre *chain = is_chain(split) ? pre_named(split) : NULL;
    const char *pattern = split_is_regex(split) ? split : split_pattern(split);
    if (!chain && !pattern) return unknown_split(split, e);
    struct regex *r = chain ? NULL : regex_new(pattern, strlen(pattern), e);
    if (!chain && !r) {
        e->code = ERR_USAGE;
        return err_wrap(e, "--split");
    }
    regex_free(r);
    if (chain) gguf_pre_chain(chain, out);
    else tok_split_bytes_json(out, pattern);
    return buf_ok(out, e);
}

/* Whether words end with the lines of such a chain. */
static int chain_lines(const char *pre, bool *lines, struct err *e)
{
    struct tokenizer *t = chain_make(NULL, pre, e);
    if (!t) return -1;
    *lines = tok_lines_apart(t);
    tok_free(t);
    return 0;
}

/* Words of characters: an expression cuts them, or white space does. */
static int char_parts(struct tok_train_opts *o, const char *split, struct buf *pre, struct err *e)
{
    const char *pattern = split && split_is_regex(split) ? split : NULL;
    o->lines = !pattern;
    if (!split || strcmp(split, "bert") == 0) o->pre = "{\"type\":\"BertPreTokenizer\"}";
    else if (strcmp(split, "whitespace") == 0) o->pre = "{\"type\":\"WhitespaceSplit\"}";
    else if (!pattern) return err_set(e, ERR_USAGE, "--split '%s': for this kind bert, whitespace or a regular expression", split);
    if (!pattern) return 0;
    tok_split_json(pre, "Regex", pattern, "Isolated", false);
    o->pre = pre->data;
    return buf_ok(pre, e);
}

int train_parts(struct tok_train_opts *o, const char *norm, const char *split, struct buf *pre, struct err *e)
{
    const char *part = norm_part(o->type, norm, e);
    if (!part) return -1;
    if (*part) o->normalizer = part;
    if (o->type == TOK_TRAIN_WORDPIECE) {
        o->pre = "{\"type\":\"BertPreTokenizer\"}";
        o->lines = true;
        return 0;
    }
    if (tok_train_is_hf(o->type)) return char_parts(o, split, pre, e);
    split = train_split_name(split);
    o->split = split_from_name(split);
    if (o->split != SPLIT_N && !o->normalizer) return 0;
    if (o->split == SPLIT_GPT2 || o->split == SPLIT_NONE) {
        buf_adds(pre, o->split == SPLIT_GPT2 ? TOK_BYTE_LEVEL(false, true, true) : TOK_BYTE_LEVEL(false, true, false));
        if (buf_ok(pre, e)) return -1;
    } else if (split_part(split, pre, e)) {
        return -1;
    }
    o->pre = pre->data;
    o->lines = o->split != SPLIT_NONE && !split_is_regex(split);
    return is_chain(split) ? chain_lines(o->pre, &o->lines, e) : 0;
}
