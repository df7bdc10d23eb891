#include "data/rules_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
        return (r <= RULE_NEWLINES && r != RULE_LINE_PUNCTUATION && r != RULE_PARAGRAPHS) || r == RULE_LINE_SHORT;
    case RULES_DCLM:
    case RULES_REFINEDWEB:
        return r <= RULE_STOP_WORDS || (r >= RULE_LINE_SQUEEZE && r <= RULE_REMOVED_WORDS);
    case RULES_SFT: /* short and repetitive answers can be right: only what is surely wrong */
        return (r >= RULE_DUP_5 && r <= RULE_DUP_10) || r == RULE_DUP_LINES ||
               (r >= RULE_SFT_MIN_CHARS && r <= RULE_SFT_REPLACED);
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
    for (int r = RULE_DUP_5; r <= RULE_DUP_10 && p == RULES_SFT; r++)
        c->limit[r] = 0.4;
    if (p == RULES_SFT) c->limit[RULE_DUP_LINES] = 0.6;
    if (p == RULES_DCLM || p == RULES_REFINEDWEB) c->dialect = RULES_DCLM_DIALECT;
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

int rules_settled_reason(const struct rules_cfg *c, const double *m, const double *first, size_t n,
                         const struct rule_set *failed, double *value)
{
    double all[METRICS_MAX] = {0};
    struct rule_set early = {{0}};
    const double *by = m;
    if (first) {
        memcpy(all, m, (size_t)c->n_metrics * sizeof *all);
        memcpy(all, first, n * sizeof *all);
        rules_apply(c, all, 0, c->n_rules, &early);
        if (rule_set_any(&early)) by = all;
    }
    int r = rules_reason(by, rule_set_any(&early) ? &early : failed);
    *value = by[c->rule[r]->metric];
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
    bool repetition, gopher, c4, fineweb, words, lines, sft;
};

static struct need find_need(const struct rules_cfg *c)
{
    struct need x = {.repetition = c->all || any_of(c, RULE_EMPTY, RULE_DUP_10),
                     .gopher = c->all || any_of(c, RULE_MIN_WORDS, RULE_STOP_WORDS),
                     .c4 = c->all || any_of(c, RULE_LINE_WORD_LENGTH, RULE_SENTENCES),
                     .fineweb = c->all || any_of(c, RULE_NO_LINES, RULE_NEWLINES),
                     .lines = any_of(c, RULE_LINE_UPPER, RULE_REMOVED_WORDS),
                     .sft = c->all || any_of(c, RULE_SFT_MIN_CHARS, RULE_SFT_FINISHED)};
    x.words = x.repetition || x.gopher || x.fineweb || x.lines;
    return x;
}

/* What line rules found: whether they ended with the document removed, and the
 * newlines of what they left. */
struct line_verdict {
    bool cut_short, changed;
    size_t newlines;
};

static bool cuts_lines(const struct rules_cfg *c) /* else they are only measured */
{
    return any_of(c, RULE_LINE_WORD_LENGTH, RULE_LINE_POLICY);
}

/* FineWeb on the lines that are left; what costs more comes second. */
static void fineweb_lines(const struct rules_cfg *c, struct rules_work *w, const char *text,
                          struct line_verdict *v, struct rule_set *failed)
{
    rules_fineweb_ends(w, text, c->limit[RULE_LINE_SHORT], &v->newlines, w->m);
    rules_apply(c, w->m, RULE_NO_LINES, RULE_N, failed);
    if (c->quick && rule_set_any(failed)) return;
    rules_fineweb_repeats(w, text, w->m);
    rules_apply(c, w->m, RULE_LINE_REPEATS, RULE_NEWLINES, failed);
}

/* Lines go, then what is left is judged as far as that needs no words. */
static int judge_lines(const struct rules_cfg *c, const struct need *need, struct rules_work *w,
                       const char *text, size_t n, const char **out, size_t *out_n,
                       struct line_verdict *v, struct rule_set *failed, struct err *e)
{
    bool by_list = need->c4 && cuts_lines(c) && rules_fast(c);
    *v = (struct line_verdict){0};
    if (need->c4) {
        if (rules_c4(c, w, text, n, w->m, e)) return -1;
        v->changed = cuts_lines(c) && !rules_kept_all(w, text, n);
        rules_apply(c, w->m, RULE_LOREM_IPSUM, RULE_SENTENCES, failed);
        v->cut_short = rule_set_has(failed, RULE_LOREM_IPSUM) || rule_set_has(failed, RULE_CURLY_BRACKET);
        if (v->cut_short && !c->all) return 0;
    }
    if (need->fineweb && by_list) {
        fineweb_lines(c, w, text, v, failed);
        if (c->quick && rule_set_any(failed)) return 0;
    }
    if (v->changed) {
        rules_kept_text(w, text);
        if (buf_ok(&w->kept, e)) return -1;
        *out = buf_text(&w->kept);
        *out_n = w->kept.len;
    }
    if (!need->fineweb || by_list) return 0;
    rules_fineweb(w, *out, *out_n, c->limit[RULE_LINE_SHORT], &v->newlines, w->m);
    rules_apply(c, w->m, RULE_NO_LINES, RULE_NEWLINES, failed);
    return 0;
}

