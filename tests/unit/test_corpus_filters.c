/* What judges documents by all others: medians, shapes, plans of balance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "data/balance.h"
#include "data/outliers.h"

static void near(double a, double b)
{
    if (!(fabs(a - b) < 1e-12)) fail_msg("%.17g is not %.17g", a, b);
}

static void medians(void **state)
{
    (void)state;
    double m, s;
    outliers_centre((double[]){5, 1, 4, 2, 100}, 5, &m, &s);
    near(m, 4);
    near(s, 1.4826 * 2); /* deviations 0 1 2 3 96 */
    outliers_centre((double[]){4, 1, 3, 2}, 4, &m, &s);
    near(m, 2.5);
    near(s, 1.4826);
    outliers_centre((double[]){7, 7, 7, 7, 12}, 5, &m, &s); /* MAD 0: the mean deviation */
    near(m, 7);
    near(s, 1.2533);
    outliers_centre((double[]){3, 3}, 2, &m, &s);
    near(s, 0);
    outliers_centre(NULL, 0, &m, &s);
    near(m, 0);
}

static void shapes(void **state)
{
    (void)state;
    double v[SHAPE_N];
    static const char text[] = "Ab c\xc3\xa9!\n12 x";
    shape_measure(text, sizeof text - 1, v); /* 11 characters, 4 words, 2 lines */
    near(v[SHAPE_LENGTH], log1p(11));
    near(v[SHAPE_LETTERS], 5.0 / 11);
    near(v[SHAPE_DIGITS], 2.0 / 11);
    near(v[SHAPE_UPPER], 1.0 / 5);
    near(v[SHAPE_PUNCTUATION], 1.0 / 11);
    near(v[SHAPE_BLANKS], 3.0 / 11);
    near(v[SHAPE_WORD], log1p(8.0 / 4));
    near(v[SHAPE_LINE], log1p(11.0 / 2));
    shape_measure("", 0, v);
    for (int k = 0; k < SHAPE_N; k++)
        near(v[k], 0);
}

static void plans(void **state)
{
    (void)state;
    const uint64_t n[] = {900, 100, 10};
    const double uniform[] = {1, 1, 1}, root[] = {30, 10, sqrt(10)}, some[] = {3, 1, 0};
    uint64_t m[3];
    balance_plan(n, uniform, 3, 1, 0, m);
    assert_true(m[0] == 10 && m[1] == 10 && m[2] == 10);
    balance_plan(n, uniform, 3, 2.5, 0, m);
    assert_true(m[0] == 25 && m[1] == 25 && m[2] == 25);
    balance_plan(n, root, 3, 1, 0, m); /* m = sqrt(10 n) */
    assert_true(m[0] == 95 && m[1] == 32 && m[2] == 10);
    balance_plan(n, some, 3, 1, 0, m); /* a weight of 0 removes and sets no scale */
    assert_true(m[0] == 300 && m[1] == 100 && m[2] == 0);
    balance_plan(n, uniform, 3, 2, 600, m); /* 200 each, as far as they go */
    assert_true(m[0] == 200 && m[1] == 200 && m[2] == 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(medians), cmocka_unit_test(shapes), cmocka_unit_test(plans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
