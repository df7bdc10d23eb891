/* Pre-tokenizers of a tokenizer.json. */
#include <cjson/cJSON.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"
#include "core/token/tok_parts.h"

static const char where[] = "pre_tokenizer";

static struct pre_step *add(struct tokenizer *t, enum pre_kind kind, struct err *e)
{
    return pre_chain_add(&t->pre, kind, e);
}

static int read_byte_level(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    bool trim = true, use_regex = true, prefix = false;
    if (part_keys(j, where, e) ||
        json_get_bool(j, "add_prefix_space", &prefix, where, e) ||
        json_opt_bool(j, "trim_offsets", &trim, where, e) ||
        json_opt_bool(j, "use_regex", &use_regex, where, e))
        return -1;
    struct pre_step *s = add(t, PRE_BYTE_LEVEL, e);
    if (!s) return -1;
    s->prefix_space = prefix;
    s->use_regex = use_regex;
    return 0;
}

static int read_behavior(const struct cJSON *j, struct pre_step *s, struct err *e)
{
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext",
                                        "Contiguous"};
    const char *name;
    if (json_get_str(j, "behavior", &name, where, e)) return -1;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0) return s->behavior = (enum pre_behavior)i, 0;
    return err_set(e, ERR_DATA, "%s: unknown behavior '%s'", where, name);
}

static int read_split(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    const char *source = NULL;
    struct pre_step *s = add(t, PRE_SPLIT, e);
    if (!s || part_keys(j, "pre_tokenizer Split", e) || read_behavior(j, s, e) ||
        json_opt_bool(j, "invert", &s->invert, where, e) ||
        tok_read_pattern(json_member(j, "pattern"), "pre_tokenizer Split", &s->text, &s->n_text,
                         &s->re, &source, e))
        return -1;
    enum split_kind kind = source ? split_from_regex(source) : SPLIT_N;
    s->known = kind == SPLIT_N ? SPLIT_NONE : kind;
    s->words = source && split_words_of(source, &s->rule);
    s->clip = source && tok_clip_regex(source, &s->clip_specials);
    return 0;
}

static int read_set(struct tokenizer *t, const struct cJSON *j, const char *type, struct err *e)
{
    struct pre_step *s = add(t, PRE_SPLIT_SET, e);
    bool individual = false;
    if (!s) return -1;
    if (strcmp(type, "WhitespaceSplit") == 0) {
        s->behavior = PRE_REMOVED;
        return part_keys(j, where, e);
    }
    if (strcmp(type, "Digits") == 0) {
        if (part_keys(j, where, e) ||
            json_get_bool(j, "individual_digits", &individual, where, e))
            return -1;
        s->set = SET_NUMERIC;
        s->behavior = individual ? PRE_ISOLATED : PRE_CONTIGUOUS;
        return 0;
    }
    if (strcmp(type, "CharDelimiterSplit") == 0) {
        s->set = SET_CHAR;
        s->behavior = PRE_REMOVED;
        return part_keys(j, where, e) || part_char(j, "delimiter", where, &s->cp, e) ? -1 : 0;
    }
    s->set = SET_PUNCT;
    if (part_keys(j, where, e)) return -1;
    return json_member(j, "behavior") ? read_behavior(j, s, e) : 0;
}

static int read_bert(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    struct pre_step *s = add(t, PRE_SPLIT_SET, e);
    if (!s || part_keys(j, where, e)) return -1;
    s->behavior = PRE_REMOVED;
    if (!(s = add(t, PRE_SPLIT_SET, e))) return -1;
    s->set = SET_PUNCT;
    return 0;
}

static int read_metaspace(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    const char *scheme = NULL, *rep = NULL, *here = "pre_tokenizer Metaspace";
    bool prefix = true, cut = true;
    struct pre_step *s = add(t, PRE_METASPACE, e);
    if (!s || part_keys(j, here, e) || part_char(j, "replacement", here, &s->cp, e) ||
        json_opt_str(j, "prepend_scheme", &scheme, here, e) || json_opt_str(j, "str_rep", &rep, here, e) ||
        json_opt_bool(j, "split", &cut, here, e) ||
        json_opt_bool(j, "add_prefix_space", &prefix, here, e))
        return -1;
    s->cut = cut;
    s->scheme = prefix ? SCHEME_ALWAYS : SCHEME_NEVER; /* the older spelling */
    if (!scheme) return 0;
    if (strcmp(scheme, "always") == 0) s->scheme = SCHEME_ALWAYS;
    else if (strcmp(scheme, "first") == 0) s->scheme = SCHEME_FIRST;
    else if (strcmp(scheme, "never") == 0) s->scheme = SCHEME_NEVER;
    else return err_set(e, ERR_DATA, "%s: unknown prepend_scheme '%s'", here, scheme);
    if (!prefix && s->scheme != SCHEME_NEVER)
        return err_set(e, ERR_DATA, "%s: add_prefix_space and prepend_scheme contradict each other", here);
    return 0;
}

static int read_length(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    int64_t length = 5;
    struct pre_step *s = add(t, PRE_FIXED_LENGTH, e);
    if (!s || part_keys(j, where, e) ||
        json_opt_i64(j, "length", 1, INT32_MAX, &length, where, e))
        return -1;
    s->length = (size_t)length;
    return 0;
}

static int read_plain(struct tokenizer *t, const struct cJSON *j, enum pre_kind kind, struct err *e)
{
    return add(t, kind, e) && part_keys(j, where, e) == 0 ? 0 : -1;
}

static int read_one(struct tokenizer *t, const struct cJSON *j, int depth, struct err *e)
{
    static const char *const sets[] = {"WhitespaceSplit", "Digits", "CharDelimiterSplit", "Punctuation"};
    const char *type;
    const struct cJSON *list;
    if (depth > 8) return err_set(e, ERR_DATA, "pre_tokenizers are nested deeper than 8");
    if (part_type(j, where, NULL, &type, e)) return -1;
    for (size_t i = 0; i < COUNT_OF(sets); i++)
        if (strcmp(type, sets[i]) == 0) return read_set(t, j, type, e);
    if (strcmp(type, "ByteLevel") == 0) return read_byte_level(t, j, e);
    if (strcmp(type, "Split") == 0) return read_split(t, j, e);
    if (strcmp(type, "Whitespace") == 0) return read_plain(t, j, PRE_WHITESPACE, e);
    if (strcmp(type, "UnicodeScripts") == 0) return read_plain(t, j, PRE_SCRIPTS, e);
    if (strcmp(type, "BertPreTokenizer") == 0) return read_bert(t, j, e);
    if (strcmp(type, "Metaspace") == 0) return read_metaspace(t, j, e);
    if (strcmp(type, "FixedLength") == 0) return read_length(t, j, e);
    if (strcmp(type, "Sequence") != 0) return part_unknown(where, type, e);
    if (part_list(j, "pretokenizers", "pre_tokenizer Sequence", &list, e)) return -1;
    for (const struct cJSON *i = list->child; i; i = i->next)
        if (read_one(t, i, depth + 1, e)) return -1;
    return 0;
}

int tok_read_pre(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    if (!j || cJSON_IsNull(j)) return 0;
    return read_one(t, j, 0, e);
}
