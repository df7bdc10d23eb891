/* Phases of the HTML report: pairs to look at are picked when it is known who
 * goes, their texts fetched, sources counted while documents are written; the
 * first shard makes the page. */
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "data/dedup_detail.h"
#include "data/dedup_internal.h"

/* ---- sources ---- */

static int add_source(struct dsources *s, const char *name, size_t n, const struct dsource *x, struct err *e)
{
    uint32_t i = labels_id(&s->names, name, n);
    if (i == LABEL_NONE) return err_oom(e, n, "the sources");
    if (i >= s->cap) {
        size_t old = s->cap;
        if (!mem_grow(&s->v, &s->cap, (size_t)i + 1, sizeof *s->v))
            return err_oom(e, ((size_t)i + 1) * sizeof *s->v, "the sources");
        memset(s->v + old, 0, (s->cap - old) * sizeof *s->v);
    }
    s->v[i].docs += x->docs;
    s->v[i].exact += x->exact;
    s->v[i].near += x->near;
    s->v[i].bytes_in += x->bytes_in;
    s->v[i].bytes_out += x->bytes_out;
    return 0;
}

void dsources_free(struct dsources *s)
{
    labels_free(&s->names);
    free(s->v);
    *s = (struct dsources){0};
}

int dedup_count_source(struct dedup_worker *w, const struct doc *doc, const struct dsource *x, struct err *e)
{
    const char *s = doc->extra[DEDUP_SOURCE];
    size_t n = doc->extra_len[DEDUP_SOURCE];
    if (s && n >= 2 && s[0] == '"') { /* the inside of a string, else as written */
        buf_clear(&w->a);
        if (!doc_json_unescape(s + 1, n - 2, &w->a) && !w->a.oom) {
            s = w->a.data;
            n = w->a.len;
        }
    }
    return add_source(&w->sources, s ? s : "", s ? n : 0, x, e);
}

/* What the threads have counted. */
int dedup_put_sources(struct dedup *d, struct err *e)
{
    struct dblobs *b = dstore_new_blobs(&d->store, B_SOURCES);
    struct dsources all = {0};
    struct buf one = {0};
    int ret = 0;
    for (int t = 0; t < d->n_workers && !ret; t++) {
        struct dsources *s = &d->workers[t].sources;
        for (size_t i = 0; i < s->names.n && !ret; i++)
            ret = add_source(&all, s->names.name[i], strlen(s->names.name[i]), &s->v[i], e);
        dsources_free(s);
    }
    for (size_t i = 0; i < all.names.n && !ret; i++) {
        buf_clear(&one);
        buf_add(&one, &all.v[i], sizeof all.v[i]);
        buf_adds(&one, all.names.name[i]);
        ret = buf_ok(&one, e) || dblobs_add(b, i, one.data, one.len, e) ? -1 : 0;
    }
    dsources_free(&all);
    buf_free(&one);
    return ret ? -1 : dstore_put_blobs(&d->store, B_SOURCES, e);
}

/* ---- pairs ---- */

static int bin_of(uint64_t fate)
{
    if (fate >> 32 != FATE_NEAR) return DETAIL_BINS;
    int k = (int)(dedup_similarity(fate) * DETAIL_BINS);
    return k < 0 ? 0 : k >= DETAIL_BINS ? DETAIL_BINS - 1 : k;
}

