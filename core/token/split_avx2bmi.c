/* The splits with AVX2 and BMI2. */
#include "core/token/split_many.h"

#ifdef SPLIT_TABLES
SPLIT_MANY_ALL(&split_any_letter, &split_caseless)

split_fn *const split_many_avx2bmi[SPLIT_N] = SPLIT_MANY_TABLE;

SPLIT_MANY_RULE(many_rule, &split_any_letter, &split_caseless)

split_rule_fn *const split_rule_avx2bmi = many_rule;
#else
split_fn *const split_many_avx2bmi[SPLIT_N];
split_rule_fn *const split_rule_avx2bmi = NULL;
#endif
