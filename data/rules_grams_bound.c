/* An upper bound of the n-gram metrics, without a table of n-grams: most texts
 * that stay repeat little, and for them it settles all of these rules.
 *
 * The most frequent n-gram: each place adds the length of its n-gram to a sum
 * chosen by a hash.  N-grams that share a sum make it larger, so the largest sum
 * is at least occurrences times length of any n-gram.  A 4-gram occurs no more
 * often than the 3-gram it begins with, and is longer: one array serves both.
 *
 * Repeated n-grams of five words and more: all words of each begin, or go on, a
 * 5-gram that came before.  A Bloom filter (two bits of one 64-bit word) finds
 * every such 5-gram and a few more; the characters of all their words are the bound. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/rules_internal.h"

enum { SUMS_MAX = 4096, MIN_SLOTS = 64 };
static const uint64_t mul = 0xC2B2AE3D27D4EB4Fu;

/* The smallest limit of the rules first ... last that are on. */
static double least(const struct rules_cfg *c, int first, int last)
{
    double x = 1e300;
    for (int r = first; r <= last; r++)
        if (c->on[r] && c->limit[r] < x) x = c->limit[r];
    return x;
}

static bool room(struct gram_work *g, size_t n)
{
    if (n <= g->bound_cap) return true;
    free(g->bound);
    g->bound = mem_alloc(n + n / 4, sizeof *g->bound);
    g->bound_cap = g->bound ? n + n / 4 : 0;
    return g->bound != NULL;
}

static unsigned log_above(size_t n, size_t most)
{
    unsigned log = 6; /* MIN_SLOTS */
    while ((size_t)1 << log < n && (size_t)1 << log < most)
        log++;
    return log;
}

static inline uint64_t next(uint64_t gram, uint64_t word)
{
    return (gram << 23 | gram >> 41) ^ word;
}

static inline uint32_t chars_at(const struct words *w, size_t i)
{
    return i < w->n ? w->v[i].chars : 0;
}

struct sums {
    uint32_t *v, most;
    unsigned shift;
};

static inline void add(struct sums *s, uint64_t gram, uint32_t chars)
{
    uint32_t *at = &s->v[gram * mul >> s->shift];
    *at += chars;
    if (*at > s->most) s->most = *at;
}

bool rules_grams_few(const struct rules_cfg *c, struct rules_work *work, double chars)
{
    const struct words *w = &work->words;
    struct gram_work *g = &work->grams;
    if (chars > 1e9 || w->n < 2) return false; /* sums of 32 bits */
    unsigned log = log_above(w->n * 2, SUMS_MAX), bits = log_above(w->n / 2, SIZE_MAX / 2);
    size_t n_sums = (size_t)1 << log, n_bits = (size_t)1 << bits;
    if (!room(g, n_sums + n_bits)) return false; /* then the exact way fails, and says so */
    memset(g->bound, 0, (n_sums + n_bits) * sizeof *g->bound);
    struct sums two = {(uint32_t *)(void *)g->bound, 0, 64 - log},
                four = {two.v + n_sums, 0, 64 - log};
    uint64_t *bloom = g->bound + n_sums, *h = g->hash;
    size_t covered = 0, again = 0; /* words before `covered` are counted */
    memset(h + w->n, 0, 4 * sizeof *h);
    uint32_t c0 = chars_at(w, 0), c1 = chars_at(w, 1), c2 = chars_at(w, 2), c3;
    for (size_t i = 0; i + 1 < w->n; i++, c0 = c1, c1 = c2, c2 = c3) {
        c3 = chars_at(w, i + 3);
        uint64_t gram = next(h[i], h[i + 1]);
        add(&two, gram, c0 + c1 + 1);
        gram = next(gram, h[i + 2]);
        add(&four, gram, c0 + c1 + c2 + c3 + 3);
        gram = next(next(gram, h[i + 3]), h[i + 4]) * mul;
        uint64_t *word = &bloom[gram >> (64 - bits)],
                 pair = (uint64_t)1 << (gram & 63) | (uint64_t)1 << (gram >> 6 & 63);
        if ((*word & pair) == pair)
            for (size_t k = covered > i ? covered : i; k < i + 5; covered = ++k)
                again += chars_at(w, k);
        *word |= pair;
    }
    return !(two.most / chars > c->limit[RULE_TOP_2] && c->on[RULE_TOP_2]) &&
           !(four.most / chars > least(c, RULE_TOP_3, RULE_TOP_4)) &&
           !((double)again / chars > least(c, RULE_DUP_5, RULE_DUP_10));
}
