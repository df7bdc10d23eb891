#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "data/classify_train.h"
#include "data/clean_labels.h"
#include "data/doc_path.h"
#include "data/doc_run.h"
#include "data/text_norm.h"

/* What a block gives; the labels of its documents are numbers within it. */
struct block {
    struct buf buckets, docs, text;
    struct labels labels;
    uint64_t bad, unlabelled;
};

struct reading {
    const struct train_input *in;
    const struct doc_cfg *docs;
    const struct features_cfg *features;
    struct worker {
        struct doc_iter it;
        struct text_norm norm;
        struct features f;
    } * workers;
    struct train_docs *t;
    struct labels labels;
    struct train_read *stats;
};

/* 1: has a label, 0: has none, -1: out of memory. */
static int label_of(const struct reading *r, struct block *b, const struct doc *d, uint32_t *label)
{
    const char *s = r->in->label;
    size_t n = s ? strlen(s) : 0;
    if (!s) {
        struct doc_value v = doc_path_find(d->line, d->line_len, r->in->field);
        if (v.type != DOC_V_STRING && v.type != DOC_V_NUMBER && v.type != DOC_V_BOOL) return 0;
        buf_clear(&b->text);
        if (!doc_value_text(&v, &b->text) || memchr(buf_text(&b->text), 0, b->text.len)) return 0;
        if (b->text.oom) return -1;
        s = b->text.data;
        n = b->text.len;
    }
    if (!n) return 0;
    *label = labels_id(&b->labels, s, n);
    return *label == LABEL_NONE ? -1 : 1;
}

static int one(const struct reading *r, struct worker *w, struct block *b, const struct doc *d, struct err *e)
{
    uint32_t label = 0;
    const char *text;
    size_t n;
    int has = label_of(r, b, d, &label);
    if (has < 0) return err_oom(e, 64, "labels");
    if (!has) {
        b->unlabelled++;
        return 0;
    }
    if (text_norm_run(&w->norm, d->text, d->text_len, &text, &n, e)) return -1;
    if (features_make(r->features, &w->f, text, n, e)) return -1;
    struct train_doc x = {.at = b->buckets.len / 4, .hash = hash64(text, n), .n = (uint32_t)w->f.n, .label = (int32_t)label};
    buf_add(&b->buckets, w->f.v, w->f.n * 4);
    buf_add(&b->docs, &x, sizeof x);
    return 0;
}

static int work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct reading *r = arg;
    struct worker *w = &r->workers[thread];
    struct block *b = s->user;
    if (!b && !(s->user = b = mem_zalloc(1, sizeof *b))) return err_oom(e, sizeof *b, "a block");
    buf_clear(&b->buckets);
    buf_clear(&b->docs);
    labels_clear(&b->labels);
    b->bad = b->unlabelled = 0;
    struct doc d;
    enum doc_next next;
    doc_iter_start(&w->it, r->docs, &s->block);
    while ((next = doc_iter_next(&w->it, &d)) != DOC_END)
        if (next == DOC_BAD)
            b->bad++;
        else if (one(r, w, b, &d, e))
            return -1;
    return 0;
}

static int done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct reading *r = arg;
    struct block *b = s->user;
    uint64_t base = r->t->buckets.len / 4;
    (void)thread;
    if (buf_ok(&b->buckets, e) || buf_ok(&b->docs, e)) return -1;
    struct train_doc *v = (struct train_doc *)(void *)b->docs.data;
    for (size_t i = 0; i < b->docs.len / sizeof *v; i++) {
        const char *name = b->labels.name[v[i].label];
        uint32_t id = labels_id(&r->labels, name, strlen(name));
        if (id == LABEL_NONE) return err_oom(e, 64, "labels");
        if (id >= CLASSIFY_MAX_LABELS)
            return err_set(e, ERR_DATA, "more than %d labels in '%s': is it a label?", CLASSIFY_MAX_LABELS,
                           r->in->field ? r->in->field : "");
        v[i].label = (int32_t)id;
        v[i].at += base;
    }
    buf_add(&r->t->buckets, b->buckets.data, b->buckets.len);
    buf_add(&r->t->docs, b->docs.data, b->docs.len);
    r->stats->bad += b->bad;
    r->stats->unlabelled += b->unlabelled;
    return buf_ok(&r->t->buckets, e) || buf_ok(&r->t->docs, e) ? -1 : 0;
}

static void drop(void *arg, struct doc_slot *s)
{
    struct block *b = s->user;
    (void)arg;
    buf_free(&b->buckets);
    buf_free(&b->docs);
    buf_free(&b->text);
    labels_free(&b->labels);
    free(b);
    s->user = NULL;
}

/* Labels out of fields come in order of their bytes, not of the documents. */
static int order_labels(struct reading *r, bool sort, struct err *e)
{
    struct train_docs *t = r->t;
    size_t n = r->labels.n;
    int32_t *to = mem_alloc(n, sizeof *to);
    t->label = mem_zalloc(n, sizeof *t->label);
    if (!to || !t->label) {
        free(to);
        return err_oom(e, n * sizeof *to, "labels");
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = sort ? 0 : (int32_t)i;
        for (size_t k = 0; k < n && sort; k++)
            to[i] += strcmp(r->labels.name[k], r->labels.name[i]) < 0;
        t->label[to[i]] = r->labels.name[i];
    }
    r->labels.n = 0; /* the names have a new owner */
    t->n_labels = (int)n;
    struct train_doc *v = (struct train_doc *)(void *)t->docs.data;
    for (size_t i = 0; i < train_docs_n(t); i++)
        v[i].label = to[v[i].label];
    free(to);
    return 0;
}

int train_docs_read(struct train_docs *t, const struct train_input *in, size_t n_in, const struct doc_cfg *docs,
                    const struct features_cfg *features, struct pool *pool, struct train_read *stats, struct err *e)
{
    struct reading r = {.docs = docs, .features = features, .t = t, .stats = stats};
    int threads = pool_threads(pool), ret = -1;
    *stats = (struct train_read){0};
    if (!(r.workers = mem_zalloc((size_t)threads, sizeof *r.workers)))
        return err_oom(e, (uint64_t)threads * sizeof *r.workers, "the workers");
    for (int i = 0; i < threads; i++)
        r.workers[i].norm.form = TEXT_NFC;
    for (size_t i = 0; i < n_in; i++) {
        struct doc_run_end end;
        struct doc_stage st = {.files = in[i].files, .cfg = docs, .pool = pool, .arg = &r, .what = "read",
                               .work = work, .done = done, .drop = drop};
        r.in = &in[i];
        if (in[i].label && labels_id(&r.labels, in[i].label, strlen(in[i].label)) == LABEL_NONE) {
            err_oom(e, 64, "labels");
            goto out;
        }
        if (doc_run(&st, &end, e)) goto out;
        if (end.n_damaged && !stats->n_damaged) memcpy(stats->damaged, end.damaged, sizeof stats->damaged);
        stats->n_damaged += end.n_damaged;
    }
    stats->docs = train_docs_n(t);
    ret = order_labels(&r, in[0].field != NULL, e);
out:
    for (int i = 0; i < threads; i++) {
        doc_iter_free(&r.workers[i].it);
        text_norm_free(&r.workers[i].norm);
        features_free(&r.workers[i].f);
    }
    free(r.workers);
    labels_free(&r.labels);
    if (ret) train_docs_free(t);
    return ret;
}
