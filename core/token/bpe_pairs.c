/* The table of pairs, without collisions (hash and displace: Belazzouguer, Botelho,
 * Dietzfelbinger, ESA 2009).  A pair's hash names its group; the group has an odd number
 * with which the hashes of all its pairs are multiplied to places that are free.  Large
 * groups, which are hard to place, come first, while the table is empty. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/bpe.h"

enum { GROUP = 4, MOST = 64, LARGEST = UINT16_MAX, NEVER = (1 << BPE_ID_BITS) - 1 };

static uint32_t small_hash(const struct bpe *b, uint64_t key)
{
    return bpe_small_hash((uint32_t)b->factor, (uint32_t)(key >> BPE_ID_BITS), (uint32_t)key & NEVER);
}

static uint32_t group_of(const struct bpe *b, uint64_t key)
{
    if (!b->small_slots) return (uint32_t)bpe_group(b, key * b->factor);
    return (uint32_t)bpe_small_group(b->group_shift, small_hash(b, key));
}

/* What goes into the slots, that of a group one behind the other, and the groups, the largest first. */
struct grouping {
    uint64_t *pair;   /* [n_merges] key << 21 | rank, in the order of merges in a group */
    uint32_t *begin;  /* [n_groups + 1] */
    uint32_t *order;  /* [n_groups] */
    uint64_t *taken;  /* bits of slots */
    size_t n_groups;
};

static bool grouping_memory(struct grouping *g, size_t n_merges, size_t n_groups, size_t n_slots)
{
    g->n_groups = n_groups;
    g->pair = mem_alloc(n_merges + 1, sizeof *g->pair);
    g->begin = mem_zalloc(n_groups + 2, sizeof *g->begin);
    g->order = mem_alloc(n_groups, sizeof *g->order);
    g->taken = mem_zalloc(n_slots / 64 + 1, sizeof *g->taken);
    return g->pair && g->begin && g->order && g->taken;
}

static void grouping_free(struct grouping *g)
{
    free(g->pair);
    free(g->begin);
    free(g->order);
    free(g->taken);
}

/* numbers: of the merges, instead of ranks. */
static void group_pairs(const struct bpe *b, struct grouping *g, bool numbers)
{
    uint32_t of_size[MOST + 2] = {0}, *next = g->begin + 1; /* next[i]: where group i goes on */
    const struct bpe_merge *end = b->n_merges ? b->merge + b->n_merges : b->merge;
    for (const struct bpe_merge *m = b->merge; m < end; m++) next[group_of(b, bpe_pair_key(m->left, m->right)) + 1]++;
    for (size_t i = 0; i < g->n_groups; i++) {
        of_size[MOST - (next[i + 1] < MOST ? next[i + 1] : MOST) + 1]++;
        next[i + 1] += next[i];
    }
    for (size_t k = 0; k <= MOST; k++) of_size[k + 1] += of_size[k];
    for (uint32_t i = 0; i < g->n_groups; i++) {
        uint32_t size = next[i + 1] - next[i];
        g->order[of_size[MOST - (size < MOST ? size : MOST)]++] = i;
    }
    for (const struct bpe_merge *m = b->merge; m < end; m++) {
        uint64_t key = bpe_pair_key(m->left, m->right);
        g->pair[next[group_of(b, key)]++] = key << BPE_ID_BITS | (numbers ? (uint32_t)(m - b->merge) : m->rank);
    }
}

/* Where a pair can go: (fixed ^ moved * turn) & mask >> shift. */
struct place {
    uint32_t fixed[MOST], moved[MOST], mask;
    unsigned shift;
};

static inline size_t place_at(const struct place *p, size_t i, uint32_t turn)
{
    return ((p->fixed[i] ^ p->moved[i] * turn) & p->mask) >> p->shift;
}

static void find_places(const struct bpe *b, const uint64_t *pair, size_t n, struct place *p)
{
    p->mask = b->small_slots ? b->small_mask : UINT32_MAX;
    p->shift = b->small_slots ? 0 : b->slot_shift;
    for (size_t i = 0; i < n; i++) {
        uint64_t key = pair[i] >> BPE_ID_BITS;
        uint32_t hash = small_hash(b, key);
        p->fixed[i] = b->small_slots ? hash : 0;
        p->moved[i] = b->small_slots ? hash >> 15 | 1 : bpe_spread(key * b->factor);
    }
}

/* Whether n pairs have places with this turn that are free, and not two the same; they are taken then. */
static bool take_places(uint64_t *taken, const struct place *p, size_t n, uint32_t turn)
{
    uint64_t busy = 0; /* one guess for all of them, since which one is in the way cannot be guessed */
    for (size_t i = 0; i < n; i++) busy |= taken[place_at(p, i, turn) >> 6] >> (place_at(p, i, turn) & 63);
    if (busy & 1) return false;
    for (size_t i = 0; i < n; i++) {
        size_t at = place_at(p, i, turn);
        if (taken[at / 64] >> (at & 63) & 1) { /* the ones before are given back */
            while (i-- > 0) taken[place_at(p, i, turn) >> 6] &= ~((uint64_t)1 << (place_at(p, i, turn) & 63));
            return false;
        }
        taken[at / 64] |= (uint64_t)1 << (at & 63);
    }
    return true;
}

