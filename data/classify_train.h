/* classify_train.h - training, cross-validation and calibration of the
 * built-in classifier.
 *
 * Stochastic gradient descent on the L2-regularised log loss, in an order that
 * depends on the seed alone.  The models of the folds and the one of all
 * documents are separate jobs, each done by one thread: the number of threads
 * shows nowhere.  Folds go by the hash of the text, so that equal texts never
 * lie on both sides. */
#ifndef DATA_CLASSIFY_TRAIN_H
#define DATA_CLASSIFY_TRAIN_H

#include "core/base/buf.h"
#include "core/base/pool.h"
#include "data/classify.h"
#include "data/doc.h"

enum { CLASSIFY_MAX_LABELS = 1024, CLASSIFY_MAX_FOLDS = 100 };

struct train_doc {
    uint64_t at;   /* of its first bucket */
    uint64_t hash; /* of the text */
    uint32_t n;    /* buckets */
    int32_t label;
};

struct train_docs {
    struct buf buckets; /* u32 */
    struct buf docs;    /* struct train_doc */
    char **label;       /* owned */
    int n_labels;
};

static inline size_t train_docs_n(const struct train_docs *t)
{
    return t->docs.len / sizeof(struct train_doc);
}
static inline const struct train_doc *train_doc_at(const struct train_docs *t, size_t i)
{
    return (const struct train_doc *)(const void *)t->docs.data + i;
}
void train_docs_free(struct train_docs *t);

/* ---- classify_read.c ---- */
struct train_input {
    const struct doc_files *files;
    const char *label; /* of all its documents, or NULL: */
    const char *field; /* each has its own here (doc_path.h); without one it is passed over */
};
struct train_read {
    uint64_t docs, bad, unlabelled;
    size_t n_damaged;
    char damaged[512];
};
/* Texts in normal form C.  Labels are in order of the inputs, or, from fields,
 * of their bytes. */
int train_docs_read(struct train_docs *t, const struct train_input *in, size_t n_in, const struct doc_cfg *docs,
                    const struct features_cfg *features, struct pool *pool, struct train_read *stats, struct err *e);

struct classify_cfg {
    struct features_cfg features;
    int folds; /* 0: no cross-validation, no calibration; else 2 .. CLASSIFY_MAX_FOLDS */
    int epochs;
    double rate, l2; /* step size at the beginning; it falls to 0 */
    uint64_t seed;
};
/* Defaults for so many labels. */
struct classify_cfg classify_defaults(int n_labels);

struct classify_scores {
    uint64_t n;
    double accuracy, log_loss, auc; /* auc: mean over labels against the rest */
};
struct classify_report {
    uint64_t n, *n_label;             /* [n_labels], owned */
    struct classify_scores fold[CLASSIFY_MAX_FOLDS], all; /* on documents not trained on */
    double log_loss_raw;              /* of all, before calibration */
    int folds;
};

/* oof: NULL, or [n][n_labels] probabilities of every document by the model
 * that has not seen it (needs folds).  With `out` NULL only those are made. */
int classify_train(const struct classify_cfg *cfg, const struct train_docs *t, struct pool *pool,
                   struct classifier **out, struct classify_report *rep, float *oof, struct err *e);
void classify_report_free(struct classify_report *r);
void classify_report_json(const struct classify_report *r, char *const *labels, int n_labels,
                          struct buf *out);

/* ---- classify_eval.c ---- */
/* Area under the ROC curve; ties count half; 0.5 when one side is empty. */
int classify_auc(const double *score, const uint8_t *positive, size_t n, double *out, struct err *e);
/* z[n] to p = 1 / (1 + exp(-(scale z + shift))), fitted to y. */
void classify_platt(const double *z, const uint8_t *y, size_t n, double *scale, double *shift);
/* z[n][k] to softmax(scale z). */
double classify_temperature(const float *z, const int32_t *y, size_t n, int k);

#endif
