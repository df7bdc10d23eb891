#include "data/dedup_sort.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fault.h"
#include "core/base/mem.h"
#include "data/dedup_radix.h"

enum { MERGE_BYTES = 256 << 10 }; /* read at once from each run */

void dsort_init(struct dsort *s, int words, size_t mem, const char *dir)
{
    *s = (struct dsort){.words = words, .dir = dir, .fd = -1, .in_order = true};
    s->max = mem ? mem / ((size_t)words * 8) : SIZE_MAX;
    if (s->max < 1024) s->max = 1024;
}

static int compare(const uint64_t *a, const uint64_t *b, int words)
{
    for (int k = 0; k < words; k++)
        if (a[k] != b[k]) return a[k] < b[k] ? -1 : 1;
    return 0;
}

static void sort_memory(struct dsort *s, struct pool *pool)
{
    size_t w = (size_t)s->words, k = 0;
    if (!s->in_order) dedup_radix_sort(s->v, s->n, s->words, pool);
    s->in_order = true;
    if (!s->unique) return;
    for (size_t i = 0; i < s->n; i++) {
        if (k && compare(s->v + i * w, s->v + (k - 1) * w, s->words) == 0) continue;
        if (k != i) memcpy(s->v + k * w, s->v + i * w, w * 8);
        k++;
    }
    s->n = k;
}

static int open_spill(struct dsort *s, struct err *e)
{
    char path[4096];
    const char *dir = s->dir ? s->dir : getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/llmctl-sort-XXXXXX", dir && *dir ? dir : "/tmp");
    s->fd = fault_point(FAULT_OPEN) ? -1 : mkostemp(path, O_CLOEXEC);
    if (s->fd < 0) return err_errno(e, errno, "cannot create a temporary file", path);
    unlink(path);
    return 0;
}

static int spill(struct dsort *s, struct err *e)
{
    if (s->fd < 0 && open_spill(s, e)) return -1;
    if (!mem_room(&s->runs, &s->cap_runs, s->n_runs + 1, sizeof *s->runs))
        return err_oom(e, (s->n_runs + 1) * sizeof *s->runs, "the list of sorted runs");
    const char *p = (const char *)s->v;
    size_t left = s->n * (size_t)s->words * 8;
    s->runs[s->n_runs++] = (struct dsort_run){s->spilled_bytes, s->n};
    while (left) {
        ssize_t w = fault_point(FAULT_WRITE) ? -1 : write(s->fd, p, left);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) {
            err_errno(e, errno, "writing a temporary file in", s->dir ? s->dir : "$TMPDIR");
            return err_hint(e, "free some space, or set TMPDIR to another disk");
        }
        p += w;
        left -= (size_t)w;
        s->spilled_bytes += (uint64_t)w;
    }
    s->n = 0;
    return 0;
}

static int make_room(struct dsort *s, size_t more, struct err *e)
{
    if (s->cap - s->n >= more) return 0;
    size_t cap = s->cap ? s->cap : 1024;
    while (cap < s->n + more && cap < s->max)
        cap *= 2;
    if (cap > s->max) cap = s->max;
    if (cap > s->cap) {
        uint64_t *v = mem_resize(s->v, cap, (size_t)s->words * 8);
        if (!v) return err_oom(e, cap * (size_t)s->words * 8, "records to sort");
        s->v = v;
        s->cap = cap;
    }
    return 0;
}

int dsort_add(struct dsort *s, const uint64_t *recs, size_t n, struct err *e)
{
    size_t w = (size_t)s->words;
    while (n) {
        if (make_room(s, n, e)) return -1;
        if (s->n == s->cap) { /* as large as it may get */
            sort_memory(s, NULL);
            if (s->n > s->cap / 4 * 3 && spill(s, e)) return -1;
        }
        size_t take = s->cap - s->n < n ? s->cap - s->n : n;
        for (size_t i = 0; i < take && s->in_order; i++) {
            const uint64_t *before = i ? recs + (i - 1) * w : s->n ? s->v + (s->n - 1) * w : NULL;
            if (before && compare(before, recs + i * w, s->words) > 0) s->in_order = false;
        }
        memcpy(s->v + s->n * w, recs, take * w * 8);
        s->n += take;
        recs += take * w;
        n -= take;
    }
    return 0;
}

int dsort_finish(struct dsort *s, struct pool *pool, struct err *e)
{
    (void)e;
    sort_memory(s, pool);
    return 0;
}

void dsort_free(struct dsort *s)
{
    if (s->fd >= 0 && s->words) close(s->fd);
    free(s->v);
    free(s->runs);
    *s = (struct dsort){.fd = -1};
}

/* ---- merging ---- */

static struct dmerge_src *add_source(struct dmerge *m, int words, struct err *e)
{
    if (!mem_room(&m->v, &m->cap, m->n + 1, sizeof *m->v)) {
        err_oom(e, (m->n + 1) * sizeof *m->v, "the list of sorted runs");
        return NULL;
    }
    m->words = words;
    m->v[m->n] = (struct dmerge_src){.fd = -1};
    return &m->v[m->n++];
}

