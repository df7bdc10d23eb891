#include "core/token/trie.h"

#include <stdlib.h>

#include "core/base/mem.h"

enum { FREE = 256, BLOCK = 256, BLOCKS = 16, WINDOW = BLOCK * BLOCKS, MAX_UNITS = 1 << 23, TRIES = 12 };
#define NONE UINT32_MAX

/* Children are placed among the last BLOCKS blocks of units, whose open places form a
 * list; a place that many nodes did not fit at is given up. */
struct build {
    struct trie *t;
    size_t cap;              /* of t->unit */
    uint32_t next[WINDOW], before[WINDOW]; /* of the list, by unit modulo WINDOW */
    uint8_t missed[WINDOW];
    bool used_base[WINDOW];
    uint32_t first, last;    /* of the list; NONE = it is empty */
    struct err *e;
};

static void take_off(struct build *b, uint32_t i)
{
    uint32_t before = b->before[i % WINDOW], next = b->next[i % WINDOW];
    if (before == NONE) b->first = next;
    else b->next[before % WINDOW] = next;
    if (next == NONE) b->last = before;
    else b->before[next % WINDOW] = before;
    b->missed[i % WINDOW] = TRIES;
}

/* One more block, behind which the oldest one of the window is closed. */
static int more_units(struct build *b)
{
    struct trie *t = b->t;
    uint32_t from = (uint32_t)t->n;
    if (t->n + BLOCK > MAX_UNITS) return err_set(b->e, ERR_DATA, "the vocabulary is too large for a trie");
    if (!mem_room(&t->unit, &b->cap, t->n + BLOCK, sizeof *t->unit)) return err_oom(b->e, (t->n + BLOCK) * sizeof *t->unit, "a trie");
    for (uint32_t i = from - WINDOW; from >= WINDOW && i < from - WINDOW + BLOCK; i++)
        if (b->missed[i % WINDOW] < TRIES) take_off(b, i);
    for (uint32_t i = from; i < from + BLOCK; i++) {
        t->unit[i] = (struct trie_unit){FREE, -1};
        b->missed[i % WINDOW] = 0;
        b->used_base[i % WINDOW] = false;
        b->before[i % WINDOW] = i == from ? b->last : i - 1;
        b->next[i % WINDOW] = i + 1 < from + BLOCK ? i + 1 : NONE;
    }
    if (b->last == NONE) b->first = from;
    else b->next[b->last % WINDOW] = from;
    b->last = from + BLOCK - 1;
    t->n += BLOCK;
    return 0;
}

/* Whether all labels find a free place. */
static bool fits(const struct build *b, uint32_t base, const uint8_t *labels, size_t n)
{
    const struct trie_unit *unit = b->t->unit;
    if (b->used_base[base % WINDOW] || !base) return false; /* the root has no one above it */
    for (size_t k = 1; k < n; k++)
        if (unit[base ^ labels[k]].link != FREE) return false;
    return true;
}

static int find_base(struct build *b, const uint8_t *labels, size_t n, uint32_t *base)
{
    for (uint32_t i = b->first, next; i != NONE; i = next) {
        next = b->next[i % WINDOW];
        *base = i ^ labels[0];
        if (fits(b, *base, labels, n)) return 0;
        if (++b->missed[i % WINDOW] == TRIES) take_off(b, i);
    }
    *base = (uint32_t)b->t->n; /* in a block of its own all fit */
    return more_units(b);
}

struct range {
    uint32_t begin, end, depth, node;
};

/* The labels behind the first r.depth bytes of keys that have more, and where the keys of each begin. */
static size_t find_labels(const struct text_key *keys, const uint32_t *common, struct range r, uint8_t labels[256], uint32_t starts[257])
{
    size_t n = 0;
    labels[n] = (uint8_t)keys[r.begin].text[r.depth];
    starts[n++] = r.begin;
    for (uint32_t i = r.begin + 1; i < r.end; i++) {
        if (common[i] != r.depth) continue;
        labels[n] = (uint8_t)keys[i].text[r.depth];
        starts[n++] = i;
    }
    starts[n] = r.end;
    return n;
}

static inline void take_unit(struct build *b, uint32_t to, uint8_t label)
{
    if (b->missed[to % WINDOW] < TRIES) take_off(b, to);
    b->t->unit[to].link = label;
}

