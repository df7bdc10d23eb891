/* Normalizers of a tokenizer.json, and patterns.  In every part each key is
 * one of some part, honoured where it means something, or the file is refused:
 * a tokenizer that is almost right is wrong. */
#include <assert.h>
#include <cjson/cJSON.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/moses.h"
#include "core/token/tok_base64.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"
#include "core/token/tok_parts.h"

bool part_has(const struct cJSON *j, const char *keys)
{
    char key[64];
    for (size_t n; *keys; keys += n + (keys[n] == ' ')) {
        n = strcspn(keys, " ");
        assert(n < sizeof key);
        memcpy(key, keys, n);
        key[n] = 0;
        const struct cJSON *v = json_member(j, key);
        if (!v || cJSON_IsNull(v)) return false;
    }
    return true;
}

int part_type(const struct cJSON *j, const char *part, const struct part_guess *guess, const char **type, struct err *e)
{
    if (!cJSON_IsObject(j)) return err_set(e, ERR_DATA, "%s must be an object or null", part);
    for (; guess && guess->keys && !json_member(j, "type"); guess++) {
        if (!part_has(j, guess->keys)) continue;
        *type = guess->type;
        return 0;
    }
    return json_get_str(j, "type", type, part, e);
}

int part_keys_and(const struct cJSON *j, const char *const *more, const char *where, struct err *e)
{
    static const char *const all[] = {
        "add_prefix_space", "behavior", "byte_fallback", "clean_text", "cleanup", "cls", "content", "continuing_subword_prefix", "decoders", "delimiter",
        "dropout", "end_of_word_suffix", "fuse_unk", "handle_chinese_chars", "ignore_merges", "individual_digits", "invert", "length", "lowercase",
        "max_input_chars_per_word", "merges", "normalizers", "pad_token", "pair", "pattern", "precompiled_charsmap", "prefix", "prepend",
        "prepend_scheme", "pretokenizers", "processors", "replacement", "sep", "single", "special_tokens", "split", "start", "stop", "str_rep",
        "strip_accents", "strip_left", "strip_right", "suffix", "trim_offsets", "type", "unk_id", "unk_token", "use_regex", "vocab", "word_delimiter_token"};
    enum { MOST_MORE = 16 };
    const char *known[MOST_MORE + COUNT_OF(all) + 1];
    size_t n = 0;
    for (; more[n]; n++) known[n] = more[n];
    assert(n <= MOST_MORE);
    memcpy(known + n, all, sizeof all);
    known[n + COUNT_OF(all)] = NULL;
    return json_known_keys(j, known, where, e);
}

int part_keys(const struct cJSON *j, const char *where, struct err *e)
{
    return part_keys_and(j, (const char *const[]){NULL}, where, e);
}

int part_unknown(const char *part, const char *type, struct err *e)
{
    return err_set(e, ERR_DATA, "%s '%s' is not known, so it is not supported", part, type);
}

int part_list(const struct cJSON *j, const char *key, const char *where, const struct cJSON **list,
              struct err *e)
{
    *list = json_member(j, key);
    if (part_keys(j, where, e)) return -1;
    if (!cJSON_IsArray(*list)) return err_set(e, ERR_DATA, "%s: no list '%s'", where, key);
    return 0;
}

int part_text(const struct cJSON *j, const char *key, const char *where, char **out, size_t *n,
              struct err *e)
{
    const char *s;
    if (json_get_str(j, key, &s, where, e)) return -1;
    *n = strlen(s);
    *out = mem_strdup(s);
    return *out ? 0 : err_oom(e, *n, "a string");
}

int part_char(const struct cJSON *j, const char *key, const char *where, uint32_t *cp, struct err *e)
{
    const char *s;
    if (json_get_str(j, key, &s, where, e)) return -1;
    size_t n = strlen(s);
    if (n == 0 || utf8_decode(s, n, cp) != (int)n)
        return err_set(e, ERR_DATA, "%s: '%s' must be one character", where, key);
    return 0;
}

