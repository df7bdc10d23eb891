#include "data/outliers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

/* A group of documents: where its values begin, and what came out. */
struct group {
    uint32_t source, lang; /* UINT32_MAX: any */
    size_t n, at;
    double *median, *spread; /* [n_values] */
};

struct outliers {
    struct arena names;
    struct rule rule;
    int shape[SHAPE_N];               /* metrics */
    int value[OUTLIERS_MAX_VALUES];   /* metrics that are judged */
    bool is_log[OUTLIERS_MAX_VALUES]; /* judged on a logarithmic scale */
    double floor[OUTLIERS_MAX_VALUES]; /* smallest spread */
    int n_values, z, worst;           /* metrics: the largest |z|, and of which value */
    int rule_index;
    struct clean_cfg *cfg;
    struct spill rows, values; /* of documents that are judged: number of the group; double[n_values] */
    struct labels pairs;       /* "source/lang", the groups that documents are of */
    struct group *group;       /* sorted by (source, lang): those, all of a language, all */
    size_t n_groups;
    double *stats; /* memory of medians and spreads */
};

/* v in place so that v[k] is what it would be if v were sorted, none before it
 * larger and none behind it smaller. */
static double nth(double *v, size_t n, size_t k)
{
    size_t lo = 0, hi = n - 1;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2, i = lo, j = hi;
        double a = v[lo], b = v[mid], c = v[hi], pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
        for (;;) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i > j) break;
            double t = v[i];
            v[i++] = v[j];
            v[j] = t;
            if (!j--) break;
        }
        if (j != SIZE_MAX && k <= j) hi = j;
        else if (k >= i) lo = i;
        else return v[k];
    }
    return v[k];
}

static double middle(double *v, size_t n)
{
    double high = nth(v, n, n / 2), low = high;
    if (n % 2) return high;
    low = v[0];
    for (size_t i = 1; i < n / 2; i++)
        if (v[i] > low) low = v[i];
    return (low + high) / 2;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void outliers_centre(double *v, size_t n, double *median, double *spread)
{
    *median = *spread = 0;
    if (!n) return;
    *median = middle(v, n);
    for (size_t i = 0; i < n; i++)
        v[i] = fabs(v[i] - *median);
    *spread = 1.4826 * middle(v, n);
    if (*spread > 0) return;
    double sum = 0;
    spill_sort(v, n, sizeof *v, compare);
    for (size_t i = 0; i < n; i++) /* smallest first: no order but that of the values */
        sum += v[i];
    *spread = 1.2533 * sum / (double)n;
}

/* ---- the filter ---- */

static int run(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    const struct outliers *o = arg;
    double shape[SHAPE_N];
    (void)thread;
    (void)e;
    shape_measure(d->text, d->n, shape);
    for (int k = 0; k < SHAPE_N; k++)
        d->value[o->shape[k]] = shape[k];
    return 0;
}

static double value_of(const struct outliers *o, const double *value, int k)
{
    double x = value[o->value[k]];
    return o->is_log[k] && x > 0 ? log(x) : x;
}

static int note(void *arg, const struct clean_note *n, struct err *e)
{
    struct outliers *o = arg;
    double x[OUTLIERS_MAX_VALUES];
    char name[32];
    if (n->removed) return 0;
    int len = snprintf(name, sizeof name, "%u/%u", n->label[CLEAN_SOURCE], n->label[CLEAN_LANG]);
    uint32_t pair = labels_id(&o->pairs, name, (size_t)len);
    if (pair == LABEL_NONE) return err_oom(e, sizeof pair, "groups of documents");
    for (int k = 0; k < o->n_values; k++)
        x[k] = value_of(o, n->value, k);
    return spill_add(&o->rows, &pair, sizeof pair, e) || spill_add(&o->values, x, (size_t)o->n_values * sizeof *x, e)
               ? -1
               : 0;
}

static int by_key(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->source != y->source) return x->source < y->source ? -1 : 1;
    return x->lang < y->lang ? -1 : x->lang > y->lang;
}

static struct group *find(struct outliers *o, uint32_t source, uint32_t lang)
{
    struct group key = {.source = source, .lang = lang};
    return bsearch(&key, o->group, o->n_groups, sizeof key, by_key);
}

