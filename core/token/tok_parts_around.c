/* Post-processors of a tokenizer.json: what stands around a text or two.
 *
 * In a Sequence each processor gets what the one before made: a template makes
 * an encoding of each of its pieces, and the next template takes two of them for
 * a pair; BERT's and RoBERTa's put tokens around each.  So the whole is gone
 * through once here, for one text and for two, with and without special tokens. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"
#include "core/token/tok_parts.h"

static const char where[] = "post_processor", template_where[] = "post_processor TemplateProcessing";

/* Encodings one after the other. */
struct shape {
    struct tok_places *v;
    size_t n, cap;
    bool pair, special;
    bool broken; /* a template that is not for so many of them */
    size_t added; /* what HF's processors say they add */
};

struct around {
    struct tokenizer *t;
    struct shape shape[4];
    bool templates; /* some put tokens or types */
};

static int add_place(struct tok_places *p, int id, int type, struct err *e)
{
    if (p->n == 256) return err_set(e, ERR_DATA, "%s: more than 256 special tokens", where);
    struct tok_place *v = mem_resize(p->v, (size_t)p->n + 1, sizeof *v);
    if (!v) return err_oom(e, 1, "a template");
    p->v = v;
    if (id == PLACE_FIRST && !tok_places_times(p, PLACE_FIRST)) p->text = p->n;
    v[p->n++] = (struct tok_place){id, type, type};
    return 0;
}

/* The same once more, but of this type. */
static int add_same(struct tok_places *p, const struct tok_place *from, int type, struct err *e)
{
    if (add_place(p, from->id, type, e)) return -1;
    p->v[p->n - 1].later = from->later;
    return 0;
}

static int check_token(const struct tokenizer *t, int id, const char *what, struct err *e)
{
    if (id < 0 || id >= t->vocab.n || !(t->vocab.v[id].flags & VOCAB_USED))
        return err_set(e, ERR_DATA, "%s: bad id for special token '%s'", where, what);
    return 0;
}

static void drop_encodings(struct tok_places *v, size_t n)
{
    for (size_t i = 0; i < n; i++) free(v[i].v);
    free(v);
}

/* A further encoding, empty. */
static struct tok_places *next(struct shape *s, struct err *e)
{
    if (s->n == 256) return err_set(e, ERR_DATA, "%s: more than 256 pieces", where), NULL;
    if (!mem_room(&s->v, &s->cap, s->n + 1, sizeof *s->v)) return err_oom(e, s->cap * sizeof *s->v, "a template"), NULL;
    s->v[s->n] = (struct tok_places){.v = NULL};
    return &s->v[s->n++];
}

/* ---- templates ---- */

/* A special token's ids at the end of *to; how many into *count. */
static int template_token(const struct tokenizer *t, struct tok_places *to, const struct cJSON *specials,
                          const struct cJSON *piece, size_t *count, struct err *e)
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
    for (const struct cJSON *i = ids->child; i; i = i->next, (*count)++) {
        double v = cJSON_IsNumber(i) ? i->valuedouble : -1;
        bool whole = v >= 0 && v < INT32_MAX && v == (double)(int)v;
        int id = whole ? (int)v : -1;
        if (check_token(t, id, name, e) || (to && add_place(to, id, (int)type, e))) return -1;
    }
    return 0;
}

static int template_text(const struct cJSON *piece, bool *second, int *type, struct err *e)
{
    const char *name = "A";
    int64_t of = 0;
    if (json_opt_str(piece, "id", &name, template_where, e) ||
        json_opt_i64(piece, "type_id", 0, INT32_MAX, &of, template_where, e))
        return -1;
    *second = strcmp(name, "B") == 0;
    *type = (int)of;
    if (!*second && strcmp(name, "A") != 0)
        return err_set(e, ERR_DATA, "%s: Sequence '%s' is neither A nor B", template_where, name);
    return 0;
}

/* One encoding, all of one type. */
static int take_encoding(const struct tok_places *from, int type, struct shape *to, struct err *e)
{
    struct tok_places *p = next(to, e);
    for (int i = 0; p && i < from->n; i++)
        if (add_same(p, &from->v[i], type, e)) return -1;
    return p ? 0 : -1;
}

/* "single" or "pair": each text stands in it, perhaps more than once.  to: NULL = only look. */
static int template_list(const struct tokenizer *t, const struct cJSON *j, const char *key, const struct shape *from,
                         struct shape *to, size_t *n_tokens, struct err *e)
{
    const struct cJSON *specials = json_member(j, "special_tokens"), *list = json_member(j, key), *v;
    bool pair = strcmp(key, "pair") == 0;
    int n_text[2] = {0, 0}, type;
    *n_tokens = 0;
    if (!cJSON_IsArray(list)) return err_set(e, ERR_DATA, "%s has no list '%s'", template_where, key);
    for (const struct cJSON *p = list->child; p; p = p->next) {
        bool second;
        if ((v = json_member(p, "SpecialToken"))) {
            struct tok_places *piece = to && to->special ? next(to, e) : NULL;
            if ((to && to->special && !piece) || template_token(t, piece, specials, v, n_tokens, e)) return -1;
        } else if ((v = json_member(p, "Sequence"))) {
            if (template_text(v, &second, &type, e)) return -1;
            n_text[second]++;
            if (to && second < from->n && take_encoding(&from->v[second], type, to, e)) return -1;
        } else {
            return err_set(e, ERR_DATA, "%s: a piece is neither SpecialToken nor Sequence", template_where);
        }
    }
    for (int k = 0; k < 2; k++)
        if ((n_text[k] > 0) != (k == 0 || pair))
            return err_set(e, ERR_DATA, "%s: '%s' names the text %c %d times", template_where, key, "AB"[k], n_text[k]);
    return 0;
}

