/* expert_load.h - how evenly a mixture of experts is used: numbers for
 * metrics.jsonl, and a picture for the report.
 *
 * Every step adds to its line, of models with experts:
 *   "load_max"   slots of the busiest expert of a layer over the even share, the largest of all layers
 *   "load_cv"    spread of the loads over their mean, averaged over layers
 *   "aux", "z"   the routers' losses as they stand in "loss", where there are any
 * and every evaluation a line of its own, "expert_load": [[share of expert 0, ...] of each layer]. */
#ifndef CORE_TRAIN_EXPERT_LOAD_H
#define CORE_TRAIN_EXPERT_LOAD_H

#include "core/train/step.h"

struct expert_load {
    int layers, experts;
    int64_t *sum;       /* since the last line of its own */
    int64_t steps;
};
int expert_load_init(struct expert_load *l, const struct model_config *m, struct err *e);
void expert_load_free(struct expert_load *l);
/* After a step of s: adds to the line and to the sums. */
void expert_load_step(struct expert_load *l, const struct stepper *s, const struct loss_sum *sum, struct buf *line);
bool expert_load_any(const struct expert_load *l);
/* ,"expert_load":[[...]] of the steps since, which it forgets. */
void expert_load_line(struct expert_load *l, struct buf *line);
/* The last such line of metrics.jsonl as a table of shaded cells; nothing when there is none. */
int expert_load_html(const char *metrics_path, struct buf *out, struct err *e);

#endif
