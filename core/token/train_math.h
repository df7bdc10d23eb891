/* train_math.h - what expectation-maximisation needs and libm has not. */
#ifndef CORE_TOKEN_TRAIN_MATH_H
#define CORE_TOKEN_TRAIN_MATH_H

/* The derivative of log gamma, x > 0. */
double math_digamma(double x);

#endif
