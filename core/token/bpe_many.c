/* Words merged side by side.
 *
 * A merge waits for the ranks of the pairs that the one before made, which are
 * anywhere in a table of megabytes.  So a few words go on in turns: while one
 * waits, the others are at work. */
#include <stdbool.h>

#include "core/token/bpe_many.h"
#include "core/token/isa.h"

enum { LANES = 8, NONE = INT32_MAX, NEVER = (1 << BPE_ID_BITS) - 1, PLACE_BITS = 6 };

#define ALWAYS_INLINE static inline __attribute__((always_inline)) /* with a constant number of keys */

/* The words of a size: of at most so many symbols, the least first. */
enum { FEW = 18, SOME = 34 };

/* One word.  Each symbol stays at its place (1..n; 0 and n + 1 hold one that never
 * merges), and a pair is known by the place of its left one.  All keys are looked
 * at every time, and nothing depends on a branch that would be guessed wrong.  A
 * key is level << 6 | place: the least is the leftmost of the best. */
struct lane {
    int32_t key[BPE_JOB_MAX + 2], symbol[BPE_JOB_MAX + 2], made[BPE_JOB_MAX + 2]; /* made: what the pair merges to */
    uint64_t alive;
    int before, at, after; /* where the last merge was */
    struct bpe_job *job;
};

static inline int low_bit(uint64_t x)
{
    return __builtin_ctzll(x);
}

static inline int32_t key_of(const struct bpe *b, uint32_t rank, size_t at)
{
    return rank == BPE_NO_RANK ? NONE : (int32_t)(bpe_level(b, rank) << PLACE_BITS | at);
}

ALWAYS_INLINE void start(const struct bpe *b, struct lane *l, struct bpe_job *j, size_t keys)
{
    l->job = j;
    l->alive = ((uint64_t)2 << j->n << 1) - 1;
    for (size_t i = 0; i < keys; i++) l->key[i] = NONE;
    l->symbol[0] = l->symbol[j->n + 1] = NEVER;
    for (size_t i = 0; i < j->n; i++) l->symbol[i + 1] = j->bytes ? b->byte_id[j->bytes[i]] : j->ids[i];
    for (size_t i = 1; i < j->n; i++) {
        uint32_t rank = j->bytes ? bpe_byte_rank(b, j->bytes[i - 1], j->bytes[i]) : bpe_rank(b, l->symbol[i], l->symbol[i + 1]);
        l->made[i] = b->made[rank == BPE_NO_RANK ? 0 : rank];
        l->key[i] = key_of(b, rank, i);
    }
    l->at = l->before = 0;
    l->after = 1;
}

ALWAYS_INLINE int32_t least(const int32_t *key, size_t keys)
{
    int32_t a = key[0], b = key[1], c = key[2], d = key[3];
    for (size_t i = 4; i < keys; i += 4) {
        a = key[i] < a ? key[i] : a;
        b = key[i + 1] < b ? key[i + 1] : b;
        c = key[i + 2] < c ? key[i + 2] : c;
        d = key[i + 3] < d ? key[i + 3] : d;
    }
    a = b < a ? b : a;
    c = d < c ? d : c;
    return c < a ? c : a;
}

/* Looks up the pair that starts at a place. */
static inline void look_up(const struct bpe *b, struct lane *l, int at, int after)
{
    uint32_t rank = bpe_rank(b, l->symbol[at], l->symbol[after]);
    l->made[at] = b->made[rank == BPE_NO_RANK ? 0 : rank];
    l->key[at] = key_of(b, rank, (size_t)at);
}

/* One merge; false: there is none.  The pairs that it makes are only asked for;
 * they are looked up when it is this word's turn again. */
ALWAYS_INLINE bool step(const struct bpe *b, struct lane *l, size_t keys)
{
    int32_t best = least(l->key, keys);
    if (best == NONE) return false;
    int at = best & ((1 << PLACE_BITS) - 1), gone = low_bit(l->alive >> at >> 1) + at + 1;
    uint64_t alive = l->alive & ~((uint64_t)1 << gone);
    int after = low_bit(alive >> at >> 1) + at + 1, before = 63 - __builtin_clzll(alive & (((uint64_t)1 << at) - 1));
    int32_t symbol = l->made[at];
    l->alive = alive;
    l->key[gone] = NONE;
    l->symbol[at] = symbol;
    bpe_ask(b, symbol, l->symbol[after]);
    bpe_ask(b, l->symbol[before], symbol);
    l->at = at;
    l->before = before;
    l->after = after;
    return true;
}

static inline void finish(struct lane *l)
{
    struct bpe_job *j = l->job;
    uint64_t alive = l->alive & (((uint64_t)2 << j->n) - 2);
    for (j->n = 0; alive; alive &= alive - 1) j->ids[j->n++] = l->symbol[low_bit(alive)];
}

ALWAYS_INLINE void run(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs, size_t above, size_t most)
{
    struct lane lane[LANES], *at_work[LANES];
    size_t next = 0, n = 0, keys = most + 2;
    struct bpe_job *j;
    while (n < LANES && (j = bpe_next_job(jobs, n_jobs, &next, above, most))) {
        at_work[n] = &lane[n];
        start(b, at_work[n++], j, keys);
    }
    while (n) {
        for (size_t i = 0; i < n;) {
            if (step(b, at_work[i], keys)) {
                i++;
                continue;
            }
            finish(at_work[i]);
            if ((j = bpe_next_job(jobs, n_jobs, &next, above, most))) start(b, at_work[i++], j, keys);
            else at_work[i] = at_work[--n];
        }
        for (size_t i = 0; i < n; i++) {
            struct lane *l = at_work[i];
            look_up(b, l, l->at, l->after);
            look_up(b, l, l->before, l->at);
        }
    }
}

void bpe_merge_many_base(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs)
{
    bool some = false, many = false;
    for (size_t i = 0; i < n_jobs; i++) {
        some |= jobs[i].n > FEW;
        many |= jobs[i].n > SOME;
    }
    /* What is done has not more ids than it had symbols, so that it cannot be taken for
     * one of the larger words that come later. */
    run(b, jobs, n_jobs, 0, FEW);
    if (some) run(b, jobs, n_jobs, FEW, SOME);
    if (many) run(b, jobs, n_jobs, SOME, BPE_JOB_MAX);
}

void bpe_merge_many(const struct bpe *b, struct bpe_job *jobs, size_t n_jobs)
{
    /* A word of other symbols alone is not worth the start. */
    bool vectors = n_jobs && (jobs[0].bytes || n_jobs > 1) && !b->level;
    if (vectors && token_has_vbmi()) bpe_merge_many_avx512vbmi(b, jobs, n_jobs);
    else if (vectors && token_has_avx2()) bpe_merge_many_avx2bmi(b, jobs, n_jobs);
    else bpe_merge_many_base(b, jobs, n_jobs);
}
