/* label_errors.h - documents whose label is probably wrong.
 *
 * The built-in classifier is trained on the documents that stay, by folds, so
 * that each is judged by a model that has not seen it; confident learning
 * (confident.h) then says which labels are errors.  Two passes; what is
 * kept is about two bytes a byte of text and 4 bytes a document and label, beyond
 * cfg->space on disk; training holds 8 bytes a document and label in memory, and
 * refuses more than cfg->space allows. */
#ifndef DATA_LABEL_ERRORS_H
#define DATA_LABEL_ERRORS_H

#include "data/classify_train.h"
#include "data/clean.h"

struct label_errors;
/* field: path of the label ("field=label" too).  The filter puts
 * labels.confidence (probability of the label given) and labels.error on
 * record.  cfg->features.bits 0: what suits the number of labels. */
struct label_errors *label_errors_add(struct clean_cfg *cfg, const char *field, const struct classify_cfg *train,
                                      struct err *e);
void label_errors_free(struct label_errors *l); /* NULL is fine */

struct label_errors_counts {
    uint64_t labelled, unlabelled, errors;
    int n_labels;
    struct classify_scores scores;
};
struct label_errors_counts label_errors_counts(const struct label_errors *l);
/* errors[given * n_labels + suggested], and the labels. */
const uint64_t *label_errors_table(const struct label_errors *l, char *const **labels);

#endif
