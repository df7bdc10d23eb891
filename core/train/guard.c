#include "core/train/guard.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* A loss is in nats: a rise by less than a tenth, or by less than a fifth of
 * the loss, is noise however steady the window was (late in training, or a
 * text learned by heart). */
#define LOSS_RISE 0.1
#define LOSS_RATIO 1.2
/* Norms jump more, and a long gradient does no more harm than its clipped
 * length: an extreme one is also many times longer than that. */
#define NORM_RATIO 4.0
#define NORM_CLIPS 10.0

/* The largest value that does not stick out of the window. */
static double bound_of(const double *ring, int n, double sigma, double rise, double ratio)
{
    if (n < GUARD_MIN) return DBL_MAX;
    double sum = 0, sq = 0;
    for (int i = 0; i < n; i++) sum += ring[i];
    double mean = sum / n;
    for (int i = 0; i < n; i++) sq += (ring[i] - mean) * (ring[i] - mean);
    double std = sqrt(sq / (n - 1));
    return fmax(mean + fmax(sigma * std, rise), ratio * mean);
}

static void remember(struct guard *g, double loss, double norm)
{
    g->loss[g->pos] = loss;
    g->norm[g->pos] = norm;
    g->pos = (g->pos + 1) % GUARD_WINDOW;
    if (g->n < GUARD_WINDOW) g->n++;
}

static enum guard_verdict spoilt(struct guard *g, const struct guard_cfg *c)
{
    g->skipped++;
    if (++g->in_row < c->max_skips) return GUARD_SKIP;
    return g->rollbacks < c->max_rollbacks ? GUARD_ROLLBACK : GUARD_STOP;
}

enum guard_verdict guard_check(struct guard *g, const struct guard_cfg *c, double clip, double loss, double norm,
                               const char **why)
{
    bool loss_ok = isfinite(loss);
    if (!loss_ok || !isfinite(norm)) {
        *why = loss_ok ? "the gradient norm is not finite" : "the loss is not finite";
        return spoilt(g, c);
    }
    double most_loss = DBL_MAX, most_norm = DBL_MAX;
    if (c->sigma > 0) {
        most_loss = bound_of(g->loss, g->n, c->sigma, LOSS_RISE, LOSS_RATIO);
        most_norm = fmax(bound_of(g->norm, g->n, c->sigma, 0, NORM_RATIO), NORM_CLIPS * clip);
    }
    remember(g, fmin(loss, most_loss), norm);
    if (loss > most_loss) {
        *why = "the loss spiked";
        return spoilt(g, c);
    }
    if (norm > most_norm) { /* neither good nor spoilt: in_row stays */
        *why = "the gradient norm spiked";
        g->skipped++;
        return GUARD_SKIP;
    }
    *why = NULL;
    g->in_row = 0;
    return GUARD_OK;
}

void guard_restart(struct guard *g)
{
    g->n = g->pos = g->in_row = g->rollbacks = 0;
}
