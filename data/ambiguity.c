#include "data/ambiguity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "data/doc_path.h"
#include "data/prompt_norm.h"
#include "data/shingle.h"
#include "data/turns.h"

enum { SHOWN = 200 };

/* Left by run() for settle(): an item, and where its texts lie. */
struct ambiguity_note {
    uint64_t at; /* in kept: pairs, then id and beginnings of prompt and answer */
    struct ambiguity_item item;
    uint32_t id_n, prompt_n, answer_n;
    uint32_t has; /* both prompt and answer */
};

struct worker {
    struct buf prompt, answer, other, norm, part; /* of one document */
    struct turns turns;
};

struct ambiguity {
    struct arena names;
    struct rule rule;
    const char *prompt, *answer, *chosen, *rejected, *messages, *rank; /* paths, or NULL */
    double near;
    enum ambiguity_policy policy;
    const char *report;
    int lost, answers, group; /* metrics */
    struct worker *workers;   /* [256] */
    struct spill kept;        /* of all documents */
    struct spill notes;       /* struct ambiguity_note of documents that are judged */
    struct spill items;
    struct ambiguity_item *item;
    size_t cursor; /* of judge() */
    struct ambiguity_counts counts;
};

/* ---- one document ---- */

static bool text_at(const struct doc *d, const char *path, struct buf *out)
{
    struct doc_value v = doc_path_find(d->line, d->line_len, path);
    buf_clear(out);
    if (v.type == DOC_V_NONE || v.type == DOC_V_NULL) return false;
    return doc_value_text(&v, out);
}

/* All messages before the last one of the assistant are the prompt. */
static bool chat(const struct ambiguity *a, const struct doc *d, struct worker *w)
{
    static const char *const names[] = {"system: ", "user: ", "", "tool: ", "other: "};
    const struct turns_spec spec = {.messages = a->messages};
    const struct turns *t = &w->turns;
    const char *why;
    buf_clear(&w->prompt);
    buf_clear(&w->answer);
    if (turns_read(&spec, d->line, d->line_len, &w->turns, &why) != 1) return false;
    size_t last = t->n;
    while (last && t->v[last - 1].role != TURN_ASSISTANT)
        last--;
    if (!last || !t->v[last - 1].n) return false;
    for (size_t i = 0; i + 1 < last; i++) {
        buf_addc(&w->prompt, '\n');
        buf_adds(&w->prompt, names[t->v[i].role]);
        buf_add(&w->prompt, t->text.data + t->v[i].at, t->v[i].n);
    }
    buf_add(&w->answer, t->text.data + t->v[last - 1].at, t->v[last - 1].n);
    return true;
}

static struct hash128 norm_hash(const struct buf *text, struct buf *norm)
{
    buf_clear(norm);
    prompt_norm(buf_text(text), text->len, norm);
    return hash128(buf_text(norm), norm->len);
}

/* A preference asks "which of these two?"; its answer is the direction. */
static bool preference(const struct ambiguity *a, const struct doc *d, struct worker *w, struct ambiguity_item *x)
{
    if (!text_at(d, a->prompt, &w->prompt) || !text_at(d, a->chosen, &w->answer) || !text_at(d, a->rejected, &w->other))
        return false;
    struct hash128 c = norm_hash(&w->answer, &w->norm), r = norm_hash(&w->other, &w->norm);
    struct hash128 both[3] = {norm_hash(&w->prompt, &w->norm), c.lo < r.lo ? c : r, c.lo < r.lo ? r : c};
    x->prompt = hash128(both, sizeof both);
    x->answer = c.lo < r.lo;
    x->itself = hash128_eq(c, r);
    return true;
}

static int keep_text(struct ambiguity_note *n, struct worker *w, const struct doc *d, struct buf *keep, struct err *e)
{
    buf_clear(&w->part);
    doc_emit_id(d, &w->part);
    n->id_n = (uint32_t)w->part.len;
    const struct buf *parts[2] = {&w->prompt, &w->answer};
    uint32_t *len[2] = {&n->prompt_n, &n->answer_n};
    for (int i = 0; i < 2; i++) {
        size_t k = parts[i]->len < SHOWN ? parts[i]->len : SHOWN;
        while (k && k < parts[i]->len && ((unsigned char)parts[i]->data[k] & 0xC0) == 0x80)
            k--;
        buf_add(&w->part, parts[i]->data, k);
        *len[i] = (uint32_t)k;
    }
    buf_add(keep, w->part.data, w->part.len);
    return buf_ok(&w->part, e) || buf_ok(keep, e) ? -1 : 0;
}