/* One group for each (source, language), (any, language) and (any, any). */
static int make_groups(struct outliers *o, const uint32_t *row, size_t n, struct err *e)
{
    size_t pairs = o->pairs.n, made = 0;
    struct group *g = o->group = mem_zalloc(2 * pairs + 1, sizeof *g);
    if (!g) return err_oom(e, 2 * pairs * sizeof *g, "groups of documents");
    for (size_t i = 0; i < pairs; i++) {
        unsigned source = 0, lang = 0;
        sscanf(o->pairs.name[i], "%u/%u", &source, &lang);
        g[i] = (struct group){.source = source, .lang = lang};
    }
    for (size_t i = 0; i < n; i++)
        g[row[i]].n++;
    g[2 * pairs] = (struct group){.source = UINT32_MAX, .lang = UINT32_MAX, .n = n};
    for (size_t i = 0; i < pairs; i++)
        g[pairs + i] = (struct group){.source = UINT32_MAX, .lang = g[i].lang, .n = g[i].n};
    qsort(g, 2 * pairs + 1, sizeof *g, by_key);
    for (size_t i = 0; i < 2 * pairs + 1; i++)
        if (made && by_key(&g[made - 1], &g[i]) == 0) g[made - 1].n += g[i].n;
        else g[made++] = g[i];
    o->n_groups = made;
    o->stats = mem_zalloc(made * 2, (size_t)o->n_values * sizeof *o->stats);
    if (!o->stats) return err_oom(e, made * (size_t)o->n_values * 16, "medians");
    for (size_t i = 0; i < made; i++) {
        g[i].median = o->stats + 2 * i * (size_t)o->n_values;
        g[i].spread = g[i].median + o->n_values;
    }
    return 0;
}

/* Where the documents of each pair belong at a level: their pair, their language, all. */
enum { LEVELS = 3 };

static struct group *at_level(struct outliers *o, size_t pair, int level)
{
    unsigned source = UINT32_MAX, lang = UINT32_MAX;
    if (level < 2) sscanf(o->pairs.name[pair], "%u/%u", &source, &lang);
    return find(o, level == 0 ? source : UINT32_MAX, lang);
}

/* Medians of value k in the groups of one level, which parts all documents. */
static void centre(struct outliers *o, int k, struct group *const *of, const uint32_t *row, const double *v, size_t n,
                   double *scratch, size_t *filled)
{
    size_t at = 0;
    for (size_t p = 0; p < o->pairs.n; p++)
        of[p]->at = SIZE_MAX;
    for (size_t p = 0; p < o->pairs.n; p++) {
        if (of[p]->at != SIZE_MAX) continue;
        of[p]->at = at;
        at += of[p]->n;
        filled[of[p] - o->group] = 0;
    }
    for (size_t i = 0; i < n; i++) {
        double x = v[i * (size_t)o->n_values + (size_t)k];
        struct group *g = of[row[i]];
        if (!isnan(x)) scratch[g->at + filled[g - o->group]++] = x; /* the others were not measured */
    }
    for (size_t p = 0; p < o->pairs.n; p++) {
        struct group *g = of[p];
        if (g->at == SIZE_MAX) continue;
        outliers_centre(scratch + g->at, filled[g - o->group], &g->median[k], &g->spread[k]);
        g->at = SIZE_MAX; /* done, when another pair is of it too */
    }
}

static int settle(void *arg, struct err *e)
{
    struct outliers *o = arg;
    struct spill room = {.space = o->rows.space};
    size_t n = o->rows.len / sizeof(uint32_t);
    const uint32_t *row = spill_data(&o->rows, e);
    const double *v = row ? spill_data(&o->values, e) : NULL;
    double *scratch = v ? spill_room(&room, n, sizeof *scratch, e) : NULL;
    if (!scratch || make_groups(o, row, n, e)) {
        spill_free(&room);
        return -1;
    }
    struct group **of = mem_alloc(o->pairs.n, sizeof(struct group *));
    size_t *filled = mem_zalloc(o->n_groups, sizeof *filled);
    int ret = of && filled ? 0 : err_oom(e, o->n_groups * sizeof *filled, "medians");
    for (int level = 0; level < LEVELS && !ret; level++) {
        for (size_t p = 0; p < o->pairs.n; p++)
            of[p] = at_level(o, p, level);
        for (int k = 0; k < o->n_values; k++)
            centre(o, k, of, row, v, n, scratch, filled);
    }
    free(of);
    free(filled);
    spill_free(&room);
    spill_free(&o->values);
    spill_free(&o->rows);
    return ret;
}

static const struct group *group_for(struct outliers *o, const struct clean_note *n)
{
    const uint32_t any = UINT32_MAX;
    const struct group *g = find(o, n->label[CLEAN_SOURCE], n->label[CLEAN_LANG]);
    if (!g || g->n < OUTLIERS_MIN) g = find(o, any, n->label[CLEAN_LANG]);
    if (!g || g->n < OUTLIERS_MIN) g = find(o, any, any);
    return g;
}

static int judge(void *arg, struct clean_note *n, struct err *e)
{
    struct outliers *o = arg;
    const struct group *g = n->removed ? NULL : group_for(o, n);
    (void)e;
    if (!g) return 0;
    double largest = 0;
    int worst = 0;
    for (int k = 0; k < o->n_values; k++) {
        double x = value_of(o, n->value, k);
        double spread = g->spread[k] > o->floor[k] ? g->spread[k] : o->floor[k];
        if (isnan(x) || !(spread > 0)) continue;
        double z = fabs(x - g->median[k]) / spread;
        if (z > largest) {
            largest = z;
            worst = k;
        }
    }
    n->value[o->z] = largest;
    n->value[o->worst] = worst;
    return 0;
}

