#include "data/label_errors.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "data/confident.h"
#include "data/doc_path.h"

enum { LABEL_BYTES = 64 };

struct label_note {
    uint64_t at, hash; /* of the buckets, in kept; of the text */
    uint32_t n, has;
    char label[LABEL_BYTES];
};

struct label_errors {
    const char *field;
    struct classify_cfg train;
    struct pool **pool; /* of the run; made after the filters are */
    struct rule rule;
    int error, confidence, suggested; /* metrics */
    struct label_worker {
        struct features f;
        struct buf label;
    } * workers; /* [256] */
    struct spill kept; /* buckets of all documents with a label */
    struct labels names;
    struct spill buckets, rows, probabilities, suggestions, given;
    struct train_docs docs; /* of buckets and rows */
    const struct spill_space *space;
    float *p;            /* [n][n_labels] */
    int32_t *suggestion; /* [n] */
    uint64_t *table;
    size_t cursor;
    struct label_errors_counts counts;
};

static int run(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    struct label_errors *l = arg;
    struct label_worker *w = &l->workers[thread];
    struct label_note *n = d->note;
    if (!n || d->removed) return 0;
    struct doc_value v = doc_path_find(d->doc->line, d->doc->line_len, l->field);
    buf_clear(&w->label);
    if ((v.type != DOC_V_STRING && v.type != DOC_V_NUMBER && v.type != DOC_V_BOOL) || !doc_value_text(&v, &w->label))
        return 0;
    if (buf_ok(&w->label, e)) return -1;
    if (!w->label.len || memchr(w->label.data, 0, w->label.len)) return 0;
    if (w->label.len >= LABEL_BYTES)
        return err_set(e, ERR_DATA, "a label of %zu bytes in '%s': is it a label?", w->label.len, l->field);
    if (features_make(&l->train.features, &w->f, d->text, d->n, e)) return -1;
    n->has = 1;
    n->at = d->keep->len;
    n->n = (uint32_t)w->f.n;
    n->hash = hash64(d->text, d->n);
    memcpy(n->label, w->label.data, w->label.len);
    buf_add(d->keep, w->f.v, w->f.n * 4);
    return buf_ok(d->keep, e);
}

static int note(void *arg, const struct clean_note *x, struct err *e)
{
    struct label_errors *l = arg;
    const struct label_note *n = x->note;
    if (x->removed) return 0;
    if (!n->has) {
        l->counts.unlabelled++;
        return 0;
    }
    uint32_t id = labels_id(&l->names, n->label, strlen(n->label));
    if (id == LABEL_NONE) return err_oom(e, sizeof *n, "labels");
    if (id >= CLASSIFY_MAX_LABELS)
        return err_set(e, ERR_DATA, "more than %d labels in '%s': is it a label?", CLASSIFY_MAX_LABELS, l->field);
    struct train_doc d = {l->buckets.len / 4, n->hash, n->n, (int32_t)id};
    const char *v = spill_data(&l->kept, e);
    if (!v || spill_add(&l->buckets, v + n->at, (size_t)n->n * 4, e)) return -1;
    return spill_add(&l->rows, &d, sizeof d, e);
}

/* With many labels the weights are fewer: the upper bits of a bucket remain. */
static void fold_buckets(struct label_errors *l, int bits)
{
    int drop = l->train.features.bits - bits;
    uint32_t *v = (uint32_t *)(void *)l->docs.buckets.data;
    for (size_t i = 0; drop > 0 && i < l->docs.buckets.len / 4; i++)
        v[i] >>= drop;
    if (drop > 0) l->train.features.bits = bits;
}

static int judge_all(struct label_errors *l, struct err *e)
{
    size_t n = train_docs_n(&l->docs), k = (size_t)l->docs.n_labels;
    struct classify_report rep = {0};
    /* The scores that training calibrates by, and the classifiers of the folds, stay in memory. */
    size_t scores = n * (k == 2 ? 1 : k) * sizeof(double);
    if (l->space && l->space->limit && scores > l->space->limit)
        return err_set(e, ERR_OS, "%zu documents of %zu labels need %zu bytes for their scores, more than --mem", n, k,
                       scores);
    int32_t *label = spill_room(&l->given, n, sizeof *label, e);
    if (!label || !(l->p = spill_room(&l->probabilities, n, k * sizeof *l->p, e)) ||
        !(l->suggestion = spill_room(&l->suggestions, n, sizeof *l->suggestion, e)))
        return -1;
    int ret = -1;
    if (!(l->table = mem_zalloc(k, k * sizeof *l->table))) return err_oom(e, k * k * sizeof *l->table, "a table of labels");
    for (size_t i = 0; i < n; i++)
        label[i] = train_doc_at(&l->docs, i)->label;
    if (classify_train(&l->train, &l->docs, *l->pool, NULL, &rep, l->p, e) ||
        confident_find(l->p, label, n, k, l->suggestion, NULL, NULL, e))
        goto out;
    for (size_t i = 0; i < n; i++) {
        if (l->suggestion[i] < 0) continue;
        l->counts.errors++;
        l->table[(size_t)label[i] * k + (size_t)l->suggestion[i]]++;
    }
    l->counts.scores = rep.all;
    ret = 0;
out:
    spill_free(&l->given);
    classify_report_free(&rep);
    return ret;
}