static int run(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    struct ambiguity *a = arg;
    struct worker *w = &a->workers[thread];
    struct ambiguity_note *n = d->note;
    if (!n || d->removed) return 0;
    struct ambiguity_item *x = &n->item;
    bool has = a->messages ? chat(a, d->doc, w)
               : a->chosen ? preference(a, d->doc, w, x)
                           : text_at(d->doc, a->prompt, &w->prompt) && text_at(d->doc, a->answer, &w->answer);
    if (buf_ok(&w->prompt, e) || buf_ok(&w->answer, e) || buf_ok(&w->other, e)) return -1;
    if (!has) return 0;
    n->has = 1;
    n->at = d->keep->len;
    x->rank = (double)NAN;
    if (a->rank) {
        struct doc_value v = doc_path_find(d->doc->line, d->doc->line_len, a->rank);
        if (!doc_value_number(&v, &x->rank) && a->policy == AMBIGUITY_NEWEST && v.type == DOC_V_STRING) {
            char digits[18] = "00000000000000000"; /* of a date: year first, as numbers compare */
            for (size_t i = 0, k = 0; i < v.n && k < 17; i++)
                if (v.s[i] >= '0' && v.s[i] <= '9') digits[k++] = v.s[i];
            x->rank = strtod(digits, NULL);
        }
    }
    if (!a->chosen) x->answer = norm_hash(&w->answer, &w->norm).lo;
    struct hash128 p = norm_hash(&w->prompt, &w->norm);
    if (!a->chosen) x->prompt = p;
    if (a->near < 1) {
        buf_clear(&w->part);
        prompt_pairs(buf_text(&w->norm), w->norm.len, &w->part, &x->digits);
        uint64_t *v = (uint64_t *)(void *)w->part.data;
        x->n_pairs = w->part.len ? shingles_to_set(v, w->part.len / sizeof *v) : 0;
        if (buf_ok(&w->part, e)) return -1;
        buf_add(d->keep, v, x->n_pairs * sizeof *v);
    }
    return keep_text(n, w, d->doc, d->keep, e) || buf_ok(&w->norm, e) ? -1 : 0;
}

/* ---- all documents ---- */

static int note(void *arg, const struct clean_note *n, struct err *e)
{
    struct ambiguity *a = arg;
    const struct ambiguity_note *x = n->note;
    if (n->removed) return 0;
    if (!x->has) {
        a->counts.unjudged++;
        return 0;
    }
    return spill_add(&a->notes, x, sizeof *x, e);
}

static int by_group(const void *a, const void *b)
{
    const struct ambiguity_item *x = *(const struct ambiguity_item *const *)a, *y = *(const struct ambiguity_item *const *)b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return x < y ? -1 : x > y;
}

static void report_group(const struct ambiguity *a, struct ambiguity_item *const *v, size_t n, struct buf *out)
{
    const struct ambiguity_note *notes = (const struct ambiguity_note *)(const void *)a->notes.data;
    buf_printf(out, "{\"group\":%u,\"answers\":%u", v[0]->group, v[0]->answers);
    for (size_t i = 0; i < n; i++) {
        const struct ambiguity_note *x = &notes[v[i] - a->item];
        const char *s = a->kept.data + x->at + x->item.n_pairs * sizeof(uint64_t);
        if (i == 0) {
            buf_adds(out, ",\"prompt\":");
            buf_add_json(out, s + x->id_n, x->prompt_n);
            buf_adds(out, ",\"examples\":[");
        }
        buf_printf(out, "%s{\"id\":%.*s,\"kept\":%s,\"%s\":", i ? "," : "", (int)x->id_n, s, v[i]->lost ? "false" : "true",
                   a->chosen ? "chosen" : "answer");
        buf_add_json(out, s + x->id_n + x->prompt_n, x->answer_n);
        buf_addc(out, '}');
    }
    buf_adds(out, "]}\n");
}

