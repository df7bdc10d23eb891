/* step.h - the loss, and the gradient, of one global batch.
 *
 * The batch is cut into `leaves` groups of rows; `accum` executions of the
 * graph compute leaves/accum of them each.  Losses and gradients of leaves are
 * added by the canonical binary tree, so accum changes memory and time, never
 * a bit. */
#ifndef CORE_TRAIN_STEP_H
#define CORE_TRAIN_STEP_H

#include "core/base/log.h"
#include "core/train/objective.h"

struct step_cfg {
    int rows, T;        /* of the global batch */
    int leaves, accum;  /* powers of two; accum divides leaves, leaves divides rows */
    enum dtype compute;
    int recompute;      /* as in graph_opts */
    bool training;      /* false: no backward part, no dropout */
};

/* Largest power of two that divides the batch, at most 8 or accum: enough to
 * split a step without making the pieces small. */
int step_default_leaves(int batch, int accum);
int step_check(const struct step_cfg *c, struct err *e); /* ERR_CONFIG when the numbers do not fit together */

struct loss_sum {
    double loss, nll;   /* sums over targets, weighted */
    double weight;      /* sum of weights */
    double correct;     /* targets that are the most likely token */
    double bytes;       /* of text behind the targets, 0 = unknown */
    double balance, router_z; /* of routers: load balancing and z, as they stand in the mean loss */
};
/* Bits per byte, NaN when the bytes are unknown. */
double loss_sum_bpb(const struct loss_sum *s);

/* Does evaluation need a graph of its own? */
bool step_has_dropout(const struct model_config *m);

struct stepper;
/* Builds and plans the graph.  Nothing large is allocated before stepper_alloc(). */
struct stepper *stepper_new(const struct step_cfg *c, const struct objective *o, const struct model_config *m,
                            struct params *p, int n_threads, struct err *e);
int stepper_alloc(struct stepper *s, struct pool *pool, struct err *e);
void stepper_free(struct stepper *s); /* NULL is fine */

/* What the plan says: before stepper_alloc() too. */
struct graph_sizes stepper_sizes(const struct stepper *s);
int64_t stepper_grad_bytes(const struct stepper *s);  /* accumulation slots, param->grad not counted */
int64_t stepper_bytes(const struct stepper *s);       /* what was allocated */
void stepper_profile(const struct stepper *s, struct buf *out);

/* Takes batch `index` from src and computes its loss, with grads also
 * params->grad = gradient of the mean loss.  `step` keys dropout. */
int stepper_run(struct stepper *s, struct batch_source *src, uint64_t index, uint64_t seed, uint64_t step,
                bool grads, struct loss_sum *out, struct err *e);

/* Slots that each expert took in the last stepper_run(), [*layers * *experts];
 * NULL for models without experts. */
const int64_t *stepper_expert_counts(const struct stepper *s, int *layers, int *experts);
/* After an update: the correction biases of routers move by bias_gamma towards
 * an even load of the last batch (arXiv:2408.15664). */
void stepper_balance_experts(struct stepper *s);

/* Batches [0, n) of src, added in order: validation.  ERR_STOPPED when a signal
 * asks to stop.  `bar`, unless NULL, counts the batches. */
int stepper_eval(struct stepper *s, struct batch_source *src, uint64_t n, struct progress *bar, struct loss_sum *out,
                 struct err *e);

#endif
