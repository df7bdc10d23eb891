/* Pairs out of signatures in memory, a band at a time, with all threads.
 *
 * Most band keys come once, so that sorting them all is wasted: a table of bits
 * tells which may come twice, and only those are sorted.  A band needs memory for
 * its keys alone.  Pairs are a set, so the order in which bands are done is of no
 * matter; the result is that of dedup_bands() and dedup_pairs(). */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/dedup_internal.h"
#include "data/dedup_join_large.h"
#include "data/dedup_radix.h"

enum { BITS_A_KEY = 8, LEAST_BITS = 12, PAIRS = 4096, ROW_AHEAD = 16 };

struct joining {
    struct dedup *d;
    const uint32_t *rows; /* of signatures that take part */
    size_t n;
    int bits; /* the table has 1 << bits, twice */
    uint64_t *want; /* bits of rows that are in a pair */
    struct dlarge large;
    struct join_worker {
        uint64_t *key;         /* n: the band's, as the rows */
        uint64_t *seen, *more; /* came once; again */
        uint64_t *rec;         /* key, row: of those that may come twice */
        size_t rec_cap;
        uint64_t pair[PAIRS * 2]; /* of rows */
        size_t n_pairs;
        struct err err;
        bool failed;
    } * workers;
    pthread_mutex_t lock; /* of the collection of pairs and of want */
};

static inline const uint64_t *row(const struct joining *j, size_t i)
{
    const struct dsort *sig = &j->d->store.sort[D_SIG];
    return sig->v + (size_t)j->rows[i] * (size_t)sig->words;
}

static void mark_wanted(struct joining *j, uint64_t r)
{
    j->want[r >> 6] |= (uint64_t)1 << (r & 63);
}

/* n pairs of rows, which become documents. */
static int add_pairs(struct joining *j, uint64_t *pair, size_t n, struct err *e)
{
    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < 2 * n; i++)
        mark_wanted(j, pair[i]);
    pthread_mutex_unlock(&j->lock);
    for (size_t i = 0; i < 2 * n; i++)
        pair[i] = row(j, pair[i])[0];
    pthread_mutex_lock(&j->lock);
    int ret = dsort_add(&j->d->store.sort[D_PAIR], pair, n, e);
    pthread_mutex_unlock(&j->lock);
    return ret;
}

static int flush(struct joining *j, struct join_worker *w)
{
    int ret = w->n_pairs ? add_pairs(j, w->pair, w->n_pairs, &w->err) : 0;
    w->n_pairs = 0;
    return ret;
}

static int take_large(void *arg, const uint64_t *pair, size_t n, struct err *e)
{
    uint64_t part[2 * 1024];
    for (size_t i = 0, k = 0; i < n; i++) {
        part[2 * k] = pair[i] >> 32;
        part[2 * k++ + 1] = pair[i] & UINT32_MAX;
        if (k < COUNT_OF(part) / 2 && i + 1 < n) continue;
        if (add_pairs(arg, part, k, e)) return -1;
        k = 0;
    }
    return 0;
}

struct pair_sink {
    struct joining *j;
    struct join_worker *w;
};

static int take_pair(void *arg, uint64_t a, uint64_t b, struct err *e)
{
    struct pair_sink *s = arg;
    (void)e; /* the worker's own */
    if (s->w->n_pairs == PAIRS && flush(s->j, s->w)) return -1;
    s->w->pair[2 * s->w->n_pairs] = b;
    s->w->pair[2 * s->w->n_pairs++ + 1] = a;
    return 0;
}

/* Bits of keys that came, and of those that came again. */
static void mark(struct joining *j, struct join_worker *w, int band)
{
    size_t words = (size_t)1 << (j->bits - 6);
    memset(w->seen, 0, words * 8);
    memset(w->more, 0, words * 8);
    for (size_t i = 0; i < j->n; i++) {
        if (i + ROW_AHEAD < j->n) __builtin_prefetch(row(j, i + ROW_AHEAD) + 3 + band);
        uint64_t key = row(j, i)[3 + band], at = key >> (64 - j->bits), bit = (uint64_t)1 << (at & 63);
        w->key[i] = key;
        w->more[at >> 6] |= w->seen[at >> 6] & bit;
        w->seen[at >> 6] |= bit;
    }
}

static int collect(struct joining *j, struct join_worker *w, size_t *n)
{
    size_t k = 0;
    for (size_t i = 0; i < j->n; i++) {
        uint64_t key = w->key[i], at = key >> (64 - j->bits);
        if (!(w->more[at >> 6] >> (at & 63) & 1)) continue;
        if (k == w->rec_cap) {
            size_t cap = k ? k * 2 : 1024;
            uint64_t *rec = mem_resize(w->rec, cap, 16);
            if (!rec) return err_oom(&w->err, cap * 16, "the keys of a band");
            w->rec = rec;
            w->rec_cap = cap;
        }
        w->rec[2 * k] = key;
        w->rec[2 * k++ + 1] = i;
    }
    *n = k;
    return 0;
}

