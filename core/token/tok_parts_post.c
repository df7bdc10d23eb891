/* Decoders, post-processors, truncation and padding of a tokenizer.json. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_parts.h"

/* ---- decoder ---- */

static const char where[] = "decoder";

static int read_wordpiece(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "prefix", "cleanup", NULL};
    return json_known_keys(j, keys, where, e) || part_text(j, "prefix", where, &s->a, &s->n_a, e) ||
           json_get_bool(j, "cleanup", &s->cleanup, where, e) ? -1 : 0;
}

static int read_metaspace(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "replacement", "prepend_scheme", "split",
                                       "add_prefix_space", "str_rep", NULL};
    const char *scheme = NULL;
    bool prefix = true;
    if (json_known_keys(j, keys, where, e) || part_char(j, "replacement", where, &s->cp, e) ||
        json_opt_bool(j, "add_prefix_space", &prefix, where, e) ||
        json_opt_str(j, "prepend_scheme", &scheme, where, e))
        return -1;
    s->keep_first = scheme ? strcmp(scheme, "never") == 0 : !prefix;
    return 0;
}

static int read_ctc(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "pad_token", "word_delimiter_token", "cleanup", NULL};
    return json_known_keys(j, keys, where, e) || part_text(j, "pad_token", where, &s->a, &s->n_a, e) ||
           part_text(j, "word_delimiter_token", where, &s->b, &s->n_b, e) ||
           json_get_bool(j, "cleanup", &s->cleanup, where, e) ? -1 : 0;
}

static int read_replace(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "pattern", "content", NULL};
    const char *source;
    return json_known_keys(j, keys, where, e) || part_text(j, "content", where, &s->b, &s->n_b, e) ||
           tok_read_pattern(json_member(j, "pattern"), "decoder Replace", &s->a, &s->n_a, &s->re,
                            &source, e) ? -1 : 0;
}

static int read_strip(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "content", "start", "stop", NULL};
    int64_t start = 0, stop = 0;
    if (json_known_keys(j, keys, where, e) || part_char(j, "content", where, &s->cp, e) ||
        json_get_i64(j, "start", 0, INT32_MAX, &start, where, e) ||
        json_get_i64(j, "stop", 0, INT32_MAX, &stop, where, e))
        return -1;
    s->start = (size_t)start;
    s->stop = (size_t)stop;
    return 0;
}

static int read_bpe(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "suffix", NULL};
    return json_known_keys(j, keys, where, e) || part_text(j, "suffix", where, &s->a, &s->n_a, e) ? -1 : 0;
}

static int read_nothing(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "add_prefix_space", "trim_offsets", "use_regex", NULL};
    (void)s;
    return json_known_keys(j, keys, where, e);
}

static int read_decoder(struct tokenizer *t, const struct cJSON *j, int depth, struct err *e)
{
    static const struct {
        const char *type;
        enum dec_kind kind;
        int (*read)(struct dec_step *, const struct cJSON *, struct err *);
    } kinds[] = {{"ByteLevel", DEC_BYTE_LEVEL, read_nothing}, {"WordPiece", DEC_WORDPIECE, read_wordpiece},
                 {"Metaspace", DEC_METASPACE, read_metaspace}, {"BPEDecoder", DEC_BPE, read_bpe},
                 {"CTC", DEC_CTC, read_ctc}, {"Replace", DEC_REPLACE, read_replace},
                 {"Fuse", DEC_FUSE, read_nothing}, {"Strip", DEC_STRIP, read_strip},
                 {"ByteFallback", DEC_BYTE_FALLBACK, read_nothing}};
    const char *type;
    const struct cJSON *list;
    if (depth > 8) return err_set(e, ERR_DATA, "decoders are nested deeper than 8");
    if (part_type(j, where, &type, e)) return -1;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(type, kinds[i].type) != 0) continue;
        struct dec_step *s = decode_chain_add(&t->decoder, kinds[i].kind, e);
        return s ? kinds[i].read(s, j, e) : -1;
    }
    if (strcmp(type, "Sequence") != 0) return part_unknown(where, type, e);
    if (part_list(j, "decoders", "decoder Sequence", &list, e)) return -1;
    for (const struct cJSON *i = list->child; i; i = i->next)
        if (read_decoder(t, i, depth + 1, e)) return -1;
    return 0;
}

