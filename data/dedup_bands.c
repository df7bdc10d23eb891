/* Band keys of what is left after the equal ones, and the pairs that share one. */
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/dedup_internal.h"

static int next(struct dmerge *m, const uint64_t **rec, struct err *e)
{
    int got = dmerge_next(m, rec, e);
    if (!got) *rec = NULL;
    return got < 0 ? -1 : 0;
}

static bool has_words(const uint64_t *keys, int n)
{
    for (int i = 0; i < n; i++)
        if (keys[i]) return true;
    return false;
}

/* Of a group of equal documents only the first takes part.  Where no one is to
 * stay it is among the gone itself, named with a later one. */
static bool is_out(const struct dedup *d, const uint64_t *gone)
{
    return d->cfg->keep != DEDUP_NO_ONE || gone[1] < gone[0];
}

static int join(struct dedup *d, struct dmerge *sigs, struct dmerge *gone, struct err *e)
{
    const uint64_t *s, *g;
    uint64_t rec[MINHASH_MAX_BANDS * 2];
    if (next(sigs, &s, e) || next(gone, &g, e)) return -1;
    for (; s; ) {
        while (g && g[0] < s[0])
            if (next(gone, &g, e)) return -1;
        bool out = g && g[0] == s[0] && is_out(d, g);
        if (!out && has_words(s + 3, d->cfg->bands)) {
            for (int b = 0; b < d->cfg->bands; b++) {
                rec[2 * b] = s[3 + b];
                rec[2 * b + 1] = s[0];
            }
            if (dsort_add(&d->store.sort[D_KEY], rec, (size_t)d->cfg->bands, e)) return -1;
        }
        if (next(sigs, &s, e)) return -1;
    }
    return 0;
}

int dedup_bands(struct dedup *d, struct err *e)
{
    struct dmerge sigs = {0}, gone = {0};
    dstore_new(&d->store, D_KEY);
    int ret = dstore_read(&d->store, D_SIG, d->lo, d->hi, &sigs, e) ||
                      dstore_read(&d->store, D_GONE, d->lo, d->hi, &gone, e)
                  ? -1
                  : join(d, &sigs, &gone, e);
    dmerge_free(&sigs);
    dmerge_free(&gone);
    if (!d->cfg->save_index) dstore_drop(&d->store, D_SIG);
    return ret ? -1 : dstore_put(&d->store, D_KEY, d->cfg->pool, e);
}

/* ---- pairs ---- */

/* The documents of one key as they come.  Each makes a pair with the first and
 * with the last of those before: all pairs of up to FIRST + LAST documents, and
 * never more than that for each of a large bucket. */
enum { FIRST = 6, LAST = 10 };

struct bucket {
    uint64_t key, n;
    uint64_t first[FIRST], last[LAST]; /* last: document i in i % LAST */
};

static int add_pair(struct dedup *d, uint64_t a, uint64_t b, struct err *e)
{
    uint64_t pair[2] = {b, a}, both[2] = {a, b};
    if (!(b & DOC_NEW) || a == b) return 0; /* both of the index, or once in it under two names */
    return dsort_add(&d->store.sort[D_PAIR], pair, 1, e) ||
                   dsort_add(&d->store.sort[D_WANT], both + !(a & DOC_NEW), a & DOC_NEW ? 2 : 1, e)
               ? -1
               : 0;
}

static int add_to(struct dedup *d, struct bucket *b, uint64_t doc, struct err *e)
{
    for (uint64_t i = 0; i < b->n && i < FIRST; i++)
        if (add_pair(d, b->first[i], doc, e)) return -1;
    for (uint64_t back = 1; back <= LAST && back <= b->n && b->n - back >= FIRST; back++)
        if (add_pair(d, b->last[(b->n - back) % LAST], doc, e)) return -1;
    if (b->n < FIRST) b->first[b->n] = doc;
    b->last[b->n++ % LAST] = doc;
    return 0;
}

int dedup_pairs(struct dedup *d, struct err *e)
{
    struct dmerge m = {0};
    struct bucket b = {0};
    const uint64_t *r;
    uint64_t lo = dedup_range(d, d->cfg->shard), hi = dedup_range(d, d->cfg->shard + 1);
    dstore_new(&d->store, D_PAIR);
    dstore_new(&d->store, D_WANT);
    int ret = dstore_read(&d->store, D_KEY, lo, hi, &m, e);
    if (!ret && d->old) ret = dindex_read(d->old, D_KEY, lo, hi, &m, e);
    for (uint64_t seen = 0; !ret; seen++) {
        if ((seen & 0xfffff) == 0xfffff && sig_stop_requested())
            ret = err_set(e, ERR_STOPPED, "stopped by a signal");
        else if (next(&m, &r, e))
            ret = -1;
        if (ret || !r) break;
        if (r[0] != b.key || !b.n) b = (struct bucket){.key = r[0]};
        ret = add_to(d, &b, r[1], e);
    }
    dmerge_free(&m);
    dstore_drop(&d->store, D_KEY);
    return ret || dstore_put(&d->store, D_PAIR, d->cfg->pool, e) ||
                   dstore_put(&d->store, D_WANT, d->cfg->pool, e)
               ? -1
               : 0;
}