static int apply_template(const struct tokenizer *t, const struct cJSON *j, bool has_pair, const size_t n_tokens[2],
                          struct shape *s, struct err *e)
{
    struct shape to = {.pair = s->pair, .special = s->special};
    size_t ignored;
    s->added += n_tokens[s->pair];
    s->broken = s->broken || s->n == 0 || s->n > (has_pair ? 2 : 1);
    if (s->broken) return 0;
    int ret = template_list(t, j, s->n == 2 ? "pair" : "single", s, &to, &ignored, e);
    struct tok_places *old = ret ? to.v : s->v;
    size_t n_old = ret ? to.n : s->n;
    if (ret == 0) {
        s->v = to.v;
        s->n = to.n;
        s->cap = to.cap;
    }
    drop_encodings(old, n_old);
    return ret;
}

static int read_template(struct around *a, const struct cJSON *j, struct err *e)
{
    static const char *const more[] = {"source_language_id", "target_language_id", NULL};
    size_t n_tokens[2] = {0, 0};
    bool has_pair = json_member(j, "pair");
    if (part_keys_and(j, more, template_where, e) || template_list(a->t, j, "single", NULL, NULL, &n_tokens[0], e) ||
        (has_pair && template_list(a->t, j, "pair", NULL, NULL, &n_tokens[1], e)))
        return -1;
    for (int k = 0; k < 4; k++)
        if (apply_template(a->t, j, has_pair, n_tokens, &a->shape[k], e)) return -1;
    a->templates = true;
    return 0;
}

/* ---- cls and sep ---- */

/* "sep": ["[SEP]", 102] */
static int named_pair(const struct cJSON *j, const char *key, int *id, struct err *e)
{
    const struct cJSON *v = json_member(j, key);
    const struct cJSON *n = cJSON_IsArray(v) && v->child ? v->child->next : NULL;
    if (!cJSON_IsNumber(n) || n->next || !(n->valuedouble >= 0) || !(n->valuedouble < INT32_MAX))
        return err_set(e, ERR_DATA, "%s: '%s' must be a list of a token and its id", where, key);
    *id = (int)n->valuedouble;
    return 0;
}

static int put_first(struct tok_places *p, int id, int type, struct err *e)
{
    if (add_place(p, id, type, e)) return -1;
    memmove(p->v + 1, p->v, (size_t)(p->n - 1) * sizeof *p->v);
    p->v[0] = (struct tok_place){id, type, type};
    return 0;
}

/* cls A sep, and each further encoding: B sep (BERT), or sep B sep, all of type 0 (RoBERTa; later windows where it puts
 * tokens around them). */
static int put_around(struct shape *s, int cls, int sep, bool roberta, struct err *e)
{
    for (size_t i = 0; i < s->n; i++) {
        struct tok_places *p = &s->v[i];
        for (int k = 0; roberta && k < p->n; k++) p->v[k] = (struct tok_place){p->v[k].id, 0, s->special ? 0 : p->v[k].later};
        if (!s->special) continue;
        if ((i == 0 || roberta) && put_first(p, i == 0 ? cls : sep, 0, e)) return -1;
        if (add_place(p, sep, i > 0 && !roberta, e)) return -1;
    }
    s->added += s->pair ? (roberta ? 4 : 3) : 2;
    return 0;
}

static int around(struct around *a, const struct cJSON *j, bool roberta, struct err *e)
{
    int cls, sep;
    if (named_pair(j, "cls", &cls, e) || named_pair(j, "sep", &sep, e) || check_token(a->t, cls, "cls", e) ||
        check_token(a->t, sep, "sep", e))
        return -1;
    for (int k = 0; k < 4; k++)
        if (put_around(&a->shape[k], cls, sep, roberta, e)) return -1;
    a->templates = true;
    return 0;
}

/* ---- offsets ---- */

/* Whether a text begins its encoding: the engine takes its first token for the first of all.
 * Of a text that there is more than once all have to do so, or none. */
static int begins(const struct shape *s, int text, bool *yes, struct err *e)
{
    bool first = false, inside = false;
    for (size_t i = 0; i < s->n; i++)
        for (int k = 0; k < s->v[i].n; k++) {
            first = first || (s->v[i].v[k].id == text && k == 0);
            inside = inside || (s->v[i].v[k].id == text && k > 0);
        }
    *yes = first;
    if (first && inside)
        return err_set(e, ERR_DATA, "%s: offsets of a text that stands behind a token in one place and not in another are not supported", where);
    return 0;
}