/* Which value it was. */
static void explain(void *arg, int thread, const struct clean_doc *d, struct buf *out)
{
    const struct outliers *o = arg;
    (void)thread;
    if (!(d->value[o->z] > o->cfg->rules.limit[o->rule_index])) return;
    int m = o->value[(int)d->value[o->worst]];
    buf_printf(out, ",\"outlier\":\"%s\",\"outlier_value\":%.6g", o->cfg->rules.metric[m], d->value[m]);
}

/* ---- set-up ---- */

static int use(struct outliers *o, int metric, bool is_log, const char *spec, struct err *e)
{
    if (o->n_values == OUTLIERS_MAX_VALUES)
        return err_set(e, ERR_USAGE, "--outliers %s: more than %d values", spec, OUTLIERS_MAX_VALUES);
    o->value[o->n_values] = metric;
    for (int k = SHAPE_LETTERS; k <= SHAPE_BLANKS; k++)
        if (metric == o->shape[k]) o->floor[o->n_values] = OUTLIERS_MIN_SHARE;
    o->is_log[o->n_values++] = is_log;
    return 0;
}

/* The values of other filters that may be judged. */
static bool judged(const char *name)
{
    return strcmp(name, "ppl") == 0 || strncmp(name, "classifier.", 11) == 0 || strcmp(name, "lang.score") == 0;
}

static int choose(struct outliers *o, const char *list, const char *spec, struct err *e)
{
    const struct rules_cfg *r = &o->cfg->rules;
    for (int k = 0; k < SHAPE_N && !list; k++)
        if (use(o, o->shape[k], false, spec, e)) return -1;
    for (int m = METRIC_N; m < r->n_metrics && !list; m++)
        if (judged(r->metric[m]) && use(o, m, strcmp(r->metric[m], "ppl") == 0, spec, e)) return -1;
    while (list && *list) {
        size_t n = strcspn(list, ",");
        int found = -1;
        for (int k = 0; k < SHAPE_N; k++)
            if (strlen(shape_names[k]) == n && memcmp(shape_names[k], list, n) == 0) found = o->shape[k];
        for (int m = METRIC_N; m < r->n_metrics; m++)
            if (judged(r->metric[m]) && strlen(r->metric[m]) == n && memcmp(r->metric[m], list, n) == 0) found = m;
        if (found < 0) {
            err_set(e, ERR_USAGE, "--outliers %s: nothing measures '%.*s'", spec, (int)n, list);
            return err_hint(e, "want length, letters, digits, upper, punctuation, blanks, word, line, "
                               "or ppl, classifier.LABEL, lang.score where asked for");
        }
        if (use(o, found, strcmp(r->metric[found], "ppl") == 0, spec, e)) return -1;
        list += n + (list[n] == ',');
    }
    return 0;
}

static int set_up(struct outliers *o, const char *spec, struct err *e)
{
    double limit = 3.5;
    char *end = NULL;
    if (strncmp(spec, "mad", 3) == 0 && spec[3] == ':') limit = strtod(spec + 4, &end);
    bool list = end && *end == ':' && end[1];
    if (strncmp(spec, "mad", 3) || (spec[3] && (!end || end == spec + 4 || (*end && !list))) || !(limit > 0 && limit < 1e9))
        return err_set(e, ERR_USAGE, "--outliers '%s': want mad[:LIMIT[:VALUE,VALUE...]], such as mad:3.5", spec);
    for (int k = 0; k < SHAPE_N; k++) {
        char *name = arena_printf(&o->names, "outliers.%s", shape_names[k]);
        if (!name) return err_oom(e, 64, "the name of a value");
        if ((o->shape[k] = rules_add_metric(&o->cfg->rules, name, e)) < 0) return -1;
    }
    if (choose(o, list ? end + 1 : NULL, spec, e)) return -1;
    o->z = rules_add_metric(&o->cfg->rules, "outliers.z", e);
    o->worst = o->z < 0 ? -1 : rules_add_metric(&o->cfg->rules, "outliers.worst", e);
    if (o->worst < 0) return -1;
    o->rule = (struct rule){"outliers.max_z", "outlier", o->z, false, limit,
                            "Robust standard deviations from the median of source and language"};
    if ((o->rule_index = rules_add(&o->cfg->rules, &o->rule, e)) < 0) return -1;
    struct clean_filter f = {.name = "outliers", .arg = o, .run = run, .note = note, .settle = settle,
                             .judge = judge, .explain = explain};
    return clean_add_filter(o->cfg, &f, e);
}

struct outliers *outliers_add(struct clean_cfg *cfg, const char *spec, struct err *e)
{
    struct outliers *o = mem_zalloc(1, sizeof *o);
    if (!o) {
        err_oom(e, sizeof *o, "outliers");
        return NULL;
    }
    o->cfg = cfg;
    o->rows.space = o->values.space = cfg->space;
    if (set_up(o, spec, e)) {
        outliers_free(o);
        return NULL;
    }
    return o;
}

void outliers_free(struct outliers *o)
{
    if (!o) return;
    spill_free(&o->rows);
    spill_free(&o->values);
    labels_free(&o->pairs);
    free(o->group);
    free(o->stats);
    arena_free(&o->names);
    free(o);
}