static int read_at(int fd, void *p, size_t n, uint64_t at, struct err *e)
{
    for (char *to = p; n;) {
        ssize_t got = pread(fd, to, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_errno(e, errno, "reading", "a sorted run");
        if (got == 0) return err_set(e, ERR_DATA, "a sorted run ends early; remove the work directory");
        to += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

/* The number of records of the n at `at` whose first word is below `bound`. */
static int lower_bound(const struct dmerge_src *s, int words, uint64_t n, uint64_t bound,
                       uint64_t *out, struct err *e)
{
    uint64_t lo = 0, hi = n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2, word;
        if (s->fd < 0)
            word = s->cur[mid * (uint64_t)words];
        else if (read_at(s->fd, &word, 8, s->at + mid * (uint64_t)words * 8, e))
            return -1;
        if (word < bound)
            lo = mid + 1;
        else
            hi = mid;
    }
    *out = lo;
    return 0;
}

/* Cuts the source of n records to those from lo to hi. */
static int narrow(struct dmerge_src *s, int words, uint64_t n, uint64_t lo, uint64_t hi,
                  struct err *e)
{
    uint64_t from = 0, to = n;
    if (lo && lower_bound(s, words, n, lo, &from, e)) return -1;
    if (hi != UINT64_MAX && lower_bound(s, words, n, hi, &to, e)) return -1;
    if (to < from) to = from;
    if (s->fd < 0) {
        s->end = s->cur + to * (uint64_t)words;
        s->cur += from * (uint64_t)words;
    } else {
        s->at += from * (uint64_t)words * 8;
        s->left = to - from;
    }
    return 0;
}

int dmerge_add_sort(struct dmerge *m, const struct dsort *s, uint64_t lo, uint64_t hi,
                    struct err *e)
{
    m->unique |= s->unique;
    for (size_t i = 0; i < s->n_runs; i++) {
        struct dmerge_src *x = add_source(m, s->words, e);
        if (!x) return -1;
        x->fd = s->fd;
        x->at = s->runs[i].at;
        if (narrow(x, s->words, s->runs[i].n, lo, hi, e)) return -1;
    }
    struct dmerge_src *x = add_source(m, s->words, e);
    if (!x) return -1;
    x->cur = s->v;
    return s->n ? narrow(x, s->words, s->n, lo, hi, e) : (x->end = x->cur, 0);
}

int dmerge_add_file(struct dmerge *m, const char *path, uint64_t at, uint64_t n, int words,
                    uint64_t lo, uint64_t hi, struct err *e)
{
    struct dmerge_src *x = add_source(m, words, e);
    if (!x) return -1;
    x->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (x->fd < 0) return err_errno(e, errno, "cannot open", path);
    x->own_fd = true;
    x->at = at;
    return narrow(x, words, n, lo, hi, e);
}

/* Makes cur < end if any record is left. */
static int refill(struct dmerge *m, struct dmerge_src *s, struct err *e)
{
    size_t size = (size_t)m->words * 8, fit = MERGE_BYTES / size;
    if (s->cur < s->end || !s->left) return 0;
    if (!fit) fit = 1;
    if (!s->buf && !(s->buf = mem_alloc(fit, size)))
        return err_oom(e, fit * size, "the buffer of a sorted run");
    if (fit > s->left) fit = (size_t)s->left;
    if (read_at(s->fd, s->buf, fit * size, s->at, e)) return -1;
    s->at += fit * size;
    s->left -= fit;
    s->cur = s->buf;
    s->end = s->buf + fit * (size_t)m->words;
    return 0;
}

static void sift(struct dmerge *m, size_t i)
{
    uint32_t x = m->heap[i];
    for (size_t k; (k = 2 * i + 1) < m->n_heap; i = k) {
        if (k + 1 < m->n_heap &&
            compare(m->v[m->heap[k + 1]].cur, m->v[m->heap[k]].cur, m->words) < 0)
            k++;
        if (compare(m->v[x].cur, m->v[m->heap[k]].cur, m->words) <= 0) break;
        m->heap[i] = m->heap[k];
    }
    m->heap[i] = x;
}

static int start(struct dmerge *m, struct err *e)
{
    m->started = true;
    m->heap = mem_alloc(m->n, sizeof *m->heap);
    m->last = mem_alloc((size_t)m->words, 8);
    if (!m->heap || !m->last) return err_oom(e, m->n * sizeof *m->heap, "a merge");
    for (size_t i = 0; i < m->n; i++) {
        if (refill(m, &m->v[i], e)) return -1;
        if (m->v[i].cur < m->v[i].end) m->heap[m->n_heap++] = (uint32_t)i;
    }
    for (size_t i = m->n_heap / 2; i-- > 0;)
        sift(m, i);
    return 0;
}

int dmerge_next(struct dmerge *m, const uint64_t **rec, struct err *e)
{
    if (!m->started && start(m, e)) return -1;
    /* Nothing to merge, nothing to read; what one sort holds in memory is unique if it is to be. */
    if (m->n_heap == 1 && m->v[m->heap[0]].fd < 0 && (!m->unique || m->n == 1)) {
        struct dmerge_src *s = &m->v[m->heap[0]];
        *rec = s->cur;
        s->cur += m->words;
        m->n_heap = s->cur < s->end;
        return 1;
    }
    while (m->n_heap) {
        struct dmerge_src *s = &m->v[m->heap[0]];
        bool again = m->unique && m->have_last && compare(m->last, s->cur, m->words) == 0;
        if (!again) memcpy(m->last, s->cur, (size_t)m->words * 8);
        m->have_last = true;
        s->cur += m->words;
        if (refill(m, s, e)) return -1;
        if (s->cur == s->end) m->heap[0] = m->heap[--m->n_heap];
        if (m->n_heap > 1) sift(m, 0);
        if (again) continue;
        *rec = m->last;
        return 1;
    }
    return 0;
}

void dmerge_free(struct dmerge *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->v[i].buf);
        if (m->v[i].own_fd && m->v[i].fd >= 0) close(m->v[i].fd);
    }
    free(m->v);
    free(m->heap);
    free(m->last);
    *m = (struct dmerge){0};
}
