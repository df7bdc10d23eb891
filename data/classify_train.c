#include "data/classify_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/rng.h"

void train_docs_free(struct train_docs *t)
{
    for (int i = 0; i < t->n_labels; i++)
        free(t->label[i]);
    free(t->label);
    buf_free(&t->buckets);
    buf_free(&t->docs);
    memset(t, 0, sizeof *t);
}

struct classify_cfg classify_defaults(int n_labels)
{
    struct classify_cfg c = {.features = {20, 2, 4, 4}, .folds = 5, .epochs = 10, .rate = 4, .l2 = 1e-6, .seed = 1};
    /* At most 16 MiB of weights a model: there are folds + 1 of them, and caches
     * are small; 2^16 buckets tell 12 languages apart as well as 2^20. */
    while (n_labels > 2 && c.features.bits > 12 && ((int64_t)n_labels << c.features.bits) > 1 << 22)
        c.features.bits--;
    return c;
}

struct trainer {
    const struct classify_cfg *cfg;
    const struct train_docs *t;
    struct classifier **model; /* [jobs]; the last is that of all documents */
    double *grad;              /* [jobs][outs] */
    float *delta;              /* [jobs][outs] */
    float *z;                  /* [n][outs], of the model that has not seen it */
    uint8_t *fold;             /* [n] */
    int jobs;
};

/* One step on one document.  Weights are scale * weight, so that decay is one
 * multiplication. */
static void step(struct classifier *c, const uint32_t *v, const struct train_doc *d, double rate,
                 double decay, double *scale, double *z, float *delta)
{
    size_t outs = (size_t)c->outs;
    double unit = d->n ? 1 / sqrt((double)d->n) : 0;
    classifier_logits(c, v, d->n, z);
    for (size_t j = 0; j < outs; j++)
        z[j] = (double)c->bias[j] + *scale * (z[j] - (double)c->bias[j]);
    if (outs == 1) {
        z[0] = 1 / (1 + exp(-z[0])) - (d->label == 1);
    } else {
        double max = z[0], sum = 0;
        for (size_t j = 1; j < outs; j++)
            if (z[j] > max) max = z[j];
        for (size_t j = 0; j < outs; j++)
            sum += z[j] = exp(z[j] - max);
        for (size_t j = 0; j < outs; j++)
            z[j] = z[j] / sum - ((int32_t)j == d->label);
    }
    *scale *= 1 - decay;
    for (size_t j = 0; j < outs; j++) {
        c->bias[j] -= (float)(rate * 0.1 * z[j]);
        delta[j] = (float)(rate * unit / *scale * z[j]);
    }
    for (uint32_t i = 0; i < d->n; i++) {
        float *w = c->weight + v[i] * outs;
        for (size_t j = 0; j < outs; j++)
            w[j] -= delta[j];
    }
}

static void rescale(struct classifier *c, double *scale)
{
    size_t n = (size_t)c->outs << c->features.bits;
    for (size_t i = 0; i < n; i++)
        c->weight[i] = (float)((double)c->weight[i] * *scale);
    *scale = 1;
}

/* Job j trains on all documents outside fold j, then scores those inside. */
static void job(void *arg, int j, int thread)
{
    struct trainer *r = arg;
    struct classifier *c = r->model[j];
    (void)thread;
    if (!c) return;
    size_t n = train_docs_n(r->t), outs = (size_t)c->outs;
    const uint32_t *buckets = (const uint32_t *)(const void *)r->t->buckets.data;
    double *z = r->grad + (size_t)j * outs, scale = 1;
    double steps = (double)n * r->cfg->epochs, done = 0;
    for (int epoch = 0; epoch < r->cfg->epochs; epoch++)
        for (size_t i = 0; i < n; i++, done++) {
            size_t k = (size_t)perm_at(r->cfg->seed, (uint32_t)epoch, n, i);
            const struct train_doc *d = train_doc_at(r->t, k);
            if (r->fold[k] == j) continue;
            double rate = r->cfg->rate * (1 - done / steps);
            step(c, buckets + d->at, d, rate, rate * r->cfg->l2, &scale, z, r->delta + (size_t)j * outs);
            if (scale < 1e-3) rescale(c, &scale);
        }
    rescale(c, &scale);
    for (size_t k = 0; k < n; k++) {
        const struct train_doc *d = train_doc_at(r->t, k);
        if (r->fold[k] != j) continue;
        classifier_logits(c, buckets + d->at, d->n, z);
        for (size_t i = 0; i < outs; i++)
            r->z[k * outs + i] = (float)z[i];
    }
}