int tok_read_decoder(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    if (!j || cJSON_IsNull(j)) return 0;
    if (read_decoder(t, j, 0, e)) return -1;
    /* Without a decoder there is a space between tokens, with an empty one there is not. */
    if (t->decoder.n == 0 && !decode_chain_add(&t->decoder, DEC_FUSE, e)) return -1;
    t->decoder.bytes = t->decoder.n == 1 && t->decoder.step[0].kind == DEC_BYTE_LEVEL;
    t->decoder.fuse = t->decoder.n == 1 && t->decoder.step[0].kind == DEC_FUSE;
    return 0;
}

/* ---- post-processor ---- */

static const char template_where[] = "post_processor TemplateProcessing";

static int add_place(struct tok_places *p, int id, int type, struct err *e)
{
    if (p->n == 256) return err_set(e, ERR_DATA, "post_processor: more than 256 special tokens");
    struct tok_place *v = mem_resize(p->v, (size_t)p->n + 1, sizeof *v);
    if (!v) return err_oom(e, 1, "a template");
    p->v = v;
    if (id == PLACE_FIRST) p->text = p->n;
    v[p->n++] = (struct tok_place){id, type};
    return 0;
}

static int add_token(struct tokenizer *t, struct tok_places *p, int id, int type, const char *what, struct err *e)
{
    if (id < 0 || id >= t->vocab.n || !(t->vocab.v[id].flags & VOCAB_USED))
        return err_set(e, ERR_DATA, "post_processor: bad id for special token '%s'", what);
    return add_place(p, id, type, e);
}

static int template_token(struct tokenizer *t, struct tok_places *p, const struct cJSON *specials,
                          const struct cJSON *piece, struct err *e)
{
    const char *name;
    int64_t type = 0;
    if (json_get_str(piece, "id", &name, template_where, e) ||
        json_opt_i64(piece, "type_id", 0, INT32_MAX, &type, template_where, e))
        return -1;
    const struct cJSON *entry = specials ? json_member(specials, name) : NULL;
    const struct cJSON *ids = entry ? json_member(entry, "ids") : NULL;
    if (!cJSON_IsArray(ids))
        return err_set(e, ERR_DATA, "%s: no ids for special token '%s'", template_where, name);
    for (const struct cJSON *i = ids->child; i; i = i->next) {
        double v = cJSON_IsNumber(i) ? i->valuedouble : -1;
        bool whole = v >= 0 && v < INT32_MAX && v == (double)(int)v;
        if (add_token(t, p, whole ? (int)v : -1, (int)type, name, e)) return -1;
    }
    return 0;
}

static int template_text(struct tok_places *p, const struct cJSON *piece, int n_text[2], struct err *e)
{
    const char *name = "A";
    int64_t type = 0;
    if (json_opt_str(piece, "id", &name, template_where, e) ||
        json_opt_i64(piece, "type_id", 0, INT32_MAX, &type, template_where, e))
        return -1;
    bool second = strcmp(name, "B") == 0;
    if (!second && strcmp(name, "A") != 0)
        return err_set(e, ERR_DATA, "%s: Sequence '%s' is neither A nor B", template_where, name);
    n_text[second]++;
    return add_place(p, second ? PLACE_SECOND : PLACE_FIRST, (int)type, e);
}

/* "single" or "pair": each text stands in it once. */
static int template_list(struct tokenizer *t, struct tok_places *to, const struct cJSON *j, const char *key,
                         bool pair, struct err *e)
{
    const struct cJSON *specials = json_member(j, "special_tokens"), *list = json_member(j, key), *v;
    int n_text[2] = {0, 0};
    if (!cJSON_IsArray(list)) return err_set(e, ERR_DATA, "%s has no list '%s'", template_where, key);
    for (const struct cJSON *p = list->child; p; p = p->next) {
        int ret;
        if ((v = json_member(p, "SpecialToken"))) ret = template_token(t, to, specials, v, e);
        else if ((v = json_member(p, "Sequence"))) ret = template_text(to, v, n_text, e);
        else ret = err_set(e, ERR_DATA, "%s: a piece is neither SpecialToken nor Sequence", template_where);
        if (ret) return -1;
    }
    for (int k = 0; k < 2; k++)
        if (n_text[k] != (k == 0 || pair))
            return err_set(e, ERR_DATA, "%s: '%s' names the text %c %d times", template_where, key, "AB"[k], n_text[k]);
    return 0;
}

