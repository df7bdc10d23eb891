/* batch.h - how training sees data.  data/ implements a batch source, cmd/
 * passes it to core/train; core never includes data/.
 *
 * A batch is a fixed number of rows of T tokens each (packed: a row may hold
 * pieces of several documents).  Attention never crosses a segment. */
#ifndef CORE_TOKEN_BATCH_H
#define CORE_TOKEN_BATCH_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/base/buf.h"

/* All arrays are [rows * T], owned by the caller of next(). */
struct batch {
    int rows, T;
    int32_t *tokens;    /* input ids */
    int32_t *targets;   /* id to predict at each position, -1 = none */
    float *weights;     /* loss weight of each target (0 where target is -1) */
    int32_t *positions; /* position within the document, from 0 */
    int32_t *seg_start; /* row-relative index of the first token of this token's segment */
    uint64_t n_bytes;   /* bytes of text behind the targets (0 = unknown), for bits per byte */
    uint64_t epoch;     /* of the first row */
};

struct batch_source {
    /* Fills b for global step `step` (rows [0,b->rows)).  Rows are a pure
     * function of (source, seed, step): next() may be called for any step. */
    int (*next)(struct batch_source *s, uint64_t step, struct batch *b, struct err *e);
    /* Appends a JSON object naming the source (files, hashes, counts), for the
     * checkpoint; a resumed run must match it. */
    int (*describe)(struct batch_source *s, struct buf *json, struct err *e);
    void (*close)(struct batch_source *s);
    uint64_t n_tokens;  /* tokens in one epoch, 0 = unknown */
    int vocab;          /* ids are < vocab */
};

#endif
