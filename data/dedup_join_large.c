#include "data/dedup_join_large.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/dedup_internal.h"

enum { LEAST = 1024, LISTS_A_BAND = 256, ROWS = 2048, PAIRS = 1 << 14 };
enum { PAIRS_A_ROW = DBUCKET_FIRST + DBUCKET_LAST };

size_t dlarge_least(size_t n)
{
    return n / LISTS_A_BAND > LEAST ? n / LISTS_A_BAND : LEAST;
}

void dlarge_init(struct dlarge *l, size_t bytes)
{
    *l = (struct dlarge){.room = bytes ? bytes / sizeof *l->list->row : SIZE_MAX};
    pthread_mutex_init(&l->lock, NULL);
}

void dlarge_free(struct dlarge *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->list[i].row);
    free(l->list);
    pthread_mutex_destroy(&l->lock);
}

int dlarge_add(struct dlarge *l, const uint64_t *rec, size_t n, struct err *e)
{
    pthread_mutex_lock(&l->lock);
    bool fits = n <= l->room;
    l->room -= fits ? n : 0;
    pthread_mutex_unlock(&l->lock);
    if (!fits) return 0;
    uint32_t *row = mem_alloc(n, sizeof *row);
    for (size_t i = 0; row && i < n; i++)
        row[i] = (uint32_t)rec[2 * i + 1];
    pthread_mutex_lock(&l->lock);
    bool added = row && mem_room(&l->list, &l->cap, l->n + 1, sizeof *l->list);
    if (added) l->list[l->n++] = (struct dlarge_list){row, n};
    pthread_mutex_unlock(&l->lock);
    if (added) return 1;
    free(row);
    return err_oom(e, n * sizeof *row, "a large bucket");
}

/* ---- pairs ---- */

struct pairing_worker {
    uint64_t *pair;  /* of one row after the other, `room` at most, a row's share always free */
    uint64_t *seen;  /* a hash table of pairs, 1 << bits: those of other rows count as free */
    uint32_t *place; /* list, place in it: of the rows of a slice, in order of rows */
    uint32_t *begin; /* of each row, step + 1 */
    size_t n;
    struct err err;
    bool failed;
};

struct pairing {
    const struct dlarge *l;
    size_t n_rows, step; /* rows, of which so many at a time */
    size_t most, room;
    int bits;
    dlarge_fn *take;
    void *arg;
    struct pairing_worker *workers;
};

