#include "core/token/tok_pieces.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/moses.h"
#include "core/token/tok_base64.h"
#include "core/token/tok_decode.h"
#include "core/token/tok_load.h"
#include "core/token/tok_members.h"
#include "core/token/tok_scratch.h"
#include "core/token/unicode.h"

/* The side of a text. */
static const struct tok_side *side_of(const struct tok_pieces *p, unsigned flags)
{
    return &p->side[(flags & TOK_TARGET) && p->side[SIDE_TARGET].t ? SIDE_TARGET : SIDE_SOURCE];
}

/* ---- text to ids ---- */

size_t tok_pieces_code(const struct tok_pieces *p, const char *text, size_t n)
{
    if (!p->codes || n < 4 || memcmp(text, ">>", 2) != 0) return 0;
    const char *end = memmem(text, n, "<<", 2);
    return end ? (size_t)(end - text) + 2 : 0;
}

int32_t tok_pieces_token(const struct tokenizer *t, const char *s, size_t n)
{
    int id = vocab_find(&t->vocab, s, n);
    return id < 0 || (tok_is_special(t, id) && !t->makes_special) ? t->unk_id : id;
}

/* The text's place in what it was made of. */
static void map_spans(const struct norm_origin *origin, size_t n, struct tok_ids *ids)
{
    for (size_t i = 0; origin && ids->want_spans && i < ids->n; i++) {
        struct tok_span *p = &ids->span[i];
        size_t begin = p->begin, end = p->end;
        p->begin = begin < n ? origin[begin].begin : origin[n - 1].end;
        p->end = end > begin ? origin[end - 1].end : p->begin;
    }
}

static int push_all(const struct tok_ids *ids, size_t at, struct tok_ids *out, struct err *e)
{
    if (tok_ids_room(out, ids->n, e)) return -1;
    for (size_t i = 0; i < ids->n; i++) {
        if (out->want_spans) out->span[out->n] = (struct tok_span){.begin = ids->span[i].begin + at, .end = ids->span[i].end + at};
        out->id[out->n++] = ids->id[i];
    }
    return 0;
}

/* What the model gives for each of its words, whose places are in `norm` then. */
static int by_steps(const struct tok_side *side, struct tok_scratch *s, const char *text, size_t n, struct tok_ids *ids,
                    const char **norm, size_t *n_norm, struct err *e)
{
    struct norm *w = &s->norm;
    w->want_origin = true;
    int changed = norm_run(&side->t->norm, w, text, n, e);
    if (changed < 0) return -1;
    *norm = changed ? w->out->text.data : text;
    *n_norm = changed ? w->out->text.len : n;
    return *n_norm ? tok_model_word(side->t, s, (const uint8_t *)*norm, *n_norm, 0, ids, e) : 0;
}

/* The reference: what is unknown to the model is looked up as it stands in the normal form. */
static int spelled(const struct tokenizer *t, const struct tok_side *side, struct tok_scratch *s, const char *text, size_t n,
                   struct tok_ids *ids, struct err *e)
{
    const char *norm;
    size_t n_norm;
    ids->n = 0;
    ids->want_spans = true;
    if (by_steps(side, s, text, n, ids, &norm, &n_norm, e)) return -1;
    const struct norm_origin *origin = norm != text ? s->norm.out->origin : NULL;
    for (size_t i = 0; i < ids->n; i++) {
        struct tok_span *p = &ids->span[i];
        ids->id[i] = ids->id[i] == side->t->unk_id ? tok_pieces_token(t, norm + p->begin, p->end - p->begin) : side->id[ids->id[i]];
        if (!origin) continue;
        p->begin = p->begin < n_norm ? origin[p->begin].begin : s->norm.end;
        p->end = p->end < n_norm ? origin[p->end].begin : s->norm.end;
    }
    return 0;
}

/* ---- the same by ids alone: these are laid over the normal form, of which nothing is kept besides ---- */

struct lay {
    const struct tokenizer *side;
    const char *text;
    size_t n, steps;   /* steps: bytes that were looked at more than once */
};

