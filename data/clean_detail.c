#include "data/clean_detail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static int bin(double value, double limit)
{
    if (!(value > 0)) return 0;
    double b = floor(log2(value / limit) * CURVE_STEPS) + CURVE_ONE;
    return b < 0 ? 0 : b >= CURVE_BINS ? CURVE_BINS - 1 : (int)b;
}

void detail_values(struct clean_detail *d, const struct rules_cfg *c, const double *value)
{
    for (int r = 0; r < c->n_rules; r++) {
        if (!c->on[r] || rules_is_line(c->rule[r]) || !(c->limit[r] > 0)) continue;
        double v = value[c->rule[r]->metric];
        if (!isnan(v)) d->curve[r][bin(v, c->limit[r])]++;
    }
}

uint64_t detail_fail_at(const struct clean_detail *d, const struct rules_cfg *c, int rule, int b)
{
    uint64_t n = 0;
    bool below = c->rule[rule]->below;
    for (int k = below ? 0 : b; k < (below ? b : CURVE_BINS); k++)
        n += d->curve[rule][k];
    return n;
}

bool detail_wants(const struct clean_detail *d, int rule)
{
    return d->n_samples[rule] < SAMPLES_A_RULE;
}

int detail_sample(struct clean_detail *d, const struct clean_sample *x)
{
    if (!detail_wants(d, x->rule)) return 0;
    if (!mem_room(&d->sample, &d->cap, d->n + 1, sizeof *d->sample)) return -1;
    d->sample[d->n++] = *x;
    d->n_samples[x->rule]++;
    return 0;
}

int detail_add(struct clean_detail *to, const struct clean_detail *from)
{
    for (int r = 0; r < RULES_MAX; r++)
        for (int b = 0; b < CURVE_BINS; b++)
            to->curve[r][b] += from->curve[r][b];
    for (size_t i = 0; i < from->n; i++)
        if (detail_sample(to, &from->sample[i])) return -1;
    return 0;
}

void detail_clear(struct clean_detail *d)
{
    struct clean_sample *sample = d->sample;
    size_t cap = d->cap;
    memset(d, 0, sizeof *d);
    d->sample = sample;
    d->cap = cap;
}

void detail_free(struct clean_detail *d)
{
    if (d) free(d->sample);
    free(d);
}
