/* train_sample.h - text from the model while it is trained. */
#ifndef CMD_TRAIN_SAMPLE_H
#define CMD_TRAIN_SAMPLE_H

#include "core/base/pool.h"
#include "core/model/model.h"
#include "core/token/tokenizer.h"

struct train_sampler {
    const struct model_config *model;
    const struct tokenizer *tok;
    const char *prompt;
    uint64_t seed;
    struct pool *pool;
};

/* For train_job.sample; arg is a struct train_sampler. */
int train_sample(void *arg, struct params *p, int64_t step, struct buf *out, struct err *e);

#endif
