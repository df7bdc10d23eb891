/* Band keys of what is left after the equal ones, and the pairs that share one. */
#include <stdlib.h>

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

/* Band keys of documents, or the numbers of their signatures into rows. */
static int take_part(struct dedup *d, struct dmerge *sigs, struct dmerge *gone, uint32_t *rows, size_t *n_rows,
                     struct err *e)
{
    const uint64_t *s, *g;
    uint64_t rec[MINHASH_MAX_BANDS * 2];
    if (next(sigs, &s, e) || next(gone, &g, e)) return -1;
    for (uint32_t i = 0; s; i++) {
        while (g && g[0] < s[0])
            if (next(gone, &g, e)) return -1;
        bool out = (g && g[0] == s[0] && is_out(d, g)) || !has_words(s + 3, d->cfg->bands);
        for (int b = 0; !out && !rows && b < d->cfg->bands; b++) {
            rec[2 * b] = s[3 + b];
            rec[2 * b + 1] = s[0];
        }
        if (!out && rows)
            rows[(*n_rows)++] = i;
        else if (!out && dsort_add(&d->store.sort[D_KEY], rec, (size_t)d->cfg->bands, e))
            return -1;
        if (next(sigs, &s, e)) return -1;
    }
    return 0;
}

int dedup_bands(struct dedup *d, struct err *e)
{
    struct dmerge sigs = {0}, gone = {0};
    uint32_t *rows = NULL;
    size_t n = 0, all = d->store.sort[D_SIG].n;
    dstore_new(&d->store, D_KEY);
    d->joined = dedup_join_fits(d);
    if (d->joined && !(rows = mem_alloc(all ? all : 1, sizeof *rows)))
        return err_oom(e, all * sizeof *rows, "the documents that take part");
    int ret = dstore_read(&d->store, D_SIG, d->lo, d->hi, &sigs, e) ||
                      dstore_read(&d->store, D_GONE, d->lo, d->hi, &gone, e)
                  ? -1
                  : take_part(d, &sigs, &gone, rows, &n, e);
    dmerge_free(&sigs);
    dmerge_free(&gone);
    if (!ret && d->joined) ret = dedup_join(d, rows, n, e);
    free(rows);
    if (!d->cfg->save_index) dstore_drop(&d->store, D_SIG);
    return ret ? -1 : dstore_put(&d->store, D_KEY, d->cfg->pool, e);
}

/* ---- pairs ---- */

static int add_pair(void *arg, uint64_t a, uint64_t b, struct err *e)
{
    struct dedup *d = arg;
    uint64_t pair[2] = {b, a}, both[2] = {a, b};
    if (!(b & DOC_NEW) || a == b) return 0; /* both of the index, or once in it under two names */
    return dsort_add(&d->store.sort[D_PAIR], pair, 1, e) ||
                   dsort_add(&d->store.sort[D_WANT], both + !(a & DOC_NEW), a & DOC_NEW ? 2 : 1, e)
               ? -1
               : 0;
}

int dbucket_add(struct dbucket *b, uint64_t key, uint64_t doc, dbucket_fn *pair, void *arg, struct err *e)
{
    if (key != b->key || !b->n) *b = (struct dbucket){.key = key};
    for (uint64_t i = 0; i < b->n && i < DBUCKET_FIRST; i++)
        if (pair(arg, b->first[i], doc, e)) return -1;
    for (uint64_t back = 1; back <= DBUCKET_LAST && back <= b->n && b->n - back >= DBUCKET_FIRST; back++)
        if (pair(arg, b->last[(b->n - back) % DBUCKET_LAST], doc, e)) return -1;
    if (b->n < DBUCKET_FIRST) b->first[b->n] = doc;
    b->last[b->n++ % DBUCKET_LAST] = doc;
    return 0;
}

int dedup_pairs(struct dedup *d, struct err *e)
{
    struct dmerge m = {0};
    struct dbucket b = {0};
    const uint64_t *r;
    uint64_t lo = dedup_range(d, d->cfg->shard), hi = dedup_range(d, d->cfg->shard + 1);
    if (d->joined) return 0;
    dstore_new(&d->store, D_PAIR);
    dstore_new(&d->store, D_WANT);
    int ret = dstore_read(&d->store, D_KEY, lo, hi, &m, e);
    if (!ret && d->old) ret = dindex_read(d->old, D_KEY, lo, hi, &m, e);
    for (uint64_t seen = 0; !ret; seen++) {
        if (((seen & 0xfffff) == 0xfffff && sig_check(e)) || next(&m, &r, e)) ret = -1;
        if (ret || !r) break;
        ret = dbucket_add(&b, r[0], r[1], add_pair, d, e);
    }
    dmerge_free(&m);
    dstore_drop(&d->store, D_KEY);
    return ret || dstore_put(&d->store, D_PAIR, d->cfg->pool, e) ||
                   dstore_put(&d->store, D_WANT, d->cfg->pool, e)
               ? -1
               : 0;
}
