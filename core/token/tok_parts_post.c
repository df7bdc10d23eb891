/* Decoders, truncation and padding of a tokenizer.json. */
#include <cjson/cJSON.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"
#include "core/token/tok_parts.h"

/* ---- decoder ---- */

static const char where[] = "decoder";

static int read_wordpiece(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    return part_keys(j, where, e) || part_text(j, "prefix", where, &s->a, &s->n_a, e) ||
           json_get_bool(j, "cleanup", &s->cleanup, where, e) ? -1 : 0;
}

static int read_metaspace(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    const char *scheme = NULL;
    bool prefix = true;
    if (part_keys(j, where, e) || part_char(j, "replacement", where, &s->cp, e) ||
        json_opt_bool(j, "add_prefix_space", &prefix, where, e) ||
        json_opt_str(j, "prepend_scheme", &scheme, where, e))
        return -1;
    s->keep_first = scheme ? strcmp(scheme, "never") == 0 : !prefix;
    return 0;
}

/* Hugging Face's programs find an empty text between all characters of a token. */
static int part_some_text(const struct cJSON *j, const char *key, char **out, size_t *n, struct err *e)
{
    if (part_text(j, key, where, out, n, e)) return -1;
    return *n ? 0 : err_set(e, ERR_DATA, "%s: an empty '%s', which would stand between all characters, is not supported", where, key);
}

static int read_ctc(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    static const char word[] = "word_delimiter_token";
    if (part_keys(j, where, e) || part_text(j, "pad_token", where, &s->a, &s->n_a, e) ||
        json_get_bool(j, "cleanup", &s->cleanup, where, e))
        return -1;
    return s->cleanup ? part_some_text(j, word, &s->b, &s->n_b, e) : part_text(j, word, where, &s->b, &s->n_b, e);
}

static int read_replace(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    const char *source;
    return part_keys(j, where, e) || part_text(j, "content", where, &s->b, &s->n_b, e) ||
           tok_read_pattern(json_member(j, "pattern"), "decoder Replace", &s->a, &s->n_a, &s->re,
                            &source, e) ? -1 : 0;
}

static int read_strip(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    int64_t start = 0, stop = 0;
    if (part_keys(j, where, e) || part_char(j, "content", where, &s->cp, e) ||
        json_get_i64(j, "start", 0, INT32_MAX, &start, where, e) ||
        json_get_i64(j, "stop", 0, INT32_MAX, &stop, where, e))
        return -1;
    s->start = (size_t)start;
    s->stop = (size_t)stop;
    return 0;
}

static int read_bpe(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    return part_keys(j, where, e) || part_some_text(j, "suffix", &s->a, &s->n_a, e) ? -1 : 0;
}

static int read_nothing(struct dec_step *s, const struct cJSON *j, struct err *e)
{
    (void)s;
    return part_keys(j, where, e);
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
    static const struct part_guess guess[] = {
        {"suffix", "BPEDecoder"}, {"prefix cleanup", "WordPiece"}, {"pad_token word_delimiter_token cleanup", "CTC"},
        {"pattern content", "Replace"}, {"content start stop", "Strip"}, {NULL, NULL}};
    const char *type;
    const struct cJSON *list;
    if (depth > 8) return err_set(e, ERR_DATA, "decoders are nested deeper than 8");
    if (part_type(j, where, guess, &type, e)) return -1;
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

/* ---- truncation and padding ---- */

enum { MOST_PADDED = 1 << 24 }; /* ids that a text is filled up to */

static bool is_text(const struct cJSON *j, const char *key, const char *text)
{
    return strcmp(json_text_or(j, key, ""), text) == 0;
}

static int read_truncation(struct tok_limits *l, const struct cJSON *j, struct err *e)
{
    static const char *const keys[] = {"direction", "max_length", "strategy", "stride", NULL};
    const char *here = "truncation";
    int64_t length = 0, stride = 0;
    if (!cJSON_IsObject(j)) return err_set(e, ERR_DATA, "truncation must be an object or null");
    if (is_text(j, "strategy", "OnlyFirst")) l->cut = TOK_CUT_FIRST;
    else if (is_text(j, "strategy", "OnlySecond")) l->cut = TOK_CUT_SECOND;
    else if (json_member(j, "strategy") && !is_text(j, "strategy", "LongestFirst"))
        return err_set(e, ERR_DATA, "truncation: unknown strategy");
    if (json_known_keys(j, keys, here, e) ||
        json_get_i64(j, "max_length", 0, INT32_MAX, &length, here, e) ||
        json_opt_i64(j, "stride", 0, INT32_MAX, &stride, here, e))
        return -1;
    l->truncate = true;
    l->left = is_text(j, "direction", "Left");
    l->max_length = (size_t)length;
    l->stride = (size_t)stride;
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
        json_opt_i64(j, "pad_to_multiple_of", 0, MOST_PADDED, &multiple, here, e) ||
        json_opt_i64(j, "pad_type_id", 0, INT32_MAX, &type, here, e))
        return -1;
    const struct cJSON *strategy = json_member(j, "strategy");
    if (cJSON_IsObject(strategy)) {
        if (json_get_i64(strategy, "Fixed", 0, MOST_PADDED, &fixed, here, e)) return -1;
    } else if (!is_text(j, "strategy", "BatchLongest")) {
        return err_set(e, ERR_DATA, "padding: unknown strategy");
    }
    l->pads = true;
    l->pad = (struct tok_padding){.id = (int)id, .type = (int)type, .to = (size_t)fixed, .multiple = (size_t)multiple,
                                  .left = is_text(j, "direction", "Left")};
    return 0;
}

int tok_read_limits(struct tokenizer *t, const struct cJSON *truncation, const struct cJSON *padding,
                    struct err *e)
{
    if (truncation && !cJSON_IsNull(truncation) && read_truncation(&t->limits, truncation, e)) return -1;
    return padding && !cJSON_IsNull(padding) ? read_padding(&t->limits, padding, e) : 0;
}
