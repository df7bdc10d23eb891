#include "core/token/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { ID_BITS = BPE_ID_BITS, FEW = 18, SHORT_WORD = 48 };

void bpe_free(struct bpe *b)
{
    free(b->merge);
    free(b->made);
    free(b->level);
    mem_free_aligned(b->slots);
    mem_free_aligned(b->small_slots);
    free(b->turn);
    free(b->byte_pair);
    free(b->byte_pair_small);
    memset(b, 0, sizeof *b);
}

int bpe_add(struct bpe *b, int left, int right, int id, struct err *e)
{
    return bpe_add_rank(b, left, right, id, (uint32_t)b->n_merges, e);
}

int bpe_add_rank(struct bpe *b, int left, int right, int id, uint32_t rank, struct err *e)
{
    if (!mem_room(&b->merge, &b->cap, b->n_merges + 1, sizeof *b->merge))
        return err_oom(e, (b->n_merges + 1) * sizeof *b->merge, "merges");
    if (b->n_merges >= (1u << ID_BITS) - 1)
        return err_set(e, ERR_DATA, "more than %u merges", (1u << ID_BITS) - 1);
    b->merge[b->n_merges++] = (struct bpe_merge){left, right, id, rank};
    if (rank >= b->n_ranks) b->n_ranks = (size_t)rank + 1;
    return 0;
}

int bpe_finish(struct bpe *b, struct err *e)
{
    b->made = mem_alloc(b->n_ranks, sizeof *b->made);
    if (!b->made) return err_oom(e, b->n_ranks * sizeof *b->made, "the merge table");
    b->first_made = b->n_merges ? b->merge[0].id - (int32_t)b->merge[0].rank : -1;
    for (size_t r = 0; r < b->n_merges; r++) {
        const struct bpe_merge *m = &b->merge[r];
        b->made[m->rank] = m->id;
        if (m->id - (int32_t)m->rank != b->first_made) b->first_made = -1;
    }
    if (bpe_pairs_make(b, e)) return -1;
    b->small_ids = b->small_slots;
    for (size_t r = 0; r < b->n_merges; r++) b->small_ids = b->small_ids && b->merge[r].id < UINT16_MAX;
    return 0;
}

/* All ids and ranks are below UINT16_MAX. */
static bool is_small(const struct bpe *b, const int32_t byte_id[256])
{
    int32_t most = -1;
    if (!b->small_ids) return false;
    for (int i = 0; i < 256; i++) most = byte_id[i] > most ? byte_id[i] : most;
    return most < UINT16_MAX;
}

static void put_byte_rank(struct bpe *b, int16_t left, int16_t right, uint32_t rank)
{
    size_t at = (size_t)left | (size_t)right << 8;
    if (b->byte_pair_small) b->byte_pair_small[at] = (uint16_t)rank;
    else b->byte_pair[at] = rank;
}

void bpe_leave_out(struct bpe *b, int left, int right)
{
    if (bpe_rank(b, left, right) == BPE_NO_RANK) return;
    if (b->small_slots) {
        uint32_t hash = bpe_small_hash((uint32_t)b->factor, (uint32_t)left, (uint32_t)right);
        b->small_slots[bpe_small_slot(b->small_mask, hash, b->turn[bpe_small_group(b->group_shift, hash)])] = UINT32_MAX;
    } else {
        b->slots[bpe_slot(b, bpe_pair_key(left, right))] = BPE_FREE_SLOT;
    }
}

int bpe_restore(struct bpe *b, struct err *e)
{
    free(b->byte_pair);
    free(b->byte_pair_small);
    b->byte_pair = NULL;
    b->byte_pair_small = NULL;
    return bpe_pairs_make(b, e);
}

