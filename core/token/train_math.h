/* train_math.h - the three functions that expectation-maximisation spends its
 * time in, quickly: log(1 + e^d) and e^x from small tables, to 2e-11. */
#ifndef CORE_TOKEN_TRAIN_MATH_H
#define CORE_TOKEN_TRAIN_MATH_H

#include <math.h>

enum { SOFT_STEPS = 64, SOFT_RANGE = 50, EXP_STEPS = 128 };

struct math_tables {
    double soft[SOFT_STEPS * SOFT_RANGE + 1][4]; /* cubics of log(1 + e^-t), t = i/64 .. (i+1)/64 */
    double exp2[EXP_STEPS];                      /* 2^(j/128) */
};
void math_tables_init(struct math_tables *t);

/* log(1 + e^-t), 0 <= t <= 50. */
static inline double math_soft(const struct math_tables *t, double x)
{
    double at = x * SOFT_STEPS;
    int i = (int)at;
    const double *c = t->soft[i];
    double f = at - (double)i;
    return c[0] + f * (c[1] + f * (c[2] + f * c[3]));
}

/* log(e^x + e^y) in single precision; beyond a distance of 50 the larger. */
static inline float math_log_add(const struct math_tables *t, float x, float y)
{
    float low = x < y ? x : y, high = x < y ? y : x;
    if (high > low + (float)SOFT_RANGE) return high;
    return (float)((double)high + math_soft(t, (double)(high - low)));
}

/* e^x, x <= 700; 0 below -700. */
static inline double math_exp(const struct math_tables *t, double x)
{
    if (x < -700) return 0;
    double k = x * (EXP_STEPS * 1.4426950408889634);
    k = (k + 6755399441055744.0) - 6755399441055744.0; /* to the nearest integer */
    double r = x - k * (0.6931471805599453 / EXP_STEPS);
    int n = (int)k, e = n >> 7;
    double p = 1 + r * (1 + r * (0.5 + r * (1.0 / 6 + r * (1.0 / 24))));
    union { unsigned long long u; double d; } scale;
    scale.u = (unsigned long long)(e + 1023) << 52;
    return t->exp2[n & (EXP_STEPS - 1)] * p * scale.d;
}

/* The derivative of log gamma, x > 0. */
double math_digamma(double x);

#endif
