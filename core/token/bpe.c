#include "core/token/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

#define BPE_FREE UINT64_MAX
enum { ID_BITS = 21, FEW = 18, KEYS = FEW + 2, SHORT_WORD = 48 };
#define RANK_MASK (((uint64_t)1 << ID_BITS) - 1)

void bpe_free(struct bpe *b)
{
    free(b->merge);
    free(b->made);
    free(b->level);
    free(b->slots);
    free(b->byte_pair);
    memset(b, 0, sizeof *b);
}

static uint64_t pair_key(int left, int right)
{
    return (uint64_t)(uint32_t)left << ID_BITS | (uint32_t)right;
}

/* Each pair is in one of two places of two slots, so that a look-up is four
 * comparisons without a branch. */
static inline size_t first_place(uint64_t key, unsigned bits)
{
    return (size_t)(key * 0x9E3779B97F4A7C15ull >> (64 - bits)) * 2;
}

static inline size_t second_place(uint64_t key, unsigned bits)
{
    return (size_t)((key ^ key >> 19) * 0xD6E8FEB86659FD93ull >> (64 - bits)) * 2;
}

int bpe_add(struct bpe *b, int left, int right, int id, struct err *e)
{
    return bpe_add_rank(b, left, right, id, (uint32_t)b->n_merges, e);
}

int bpe_add_rank(struct bpe *b, int left, int right, int id, uint32_t rank, struct err *e)
{
    if (b->n_merges == b->cap) {
        size_t cap = b->cap ? 2 * b->cap : 4096;
        struct bpe_merge *p = mem_resize(b->merge, cap, sizeof *p);
        if (!p) return err_oom(e, cap * sizeof *p, "merges");
        b->merge = p;
        b->cap = cap;
    }
    if (b->n_merges >= (1u << ID_BITS) - 1)
        return err_set(e, ERR_DATA, "more than %u merges", (1u << ID_BITS) - 1);
    b->merge[b->n_merges++] = (struct bpe_merge){left, right, id, rank};
    if (rank >= b->n_ranks) b->n_ranks = (size_t)rank + 1;
    return 0;
}

/* Puts v in; what it pushes out moves to its other place.  False: in circles. */
static bool put_pair(struct bpe *b, uint64_t v)
{
    size_t last = SIZE_MAX;
    for (int i = 0; i < 200; i++) {
        size_t place[2] = {first_place(v >> ID_BITS, b->bits), second_place(v >> ID_BITS, b->bits)};
        for (int k = 0; k < 4; k++) {
            uint64_t *s = &b->slots[place[k / 2] + (size_t)(k % 2)];
            if (*s != BPE_FREE) continue;
            *s = v;
            return true;
        }
        size_t to = (place[0] == last ? place[1] : place[0]) + (size_t)(i / 2 % 2);
        uint64_t out = b->slots[to];
        b->slots[to] = v;
        last = to & ~(size_t)1;
        v = out;
    }
    return false;
}

static int fill_slots(struct bpe *b, struct err *e)
{
    size_t n = (size_t)2 << b->bits;
    free(b->slots);
    b->slots = mem_alloc(n, sizeof *b->slots);
    if (!b->slots) return err_oom(e, n * sizeof *b->slots, "the merge table");
    memset(b->slots, 0xFF, n * sizeof *b->slots);
    for (size_t r = 0; r < b->n_merges; r++) {
        const struct bpe_merge *m = &b->merge[r];
        if (bpe_rank(b, m->left, m->right) != BPE_NO_RANK)
            return err_set(e, ERR_DATA, "merge %zu (from 0) is the same pair as an earlier one", r);
        if (put_pair(b, pair_key(m->left, m->right) << ID_BITS | m->rank)) continue;
        b->bits++;
        return b->bits < 32 ? fill_slots(b, e) : err_oom(e, n, "the merge table");
    }
    return 0;
}

int bpe_finish(struct bpe *b, struct err *e)
{
    b->made = mem_alloc(b->n_ranks, sizeof *b->made);
    if (!b->made) return err_oom(e, b->n_ranks * sizeof *b->made, "the merge table");
    for (size_t r = 0; r < b->n_merges; r++) b->made[b->merge[r].rank] = b->merge[r].id;
    b->bits = 5;
    while ((size_t)1 << b->bits < b->n_merges) b->bits++;
    return fill_slots(b, e);
}

