#include "core/token/train_math.h"

void math_tables_init(struct math_tables *t)
{
    const double h = 1.0 / SOFT_STEPS;
    for (int i = 0; i <= SOFT_STEPS * SOFT_RANGE; i++) {
        /* The cubic with the values and slopes of both ends (Hermite). */
        double a = i * h, b = a + h;
        double fa = log1p(exp(-a)), fb = log1p(exp(-b));
        double da = -h / (1 + exp(a)), db = -h / (1 + exp(b));
        t->soft[i][0] = fa;
        t->soft[i][1] = da;
        t->soft[i][2] = 3 * (fb - fa) - 2 * da - db;
        t->soft[i][3] = 2 * (fa - fb) + da + db;
    }
    for (int j = 0; j < EXP_STEPS; j++) t->exp2[j] = exp2((double)j / EXP_STEPS);
}

/* Recurrence up to 7, then the asymptotic series around x - 1/2. */
double math_digamma(double x)
{
    double sum = 0;
    for (; x < 7; x++) sum -= 1 / x;
    x -= 0.5;
    double y = 1 / (x * x);
    return sum + log(x) + y / 24 - 7.0 / 960 * y * y + 31.0 / 8064 * y * y * y -
           127.0 / 30720 * y * y * y * y;
}