/* Of each bin those with the smallest hashes of their number: any, but always the same. */
int dedup_pick(struct dedup *d, struct err *e)
{
    static const size_t bytes = sizeof(uint64_t[DETAIL_BINS + 1][DETAIL_PAIRS][4]);
    uint64_t (*pick)[DETAIL_PAIRS][4] = mem_zalloc(1, bytes);
    int n[DETAIL_BINS + 1] = {0};
    struct dmerge m = {0};
    const uint64_t *r;
    if (!pick) return err_oom(e, bytes, "pairs");
    int got = dsort_finish(&d->store.sort[D_FATE], d->cfg->pool, e) ||
                      dmerge_add_sort(&m, &d->store.sort[D_FATE], 0, UINT64_MAX, e)
                  ? -1
                  : 0;
    while (!got && (got = dmerge_next(&m, &r, e)) > 0) {
        int k = bin_of(r[2]), at = n[k];
        uint64_t rec[4] = {hash64(r, 8), r[0], r[1], r[2]};
        for (; at && pick[k][at - 1][0] > rec[0]; at--)
            if (at < DETAIL_PAIRS) memcpy(pick[k][at], pick[k][at - 1], sizeof rec);
        if (at < DETAIL_PAIRS) memcpy(pick[k][at], rec, sizeof rec);
        n[k] += n[k] < DETAIL_PAIRS;
        got = 0;
    }
    dmerge_free(&m);
    for (int k = 0; k <= DETAIL_BINS && !got; k++)
        for (int i = 0; i < n[k] && !got; i++) {
            uint64_t rec[4] = {(uint64_t)(k * DETAIL_PAIRS + i), pick[k][i][1], pick[k][i][2], pick[k][i][3]};
            got = dsort_add(&d->store.sort[D_PICK], rec, 1, e) || dsort_add(&d->store.sort[D_SHOW], rec + 1, 1, e) ||
                          (rec[2] & DOC_NEW && dsort_add(&d->store.sort[D_SHOW], rec + 2, 1, e))
                      ? -1
                      : 0;
        }
    free(pick);
    return got;
}

static int text_doc(struct dedup *d, struct dedup_worker *w, const struct doc *doc, uint64_t number,
                    struct doc_slot *s, struct err *e)
{
    size_t n = doc->text_len;
    (void)d;
    if (n > DETAIL_TEXT) n = DETAIL_TEXT;
    while (n && n < doc->text_len && ((unsigned char)doc->text[n] & 0xC0) == 0x80)
        n--;
    buf_clear(&w->a);
    doc_emit_id(doc, &w->a);
    buf_addc(&w->a, '\n');
    buf_add(&w->a, doc->text, n);
    uint64_t head[2] = {number, w->a.len};
    buf_add(&s->out[0], head, sizeof head);
    buf_add(&s->out[0], w->a.data, w->a.len);
    return buf_ok(&w->a, e);
}

static int texts_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    (void)thread;
    return dblobs_take(&d->store.blobs[B_TEXTS], &s->out[0], e);
}

int dedup_texts(struct dedup *d, struct err *e)
{
    dstore_new_blobs(&d->store, B_TEXTS);
    int ret = dedup_pass_chosen(d, "texts of the report", D_SHOW, text_doc, texts_done, e);
    dstore_drop(&d->store, D_SHOW);
    return ret ? -1 : dstore_put_blobs(&d->store, B_TEXTS, e);
}

/* ---- the page ---- */

static void detail_free(struct dedup_detail *x)
{
    if (!x) return;
    dsources_free(&x->sources);
    for (size_t i = 0; i < x->n_pairs; i++) {
        free(x->pair[i].gone);
        free(x->pair[i].stays);
    }
    free(x);
}

static int each(struct dedup *d, enum dkind k,
                int (*fn)(struct dedup *, struct dedup_detail *, const uint64_t *, struct err *),
                struct dedup_detail *x, struct err *e)
{
    struct dmerge m = {0};
    const uint64_t *r;
    int got = dstore_read(&d->store, k, 0, UINT64_MAX, &m, e);
    while (!got && (got = dmerge_next(&m, &r, e)) > 0)
        got = fn(d, x, r, e);
    dmerge_free(&m);
    return got;
}

static int see_fate(struct dedup *d, struct dedup_detail *x, const uint64_t *r, struct err *e)
{
    int k = bin_of(r[2]);
    (void)d;
    (void)e;
    if (k == DETAIL_BINS)
        x->exact++;
    else
        x->sims[k]++;
    return 0;
}

static void end_cluster(struct dedup_detail *x, uint64_t n)
{
    int k = 0;
    if (n < 2) return;
    while (k < DETAIL_SIZES - 1 && (uint64_t)2 << k < n)
        k++;
    x->clusters++;
    x->sizes[k]++;
    x->docs[k] += n;
    if (n > x->largest) x->largest = n;
}