static inline uint32_t find_rank(const struct bpe *b, int left, int right)
{
    uint64_t key = pair_key(left, right);
    const uint64_t *s = &b->slots[first_place(key, b->bits)], *t = &b->slots[second_place(key, b->bits)];
    uint32_t not_rank = 0; /* complements, so that none is BPE_NO_RANK */
    not_rank |= ~(uint32_t)(s[0] & RANK_MASK) & -(uint32_t)(s[0] >> ID_BITS == key);
    not_rank |= ~(uint32_t)(s[1] & RANK_MASK) & -(uint32_t)(s[1] >> ID_BITS == key);
    not_rank |= ~(uint32_t)(t[0] & RANK_MASK) & -(uint32_t)(t[0] >> ID_BITS == key);
    not_rank |= ~(uint32_t)(t[1] & RANK_MASK) & -(uint32_t)(t[1] >> ID_BITS == key);
    return ~not_rank;
}

uint32_t bpe_rank(const struct bpe *b, int left, int right)
{
    return find_rank(b, left, right);
}

int bpe_byte_pairs(struct bpe *b, const int32_t byte_id[256], struct err *e)
{
    enum { N = 256 * 256 };
    b->byte_pair = mem_alloc(N, sizeof *b->byte_pair);
    if (!b->byte_pair) return err_oom(e, N * sizeof *b->byte_pair, "the merge table");
    for (size_t i = 0; i < N; i++) {
        int left = byte_id[i >> 8], right = byte_id[i & 255];
        b->byte_pair[i] = left >= 0 && right >= 0 ? find_rank(b, left, right) : BPE_NO_RANK;
    }
    return 0;
}

void bpe_work_free(struct bpe_work *w)
{
    free(w->mem);
    w->mem = NULL;
    w->cap = 0;
}

static inline uint32_t level(const struct bpe *b, uint32_t rank)
{
    return b->level && rank != BPE_NO_RANK ? b->level[rank] : rank;
}

/* The least of KEYS numbers.  Vectors would wait for the stores before. */
static inline int32_t least(const int32_t *key)
{
    int32_t a = key[0], b = key[1], c = key[2], d = key[3];
    for (int i = 4; i < KEYS; i += 4) {
        a = key[i] < a ? key[i] : a;
        b = key[i + 1] < b ? key[i + 1] : b;
        c = key[i + 2] < c ? key[i + 2] : c;
        d = key[i + 3] < d ? key[i + 3] : d;
    }
    a = b < a ? b : a;
    c = d < c ? d : c;
    return c < a ? c : a;
}

/* A few symbols: each stays at its place (1..n; 0 and n + 1 hold one that never
 * merges), and a pair is known by the place of its left one.  All keys are
 * looked at every time, and nothing depends on a branch that would be guessed
 * wrong.  A key is level << 6 | place: the least is the leftmost of the best. */
static size_t merge_few(const struct bpe *b, int32_t *ids, size_t n, const uint8_t *bytes)
{
    enum { NONE = INT32_MAX, NEVER = (1 << ID_BITS) - 1 };
    int32_t key[KEYS], symbol[KEYS], made[KEYS]; /* made: what the pair merges to */
    uint32_t alive = (uint32_t)(((uint64_t)1 << (n + 2)) - 1);
    for (size_t i = 0; i < KEYS; i++) key[i] = NONE;
    symbol[0] = symbol[n + 1] = NEVER;
    memcpy(symbol + 1, ids, n * sizeof *ids);
    for (size_t i = 1; i < n; i++) {
        uint32_t rank = bytes && b->byte_pair ? b->byte_pair[bytes[i - 1] << 8 | bytes[i]] : find_rank(b, symbol[i], symbol[i + 1]);
        made[i] = b->made[rank == BPE_NO_RANK ? 0 : rank];
        key[i] = rank == BPE_NO_RANK ? NONE : (int32_t)(level(b, rank) << 6 | i);
    }
    for (int32_t best; (best = least(key)) != NONE;) {
        unsigned at = (unsigned)best & 63, gone = (unsigned)__builtin_ctz(alive >> (at + 1)) + at + 1;
        alive &= ~(1u << gone);
        key[gone] = NONE;
        symbol[at] = made[at];
        unsigned after = (unsigned)__builtin_ctz(alive >> (at + 1)) + at + 1;
        unsigned before = 31 - (unsigned)__builtin_clz(alive & ((1u << at) - 1));
        uint32_t right = find_rank(b, symbol[at], symbol[after]), left = find_rank(b, symbol[before], symbol[at]);
        made[at] = b->made[right == BPE_NO_RANK ? 0 : right];
        made[before] = b->made[left == BPE_NO_RANK ? 0 : left];
        key[at] = right == BPE_NO_RANK ? NONE : (int32_t)(level(b, right) << 6 | at);
        key[before] = left == BPE_NO_RANK ? NONE : (int32_t)(level(b, left) << 6 | before);
    }
    size_t count = 0;
    for (alive &= ((1u << n) - 1) << 1; alive; alive &= alive - 1) ids[count++] = symbol[__builtin_ctz(alive)];
    return count;
}