static int write_report(const struct ambiguity *a, size_t n, struct err *e)
{
    struct buf b = {0};
    struct ambiguity_item **v = mem_alloc(n, sizeof *v);
    size_t in = 0;
    if (!v) return err_oom(e, n * sizeof *v, "groups of examples");
    for (size_t i = 0; i < n; i++)
        if (a->item[i].group) v[in++] = &a->item[i];
    qsort(v, in, sizeof *v, by_group);
    for (size_t i = 0, j; i < in; i = j) {
        for (j = i + 1; j < in && v[j]->group == v[i]->group;)
            j++;
        report_group(a, v + i, j - i, &b);
    }
    int ret = buf_ok(&b, e) ? -1 : file_write_again(a->report, buf_text(&b), b.len, e);
    buf_free(&b);
    free(v);
    return ret;
}

static int settle(void *arg, struct err *e)
{
    struct ambiguity *a = arg;
    const struct ambiguity_note *notes = spill_data(&a->notes, e);
    size_t n = a->notes.len / sizeof *notes;
    if (!notes || !(a->item = spill_room(&a->items, n, sizeof *a->item, e))) return -1;
    const char *kept = spill_data(&a->kept, e);
    if (!kept) return -1;
    for (size_t i = 0; i < n; i++) {
        a->item[i] = notes[i].item;
        a->item[i].pairs = (const uint64_t *)(const void *)(kept + notes[i].at);
        if (a->policy == AMBIGUITY_NEWEST && !a->rank) a->item[i].rank = (double)i;
    }
    if (ambiguity_resolve(a->item, n, a->near, a->policy, &a->counts.groups, a->notes.space, e)) return -1;
    a->counts.judged = n;
    for (size_t i = 0; i < n; i++) {
        a->counts.in_groups += a->item[i].group != 0;
        a->counts.removed += a->item[i].lost;
    }
    return a->report ? write_report(a, n, e) : 0;
}

static int judge(void *arg, struct clean_note *n, struct err *e)
{
    struct ambiguity *a = arg;
    (void)e;
    if (n->removed || !((const struct ambiguity_note *)n->note)->has) return 0;
    const struct ambiguity_item *x = &a->item[a->cursor++];
    n->value[a->lost] = x->lost;
    n->value[a->answers] = x->answers;
    n->value[a->group] = x->group;
    return 0;
}

/* ---- set-up ---- */

static int parse_what(struct ambiguity *a, const char *what, struct err *e)
{
    char *s = arena_strdup(&a->names, what), *end;
    if (!s) return err_oom(e, strlen(what), "--ambiguity");
    a->near = 1;
    while (s && *s) {
        char *comma = strchr(s, ','), *eq = strchr(s, '=');
        if (comma) *comma++ = '\0';
        static const char *const names[] = {"prompt", "answer", "label", "chosen", "rejected", "messages"};
        const char **to[] = {&a->prompt, &a->answer, &a->answer, &a->chosen, &a->rejected, &a->messages};
        size_t k = 0;
        if (eq) *eq++ = '\0';
        while (k < COUNT_OF(names) && strcmp(names[k], s))
            k++;
        if (eq && strcmp(s, "near") == 0) {
            a->near = strtod(eq, &end);
            if (end == eq || *end || !(a->near >= 0.5 && a->near <= 1))
                return err_set(e, ERR_USAGE, "--ambiguity: near=%s is no similarity from 0.5 to 1", eq);
        } else if (!eq || k == COUNT_OF(names) || *to[k]) {
            err_set(e, ERR_USAGE, "--ambiguity '%s': '%s' is not understood", what, s);
            return err_hint(
                e, "want prompt=PATH,answer=PATH (or label=), prompt=,chosen=,rejected=, or messages=, and near=X");
        } else if (doc_path_check(eq, "--ambiguity", e)) {
            return -1;
        } else {
            *to[k] = eq;
        }
        s = comma;
    }
    bool pair = a->prompt && a->answer && !a->chosen && !a->rejected && !a->messages;
    bool preferences = a->prompt && a->chosen && a->rejected && !a->answer && !a->messages;
    bool messages = a->messages && !a->prompt && !a->answer && !a->chosen && !a->rejected;
    if (!pair && !preferences && !messages)
        return err_set(e, ERR_USAGE, "--ambiguity '%s': want prompt=PATH,answer=PATH (or label=), "
                       "prompt=PATH,chosen=PATH,rejected=PATH, or messages=PATH", what);
    if (preferences && a->near < 1)
        return err_set(e, ERR_USAGE,
                       "--ambiguity: near= does not go with chosen= and rejected=, whose texts must be the same");
    return 0;
}

