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
    /* Appends JSON members (each with a comma in front) that say how it was set up, for the run's
     * configuration; NULL = none. */
    void (*describe)(const struct objective *o, struct buf *json);
    /* Parameters beside the model's, and their first values; NULL = none. */
    int (*declare)(const struct objective *o, const struct model_config *c, struct params *p, struct err *e);
    int (*init)(const struct objective *o, const struct model_config *c, struct params *p, uint64_t seed, struct err *e);
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

/* Fills the inputs that a graph of model_build() has, with all targets of a row
 * or, with M > 0, with its at most M that there are. */
int objective_fill(struct exec *x, const struct batch *b, int row0, int rows, int M, struct err *e);

/* The model and what its objective adds; for whoever sets up training. */
int objective_declare(const struct objective *o, const struct model_config *c, struct params *p, struct err *e);
int objective_init(const struct objective *o, const struct model_config *c, struct params *p, uint64_t seed, struct err *e);

/* Replaced-token detection (ELECTRA, arXiv:2003.10555): a small masked language
 * model, which shares the embedding, fills the masked places; the model tells
 * for each token whether it was replaced.  Loss: mean over the masked of the
 * generator's cross-entropy + weight * mean over all tokens of the model's.
 * `nll` and `correct` are the generator's. */
struct objective_electra {
    struct objective base;
    struct model_config generator;
    int targets_per_row;
    float weight; /* 50 */
};
/* size: of the generator's width, heads and feed-forward part, 1/4 in the paper. */
int objective_electra(struct objective_electra *o, const struct model_config *model, double size, double weight,
                      int targets_per_row, struct err *e);

#endif
