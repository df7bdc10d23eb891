/* bpe_many.h - inside of core/token/bpe_many*.c: words merged side by side. */
#ifndef CORE_TOKEN_BPE_MANY_H
#define CORE_TOKEN_BPE_MANY_H

#include "core/token/bpe.h"

void bpe_merge_many_base(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs);
/* Not for tables with levels.  Need the instructions. */
void bpe_merge_many_avx2bmi(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs);
void bpe_merge_many_avx512vbmi(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs);

/* The next job of more than `above` and at most `most` symbols, from *at on; NULL. */
static inline struct bpe_job *bpe_next_job(struct bpe_job *jobs, size_t n_jobs, size_t *at, size_t above, size_t most)
{
    while (*at < n_jobs) {
        struct bpe_job *j = &jobs[(*at)++];
        if (j->n > above && j->n <= most) return j;
    }
    return NULL;
}

static inline void bpe_ask(const struct bpe *b, int32_t left, int32_t right)
{
    if (b->small_slots) {
        uint32_t hash = bpe_small_hash((uint32_t)b->factor, (uint32_t)left, (uint32_t)right);
        __builtin_prefetch(&b->small_slots[bpe_small_slot(b->small_mask, hash, b->turn[bpe_small_group(b->group_shift, hash)])]);
    } else {
        __builtin_prefetch(&b->slots[bpe_slot(b, bpe_pair_key(left, right))]);
    }
}

#endif