/* The rest: sentences of the lines that are left, newlines a word. */
static int judge_words(const struct rules_cfg *c, const struct need *need, struct rules_work *w,
                       const char *text, const char *out, size_t out_n, const struct line_verdict *v,
                       struct rule_set *failed, struct err *e)
{
    size_t n_words = SIZE_MAX;
    if (v->cut_short && !c->all) return 0;
    if (need->c4) {
        bool count = need->fineweb && v->changed; /* the words that are left */
        if (rules_c4_words(c, w, text, need->words ? &w->words : NULL, count ? &n_words : NULL, w->m, e)) return -1;
        rules_apply(c, w->m, RULE_SENTENCES, RULE_PARAGRAPHS, failed);
    }
    if (c->on[RULE_PARAGRAPHS] || c->all) {
        w->m[METRIC_THIRD_LINE] = rules_c4_third_line(out, out_n);
        rules_apply(c, w->m, RULE_PARAGRAPHS, RULE_NO_LINES, failed);
    }
    if (!need->fineweb) return 0;
    if (!v->changed) {
        n_words = w->words.n;
    } else if (n_words == SIZE_MAX) {
        if (words_cut(c->words, &w->line_words, out, out_n, e)) return -1;
        n_words = w->line_words.n;
    }
    w->m[METRIC_NEWLINES] = n_words ? (double)v->newlines / (double)n_words : 0;
    rules_apply(c, w->m, RULE_NEWLINES, RULE_LINE_SQUEEZE, failed);
    return 0;
}

static int scan(const struct rules_cfg *c, const struct need *need, struct rules_work *w,
                const char *text, size_t n, struct err *e)
{
    if (!rules_masked(c) || !(need->words || need->c4)) return 0;
    return rules_scan(w, text, n, e);
}

static int find_words(const struct rules_cfg *c, const struct need *need, struct rules_work *w,
                      const char *text, size_t n, struct err *e)
{
    w->hashed = false;
    if (!need->words) return 0;
    return rules_masked(c) ? words_uax29_masked(&w->words, text, n, w->masks, true, e)
                : words_cut(c->words, &w->words, text, n, e);
}

/* Words that make up a text for RefinedWeb: those of more than punctuation. */
static size_t substance(const struct words *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        n += w->v[i].info >> 1 & 1;
    return n;
}

/* Are the words only wanted when RefinedWeb's line rules take something out? */
static bool words_late(const struct rules_cfg *c, const struct need *need)
{
    return c->quick && c->dialect != RULES_DATATROVE && !need->c4 && !need->fineweb;
}

/* RefinedWeb's line rules; then the words are those of what is left. */
static int correct_lines(const struct rules_cfg *c, const struct need *need, struct rules_work *w,
                         const char **text, size_t *n, struct err *e)
{
    bool changed;
    w->m[METRIC_REMOVED_WORDS] = 0;
    if (rules_refinedweb(c, w, *text, *n, &w->corrected, &changed, e)) return -1;
    if (!changed) return 0;
    if (words_late(c, need) && find_words(c, need, w, *text, *n, e)) return -1;
    size_t before = substance(&w->words);
    *text = buf_text(&w->corrected);
    *n = w->corrected.len;
    if (scan(c, need, w, *text, *n, e) || find_words(c, need, w, *text, *n, e)) return -1;
    if (before)
        w->m[METRIC_REMOVED_WORDS] =
            ((double)before - (double)substance(&w->words)) / (double)before;
    return 0;
}

static void repetition(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                       struct rule_set *failed)
{
    if (c->dialect == RULES_DATATROVE)
        rules_repetition(c, w, text, n, w->m);
    else
        rules_repetition_other(c, w, text, n, w->m);
    rules_apply(c, w->m, RULE_EMPTY, RULE_MIN_WORDS, failed);
}

