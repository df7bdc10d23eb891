/* objective.h - what a training method supplies: a graph with a loss, and how
 * a batch becomes its inputs.  The loop (loop.h) is the same for all. */
#ifndef CORE_TRAIN_OBJECTIVE_H
#define CORE_TRAIN_OBJECTIVE_H

#include "core/model/model.h"
#include "core/token/batch.h"

struct objective {
    const char *name;
    int S;       /* source tokens a row, of an encoder-decoder: then batches have src_* */
    bool prefix; /* batches have prefix_end */
    /* Builds the graph of one execution (opts->rows rows), with out->loss: f32
     * [4] = { sum w*loss, sum w*nll, sum w, sum of correct }. */
    int (*build)(const struct objective *o, const struct model_config *c, struct params *p,
                 const struct graph_opts *opts, struct model_graph *out, struct err *e);
    /* Fills the inputs with rows [row0, row0 + rows) of the batch. */
    int (*fill)(const struct objective *o, struct exec *x, const struct batch *b, int row0, int rows,
                struct err *e);
};

/* Prediction of tokens, in every form that one pass of one model computes: the
 * next token (lm, prefix LM, encoder-decoders) or hidden ones (mlm).  What is
 * asked for where is the batch's matter. */
struct objective_lm {
    struct objective base;
    float label_smoothing, z_coef;
    int targets_per_row; /* 0 = any position may have a target; else at most so many do, and the
                          * head works on them alone */
};
struct objective_lm objective_lm(double label_smoothing, double z_coef);

#endif
