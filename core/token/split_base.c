/* The splits with the instructions that every processor of the build has. */
#include "core/token/split_many.h"

SPLIT_MANY_ALL(NULL, NULL)

split_fn *const split_many_base[SPLIT_N] = SPLIT_MANY_TABLE;

SPLIT_MANY_RULE(many_rule, NULL, NULL)

split_rule_fn *const split_rule_base = many_rule;
