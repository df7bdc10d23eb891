/* Who goes.  Edges come in the order of preference of the one that may go, the
 * most similar first: it goes when the other end stays, which is decided
 * already, since it is preferred. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/dedup_internal.h"

/* Documents that went, by number; 0 is no number of theirs. */
struct gone_set {
    uint64_t *v;
    size_t slots, n;
};

static size_t slot_of(const struct gone_set *s, uint64_t doc)
{
    size_t h = (size_t)((doc * 0x9E3779B97F4A7C15u) >> 20) & (s->slots - 1);
    while (s->v[h] && s->v[h] != doc)
        h = (h + 1) & (s->slots - 1);
    return h;
}

static bool has_gone(const struct gone_set *s, uint64_t doc)
{
    return s->n && s->v[slot_of(s, doc)];
}

static int note_gone(struct gone_set *s, uint64_t doc, struct err *e)
{
    if (s->n >= s->slots / 2) {
        struct gone_set more = {.slots = s->slots ? s->slots * 2 : 1024};
        more.v = mem_zalloc(more.slots, sizeof *more.v);
        if (!more.v) return err_oom(e, more.slots * 8, "the documents that go");
        for (size_t i = 0; i < s->slots; i++)
            if (s->v[i]) more.v[slot_of(&more, s->v[i])] = s->v[i];
        free(s->v);
        more.n = s->n;
        *s = more;
    }
    s->v[slot_of(s, doc)] = doc;
    s->n++;
    return 0;
}

static int near_fates(struct dedup *d, struct dsort *fates, struct err *e)
{
    struct dmerge m = {0};
    struct gone_set gone = {0};
    const uint64_t *r;
    uint64_t decided = 0, seen = 0;
    int got = dstore_read(&d->store, D_EDGE, 0, UINT64_MAX, &m, e);
    while (!got && (got = dmerge_next(&m, &r, e)) > 0) {
        got = 0;
        if ((++seen & 0xfffff) == 0 && sig_check(e)) {
            got = -1;
            break;
        }
        if (r[1] == decided) continue;
        if (d->cfg->keep != DEDUP_NO_ONE && has_gone(&gone, r[3])) continue;
        decided = r[1];
        uint64_t fate[3] = {r[1], r[3], dedup_fate(FATE_NEAR, dedup_similarity(~r[2]))};
        if (d->cfg->keep != DEDUP_NO_ONE) got = note_gone(&gone, decided, e);
        if (!got) got = dsort_add(fates, fate, 1, e);
    }
    free(gone.v);
    dmerge_free(&m);
    return got;
}

static int put_fate(struct dedup *d, uint64_t doc, uint64_t match, uint64_t fate, struct err *e)
{
    uint64_t rec[3] = {doc, match, fate};
    if (dsort_add(&d->store.sort[D_FATE], rec, 1, e)) return -1;
    bool named = match & DOC_NEW && (d->cfg->removed || d->cfg->annotate || d->cfg->clusters);
    return named ? dsort_add(&d->store.sort[D_NAME], &match, 1, e) : 0;
}

/* near and equal: one record more each while they last.  `by` is the word of
 * `equal` that is compared with the document of `near`. */
struct pair_of {
    struct dmerge near, equal;
    const uint64_t *n, *q;
};

static int step(struct dmerge *m, const uint64_t **r, struct err *e)
{
    int got = dmerge_next(m, r, e);
    if (!got) *r = NULL;
    return got < 0 ? -1 : 0;
}

/* What is equal to a near duplicate is a near duplicate of the same. */
static int join_leaders(struct dedup *d, struct pair_of *p, struct err *e)
{
    const float one = 1;
    uint64_t near[3] = {UINT64_MAX, 0, 0};
    while (p->n || p->q) {
        if (p->n && (!p->q || p->n[0] <= p->q[0])) {
            memcpy(near, p->n, sizeof near);
            if (put_fate(d, near[0], near[1], near[2], e) || step(&p->near, &p->n, e)) return -1;
            continue;
        }
        bool moved = near[0] == p->q[0];
        if (put_fate(d, p->q[1], moved ? near[1] : p->q[0],
                     moved ? near[2] : dedup_fate(FATE_EXACT, one), e) ||
            step(&p->equal, &p->q, e))
            return -1;
    }
    return 0;
}

