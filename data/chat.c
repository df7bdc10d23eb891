#include "data/chat.h"

#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "data/prompt_norm.h"

enum { MAX_THREADS = 256 };
enum value { EMPTY, ORDER, ANSWERS, SHORTEST, LONGEST, DUPLICATES, ECHOES, VALUES };

struct worker {
    struct turns turns;
    struct buf answers, norm;
    bool has; /* the document at hand has turns */
    struct seen {
        uint64_t hash;
        enum turn_role role;
    } *seen;
    size_t cap;
};

struct chat {
    struct arena names;
    struct turns_spec spec;
    struct rule row[VALUES];
    int metric[VALUES];
    struct worker *workers; /* [MAX_THREADS] */
};

int chat_read(struct chat *c, int thread, const struct doc *d, const char **why)
{
    struct worker *w = &c->workers[thread];
    int got = turns_read(&c->spec, d->line, d->line_len, &w->turns, why);
    w->has = got > 0;
    return got;
}

/* ---- what turns tell ---- */

static struct buf trimmed(const struct turns *t, const struct turn *x)
{
    const char *s = t->text.data + x->at;
    size_t n = x->n;
    while (n && (unsigned char)s[n - 1] <= ' ')
        n--;
    while (n && (unsigned char)*s <= ' ') {
        s++;
        n--;
    }
    return (struct buf){.data = (char *)s, .len = n};
}

static double characters(const struct buf *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->len; i++)
        n += ((unsigned char)b->data[i] & 0xC0) != 0x80;
    return (double)n;
}

static bool in_order(enum turn_role before, enum turn_role now, bool first)
{
    switch (now) {
    case TURN_SYSTEM:
        return first;
    case TURN_USER:
        return first || before == TURN_SYSTEM || before == TURN_ASSISTANT;
    case TURN_ASSISTANT:
        return !first && (before == TURN_USER || before == TURN_TOOL);
    case TURN_TOOL:
        return !first && (before == TURN_ASSISTANT || before == TURN_TOOL);
    case TURN_UNKNOWN:
        break;
    }
    return false;
}

static double out_of_order(const struct turns *t)
{
    size_t bad = 0;
    for (size_t i = 0; i < t->n; i++)
        bad += !in_order(i ? t->v[i - 1].role : TURN_SYSTEM, t->v[i].role, i == 0);
    return (double)(bad + (t->n && t->v[t->n - 1].role != TURN_ASSISTANT));
}

static int by_hash(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (int)x->role - (int)y->role;
}

static int find_same(const struct turns *t, struct worker *w, double v[VALUES], struct err *e)
{
    if (t->n > w->cap) {
        struct seen *s = mem_resize(w->seen, t->n, sizeof *s);
        if (!s) return err_oom(e, t->n * sizeof *s, "the turns of a record");
        w->seen = s;
        w->cap = t->n;
    }
    size_t n = 0;
    uint64_t before = 0; /* of the turn before, if long enough */
    v[DUPLICATES] = v[ECHOES] = 0;
    for (size_t i = 0; i < t->n; i++) {
        buf_clear(&w->norm);
        prompt_norm(t->text.data + t->v[i].at, t->v[i].n, &w->norm);
        if (buf_ok(&w->norm, e)) return -1;
        bool counts = w->norm.len >= CHAT_SAME_BYTES && (t->v[i].role == TURN_USER || t->v[i].role == TURN_ASSISTANT);
        uint64_t h = counts ? hash64(w->norm.data, w->norm.len) : 0;
        if (counts) w->seen[n++] = (struct seen){h, t->v[i].role};
        v[ECHOES] += counts && h == before && t->v[i].role == TURN_ASSISTANT;
        before = h;
    }
    if (n) qsort(w->seen, n, sizeof *w->seen, by_hash);
    for (size_t i = 1; i < n; i++)
        v[DUPLICATES] += by_hash(&w->seen[i - 1], &w->seen[i]) == 0;
    return 0;
}

static int measure(struct worker *w, double v[VALUES], struct err *e)
{
    const struct turns *t = &w->turns;
    v[EMPTY] = v[ANSWERS] = v[SHORTEST] = v[LONGEST] = 0;
    v[ORDER] = out_of_order(t);
    for (size_t i = 0; i < t->n; i++) {
        struct buf x = trimmed(t, &t->v[i]);
        bool calls = t->v[i].calls && !x.len;
        v[EMPTY] += !x.len && !calls && t->v[i].role != TURN_SYSTEM;
        if (t->v[i].role != TURN_ASSISTANT || calls) continue;
        double n = characters(&x);
        if (v[ANSWERS] == 0 || n < v[SHORTEST]) v[SHORTEST] = n;
        if (n > v[LONGEST]) v[LONGEST] = n;
        v[ANSWERS]++;
    }
    return find_same(t, w, v, e);
}

