/* Sums of sixteen words with AVX-512. */
#include "core/token/train_lanes_body.h"

static void expect(struct lanes *l)
{
    expect_group(l);
}

lanes_fn *const lanes_expect_avx512 = expect;
