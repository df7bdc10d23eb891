/* resume.h - where a run begins: the configuration it was started with, and
 * the newest checkpoint that can be read. */
#ifndef CORE_TRAIN_RESUME_H
#define CORE_TRAIN_RESUME_H

#include "core/train/loop.h"
#include "core/train/state.h"

/* Checks config.json of the run, if there is one, against the job.  *dtype is
 * what the run computes in; *config becomes the text to write; *changed: the
 * run was started with another one (RESUME_FORCE; else that is an error). */
int resume_config(const struct train_job *job, enum dtype *dtype, struct buf *config, bool *changed, struct err *e);

/* Parameters, moments and state of the newest readable checkpoint; an
 * unreadable one is named in a warning and the one before it is taken.
 * Without checkpoints: a fresh model, step 0. */
int resume_newest(const struct train_job *job, struct params *p, struct train_state *s, struct err *e);

/* The same of one step; 0 is a fresh model. */
int resume_step(const struct train_job *job, int64_t step, struct params *p, struct train_state *s, struct err *e);

#endif