static int trim(struct around *a, bool offsets, bool prefix_space, struct err *e)
{
    struct tokenizer *t = a->t;
    if (!offsets) return 0;
    struct tok_trim *v = mem_resize(t->trim, t->n_trims + 1, sizeof *v);
    if (!v) return err_oom(e, sizeof *v, "a post_processor");
    t->trim = v;
    v += t->n_trims++;
    *v = (struct tok_trim){.prefix_space = prefix_space};
    for (int k = 0; k < 4; k++)
        for (int second = 0; second < 2; second++)
            if (begins(&a->shape[k], second ? PLACE_SECOND : PLACE_FIRST, &v->first[a->shape[k].special][a->shape[k].pair][second], e))
                return -1;
    return 0;
}

/* Which of the two it is shows in its keys. */
static int read_around(struct around *a, const struct cJSON *j, struct err *e)
{
    const struct cJSON *offsets = json_member(j, "trim_offsets"), *prefix = json_member(j, "add_prefix_space");
    bool roberta = cJSON_IsBool(offsets) && cJSON_IsBool(prefix);
    if (part_keys(j, where, e) || (roberta && trim(a, cJSON_IsTrue(offsets), cJSON_IsTrue(prefix), e))) return -1;
    return around(a, j, roberta, e);
}

static int read_byte_level(struct around *a, const struct cJSON *j, struct err *e)
{
    bool offsets = false, prefix = false;
    return part_keys(j, where, e) || json_get_bool(j, "trim_offsets", &offsets, where, e) ||
           json_get_bool(j, "add_prefix_space", &prefix, where, e) || trim(a, offsets, prefix, e) ? -1 : 0;
}

/* ---- the whole ---- */

/* What it is shows in its keys, as in Hugging Face's programs, whatever its type says; but those two want their type, too. */
static int post_type(const struct cJSON *j, const char **type, struct err *e)
{
    bool bytes = cJSON_IsObject(j) && strcmp(json_text_or(j, "type", ""), "ByteLevel") == 0 && part_has(j, "trim_offsets add_prefix_space");
    if (cJSON_IsArray(json_member(j, "sep")) && cJSON_IsArray(json_member(j, "cls"))) *type = "BertProcessing";
    else if (!bytes && part_has(j, "single pair special_tokens")) *type = "TemplateProcessing";
    else return part_type(j, where, NULL, type, e);
    return 0;
}

static int read_post(struct around *a, const struct cJSON *j, int depth, struct err *e)
{
    const char *type;
    const struct cJSON *list;
    if (depth > 8) return err_set(e, ERR_DATA, "post_processors are nested deeper than 8");
    if (post_type(j, &type, e)) return -1;
    if (strcmp(type, "TemplateProcessing") == 0) return read_template(a, j, e);
    if (strcmp(type, "BertProcessing") == 0 || strcmp(type, "RobertaProcessing") == 0) return read_around(a, j, e);
    if (strcmp(type, "ByteLevel") == 0) return read_byte_level(a, j, e);
    if (strcmp(type, "Sequence") != 0) return part_unknown(where, type, e);
    if (part_list(j, "processors", "post_processor Sequence", &list, e)) return -1;
    for (const struct cJSON *p = list->child; p; p = p->next)
        if (read_post(a, p, depth + 1, e)) return -1;
    return 0;
}

/* The encodings in one row. */
static int join(const struct shape *s, struct tok_places *to, struct err *e)
{
    for (size_t i = 0; i < s->n && !s->broken; i++)
        for (int k = 0; k < s->v[i].n; k++)
            if (add_same(to, &s->v[i].v[k], s->v[i].v[k].type, e)) return -1;
    to->more = to->n && s->special ? (int)s->added - tok_places_ids(to) : 0;
    return 0;
}

int tok_read_post(struct tokenizer *t, const struct cJSON *j, struct err *e)
{
    struct around a = {.t = t};
    int ret = 0;
    if (!j || cJSON_IsNull(j)) return 0;
    for (int k = 0; k < 4 && ret == 0; k++) {
        struct shape *s = &a.shape[k];
        s->pair = k & 1;
        s->special = k & 2;
        for (int i = 0; i <= s->pair && ret == 0; i++) {
            struct tok_places *p = next(s, e);
            ret = p ? add_place(p, i ? PLACE_SECOND : PLACE_FIRST, i, e) : -1;
        }
    }
    if (ret == 0) ret = read_post(&a, j, 0, e);
    if (ret == 0 && a.shape[2].broken)
        ret = err_set(e, ERR_DATA, "%s: a template follows a processor that makes more than two pieces, and is for two at most", where);
    if (ret == 0 && a.templates)
        ret = join(&a.shape[0], &t->bare, e) || join(&a.shape[1], &t->bare_pair, e) || join(&a.shape[2], &t->single, e) ||
              join(&a.shape[3], &t->pair, e) ? -1 : 0;
    for (int k = 0; k < 4; k++) drop_encodings(a.shape[k].v, a.shape[k].n);
    return ret ? ret : tok_read_languages(t, j, e);
}
