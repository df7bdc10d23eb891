/* schedule.h - learning rate as a pure function of the step. */
#ifndef CORE_TRAIN_SCHEDULE_H
#define CORE_TRAIN_SCHEDULE_H

#include <stdint.h>

/* The order is that of --schedule's choices. */
enum schedule_kind {
    SCHED_COSINE,       /* half a cosine from lr to min_lr */
    SCHED_LINEAR,       /* a line from lr to min_lr */
    SCHED_CONST,
    SCHED_WSD,          /* warm up, stable, then a line down over the last decay_frac of the steps */
    SCHED_WSD_SQRT,     /* the same with 1 - sqrt(x) for the way down (arXiv:2405.18392) */
    SCHED_INV_SQRT,     /* lr * sqrt(warmup / step) (arXiv:1706.03762) */
};
#define SCHEDULE_CHOICES "cosine|linear|const|wsd|wsd-sqrt|inv-sqrt"

struct schedule {
    enum schedule_kind kind;
    double lr, min_lr;  /* peak and floor */
    int64_t warmup;     /* steps of linear rise: lr * (step + 1) / (warmup + 1) */
    int64_t steps;      /* length of the run */
    double decay_frac;  /* of the WSD kinds */
};

/* Rate of step 0, 1, ... steps-1; later steps stay where the last one was. */
double schedule_lr(const struct schedule *s, int64_t step);

#endif