static int read_template(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "single", "pair", "special_tokens", NULL};
    if (json_known_keys(j, keys, template_where, e) || template_list(t, &t->single, j, "single", false, e))
        return -1;
    return json_member(j, "pair") ? template_list(t, &t->pair, j, "pair", true, e) : 0;
}

/* "sep": ["[SEP]", 102] */
static int named_pair(const struct cJSON *j, const char *key, int *id, struct err *e)
{
    const struct cJSON *v = json_member(j, key);
    const struct cJSON *n = cJSON_IsArray(v) && v->child ? v->child->next : NULL;
    if (!cJSON_IsNumber(n) || n->next || !(n->valuedouble >= 0) || !(n->valuedouble < INT32_MAX))
        return err_set(e, ERR_DATA, "post_processor: '%s' must be a list of a token and its id", key);
    *id = (int)n->valuedouble;
    return 0;
}

/* cls A sep, and cls A sep B sep, with as many sep between the texts as the model wants. */
static int around(struct tokenizer *t, const struct cJSON *j, int n_between, int second_type, struct err *e)
{
    int cls, sep;
    if (named_pair(j, "cls", &cls, e) || named_pair(j, "sep", &sep, e)) return -1;
    for (int pair = 0; pair < 2; pair++) {
        struct tok_places *p = pair ? &t->pair : &t->single;
        if (add_token(t, p, cls, 0, "cls", e) || add_place(p, PLACE_FIRST, 0, e) || add_token(t, p, sep, 0, "sep", e))
            return -1;
        if (!pair) continue;
        for (int i = 1; i < n_between; i++)
            if (add_token(t, p, sep, second_type, "sep", e)) return -1;
        if (add_place(p, PLACE_SECOND, second_type, e) || add_token(t, p, sep, second_type, "sep", e)) return -1;
    }
    return 0;
}

static int read_bert(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "sep", "cls", NULL};
    return json_known_keys(j, keys, "post_processor", e) || around(t, j, 1, 1, e) ? -1 : 0;
}

/* What a processor says of offsets; one after the other would cut twice. */
static int trim(struct tokenizer *t, bool offsets, bool prefix_space, struct err *e)
{
    if (!offsets) return 0;
    if (t->trim_offsets) return err_set(e, ERR_DATA, "post_processor: two that trim offsets are not supported");
    t->trim_offsets = true;
    t->trim_prefix_space = prefix_space;
    return 0;
}

static int read_roberta(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "sep", "cls", "trim_offsets", "add_prefix_space", NULL};
    bool offsets = true, prefix = true;
    return json_known_keys(j, keys, "post_processor", e) ||
           json_opt_bool(j, "trim_offsets", &offsets, "post_processor", e) ||
           json_opt_bool(j, "add_prefix_space", &prefix, "post_processor", e) ||
           trim(t, offsets, prefix, e) || around(t, j, 2, 0, e) ? -1 : 0;
}

static int read_byte_level(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"type", "add_prefix_space", "trim_offsets", "use_regex", NULL};
    bool offsets = false, prefix = false;
    return json_known_keys(j, keys, "post_processor", e) ||
           json_get_bool(j, "trim_offsets", &offsets, "post_processor", e) ||
           json_get_bool(j, "add_prefix_space", &prefix, "post_processor", e) || trim(t, offsets, prefix, e) ? -1 : 0;
}

