/* save.h - checkpoints of a run: written by a thread beside the training loop,
 * read back on resume.
 *
 * A save copies parameters and moments (the only time the loop waits for),
 * then a thread compresses and writes them into ckpt/.step-N.tmp/, renames
 * that to ckpt/step-N/ and removes old checkpoints by the policy.  While a
 * save runs, the next one waits for it.  An older checkpoint is removed only
 * after a newer one is in place. */
#ifndef CORE_TRAIN_SAVE_H
#define CORE_TRAIN_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/tensor/graph.h"
#include "core/train/optim.h"
#include "core/train/rundir.h"

struct saver;
struct saver *saver_new(const char *run, const struct params *p, const struct optim_cfg *c, struct err *e);
void saver_free(struct saver *s); /* waits for a save under way; NULL is fine */

/* Waits for a save under way, then starts one.  Fails with the error of the
 * earlier save, or of the copy. */
int saver_start(struct saver *s, int64_t step, const char *manifest, const struct keep_policy *k, struct err *e);
/* Saves now, from live memory, with the caller's pool. */
int saver_now(struct saver *s, int64_t step, const char *manifest, const struct keep_policy *k,
              struct pool *pool, struct err *e);
int saver_wait(struct saver *s, struct err *e);
bool saver_failed(struct saver *s);        /* a save that ended in the background did not succeed */
int64_t saver_state_bytes(const struct saver *s); /* one snapshot: f32 parameters and moments */

/* Parameters alone, as model.llmz. */
int save_model(const char *path, const struct params *p, const char *manifest, struct pool *pool, struct err *e);

struct cJSON;
struct llmz;
/* Reads parameters, and with c != NULL the moments, from an open file. */
int load_params(struct llmz *z, const char *path, struct params *p, const struct optim_cfg *c,
                struct pool *pool, struct err *e);

#endif
