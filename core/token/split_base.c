/* The splits with the instructions that every processor of the build has. */
#include "core/token/split_many.h"

SPLIT_MANY_ALL(NULL, NULL)

split_fn *const split_many_base[SPLIT_N] = SPLIT_MANY_TABLE;
