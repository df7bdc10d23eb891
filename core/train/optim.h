/* optim.h - AdamW and Muon over all parameters.
 *
 * AdamW in torch's order with decoupled decay.  With OPTIM_MUON the hidden
 * matrices (PARAM_MATRIX) take orthogonalised momentum (muon.h) and all other
 * parameters AdamW.  Work is cut into slices that depend only on the shapes,
 * so the result does not depend on the number of threads.
 *
 * Moments live in param->m and param->v (params_alloc); Muon keeps its
 * momentum in m and leaves v alone. */
#ifndef CORE_TRAIN_OPTIM_H
#define CORE_TRAIN_OPTIM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/tensor/graph.h"

enum optim_kind { OPTIM_ADAMW, OPTIM_MUON };
#define OPTIM_CHOICES "adamw|muon"

struct optim_cfg {
    enum optim_kind kind;
    double beta1, beta2, eps, weight_decay;
    double muon_momentum;
};

struct optim;
struct optim *optim_new(const struct optim_cfg *c, const struct params *p, int n_threads, struct err *e);
void optim_free(struct optim *o); /* NULL is fine */

/* One update.  t: number of this update, from 1; the gradient is multiplied
 * by gscale first (clipping); muon_lr is ignored without Muon. */
void optim_step(struct optim *o, struct pool *pool, int64_t t, double lr, double muon_lr, double gscale);

/* Does this parameter's state consist of m only? */
bool optim_uses_muon(const struct optim_cfg *c, const struct param *p);
int64_t optim_bytes(const struct optim *o); /* workspace, moments not counted */

/* Factor that brings a gradient of this norm down to `clip` (0 = no clipping). */
double optim_clip_scale(double norm, double clip);

#endif