/* ---- what the folds say ---- */

static int calibrate(const struct trainer *r, struct classifier *c, struct err *e)
{
    size_t n = train_docs_n(r->t);
    int ret = -1;
    if (c->outs == 1) {
        double *z = mem_alloc(n, sizeof *z);
        uint8_t *y = mem_alloc(n, 1);
        if (z && y) {
            for (size_t i = 0; i < n; i++) {
                z[i] = (double)r->z[i];
                y[i] = train_doc_at(r->t, i)->label == 1;
            }
            classify_platt(z, y, n, &c->scale, &c->shift);
            ret = 0;
        }
        free(z);
        free(y);
    } else {
        int32_t *y = mem_alloc(n, sizeof *y);
        if (y) {
            for (size_t i = 0; i < n; i++)
                y[i] = train_doc_at(r->t, i)->label;
            c->scale = classify_temperature(r->z, y, n, c->outs);
            ret = 0;
        }
        free(y);
    }
    return ret ? err_oom(e, n * 8, "the scores of the folds") : 0;
}

static void probs_of(const struct trainer *r, const struct classifier *c, size_t i, double *z, double *p)
{
    for (int j = 0; j < c->outs; j++)
        z[j] = (double)r->z[i * (size_t)c->outs + (size_t)j];
    classifier_probs(c, z, p);
}

/* Scores of the documents of one fold, or of all (fold < 0). */
static int scores(const struct trainer *r, const struct classifier *c, int fold,
                  struct classify_scores *out, struct err *e)
{
    size_t n = train_docs_n(r->t), k = (size_t)c->n_labels, m = 0;
    double *p = mem_alloc(n, k * sizeof *p), *column = mem_alloc(n, sizeof *column), *z = mem_alloc(k, sizeof *z);
    uint8_t *is = mem_alloc(n, 1);
    int32_t *y = mem_alloc(n, sizeof *y);
    int ret = -1;
    *out = (struct classify_scores){0};
    if (!p || !column || !z || !is || !y) {
        err_oom(e, (uint64_t)n * k * sizeof *p, "the scores of the folds");
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        if (fold >= 0 && r->fold[i] != fold) continue;
        double *q = p + m * k;
        size_t best = 0;
        probs_of(r, c, i, z, q);
        y[m] = train_doc_at(r->t, i)->label;
        for (size_t j = 1; j < k; j++)
            if (q[j] > q[best]) best = j;
        out->accuracy += best == (size_t)y[m];
        out->log_loss -= log(q[y[m]] > 1e-15 ? q[y[m]] : 1e-15);
        m++;
    }
    out->n = m;
    if (m) {
        out->accuracy /= (double)m;
        out->log_loss /= (double)m;
    }
    size_t counted = 0;
    for (size_t j = k == 2 ? 1 : 0; j < k; j++) {
        size_t pos = 0;
        double auc;
        for (size_t i = 0; i < m; i++) {
            column[i] = p[i * k + j];
            pos += is[i] = (size_t)y[i] == j;
        }
        if (!pos || pos == m) continue; /* says nothing */
        if (classify_auc(column, is, m, &auc, e)) goto out;
        out->auc += auc;
        counted++;
    }
    out->auc = counted ? out->auc / (double)counted : 0.5;
    ret = 0;
out:
    free(p);
    free(column);
    free(z);
    free(is);
    free(y);
    return ret;
}

static int judge(const struct trainer *r, struct classifier *c, struct classify_report *rep, float *oof,
                 struct err *e)
{
    struct classify_scores raw;
    if (scores(r, c, -1, &raw, e) || calibrate(r, c, e) || scores(r, c, -1, &rep->all, e)) return -1;
    rep->log_loss_raw = raw.log_loss;
    for (int f = 0; f < rep->folds; f++)
        if (scores(r, c, f, &rep->fold[f], e)) return -1;
    if (!oof) return 0;
    size_t n = train_docs_n(r->t), k = (size_t)c->n_labels;
    double *z = mem_alloc(k, 2 * sizeof *z), *p = z ? z + k : NULL;
    if (!z) return err_oom(e, k * 16, "probabilities");
    for (size_t i = 0; i < n; i++) {
        probs_of(r, c, i, z, p);
        for (size_t j = 0; j < k; j++)
            oof[i * k + j] = (float)p[j];
    }
    free(z);
    return 0;
}