static bool is_known(const struct tokenizer *side, const char *s, size_t n)
{
    int id = vocab_find(&side->vocab, s, n);
    unsigned flags = id < 0 ? 0 : side->vocab.v[id].flags;
    return (flags & VOCAB_MODEL) && !(flags & (VOCAB_UNUSED | VOCAB_BYTE));
}

static bool stands_at(const struct lay *y, size_t at, int id)
{
    size_t n;
    if (id < 0) return at == y->n;
    const char *s = vocab_text(&y->side->vocab, id, &n);
    return n <= y->n - at && memcmp(y->text + at, s, n) == 0;
}

/* Where the unknown piece at `at` ends, before the piece `next` (-1: the end of all): it is of characters that are no
 * pieces, and where more than one end is possible there is no saying, 0. */
static size_t unknown_end(struct lay *y, size_t at, int next)
{
    size_t found = 0;
    for (size_t i = at; i < y->n;) {
        size_t len = uni_next((const uint8_t *)y->text + i, y->n - i).len;
        if (is_known(y->side, y->text + i, len)) break;
        i += len;
        if (found && y->steps++ > y->n) return 0;
        bool unknown_next = next >= 0 && next == y->side->unk_id; /* two are one: it does not happen */
        if (unknown_next || !stands_at(y, i, next)) continue;
        if (found) return 0;
        found = i;
    }
    return found;
}

/* 1: they are tokens now; 0: not this way, and some are. */
static int laid(const struct tokenizer *t, const struct tok_side *side, struct tok_scratch *s, const char *text, size_t n,
                struct tok_ids *ids, struct err *e)
{
    struct norm *w = &s->norm;
    bool wants = w->want_origin; /* others rely on what they set */
    w->want_origin = false;
    int changed = norm_run(&side->t->norm, w, text, n, e);
    w->want_origin = wants;
    if (changed < 0) return -1;
    struct lay y = {.side = side->t, .text = changed ? w->out->text.data : text, .n = changed ? w->out->text.len : n};
    size_t at = 0, len;
    for (size_t i = 0; i < ids->n; i++) {
        int id = ids->id[i];
        bool unknown = id == side->t->unk_id;
        size_t end = unknown ? unknown_end(&y, at, i + 1 < ids->n ? ids->id[i + 1] : -1) : 0;
        if (unknown ? !end : !stands_at(&y, at, id)) return 0;
        if (!unknown) vocab_text(&side->t->vocab, id, &len);
        else len = end - at;
        ids->id[i] = unknown ? tok_pieces_token(t, y.text + at, len) : side->id[id];
        at += len;
    }
    return at == y.n;
}

/* The tokens of a text; NULL: an error. */
static struct tok_ids *pieces(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags, bool want_spans,
                              struct err *e)
{
    const struct tok_side *side = side_of(t->pieces, flags);
    struct tok_scratch *inner = s->side[side - t->pieces->side];
    struct tok_ids *ids = want_spans ? &s->spelled : &s->pieces;
    bool unknown = s->chains && side->t->source == SOURCE_SPM;
    inner->chains = s->chains;
    ids->n = 0;
    ids->want_spans = want_spans;
    if (!unknown && tok_encode_alone(side->t, inner, text, n, 0, ids, e)) return NULL;
    for (size_t i = 0; i < ids->n && side->names && !unknown; i++) unknown = ids->id[i] == side->t->unk_id;
    if (unknown && !s->chains && !want_spans) {
        int ret = laid(t, side, inner, text, n, ids, e);
        if (ret) return ret < 0 ? NULL : ids;
    }
    if (unknown) return spelled(t, side, inner, text, n, &s->spelled, e) ? NULL : &s->spelled;
    for (size_t i = 0; i < ids->n; i++) ids->id[i] = side->id[ids->id[i]];
    return ids;
}

int tok_pieces_behind(const struct tokenizer *t, const char *text, size_t n, bool first, struct buf *whole, size_t *front, size_t *left, struct err *e)
{
    size_t end = n;
    *left = 0;
    while (end && text[end - 1] == ' ') end--;
    while (!first && *left < end && text[*left] == ' ') ++*left;
    buf_clear(whole);
    buf_adds(whole, t->pieces->before);
    if (first) buf_adds(whole, "\xE2\x96\x81");
    *front = whole->len;
    buf_add(whole, text + *left, end - *left);
    return buf_ok(whole, e);
}

