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

/* One match a lane: its score; the places where it begins (low half) and ends. */
struct lane_step {
    float score[LANES];
    uint32_t ends[LANES];
};

/* Work space of one thread; zero-initialise. */
struct lanes {
    struct lane_step *step; /* by place, in the order of sums to a place, backwards in that of sums from it;
                             * idle ones at the end */
    size_t cap;             /* steps that there is room for */
    float *along, *rest;    /* [steps * LANES] log of the chance of a step's match with all before it; of what
                             * comes after it */
    float *alpha, *beta;    /* [(places + 2) * LANES]; the last row is for idle lanes */
    size_t rows_cap;
    double *value;          /* [steps * LANES] chance of each step's match, times `times`; the caller's */
    int32_t last[LANES];    /* element (place * LANES + lane) of the end of each lane's word */
    double times[LANES];
    size_t steps, rows;
};
void lanes_free(struct lanes *l);
bool lanes_room(struct lanes *l, size_t steps, size_t rows);

/* From steps to value. */
typedef void lanes_fn(struct lanes *l);
extern lanes_fn *const lanes_expect_base, *const lanes_expect_avx2, *const lanes_expect_avx512;
lanes_fn *lanes_expect(void); /* the best for this processor */

/* The same sums, one by one: log(e^x + e^y) and e^x. */
float lanes_log_add(float x, float y);
double lanes_exp(float x);

#endif
