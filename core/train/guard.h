/* guard.h - what to do when a step's loss or gradient is not to be trusted.
 *
 * A non-finite loss or gradient norm, or one that sticks out of the last
 * GUARD_WINDOW by more than `sigma` standard deviations, makes the loop skip
 * the update.  Too many skips in a row ask for a roll back to the last
 * scheduled checkpoint, going on with data that was not seen yet; too many
 * roll backs stop the run.  The verdict is a function of the state, and the
 * state is saved, so an interrupted run takes the same decisions. */
#ifndef CORE_TRAIN_GUARD_H
#define CORE_TRAIN_GUARD_H

#include <stdint.h>

#define GUARD_WINDOW 128
#define GUARD_MIN 64          /* values needed before anything can be a spike */

struct guard_cfg {
    double sigma;             /* 0 = only non-finite values count */
    int max_skips;            /* in a row, before a roll back */
    int max_rollbacks;
};

struct guard {
    double loss[GUARD_WINDOW], norm[GUARD_WINDOW]; /* rings of finite values */
    int n, pos;
    int in_row;               /* skips in a row */
    int rollbacks;
    int64_t skipped;          /* over the whole run */
    int64_t data_shift;       /* batches passed over by roll backs */
};

enum guard_verdict { GUARD_OK, GUARD_SKIP, GUARD_ROLLBACK, GUARD_STOP };

/* Takes note of one step.  *why is a phrase for messages when not GUARD_OK. */
enum guard_verdict guard_check(struct guard *g, const struct guard_cfg *c, double loss, double norm,
                               const char **why);

#endif