int rules_judge(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                const char **out, size_t *out_n, struct rule_set *failed, struct err *e)
{
    const struct need need = find_need(c);
    /* Line rules change the words that repetition is measured on, and it comes before
     * them; in the other dialects it has words of its own. */
    bool late = !need.lines || c->dialect != RULES_DATATROVE;
    *failed = (struct rule_set){0};
    w->last = false;
    if (!w->again) {
        w->n_cuts = 0;
        memset(w->lines_removed, 0, sizeof w->lines_removed);
    }
    for (int i = 0; i < METRIC_N; i++)
        w->m[i] = (double)NAN;
    if (c->on[RULE_LINE_SQUEEZE] &&
        rules_squeeze(text, n, (size_t)c->limit[RULE_LINE_SQUEEZE], &w->squeezed)) {
        if (buf_ok(&w->squeezed, e)) return -1;
        text = w->squeezed.data;
        n = w->squeezed.len;
        w->lines_removed[RULE_LINE_SQUEEZE]++;
    }
    *out = text;
    *out_n = n;
    if (need.sft) {
        rules_sft(text, n, w->m);
        rules_apply(c, w->m, RULE_SFT_MIN_CHARS, RULE_N, failed);
        if (c->quick && rule_set_any(failed)) return 0;
    }
    if (scan(c, &need, w, text, n, e)) return -1;
    struct line_verdict lines;
    const char *before = text; /* RefinedWeb's line rules */
    size_t before_n = n;
    bool lines_first = late && c->quick && rules_fast(c);
    if (lines_first) { /* they cost least: the words are not needed */
        if (judge_lines(c, &need, w, text, n, out, out_n, &lines, failed, e)) return -1;
        if (rule_set_any(failed)) return 0;
    }
    if (!words_late(c, &need) && find_words(c, &need, w, text, n, e)) return -1;
    if (need.repetition && !late) repetition(c, w, text, n, failed);
    if (need.gopher) {
        if (c->dialect == RULES_DATATROVE)
            rules_gopher(c, w, text, n, w->m);
        else
            rules_gopher_other(c, w, text, n, w->m);
        rules_apply(c, w->m, RULE_MIN_WORDS, RULE_LINE_WORD_LENGTH, failed);
        if (c->quick && rule_set_any(failed)) return 0;
    }
    if (need.lines) {
        if (correct_lines(c, &need, w, &text, &n, e)) return -1;
        rules_apply(c, w->m, RULE_REMOVED_WORDS, RULE_SFT_MIN_CHARS, failed);
        *out = text;
        *out_n = n;
        if (c->quick && rule_set_any(failed)) return 0;
    }
    if (!lines_first && judge_lines(c, &need, w, text, n, out, out_n, &lines, failed, e)) return -1;
    if (judge_words(c, &need, w, text, *out, *out_n, &lines, failed, e)) return -1;
    if (need.repetition && late && !(c->quick && rule_set_any(failed))) { /* it costs most */
        w->last = true;
        if (text != before && scan(c, &need, w, before, before_n, e)) return -1;
        repetition(c, w, before, before_n, failed);
    }
    return w->oom ? err_oom(e, w->table.slots * sizeof *w->table.v, "the tables of the rules") : 0;
}

/* Which rules ask a metric for enough, and which forbid too much. */
static void directions(bool *below, bool *above)
{
    for (int r = 0; r < RULE_N; r++) {
        const struct rule *x = &rules_table[r];
        if (!rules_is_line(x)) *(x->below ? &below[x->metric] : &above[x->metric]) = true;
    }
}

bool rules_both_ways(int metric)
{
    bool below[METRIC_N] = {false}, above[METRIC_N] = {false};
    directions(below, above);
    return below[metric] && above[metric];
}

/* The worse of two values of each metric: the smaller where rules only ask for
 * enough, the larger where they only forbid too much; else the later. */
static void keep_worse(struct rules_work *w, const double *before)
{
    bool below[METRIC_N] = {false}, above[METRIC_N] = {false};
    directions(below, above);
    for (int i = 0; i < METRIC_N; i++) {
        double *m = &w->m[i];
        bool worse = below[i] ? before[i] < *m : before[i] > *m;
        if (isnan(*m) || (below[i] != above[i] && worse)) *m = before[i];
        w->low[i] = fmin(w->low[i], *m); /* of a number and none the number */
        w->high[i] = fmax(w->high[i], *m);
    }
}

int rules_settle(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                 const char **out, size_t *out_n, struct rule_set *failed, struct err *e)
{
    enum { ROUNDS = 8 };
    const char *in = text;
    if (rules_judge(c, w, text, n, out, out_n, failed, e)) return -1;
    memcpy(w->first, w->m, sizeof w->first);
    memcpy(w->low, w->m, sizeof w->low);
    memcpy(w->high, w->m, sizeof w->high);
    int ret = 0;
    for (int i = 0; i < ROUNDS && *out != in && (c->all || !rule_set_any(failed)) && !ret; i++) {
        double before[METRIC_N];
        struct rule_set again;
        memcpy(before, w->m, sizeof before);
        if (*out == w->kept.data) {
            struct buf t = w->settled;
            w->settled = w->kept;
            w->kept = t;
        } else {
            buf_clear(&w->settled);
            buf_add(&w->settled, *out, *out_n);
        }
        if (buf_ok(&w->settled, e)) return -1;
        in = buf_text(&w->settled);
        size_t in_n = w->settled.len;
        if (w->between && w->between(w->between_arg, in, in_n, &in, &in_n, e)) return -1;
        w->again = true;
        ret = rules_judge(c, w, in, in_n, out, out_n, &again, e);
        w->again = false;
        keep_worse(w, before);
        rule_set_join(failed, &again);
    }
    return ret;
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
    buf_free(&w->cut_text);
    free(w->lines);
    buf_free(&w->squeezed);
    buf_free(&w->settled);
    buf_free(&w->corrected);
    *w = (struct rules_work){0};
}
