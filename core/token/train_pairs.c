#include "core/token/train_pairs.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { BLOCK = 1 << 18 };

struct place_block {
    struct place_block *next;
    size_t used, cap;
    uint32_t v[];
};

void pair_table_free(struct pair_table *t)
{
    while (t->blocks) {
        struct place_block *next = t->blocks->next;
        free(t->blocks);
        t->blocks = next;
    }
    free(t->v);
    free(t->slots);
    free(t->heap);
    memset(t, 0, sizeof *t);
}

static size_t slot_of(const struct pair_table *t, uint64_t key)
{
    uint64_t h = key * 0x9E3779B97F4A7C15ull;
    return (size_t)(h ^ h >> 32) & (t->n_slots - 1);
}

static bool grow_slots(struct pair_table *t)
{
    size_t n = t->n_slots ? 2 * t->n_slots : 1 << 16;
    uint32_t *slots = mem_zalloc(n, sizeof *slots);
    if (!slots) return false;
    free(t->slots);
    t->slots = slots;
    t->n_slots = n;
    for (uint32_t i = 0; i < t->n; i++) {
        size_t k = slot_of(t, t->v[i].key);
        while (slots[k]) k = (k + 1) & (n - 1);
        slots[k] = i + 1;
    }
    return true;
}

uint32_t pair_find(const struct pair_table *t, uint64_t key)
{
    if (!t->n_slots) return PAIR_NO_INDEX;
    size_t k = slot_of(t, key);
    for (; t->slots[k]; k = (k + 1) & (t->n_slots - 1))
        if (t->v[t->slots[k] - 1].key == key) return t->slots[k] - 1;
    return PAIR_NO_INDEX;
}

void pair_ask(const struct pair_table *t, uint64_t key)
{
    if (t->n_slots) __builtin_prefetch(&t->slots[slot_of(t, key)]);
}

void pair_ask_on(const struct pair_table *t, uint64_t key)
{
    uint32_t i = t->n_slots ? t->slots[slot_of(t, key)] : 0;
    if (i) __builtin_prefetch(&t->v[i - 1], 1);
}

uint32_t pair_get(struct pair_table *t, uint64_t key)
{
    if (3 * ((size_t)t->n + 1) > 2 * t->n_slots && !grow_slots(t)) return PAIR_NO_INDEX;
    size_t k = slot_of(t, key);
    for (; t->slots[k]; k = (k + 1) & (t->n_slots - 1))
        if (t->v[t->slots[k] - 1].key == key) return t->slots[k] - 1;
    if (t->n == t->cap) {
        size_t cap = t->cap ? (size_t)t->cap + t->cap / 2 : 1 << 14;
        struct pair *v = cap < PAIR_NO_INDEX ? mem_resize(t->v, cap, sizeof *v) : NULL;
        if (!v) return PAIR_NO_INDEX;
        t->v = v;
        t->cap = (uint32_t)cap;
    }
    t->v[t->n] = (struct pair){.key = key};
    t->slots[k] = ++t->n;
    return t->n - 1;
}

void pair_lower(struct pair_table *t, uint64_t key, uint64_t by)
{
    uint32_t at = pair_find(t, key);
    if (at != PAIR_NO_INDEX) t->v[at].count -= (int64_t)by;
}

/* ---- places ---- */

static uint32_t *take_places(struct pair_table *t, size_t n)
{
    struct place_block *b = t->blocks;
    if (!b || b->cap - b->used < n) {
        size_t cap = n > BLOCK ? n : BLOCK;
        b = mem_alloc(1, sizeof *b + cap * sizeof *b->v);
        if (!b) return NULL;
        *b = (struct place_block){t->blocks, 0, cap};
        t->blocks = b;
    }
    b->used += n;
    return b->v + b->used - n;
}

bool pair_places(struct pair_table *t, struct pair *p, uint32_t n)
{
    p->pos = take_places(t, n);
    p->n = 0;
    p->cap = n;
    return p->pos != NULL;
}

bool pair_more_places(struct pair_table *t, struct pair *p, uint32_t n)
{
    struct pair old = *p;
    if (old.cap - old.n >= n) return true;
    if (n > UINT32_MAX - old.n || !pair_places(t, p, old.n + n)) return false;
    if (old.n) memcpy(p->pos, old.pos, old.n * sizeof *p->pos);
    p->n = old.n;
    return true;
}

/* ---- the heap ---- */

static bool before(const struct pair_table *t, struct pair_candidate a, struct pair_candidate b)
{
    if (a.count != b.count) return a.count > b.count;
    return t->tie_before(t->tie_arg, a.key, b.key);
}

bool pair_push(struct pair_table *t, const struct pair *p)
{
    if (p->count < t->least) return true;
    if (t->n_heap == t->heap_cap) {
        size_t cap = t->heap_cap ? t->heap_cap + t->heap_cap / 2 : 1 << 14;
        struct pair_candidate *v = mem_resize(t->heap, cap, sizeof *v);
        if (!v) return false;
        t->heap = v;
        t->heap_cap = cap;
    }
    struct pair_candidate c = {p->count, p->key};
    size_t i = t->n_heap++;
    for (; i > 0 && before(t, c, t->heap[(i - 1) / 2]); i = (i - 1) / 2)
        t->heap[i] = t->heap[(i - 1) / 2];
    t->heap[i] = c;
    return true;
}

/* Puts c at the top and lets it sink. */
static void sink(struct pair_table *t, struct pair_candidate c)
{
    size_t i = 0;
    for (;;) {
        size_t k = 2 * i + 1;
        if (k >= t->n_heap) break;
        if (k + 1 < t->n_heap && before(t, t->heap[k + 1], t->heap[k])) k++;
        if (!before(t, t->heap[k], c)) break;
        t->heap[i] = t->heap[k];
        i = k;
    }
    t->heap[i] = c;
}

static void drop_top(struct pair_table *t)
{
    struct pair_candidate last = t->heap[--t->n_heap];
    if (t->n_heap) sink(t, last);
}

struct pair *pair_take_best(struct pair_table *t)
{
    while (t->n_heap) {
        struct pair_candidate top = t->heap[0];
        struct pair *p = &t->v[pair_find(t, top.key)];
        if (p->count == top.count) {
            drop_top(t);
            return p;
        }
        if (p->count >= t->least && p->count < top.count)
            sink(t, (struct pair_candidate){p->count, top.key});
        else
            drop_top(t); /* gone, or there is a newer entry with the higher count */
    }
    return NULL;
}
