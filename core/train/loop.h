/* loop.h - the one step loop.
 *
 * A training method supplies an objective and a batch source; everything else
 * happens here: gradient, clipping, guards, optimizer, schedule, metrics,
 * evaluation, samples, checkpoints, resuming, stopping.
 *
 * The weights after step n are a function of model, data, seed and the "train"
 * part of the configuration.  The "run" part (threads, accumulation, how often
 * to save, evaluate and sample) can change when a run is resumed. */
#ifndef CORE_TRAIN_LOOP_H
#define CORE_TRAIN_LOOP_H

#include "core/train/guard.h"
#include "core/train/objective.h"
#include "core/train/optim.h"
#include "core/train/schedule.h"
#include "core/train/step.h"

enum train_dtype { TRAIN_AUTO, TRAIN_BF16, TRAIN_F32 };
enum train_resume { RESUME_AUTO, RESUME_NEVER, RESUME_FORCE };

struct train_cfg {
    const char *out;             /* run directory */
    int batch, T, leaves;        /* sequences a step, tokens a sequence */
    enum train_dtype dtype;      /* auto = bf16 where that is faster, or what the run has */
    struct schedule schedule;    /* .steps is the length of the run */
    struct optim_cfg optim;
    double muon_lr;              /* peak; follows the schedule of lr */
    double clip, label_smoothing, z_coef;
    uint64_t seed;
    struct guard_cfg guard;
    int64_t early_stop;          /* evaluations without a better one; 0 = off */
    int64_t eval_every;          /* 0 = only at the end */
    /* no influence on the result: */
    int threads, accum, recompute;
    int64_t sample_every, save_every, keep_last, keep_every;
    enum train_resume resume;
    bool profile;
};

struct train_job {
    struct train_cfg cfg;
    const struct model_config *model;
    const struct objective *objective;
    struct batch_source *data, *val;   /* val may be NULL */
    uint64_t val_steps;                /* batches of val that cover it once */
    const char *tokenizer;             /* tokenizer.json, NUL-terminated, or NULL */
    const char *chat_template;         /* kept in what is saved, or NULL */
    const char *lineage;               /* JSON array of what the data came from, or NULL */
    const char *version;               /* of llmctl */
    const char *command;               /* to reproduce, for the report */
    struct pool *pool;
    /* Called every sample_every steps: appends generated text. May be NULL. */
    int (*sample)(void *arg, struct params *p, int64_t step, struct buf *out, struct err *e);
    void *sample_arg;
};

struct train_result {
    int64_t steps, tokens;
    double loss, val_loss, val_bpb;    /* NaN = unknown */
    double seconds, tokens_per_s;      /* of this call, steps only */
    int64_t bytes;                     /* engine and optimizer memory */
    bool was_done;                     /* nothing was left to do */
};

/* ERR_STOPPED after a signal or a `stop` file, ERR_RESULT when training
 * diverged, ERR_CONFIG when the run was started otherwise. */
int train_run(const struct train_job *job, struct train_result *out, struct err *e);

/* What was asked for; TRAIN_AUTO: what is faster on this machine. */
enum dtype train_arithmetic(enum train_dtype asked);

#endif
