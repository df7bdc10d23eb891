/* Clusters: documents that equality and verified similarity join, directly or
 * over others. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "data/dedup_internal.h"

/* Union-find over the documents that have any duplicate, in order of their
 * numbers; the root of each is the first document of its cluster. */
struct forest {
    uint64_t *doc;
    size_t *up;
    size_t n;
};

static size_t place_of(const struct forest *f, uint64_t doc)
{
    size_t lo = 0, hi = f->n;
    while (lo + 1 < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (f->doc[mid] <= doc)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static size_t root_of(struct forest *f, size_t i)
{
    while (f->up[i] != i)
        i = f->up[i] = f->up[f->up[i]];
    return i;
}

static void unite(struct forest *f, uint64_t a, uint64_t b)
{
    size_t x = root_of(f, place_of(f, a)), y = root_of(f, place_of(f, b));
    if (x < y)
        f->up[y] = x;
    else
        f->up[x] = y;
}

typedef int link_fn(void *arg, uint64_t a, uint64_t b, struct err *e);

static int each_link(struct dedup *d, link_fn *fn, void *arg, struct err *e)
{
    static const struct {
        enum dkind kind;
        int a, b;
    } from[] = {{D_GONE, 0, 1}, {D_EDGE, 1, 3}};
    for (size_t i = 0; i < COUNT_OF(from); i++) {
        struct dmerge m = {0};
        const uint64_t *r;
        int got = dstore_read(&d->store, from[i].kind, 0, UINT64_MAX, &m, e);
        while (!got && (got = dmerge_next(&m, &r, e)) > 0)
            got = fn(arg, r[from[i].a], r[from[i].b], e);
        dmerge_free(&m);
        if (got) return -1;
    }
    return 0;
}

static int collect_link(void *arg, uint64_t a, uint64_t b, struct err *e)
{
    uint64_t both[2] = {a, b};
    return dsort_add(arg, both, 2, e);
}

static int unite_link(void *arg, uint64_t a, uint64_t b, struct err *e)
{
    (void)e;
    unite(arg, a, b);
    return 0;
}

static int plant(struct forest *f, struct dsort *docs, struct err *e)
{
    for (int fill = 0; fill < 2; fill++) {
        struct dmerge m = {0};
        const uint64_t *r;
        size_t n = 0;
        int got = dmerge_add_sort(&m, docs, 0, UINT64_MAX, e);
        while (!got && (got = dmerge_next(&m, &r, e)) > 0) {
            if (fill) {
                f->doc[n] = r[0];
                f->up[n] = n;
            }
            n++;
            got = 0;
        }
        dmerge_free(&m);
        if (got) return -1;
        if (fill) break;
        f->n = n;
        f->doc = mem_alloc(n, sizeof *f->doc);
        f->up = mem_alloc(n, sizeof *f->up);
        if (!f->doc || !f->up) return err_oom(e, n * 16, "the clusters");
    }
    return 0;
}

/* Adds to each document its fate. */
static int put_groups(struct dedup *d, struct forest *f, struct err *e)
{
    struct dmerge m = {0};
    const uint64_t *r = NULL;
    int got = dsort_finish(&d->store.sort[D_FATE], d->cfg->pool, e) ||
                      dmerge_add_sort(&m, &d->store.sort[D_FATE], 0, UINT64_MAX, e)
                  ? -1
                  : 1;
    for (size_t i = 0; i < f->n && got >= 0; i++) {
        while (got > 0 && (!r || r[0] < f->doc[i]))
            got = dmerge_next(&m, &r, e);
        bool goes = got > 0 && r[0] == f->doc[i];
        uint64_t rec[4] = {f->doc[root_of(f, i)], f->doc[i], goes ? r[1] : UINT64_MAX,
                           goes ? r[2] : 0};
        if (got >= 0 && dsort_add(&d->store.sort[D_GROUP], rec, 1, e)) got = -1;
        if (got >= 0 && d->cfg->clusters && f->doc[i] & DOC_NEW &&
            dsort_add(&d->store.sort[D_NAME], &f->doc[i], 1, e))
            got = -1;
    }
    dmerge_free(&m);
    return got < 0 ? -1 : 0;
}

int dedup_groups(struct dedup *d, struct err *e)
{
    struct forest f = {0};
    struct dsort docs;
    dsort_init(&docs, 1, d->store.mem, d->store.dir);
    docs.unique = true;
    int ret = each_link(d, collect_link, &docs, e);
    if (!ret) ret = dsort_finish(&docs, d->cfg->pool, e);
    if (!ret) ret = plant(&f, &docs, e);
    if (!ret) ret = each_link(d, unite_link, &f, e);
    if (!ret) ret = put_groups(d, &f, e);
    dsort_free(&docs);
    free(f.doc);
    free(f.up);
    return ret;
}

/* ---- the file ---- */

enum { PART_BYTES = 512 << 10 };

struct listing {
    struct dedup *d;
    struct buf members, out, scratch;
    uint64_t size;
    struct doc_out file;
};

static int add_member(struct listing *l, const uint64_t *r, struct err *e)
{
    const void *p;
    size_t n;
    buf_adds(&l->members, l->size++ ? ",{\"id\":" : "{\"id\":");
    if (dedup_name_of(l->d, r[1], &l->scratch, &p, &n, e)) return -1;
    buf_add(&l->members, p, n);
    if (r[2] == UINT64_MAX) {
        buf_adds(&l->members, ",\"kept\":true}");
        return buf_ok(&l->members, e);
    }
    buf_adds(&l->members, ",\"kept\":false,\"duplicate_of\":");
    if (dedup_name_of(l->d, r[2], &l->scratch, &p, &n, e)) return -1;
    buf_add(&l->members, p, n);
    buf_printf(&l->members, ",\"duplicate\":\"%s\",\"similarity\":%.4f}",
               r[3] >> 32 == FATE_NEAR ? "near" : "exact", (double)dedup_similarity(r[3]));
    return buf_ok(&l->members, e);
}

/* Packed files get frames of some size. */
static int flush(struct listing *l, struct err *e)
{
    int ret = doc_pack(&l->out, l->file.packing, &l->scratch, e);
    if (!ret) ret = doc_out_write(&l->file, &l->out, e);
    buf_clear(&l->out);
    return ret;
}

static int end_cluster(struct listing *l, struct err *e)
{
    struct dedup_stats *s = l->d->stats;
    if (!l->size) return 0;
    buf_printf(&l->out, "{\"cluster\":%llu,\"size\":%llu,\"members\":[",
               (unsigned long long)s->clusters++, (unsigned long long)l->size);
    buf_add(&l->out, l->members.data, l->members.len);
    buf_adds(&l->out, "]}\n");
    if (l->size > s->largest) s->largest = l->size;
    l->size = 0;
    buf_clear(&l->members);
    return l->out.len < PART_BYTES ? 0 : flush(l, e);
}

int dedup_write_clusters(struct dedup *d, struct err *e)
{
    struct listing l = {.d = d};
    struct dmerge m = {0};
    const uint64_t *r;
    uint64_t root = 0;
    int got = doc_out_open(&l.file, d->cfg->clusters, e);
    if (!got) got = dstore_read(&d->store, D_GROUP, 0, UINT64_MAX, &m, e);
    while (!got && (got = dmerge_next(&m, &r, e)) > 0) {
        got = r[0] != root ? end_cluster(&l, e) : 0;
        root = r[0];
        if (!got) got = add_member(&l, r, e);
    }
    if (!got) got = end_cluster(&l, e);
    if (!got) got = flush(&l, e);
    if (!got) got = doc_out_commit(&l.file, e);
    doc_out_abort(&l.file);
    dmerge_free(&m);
    buf_free(&l.members);
    buf_free(&l.out);
    buf_free(&l.scratch);
    return got;
}