static int pieces_behind(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags, bool first,
                         struct tok_ids *out, const struct norm_origin *origin, size_t at, struct err *e)
{
    const struct tok_pieces *p = t->pieces;
    struct buf *whole = &s->spaced;
    size_t left, front;
    if (tok_pieces_behind(t, text, n, first, whole, &front, &left, e)) return -1;
    struct tok_ids *ids = pieces(t, s, whole->data, whole->len, flags, out->want_spans, e);
    if (!ids) return -1;
    for (size_t i = 0; ids->want_spans && i < ids->n; i++) {
        size_t *const ends[] = {&ids->span[i].begin, &ids->span[i].end};
        for (int k = 0; k < 2; k++) *ends[k] = *ends[k] > front ? *ends[k] - front + left : left;
    }
    map_spans(origin, n, ids);
    if (ids->n >= p->n_before) tok_ids_cut(ids, 0, p->n_before);
    return push_all(ids, at, out, e);
}

int tok_pieces_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags,
                       struct tok_ids *out, struct err *e)
{
    size_t at = s->offset, code = tok_pieces_code(t->pieces, text, n);
    if (code && tok_ids_push(out, tok_pieces_token(t, text, code), at, at + code, e)) return -1;
    text += code;
    n -= code;
    if (n == 0) return 0;
    struct norm *w = &s->norm;
    w->want_origin = out->want_spans;
    int changed = norm_run(&t->norm, w, text, n, e);
    if (changed < 0) return -1;
    if (changed) {
        text = w->out->text.data;
        n = w->out->text.len;
        if (n == 0) return 0;
    }
    const struct norm_origin *origin = changed && out->want_spans ? w->out->origin : NULL;
    if (t->pieces->before) return pieces_behind(t, s, text, n, flags, at == 0, out, origin, at + code, e);
    struct tok_ids *ids = pieces(t, s, text, n, flags, out->want_spans, e);
    if (!ids) return -1;
    map_spans(origin, n, ids);
    return push_all(ids, at + code, out, e);
}

int tok_pieces_scratch(const struct tokenizer *t, struct tok_scratch *s, struct err *e)
{
    for (int k = 0; t->pieces && k < N_SIDES; k++) {
        const struct tokenizer *side = t->pieces->side[k].t;
        if (side && !(s->side[k] = tok_scratch_new(side, e))) return -1;
    }
    return 0;
}

/* ---- the file ---- */

static int keep_json(const struct cJSON *j, char **out, struct err *e)
{
    struct buf text = {0};
    if (!j) return 0;
    json_print(&text, j, 0);
    if (buf_ok(&text, e)) {
        buf_free(&text);
        return -1;
    }
    *out = buf_steal(&text);
    return 0;
}

static int read_origin(struct tok_pieces *p, const struct cJSON *root, const char *name, struct err *e)
{
    const char *class = NULL;
    if (json_opt_str(root, "class", &class, name, e)) return -1;
    if (class && !(p->class = mem_strdup(class))) return err_oom(e, strlen(class), "a name");
    return keep_json(json_member(root, "config"), &p->config, e) || keep_json(json_member(root, "special_tokens_map"), &p->map, e) ||
                   keep_json(json_member(root, "added_tokens_file"), &p->added, e)
               ? -1 : 0;
}

static void add_origin(struct buf *out, const struct tok_pieces *p)
{
    const char *const keys[] = {"config", "special_tokens_map", "added_tokens_file"}, *const text[] = {p->config, p->map, p->added};
    if (p->class) tok_line_json(out, "class", p->class);
    for (size_t k = 0; k < COUNT_OF(keys); k++)
        if (text[k]) buf_printf(out, "\"%s\":%s,\n", keys[k], text[k]);
}

