/* guard.h - what to do when a step's loss or gradient is not to be trusted.
 *
 * Two kinds of trouble.  A loss that is not finite or spikes, or a gradient
 * that is not finite, says that the weights may be spoilt: the update is
 * skipped, and too many in a row ask for a roll back to the last scheduled
 * checkpoint, going on with data that was not seen yet; too many roll backs
 * stop the run.  A spike of the gradient's norm while the loss is as ever says
 * something about that batch only, and clipping bounds what it can do: its
 * update is skipped when it is extreme, and that is all.
 *
 * A loss spikes when it sticks out of the last GUARD_WINDOW by more than
 * `sigma` standard deviations.  It enters the window cut to that bound, so a
 * moderate rise is the new level a few steps later, and one that stays far out
 * is not.  The verdict is a function of the state, and the state is saved, so
 * an interrupted run takes the same decisions. */
#ifndef CORE_TRAIN_GUARD_H
#define CORE_TRAIN_GUARD_H

#include <stdint.h>

#define GUARD_WINDOW 128
#define GUARD_MIN 64          /* values needed before anything can be a spike */

struct guard_cfg {
    double sigma;             /* 0 = only non-finite values count */
    int max_skips;            /* spoilt steps in a row, before a roll back */
    int max_rollbacks;
};

struct guard {
    double loss[GUARD_WINDOW], norm[GUARD_WINDOW]; /* rings of finite values */
    int n, pos;
    int in_row;               /* skips in a row that count towards a roll back */
    int rollbacks;
    int64_t skipped;          /* over the whole run */
    int64_t data_shift;       /* batches passed over by roll backs */
};

enum guard_verdict { GUARD_OK, GUARD_SKIP, GUARD_ROLLBACK, GUARD_STOP };

/* Takes note of one step whose gradient will be clipped to the norm `clip`
 * (0 = not clipped).  *why is a phrase for messages when not GUARD_OK. */
enum guard_verdict guard_check(struct guard *g, const struct guard_cfg *c, double clip, double loss, double norm,
                               const char **why);

/* Of a run that goes on with other options or data: what was seen so far says
 * nothing about it.  The counts of skips and of batches passed over stay. */
void guard_restart(struct guard *g);

#endif