/* ---- filters ---- */

static void show(struct clean_doc *d, const struct buf *text)
{
    d->text = buf_text(text);
    d->n = text->len;
}

/* In front of the rules: they are to judge the answers. */
static int run(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    struct chat *c = arg;
    struct worker *w = &c->workers[thread];
    double v[VALUES];
    if (!w->has) return 0;
    if (measure(w, v, e)) return -1;
    for (int k = 0; k < VALUES; k++)
        d->value[c->metric[k]] = v[k];
    buf_clear(&w->answers);
    for (size_t i = 0; i < w->turns.n; i++) {
        const struct turn *t = &w->turns.v[i];
        if (t->role != TURN_ASSISTANT || !trimmed(&w->turns, t).len) continue;
        if (w->answers.len) buf_adds(&w->answers, "\n\n");
        buf_add(&w->answers, w->turns.text.data + t->at, t->n);
    }
    show(d, &w->answers);
    d->as_it_came = true;
    d->bytes_in = w->turns.text.len;
    return buf_ok(&w->answers, e);
}

/* Behind them: all that was said. */
static int run_whole(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    struct chat *c = arg;
    (void)e;
    if (c->workers[thread].has) show(d, &c->workers[thread].turns.text);
    return 0;
}

static int add_rules(struct chat *c, struct clean_cfg *cfg, struct err *e)
{
    static const struct {
        const char *metric, *key, *reason, *help;
        bool below;
        double limit;
    } table[] = {
        [EMPTY] = {"sft.empty_turns", "sft.max_empty_turns", "sft_empty_turn", "Most turns without text", false, 0},
        [ORDER] = {"sft.role_order", "sft.max_role_order", "sft_role_order", "Most turns out of order", false, 0},
        [ANSWERS] = {"sft.answers", "sft.min_answers", "sft_no_answer", "Fewest turns of the assistant", true, 1},
        [SHORTEST] = {"sft.shortest_answer", "sft.min_answer_chars", "sft_short_answer",
                      "Fewest characters of each answer", true, 1},
        [LONGEST] = {"sft.longest_answer", "sft.max_answer_chars", "sft_long_answer", "Most characters of each answer",
                     false, 50000},
        [DUPLICATES] = {"sft.duplicate_turns", "sft.max_duplicate_turns", "sft_duplicate_turn",
                        "Most turns that repeat an earlier one", false, 0},
        [ECHOES] = {"sft.echoes", "sft.max_echoes", "sft_echo", "Most answers that repeat what they answer", false, 0},
    };
    for (int k = 0; k < VALUES; k++) {
        c->metric[k] = rules_add_metric(&cfg->rules, table[k].metric, e);
        if (c->metric[k] < 0) return -1;
        c->row[k] =
            (struct rule){table[k].key, table[k].reason, c->metric[k], table[k].below, table[k].limit, table[k].help};
        if (rules_add(&cfg->rules, &c->row[k], e) < 0) return -1;
    }
    struct clean_filter answers = {.name = "turns", .arg = c, .before_rules = true, .changes_text = true, .run = run};
    struct clean_filter whole = {.name = "turns", .arg = c, .changes_text = true, .run = run_whole};
    return clean_add_filter(cfg, &answers, e) || clean_add_filter(cfg, &whole, e) ? -1 : 0;
}

struct chat *chat_add(struct clean_cfg *cfg, const char *spec, struct err *e)
{
    struct chat *c = mem_zalloc(1, sizeof *c);
    if (!c || !(c->workers = mem_zalloc(MAX_THREADS, sizeof *c->workers))) {
        err_oom(e, sizeof *c->workers * MAX_THREADS, "the turns of chats");
    } else if (!turns_spec_parse(spec, &c->spec, &c->names, e) && !add_rules(c, cfg, e)) {
        cfg->chat = c;
        cfg->docs.no_text = true;
        return c;
    }
    chat_free(c);
    return NULL;
}

void chat_free(struct chat *c)
{
    for (int i = 0; c && c->workers && i < MAX_THREADS; i++) {
        turns_free(&c->workers[i].turns);
        buf_free(&c->workers[i].answers);
        buf_free(&c->workers[i].norm);
        free(c->workers[i].seen);
    }
    if (c) arena_free(&c->names);
    if (c) free(c->workers);
    free(c);
}
