/* train_pairs.h - the adjacent pairs of a corpus: their counts, their places,
 * and a heap that hands out the most frequent one. */
#ifndef CORE_TOKEN_TRAIN_PAIRS_H
#define CORE_TOKEN_TRAIN_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAIR_NONE UINT64_MAX
#define PAIR_NO_INDEX UINT32_MAX

struct pair {
    uint64_t key;     /* left id << 32 | right id */
    int64_t count;
    uint32_t *pos;    /* [n] where it has been seen, rising; some are out of date */
    uint32_t n, cap;
};

struct pair_candidate {
    int64_t count; /* may be out of date: checked when it comes up */
    uint64_t key;
};

/* Zero-initialise, set the last three. */
struct pair_table {
    struct pair *v;
    uint32_t n, cap;
    uint32_t *slots; /* index + 1; open addressing */
    size_t n_slots;
    struct pair_candidate *heap;
    size_t n_heap, heap_cap;
    struct place_block *blocks; /* the places of all pairs */
    bool (*tie_before)(const void *arg, uint64_t a, uint64_t b);
    const void *tie_arg;
    int64_t least;   /* rarer pairs never come up */
};

void pair_table_free(struct pair_table *t);
/* Index of a pair, made if absent; PAIR_NO_INDEX when out of memory. */
uint32_t pair_get(struct pair_table *t, uint64_t key);
uint32_t pair_find(const struct pair_table *t, uint64_t key); /* PAIR_NO_INDEX if absent */
/* Before one of these: asks for the slot of a pair; then, when that is there, for the pair. */
void pair_ask(const struct pair_table *t, uint64_t key);
void pair_ask_on(const struct pair_table *t, uint64_t key);
void pair_lower(struct pair_table *t, uint64_t key, uint64_t by); /* absent is fine */

/* An empty list with room for n places; or room for n more.  False: out of memory. */
bool pair_places(struct pair_table *t, struct pair *p, uint32_t n);
bool pair_more_places(struct pair_table *t, struct pair *p, uint32_t n);

/* After its count rose. */
bool pair_push(struct pair_table *t, const struct pair *p);
/* The most frequent pair, or NULL. */
struct pair *pair_take_best(struct pair_table *t);

#endif