static size_t first_from(const struct dlarge_list *x, size_t row)
{
    size_t lo = 0, hi = x->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (x->row[mid] < row)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void add_pair(const struct pairing *p, struct pairing_worker *w, uint64_t later, uint64_t earlier)
{
    uint64_t pair = later << 32 | earlier, mask = ((uint64_t)1 << p->bits) - 1;
    uint64_t at = earlier * 0x9E3779B97F4A7C15u >> (64 - p->bits);
    for (; w->seen[at] >> 32 == later; at = (at + 1) & mask)
        if (w->seen[at] == pair) return;
    w->seen[at] = pair;
    w->pair[w->n++] = pair;
}

/* Those of the document at `at` of a list; see dbucket_add(). */
static void pairs_of(const struct pairing *p, struct pairing_worker *w, const struct dlarge_list *x, size_t at)
{
    size_t from = at > DBUCKET_FIRST + DBUCKET_LAST ? at - DBUCKET_LAST : DBUCKET_FIRST;
    for (size_t i = 0; i < at && i < DBUCKET_FIRST; i++)
        add_pair(p, w, x->row[at], x->row[i]);
    for (size_t i = from; i < at; i++)
        add_pair(p, w, x->row[at], x->row[i]);
}

/* Where the rows stand in the lists, brought in order of the rows by counting. */
static void find_places(const struct pairing *p, struct pairing_worker *w, size_t from, size_t to)
{
    size_t n = to - from, sum = 0;
    memset(w->begin, 0, (n + 1) * sizeof *w->begin);
    for (size_t i = 0; i < p->l->n; i++) {
        const struct dlarge_list *x = &p->l->list[i];
        for (size_t at = first_from(x, from); at < x->n && x->row[at] < to; at++)
            w->begin[x->row[at] - from]++;
    }
    for (size_t i = 0; i <= n; i++) {
        size_t count = w->begin[i];
        w->begin[i] = (uint32_t)sum;
        sum += count;
    }
    for (size_t i = 0; i < p->l->n; i++) {
        const struct dlarge_list *x = &p->l->list[i];
        for (size_t at = first_from(x, from); at < x->n && x->row[at] < to; at++) {
            uint32_t *to_place = w->place + 2 * (size_t)w->begin[x->row[at] - from]++;
            to_place[0] = (uint32_t)i;
            to_place[1] = (uint32_t)at;
        }
    }
}

static int make_worker(const struct pairing *p, struct pairing_worker *w)
{
    w->pair = mem_alloc(p->room, sizeof *w->pair);
    w->seen = mem_zalloc((size_t)1 << p->bits, sizeof *w->seen);
    w->place = mem_alloc(p->step * p->most, 2 * sizeof *w->place);
    w->begin = mem_alloc(p->step + 1, sizeof *w->begin);
    return w->pair && w->seen && w->place && w->begin ? 0 : err_oom(&w->err, p->room * sizeof *w->pair, "pairs");
}

static int flush(const struct pairing *p, struct pairing_worker *w)
{
    int ret = w->n ? p->take(p->arg, w->pair, w->n, &w->err) : 0;
    w->n = 0;
    return ret;
}

static int pairs_of_rows(const struct pairing *p, struct pairing_worker *w, size_t from, size_t to)
{
    if (sig_check(&w->err)) return -1;
    if (!w->pair && make_worker(p, w)) return -1;
    find_places(p, w, from, to);
    for (size_t i = 0, k = 0; i < to - from; i++) { /* begin[i] is now where those of the next row begin */
        if (w->n + p->most * PAIRS_A_ROW > p->room && flush(p, w)) return -1;
        for (; k < w->begin[i]; k++)
            pairs_of(p, w, &p->l->list[w->place[2 * k]], w->place[2 * k + 1]);
    }
    return flush(p, w);
}

static void slice(void *arg, int i, int thread)
{
    const struct pairing *p = arg;
    struct pairing_worker *w = &p->workers[thread];
    size_t from = (size_t)i * p->step, to = p->n_rows - from < p->step ? p->n_rows : from + p->step;
    if (!w->failed) w->failed = pairs_of_rows(p, w, from, to) != 0;
}

int dlarge_pairs(const struct dlarge *l, size_t n_rows, int most, struct pool *pool, dlarge_fn *take, void *arg,
                 struct err *e)
{
    struct pairing p = {.l = l, .n_rows = n_rows, .most = (size_t)most, .take = take, .arg = arg, .bits = 1};
    int threads = pool_threads(pool), ret = 0;
    if (!l->n) return 0;
    while ((size_t)1 << p.bits < 2 * p.most * PAIRS_A_ROW)
        p.bits++;
    p.room = PAIRS + p.most * PAIRS_A_ROW;
    p.step = ROWS;
    while (n_rows / p.step >= INT32_MAX)
        p.step *= 2;
    p.workers = mem_zalloc((size_t)threads, sizeof *p.workers);
    if (!p.workers) return err_oom(e, (size_t)threads * sizeof *p.workers, "the workers");
    pool_run(pool, (int)((n_rows + p.step - 1) / p.step), slice, &p);
    for (int t = 0; t < threads; t++) {
        struct pairing_worker *w = &p.workers[t];
        free(w->pair);
        free(w->seen);
        free(w->place);
        free(w->begin);
        if (ret || !w->failed) continue;
        *e = w->err;
        ret = -1;
    }
    free(p.workers);
    return ret;
}