static int parse_resolve(struct ambiguity *a, const char *how, struct err *e)
{
    static const char *const names[] = {"drop", "majority", "newest", "best"};
    size_t n = strcspn(how, ":"), k = 0;
    while (k < COUNT_OF(names) && (strlen(names[k]) != n || memcmp(names[k], how, n)))
        k++;
    a->policy = (enum ambiguity_policy)k;
    a->rank = how[n] ? how + n + 1 : NULL;
    if (k == COUNT_OF(names) || (a->rank && k < AMBIGUITY_NEWEST) || (!a->rank && k == AMBIGUITY_BEST))
        return err_set(e, ERR_USAGE, "--resolve '%s': want drop, majority, newest, newest:PATH or best:PATH", how);
    return a->rank ? doc_path_check(a->rank, "--resolve", e) : 0;
}

static int set_up(struct ambiguity *a, struct clean_cfg *cfg, const char *what, const char *resolve, struct err *e)
{
    if (parse_what(a, what, e) || parse_resolve(a, resolve, e)) return -1;
    a->workers = mem_zalloc(256, sizeof *a->workers);
    if (!a->workers) return err_oom(e, 256 * sizeof *a->workers, "--ambiguity");
    a->notes.space = a->items.space = a->kept.space = cfg->space;
    if ((a->lost = rules_add_metric(&cfg->rules, "ambiguity.lost", e)) < 0 ||
        (a->answers = rules_add_metric(&cfg->rules, "ambiguity.answers", e)) < 0 ||
        (a->group = rules_add_metric(&cfg->rules, "ambiguity.group", e)) < 0)
        return -1;
    a->rule = (struct rule){
        "ambiguity.max_lost", "ambiguity", a->lost, false, 0, "1: another answer to the same prompt was preferred"};
    if (rules_add(&cfg->rules, &a->rule, e) < 0) return -1;
    struct clean_filter f = {.name = "ambiguity", .arg = a, .note_bytes = sizeof(struct ambiguity_note), .kept = &a->kept,
                             .run = run, .note = note, .settle = settle, .judge = judge};
    return clean_add_filter(cfg, &f, e);
}

struct ambiguity *ambiguity_add(struct clean_cfg *cfg, const char *what, const char *resolve, const char *report,
                                struct err *e)
{
    struct ambiguity *a = mem_zalloc(1, sizeof *a);
    if (!a) {
        err_oom(e, sizeof *a, "--ambiguity");
        return NULL;
    }
    a->report = report;
    if (set_up(a, cfg, what, resolve, e)) {
        ambiguity_free(a);
        return NULL;
    }
    return a;
}

void ambiguity_free(struct ambiguity *a)
{
    if (!a) return;
    for (int i = 0; a->workers && i < 256; i++) {
        struct buf *b[] = {&a->workers[i].prompt, &a->workers[i].answer, &a->workers[i].other,
                           &a->workers[i].norm, &a->workers[i].part};
        for (size_t k = 0; k < COUNT_OF(b); k++)
            buf_free(b[k]);
        turns_free(&a->workers[i].turns);
    }
    free(a->workers);
    spill_free(&a->kept);
    spill_free(&a->notes);
    spill_free(&a->items);
    arena_free(&a->names);
    free(a);
}

struct ambiguity_counts ambiguity_counts(const struct ambiguity *a)
{
    return a->counts;
}
