#include "core/token/trie.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { FREE = 256, MAX_UNITS = 1 << 23, TRIES = 16 };

/* Open places form a list in rising order; a place that many nodes did not fit
 * at is given up. */
struct build {
    struct trie *t;
    uint32_t *next_free, *prev_free; /* [n] */
    uint8_t *used_base;              /* [n] */
    uint8_t *missed;
    uint32_t first_free;             /* UINT32_MAX = none */
    struct err *e;
};

static int compare(const void *a, const void *b)
{
    const struct trie_key *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int c = n ? memcmp(x->text, y->text, n) : 0;
    if (c) return c;
    if (x->len != y->len) return x->len < y->len ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

/* A key by its first eight bytes, the first the highest. */
struct place {
    uint64_t first;
    uint32_t at;
};

static uint64_t first_bytes(const struct trie_key *k)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < 8; i++) v = v << 8 | (i < k->len ? (uint8_t)k->text[i] : 0);
    return v;
}

/* From a to b and back, a byte at a time from the last one; the result is in a. */
static void sort_places(struct place *a, struct place *b, size_t n)
{
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t begins[256], counts[256] = {0}, sum = 0;
        for (size_t i = 0; i < n; i++) counts[a[i].first >> shift & 255]++;
        if (counts[a[0].first >> shift & 255] < n) {
            for (int c = 0; c < 256; c++) {
                begins[c] = sum;
                sum += counts[c];
            }
            for (size_t i = 0; i < n; i++) b[begins[a[i].first >> shift & 255]++] = a[i];
            memcpy(a, b, n * sizeof *a);
        }
    }
}

/* As qsort() by compare(), which only has to look at those that begin alike. */
static void sort_keys(struct trie_key *keys, size_t n)
{
    struct place *p = n < 256 ? NULL : mem_alloc(2 * n, sizeof *p);
    struct trie_key *old = p ? mem_alloc(n, sizeof *old) : NULL;
    if (!old) {
        free(p);
        qsort(keys, n, sizeof *keys, compare);
        return;
    }
    for (size_t i = 0; i < n; i++) p[i] = (struct place){first_bytes(&keys[i]), (uint32_t)i};
    sort_places(p, p + n, n);
    memcpy(old, keys, n * sizeof *keys);
    for (size_t i = 0; i < n; i++) keys[i] = old[p[i].at];
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && p[to].first == p[from].first;) to++;
        if (to - from > 1) qsort(keys + from, to - from, sizeof *keys, compare);
    }
    free(old);
    free(p);
}

static int more_units(struct build *b)
{
    struct trie *t = b->t;
    size_t old = t->n, n = old ? 2 * old : 1024;
    if (n > MAX_UNITS) return err_set(b->e, ERR_DATA, "the vocabulary is too large for a trie");
    struct trie_unit *u = mem_resize(t->unit, n, sizeof *u);
    if (u) t->unit = u;
    uint32_t *next = mem_resize(b->next_free, n, sizeof *next);
    if (next) b->next_free = next;
    uint32_t *prev = mem_resize(b->prev_free, n, sizeof *prev);
    if (prev) b->prev_free = prev;
    uint8_t *used = mem_resize(b->used_base, n, 1);
    if (used) b->used_base = used;
    uint8_t *missed = mem_resize(b->missed, n, 1);
    if (missed) b->missed = missed;
    if (!u || !next || !prev || !used || !missed) return err_oom(b->e, n * sizeof *u, "a trie");
    memset(used + old, 0, n - old);
    memset(missed + old, 0, n - old);
    uint32_t last = UINT32_MAX; /* the end of the free list */
    for (uint32_t i = b->first_free; i != UINT32_MAX; i = next[i]) last = i;
    for (size_t i = old; i < n; i++) {
        u[i] = (struct trie_unit){FREE, -1};
        prev[i] = i > old ? (uint32_t)i - 1 : last;
        next[i] = i + 1 < n ? (uint32_t)i + 1 : UINT32_MAX;
    }
    if (last == UINT32_MAX) b->first_free = (uint32_t)old;
    else next[last] = (uint32_t)old;
    t->n = n;
    return 0;
}