static int settle(void *arg, struct err *e)
{
    struct label_errors *l = arg;
    l->docs.n_labels = (int)l->names.n;
    l->docs.label = mem_alloc(l->names.n, sizeof *l->docs.label);
    if (!l->docs.label) return err_oom(e, l->names.n * sizeof *l->docs.label, "labels");
    for (size_t i = 0; i < l->names.n; i++)
        l->docs.label[i] = l->names.name[i];
    l->names.n = 0; /* they have a new owner */
    char *buckets = spill_data(&l->buckets, e), *rows = spill_data(&l->rows, e);
    if (!buckets || !rows) return -1;
    l->docs.buckets = (struct buf){.data = buckets, .len = l->buckets.len};
    l->docs.docs = (struct buf){.data = rows, .len = l->rows.len};
    l->counts.labelled = train_docs_n(&l->docs);
    l->counts.n_labels = l->docs.n_labels;
    spill_free(&l->kept);
    fold_buckets(l, classify_defaults(l->docs.n_labels).features.bits);
    int ret = judge_all(l, e);
    spill_free(&l->buckets);
    l->docs.buckets = (struct buf){0};
    return ret;
}

static int judge(void *arg, struct clean_note *x, struct err *e)
{
    struct label_errors *l = arg;
    (void)e;
    if (x->removed || !((const struct label_note *)x->note)->has) return 0;
    size_t i = l->cursor++, k = (size_t)l->docs.n_labels;
    x->value[l->confidence] = (double)l->p[i * k + (size_t)train_doc_at(&l->docs, i)->label];
    x->value[l->error] = l->suggestion[i] >= 0;
    x->value[l->suggested] = l->suggestion[i];
    return 0;
}

static void explain(void *arg, int thread, const struct clean_doc *d, struct buf *out)
{
    const struct label_errors *l = arg;
    (void)thread;
    if (!(d->value[l->error] > 0)) return;
    const char *name = l->docs.label[(int)d->value[l->suggested]];
    buf_printf(out, ",\"label_confidence\":%.6g,\"suggested_label\":", d->value[l->confidence]);
    buf_adds_json(out, name);
}

static int set_up(struct label_errors *l, struct clean_cfg *cfg, struct err *e)
{
    if (strncmp(l->field, "field=", 6) == 0) l->field += 6;
    if (doc_path_check(l->field, "--label-errors", e)) return -1;
    if (l->train.folds < 2) return err_set(e, ERR_USAGE, "--label-errors needs --folds of 2 or more");
    l->pool = &cfg->pool;
    if (!(l->workers = mem_zalloc(256, sizeof *l->workers))) return err_oom(e, 256 * sizeof *l->workers, "--label-errors");
    l->space = cfg->space;
    l->kept.space = l->buckets.space = l->rows.space = l->probabilities.space = l->suggestions.space = l->given.space =
        cfg->space;
    if ((l->confidence = rules_add_metric(&cfg->rules, "labels.confidence", e)) < 0 ||
        (l->error = rules_add_metric(&cfg->rules, "labels.error", e)) < 0 ||
        (l->suggested = rules_add_metric(&cfg->rules, "labels.suggested", e)) < 0)
        return -1;
    l->rule = (struct rule){"labels.max_error", "label_error", l->error, false, 0, "1: the label is probably wrong"};
    if (rules_add(&cfg->rules, &l->rule, e) < 0) return -1;
    struct clean_filter f = {.name = "label errors", .arg = l, .note_bytes = sizeof(struct label_note), .kept = &l->kept,
                             .run = run, .note = note, .settle = settle, .judge = judge, .explain = explain};
    return clean_add_filter(cfg, &f, e);
}

struct label_errors *label_errors_add(struct clean_cfg *cfg, const char *field, const struct classify_cfg *train,
                                      struct err *e)
{
    struct label_errors *l = mem_zalloc(1, sizeof *l);
    if (!l) {
        err_oom(e, sizeof *l, "--label-errors");
        return NULL;
    }
    l->field = field;
    l->train = *train;
    if (set_up(l, cfg, e)) {
        label_errors_free(l);
        return NULL;
    }
    return l;
}

void label_errors_free(struct label_errors *l)
{
    if (!l) return;
    for (int i = 0; l->workers && i < 256; i++) {
        features_free(&l->workers[i].f);
        buf_free(&l->workers[i].label);
    }
    free(l->workers);
    labels_free(&l->names);
    l->docs.buckets = l->docs.docs = (struct buf){0}; /* they are not its own */
    train_docs_free(&l->docs);
    struct spill *s[] = {&l->kept, &l->buckets, &l->rows, &l->probabilities, &l->suggestions, &l->given};
    for (size_t i = 0; i < COUNT_OF(s); i++)
        spill_free(s[i]);
    free(l->table);
    free(l);
}

struct label_errors_counts label_errors_counts(const struct label_errors *l)
{
    return l->counts;
}

const uint64_t *label_errors_table(const struct label_errors *l, char *const **labels)
{
    *labels = l->docs.label;
    return l->table;
}