static int see_clusters(struct dedup *d, struct dedup_detail *x, struct err *e)
{
    struct dmerge m = {0};
    const uint64_t *r;
    uint64_t root = 0, n = 0;
    int got = dstore_read(&d->store, D_GROUP, 0, UINT64_MAX, &m, e);
    while (!got && (got = dmerge_next(&m, &r, e)) > 0) {
        if (r[0] != root) {
            end_cluster(x, n);
            n = 0;
        }
        root = r[0];
        n++;
        got = 0;
    }
    end_cluster(x, n);
    dmerge_free(&m);
    return got;
}

static char *text_of(struct dedup *d, uint64_t doc, struct err *e)
{
    struct buf scratch = {0};
    const void *p;
    size_t n;
    int got = doc & DOC_NEW ? dstore_get_blob(&d->store, B_TEXTS, dedup_shard_of(d, doc), doc, &scratch, &p, &n, e)
                            : dindex_get(d->old, B_NAMES, doc, &scratch, &p, &n, e);
    char *s = got > 0 ? mem_strndup(p, n) : NULL;
    if (!got) err_set(e, ERR_INTERNAL, "a pair of the report has no text");
    if (got > 0 && !s) err_oom(e, n, "the report");
    buf_free(&scratch);
    return s;
}

static int see_pair(struct dedup *d, struct dedup_detail *x, const uint64_t *r, struct err *e)
{
    if (x->n_pairs == COUNT_OF(x->pair)) return err_set(e, ERR_DATA, "'%s' is damaged", d->store.dir);
    struct dpair *p = &x->pair[x->n_pairs++];
    p->near = r[3] >> 32 == FATE_NEAR;
    p->similarity = (double)dedup_similarity(r[3]);
    p->gone = text_of(d, r[1], e);
    p->stays = p->gone ? text_of(d, r[2], e) : NULL;
    return p->stays ? 0 : -1;
}

static int see_sources(struct dedup *d, struct dedup_detail *x, struct err *e)
{
    struct buf scratch = {0};
    int ret = dstore_open_blobs(&d->store, B_SOURCES, e);
    for (int s = 0; s < d->cfg->shards && !ret; s++) {
        const struct dblobs *b = dstore_blobs(&d->store, B_SOURCES, s);
        for (uint64_t i = 0; i < dblobs_count(b) && !ret; i++) {
            struct dsource one;
            const void *p;
            size_t n;
            if (dblobs_at(b, i, &scratch, &p, &n, e) < 0)
                ret = -1;
            else if (n < sizeof one)
                ret = err_set(e, ERR_DATA, "'%s' is damaged", d->store.dir);
            if (ret) break;
            memcpy(&one, p, sizeof one);
            ret = add_source(&x->sources, (const char *)p + sizeof one, n - sizeof one, &one, e);
        }
    }
    buf_free(&scratch);
    return ret;
}

int dedup_write_page(const struct dedup_cfg *cfg, const struct dedup_stats *s, const struct dedup_detail *x,
                     struct err *e)
{
    struct buf page = {0};
    int ret = dedup_page(cfg, s, x, &page, e);
    if (!ret) ret = file_write_again(cfg->html, page.data, page.len, e);
    buf_free(&page);
    return ret;
}

int dedup_report(struct dedup *d, struct err *e)
{
    struct dedup_stats all = {0};
    if (d->cfg->shard) return 0;
    if (dedup_total(d, &all, e)) return -1;
    if (d->cfg->unit != DEDUP_DOCS) return dedup_write_page(d->cfg, &all, NULL, e);
    struct dedup_detail *x = mem_zalloc(1, sizeof *x);
    int ret = x ? dstore_open_blobs(&d->store, B_TEXTS, e) : err_oom(e, sizeof *x, "the report");
    if (!ret) ret = each(d, D_FATE, see_fate, x, e);
    if (!ret) ret = see_clusters(d, x, e);
    if (!ret) ret = each(d, D_PICK, see_pair, x, e);
    if (!ret) ret = see_sources(d, x, e);
    if (!ret) ret = dedup_write_page(d->cfg, &all, x, e);
    detail_free(x);
    return ret;
}