/* The rest of a key that no other shares more with, a node below the other. */
static int add_tail(struct build *b, const struct text_key *key, uint32_t depth, uint32_t node)
{
    for (; depth < key->len; depth++) {
        uint8_t label = (uint8_t)key->text[depth];
        uint32_t base, to;
        if (find_base(b, &label, 1, &base)) return -1;
        to = base ^ label;
        b->used_base[base % WINDOW] = true;
        b->t->unit[node].link |= base << 9;
        take_unit(b, to, label);
        node = to;
    }
    b->t->unit[node].value = key->value;
    return 0;
}

/* The children of one node: each label once, with its range of keys. */
static int add_children(struct build *b, const struct text_key *keys, const uint32_t *common, struct range r,
                        struct range *stack, size_t *n_stack)
{
    uint8_t labels[256];
    uint32_t starts[257], base;
    struct trie *t = b->t;
    while (r.begin < r.end && keys[r.begin].len == r.depth) t->unit[r.node].value = keys[r.begin++].value;
    if (r.begin == r.end) return 0;
    size_t n = find_labels(keys, common, r, labels, starts);
    if (find_base(b, labels, n, &base)) return -1;
    b->used_base[base % WINDOW] = true;
    t->unit[r.node].link |= base << 9;
    for (size_t k = 0; k < n; k++) take_unit(b, base ^ labels[k], labels[k]);
    for (size_t k = n; k-- > 0;) {
        uint32_t to = base ^ labels[k];
        if (starts[k + 1] - starts[k] > 1) stack[(*n_stack)++] = (struct range){starts[k], starts[k + 1], r.depth + 1, to};
        else if (add_tail(b, &keys[starts[k]], r.depth + 1, to)) return -1;
    }
    return 0;
}

/* What each key has in common with the one before; as many units as there will be, about. */
static int measure(struct trie *t, const struct text_key *keys, size_t n, uint32_t *common, size_t *units, struct err *e)
{
    size_t bytes = 0, nodes = 0;
    for (size_t i = 0; i < n; i++) {
        common[i] = i ? text_common(&keys[i - 1], &keys[i]) : 0;
        nodes += keys[i].len - common[i];
        bytes += keys[i].len;
        if (keys[i].len > t->longest) t->longest = keys[i].len;
    }
    *units = nodes + nodes / 16 + BLOCK;
    return bytes > (size_t)1 << 30 ? err_set(e, ERR_DATA, "the vocabulary is too large") : 0;
}

static int build(struct build *b, const struct text_key *keys, size_t n, struct range *stack, uint32_t *common)
{
    struct trie *t = b->t;
    size_t units, n_stack = 0, skip = 0;
    if (measure(t, keys, n, common, &units, b->e)) return -1;
    if (!mem_room(&t->unit, &b->cap, units, sizeof *t->unit)) return err_oom(b->e, units * sizeof *t->unit, "a trie");
    if (more_units(b)) return -1;
    take_off(b, 0);
    t->unit[0].link = 0;
    while (skip < n && keys[skip].len == 0) skip++;
    stack[n_stack++] = (struct range){(uint32_t)skip, (uint32_t)n, 0, 0};
    while (n_stack)
        if (add_children(b, keys, common, stack[--n_stack], stack, &n_stack)) return -1;
    mem_renew(&t->unit, t->n, sizeof *t->unit); /* what is too much; as it was where that fails */
    return 0;
}

static int build_sorted(struct trie *t, const struct text_key *keys, size_t n, struct err *e)
{
    struct build *b = mem_alloc(1, sizeof *b);
    /* Every entry of the stack has a key of its own. */
    struct range *stack = mem_alloc(n + 1, sizeof *stack);
    uint32_t *common = mem_alloc(n + 1, sizeof *common);
    int ret = -1;
    if (n > UINT32_MAX / 2) {
        err_set(e, ERR_DATA, "the vocabulary is too large");
    } else if (!b || !stack || !common) {
        err_oom(e, n * sizeof *stack, "a trie");
    } else {
        b->t = t;
        b->cap = 0;
        b->first = b->last = NONE;
        b->e = e;
        ret = build(b, keys, n, stack, common);
    }
    free(common);
    free(stack);
    free(b);
    if (ret) trie_free(t);
    return ret;
}

int trie_build(struct trie *t, struct text_key *keys, size_t n, struct err *e)
{
    *t = (struct trie){0};
    return text_sort(keys, n) ? build_sorted(t, keys, n, e) : err_oom(e, n * sizeof *keys, "a trie");
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