int tok_read_pattern(const struct cJSON *j, const char *where, char **text, size_t *n,
                     struct regex **re, const char **source, struct err *e)
{
    static const char *const keys[] = {"String", "Regex", NULL};
    *re = NULL;
    *text = NULL;
    if (!cJSON_IsObject(j)) return err_set(e, ERR_DATA, "%s: no object 'pattern'", where);
    if (json_known_keys(j, keys, where, e)) return -1;
    if (json_member(j, "String")) {
        if (part_text(j, "String", where, text, n, e)) return -1;
        if (*n) return 0;
        *source = ""; /* an empty text stands at every place, as an empty expression does */
    } else if (json_get_str(j, "Regex", source, where, e)) {
        return -1;
    }
    *re = regex_new(*source, strlen(*source), e);
    return *re ? 0 : err_wrap(e, "%s", where);
}

/* ---- the steps ---- */

static const char where[] = "normalizer";

static int read_bert(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    bool clean, chinese, lower, accents;
    if (part_keys(j, where, e) || json_get_bool(j, "clean_text", &clean, where, e) ||
        json_get_bool(j, "handle_chinese_chars", &chinese, where, e) ||
        json_get_bool(j, "lowercase", &lower, where, e))
        return -1;
    accents = lower;
    if (json_opt_bool(j, "strip_accents", &accents, where, e)) return -1;
    struct norm_chain *c = &t->norm;
    if (clean && !norm_chain_add(c, NORM_BERT_CLEAN, e)) return -1;
    if (chinese && !norm_chain_add(c, NORM_BERT_CHINESE, e)) return -1;
    if (accents && (!norm_chain_add(c, NORM_NFD, e) || !norm_chain_add(c, NORM_BERT_MARKS, e)))
        return -1;
    return lower && !norm_chain_add(c, NORM_LOWERCASE, e) ? -1 : 0;
}

static int read_strip(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    struct norm_step *s = norm_chain_add(&t->norm, NORM_STRIP, e);
    if (!s || part_keys(j, where, e)) return -1;
    return json_get_bool(j, "strip_left", &s->left, where, e) ||
           json_get_bool(j, "strip_right", &s->right, where, e) ? -1 : 0;
}

static int read_prepend(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    struct norm_step *s = norm_chain_add(&t->norm, NORM_PREPEND, e);
    if (!s || part_keys(j, where, e)) return -1;
    if (part_text(j, "prepend", where, &s->to, &s->n_to, e)) return -1;
    if (s->n_to == 0)
        return err_set(e, ERR_DATA, "%s: Prepend of an empty text takes the first character's place in Hugging Face's programs, so that "
                                    "steps behind it repeat it or fail; leave the step out", where);
    return 0;
}

static int read_replace(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    const char *source;
    struct norm_step *s = norm_chain_add(&t->norm, NORM_REPLACE, e);
    if (!s || part_keys(j, "normalizer Replace", e)) return -1;
    if (part_text(j, "content", "normalizer Replace", &s->to, &s->n_to, e)) return -1;
    if (tok_read_pattern(json_member(j, "pattern"), "normalizer Replace", &s->from, &s->n_from, &s->re,
                         &source, e))
        return -1;
    s->runs_of_spaces = s->re && strcmp(source, " {2,}") == 0;
    return 0;
}

static int read_precompiled(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    const char *text = NULL, *here = "normalizer Precompiled";
    struct buf bytes = {0};
    if (part_keys(j, here, e) || json_opt_str(j, "precompiled_charsmap", &text, here, e))
        return -1;
    if (!text || !*text) return 0; /* no rules: nothing happens */
    struct norm_step *s = norm_chain_add(&t->norm, NORM_PRECOMPILED, e);
    int ret = s && tok_unbase64(text, strlen(text), &bytes, e) == 0 ? 0 : -1;
    if (ret == 0 && !(s->map = charsmap_new(bytes.data, bytes.len, e))) ret = -1;
    buf_free(&bytes);
    return ret ? err_wrap(e, "%s", here) : 0;
}

