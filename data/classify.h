/* classify.h - the built-in classifier: logistic regression over hashed
 * n-grams (features.h), two classes or more.
 *
 * A document is the unit vector of its distinct n-grams, its logits are
 * bias and a sum of weights:  z_j = b_j + sum_i w_ij / sqrt(n).
 * Two classes have one logit.  Probabilities are calibrated: z is replaced by
 * scale * z + shift, fitted on documents that the model has not seen (Platt,
 * 1999; with more than two classes the scale alone, Guo et al.,
 * arXiv:1706.04599). */
#ifndef DATA_CLASSIFY_H
#define DATA_CLASSIFY_H

#include "core/base/buf.h"
#include "core/base/pool.h"
#include "data/features.h"

struct classifier {
    struct features_cfg features;
    int n_labels, outs; /* outs: logits, 1 for two labels */
    char **label;       /* with two labels the logit is that of label[1] */
    float *weight;      /* [1 << bits][outs] */
    float *bias;        /* [outs] */
    double scale, shift;
};

/* Room for weights, all zero; labels are copied. */
struct classifier *classifier_new(const struct features_cfg *f, char *const *labels, int n_labels,
                                  struct err *e);
void classifier_free(struct classifier *c); /* NULL is fine */
int classifier_find_label(const struct classifier *c, const char *label); /* or -1 */

/* z[outs] of distinct buckets v[n]; not calibrated. */
void classifier_logits(const struct classifier *c, const uint32_t *v, size_t n, double *z);
/* Logits to p[n_labels], which sum to 1. */
void classifier_probs(const struct classifier *c, const double *z, double *p);
/* Both, for a text; z is scratch of [outs]. */
int classifier_predict(const struct classifier *c, struct features *f, const char *text, size_t n,
                       double *z, double *p, struct err *e);

/* A .llmz file (core/ckpt/FORMAT.md) of kind "classifier".  `report`: a JSON
 * object that is kept in it, or NULL. */
int classifier_save(const struct classifier *c, const char *report, const char *path,
                    struct pool *pool, struct err *e);
struct classifier *classifier_open(const char *path, struct pool *pool, struct err *e);

#endif