static void unlink_free(struct build *b, uint32_t i)
{
    uint32_t p = b->prev_free[i], n = b->next_free[i];
    if (p == UINT32_MAX) b->first_free = n;
    else b->next_free[p] = n;
    if (n != UINT32_MAX) b->prev_free[n] = p;
}

/* A base where all labels find a free place. */
static int find_base(struct build *b, const uint8_t *labels, size_t n, uint32_t *base)
{
    for (;;) {
        uint32_t next;
        for (uint32_t i = b->first_free; i != UINT32_MAX; i = next) {
            next = b->next_free[i];
            uint32_t at = i ^ labels[0];
            size_t k = 1;
            if (!b->used_base[at] && at) {
                while (k < n && b->t->unit[at ^ labels[k]].link == FREE && (at ^ labels[k])) k++;
                if (k == n) {
                    *base = at;
                    return 0;
                }
            }
            if (++b->missed[i] >= TRIES) unlink_free(b, i); /* never looked at first again */
        }
        if (more_units(b)) return -1;
    }
}

struct range {
    uint32_t begin, end, depth, node;
};

/* The children of one node: each label once, with its range of keys. */
static int add_children(struct build *b, const struct trie_key *keys, struct range r,
                        struct range *stack, size_t *n_stack)
{
    uint8_t labels[256];
    uint32_t starts[257];
    size_t n = 0;
    uint32_t base;
    struct trie *t = b->t;
    while (r.begin < r.end && keys[r.begin].len == r.depth)
        t->unit[r.node].value = keys[r.begin++].value;
    for (uint32_t i = r.begin; i < r.end; i++) {
        uint8_t c = (uint8_t)keys[i].text[r.depth];
        if (n && labels[n - 1] == c) continue;
        labels[n] = c;
        starts[n++] = i;
    }
    if (n == 0) return 0;
    starts[n] = r.end;
    if (find_base(b, labels, n, &base)) return -1;
    t = b->t;
    b->used_base[base] = 1;
    t->unit[r.node].link = base << 9 | (t->unit[r.node].link & 511);
    for (size_t k = 0; k < n; k++) {
        uint32_t to = base ^ labels[k];
        if (b->missed[to] < TRIES) unlink_free(b, to);
        t->unit[to].link = labels[k];
        stack[(*n_stack)++] = (struct range){starts[k], starts[k + 1], r.depth + 1, to};
    }
    return 0;
}

int trie_build(struct trie *t, struct trie_key *keys, size_t n, struct err *e)
{
    struct build b = {.t = t, .first_free = UINT32_MAX, .e = e};
    struct range *stack = NULL;
    size_t bytes = 0, n_stack = 0;
    int ret = -1;
    *t = (struct trie){0};
    if (n > UINT32_MAX / 2) return err_set(e, ERR_DATA, "the vocabulary is too large");
    sort_keys(keys, n);
    for (size_t i = 0; i < n; i++) {
        bytes += keys[i].len;
        if (keys[i].len > t->longest) t->longest = keys[i].len;
    }
    if (bytes > (size_t)1 << 30) return err_set(e, ERR_DATA, "the vocabulary is too large");
    /* Every entry of the stack has a key of its own. */
    stack = mem_alloc(n + 1, sizeof *stack);
    if (!stack) return err_oom(e, n * sizeof *stack, "a trie");
    if (more_units(&b)) goto out;
    unlink_free(&b, 0);
    t->unit[0].link = 0;
    size_t skip = 0;
    while (skip < n && keys[skip].len == 0) skip++;
    stack[n_stack++] = (struct range){(uint32_t)skip, (uint32_t)n, 0, 0};
    while (n_stack)
        if (add_children(&b, keys, stack[--n_stack], stack, &n_stack)) goto out;
    ret = 0;
out:
    free(stack);
    free(b.next_free);
    free(b.prev_free);
    free(b.used_base);
    free(b.missed);
    if (ret) trie_free(t);
    return ret;
}

void trie_free(struct trie *t)
{
    free(t->unit);
    *t = (struct trie){0};
}

size_t trie_longest(const struct trie *t, const char *s, size_t n, int32_t *value)
{
    size_t found = 0;
    uint32_t node = 0;
    for (size_t i = 0; i < n && (node = trie_step(t, node, (uint8_t)s[i])); i++) {
        if (t->unit[node].value < 0) continue;
        *value = t->unit[node].value;
        found = i + 1;
    }
    return found;
}
