/* pairs.h - sequence-to-sequence data: documents with a source and a target
 * (translation, summarisation, question answering), packed into rows of an
 * encoder-decoder.
 *
 * A row of S source and T target tokens takes as many pairs as fit, in the
 * permuted order of the epoch; each pair is a segment on both sides, and a
 * target sees only its own source.  Row r of the run is a pure function of
 * (pairs, seed, r). */
#ifndef DATA_PAIRS_H
#define DATA_PAIRS_H

#include "core/base/pool.h"
#include "core/token/batch.h"
#include "core/token/tokenizer.h"
#include "data/doc_files.h"

struct pairs; /* tokenized, in memory; may serve several sources of one thread */

struct pairs_stats {
    uint64_t n, bad, empty;      /* pairs; records that are none; pairs with an empty side */
    uint64_t source_tokens, target_tokens;
    size_t longest_source, longest_target;
    char first_bad[256];
};

/* Both sides are encoded with the tokenizer's template, or, when it adds
 * nothing, end with its end-of-text token. */
struct pairs *pairs_load(const struct doc_files *files, const char *source_field, const char *target_field,
                         const struct tokenizer *t, struct pairs_stats *st, struct err *e);
void pairs_free(struct pairs *p); /* NULL is fine */

struct pairs_cfg {
    const struct pairs *pairs; /* borrowed */
    double from, to;           /* part of the pairs: 0 and 1 for all */
    uint64_t seed;
    bool sequential;           /* validation: once, in order */
    int S, T, decoder_start;   /* longer sides are cut */
};
struct batch_source *pairs_source(const struct pairs_cfg *c, struct err *e);
/* sequential: batches of `rows` rows that cover everything once. */
uint64_t pairs_steps(struct batch_source *s, int rows);
/* Pairs of the part of which a side does not fit. */
uint64_t pairs_cut(const struct batch_source *s);

#endif
