/* rundir.h - the directory of a run: config.json metrics.jsonl log.txt
 * ckpt/step-N/train.llmz model.llmz samples/ report.html lock stop. */
#ifndef CORE_TRAIN_RUNDIR_H
#define CORE_TRAIN_RUNDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct cJSON;

/* Path inside the run; caller frees; NULL (with *e set) when out of memory. */
char *rundir_path(const char *run, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Makes the run's directories. */
int rundir_make(const char *run, struct err *e);
/* Removes what an interrupted save left behind.  Only with the run locked. */
int rundir_clean(const char *run, struct err *e);

/* Steps that have a committed checkpoint, ascending; caller frees. */
int rundir_steps(const char *run, int64_t **steps, size_t *n, struct err *e);

struct keep_policy {
    int64_t last;           /* newest K */
    int64_t every;          /* and every multiple of M (0 = none) */
    int64_t protect[2];     /* and these steps (-1 = none) */
};
/* Removes the checkpoints that the policy does not keep. */
int rundir_prune(const char *run, const struct keep_policy *k, struct err *e);
/* Removes checkpoints after `step` (their branch was given up by a roll back). */
int rundir_drop_after(const char *run, int64_t step, struct err *e);

/* Compares config.json of the run with what is asked for now; the object
 * "run" (threads, accumulation, cadence: what cannot change a bit) is left
 * out.  0 = equal; ERR_CONFIG shows the difference key by key. */
int rundir_compare(const struct cJSON *saved, const struct cJSON *now, const char *name, struct err *e);

#endif