static const struct {
    const char *name;
    unsigned flag;
} ways[] = {{"joined", PIECES_JOINED}, {"space_before", PIECES_SPACE_BEFORE}, {"space_after", PIECES_SPACE_AFTER},
            {"strip", PIECES_STRIP}, {"bars", PIECES_BARS}, {"words", PIECES_WORDS}, {"suffixes", PIECES_SUFFIXES}, {"moses", PIECES_MOSES},
            {"spaced", PIECES_SPACED}, {"wordpieces", PIECES_WORDPIECES}, {"ctc", PIECES_CTC}};

static int read_side(struct tokenizer *t, struct tok_side *side, const struct cJSON *root, const char *key, const char *name, struct err *e)
{
    const char *data;
    struct buf bytes = {0};
    if (json_get_str(root, key, &data, name, e)) return -1;
    if (tok_unbase64(data, strlen(data), &bytes, e) == 0) {
        bool json = bytes.len && *bytes.data == '{';
        side->t = json ? tok_parse(bytes.data, bytes.len, name, e) : tok_from_spm(buf_text(&bytes), bytes.len, name, e);
    }
    buf_free(&bytes);
    if (!side->t) return -1;
    if (side->t->source != SOURCE_SPM && side->t->source != SOURCE_JSON)
        return err_set(e, ERR_DATA, "'%s': '%s' is neither a SentencePiece model nor a tokenizer.json", name, key);
    if (side->t->note) t->note = side->t->note;
    return 0;
}

/* What stands for a piece in the vocabulary: itself, or "piece@@" of one that a word goes on behind. */
static int name_of(const struct tokenizer *side, bool suffixed, int id, struct buf *name, struct err *e)
{
    size_t n, n_end = side->suffix && !suffixed ? strlen(side->suffix) : 0;
    const char *s = vocab_text(&side->vocab, id, &n);
    bool last = n_end && n > n_end && memcmp(s + n - n_end, side->suffix, n_end) == 0;
    buf_clear(name);
    buf_add(name, s, last ? n - n_end : n);
    if (n_end && !last) buf_adds(name, "@@");
    return buf_ok(name, e);
}

static int find_ids(const struct tokenizer *t, struct tok_side *side, struct err *e)
{
    const struct vocab *v = &side->t->vocab;
    if (!side->id) side->id = mem_alloc((size_t)v->n, sizeof *side->id);
    if (!side->id) return err_oom(e, (size_t)v->n * sizeof *side->id, "ids of pieces");
    struct buf name = {0};
    int ret = 0;
    for (int i = 0; ret == 0 && i < v->n; i++) {
        side->id[i] = t->unk_id;
        if (!(v->v[i].flags & VOCAB_USED)) continue;
        ret = name_of(side->t, t->pieces->suffixed, i, &name, e);
        if (ret == 0) side->id[i] = tok_pieces_token(t, name.data, name.len);
    }
    buf_free(&name);
    return ret;
}

/* Whether nothing in it is a piece by itself: only such characters are unknown to a model that is not one of words. */
static bool all_unknown(const struct tokenizer *side, const char *s, size_t n)
{
    for (size_t i = 0, len; i < n; i += len) {
        len = uni_next((const uint8_t *)s + i, n - i).len;
        if (is_known(side, s + i, len)) return false;
    }
    return true;
}

static void find_names(const struct tokenizer *t, struct tok_side *side)
{
    side->names = side->t->model == MODEL_WORDLEVEL;
    for (int i = 0; i < t->vocab.n && !side->names; i++) {
        size_t n;
        const char *s = vocab_text(&t->vocab, i, &n);
        side->names = (t->vocab.v[i].flags & VOCAB_USED) && i != t->unk_id && all_unknown(side->t, s, n);
    }
    side->names = side->names && side->t->source == SOURCE_SPM && !side->t->byte_fallback;
}

int tok_pieces_find(struct tokenizer *t, struct err *e)
{
    for (int k = 0; k < N_SIDES; k++) {
        struct tok_side *side = &t->pieces->side[k];
        if (side->t && find_ids(t, side, e)) return -1;
        if (side->t) find_names(t, side);
    }
    return 0;
}

