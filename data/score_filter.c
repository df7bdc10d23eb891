#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "data/scorer.h"

struct score_filter {
    struct scorer *s;
    struct arena names;
    struct rule rule;
    int metric, label;
    uint8_t *wanted; /* languages; NULL: all */
};

static struct score_filter *filter_new(struct err *e)
{
    struct score_filter *f = mem_zalloc(1, sizeof *f);
    if (!f) err_oom(e, sizeof *f, "a filter");
    return f;
}

void score_filter_free(struct score_filter *f)
{
    if (!f) return;
    scorer_close(f->s);
    arena_free(&f->names);
    free(f->wanted);
    free(f);
}

/* At most a few labels, for messages. */
static void list_labels(const struct scorer *s, char *out, size_t cap)
{
    size_t n = 0;
    for (int i = 0; i < scorer_n_labels(s) && n + 40 < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s%.32s", i ? ", " : "", scorer_label(s, i));
    if (n + 40 >= cap) snprintf(out + n, cap - n, " ...");
}

static int no_label(const char *option, const char *label, const struct scorer *s, struct err *e)
{
    char list[300];
    list_labels(s, list, sizeof list);
    return err_set(e, ERR_USAGE, "%s: the model has no label '%s', it has %s", option, label, list);
}

static int run_score(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    struct score_filter *f = arg;
    const double *p = scorer_run(f->s, thread, d->text, d->n, e);
    if (!p) return -1;
    d->value[f->metric] = p[f->label];
    return 0;
}

static int run_lang(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    struct score_filter *f = arg;
    const double *p = scorer_run(f->s, thread, d->text, d->n, e);
    if (!p) return -1;
    int best = 0;
    double score = 0;
    for (int i = 0; i < scorer_n_labels(f->s); i++) {
        if (p[i] > p[best]) best = i;
        if ((!f->wanted || f->wanted[i]) && p[i] > score) score = p[i];
    }
    d->value[f->metric] = score;
    if (p[best] > 0) {
        d->label[CLEAN_LANG] = scorer_label(f->s, best);
        d->label_n[CLEAN_LANG] = strlen(d->label[CLEAN_LANG]);
    }
    return 0;
}

/* A name that no metric has yet: "classifier.good", "classifier.good.2" ... */
static const char *metric_name(const struct clean_cfg *cfg, struct arena *a, const char *label)
{
    char *name = arena_printf(a, "classifier.%s", label);
    for (int k = 2; name; k++) {
        bool taken = false;
        for (int i = 0; i < cfg->rules.n_metrics; i++)
            taken |= strcmp(cfg->rules.metric[i], name) == 0;
        if (!taken) break;
        name = arena_printf(a, "classifier.%s.%d", label, k);
    }
    return name;
}

/* FILE:LABEL>=X taken apart; NULL label: none given.  Memory of the arena. */
struct spec {
    const char *file, *label;
    bool below; /* removed when below */
    double limit;
};

static int parse_spec(struct arena *a, const char *spec, struct spec *out, struct err *e)
{
    char *s = arena_strdup(a, spec), *end, *op = NULL, *colon = NULL;
    if (!s) return err_oom(e, strlen(spec), "--classifier");
    for (char *p = s; *p; p++)
        if ((*p == '>' || *p == '<') && p[1] == '=') op = p;
    char *number = op ? op + 2 : strrchr(s, ':');
    out->below = !op || *op == '>';
    if (number && !op) number++;
    out->limit = number ? strtod(number, &end) : 0;
    if (!number || end == number || *end || !(out->limit >= 0 && out->limit <= 2))
        return err_set(e, ERR_USAGE, "--classifier '%s': want FILE:X, FILE:LABEL>=X or FILE:LABEL<=X", spec);
    if (op) *op = '\0';
    else number[-1] = '\0';
    /* Names of files and labels may hold colons: the first border behind a file counts. */
    for (char *p = s; op && *p && !colon; p++) {
        if (*p != ':') continue;
        *p = '\0';
        if (file_exists(s)) colon = p;
        else *p = ':';
    }
    if (op && !colon && (colon = strchr(s, ':'))) *colon = '\0'; /* names what is missing */
    out->file = s;
    out->label = colon ? colon + 1 : NULL;
    return 0;
}

static int open_score(struct score_filter *f, struct clean_cfg *cfg, const char *text, struct err *e)
{
    struct spec spec = {0};
    if (parse_spec(&f->names, text, &spec, e) || !(f->s = scorer_open(spec.file, cfg->pool, e))) return -1;
    f->label = scorer_find_label(f->s, spec.label ? spec.label : "good");
    if (f->label < 0) {
        no_label("--classifier", spec.label ? spec.label : "good", f->s, e);
        return spec.label ? -1 : err_hint(e, "say which: %s:LABEL>=X", spec.file);
    }
    const char *name = metric_name(cfg, &f->names, scorer_label(f->s, f->label));
    char *key = name ? arena_printf(&f->names, "%s.%s", name, spec.below ? "min" : "max") : NULL;
    if (!key) return err_oom(e, 64, "the name of a value");
    f->metric = rules_add_metric(&cfg->rules, name, e);
    f->rule = (struct rule){key, "classifier", f->metric, spec.below, spec.limit,
                            spec.below ? "Smallest probability of the label" : "Largest probability of the label"};
    if (f->metric < 0 || rules_add(&cfg->rules, &f->rule, e) < 0) return -1;
    struct clean_filter filter = {.name = "classifier", .arg = f, .lazy = true, .run = run_score};
    return clean_add_filter(cfg, &filter, e);
}

struct score_filter *score_filter_add(struct clean_cfg *cfg, const char *spec, struct err *e)
{
    struct score_filter *f = filter_new(e);
    if (f && open_score(f, cfg, spec, e)) {
        score_filter_free(f);
        f = NULL;
    }
    return f;
}

/* "en,de:0.65" */
static int parse_lang(struct score_filter *f, const char *text, double *limit, struct err *e)
{
    char *s = arena_strdup(&f->names, text), *colon = s ? strrchr(s, ':') : NULL, *end = NULL;
    f->wanted = mem_zalloc((size_t)scorer_n_labels(f->s), 1);
    if (!s || !f->wanted) return err_oom(e, strlen(text), "--lang");
    *limit = colon ? strtod(colon + 1, &end) : 0.65;
    if (colon && (end == colon + 1 || *end || !(*limit >= 0 && *limit <= 1)))
        return err_set(e, ERR_USAGE, "--lang '%s': want LANGUAGE[,LANGUAGE...][:PROBABILITY]", text);
    if (colon) *colon = '\0';
    for (char *at = s; at;) {
        char *comma = strchr(at, ',');
        if (comma) *comma++ = '\0';
        int i = scorer_find_label(f->s, at);
        if (i < 0) return no_label("--lang", at, f->s, e);
        f->wanted[i] = 1;
        at = comma;
    }
    return 0;
}

static int open_lang(struct score_filter *f, struct clean_cfg *cfg, const char *model, const char *wanted,
                     struct err *e)
{
    double limit = 0;
    if (!(f->s = scorer_open(model, cfg->pool, e)) || (wanted && parse_lang(f, wanted, &limit, e))) return -1;
    if ((f->metric = rules_add_metric(&cfg->rules, "lang.score", e)) < 0) return -1;
    f->rule = (struct rule){"lang.min_score", "language", f->metric, true, limit,
                            "Smallest probability of a language that is wanted"};
    if (wanted && rules_add(&cfg->rules, &f->rule, e) < 0) return -1;
    struct clean_filter filter = {.name = "language", .arg = f, .run = run_lang};
    return clean_add_filter(cfg, &filter, e);
}

struct score_filter *lang_filter_add(struct clean_cfg *cfg, const char *model, const char *wanted, struct err *e)
{
    struct score_filter *f = filter_new(e);
    if (f && open_lang(f, cfg, model, wanted, e)) {
        score_filter_free(f);
        f = NULL;
    }
    return f;
}