static int check(const struct classify_cfg *cfg, const struct train_docs *t, struct classify_report *rep,
                 struct err *e)
{
    size_t n = train_docs_n(t);
    if (t->n_labels < 2)
        return err_set(e, ERR_DATA, "a classifier needs documents of at least two labels, there %s %d",
                       t->n_labels == 1 ? "is" : "are", t->n_labels);
    if (n < 2 || (size_t)cfg->folds > n)
        return err_set(e, ERR_DATA, "%zu documents are too few for %d folds", n, cfg->folds);
    rep->n = n;
    rep->folds = cfg->folds;
    if (!(rep->n_label = mem_zalloc((size_t)t->n_labels, sizeof *rep->n_label)))
        return err_oom(e, (uint64_t)t->n_labels * 8, "the counts of labels");
    for (size_t i = 0; i < n; i++)
        rep->n_label[train_doc_at(t, i)->label]++;
    return 0;
}

int classify_train(const struct classify_cfg *cfg, const struct train_docs *t, struct pool *pool,
                   struct classifier **out, struct classify_report *rep, float *oof, struct err *e)
{
    *rep = (struct classify_report){0};
    if (check(cfg, t, rep, e)) return -1;
    size_t n = train_docs_n(t), outs = t->n_labels == 2 ? 1 : (size_t)t->n_labels;
    struct trainer r = {.cfg = cfg, .t = t, .jobs = cfg->folds + (out ? 1 : 0)};
    int ret = -1;
    r.model = mem_zalloc((size_t)r.jobs, sizeof *r.model);
    r.grad = mem_zalloc((size_t)r.jobs, outs * sizeof *r.grad);
    r.delta = mem_zalloc((size_t)r.jobs, outs * sizeof *r.delta);
    r.z = mem_zalloc(n, outs * sizeof *r.z);
    r.fold = mem_alloc(n, 1);
    if (!r.model || !r.grad || !r.delta || !r.z || !r.fold) {
        err_oom(e, (uint64_t)n * outs * sizeof *r.z, "the scores of the folds");
        goto out;
    }
    for (size_t i = 0; i < n; i++) /* UINT8_MAX: in no fold */
        r.fold[i] = (uint8_t)(cfg->folds ? train_doc_at(t, i)->hash % (uint64_t)cfg->folds : UINT8_MAX);
    for (int j = 0; j < r.jobs; j++)
        if (!(r.model[j] = classifier_new(&cfg->features, t->label, t->n_labels, e))) goto out;
    pool_run(pool, r.jobs, job, &r);
    struct classifier *last = r.model[r.jobs - 1];
    if (cfg->folds && judge(&r, last, rep, oof, e)) goto out;
    ret = 0;
    if (out) {
        *out = last;
        r.model[r.jobs - 1] = NULL;
    }
out:
    for (int j = 0; r.model && j < r.jobs; j++)
        classifier_free(r.model[j]);
    free(r.model);
    free(r.grad);
    free(r.delta);
    free(r.z);
    free(r.fold);
    if (ret) classify_report_free(rep);
    return ret;
}

void classify_report_free(struct classify_report *r)
{
    free(r->n_label);
    r->n_label = NULL;
}

static void scores_json(const struct classify_scores *s, struct buf *out)
{
    buf_printf(out, "{\"documents\":%llu,\"auc\":%.6f,\"accuracy\":%.6f,\"log_loss\":%.6f}",
               (unsigned long long)s->n, s->auc, s->accuracy, s->log_loss);
}

void classify_report_json(const struct classify_report *r, char *const *labels, int n_labels, struct buf *out)
{
    buf_printf(out, "{\"documents\":%llu,\"labels\":{", (unsigned long long)r->n);
    for (int i = 0; i < n_labels; i++) {
        if (i) buf_addc(out, ',');
        buf_adds_json(out, labels[i]);
        buf_printf(out, ":%llu", (unsigned long long)r->n_label[i]);
    }
    buf_adds(out, "}");
    if (r->folds) {
        buf_adds(out, ",\"cross_validation\":{\"all\":");
        scores_json(&r->all, out);
        buf_printf(out, ",\"log_loss_uncalibrated\":%.6f,\"folds\":[", r->log_loss_raw);
        for (int f = 0; f < r->folds; f++) {
            if (f) buf_addc(out, ',');
            scores_json(&r->fold[f], out);
        }
        buf_adds(out, "]}");
    }
    buf_addc(out, '}');
}
