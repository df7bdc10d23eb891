/* Sums of sixteen words with AVX2 and fused multiply-add. */
#include "core/token/train_lanes_body.h"

static void expect(struct lanes *l)
{
    expect_group(l);
}

lanes_fn *const lanes_expect_avx2 = expect;
