/* The small parts of a tokenizer.json.  Every key is known and honoured, or
 * the file is refused: a tokenizer that is almost right is wrong. */
#include <cjson/cJSON.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/tok_internal.h"

static int type_of(const struct cJSON *j, const char *part, const char **type, struct err *e)
{
    if (!cJSON_IsObject(j)) return err_set(e, ERR_DATA, "%s must be an object or null", part);
    return json_get_str(j, "type", type, part, e);
}

static int unsupported(const char *part, const char *type, struct err *e)
{
    return err_set(e, ERR_DATA, "%s '%s' is not supported yet", part, type);
}

/* ---- normalizer ---- */

int tok_read_normalizer(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", NULL}, *const list_keys[] = {"type", "normalizers", NULL};
    const char *type;
    if (!j || cJSON_IsNull(j)) return 0;
    if (type_of(j, "normalizer", &type, e)) return -1;
    if (strcmp(type, "NFC") == 0) {
        t->norm = NORM_NFC;
        return json_known_keys(j, keys, "normalizer", e);
    }
    if (strcmp(type, "Sequence") != 0) return unsupported("normalizer", type, e);
    const struct cJSON *list = json_member(j, "normalizers");
    if (json_known_keys(j, list_keys, "normalizer", e)) return -1;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > 1)
        return err_set(e, ERR_DATA, "a normalizer Sequence of several steps is not supported yet");
    if (list->child && cJSON_IsObject(list->child) && json_member(list->child, "normalizers"))
        return err_set(e, ERR_DATA, "a normalizer Sequence inside another is not supported yet");
    return tok_read_normalizer(t, list->child, e);
}

/* ---- pre-tokenizer ---- */

static int read_byte_level(struct tokenizer *t, const struct cJSON *j, bool after_split,
                           struct err *e)
{
    static const char *const keys[] = {"type", "add_prefix_space", "trim_offsets", "use_regex",
                                       NULL};
    bool trim = true, use_regex = true;
    if (json_known_keys(j, keys, "pre_tokenizer", e) ||
        json_get_bool(j, "add_prefix_space", &t->add_prefix_space, "pre_tokenizer", e) ||
        json_opt_bool(j, "trim_offsets", &trim, "pre_tokenizer", e) ||
        json_opt_bool(j, "use_regex", &use_regex, "pre_tokenizer", e))
        return -1;
    t->byte_level = true;
    if (after_split && use_regex)
        return err_set(e, ERR_DATA, "pre_tokenizer ByteLevel with use_regex after a Split is not "
                                    "supported yet");
    if (after_split && t->add_prefix_space)
        return err_set(e, ERR_DATA, "pre_tokenizer ByteLevel with add_prefix_space after a Split "
                                    "is not supported yet");
    if (use_regex) t->split = SPLIT_GPT2;
    return 0;
}

static int read_split(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "pattern", "behavior", "invert", NULL};
    const char *behavior, *regex;
    bool invert = false;
    if (json_known_keys(j, keys, "pre_tokenizer Split", e) ||
        json_get_str(j, "behavior", &behavior, "pre_tokenizer Split", e) ||
        json_opt_bool(j, "invert", &invert, "pre_tokenizer Split", e))
        return -1;
    const struct cJSON *pattern = json_member(j, "pattern");
    if (!pattern || !cJSON_IsObject(pattern) || !json_member(pattern, "Regex"))
        return err_set(e, ERR_DATA, "pre_tokenizer Split by a plain string is not supported yet");
    if (json_get_str(pattern, "Regex", &regex, "pre_tokenizer Split", e)) return -1;
    /* The known expressions match everywhere, so both forms keep all pieces. */
    bool isolated = strcmp(behavior, "Isolated") == 0 && !invert;
    bool removed = strcmp(behavior, "Removed") == 0 && invert;
    if (!isolated && !removed)
        return err_set(e, ERR_DATA, "pre_tokenizer Split with behavior %s%s is not supported yet",
                       behavior, invert ? ", inverted," : "");
    t->split = split_from_regex(regex);
    if (t->split == SPLIT_N) {
        t->split = SPLIT_NONE;
        return err_set(e, ERR_DATA, "pre_tokenizer Split with the regex %s is not supported yet",
                       regex);
    }
    return 0;
}

