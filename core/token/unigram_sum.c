#include "core/token/unigram_sum.h"

#include <string.h>

#include "core/kernels/kernels.h"
#include "core/token/isa.h"

unigram_sum_fn *unigram_sum_best(void)
{
#if defined(__x86_64__)
    if (strncmp(kernels_get()->isa, "avx512", 6) == 0) return unigram_sum_avx512;
    if (token_has_avx2()) return unigram_sum_avx2bmi;
#endif
    return NULL;
}

static float one_by_one(const struct unigram_sums *u, float sum, int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ids[i] >= 0) {
            sum += u->score[ids[i]];
            continue;
        }
        for (int32_t k = ids[i]; k < 0; k++) sum += u->unknown;
        ids[i] = u->unk_id;
    }
    return sum;
}

float unigram_sum(const struct unigram_sums *u, float sum, int32_t *ids, size_t n)
{
    for (size_t i = 0, count; i < n; i += count) {
        count = n - i < UNIGRAM_SUM_BLOCK ? n - i : UNIGRAM_SUM_BLOCK;
        if (!u->block || !u->block(u, &sum, ids + i, count)) sum = one_by_one(u, sum, ids + i, count);
    }
    return sum;
}
