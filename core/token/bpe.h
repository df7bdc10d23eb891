/* bpe.h - byte pair encoding of one word: symbols, merges by rank.
 *
 * Of all adjacent pairs the one with the lowest rank merges first, the leftmost
 * among equals, until no pair is in the table.  Several pairs may share a rank
 * when they make the same id; ranks that are equally good share a level. */
#ifndef CORE_TOKEN_BPE_H
#define CORE_TOKEN_BPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/token/draws.h"

enum { BPE_ID_BITS = 21 }; /* of a token, and of a rank */

struct bpe_merge {
    int32_t left, right, id;
    uint32_t rank;
};

struct bpe {
    struct bpe_merge *merge; /* [n_merges] */
    size_t n_merges, cap;
    int32_t *made;           /* [n_ranks] id by rank */
    int32_t first_made;      /* >= 0: made[r] is this + r for all ranks, as in most vocabularies */
    uint32_t *level;         /* [n_ranks] or NULL: each rank is a level of its own */
    size_t n_ranks;
    /* The table of pairs, one of two kinds (the other is NULL): */
    uint64_t *slots;         /* [1 << 32 - slot_shift] (left << 21 | right) << 21 | rank; all ones = free */
    uint32_t *small_slots;   /* [small_mask + 1] upper half of the hash | rank; where all numbers are below UINT16_MAX */
    uint32_t small_mask;
    uint16_t *turn;          /* [1 << 64 - group_shift] odd numbers */
    unsigned slot_shift, group_shift;
    uint64_t factor;         /* of hashes */
    /* For jobs of bytes: the rank of the pair of two bytes' tokens, by first | second << 8; in
     * 16 bits, with 0xFFFF for none, where all ids and ranks are below that (the other is NULL). */
    uint32_t *byte_pair;         /* [256 * 256] */
    uint16_t *byte_pair_small;
    bool small_ids;              /* all symbols of pairs and what they make, and all ranks, are below UINT16_MAX */
    int32_t byte_id[256];
    bool every_byte;             /* has an id */
    uint8_t byte_plane[3][256];  /* the bytes of byte_id */
};

void bpe_free(struct bpe *b);
/* Appends the next merge; the table is made by bpe_finish(). */
int bpe_add(struct bpe *b, int left, int right, int id, struct err *e);
int bpe_add_rank(struct bpe *b, int left, int right, int id, uint32_t rank, struct err *e);
/* Fails when a pair appears twice, naming its place in the list. */
int bpe_finish(struct bpe *b, struct err *e);
/* This pair is not merged any more, until bpe_restore(); it stays in the list. */
void bpe_leave_out(struct bpe *b, int left, int right);
int bpe_restore(struct bpe *b, struct err *e);
/* For byte-level models: the ranks of all pairs of bytes that are merged, in one small table; -1: no token. */
int bpe_byte_pairs(struct bpe *b, const int32_t byte_id[256], struct err *e);
/* Slots and turns, for bpe_finish(); bpe_pairs.c. */
int bpe_pairs_make(struct bpe *b, struct err *e);

#define BPE_NO_RANK UINT32_MAX
#define BPE_FREE_SLOT UINT64_MAX

static inline uint64_t bpe_pair_key(int left, int right)
{
    return (uint64_t)(uint32_t)left << BPE_ID_BITS | (uint32_t)right;
}

/* A pair has one place only: its hash names a group, and the group has a number by which
 * the hashes of its pairs go to places of their own (bpe_pairs.c).  So what is in no merge,
 * as most pairs are, costs one line of the table. */
static inline size_t bpe_group(const struct bpe *b, uint64_t hash)
{
    return (size_t)(hash >> b->group_shift);
}

static inline uint32_t bpe_spread(uint64_t hash)
{
    return (uint32_t)(hash >> 18);
}

static inline size_t bpe_slot(const struct bpe *b, uint64_t key)
{
    uint64_t hash = key * b->factor;
    return bpe_spread(hash) * (uint32_t)b->turn[bpe_group(b, hash)] >> b->slot_shift;
}

/* The same in half the memory, where ids and ranks have 16 bits.  A hash of 32 bits is that of one pair
 * only.  A slot has its upper half, from which follows, with the place of the slot, the lower one:
 * so no pair is taken for another. */
static inline uint32_t bpe_small_hash(uint32_t factor, uint32_t left, uint32_t right)
{
    return (left << 16 | right) * factor;
}