/* Where no one stays, being equal to another says more than being near it. */
static int join_docs(struct dedup *d, struct pair_of *p, struct err *e)
{
    const float one = 1;
    while (p->n || p->q) {
        if (p->q && (!p->n || p->q[0] <= p->n[0])) {
            uint64_t doc = p->q[0];
            if (put_fate(d, doc, p->q[1], dedup_fate(FATE_EXACT, one), e)) return -1;
            while (p->n && p->n[0] == doc)
                if (step(&p->near, &p->n, e)) return -1;
            if (step(&p->equal, &p->q, e)) return -1;
            continue;
        }
        if (put_fate(d, p->n[0], p->n[1], p->n[2], e) || step(&p->near, &p->n, e)) return -1;
    }
    return 0;
}

static int by_leader(struct dedup *d, struct dsort *to, struct err *e)
{
    struct dmerge m = {0};
    const uint64_t *r;
    int got = dstore_read(&d->store, D_GONE, 0, UINT64_MAX, &m, e);
    while (!got && (got = dmerge_next(&m, &r, e)) > 0) {
        uint64_t turned[2] = {r[1], r[0]};
        got = dsort_add(to, turned, 1, e);
    }
    dmerge_free(&m);
    return got ? got : dsort_finish(to, d->cfg->pool, e);
}

static int fates(struct dedup *d, struct err *e)
{
    bool none = d->cfg->keep == DEDUP_NO_ONE;
    struct pair_of p = {0};
    struct dsort near, leaders;
    dsort_init(&near, 3, d->store.mem, d->store.dir);
    dsort_init(&leaders, 2, d->store.mem, d->store.dir);
    int ret = d->cfg->near ? near_fates(d, &near, e) : 0;
    if (!ret) ret = dsort_finish(&near, d->cfg->pool, e);
    if (!ret) ret = dmerge_add_sort(&p.near, &near, 0, UINT64_MAX, e);
    if (!ret && none) ret = dstore_read(&d->store, D_GONE, 0, UINT64_MAX, &p.equal, e);
    if (!ret && !none) ret = by_leader(d, &leaders, e);
    if (!ret && !none) ret = dmerge_add_sort(&p.equal, &leaders, 0, UINT64_MAX, e);
    if (!ret) ret = step(&p.near, &p.n, e) || step(&p.equal, &p.q, e) ? -1 : 0;
    if (!ret) ret = none ? join_docs(d, &p, e) : join_leaders(d, &p, e);
    dmerge_free(&p.near);
    dmerge_free(&p.equal);
    dsort_free(&near);
    dsort_free(&leaders);
    return ret;
}

int dedup_choose(struct dedup *d, struct err *e)
{
    dstore_new(&d->store, D_NAME);
    dstore_new(&d->store, D_FATE);
    dstore_new(&d->store, D_GROUP);
    dstore_new(&d->store, D_PICK);
    dstore_new(&d->store, D_SHOW);
    if (d->cfg->shard == 0) {
        if (fates(d, e)) return -1;
        if ((d->cfg->clusters || d->cfg->html) && dedup_groups(d, e)) return -1;
        if (d->cfg->html && dedup_pick(d, e)) return -1;
    }
    dstore_drop(&d->store, D_EDGE);
    if (!d->cfg->save_index) dstore_drop(&d->store, D_GONE);
    return dstore_put(&d->store, D_FATE, d->cfg->pool, e) ||
                   dstore_put(&d->store, D_GROUP, d->cfg->pool, e) ||
                   dstore_put(&d->store, D_PICK, d->cfg->pool, e) ||
                   dstore_put(&d->store, D_SHOW, d->cfg->pool, e) ||
                   dstore_put(&d->store, D_NAME, d->cfg->pool, e)
               ? -1
               : 0;
}