static int read_post(struct tokenizer *t, const struct cJSON *j, int depth, struct err *e)
{
    const char *type;
    const struct cJSON *list;
    if (depth > 8) return err_set(e, ERR_DATA, "post_processors are nested deeper than 8");
    if (part_type(j, "post_processor", &type, e)) return -1;
    bool templated = t->single.n > 0, templates = true;
    int ret = -1;
    if (strcmp(type, "TemplateProcessing") == 0) ret = read_template(t, j, e);
    else if (strcmp(type, "BertProcessing") == 0) ret = read_bert(t, j, e);
    else if (strcmp(type, "RobertaProcessing") == 0) ret = read_roberta(t, j, e);
    else if (strcmp(type, "ByteLevel") == 0) ret = read_byte_level(t, j, e), templates = false;
    else if (strcmp(type, "Sequence") != 0) return part_unknown("post_processor", type, e);
    else {
        if (part_list(j, "processors", "post_processor Sequence", &list, e)) return -1;
        for (const struct cJSON *p = list->child; p; p = p->next)
            if (read_post(t, p, depth + 1, e)) return -1;
        return 0;
    }
    if (ret == 0 && templated && templates)
        return err_set(e, ERR_DATA, "post_processor: two templates one inside the other are not supported");
    return ret;
}

int tok_read_post(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    if (!j || cJSON_IsNull(j)) return 0;
    return read_post(t, j, 0, e);
}

/* ---- truncation and padding ---- */

static bool is_text(const struct cJSON *j, const char *key, const char *text)
{
    const struct cJSON *v = json_member(j, key);
    return cJSON_IsString(v) && strcmp(v->valuestring, text) == 0;
}

static int read_truncation(struct tok_limits *l, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"direction", "max_length", "strategy", "stride", NULL};
    const char *here = "truncation";
    int64_t length = 0, stride = 0;
    if (!cJSON_IsObject(j)) return err_set(e, ERR_DATA, "truncation must be an object or null");
    if (is_text(j, "strategy", "OnlyFirst")) l->cut = CUT_FIRST;
    else if (is_text(j, "strategy", "OnlySecond")) l->cut = CUT_SECOND;
    else if (json_member(j, "strategy") && !is_text(j, "strategy", "LongestFirst"))
        return err_set(e, ERR_DATA, "truncation: unknown strategy");
    if (json_known_keys(j, keys, here, e) ||
        json_get_i64(j, "max_length", 0, INT32_MAX, &length, here, e) ||
        json_opt_i64(j, "stride", 0, INT32_MAX, &stride, here, e))
        return -1;
    l->truncate = true;
    l->left = is_text(j, "direction", "Left");
    l->max_length = (size_t)length;
    return 0;
}

static int read_padding(struct tok_limits *l, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"strategy", "direction", "pad_to_multiple_of", "pad_id",
                                       "pad_type_id", "pad_token", NULL};
    const char *here = "padding";
    int64_t id = 0, multiple = 0, fixed = 0, type = 0;
    if (!cJSON_IsObject(j)) return err_set(e, ERR_DATA, "padding must be an object or null");
    if (json_known_keys(j, keys, here, e) || json_get_i64(j, "pad_id", 0, VOCAB_MAX_ID, &id, here, e) ||
        json_opt_i64(j, "pad_to_multiple_of", 0, INT32_MAX, &multiple, here, e) ||
        json_opt_i64(j, "pad_type_id", 0, INT32_MAX, &type, here, e))
        return -1;
    const struct cJSON *strategy = json_member(j, "strategy");
    if (cJSON_IsObject(strategy)) {
        if (json_get_i64(strategy, "Fixed", 0, 1 << 24, &fixed, here, e)) return -1;
    } else if (!is_text(j, "strategy", "BatchLongest")) {
        return err_set(e, ERR_DATA, "padding: unknown strategy");
    }
    l->pad = true;
    l->pad_left = is_text(j, "direction", "Left");
    l->pad_to = (size_t)fixed;
    l->pad_multiple = (size_t)multiple;
    l->pad_id = (int)id;
    l->pad_type = (int)type;
    return 0;
}

int tok_read_limits(struct tokenizer *t, const struct cJSON *truncation, const struct cJSON *padding,
                    struct err *e)
{
    if (truncation && !cJSON_IsNull(truncation) && read_truncation(&t->limits, truncation, e)) return -1;
    return padding && !cJSON_IsNull(padding) ? read_padding(&t->limits, padding, e) : 0;
}
