/* clean_train.h - `llmctl clean --train-classifier`. */
#ifndef CMD_CLEAN_TRAIN_H
#define CMD_CLEAN_TRAIN_H

#include "core/base/opt.h"
#include "data/doc.h"

struct clean_train_opts {
    bool train;
    const char *label_field, *features;
    int64_t folds, epochs, seed;
};

#define OPT_CLEAN_TRAIN(S, f)                                                                                      \
    OPT_GROUP("Training a classifier"),                                                                            \
        OPT_BOOL(0, "train-classifier", S, f.train, NULL,                                                          \
                 "Learn to tell the documents of GOOD from those of BAD, or labels apart; --out: the model"),      \
        OPT_STR(0, "label-field", S, f.label_field, "PATH", NULL, "Where the label of a document is: meta.topic"), \
        OPT_STR(0, "features", S, f.features, "W:C:BITS", NULL,                                                    \
                "Words and characters an n-gram, log2 of the buckets (default 2:4:20)"),                           \
        OPT_INT(0, "folds", S, f.folds, "K", "5", 0, 100, "Parts of the cross-validation; 0 = none"),              \
        OPT_INT(0, "epochs", S, f.epochs, "N", "10", 1, 1000, "Times through the documents"),                      \
        OPT_INT(0, "seed", S, f.seed, "N", "1", 0, 1e15, "Of the order of training, of folds and of samples")

/* The whole command.  out: a file; report: NULL or where the scores go as JSON. */
int clean_train(const struct clean_train_opts *o, const struct doc_cfg *docs, char **args, int n_args,
                const char *out, const char *report, const struct opt_common *common, struct err *e);

/* Also for --label-errors: the classifier that these options describe. */
struct classify_cfg;
int clean_train_cfg(const struct clean_train_opts *o, int n_labels, struct classify_cfg *cfg, struct err *e);

#endif