/* What decoding takes each token for: special ones are text as they are, and so are those that are no pieces. */
static int find_kinds(const struct tokenizer *t, struct tok_pieces *p, struct err *e)
{
    const struct tokenizer *side = p->side[SIDE_SOURCE].t;
    size_t most = (size_t)t->vocab.n;
    if (!(p->kind = mem_zalloc(most, sizeof *p->kind))) return err_oom(e, most, "kinds of tokens");
    for (int i = 0; i < t->vocab.n; i++) {
        size_t n;
        if (!(t->vocab.v[i].flags & VOCAB_USED)) continue;
        const char *s = vocab_text(&t->vocab, i, &n);
        int id = vocab_find(&side->vocab, s, n);
        p->kind[i] = (uint8_t)(tok_is_skipped(t, i) ? TOKEN_SPECIAL : id < 0 ? TOKEN_RAW : tok_kind_to_decode(side, id));
    }
    return 0;
}

/* Special tokens that decoding never leaves out. */
static int read_shown(struct tokenizer *t, const struct cJSON *list, const char *name, struct err *e)
{
    for (const struct cJSON *i = list ? list->child : NULL; i; i = i->next) {
        int id = cJSON_IsString(i) ? vocab_find(&t->vocab, i->valuestring, strlen(i->valuestring)) : -1;
        if (id < 0 || !tok_is_special(t, id)) return err_set(e, ERR_DATA, "'%s': 'shown' names what is no special token", name);
        t->vocab.v[id].flags |= VOCAB_INVERTED;
    }
    return 0;
}

/* The step that joins tokens, as the models decode. */
static int read_decoder(struct tokenizer *t, const struct cJSON *list, const char *name, struct err *e)
{
    const struct dec_step *spm = t->pieces->side[SIDE_SOURCE].t->decoder.step;
    struct dec_step *s = decode_chain_add(&t->decoder, DEC_PIECES, e);
    if (!s) return -1;
    for (const struct cJSON *i = list ? list->child : NULL; i; i = i->next) {
        size_t k = 0;
        while (k < COUNT_OF(ways) && (!cJSON_IsString(i) || strcmp(i->valuestring, ways[k].name) != 0)) k++;
        if (k == COUNT_OF(ways)) return err_set(e, ERR_DATA, "'%s': a way to decode that is not known", name);
        s->ways |= ways[k].flag;
    }
    if (t->pieces->side[SIDE_SOURCE].t->source != SOURCE_SPM) return 0;
    s->keep_first = spm->keep_first;
    s->trim_all = spm->trim_all;
    s->n_a = spm->n_a;
    s->a = mem_strndup(spm->a, spm->n_a);
    return s->a ? 0 : err_oom(e, s->n_a, "a string");
}

/* {"vocab": {"text": id ...}} */
static int read_spoken(struct tok_pieces *p, const struct cJSON *j, const char *name, struct err *e)
{
    const struct cJSON *list = json_member(j, "vocab");
    if (j && !cJSON_IsObject(list)) return err_set(e, ERR_DATA, "'%s': 'spoken' has no vocabulary", name);
    for (const struct cJSON *i = list ? list->child : NULL; i; i = i->next) {
        double id = cJSON_IsNumber(i) ? i->valuedouble : -1;
        if (!(id >= 0 && id <= VOCAB_MAX_ID)) return err_set(e, ERR_DATA, "'%s': the id of '%s' in 'spoken' is none", name, i->string);
        if (vocab_add(&p->spoken, (int64_t)id, i->string, strlen(i->string), VOCAB_MODEL, e)) return err_wrap(e, "'%s': 'spoken'", name);
    }
    return 0;
}

