/* The best way, with the instructions that every processor of the build has. */
#include <math.h>

#include "core/token/unigram_walk.h"

#define WALK_REAL float
#define WALK_NAME walk_floats
#define WALK_SCORE score
#include "core/token/unigram_walk_body.h"

#define WALK_REAL double
#define WALK_NAME walk_doubles
#define WALK_SCORE score64
#include "core/token/unigram_walk_body.h"

void unigram_walk_base(const struct unigram *u, const uint16_t *symbols, size_t n, double sum, struct unigram_path *to)
{
    if (u->score) walk_floats(u, symbols, n, sum, to);
    else walk_doubles(u, symbols, n, sum, to);
}