static inline size_t bpe_small_group(unsigned group_shift, uint32_t hash)
{
    return hash >> (group_shift - 32);
}

static inline size_t bpe_small_slot(uint32_t mask, uint32_t hash, uint32_t turn)
{
    return (hash ^ (hash >> 15 | 1) * turn) & mask;
}

/* The rank in the slot, or UINT16_MAX: it is another pair's, or none's. */
static inline uint16_t bpe_small_number(uint32_t slot, uint32_t hash)
{
    slot ^= hash & 0xFFFF0000;
    return slot < UINT16_MAX ? (uint16_t)slot : UINT16_MAX;
}

static inline uint16_t bpe_small_rank(const struct bpe *b, uint32_t left, uint32_t right)
{
    uint32_t hash = bpe_small_hash((uint32_t)b->factor, left, right), turn = b->turn[bpe_small_group(b->group_shift, hash)];
    return bpe_small_number(b->small_slots[bpe_small_slot(b->small_mask, hash, turn)], hash);
}

/* Rank of a pair, or BPE_NO_RANK. */
static inline uint32_t bpe_rank(const struct bpe *b, int left, int right)
{
    if (b->small_slots) {
        uint32_t rank = ((uint32_t)left | (uint32_t)right) >> 16 ? UINT16_MAX : bpe_small_rank(b, (uint32_t)left, (uint32_t)right);
        return rank == UINT16_MAX ? BPE_NO_RANK : rank;
    }
    uint64_t key = bpe_pair_key(left, right), slot = b->slots[bpe_slot(b, key)];
    return slot >> BPE_ID_BITS == key ? (uint32_t)slot & ((1u << BPE_ID_BITS) - 1) : BPE_NO_RANK;
}

/* Rank of a pair of bytes; after bpe_byte_pairs(). */
static inline uint32_t bpe_byte_rank(const struct bpe *b, uint8_t left, uint8_t right)
{
    size_t at = (size_t)left | (size_t)right << 8;
    if (!b->byte_pair_small) return b->byte_pair[at];
    return b->byte_pair_small[at] == UINT16_MAX ? BPE_NO_RANK : b->byte_pair_small[at];
}

/* Without waiting for a table, if that is possible. */
static inline int32_t bpe_made(const struct bpe *b, uint32_t rank)
{
    return b->first_made >= 0 ? b->first_made + (int32_t)rank : b->made[rank];
}

static inline uint32_t bpe_level(const struct bpe *b, uint32_t rank)
{
    return b->level && rank != BPE_NO_RANK ? b->level[rank] : rank;
}

/* Work space for long words; zero-initialise. */
struct bpe_work {
    void *mem;
    size_t cap;
};
void bpe_work_free(struct bpe_work *w);

/* Called after each merge, for explanations: the symbols as they now are. */
struct bpe_trace {
    void (*step)(void *arg, uint32_t rank, const int32_t *ids, size_t n);
    void *arg;
};

/* Merges ids[0..n) in place; returns how many are left, 0 when out of memory
 * (n > 0).  bytes: what the ids stand for, when each is one byte that has an id and
 * bpe_byte_pairs() was called; else NULL.  trace may be NULL (it is not called
 * for words of more than 48 symbols). */
size_t bpe_merge_word(const struct bpe *b, struct bpe_work *w, int32_t *ids, size_t n,
                      const uint8_t *bytes, const struct bpe_trace *trace);

/* The same, also of len[0..n), what each symbol covers: of a token the sum of what it was made of. */
size_t bpe_merge_lengths(const struct bpe *b, struct bpe_work *w, int32_t *ids, uint32_t *len, size_t n);

/* The same with merges left out at random (tok_sample.h); len may be NULL. */
struct bpe_drop {
    double p;
    bool for_good;       /* what was left out stays so until one of its sides changes; else its next chance comes with the next merge */
    struct draws *draws;
};
size_t bpe_merge_some(const struct bpe *b, struct bpe_work *w, const struct bpe_drop *drop, int32_t *ids, uint32_t *len, size_t n);

/* bpe_many.c: many words of at most BPE_JOB_MAX symbols at a time, which is several times as
 * fast as one after the other. */
enum { BPE_JOB_MAX = 62 };

struct bpe_job {
    int32_t *ids;         /* merged in place; with bytes only room for n ids */
    const uint8_t *bytes; /* as above, or NULL; all jobs or none have them */
    size_t n;             /* symbols; then ids */
};

void bpe_merge_many(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs);

#endif