/* A scan for the smallest rank beats a heap as long as all fits in a few cache
 * lines. */
static size_t merge_short(const struct bpe *b, int32_t *ids, size_t n, const uint8_t *bytes,
                          const struct bpe_trace *trace)
{
    uint32_t rank[SHORT_WORD];
    if (bytes && b->byte_pair)
        for (size_t i = 0; i + 1 < n; i++) rank[i] = b->byte_pair[bytes[i] << 8 | bytes[i + 1]];
    else
        for (size_t i = 0; i + 1 < n; i++) rank[i] = find_rank(b, ids[i], ids[i + 1]);
    while (n > 1) {
        size_t at = 0;
        uint32_t best = rank[0];
        if (b->level) {
            for (size_t i = 1; i + 1 < n; i++)
                if (level(b, rank[i]) < level(b, best)) {
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
        if (at > 0) rank[at - 1] = find_rank(b, ids[at - 1], ids[at]);
        if (at + 1 < n) rank[at] = find_rank(b, ids[at], ids[at + 1]);
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
        if (c + 1 < l->n_heap && l->heap[c + 1] < l->heap[c]) c++;
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
    l->rank[at] = right < n ? find_rank(b, l->ids[at], l->ids[right]) : BPE_NO_RANK;
    if (l->rank[at] != BPE_NO_RANK) heap_push(l, (uint64_t)level(b, l->rank[at]) << 32 | at);
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

/* Merges a copy of ids[0..n) in *l. */
static bool merge_list(const struct bpe *b, struct list *l, struct bpe_work *w, const int32_t *ids, size_t n)
{
    l->n_heap = 0;
    if (n >= UINT32_MAX || !list_memory(l, w, n)) return false;
    memcpy(l->ids, ids, n * sizeof *ids);
    for (uint32_t i = 0; i < n; i++) {
        l->next[i] = i + 1;
        l->prev[i] = i - 1; /* wraps for the first, which is >= n */
        l->rank[i] = i + 1 < n ? bpe_rank(b, ids[i], ids[i + 1]) : BPE_NO_RANK;
        if (l->rank[i] != BPE_NO_RANK) l->heap[l->n_heap++] = (uint64_t)level(b, l->rank[i]) << 32 | i;
    }
    for (size_t i = l->n_heap / 2; i-- > 0;) sift_down(l, i);
    while (l->n_heap) {
        uint64_t top = heap_pop(l);
        uint32_t at = (uint32_t)top, rank = l->rank[at];
        if (rank == BPE_NO_RANK || level(b, rank) != (uint32_t)(top >> 32)) continue;
        uint32_t gone = l->next[at], after = l->next[gone];
        l->ids[at] = b->made[rank];
        l->rank[gone] = BPE_NO_RANK;
        l->next[at] = after;
        if (after < n) l->prev[after] = at;
        if (l->prev[at] < n) new_pair(b, l, l->prev[at], n);
        new_pair(b, l, at, n);
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

size_t bpe_merge_word(const struct bpe *b, struct bpe_work *w, int32_t *ids, size_t n,
                      const uint8_t *bytes, const struct bpe_trace *trace)
{
    if (n <= FEW && !trace) return merge_few(b, ids, n, bytes);
    if (n <= SHORT_WORD) return merge_short(b, ids, n, bytes, trace);
    return merge_long(b, w, ids, n);
}
