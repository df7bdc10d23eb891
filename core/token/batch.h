/* batch.h - how training sees data.  data/ implements a batch source, cmd/
 * passes it to core/train; core never includes data/.
 *
 * A batch is a fixed number of rows of T tokens each (packed: a row may hold
 * pieces of several documents).  Attention never crosses a segment.
 *
 * The loop allocates every array that the model and the objective read, and
 * leaves the others NULL; a source fills all that are not NULL.
 *
 *   encoder (MLM, RTD)  tokens are the corrupted text, targets the original id
 *                       (mlm) or 0/1 for replaced (rtd) where a loss is wanted,
 *                       -1 elsewhere; seg_start keeps documents apart
 *   encoder-decoder     src_* is the encoder's row of S tokens; tokens are the
 *                       decoder's inputs (targets shifted right, beginning with
 *                       the model's decoder_start), src_lo, src_hi say which
 *                       source tokens belong to each of them
 *   prefix LM           prefix_end: the tokens before it are seen from both sides */
#ifndef CORE_TOKEN_BATCH_H
#define CORE_TOKEN_BATCH_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/base/buf.h"

/* Arrays are the caller's of next(); [rows * T] unless said otherwise. */
struct batch {
    int rows, T, S;     /* S: source tokens a row, 0 without an encoder */
    int32_t *tokens;    /* input ids */
    int32_t *targets;   /* id to predict at each position, -1 = none, -2 = none since there is no text here */
    float *weights;     /* loss weight of each target (0 where target is -1) */
    int32_t *positions; /* position within the document, from 0 */
    int32_t *seg_start; /* row-relative index of the first token of this token's segment */
    int32_t *prefix_end; /* row-relative end of the part of this token's segment that is seen from both sides; at most
                            the segment's end */
    int32_t *types;     /* token types (BERT's sentence A and B), < embed.types; [rows * S] with an encoder-decoder */
    int32_t *src_tokens, *src_positions,
        *src_seg_start;       /* [rows * S], as their namesakes; padding is a segment of its own */
    int32_t *src_lo, *src_hi; /* this token sees source tokens lo <= j < hi of its row; lo == hi: none */
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