/* Of our own form alone: {"type":"Moses","language":"en","punctuation":true ...}. */
static int read_moses(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "language", "punctuation", "dashes", "escape", NULL};
    const char *code;
    enum moses_language language;
    bool punct, dashes, escape;
    struct norm_step *s = norm_chain_add(&t->norm, NORM_MOSES, e);
    if (!s || json_known_keys(j, keys, where, e) || json_get_str(j, "language", &code, where, e) || json_get_bool(j, "punctuation", &punct, where, e) ||
        json_get_bool(j, "dashes", &dashes, where, e) || json_get_bool(j, "escape", &escape, where, e))
        return -1;
    if (!moses_language(code, false, &language)) return err_set(e, ERR_DATA, "%s: Moses' rules for the language '%s' are not supported", where, code);
    s->language = (int)language;
    s->flags = (punct ? MOSES_PUNCT : 0u) | (dashes ? MOSES_DASHES : 0u) | (escape ? MOSES_ESCAPE : 0u);
    return 0;
}

static int read_basic(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "chinese", NULL};
    bool chinese;
    struct norm_step *s = norm_chain_add(&t->norm, NORM_PYTHON_BASIC, e);
    if (!s || json_known_keys(j, keys, where, e) || json_get_bool(j, "chinese", &chinese, where, e)) return -1;
    s->flags = chinese;
    return 0;
}

static int read_one(struct tokenizer *t, const struct cJSON *j, int depth, struct err *e)
{
    static const struct { const char *type; enum norm_kind kind; } plain[] = {
        {"NFC", NORM_NFC}, {"NFD", NORM_NFD}, {"NFKC", NORM_NFKC}, {"NFKD", NORM_NFKD},
        {"Lowercase", NORM_LOWERCASE}, {"StripAccents", NORM_STRIP_ACCENTS}, {"Nmt", NORM_NMT},
        {"ByteLevel", NORM_BYTE_LEVEL}, {"PythonLower", NORM_PYTHON_LOWER}, {"PythonUpper", NORM_PYTHON_UPPER}};
    static const struct part_guess guess[] = {
        {"clean_text handle_chinese_chars lowercase", "BertNormalizer"}, {"strip_left strip_right", "Strip"}, {"normalizers", "Sequence"},
        {"pattern content", "Replace"}, {"prepend", "Prepend"}, {NULL, NULL}};
    const char *type;
    const struct cJSON *list;
    if (depth > 8) return err_set(e, ERR_DATA, "normalizers are nested deeper than 8");
    if (part_type(j, where, guess, &type, e)) return -1;
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        bool ours = plain[i].kind >= NORM_PYTHON_LOWER;
        if (strcmp(type, plain[i].type) != 0 || (ours && t->source != SOURCE_PIECES)) continue;
        if (part_keys(j, where, e)) return -1;
        return norm_chain_add(&t->norm, plain[i].kind, e) ? 0 : -1;
    }
    if (strcmp(type, "BertNormalizer") == 0) return read_bert(t, j, e);
    if (strcmp(type, "Strip") == 0) return read_strip(t, j, e);
    if (strcmp(type, "Prepend") == 0) return read_prepend(t, j, e);
    if (strcmp(type, "Replace") == 0) return read_replace(t, j, e);
    if (strcmp(type, "Precompiled") == 0) return read_precompiled(t, j, e);
    if (t->source == SOURCE_PIECES && strcmp(type, "Moses") == 0) return read_moses(t, j, e);
    if (t->source == SOURCE_PIECES && strcmp(type, "PythonBasic") == 0) return read_basic(t, j, e);
    if (strcmp(type, "Sequence") != 0) return part_unknown(where, type, e);
    if (part_list(j, "normalizers", "normalizer Sequence", &list, e)) return -1;
    for (const struct cJSON *i = list->child; i; i = i->next)
        if (read_one(t, i, depth + 1, e)) return -1;
    return 0;
}

int tok_read_normalizer(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    if (!j || cJSON_IsNull(j)) return 0;
    return read_one(t, j, 0, e);
}
