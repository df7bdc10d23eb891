#include "core/train/schedule.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

/* How far along [begin, end) the step is, in [0, 1]. */
static double progress(int64_t step, int64_t begin, int64_t end)
{
    if (step <= begin) return 0;
    if (step >= end) return 1;
    return (double)(step - begin) / (double)(end - begin);
}

static double between(const struct schedule *s, double share)
{
    return s->min_lr + share * (s->lr - s->min_lr);
}

double schedule_lr(const struct schedule *s, int64_t step)
{
    if (step < s->warmup) return s->lr * (double)(step + 1) / (double)(s->warmup + 1);
    double x = progress(step, s->warmup, s->steps);
    int64_t decay = (int64_t)(s->decay_frac * (double)s->steps);
    double tail = progress(step, s->steps - decay, s->steps);
    switch (s->kind) {
    case SCHED_COSINE: return between(s, 0.5 * (1 + cos(PI * x)));
    case SCHED_LINEAR: return between(s, 1 - x);
    case SCHED_WSD: return between(s, 1 - tail);
    case SCHED_WSD_SQRT: return between(s, 1 - sqrt(tail));
    case SCHED_INV_SQRT: {
        double w = s->warmup > 0 ? (double)s->warmup : 1;
        double lr = s->lr * sqrt(w / fmax(w, (double)step));
        return fmax(lr, s->min_lr);
    }
    case SCHED_CONST: break;
    }
    return s->lr;
}
