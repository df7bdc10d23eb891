/* train_lanes.h - the sums of expectation-maximisation, sixteen words at a time.
 *
 * A word's sums are one long chain, each waiting for the one before.  So words
 * with about as many matches go through in step, one a lane.  log(1 + e^-d) and
 * e^x are polynomials, to 1e-11; every instruction set does the same operations
 * in the same order, and gives the same bits. */
#ifndef CORE_TOKEN_TRAIN_LANES_H
#define CORE_TOKEN_TRAIN_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANES = 16 };

/* A match: the piece (n_pieces: a character without one), its length, and whether
 * it is the last that begins at its place.  Of one place the longest comes first,
 * but a character without a piece before all: so SentencePiece's order of sums is
 * the list's for what comes before a place, and backwards for what comes after. */
#define LAST_HERE 0x80000000u
#define MATCH_PIECE 0x7FFFFFu
enum { MATCH_BITS = 23 }; /* of the piece */
static inline uint32_t match_piece(uint32_t match)
{
    return match & MATCH_PIECE;
}
static inline uint32_t match_len(uint32_t match)
{
    return match >> MATCH_BITS & 255;
}

/* One match a lane: its score; where it begins and ends, as elements (place * LANES + lane). */
struct lane_step {
    float score[LANES];
    int32_t begin[LANES], end[LANES];
};

/* Words, and the work space of one thread; zero-initialise. */
struct lanes {
    const uint32_t *match;  /* of all words */
    const float *score;     /* by piece */
    uint32_t at[LANES], n[LANES]; /* each lane's in match: below 2^31; steps is the largest n */
    uint32_t places[LANES]; /* of its word; rows is the largest + 2 */
    double times[LANES];
    size_t steps, rows;
    double *value;          /* [steps * LANES] chance of each match, times `times`; the caller's */
    struct lane_step *step; /* by place, in the order of sums to a place, backwards in that of sums from it;
                             * idle ones at the end */
    size_t cap;             /* steps that there is room for */
    float *along, *rest;    /* [steps * LANES] log of the chance of a step's match with all before it; of what
                             * comes after it */
    float *alpha, *beta;    /* [(places + 2) * LANES]; the last row is for idle lanes */
    size_t rows_cap;
};
void lanes_free(struct lanes *l);
bool lanes_room(struct lanes *l, size_t steps, size_t rows);

/* From words to value. */
typedef void lanes_fn(struct lanes *l);
extern lanes_fn *const lanes_expect_base, *const lanes_expect_avx2, *const lanes_expect_avx512;
lanes_fn *lanes_expect(void); /* the best for this processor */

/* The same sums, one by one: log(e^x + e^y) and e^x. */
float lanes_log_add(float x, float y);
double lanes_exp(float x);

#endif