int bpe_byte_pairs(struct bpe *b, const int32_t byte_id[256], struct err *e)
{
    enum { N = 256 * 256 };
    int32_t most = -1;
    b->every_byte = true;
    for (int i = 0; i < 256; i++) {
        b->every_byte = b->every_byte && byte_id[i] >= 0;
        most = byte_id[i] > most ? byte_id[i] : most;
        b->byte_id[i] = byte_id[i];
        for (int p = 0; p < 3; p++) b->byte_plane[p][i] = (uint8_t)(byte_id[i] >> 8 * p);
    }
    bool small = is_small(b, byte_id);
    if (small) b->byte_pair_small = mem_alloc(N, sizeof *b->byte_pair_small);
    else b->byte_pair = mem_alloc(N, sizeof *b->byte_pair);
    int16_t *byte_of = mem_alloc((size_t)most + 1, sizeof *byte_of);
    if (!byte_of || (!b->byte_pair && !b->byte_pair_small)) {
        free(byte_of);
        return err_oom(e, N * sizeof *b->byte_pair, "the merge table");
    }
    if (small) memset(b->byte_pair_small, 0xFF, N * sizeof *b->byte_pair_small);
    else memset(b->byte_pair, 0xFF, N * sizeof *b->byte_pair); /* BPE_NO_RANK */
    memset(byte_of, 0xFF, ((size_t)most + 1) * sizeof *byte_of);
    for (int i = 0; i < 256; i++)
        if (byte_id[i] >= 0) byte_of[byte_id[i]] = (int16_t)i;
    for (size_t r = 0; r < b->n_merges; r++) {
        const struct bpe_merge *m = &b->merge[r];
        if (m->left <= most && m->right <= most && byte_of[m->left] >= 0 && byte_of[m->right] >= 0)
            put_byte_rank(b, byte_of[m->left], byte_of[m->right], bpe_rank(b, m->left, m->right));
    }
    free(byte_of);
    return 0;
}

void bpe_work_free(struct bpe_work *w)
{
    free(w->mem);
    w->mem = NULL;
    w->cap = 0;
}

/* A scan for the smallest rank beats a heap as long as all fits in a few cache
 * lines. */
static size_t merge_short(const struct bpe *b, int32_t *ids, size_t n, const uint8_t *bytes,
                          const struct bpe_trace *trace)
{
    uint32_t rank[SHORT_WORD];
    if (bytes)
        for (size_t i = 0; i + 1 < n; i++) rank[i] = bpe_byte_rank(b, bytes[i], bytes[i + 1]);
    else
        for (size_t i = 0; i + 1 < n; i++) rank[i] = bpe_rank(b, ids[i], ids[i + 1]);
    while (n > 1) {
        size_t at = 0;
        uint32_t best = rank[0];
        if (b->level) {
            for (size_t i = 1; i + 1 < n; i++)
                if (bpe_level(b, rank[i]) < bpe_level(b, best)) {
                    best = rank[i];
                    at = i;
                }
        } else {
            for (size_t i = 1; i + 1 < n; i++)
                if (rank[i] < best) {
                    best = rank[i];
                    at = i;
                }
        }
        if (best == BPE_NO_RANK) break;
        ids[at] = b->made[best];
        n--;
        for (size_t i = at + 1; i < n; i++) ids[i] = ids[i + 1];
        for (size_t i = at + 1; i + 1 < n; i++) rank[i] = rank[i + 1];
        if (at > 0) rank[at - 1] = bpe_rank(b, ids[at - 1], ids[at]);
        if (at + 1 < n) rank[at] = bpe_rank(b, ids[at], ids[at + 1]);
        if (trace) trace->step(trace->arg, best, ids, n);
    }
    return n;
}

/* Long words: symbols in a linked list, pairs in a heap of level << 32 | place.
 * An entry is stale when the pair at its place has another rank by now. */
struct list {
    int32_t *ids;
    uint32_t *next, *prev, *rank; /* rank of the pair that starts here */
    uint64_t *heap;
    size_t n_heap;
};

static void heap_push(struct list *l, uint64_t v)
{
    size_t i = l->n_heap++;
    while (i > 0 && l->heap[(i - 1) / 2] > v) {
        l->heap[i] = l->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    l->heap[i] = v;
}

static void sift_down(struct list *l, size_t i)
{
    uint64_t v = l->heap[i];
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= l->n_heap) break;
        /* Which one is less cannot be guessed.  Behind the last there is memory, too, which does not count. */
        c += (size_t)(c + 1 < l->n_heap) & (size_t)(l->heap[c + 1] < l->heap[c]);
        if (l->heap[c] >= v) break;
        l->heap[i] = l->heap[c];
        i = c;
    }
    l->heap[i] = v;
}

static uint64_t heap_pop(struct list *l)
{
    uint64_t top = l->heap[0];
    l->heap[0] = l->heap[--l->n_heap];
    if (l->n_heap) sift_down(l, 0);
    return top;
}

