/* clean_detail.h - what the report shows beside counts: how many documents each
 * rule would remove at other limits, and examples of what it removed. */
#ifndef DATA_CLEAN_DETAIL_H
#define DATA_CLEAN_DETAIL_H

#include "core/base/buf.h"
#include "data/rules.h"

/* Bin b of a curve counts documents whose value is in limit * [2^((b-32)/8),
 * 2^((b-31)/8)); the first and the last take what lies beyond. */
enum { CURVE_BINS = 64, CURVE_ONE = 32, CURVE_STEPS = 8, SAMPLES_A_RULE = 3 };

struct clean_sample {
    int rule;
    double value;
    char id[96], text[320]; /* whole characters, cut to fit */
};

struct clean_detail {
    uint64_t curve[RULES_MAX][CURVE_BINS];
    uint8_t n_samples[RULES_MAX];
    struct clean_sample *sample;
    size_t n, cap;
};

void detail_values(struct clean_detail *d, const struct rules_cfg *c, const double *value);
/* Keeps it when it is among the first of its rule.  -1 when out of memory. */
int detail_sample(struct clean_detail *d, const struct clean_sample *x);
bool detail_wants(const struct clean_detail *d, int rule);
int detail_add(struct clean_detail *to, const struct clean_detail *from);
void detail_clear(struct clean_detail *d);
void detail_free(struct clean_detail *d); /* and d itself; NULL is fine */

/* Documents that fail at the limit times 2^((b-32)/8). */
uint64_t detail_fail_at(const struct clean_detail *d, const struct rules_cfg *c, int rule, int b);

#endif
