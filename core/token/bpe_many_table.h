/* bpe_many_table.h - what bpe_many_avx*.c share besides bpe_many_body.h: the table of pairs, words by their size. */
#ifndef CORE_TOKEN_BPE_MANY_TABLE_H
#define CORE_TOKEN_BPE_MANY_TABLE_H

#include <stdbool.h>

#include "core/token/bpe_many.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
enum { PLACES = 64, SIZES = 4, BLOCK = 256, NEVER = (1 << BPE_ID_BITS) - 1 };

/* What is read of a struct bpe, so that no store can change it. */
struct table {
    const uint64_t *slots;
    const uint32_t *small_slots; /* NULL: slots */
    uint32_t small_mask;
    const uint16_t *turn;
    uint64_t factor;
    unsigned slot_shift, group_shift;
    const int32_t *made; /* NULL: first_made and the rank */
    int32_t first_made;
    const uint16_t *small_pair;
    const uint32_t *large_pair;
    const int32_t *byte_id;
    const uint8_t (*byte_plane)[256];
};

static inline struct table table_of(const struct bpe *b)
{
    return (struct table){.slots = b->slots, .small_slots = b->small_slots, .small_mask = b->small_mask, .turn = b->turn,
                          .factor = b->factor, .slot_shift = b->slot_shift, .group_shift = b->group_shift,
                          .made = b->first_made < 0 ? b->made : NULL, .first_made = b->first_made,
                          .small_pair = b->byte_pair_small, .large_pair = b->byte_pair, .byte_id = b->byte_id,
                          .byte_plane = b->byte_plane};
}

ALWAYS_INLINE uint16_t small_rank_of(const struct table *t, uint32_t left, uint32_t right)
{
    uint32_t hash = bpe_small_hash((uint32_t)t->factor, left, right), turn = t->turn[bpe_small_group(t->group_shift, hash)];
    return bpe_small_number(t->small_slots[bpe_small_slot(t->small_mask, hash, turn)], hash);
}

/* A pair whose line of the table is asked for. */
struct asked {
    uint64_t key;
    uint32_t slot;
};

ALWAYS_INLINE struct asked small_ask(const struct table *t, uint32_t left, uint32_t right)
{
    uint32_t hash = bpe_small_hash((uint32_t)t->factor, left, right), turn = t->turn[bpe_small_group(t->group_shift, hash)];
    uint32_t slot = (uint32_t)bpe_small_slot(t->small_mask, hash, turn);
    __builtin_prefetch(&t->small_slots[slot]);
    return (struct asked){hash, slot};
}

ALWAYS_INLINE uint16_t small_asked(const struct table *t, struct asked a)
{
    return bpe_small_number(t->small_slots[a.slot], (uint32_t)a.key);
}

ALWAYS_INLINE uint32_t large_rank_in(uint64_t slot, uint64_t key)
{
    slot ^= key << BPE_ID_BITS; /* the rank, or more than any: which cannot be guessed */
    return (uint32_t)slot | -(uint32_t)(slot >= NEVER);
}

ALWAYS_INLINE uint32_t large_slot(const struct table *t, uint64_t key)
{
    uint64_t h = key * t->factor;
    return bpe_spread(h) * t->turn[h >> t->group_shift] >> t->slot_shift;
}

ALWAYS_INLINE struct asked large_ask(const struct table *t, uint64_t left, uint64_t right)
{
    struct asked a = {UINT64_MAX, 0}; /* in a small table: no pair's */
    if (!t->small_slots) {
        a.key = left << BPE_ID_BITS | right;
        a.slot = large_slot(t, a.key);
        __builtin_prefetch(&t->slots[a.slot]);
    } else if (!((left | right) >> 16)) {
        a = small_ask(t, (uint32_t)left, (uint32_t)right);
    }
    return a;
}

ALWAYS_INLINE uint32_t large_asked(const struct table *t, struct asked a)
{
    if (!t->small_slots) return large_rank_in(t->slots[a.slot], a.key);
    uint16_t rank = a.key >> 32 ? UINT16_MAX : small_asked(t, a);
    return rank == UINT16_MAX ? UINT32_MAX : rank;
}

ALWAYS_INLINE uint32_t large_rank_of(const struct table *t, uint64_t left, uint64_t right)
{
    if (t->small_slots) {
        uint16_t rank = (left | right) >> 16 ? UINT16_MAX : small_rank_of(t, (uint32_t)left, (uint32_t)right);
        return rank == UINT16_MAX ? UINT32_MAX : rank;
    }
    uint64_t key = left << BPE_ID_BITS | right;
    return large_rank_in(t->slots[large_slot(t, key)], key);
}

/* Words of one size: in so many places that 8, 16, 32 or 64 ranks are looked at. */
struct todo {
    struct bpe_job *job[BLOCK];
    size_t n, at;
};

static inline size_t todo_size(size_t n)
{
    return n <= 9 ? 0 : n <= 16 ? 1 : n <= 32 ? 2 : 3;
}

/* Returns how many of the jobs there was room for. */
static inline size_t todo_fill(struct todo todo[SIZES], struct bpe_job *jobs, size_t n_jobs)
{
    size_t n = n_jobs < BLOCK ? n_jobs : BLOCK;
    for (int k = 0; k < SIZES; k++) todo[k].n = todo[k].at = 0;
    for (size_t i = 0; i < n; i++) {
        struct todo *to = &todo[todo_size(jobs[i].n)];
        to->job[to->n++] = &jobs[i];
    }
    return n;
}

#endif
