#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/dedup_internal.h"

static bool better(const struct dedup *d, uint32_t a, uint32_t b)
{
    const struct dedup_rec *r = dedup_recs(d);
    if (d->cfg->keep == DEDUP_LONGEST && r[a].len != r[b].len) return r[a].len > r[b].len;
    return a < b;
}

/* One table of the first document of each identity; then its best. */
int dedup_exact(struct dedup *d, struct err *e)
{
    const struct dedup_rec *r = dedup_recs(d);
    size_t slots = 16;
    while (slots < d->n * 2)
        slots *= 2;
    uint32_t *table = mem_alloc(slots, sizeof *table),
             *best = mem_alloc((size_t)d->n, sizeof *best);
    if (!table || !best) {
        free(table);
        free(best);
        return err_oom(e, slots * sizeof *table, "the table of documents");
    }
    memset(table, 0xff, slots * sizeof *table);
    for (uint32_t i = 0; i < d->n; i++) {
        size_t h = (size_t)r[i].id.lo & (slots - 1);
        while (table[h] != UINT32_MAX && !hash128_eq(r[table[h]].id, r[i].id))
            h = (h + 1) & (slots - 1);
        best[i] = i;
        if (table[h] == UINT32_MAX) {
            table[h] = i;
            continue;
        }
        d->match[i] = table[h];
        if (better(d, i, best[table[h]])) best[table[h]] = i;
    }
    for (uint32_t i = 0; i < d->n; i++) {
        uint32_t first = d->match[i] == UINT32_MAX ? i : d->match[i];
        if (first == i && best[i] == i) continue;
        best[i] = best[first];
    }
    for (uint32_t i = 0; i < d->n; i++) {
        d->match[i] = best[i] == i ? UINT32_MAX : best[i];
        if (best[i] != i) d->sim[i] = 1;
    }
    free(table);
    free(best);
    return 0;
}

/* ---- candidates ---- */

struct key {
    uint64_t key;
    uint32_t doc;
};

/* Radix sort by the key's upper 32 bits, then by insertion where they tie: the
 * order of documents within equal keys is kept. */
static void sort_keys(struct key *v, struct key *tmp, size_t n)
{
    for (int shift = 32; shift < 64; shift += 8) {
        size_t count[257] = {0};
        for (size_t i = 0; i < n; i++)
            count[(v[i].key >> shift & 255) + 1]++;
        for (int k = 0; k < 256; k++)
            count[k + 1] += count[k];
        for (size_t i = 0; i < n; i++)
            tmp[count[v[i].key >> shift & 255]++] = v[i];
        struct key *t = v;
        v = tmp;
        tmp = t;
    }
}

static int by_key(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->doc < y->doc ? -1 : x->doc > y->doc;
}

/* Runs of equal upper halves are nearly always runs of equal keys. */
static void finish_sort(struct key *v, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t j = i + 1;
        bool mixed = false;
        for (; j < n && v[j].key >> 32 == v[i].key >> 32; j++)
            mixed |= v[j].key != v[i].key;
        if (mixed) qsort(v + i, j - i, sizeof *v, by_key);
        i = j;
    }
}

/* A bucket of m documents gives at most 4m pairs: with its first member, and
 * with the three before. */
static void bucket_pairs(const struct key *v, size_t n, struct buf *out)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t with[4];
        int k = 0;
        with[k++] = v[0].doc;
        for (size_t back = 1; back <= 3 && back < i; back++)
            with[k++] = v[i - back].doc;
        for (int j = 0; j < k; j++) {
            uint64_t pair = with[j] << 32 | v[i].doc;
            buf_add(out, &pair, sizeof pair);
        }
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void unique_pairs(struct buf *b)
{
    uint64_t *v = (uint64_t *)(void *)b->data;
    size_t n = b->len / 8, k = 0;
    if (n) qsort(v, n, 8, by_value);
    for (size_t i = 0; i < n; i++)
        if (!i || v[i] != v[i - 1]) v[k++] = v[i];
    b->len = k * 8;
}

static void band_pairs(struct dedup *d, int band, struct key *v, struct key *tmp, struct buf *out)
{
    const struct dedup_rec *r = dedup_recs(d);
    const uint64_t *keys = (const uint64_t *)(const void *)d->keys.data;
    size_t n = 0;
    for (uint32_t i = 0; i < d->n; i++)
        if (d->match[i] == UINT32_MAX && !r[i].empty)
            v[n++] = (struct key){keys[(size_t)i * (size_t)d->cfg->bands + (size_t)band], i};
    sort_keys(v, tmp, n);
    finish_sort(v, n);
    for (size_t i = 0; i < n;) {
        size_t j = i + 1;
        while (j < n && v[j].key == v[i].key)
            j++;
        bucket_pairs(v + i, j - i, out);
        i = j;
    }
}

int dedup_candidates(struct dedup *d, struct err *e)
{
    struct buf all = {0};
    size_t merged = 0;
    struct key *v = mem_alloc((size_t)d->n, sizeof *v), *tmp = mem_alloc((size_t)d->n, sizeof *tmp);
    int ret = v && tmp ? 0 : err_oom(e, d->n * 2 * sizeof *v, "the keys of a band");
    for (int b = 0; b < d->cfg->bands && !ret; b++) {
        band_pairs(d, b, v, tmp, &all);
        ret = buf_ok(&all, e);
        if (!ret && all.len > 2 * merged + (1 << 20)) { /* equal pairs come from several bands */
            unique_pairs(&all);
            merged = all.len;
        }
    }
    free(v);
    free(tmp);
    buf_free(&d->keys);
    if (!ret) {
        unique_pairs(&all);
        d->n_pairs = all.len / 8;
        d->pairs = mem_alloc(d->n_pairs, sizeof *d->pairs);
        d->wanted = mem_zalloc((size_t)d->n, 1);
        if (!d->pairs || !d->wanted)
            ret = err_oom(e, d->n_pairs * sizeof *d->pairs, "candidate pairs");
    }
    for (size_t i = 0; i < d->n_pairs && !ret; i++) {
        uint64_t p = ((const uint64_t *)(const void *)all.data)[i];
        d->pairs[i] = (struct dedup_pair){(uint32_t)(p >> 32), (uint32_t)p, 0};
        d->wanted[d->pairs[i].a] = d->wanted[d->pairs[i].b] = 1;
    }
    buf_free(&all);
    d->stats->candidates = d->n_pairs;
    return ret;
}