static int join_band(struct joining *j, struct join_worker *w, int band)
{
    struct dbucket b = {0};
    struct pair_sink sink = {j, w};
    size_t n = 0, least = dlarge_least(j->n);
    if (sig_check(&w->err)) return -1;
    mark(j, w, band);
    if (collect(j, w, &n)) return -1;
    dedup_radix_sort(w->rec, n, 2, NULL);
    for (size_t i = 0, end; i < n; i = end) {
        const uint64_t *rec = w->rec + 2 * i;
        for (end = i + 1; end < n && w->rec[2 * end] == rec[0];)
            end++;
        int taken = end - i >= least ? dlarge_add(&j->large, rec, end - i, &w->err) : 0;
        if (taken < 0) return -1;
        for (size_t k = i; k < end && !taken; k++)
            if (dbucket_add(&b, w->rec[2 * k], w->rec[2 * k + 1], take_pair, &sink, &w->err)) return -1;
    }
    return flush(j, w);
}

static int make_worker(struct joining *j, struct join_worker *w)
{
    size_t words = (size_t)1 << (j->bits - 6);
    w->key = mem_alloc(j->n, 8);
    w->seen = mem_alloc(words, 8);
    w->more = mem_alloc(words, 8);
    return w->key && w->seen && w->more ? 0 : err_oom(&w->err, j->n * 8, "the keys of a band");
}

static void slice(void *arg, int band, int thread)
{
    struct joining *j = arg;
    struct join_worker *w = &j->workers[thread];
    if (!w->failed && !w->key) w->failed = make_worker(j, w) != 0;
    if (!w->failed) w->failed = join_band(j, w, band) != 0;
}

static void free_workers(struct joining *j)
{
    for (int t = 0; j->workers && t < j->d->n_workers; t++) {
        free(j->workers[t].key);
        free(j->workers[t].seen);
        free(j->workers[t].more);
        free(j->workers[t].rec);
    }
    free(j->workers);
    free(j->want);
    dlarge_free(&j->large);
}

/* What is in a pair, in order. */
static int want(const struct joining *j, struct err *e)
{
    struct dsort *to = &j->d->store.sort[D_WANT];
    for (size_t i = 0; i < j->n; i += 64)
        for (uint64_t bits = j->want[i >> 6]; bits; bits &= bits - 1)
            if (dsort_add(to, row(j, i + (size_t)__builtin_ctzll(bits)), 1, e)) return -1;
    return 0;
}

/* What it takes without the lists of large buckets. */
static size_t bytes_needed(const struct dedup *d)
{
    const struct dsort *sig = &d->store.sort[D_SIG];
    size_t threads = (size_t)(d->n_workers < d->cfg->bands ? d->n_workers : d->cfg->bands);
    size_t each = 8 + 16 + BITS_A_KEY / 2; /* a key, a record, two tables of up to twice BITS_A_KEY bits */
    return sig->n * (4 + threads * each);
}

bool dedup_join_fits(const struct dedup *d)
{
    const struct dsort *sig = &d->store.sort[D_SIG];
    return !d->store.dir && !d->old && !sig->n_runs && sig->n < UINT32_MAX &&
           (!d->store.mem || bytes_needed(d) <= d->store.mem);
}

int dedup_join(struct dedup *d, const uint32_t *rows, size_t n, struct err *e)
{
    struct joining j = {.d = d, .rows = rows, .n = n, .bits = LEAST_BITS};
    while ((size_t)1 << j.bits < n * BITS_A_KEY)
        j.bits++;
    dlarge_init(&j.large, d->store.mem ? d->store.mem - bytes_needed(d) + 1 : 0); /* 0 is no limit */
    dstore_new(&d->store, D_PAIR);
    dstore_new(&d->store, D_WANT);
    j.workers = mem_zalloc((size_t)d->n_workers, sizeof *j.workers);
    j.want = mem_zalloc(n / 64 + 1, 8);
    if (!j.workers || !j.want) {
        free_workers(&j);
        return err_oom(e, sizeof *j.workers, "the workers");
    }
    pthread_mutex_init(&j.lock, NULL);
    if (n) pool_run(d->cfg->pool, d->cfg->bands, slice, &j);
    int ret = 0;
    for (int t = 0; !ret && t < d->n_workers; t++) {
        if (!j.workers[t].failed) continue;
        *e = j.workers[t].err;
        ret = -1;
    }
    if (!ret) ret = dlarge_pairs(&j.large, n, d->cfg->bands, d->cfg->pool, take_large, &j, e);
    pthread_mutex_destroy(&j.lock);
    if (!ret) ret = want(&j, e);
    free_workers(&j);
    return ret || dstore_put(&d->store, D_PAIR, d->cfg->pool, e) || dstore_put(&d->store, D_WANT, d->cfg->pool, e)
               ? -1
               : 0;
}
