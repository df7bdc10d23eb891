/* Equal documents: identities come sorted, the preferred of each group first. */
#include "core/base/sig.h"
#include "data/dedup_internal.h"

static int add(struct dedup *d, uint64_t doc, uint64_t leader, struct err *e)
{
    uint64_t rec[2] = {doc, leader};
    return doc & DOC_NEW ? dsort_add(&d->store.sort[D_GONE], rec, 1, e) : 0;
}

static int each_group(struct dedup *d, struct dmerge *m, struct err *e)
{
    const uint64_t *r;
    uint64_t hi = 0, lo = 0, leader = 0, n = 0, seen = 0;
    int got;
    while ((got = dmerge_next(m, &r, e)) > 0) {
        if ((++seen & 0xfffff) == 0 && sig_check(e)) return -1;
        if (!n || r[0] != hi || r[1] != lo) {
            hi = r[0];
            lo = r[1];
            leader = r[3];
            n = 1;
            continue;
        }
        if (++n == 2 && d->cfg->keep == DEDUP_NO_ONE && add(d, leader, r[3], e)) return -1;
        if (add(d, r[3], leader, e)) return -1;
    }
    return got;
}

int dedup_equal(struct dedup *d, struct err *e)
{
    struct dmerge m = {0};
    uint64_t lo = dedup_range(d, d->cfg->shard), hi = dedup_range(d, d->cfg->shard + 1);
    dstore_new(&d->store, D_GONE);
    int ret = 0;
    if (d->cfg->exact != DEDUP_NONE) {
        ret = dstore_read(&d->store, D_ID, lo, hi, &m, e);
        if (!ret && d->old) ret = dindex_read(d->old, D_ID, lo, hi, &m, e);
        if (!ret) ret = each_group(d, &m, e);
        dmerge_free(&m);
    }
    dstore_drop(&d->store, D_ID);
    return ret ? -1 : dstore_put(&d->store, D_GONE, d->cfg->pool, e);
}
