#include "core/token/train_math.h"

#include <math.h>

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
