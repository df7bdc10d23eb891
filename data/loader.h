/* loader.h - batches for training and validation out of token sequences.
 *
 * A row of T tokens is a pure function of (sources, seed, row number), where
 * the row number is step * rows + r: resuming restores nothing but the step.
 *
 *   LOADER_WINDOWS    An epoch of a source cuts its tokens, from an offset that
 *                     the epoch draws, into windows of T and visits them in a
 *                     keyed permutation.  Good for one long text and for many
 *                     documents alike; documents may be cut at a window's edge.
 *   LOADER_DOCUMENTS  An epoch lays whole documents in permuted order one after
 *                     another; rows take T tokens each of that.
 *   LOADER_SEQUENTIAL Validation: the text once, in order, each token being the
 *                     target exactly once; the rest of the last batch has no
 *                     targets.  Sources follow each other; weights are ignored.
 *
 * Unless `concat` is set, each document is a segment: positions restart, and
 * nothing attends or predicts across a border (the last token predicts the
 * end-of-text token where the tokenizer has one).  With `concat` a row is one
 * segment.
 *
 * Mixtures: source k gives its share of every 2^16 rows, evenly spread, to
 * within one row in 2^16. */
#ifndef DATA_LOADER_H
#define DATA_LOADER_H

#include "core/token/batch.h"
#include "data/tokens.h"

enum loader_order { LOADER_WINDOWS, LOADER_DOCUMENTS, LOADER_SEQUENTIAL };

struct loader_part {
    struct tokset *set;
    double weight;   /* share of rows; all 0 = in proportion to the tokens */
    double from, to; /* part of the set, 0 and 1 for all; between documents if there are several */
};

struct loader_cfg {
    const struct loader_part *parts;
    size_t n_parts;
    uint64_t seed;
    enum loader_order order;
    bool concat;
};

/* The loader borrows the sets, which may serve several loaders of one thread.
 * Close with source->close(source). */
struct batch_source *loader_new(const struct loader_cfg *cfg, struct err *e);

/* LOADER_SEQUENTIAL: batches that cover everything once. */
uint64_t loader_steps(const struct batch_source *s, int rows, int T);

#endif
