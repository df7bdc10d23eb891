/* objective.h - what a training method supplies: a graph with a loss, and how
 * a batch becomes its inputs.  The loop (loop.h) is the same for all. */
#ifndef CORE_TRAIN_OBJECTIVE_H
#define CORE_TRAIN_OBJECTIVE_H

#include "core/model/model.h"
#include "core/token/batch.h"

struct objective {
    const char *name;
    /* Builds the graph of one execution (opts->rows rows), with out->loss: f32
     * [4] = { sum w*loss, sum w*nll, sum w, sum of correct }. */
    int (*build)(const struct objective *o, const struct model_config *c, struct params *p,
                 const struct graph_opts *opts, struct model_graph *out, struct err *e);
    /* Fills the inputs with rows [row0, row0 + rows) of the batch. */
    int (*fill)(const struct objective *o, struct exec *x, const struct batch *b, int row0, int rows,
                struct err *e);
};

/* Copies all arrays of rows [row0, row0 + rows) to the inputs of their names, where the graph has them. */
int objective_fill(struct exec *x, const struct batch *b, int row0, int rows, struct err *e);

/* Cross-entropy of the targets as the batch has them: the next token; with S > 0 of an encoder-decoder over S source
 * tokens a row; with `prefix` part of each segment is seen from both sides.  For stack encoder: the masked token, or
 * was it replaced (head mlm, rtd).  step_cfg must say the same S and prefix. */
struct objective_lm {
    struct objective base;
    float label_smoothing, z_coef;
    int S;
    bool prefix;
};
struct objective_lm objective_lm(double label_smoothing, double z_coef);

#endif