/* How many tokens the model makes of what is put in front. */
static int read_before(struct tokenizer *t, const struct cJSON *root, const char *name, struct err *e)
{
    struct tok_pieces *p = t->pieces;
    const struct tokenizer *side = p->side[SIDE_SOURCE].t;
    const char *before = NULL;
    struct tok_ids ids = {0};
    if (json_opt_str(root, "before", &before, name, e)) return -1;
    if (!before) return 0;
    struct tok_scratch *s = tok_scratch_new(side, e);
    int ret = s ? tok_encode_alone(side, s, before, strlen(before), 0, &ids, e) : -1;
    p->n_before = ids.n;
    if (ret == 0 && !(p->before = mem_strdup(before))) ret = err_oom(e, strlen(before), "a string");
    tok_ids_free(&ids);
    tok_scratch_free(s);
    return ret;
}

static int read_spoken_language(struct tokenizer *t, const struct cJSON *root, const char *name, struct err *e)
{
    struct dec_step *s = &t->decoder.step[0];
    const char *code = NULL;
    enum moses_language language;
    if (!(s->ways & PIECES_MOSES)) return 0;
    if (json_get_str(root, "spoken_language", &code, name, e)) return -1;
    if (!moses_language(code, true, &language)) return err_set(e, ERR_DATA, "'%s': Moses' rules to join words of '%s' are not supported", name, code);
    s->language = (int)language;
    return (s->b = mem_strdup(code)) ? 0 : err_oom(e, strlen(code), "a string");
}

static int read_target_post(struct tokenizer *t, const struct cJSON *post, struct err *e)
{
    struct tokenizer with = {.vocab = t->vocab, .added = t->added, .n_added = t->n_added};
    struct tok_pieces *p = t->pieces;
    p->no_target = post && cJSON_IsNull(post);
    if (!post || p->no_target) return 0;
    int ret = tok_read_post(&with, post, e) || keep_json(post, &p->target_post, e) ? -1 : 0;
    t->target[0] = with.single;
    t->target[1] = with.pair;
    free(with.bare.v);
    free(with.bare_pair.v);
    free(with.trim);
    return ret;
}

static int copy_member(const struct cJSON *j, const char *key, char **out, size_t *n, const char *name, struct err *e)
{
    const char *s = NULL;
    if (json_opt_str(j, key, &s, name, e)) return -1;
    if (!s) return 0;
    *n = strlen(s);
    return (*out = mem_strdup(s)) ? 0 : err_oom(e, *n, "a string");
}

static int read_ctc(struct tokenizer *t, const struct cJSON *j, const char *name, struct err *e)
{
    struct dec_step *s = &t->decoder.step[0];
    bool lower = false;
    if (!(s->ways & PIECES_CTC)) return 0;
    if (copy_member(j, "pad_token", &s->a, &s->n_a, name, e) || copy_member(j, "word_delimiter_token", &s->b, &s->n_b, name, e) ||
        copy_member(j, "space", &s->space, &s->n_space, name, e) || json_opt_bool(j, "lower", &lower, name, e))
        return -1;
    if (!s->b || !s->space) return err_set(e, ERR_DATA, "'%s': 'ctc' needs a word_delimiter_token and what becomes of it, 'space'", name);
    return lower && !norm_chain_add(&t->denorm, NORM_PYTHON_LOWER, e) ? -1 : 0;
}

void tok_ctc_json(struct buf *out, const char *pad, const char *delimiter, const char *space, bool lower)
{
    buf_adds(out, "\"ctc\":{\"pad_token\":");
    buf_adds_json(out, pad);
    tok_string_json(out, "word_delimiter_token", delimiter);
    tok_string_json(out, "space", space);
    tok_bool_json(out, "lower", lower);
    buf_adds(out, "},\n");
}

