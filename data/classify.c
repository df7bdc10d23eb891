#include "data/classify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct classifier *classifier_new(const struct features_cfg *f, char *const *labels, int n_labels,
                                  struct err *e)
{
    struct classifier *c = mem_zalloc(1, sizeof *c);
    size_t n, outs = n_labels == 2 ? 1 : (size_t)n_labels;
    if (!c || !ck_mul((size_t)1 << f->bits, outs, &n)) goto oom;
    c->features = *f;
    c->outs = (int)outs;
    c->scale = 1;
    c->label = mem_zalloc((size_t)n_labels, sizeof *c->label);
    c->weight = mem_zalloc(n, sizeof *c->weight);
    c->bias = mem_zalloc(outs, sizeof *c->bias);
    if (!c->label || !c->weight || !c->bias) goto oom;
    for (; c->n_labels < n_labels; c->n_labels++)
        if (!(c->label[c->n_labels] = mem_strdup(labels[c->n_labels]))) goto oom;
    return c;
oom:
    classifier_free(c);
    err_oom(e, ((uint64_t)1 << f->bits) * outs * 4, "a classifier");
    return NULL;
}

void classifier_free(struct classifier *c)
{
    if (!c) return;
    for (int i = 0; i < c->n_labels; i++)
        free(c->label[i]);
    free(c->label);
    free(c->weight);
    free(c->bias);
    free(c);
}

int classifier_find_label(const struct classifier *c, const char *label)
{
    for (int i = 0; i < c->n_labels; i++)
        if (strcmp(c->label[i], label) == 0) return i;
    return -1;
}

void classifier_logits(const struct classifier *c, const uint32_t *v, size_t n, double *z)
{
    size_t outs = (size_t)c->outs;
    double unit = n ? 1 / sqrt((double)n) : 0;
    if (outs == 1) {
        double s[4] = {0};
        size_t i = 0;
        for (; n - i >= 4; i += 4)
            for (size_t k = 0; k < 4; k++)
                s[k] += (double)c->weight[v[i + k]];
        for (; i < n; i++)
            s[0] += (double)c->weight[v[i]];
        z[0] = (double)c->bias[0] + unit * ((s[0] + s[1]) + (s[2] + s[3]));
        return;
    }
    for (size_t j = 0; j < outs; j++)
        z[j] = 0;
    for (size_t i = 0; i < n; i++) {
        const float *w = c->weight + v[i] * outs;
        for (size_t j = 0; j < outs; j++)
            z[j] += (double)w[j];
    }
    for (size_t j = 0; j < outs; j++)
        z[j] = (double)c->bias[j] + unit * z[j];
}

void classifier_probs(const struct classifier *c, const double *z, double *p)
{
    int n = c->n_labels;
    if (c->outs == 1) {
        p[1] = 1 / (1 + exp(-(c->scale * z[0] + c->shift)));
        p[0] = 1 - p[1];
        return;
    }
    double max = z[0], sum = 0;
    for (int j = 1; j < n; j++)
        if (z[j] > max) max = z[j];
    for (int j = 0; j < n; j++)
        sum += p[j] = exp(c->scale * (z[j] - max));
    for (int j = 0; j < n; j++)
        p[j] /= sum;
}

int classifier_predict(const struct classifier *c, struct features *f, const char *text, size_t n,
                       double *z, double *p, struct err *e)
{
    if (features_make(&c->features, f, text, n, e)) return -1;
    classifier_logits(c, f->v, f->n, z);
    classifier_probs(c, z, p);
    return 0;
}
