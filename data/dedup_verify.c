/* Sets of shingles of the candidates, and the true similarity of each pair. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/dedup_internal.h"

/* A set in the store: the document's rank, then the shingles, 32 bits each. */

int dedup_set_doc(struct dedup *d, struct dedup_worker *w, const struct doc *doc, uint64_t number,
                  struct doc_slot *s, struct err *e)
{
    if (shingles_words(&w->sh, doc->text, doc->text_len, e) ||
        shingles_make(&w->sh, d->cfg->width, e))
        return -1;
    uint64_t head[3] = {number, 8, dedup_rank(d, doc)};
    uint32_t *set;
    size_t n;
    if (shingles_set(&w->sh, &set, &n, e)) return -1;
    head[1] += n * sizeof *set;
    buf_add(&s->out[0], head, sizeof head);
    buf_add(&s->out[0], set, n * sizeof *set);
    return 0;
}

static int sets_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    (void)thread;
    return dblobs_take(&d->store.blobs[B_SETS], &s->out[0], e);
}

int dedup_sets(struct dedup *d, struct err *e)
{
    dstore_new_blobs(&d->store, B_SETS);
    int ret = dedup_pass_chosen(d, "compare", D_WANT, dedup_set_doc, sets_done, e);
    dstore_drop(&d->store, D_WANT);
    return ret ? -1 : dstore_put_blobs(&d->store, B_SETS, e);
}

/* ---- similarities ---- */

enum { BATCH = 16384, SLICE = 128, EDGE_WORDS = 4 };

struct verified {
    uint64_t a, b, rank_a, rank_b;
    double sim;
};

struct verifying {
    struct dedup *d;
    struct verified *v;
    size_t n;
    uint64_t *edge; /* of a batch, two a pair at most */
    struct err *errs; /* one a thread */
    bool *failed;
};

static int get_set(struct dedup *d, uint64_t doc, struct buf *scratch, uint64_t *rank,
                   const uint32_t **set, size_t *n, struct err *e)
{
    const void *p;
    int got = doc & DOC_NEW
                  ? dstore_get_blob(&d->store, B_SETS, dedup_shard_of(d, doc), doc, scratch, &p, n, e)
                  : dindex_get(d->old, B_SETS, doc, scratch, &p, n, e);
    if (got == 0 || (got > 0 && *n < 8))
        got = err_set(e, doc & DOC_NEW ? ERR_INTERNAL : ERR_DATA, "a candidate has no shingles");
    if (got < 0) return -1;
    memcpy(rank, p, 8);
    *set = (const uint32_t *)(const void *)((const char *)p + 8);
    *n = (*n - 8) / 4;
    return 0;
}

/* The later document of a pair, mostly that of the pair before, too. */
struct later {
    uint64_t doc, rank;
    const uint32_t *set; /* NULL: none yet */
    size_t n;
};

static int verify_pair(struct dedup *d, struct dedup_worker *w, struct verified *x, struct later *b, struct err *e)
{
    const uint32_t *a;
    size_t na;
    if (get_set(d, x->a, &w->a, &x->rank_a, &a, &na, e)) return -1;
    if ((!b->set || b->doc != x->b) && get_set(d, x->b, &w->b, &b->rank, &b->set, &b->n, e)) return -1;
    b->doc = x->b;
    x->rank_b = b->rank;
    if (!(x->a & DOC_NEW)) x->rank_a = 0;
    size_t less = na < b->n ? na : b->n, more = na < b->n ? b->n : na;
    x->sim = more ? (double)less / (double)more : 1; /* it can be no more */
    if (x->sim >= d->cfg->verify) x->sim = shingles_similarity(a, na, b->set, b->n);
    return 0;
}

static void verify_slice(void *arg, int slice, int thread)
{
    struct verifying *v = arg;
    size_t from = (size_t)slice * SLICE, to = from + SLICE < v->n ? from + SLICE : v->n;
    struct later b = {0};
    for (size_t i = from; i < to && !v->failed[thread]; i++)
        if (verify_pair(v->d, &v->d->workers[thread], &v->v[i], &b, &v->errs[thread]))
            v->failed[thread] = true;
}

/* Where the next one goes. */
static uint64_t *add_edge(uint64_t *to, uint64_t rank, uint64_t doc, uint64_t better, double sim)
{
    if (!(doc & DOC_NEW)) return to; /* what the index holds stays */
    to[0] = rank;
    to[1] = doc;
    to[2] = ~dedup_fate(0, (float)sim);
    to[3] = better;
    return to + EDGE_WORDS;
}

static int take_edges(struct verifying *v, struct err *e)
{
    struct dedup *d = v->d;
    for (int t = 0; t < d->n_workers; t++)
        if (v->failed[t]) {
            *e = v->errs[t];
            return -1;
        }
    uint64_t *to = v->edge;
    for (size_t i = 0; i < v->n; i++) {
        const struct verified *x = &v->v[i];
        d->stats->candidates++;
        if (x->sim < d->cfg->verify) continue;
        d->stats->confirmed++;
        bool a_first = x->rank_a != x->rank_b ? x->rank_a < x->rank_b : x->a < x->b;
        bool both = d->cfg->keep == DEDUP_NO_ONE;
        if (a_first || both) to = add_edge(to, x->rank_b, x->b, x->a, x->sim);
        if (!a_first || both) to = add_edge(to, x->rank_a, x->a, x->b, x->sim);
    }
    return dsort_add(&d->store.sort[D_EDGE], v->edge, (size_t)(to - v->edge) / EDGE_WORDS, e);
}

static int verify_all(struct verifying *v, struct dmerge *m, struct err *e)
{
    const uint64_t *r;
    int got = 1;
    while (got > 0) {
        if (sig_check(e)) return -1;
        for (v->n = 0; v->n < BATCH && (got = dmerge_next(m, &r, e)) > 0; v->n++)
            v->v[v->n] = (struct verified){.a = r[1], .b = r[0]};
        if (got < 0) return -1;
        pool_run(v->d->cfg->pool, (int)((v->n + SLICE - 1) / SLICE), verify_slice, v);
        if (take_edges(v, e)) return -1;
    }
    return 0;
}

int dedup_verify(struct dedup *d, struct err *e)
{
    struct dmerge m = {0};
    struct verifying v = {.d = d};
    size_t n = (size_t)d->n_workers;
    dstore_new(&d->store, D_EDGE);
    v.v = mem_alloc(BATCH, sizeof *v.v);
    v.edge = mem_alloc(BATCH, 2 * EDGE_WORDS * sizeof *v.edge);
    v.errs = mem_alloc(n, sizeof *v.errs);
    v.failed = mem_zalloc(n, sizeof *v.failed);
    int ret = v.v && v.edge && v.errs && v.failed ? 0 : err_oom(e, BATCH * sizeof *v.v, "pairs");
    if (!ret) ret = dstore_open_blobs(&d->store, B_SETS, e);
    if (!ret) ret = dstore_read(&d->store, D_PAIR, d->lo, d->hi, &m, e);
    if (!ret) ret = verify_all(&v, &m, e);
    dmerge_free(&m);
    free(v.v);
    free(v.edge);
    free(v.errs);
    free(v.failed);
    dstore_drop(&d->store, D_PAIR);
    if (!d->store.dir) dblobs_free(&d->store.blobs[B_SETS]);
    return ret ? -1 : dstore_put(&d->store, D_EDGE, d->cfg->pool, e);
}
