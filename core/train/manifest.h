/* manifest.h - the JSON texts of a run: config.json and the manifests of its
 * checkpoints (FORMAT.md).  No times, hosts or paths: equal runs give equal
 * bytes. */
#ifndef CORE_TRAIN_MANIFEST_H
#define CORE_TRAIN_MANIFEST_H

#include "core/train/loop.h"
#include "core/train/state.h"

struct train_vals {
    double loss, bpb, accuracy; /* of the latest evaluation; NaN = none */
};

/* {"model":…,"train":…,"data":…,"tokenizer":hash,"run":…} */
int manifest_config(const struct train_job *job, enum dtype dtype, struct buf *out, struct err *e);
/* Of ckpt/step-N/train.llmz: state, and all that is needed to go on. */
int manifest_train(const struct train_job *job, enum dtype dtype, const struct train_state *s, struct buf *out,
                   struct err *e);
/* Of model.llmz. */
int manifest_model(const struct train_job *job, enum dtype dtype, const struct train_state *s,
                   const struct train_vals *v, struct buf *out, struct err *e);

#endif