/* ---- verification and choice ---- */

enum { PAIRS_A_SLICE = 256 };

static void verify_slice(void *arg, int slice, int thread)
{
    struct dedup *d = arg;
    const uint64_t *sets = (const uint64_t *)(const void *)d->sets.data;
    size_t from = (size_t)slice * PAIRS_A_SLICE, to = from + PAIRS_A_SLICE;
    (void)thread;
    for (size_t i = from; i < to && i < d->n_pairs; i++) {
        struct dedup_pair *p = &d->pairs[i];
        const uint64_t *a = sets + d->set_at[p->a], *b = sets + d->set_at[p->b];
        p->sim = (float)shingles_jaccard(a + 1, (size_t)a[0], b + 1, (size_t)b[0]);
    }
}

struct preference {
    uint32_t len, doc;
};

static int by_preference(const void *a, const void *b)
{
    const struct preference *x = a, *y = b;
    if (x->len != y->len) return x->len > y->len ? -1 : 1;
    return x->doc < y->doc ? -1 : x->doc > y->doc;
}

struct edges {
    uint32_t *first; /* n + 1 */
    uint32_t *to;
    float *sim;
};

static int make_edges(const struct dedup *d, struct edges *g, struct err *e)
{
    size_t n = (size_t)d->n, m = d->n_pairs;
    g->first = mem_zalloc(n + 2, sizeof *g->first);
    g->to = mem_alloc(2 * m, sizeof *g->to);
    g->sim = mem_alloc(2 * m, sizeof *g->sim);
    if (!g->first || !g->to || !g->sim || m > UINT32_MAX / 2)
        return err_oom(e, m * 16, "pairs of documents");
    for (size_t i = 0; i < m; i++) {
        if ((double)d->pairs[i].sim < d->cfg->verify) continue;
        g->first[d->pairs[i].a + 2]++;
        g->first[d->pairs[i].b + 2]++;
    }
    for (size_t i = 2; i < n + 2; i++)
        g->first[i] += g->first[i - 1];
    for (size_t i = 0; i < m; i++) {
        const struct dedup_pair *p = &d->pairs[i];
        if ((double)p->sim < d->cfg->verify) continue;
        uint32_t x = g->first[p->a + 1]++, y = g->first[p->b + 1]++;
        g->to[x] = p->b;
        g->to[y] = p->a;
        g->sim[x] = g->sim[y] = p->sim;
    }
    return 0;
}

/* The most similar neighbour that stays and was decided before. */
static void decide(struct dedup *d, const struct edges *g, const uint8_t *stays, uint32_t i)
{
    for (uint32_t k = g->first[i]; k < g->first[i + 1]; k++) {
        uint32_t j = g->to[k];
        if (!stays[j]) continue;
        if (d->match[i] == UINT32_MAX || g->sim[k] > d->sim[i] ||
            (!(g->sim[k] < d->sim[i]) && j < d->match[i])) {
            d->match[i] = j;
            d->sim[i] = g->sim[k];
            d->near[i] = 1;
        }
    }
}

int dedup_choose(struct dedup *d, struct err *e)
{
    struct edges g = {0};
    uint8_t *stays = mem_zalloc((size_t)d->n, 1);
    struct preference *order = mem_alloc((size_t)d->n, sizeof *order);
    int ret = stays && order ? 0 : err_oom(e, d->n * sizeof *order, "the order of documents");
    if (!ret) {
        pool_run(d->cfg->pool, (int)((d->n_pairs + PAIRS_A_SLICE - 1) / PAIRS_A_SLICE),
                 verify_slice, d);
        for (size_t i = 0; i < d->n_pairs; i++)
            d->stats->confirmed += (double)d->pairs[i].sim >= d->cfg->verify;
        ret = make_edges(d, &g, e);
    }
    if (!ret) {
        size_t n = 0;
        for (uint32_t i = 0; i < d->n; i++)
            if (d->match[i] == UINT32_MAX)
                order[n++] = (struct preference){
                    d->cfg->keep == DEDUP_LONGEST ? dedup_recs(d)[i].len : 0, i};
        if (n && d->cfg->keep == DEDUP_LONGEST) qsort(order, n, sizeof *order, by_preference);
        for (size_t k = 0; k < n; k++) {
            decide(d, &g, stays, order[k].doc);
            stays[order[k].doc] = d->match[order[k].doc] == UINT32_MAX;
        }
        /* What is equal to a near duplicate is a near duplicate of the same. */
        for (uint32_t i = 0; i < d->n; i++) {
            uint32_t m = d->match[i];
            if (m == UINT32_MAX || stays[m]) continue;
            d->match[i] = d->match[m];
            d->sim[i] = d->sim[m];
            d->near[i] = 1;
        }
    }
    free(g.first);
    free(g.to);
    free(g.sim);
    free(stays);
    free(order);
    return ret;
}
