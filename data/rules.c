#include "data/rules_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/opt.h"
#include "data/words_uax29.h"

static bool in_set(enum rules_preset p, int r)
{
    switch (p) {
    case RULES_NONE:
        return false;
    case RULES_REPETITION:
        return r <= RULE_DUP_10;
    case RULES_GOPHER:
        return r >= RULE_MIN_WORDS && r <= RULE_STOP_WORDS;
    case RULES_C4:
        return r >= RULE_LINE_WORD_LENGTH && r <= RULE_SENTENCES;
    case RULES_FINEWEB:
        return r != RULE_LINE_PUNCTUATION;
    }
    return false;
}

void rules_preset(struct rules_cfg *c, enum rules_preset p)
{
    *c = (struct rules_cfg){.n_rules = RULE_N, .n_metrics = METRIC_N};
    for (int r = 0; r < RULE_N; r++) {
        c->rule[r] = &rules_table[r];
        c->on[r] = in_set(p, r);
        c->limit[r] = rules_table[r].limit;
    }
    for (int m = 0; m < METRIC_N; m++)
        c->metric[m] = rules_metric_names[m];
}

int rules_add_metric(struct rules_cfg *c, const char *name, struct err *e)
{
    if (c->n_metrics == METRICS_MAX)
        return err_set(e, ERR_USAGE, "no room for '%s': a run measures at most %d values", name,
                       METRICS_MAX);
    c->metric[c->n_metrics] = name;
    return c->n_metrics++;
}

int rules_add(struct rules_cfg *c, const struct rule *r, struct err *e)
{
    if (c->n_rules == RULES_MAX)
        return err_set(e, ERR_USAGE, "no room for '%s': a run has at most %d rules", r->key,
                       RULES_MAX);
    c->rule[c->n_rules] = r;
    c->on[c->n_rules] = true;
    c->limit[c->n_rules] = r->limit;
    return c->n_rules++;
}

bool rules_any(const struct rules_cfg *c)
{
    for (int r = 0; r < c->n_rules; r++)
        if (c->on[r]) return true;
    return false;
}

int rules_find(const struct rules_cfg *c, const char *key, size_t n)
{
    for (int r = 0; r < c->n_rules; r++)
        if (strlen(c->rule[r]->key) == n && memcmp(c->rule[r]->key, key, n) == 0) return r;
    return -1;
}

static int no_rule(const struct rules_cfg *c, const char *key, size_t n, struct err *e)
{
    const char *keys[RULES_MAX];
    char word[64];
    for (int r = 0; r < c->n_rules; r++)
        keys[r] = c->rule[r]->key;
    if (n < sizeof word) {
        memcpy(word, key, n);
        word[n] = '\0';
        const char *near = opt_nearest(word, keys, (size_t)c->n_rules);
        if (near)
            return err_set(e, ERR_USAGE, "--set: no rule '%s'; did you mean '%s'?", word, near);
    }
    return err_set(e, ERR_USAGE, "--set: no rule '%.*s'; 'llmctl clean --rules' lists them", (int)n,
                   key);
}

int rules_set(struct rules_cfg *c, const char *assignment, struct err *e)
{
    const char *eq = strchr(assignment, '=');
    size_t n = eq ? (size_t)(eq - assignment) : strlen(assignment);
    int r = rules_find(c, assignment, n);
    if (r < 0) return no_rule(c, assignment, n, e);
    const char *key = c->rule[r]->key;
    if (!eq)
        return err_set(e, ERR_USAGE, "--set %s: want %s=NUMBER or %s=off", assignment, key, key);
    if (strcmp(eq + 1, "off") == 0) {
        c->on[r] = false;
        return 0;
    }
    char *end;
    double v = strtod(eq + 1, &end);
    if (strcmp(eq + 1, "on") == 0)
        v = c->limit[r];
    else if (end == eq + 1 || *end || !isfinite(v) || v < 0)
        return err_set(e, ERR_USAGE, "--set %s: '%s' is neither a number >= 0 nor 'on' nor 'off'",
                       key, eq + 1);
    c->on[r] = true;
    c->limit[r] = v;
    return 0;
}

void rules_apply(const struct rules_cfg *c, const double *m, int first, int last,
                 struct rule_set *failed)
{
    for (int r = first; r < last; r++) {
        const struct rule *x = c->rule[r];
        if (!c->on[r] || rules_is_line(x)) continue;
        double v = m[x->metric];
        if (x->below ? v < c->limit[r] : v > c->limit[r]) rule_set_add(failed, r);
    }
}

int rules_reason(const double *m, const struct rule_set *failed)
{
    int r = failed->w[0] ? __builtin_ctzll(failed->w[0]) : 64 + __builtin_ctzll(failed->w[1]);
    /* C4 reads line by line: whichever comes first removes the document. */
    if (r == RULE_LOREM_IPSUM && rule_set_has(failed, RULE_CURLY_BRACKET) &&
        m[METRIC_CURLY_BRACKET] < m[METRIC_LOREM_IPSUM])
        return RULE_CURLY_BRACKET;
    return r;
}

