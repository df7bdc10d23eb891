#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "data/ambiguity.h"
#include "data/minhash.h"
#include "data/shingle.h"

struct key {
    uint64_t hi, lo;
    uint32_t item;
};

static int by_key(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->hi != y->hi) return x->hi < y->hi ? -1 : 1;
    if (x->lo != y->lo) return x->lo < y->lo ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* Union-find; the root is the first item of the input. */
static uint32_t root(uint32_t *up, uint32_t i)
{
    while (up[i] != i)
        i = up[i] = up[up[i]];
    return i;
}

static void join(uint32_t *up, uint32_t a, uint32_t b)
{
    a = root(up, a);
    b = root(up, b);
    if (a < b) up[b] = a;
    else up[a] = b;
}

static void join_equal(const struct ambiguity_item *v, size_t n, uint32_t *up, struct key *k)
{
    for (size_t i = 0; i < n; i++)
        k[i] = (struct key){v[i].prompt.hi, v[i].prompt.lo, (uint32_t)i};
    spill_sort(k, n, sizeof *k, by_key);
    for (size_t i = 1; i < n; i++)
        if (k[i].hi == k[i - 1].hi && k[i].lo == k[i - 1].lo) join(up, k[i - 1].item, k[i].item);
}

/* Pairs of one bucket: each with its first and the one before, so that a large
 * bucket costs no more than its size. */
static void join_bucket(const struct ambiguity_item *v, const struct key *k, size_t n, double near, uint32_t *up)
{
    for (size_t i = 1; i < n; i++)
        for (int which = 0; which < (i > 1 ? 2 : 1); which++) {
            uint32_t a = k[which ? i - 1 : 0].item, b = k[i].item;
            if (v[a].digits != v[b].digits || root(up, a) == root(up, b)) continue;
            if (shingles_jaccard(v[a].pairs, v[a].n_pairs, v[b].pairs, v[b].n_pairs) >= near) join(up, a, b);
        }
}

enum { BANDS = 24, ROWS = 4 }; /* a pair of similarity 0.7 meets with probability 0.998 */

static int join_near(const struct ambiguity_item *v, size_t n, double near, uint32_t *up, struct key *k,
                     struct spill_space *space, struct err *e)
{
    struct spill bands = {.space = space};
    struct minhash *m = mem_alloc(1, sizeof *m);
    uint64_t *keys = spill_room(&bands, n, BANDS * sizeof *keys, e), of[BANDS];
    int ret = -1;
    if (!m || !keys) {
        if (!m) err_oom(e, sizeof *m, "similar prompts");
        goto out;
    }
    size_t first = 0; /* one of each group of equal prompts */
    minhash_init(m, BANDS, ROWS, 1);
    for (size_t i = 0; i < n; i++) {
        if (root(up, (uint32_t)i) != i || !v[i].n_pairs) continue;
        minhash_keys(m, v[i].pairs, v[i].n_pairs, of);
        for (size_t b = 0; b < BANDS; b++)
            keys[b * n + i] = of[b]; /* a band at a time is read */
        k[first++].item = (uint32_t)i;
    }
    for (size_t b = 0; b < BANDS; b++) {
        for (size_t i = 0; i < first; i++) {
            k[i].hi = keys[b * n + k[i].item];
            k[i].lo = 0;
        }
        spill_sort(k, first, sizeof *k, by_key);
        for (size_t i = 0, j; i < first; i = j) {
            for (j = i + 1; j < first && k[j].hi == k[i].hi;)
                j++;
            join_bucket(v, k + i, j - i, near, up);
        }
    }
    ret = 0;
out:
    free(m);
    spill_free(&bands);
    return ret;
}

/* ---- one group ---- */

struct answer {
    uint64_t hash;
    uint64_t count;
    double rank; /* the highest */
};

/* The answer that stays; false: none does. */
static bool choose(const struct answer *a, size_t n, enum ambiguity_policy policy, uint64_t *out)
{
    size_t best = 0;
    bool tie = false;
    if (policy == AMBIGUITY_DROP) return false;
    for (size_t i = 1; i < n; i++) {
        double x = policy == AMBIGUITY_MAJORITY ? (double)a[i].count : a[i].rank;
        double y = policy == AMBIGUITY_MAJORITY ? (double)a[best].count : a[best].rank;
        if (x > y) {
            best = i;
            tie = false;
        } else if (x >= y) {
            tie = true;
        }
    }
    *out = a[best].hash;
    return !tie && a[best].rank > (double)-INFINITY;
}

static int by_hash(const void *a, const void *b)
{
    const struct answer *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Items k[0 ... n) are one group. */
static void settle_group(struct ambiguity_item *v, const struct key *k, size_t n, struct answer *a,
                         enum ambiguity_policy policy, uint64_t *groups)
{
    for (size_t i = 0; i < n; i++) {
        const struct ambiguity_item *x = &v[k[i].item];
        double rank = policy == AMBIGUITY_MAJORITY ? 0 : isnan(x->rank) ? (double)-INFINITY : x->rank;
        a[i] = (struct answer){x->answer, 1, rank};
    }
    spill_sort(a, n, sizeof *a, by_hash);
    size_t made = 0;
    for (size_t i = 0; i < n; i++) {
        if (!made || a[made - 1].hash != a[i].hash) {
            a[made++] = a[i];
            continue;
        }
        a[made - 1].count++;
        if (a[i].rank > a[made - 1].rank) a[made - 1].rank = a[i].rank;
    }
    uint64_t stays = 0;
    bool some = made > 1 && choose(a, made, policy, &stays);
    if (made > 1) ++*groups;
    for (size_t i = 0; i < n; i++) {
        struct ambiguity_item *x = &v[k[i].item];
        x->answers = (uint32_t)made;
        x->group = made > 1 ? (uint32_t)*groups : 0;
        x->lost = x->itself || (made > 1 && !(some && x->answer == stays));
    }
}

int ambiguity_resolve(struct ambiguity_item *v, size_t n, double near, enum ambiguity_policy policy,
                      uint64_t *groups, struct spill_space *space, struct err *e)
{
    struct spill ups = {.space = space}, ks = {.space = space}, as = {.space = space};
    *groups = 0;
    if (n >= UINT32_MAX) return err_set(e, ERR_DATA, "more than 4 billion examples in one run");
    int ret = -1;
    uint32_t *up = spill_room(&ups, n, sizeof *up, e);
    struct key *k = up ? spill_room(&ks, n, sizeof *k, e) : NULL;
    struct answer *a = k ? spill_room(&as, n, sizeof *a, e) : NULL;
    if (!a) goto out;
    for (size_t i = 0; i < n; i++)
        up[i] = (uint32_t)i;
    join_equal(v, n, up, k);
    if (near < 1 && join_near(v, n, near, up, k, space, e)) goto out;
    for (size_t i = 0; i < n; i++)
        k[i] = (struct key){root(up, (uint32_t)i), 0, (uint32_t)i};
    spill_sort(k, n, sizeof *k, by_key);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && k[j].hi == k[i].hi;)
            j++;
        settle_group(v, k + i, j - i, a, policy, groups);
    }
    ret = 0;
out:
    spill_free(&ups);
    spill_free(&ks);
    spill_free(&as);
    return ret;
}
