#include "core/train/guard.h"

#include <math.h>

/* x sticks out upwards.  The relative bound keeps a window of nearly equal
 * values (late in training, or a learned-by-heart batch) from calling ordinary
 * noise a spike. */
static int is_spike(const double *ring, int n, double x, double sigma, double min_ratio)
{
    if (n < GUARD_MIN) return 0;
    double sum = 0, sq = 0;
    for (int i = 0; i < n; i++) sum += ring[i];
    double mean = sum / n;
    for (int i = 0; i < n; i++) sq += (ring[i] - mean) * (ring[i] - mean);
    double std = sqrt(sq / (n - 1));
    return x > mean + sigma * std && x > min_ratio * mean;
}

static void remember(struct guard *g, double loss, double norm)
{
    g->loss[g->pos] = loss;
    g->norm[g->pos] = norm;
    g->pos = (g->pos + 1) % GUARD_WINDOW;
    if (g->n < GUARD_WINDOW) g->n++;
}

static const char *find_fault(const struct guard *g, const struct guard_cfg *c, double loss, double norm)
{
    if (!isfinite(loss)) return "the loss is not finite";
    if (!isfinite(norm)) return "the gradient norm is not finite";
    if (c->sigma <= 0) return 0;
    if (is_spike(g->loss, g->n, loss, c->sigma, 1.2)) return "the loss spiked";
    if (is_spike(g->norm, g->n, norm, c->sigma, 4.0)) return "the gradient norm spiked";
    return 0;
}

enum guard_verdict guard_check(struct guard *g, const struct guard_cfg *c, double loss, double norm,
                               const char **why)
{
    *why = find_fault(g, c, loss, norm);
    /* A spike enters the window all the same: if the level has changed for
     * good, a few steps later it is the level. */
    if (isfinite(loss) && isfinite(norm)) remember(g, loss, norm);
    if (!*why) {
        g->in_row = 0;
        return GUARD_OK;
    }
    g->skipped++;
    if (++g->in_row < c->max_skips) return GUARD_SKIP;
    return g->rollbacks < c->max_rollbacks ? GUARD_ROLLBACK : GUARD_STOP;
}