static void new_pair(const struct bpe *b, struct list *l, uint32_t at, size_t n)
{
    uint32_t right = l->next[at];
    l->rank[at] = right < n ? bpe_rank(b, l->ids[at], l->ids[right]) : BPE_NO_RANK;
    if (l->rank[at] != BPE_NO_RANK) heap_push(l, (uint64_t)bpe_level(b, l->rank[at]) << 32 | at);
}

static bool list_memory(struct list *l, struct bpe_work *w, size_t n)
{
    /* Every merge takes one pair out and puts at most two in. */
    const size_t per_symbol = 4 * sizeof(uint32_t) + 3 * sizeof(uint64_t);
    if (w->cap < n) {
        free(w->mem);
        w->mem = mem_alloc(n, per_symbol);
        w->cap = w->mem ? n : 0;
        if (!w->mem) return false;
    }
    l->heap = w->mem;
    l->next = (uint32_t *)(void *)(l->heap + 3 * n);
    l->prev = l->next + n;
    l->rank = l->prev + n;
    l->ids = (int32_t *)(void *)(l->rank + n);
    return true;
}

/* A copy of ids[0..n) with its pairs. */
static bool list_begin(const struct bpe *b, struct list *l, struct bpe_work *w, const int32_t *ids, size_t n)
{
    l->n_heap = 0;
    if (n >= UINT32_MAX || !list_memory(l, w, n)) return false;
    memcpy(l->ids, ids, n * sizeof *ids);
    for (uint32_t i = 0; i < n; i++) {
        l->next[i] = i + 1;
        l->prev[i] = i - 1; /* wraps for the first, which is >= n */
        l->rank[i] = i + 1 < n ? bpe_rank(b, ids[i], ids[i + 1]) : BPE_NO_RANK;
        if (l->rank[i] != BPE_NO_RANK) l->heap[l->n_heap++] = (uint64_t)bpe_level(b, l->rank[i]) << 32 | i;
    }
    for (size_t i = l->n_heap / 2; i-- > 0;) sift_down(l, i);
    return true;
}

/* The pair that an entry of the heap stood for is another by now, or gone. */
static inline bool is_stale(const struct bpe *b, const struct list *l, uint64_t entry)
{
    uint32_t rank = l->rank[(uint32_t)entry];
    return rank == BPE_NO_RANK || bpe_level(b, rank) != (uint32_t)(entry >> 32);
}

static inline void merge_at(const struct bpe *b, struct list *l, uint32_t at, size_t n)
{
    uint32_t gone = l->next[at], after = l->next[gone];
    l->ids[at] = b->made[l->rank[at]];
    l->rank[gone] = BPE_NO_RANK;
    l->next[at] = after;
    if (after < n) l->prev[after] = at;
    if (l->prev[at] < n) new_pair(b, l, l->prev[at], n);
    new_pair(b, l, at, n);
}

/* Merges a copy of ids[0..n) in *l. */
static bool merge_list(const struct bpe *b, struct list *l, struct bpe_work *w, const int32_t *ids, size_t n)
{
    if (!list_begin(b, l, w, ids, n)) return false;
    while (l->n_heap) {
        uint64_t top = heap_pop(l);
        if (!is_stale(b, l, top)) merge_at(b, l, (uint32_t)top, n);
    }
    return true;
}

/* The same with pairs left out.  Those that may come again lie at the end of the heap's memory, which has room for
 * all that ever were on it. */
static bool drop_list(const struct bpe *b, struct list *l, struct bpe_work *w, const struct bpe_drop *d, const int32_t *ids, size_t n)
{
    size_t out = 0;
    if (!list_begin(b, l, w, ids, n)) return false;
    uint64_t *end = l->heap + 3 * n;
    while (l->n_heap) {
        uint64_t top = heap_pop(l);
        bool stale = is_stale(b, l, top);
        if (stale && d->for_good) continue;
        if (draws_next(d->draws) < d->p) {
            if (d->for_good) l->rank[(uint32_t)top] = BPE_NO_RANK;
            else *(end - ++out) = top;
            continue;
        }
        for (; out; out--) heap_push(l, *(end - out));
        if (!stale) merge_at(b, l, (uint32_t)top, n);
    }
    return true;
}

