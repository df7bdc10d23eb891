/* Sums of sixteen words with the instructions that every processor of the build
 * has; the choice. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/kernels/kernels.h"
#include "core/token/train_lanes_body.h"

static void expect(struct lanes *l)
{
    expect_group(l);
}

lanes_fn *const lanes_expect_base = expect;

lanes_fn *lanes_expect(void)
{
#if defined(__x86_64__)
    if (strncmp(kernels_get()->isa, "avx512", 6) == 0) return lanes_expect_avx512;
    if (strcmp(kernels_get()->isa, "avx2") == 0) return lanes_expect_avx2;
#endif
    return lanes_expect_base;
}

float lanes_log_add(float x, float y)
{
    vf vx = {x}, vy = {y};
    return log_add(&vx, &vy)[0];
}

double lanes_exp(float x)
{
    vd v = {(double)x};
    return x < -700 ? 0 : exp_of(&v)[0];
}

void lanes_free(struct lanes *l)
{
    free(l->step);
    free(l->along);
    free(l->rest);
    free(l->alpha);
    free(l->beta);
}

bool lanes_room(struct lanes *l, size_t steps, size_t rows)
{
    if (steps > l->cap) {
        size_t cap = 2 * steps + 64;
        if (!mem_renew(&l->step, cap, sizeof *l->step) ||
            !mem_renew(&l->along, cap * LANES, sizeof *l->along) ||
            !mem_renew(&l->rest, cap * LANES, sizeof *l->rest))
            return false;
        l->cap = cap;
    }
    if (rows > l->rows_cap) {
        size_t cap = 2 * rows + 64;
        if (!mem_renew(&l->alpha, cap * LANES, sizeof *l->alpha) ||
            !mem_renew(&l->beta, cap * LANES, sizeof *l->beta))
            return false;
        l->rows_cap = cap;
    }
    return true;
}