/* ---- judging ---- */

static bool any_of(const struct rules_cfg *c, int first, int last)
{
    for (int r = first; r <= last; r++)
        if (c->on[r]) return true;
    return false;
}

/* Which groups of metrics the rules need. */
struct need {
    bool repetition, gopher, c4, fineweb, words;
};

static struct need find_need(const struct rules_cfg *c)
{
    struct need x = {.repetition = c->all || any_of(c, RULE_EMPTY, RULE_DUP_10),
                     .gopher = c->all || any_of(c, RULE_MIN_WORDS, RULE_STOP_WORDS),
                     .c4 = c->all || any_of(c, RULE_LINE_WORD_LENGTH, RULE_SENTENCES),
                     .fineweb = c->all || any_of(c, RULE_NO_LINES, RULE_NEWLINES)};
    x.words = x.repetition || x.gopher || x.fineweb;
    return x;
}

/* Lines go, then what is left is judged. */
static int judge_lines(const struct rules_cfg *c, const struct need *need, struct rules_work *w,
                       const char *text, size_t n, const char **out, size_t *out_n,
                       struct rule_set *failed, struct err *e)
{
    size_t n_words = SIZE_MAX;
    if (need->c4) {
        if (rules_c4(c, w, text, n, need->words ? &w->words : NULL, &n_words, w->m, e)) return -1;
        if (w->kept.len != n || (n && memcmp(w->kept.data, text, n) != 0)) {
            *out = w->kept.data ? w->kept.data : "";
            *out_n = w->kept.len;
        }
        rules_apply(c, w->m, RULE_LINE_WORD_LENGTH, RULE_NO_LINES, failed);
    }
    bool cut_short = rule_set_has(failed, RULE_LOREM_IPSUM) || rule_set_has(failed, RULE_CURLY_BRACKET);
    if (!need->fineweb || (cut_short && !c->all)) return 0;
    if (*out == text) {
        n_words = w->words.n;
    } else if (n_words == SIZE_MAX) {
        if (words_cut(c->words, &w->line_words, *out, *out_n, e)) return -1;
        n_words = w->line_words.n;
    }
    rules_fineweb(w, *out, *out_n, n_words, w->m);
    rules_apply(c, w->m, RULE_NO_LINES, RULE_N, failed);
    return 0;
}

static int find_words(const struct rules_cfg *c, const struct need *need, struct rules_work *w,
                      const char *text, size_t n, struct err *e)
{
    bool fast = rules_fast(c);
    if (fast && (need->words || need->c4) && rules_scan(w, text, n, e)) return -1;
    if (!need->words) return 0;
    return fast ? words_uax29_masked(&w->words, text, n, w->masks, e)
                : words_cut(c->words, &w->words, text, n, e);
}

int rules_judge(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                const char **out, size_t *out_n, struct rule_set *failed, struct err *e)
{
    const struct need need = find_need(c);
    *failed = (struct rule_set){0};
    *out = text;
    *out_n = n;
    w->n_cuts = 0;
    memset(w->lines_removed, 0, sizeof w->lines_removed);
    for (int i = 0; i < METRIC_N; i++)
        w->m[i] = (double)NAN;
    if (find_words(c, &need, w, text, n, e)) return -1;
    if (need.repetition && !c->quick) {
        rules_repetition(c, w, text, n, w->m);
        rules_apply(c, w->m, RULE_EMPTY, RULE_MIN_WORDS, failed);
    }
    if (need.gopher) {
        rules_gopher(c, w, text, n, w->m);
        rules_apply(c, w->m, RULE_MIN_WORDS, RULE_LINE_WORD_LENGTH, failed);
        if (c->quick && rule_set_any(failed)) return 0;
    }
    if (judge_lines(c, &need, w, text, n, out, out_n, failed, e)) return -1;
    if (need.repetition && c->quick && !rule_set_any(failed)) { /* it costs most */
        rules_repetition(c, w, text, n, w->m);
        rules_apply(c, w->m, RULE_EMPTY, RULE_MIN_WORDS, failed);
    }
    return w->oom ? err_oom(e, w->table.slots * sizeof *w->table.v, "the tables of the rules") : 0;
}

void rules_work_free(struct rules_work *w)
{
    words_free(&w->words);
    words_free(&w->line_words);
    free(w->table.v);
    free(w->hash);
    free(w->cut);
    free(w->masks);
    free(w->nl);
    rules_grams_free(&w->grams);
    buf_free(&w->kept);
    buf_free(&w->line);
    buf_free(&w->lower);
    *w = (struct rules_work){0};
}