/* Where a window of a long word begins, and what the window before found there. */
struct border {
    size_t in, out;  /* symbols read, ids written before it */
    int32_t id;      /* the token expected; -1 = any */
    uint32_t len;    /* its symbols */
};

/* Writes the tokens that end in the first `sure` of the window's n symbols to
 * out and returns the border behind them. */
static struct border take(const struct list *l, size_t n, size_t sure, struct border at, int32_t *out)
{
    uint32_t i = 0;
    for (; i < n && l->next[i] <= sure; i = l->next[i]) out[at.out++] = l->ids[i];
    at.in += i;
    at.id = i < n ? l->ids[i] : -1;
    at.len = i < n ? l->next[i] - i : 0;
    return at;
}

/* Window by window, each beginning at a border between two tokens of the one
 * before; so the time grows with n, not n log n, and all stays in the cache.
 *
 * Why it is exact: tokens are the encoding of a word if each is the encoding of
 * its own symbols and each two neighbours that of theirs together.  (Until a
 * merge crosses a border, both sides go on as they would alone; so the first
 * one to cross any would cross that border in those two alone.)  And all
 * neighbours in an encoding are such.  Where a window begins with the token
 * that the one before had there, its first two are neighbours in that one.
 * Where it does not, the one before was too short. */
static size_t merge_long(const struct bpe *b, struct bpe_work *w, int32_t *ids, size_t n)
{
    enum { WINDOW = 1024 };
    struct list l;
    struct border before = {0, 0, -1, 0}, at = before;
    int32_t *in = ids;
    size_t size = WINDOW, size_before = WINDOW, ret = 0;
    if (n > WINDOW) { /* a window may be read twice: not in place */
        in = mem_alloc(n, sizeof *in);
        if (!in) return 0;
        memcpy(in, ids, n * sizeof *in);
    }
    while (at.in < n) {
        size_t len = n - at.in < size ? n - at.in : size;
        bool last = len == n - at.in;
        if (!merge_list(b, &l, w, in + at.in, len)) goto out;
        bool wrong = at.id != -1 && (l.ids[0] != at.id || l.next[0] != at.len);
        if (wrong && at.in == before.in) { /* twice: all at once */
            at = before = (struct border){0, 0, -1, 0};
            size = n;
            continue;
        }
        struct border next = take(&l, len, last ? len : len - len / 8, at, ids);
        if (wrong || next.in == at.in) {
            if (wrong) {
                at = before;
                size = size_before;
            }
            size = 2 * size < n ? 2 * size : n;
            continue;
        }
        before = at;
        size_before = size;
        at = next;
        size = WINDOW;
    }
    ret = at.out;
out:
    if (in != ids) free(in);
    return ret;
}

/* What is left in a list of n symbols, to ids and len (or NULL). */
static size_t take_list(const struct list *l, int32_t *ids, uint32_t *len, size_t n)
{
    size_t count = 0;
    for (uint32_t i = 0; i < n; i = l->next[i]) {
        uint32_t sum = 0;
        for (uint32_t k = i; len && k < l->next[i]; k++) sum += len[k];
        if (len) len[count] = sum;
        ids[count++] = l->ids[i];
    }
    return count;
}

size_t bpe_merge_lengths(const struct bpe *b, struct bpe_work *w, int32_t *ids, uint32_t *len, size_t n)
{
    struct list l;
    return merge_list(b, &l, w, ids, n) ? take_list(&l, ids, len, n) : 0;
}

size_t bpe_merge_some(const struct bpe *b, struct bpe_work *w, const struct bpe_drop *drop, int32_t *ids, uint32_t *len, size_t n)
{
    struct list l;
    return drop_list(b, &l, w, drop, ids, n) ? take_list(&l, ids, len, n) : 0;
}

size_t bpe_merge_word(const struct bpe *b, struct bpe_work *w, int32_t *ids, size_t n,
                      const uint8_t *bytes, const struct bpe_trace *trace)
{
    if (n <= FEW && !trace) {
        struct bpe_job job = {ids, bytes, n};
        bpe_merge_many(b, &job, 1);
        return job.n;
    }
    if (n <= SHORT_WORD) return merge_short(b, ids, n, bytes, trace);
    return merge_long(b, w, ids, n);
}