int tok_read_pre(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    const char *type;
    if (!j || cJSON_IsNull(j)) return 0;
    if (type_of(j, "pre_tokenizer", &type, e)) return -1;
    if (strcmp(type, "ByteLevel") == 0) return read_byte_level(t, j, false, e);
    if (strcmp(type, "Split") == 0) return read_split(t, j, e);
    if (strcmp(type, "Sequence") != 0) return unsupported("pre_tokenizer", type, e);
    const struct cJSON *list = json_member(j, "pretokenizers");
    if (!cJSON_IsArray(list))
        return err_set(e, ERR_DATA, "pre_tokenizer Sequence has no list 'pretokenizers'");
    bool split = false;
    for (const struct cJSON *item = list->child; item; item = item->next) {
        if (type_of(item, "pre_tokenizer", &type, e)) return -1;
        if (t->byte_level)
            return err_set(e, ERR_DATA, "pre_tokenizer '%s' after ByteLevel is not supported yet",
                           type);
        if (strcmp(type, "Split") == 0 && !split) {
            if (read_split(t, item, e)) return -1;
            split = true;
        } else if (strcmp(type, "ByteLevel") == 0) {
            if (read_byte_level(t, item, split, e)) return -1;
        } else {
            return split ? err_set(e, ERR_DATA, "pre_tokenizer '%s' after a Split is not "
                                                "supported yet", type)
                         : unsupported("pre_tokenizer", type, e);
        }
    }
    return 0;
}

/* ---- decoder ---- */

int tok_read_decoder(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    const char *type;
    t->decoder = DECODER_NONE;
    if (!j || cJSON_IsNull(j)) return 0;
    if (type_of(j, "decoder", &type, e)) return -1;
    if (strcmp(type, "ByteLevel") == 0) t->decoder = DECODER_BYTES;
    else if (strcmp(type, "Fuse") == 0) t->decoder = DECODER_FUSE;
    else return unsupported("decoder", type, e);
    return 0;
}

/* ---- post-processor ---- */

static int template_token(struct tokenizer *t, const struct cJSON *specials,
                          const struct cJSON *piece, bool after, struct err *e)
{
    const char *name, *where = "post_processor TemplateProcessing";
    if (json_get_str(piece, "id", &name, where, e)) return -1;
    const struct cJSON *entry = json_member(specials, name);
    const struct cJSON *ids = entry ? json_member(entry, "ids") : NULL;
    if (!cJSON_IsArray(ids))
        return err_set(e, ERR_DATA, "%s: no ids for special token '%s'", where, name);
    for (const struct cJSON *i = ids->child; i; i = i->next) {
        double v = cJSON_IsNumber(i) ? i->valuedouble : -1;
        bool whole = v >= 0 && v < t->vocab.n && v == (double)(int)v;
        if (!whole || !(t->vocab.v[(int)v].flags & VOCAB_USED))
            return err_set(e, ERR_DATA, "%s: bad id for special token '%s'", where, name);
        struct tok_template *m = &t->tmpl;
        int *n = after ? &m->n_after : &m->n_before;
        if (*n == 8) return err_set(e, ERR_DATA, "%s: more than 8 special tokens", where);
        (after ? m->after : m->before)[(*n)++] = (int)v;
    }
    return 0;
}

static int read_template(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "single", "pair", "special_tokens", NULL};
    const char *where = "post_processor TemplateProcessing";
    if (json_known_keys(j, keys, where, e)) return -1;
    const struct cJSON *single = json_member(j, "single");
    const struct cJSON *specials = json_member(j, "special_tokens");
    if (!cJSON_IsArray(single)) return err_set(e, ERR_DATA, "%s has no list 'single'", where);
    int n_text = 0;
    for (const struct cJSON *p = single->child; p; p = p->next) {
        const struct cJSON *special = json_member(p, "SpecialToken");
        if (special) {
            if (template_token(t, specials, special, n_text > 0, e)) return -1;
        } else if (json_member(p, "Sequence")) {
            n_text++;
        } else {
            return err_set(e, ERR_DATA, "%s: a piece is neither SpecialToken nor Sequence", where);
        }
    }
    if (n_text != 1)
        return err_set(e, ERR_DATA, "%s: 'single' names the text %d times", where, n_text);
    return 0;
}

static int read_post_one(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    const char *type;
    if (type_of(j, "post_processor", &type, e)) return -1;
    if (strcmp(type, "TemplateProcessing") == 0) return read_template(t, j, e);
    if (strcmp(type, "ByteLevel") != 0) return unsupported("post_processor", type, e);
    static const char *const keys[] = {"type", "add_prefix_space", "trim_offsets", "use_regex",
                                       NULL};
    if (json_known_keys(j, keys, "post_processor", e) ||
        json_get_bool(j, "trim_offsets", &t->trim_offsets, "post_processor", e) ||
        json_get_bool(j, "add_prefix_space", &t->trim_prefix_space, "post_processor", e))
        return -1;
    return 0;
}

int tok_read_post(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    const char *type;
    if (!j || cJSON_IsNull(j)) return 0;
    if (type_of(j, "post_processor", &type, e)) return -1;
    if (strcmp(type, "Sequence") != 0) return read_post_one(t, j, e);
    const struct cJSON *list = json_member(j, "processors");
    if (!cJSON_IsArray(list))
        return err_set(e, ERR_DATA, "post_processor Sequence has no list 'processors'");
    for (const struct cJSON *p = list->child; p; p = p->next)
        if (read_post_one(t, p, e)) return -1;
    return 0;
}
