#include "data/confident.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct work {
    const float *p;
    const int32_t *label;
    size_t n, k;
    uint64_t *count, *joint; /* documents of a label; [k][k] */
    double *threshold;
    struct margin {
        double margin, key; /* key: what is sorted by */
        size_t doc;
    } * margin; /* [n], or [k] for rounding */
};

static size_t likeliest(const float *p, size_t k)
{
    size_t best = 0;
    for (size_t j = 1; j < k; j++)
        if (p[j] > p[best]) best = j;
    return best;
}

static void thresholds(struct work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        size_t y = (size_t)w->label[i];
        w->count[y]++;
        w->threshold[y] += (double)w->p[i * w->k + y];
    }
    for (size_t j = 0; j < w->k; j++) /* a class that nobody has is reached by none */
        w->threshold[j] = w->count[j] ? w->threshold[j] / (double)w->count[j] : 2;
}

/* The class that a document surely belongs to, or k. */
static size_t sure_class(const struct work *w, const float *p)
{
    size_t sure = w->k, found = 0;
    for (size_t j = 0; j < w->k; j++)
        if ((double)p[j] >= w->threshold[j] - 1e-6 && !found++) sure = j;
    return found > 1 ? likeliest(p, w->k) : sure;
}

static int by_key(const void *a, const void *b)
{
    const struct margin *x = a, *y = b;
    if (x->key > y->key || x->key < y->key) return x->key > y->key ? -1 : 1;
    return x->doc < y->doc ? -1 : x->doc > y->doc;
}

/* Row i scaled to its number of documents, rounded so that the sum stays. */
static void calibrate_row(struct work *w, uint64_t *row, uint64_t total)
{
    double sum = 0, rounded = 0;
    for (size_t j = 0; j < w->k; j++)
        sum += (double)row[j];
    for (size_t j = 0; j < w->k; j++) {
        double x = (double)row[j] / sum * (double)total, r = nearbyint(x);
        row[j] = (uint64_t)r;
        rounded += r;
        w->margin[j] = (struct margin){0, x - r, j};
    }
    double left = (double)total - rounded;
    for (size_t j = 0; j < w->k; j++) { /* of equal ones the last is raised, the first lowered */
        if (left < 0) w->margin[j].key = -w->margin[j].key;
        else w->margin[j].doc = w->k - 1 - j;
    }
    qsort(w->margin, w->k, sizeof *w->margin, by_key);
    for (size_t j = 0; j < w->k && fabs(left) >= 0.5; j++) {
        size_t at = left > 0 ? w->k - 1 - w->margin[j].doc : w->margin[j].doc;
        uint64_t *x = &row[at];
        if (left > 0) ++*x;
        else if (*x) --*x;
        left += left > 0 ? -1 : 1;
    }
}

static void make_joint(struct work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        size_t j = sure_class(w, w->p + i * w->k);
        if (j < w->k) w->joint[(size_t)w->label[i] * w->k + j]++;
    }
    for (size_t i = 0; i < w->k; i++) {
        uint64_t *row = w->joint + i * w->k;
        if (!row[i]) row[i] = 1; /* some label is right in every class */
        calibrate_row(w, row, w->count[i]);
    }
}

static void prune(struct work *w, int32_t *suggested)
{
    for (size_t i = 0; i < w->k; i++)
        for (size_t j = 0; j < w->k; j++) {
            uint64_t wrong = w->joint[i * w->k + j], m = 0;
            if (i == j || !wrong || w->count[i] <= 1) continue;
            for (size_t d = 0; d < w->n; d++) {
                if ((size_t)w->label[d] != i) continue;
                double x = (double)w->p[d * w->k + j] - (double)w->p[d * w->k + i];
                w->margin[m++] = (struct margin){x, x, d};
            }
            qsort(w->margin, m, sizeof *w->margin, by_key);
            for (uint64_t d = 0; d < m && d < wrong; d++) {
                size_t doc = w->margin[d].doc, best = likeliest(w->p + doc * w->k, w->k);
                if (w->p[doc * w->k + best] > w->p[doc * w->k + i]) suggested[doc] = (int32_t)best;
            }
        }
}

int confident_find(const float *p, const int32_t *label, size_t n, size_t k, int32_t *suggested, uint64_t *joint,
                   double *threshold, struct err *e)
{
    struct work w = {.p = p, .label = label, .n = n, .k = k};
    int ret = -1;
    w.count = mem_zalloc(k, sizeof *w.count);
    w.joint = mem_zalloc(k, k * sizeof *w.joint);
    w.threshold = mem_zalloc(k, sizeof *w.threshold);
    w.margin = mem_alloc(n > k ? n : k, sizeof *w.margin);
    if (!w.count || !w.joint || !w.threshold || !w.margin) {
        err_oom(e, n * sizeof *w.margin, "label errors");
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        suggested[i] = -1;
    thresholds(&w);
    make_joint(&w);
    prune(&w, suggested);
    if (joint) memcpy(joint, w.joint, k * k * sizeof *joint);
    if (threshold) memcpy(threshold, w.threshold, k * sizeof *threshold);
    ret = 0;
out:
    free(w.count);
    free(w.joint);
    free(w.threshold);
    free(w.margin);
    return ret;
}