static bool place_group(struct bpe *b, struct grouping *g, uint32_t group)
{
    struct place p;
    uint32_t turn = 1;
    const uint64_t *pair = g->pair + g->begin[group];
    size_t n = g->begin[group + 1] - g->begin[group];
    if (n > MOST) return false;
    find_places(b, pair, n, &p);
    while (!take_places(g->taken, &p, n, turn))
        if ((turn += 2) > LARGEST) return false;
    b->turn[group] = (uint16_t)turn;
    for (size_t i = 0; i < n; i++) {
        size_t at = place_at(&p, i, turn);
        if (b->small_slots) b->small_slots[at] = (p.fixed[i] & 0xFFFF0000) | ((uint32_t)pair[i] & UINT16_MAX);
        else b->slots[at] = pair[i];
    }
    return true;
}

/* The least number or rank of a pair that is there again, which is in the same group, or NEVER. */
static uint32_t first_again(const struct grouping *g)
{
    uint32_t first = NEVER;
    for (size_t k = 0; k < g->n_groups; k++)
        for (uint32_t i = g->begin[k]; i < g->begin[k + 1]; i++)
            for (uint32_t j = i + 1; j < g->begin[k + 1] && j <= i + MOST; j++) {
                uint32_t number = (uint32_t)g->pair[j] & NEVER;
                if (g->pair[i] >> BPE_ID_BITS == g->pair[j] >> BPE_ID_BITS && number < first) first = number;
            }
    return first;
}

static bool is_small(const struct bpe *b)
{
    int32_t most = (int32_t)b->n_ranks - 1;
    for (size_t i = 0; i < b->n_merges; i++) {
        const struct bpe_merge *m = &b->merge[i];
        int32_t pair = m->left > m->right ? m->left : m->right;
        most = pair > most ? pair : most;
    }
    return most < UINT16_MAX;
}

static bool table_memory(struct bpe *b, size_t n_slots, size_t n_groups)
{
    bool small = is_small(b);
    size_t bytes = n_slots * (small ? sizeof *b->small_slots : sizeof *b->slots);
    mem_free_aligned(b->slots);
    mem_free_aligned(b->small_slots);
    free(b->turn);
    void *slots = mem_alloc_aligned(bytes);
    b->slots = small ? NULL : slots;
    b->small_slots = small ? slots : NULL;
    b->small_mask = (uint32_t)n_slots - 1;
    b->turn = mem_zalloc(n_groups, sizeof *b->turn);
    if (!b->turn || !slots) return false;
    memset(slots, 0xFF, bytes);
    return true;
}

enum made { MADE, NOT_MADE, AGAIN, NO_MEMORY };

static enum made make(struct bpe *b, struct grouping *g)
{
    size_t n_slots = (size_t)1 << (32 - b->slot_shift), n_groups = (size_t)1 << (64 - b->group_shift);
    if (!table_memory(b, n_slots, n_groups) || !grouping_memory(g, b->n_merges, n_groups, n_slots)) return NO_MEMORY;
    group_pairs(b, g, false);
    if (first_again(g) != NEVER) return AGAIN;
    for (size_t i = 0; i < n_groups; i++)
        if (!place_group(b, g, g->order[i])) return NOT_MADE;
    return MADE;
}

static int pair_again(const struct bpe *b, struct grouping *g, struct err *e)
{
    memset(g->begin, 0, (g->n_groups + 2) * sizeof *g->begin);
    group_pairs(b, g, true);
    return err_set(e, ERR_DATA, "merge %u (from 0) is the same pair as an earlier one", first_again(g));
}

int bpe_pairs_make(struct bpe *b, struct err *e)
{
    enum { TRIES = 20 };
    unsigned slots = is_small(b) ? 16 : 5, groups = 3;
    while (((size_t)4 << slots) / 5 < b->n_merges) slots++; /* four of five slots */
    while (((size_t)GROUP << groups) < b->n_merges) groups++;
    b->factor = 0x9E3779B97F4A7C15ull;
    for (int i = 0; i < TRIES; i++) {
        struct grouping g = {0};
        b->slot_shift = 32 - slots;
        b->group_shift = 64 - groups;
        enum made made = make(b, &g);
        int ret = made == AGAIN ? pair_again(b, &g, e) : 0;
        grouping_free(&g);
        if (made == MADE || made == AGAIN) return ret;
        if (made == NO_MEMORY) break;
        b->factor = b->factor * 0xD6E8FEB86659FD93ull + 2; /* stays odd */
        slots += i % 4 == 3;
        groups += i % 4 == 3;
    }
    return err_oom(e, b->n_merges * sizeof *b->slots, "the merge table");
}