int tok_pieces_read(struct tokenizer *t, const struct cJSON *root, const char *name, struct err *e)
{
    const char *unk;
    struct tok_pieces *p = t->pieces = mem_zalloc(1, sizeof *p);
    if (!p) return err_oom(e, sizeof *p, "a tokenizer");
    if (read_origin(p, root, name, e) || json_get_str(root, "unk_token", &unk, name, e) || json_opt_bool(root, "codes", &p->codes, name, e) ||
        json_opt_bool(root, "suffixed", &p->suffixed, name, e) || read_spoken(p, json_member(root, "spoken"), name, e))
        return -1;
    if ((t->unk_id = vocab_find(&t->vocab, unk, strlen(unk))) < 0)
        return err_set(e, ERR_DATA, "'%s': the vocabulary has no '%s'", name, unk);
    if (read_side(t, &p->side[SIDE_SOURCE], root, "data", name, e)) return -1;
    if (json_member(root, "target") && read_side(t, &p->side[SIDE_TARGET], root, "target", name, e)) return -1;
    if (p->side[SIDE_SOURCE].t->denorm.n) return err_set(e, ERR_DATA, "'%s': the model has rules for decoding, which is not supported here", name);
    if (tok_pieces_find(t, e) || read_shown(t, json_member(root, "shown"), name, e) || find_kinds(t, p, e) ||
        read_decoder(t, json_member(root, "decoder"), name, e) || read_spoken_language(t, root, name, e) ||
        read_ctc(t, json_member(root, "ctc"), name, e) || read_before(t, root, name, e))
        return -1;
    return read_target_post(t, json_member(root, "target_post_processor"), e);
}

static void add_model(struct buf *out, const char *key, const struct tok_side *side, struct err *e)
{
    struct buf json = {0};
    if (!side->t) return;
    bool spm = side->t->source == SOURCE_SPM;
    buf_printf(out, "\"%s\":\"", key);
    const struct buf *text = spm ? &side->t->source_bytes : &json;
    if ((!spm && tok_to_json(side->t, &json, e)) || tok_base64(text->data, text->len, out, e)) out->oom = true;
    buf_free(&json);
    buf_adds(out, "\",\n");
}

int tok_pieces_json(const struct tokenizer *t, struct buf *out, struct err *e)
{
    const struct tok_pieces *p = t->pieces;
    const struct dec_step *s = &t->decoder.step[0];
    const char *comma = "";
    add_origin(out, p);
    buf_adds(out, "\"decoder\":[");
    for (size_t k = 0; k < COUNT_OF(ways); k++) {
        if (!(s->ways & ways[k].flag)) continue;
        buf_printf(out, "%s\"%s\"", comma, ways[k].name);
        comma = ",";
    }
    buf_adds(out, "],\n\"shown\":[");
    comma = "";
    for (size_t i = 0; i < t->n_added; i++) {
        if (!(t->vocab.v[t->added[i].id].flags & VOCAB_INVERTED)) continue;
        buf_adds(out, comma);
        buf_add_json(out, t->added[i].text, t->added[i].len);
        comma = ",";
    }
    buf_adds(out, "],\n\"unk_token\":");
    tok_text_json(out, &t->vocab, t->unk_id);
    buf_printf(out, ",\"codes\":%s,\n", p->codes ? "true" : "false");
    if (p->target_post || p->no_target) buf_printf(out, "\"target_post_processor\":%s,\n", p->target_post ? p->target_post : "null");
    if (p->before) tok_line_json(out, "before", p->before);
    if (p->suffixed) buf_adds(out, "\"suffixed\":true,\n");
    if (s->ways & PIECES_CTC) tok_ctc_json(out, s->a, s->b, s->space, t->denorm.n > 0);
    else if (s->b) tok_line_json(out, "spoken_language", s->b);
    if (p->spoken.n) {
        buf_adds(out, "\"spoken\":{");
        tok_vocab_json(out, &p->spoken, VOCAB_USED);
        buf_adds(out, "},\n");
    }
    add_model(out, "data", &p->side[SIDE_SOURCE], e);
    add_model(out, "target", &p->side[SIDE_TARGET], e);
    buf_adds(out, "\"model\":{");
    tok_vocab_json(out, &t->vocab, VOCAB_MODEL);
    buf_adds(out, "}}\n");
    return buf_ok(out, e);
}

void tok_pieces_free(struct tok_pieces *p)
{
    if (!p) return;
    for (int k = 0; k < N_SIDES; k++) {
        tok_free(p->side[k].t);
        free(p->side[k].id);
    }
    free(p->class);
    free(p->config);
    free(p->map);
    free(p->added);
    free(p->kind);
    free(p->before);
    vocab_free(&p->spoken);
    free(p->target_post);
    free(p);
}
