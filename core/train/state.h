/* state.h - what a run must remember beside parameters and moments.
 *
 * Everything here is a function of config, data and seed: no times, hosts or
 * paths, so that checkpoints of interrupted and uninterrupted runs are equal. */
#ifndef CORE_TRAIN_STATE_H
#define CORE_TRAIN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/train/guard.h"

struct cJSON;

struct train_state {
    int64_t step;          /* steps done, skipped ones too */
    int64_t updates;       /* optimizer updates done */
    int64_t tokens;        /* targets learned from */
    int64_t metrics_lines; /* lines of metrics.jsonl that belong to this state */
    double best_val;       /* valid when best_step > 0 */
    int64_t best_step;
    int64_t bad_evals;     /* evaluations since the best */
    bool stopped_early;
    bool val_due;          /* the validation of this step was interrupted: it comes first */
    struct guard guard;
};

/* One JSON object; parse(print(s)) == s, bit for bit. */
void train_state_print(const struct train_state *s, struct buf *out);
int train_state_parse(struct train_state *s, const struct cJSON *j, const char *where, struct err *e);

#endif
