/* plan.h - what a run will need, before it starts: `pretrain --plan`. */
#ifndef CORE_TRAIN_PLAN_H
#define CORE_TRAIN_PLAN_H

#include "core/train/loop.h"

struct train_plan {
    int64_t n_params, n_matmul;           /* all; those of matrix products */
    double flops_per_token, flops_total;
    int64_t tokens_per_step, tokens_total, tokens_epoch; /* epoch 0 = unknown */
    /* exact bytes of memory */
    int64_t weights, moments, gradients, activations, workspace, inputs, optimizer, total;
    int64_t program;                      /* the program, its data and tokenizer */
    int64_t snapshot;                     /* more while a checkpoint is being saved, a copy of the state included */
    int64_t peak;                         /* of the process: total, program and what saving takes */
    int64_t memory;                       /* of the machine, 0 = unknown */
    /* bytes of disk, at most */
    int64_t checkpoint, model, disk;
    double step_seconds, total_seconds;   /* measured on real steps; NaN = not measured */
    enum dtype dtype;
};

/* Builds the graph and takes its sizes; with `measure` runs a few real steps
 * too (never when they would not fit into memory).  Nothing is written. */
int train_plan(const struct train_job *job, bool measure, struct train_plan *out, struct err *e);
void train_plan_print(const struct train_plan *p, const struct train_cfg *c, struct buf *out);
void train_plan_json(const struct train_plan *p, struct buf *out);

#endif
