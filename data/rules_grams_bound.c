/* An upper bound of the n-gram metrics, without a table of n-grams: most texts
 * that stay repeat little, and for them it settles all of these rules.
 *
 * The most frequent n-gram: each place adds the length of its 4-gram to a sum
 * chosen by a hash of its 2-gram.  N-grams that share a sum make it larger, so the
 * largest sum is at least occurrences times length of any 4-gram, and as a 3-gram or a
 * 2-gram is shorter and begins 4-grams wherever it occurs, of any of those.
 *
 * Repeated n-grams of five words and more: all words of each begin, or go on, a
 * 5-gram that came before.  A Bloom filter (two bits of one 64-bit word) finds
 * every such 5-gram and a few more; the characters of all their words are the bound.
 * A repeated n-gram has n - 4 of them in a row, so for it only such runs count. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/rules_internal.h"

enum { SUMS_MAX = 4096, MIN_SLOTS = 64 };

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

void rules_gram_steps_ref(const uint64_t *h, const uint32_t *chars, unsigned sum_shift, unsigned bloom_shift,
                          struct gram_steps *out)
{
    for (size_t i = 0; i < GRAM_STEPS; i++, h++, chars++) {
        uint64_t gram = next(h[0], h[1]);
        out->sum_at[i] = (uint32_t)(gram * RULES_HASH_B >> sum_shift);
        out->chars[i] = chars[0] + chars[1] + chars[2] + chars[3] + 3;
        gram = next(next(next(gram, h[2]), h[3]), h[4]) * RULES_HASH_B;
        out->bloom_at[i] = (uint32_t)(gram >> bloom_shift);
        out->pair[i] = (uint64_t)1 << (gram & 63) | (uint64_t)1 << (gram >> 6 & 63);
    }
}

uint32_t rules_most_ref(const uint32_t *v, size_t n)
{
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++)
        most = v[i] > most ? v[i] : most;
    return most;
}

static rules_gram_steps_fn *steps_best(void)
{
#if defined(__x86_64__)
    if (text_bytes_best() == text_bytes_avx512) return rules_gram_steps_avx512;
#endif
    return rules_gram_steps_ref;
}

static rules_most_fn *most_best(void)
{
#if defined(__x86_64__)
    if (text_bytes_best() == text_bytes_avx512) return rules_most_avx512;
#endif
    return rules_most_ref;
}

enum { LONGEST = 6 }; /* what 10-grams need */
/* 5-grams in a row that came before. */
struct runs {
    size_t from, n;
    uint64_t chars[LONGEST + 1]; /* of the words of all runs, by how many 5-grams; the last: and more */
};

static void end_run(struct runs *r, const uint32_t *chars)
{
    uint64_t sum = 0;
    for (size_t k = 0; r->n && k < r->n + 4; k++)
        sum += chars[r->from + k];
    r->chars[r->n < LONGEST ? r->n : LONGEST] += sum;
    r->n = 0;
}

/* Do the rules of 5- to 10-grams let it pass? */
static bool pass(const struct rules_cfg *c, const struct runs *r, uint64_t again, double chars)
{
    uint64_t sum = 0; /* of runs that are long enough; those that overlap count twice */
    for (int n = 10; n >= 5; n--) {
        sum += r->chars[n - 4];
        int rule = RULE_DUP_5 + n - 5;
        if (c->on[rule] && (double)(sum < again ? sum : again) / chars > c->limit[rule]) return false;
    }
    return true;
}

bool rules_grams_few(const struct rules_cfg *c, struct rules_work *work, double chars)
{
    struct gram_work *g = &work->grams;
    if (chars > 1e9 || g->n < 2) return false; /* sums of 32 bits */
    unsigned log = log_above(g->n, SUMS_MAX), bits = log_above(g->n / 2, SIZE_MAX / 2);
    size_t n_sums = (size_t)1 << log, n_bits = (size_t)1 << bits;
    if (!room(g, n_sums / 2 + n_bits)) return false; /* then the exact way fails, and says so */
    memset(g->bound, 0, (n_sums / 2 + n_bits) * sizeof *g->bound);
    uint32_t *sums = (uint32_t *)(void *)g->bound;
    uint64_t *bloom = g->bound + n_sums / 2;
    size_t covered = 0, again = 0; /* words before `covered` are counted */
    memset(g->hash + g->n, 0, GRAMS_BEHIND * sizeof *g->hash);
    memset(g->chars + g->n, 0, GRAMS_BEHIND * sizeof *g->chars);
    rules_gram_steps_fn *steps = steps_best();
    struct gram_steps x;
    struct runs runs = {0};
    for (size_t from = 0; from + 1 < g->n; from += GRAM_STEPS) {
        size_t n = g->n - 1 - from < GRAM_STEPS ? g->n - 1 - from : GRAM_STEPS;
        steps(g->hash + from, g->chars + from, 64 - log, 64 - bits, &x);
        for (size_t i = 0; i < n; i++) {
            sums[x.sum_at[i]] += x.chars[i];
            uint64_t *word = &bloom[x.bloom_at[i]], pair = x.pair[i], had = *word;
            *word = had | pair;
            if ((had & pair) != pair) continue;
            size_t at = from + i;
            for (size_t k = covered > at ? covered : at; k < at + 5; covered = ++k)
                again += g->chars[k];
            if (at != runs.from + runs.n) {
                end_run(&runs, g->chars);
                runs.from = at;
            }
            runs.n++;
        }
    }
    end_run(&runs, g->chars);
    double most = most_best()(sums, n_sums);
    return !(most / chars > least(c, RULE_TOP_2, RULE_TOP_4)) && pass(c, &runs, again, chars);
}
