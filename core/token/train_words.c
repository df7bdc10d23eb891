#include "core/token/train_words.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"

enum { SHORT_MAX = 15 };

void word_table_free(struct word_table *t)
{
    free(t->memory);
    free(t->longs_memory);
    free(t->pool);
    memset(t, 0, sizeof *t);
}

size_t word_table_bytes(const struct word_table *t)
{
    return t->cap * sizeof *t->v + t->longs_cap * sizeof *t->longs + t->pool_cap;
}

static const uint64_t keep_low[9] = {0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF, 0xFFFFFFFFFF,
                                     0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFF, UINT64_MAX};

static inline void make_key(const uint8_t *word, size_t n, size_t left, uint64_t key[2])
{
    if (left >= 16) {
        memcpy(key, word, 16);
        key[0] &= keep_low[n < 8 ? n : 8];
        key[1] &= keep_low[n > 8 ? n - 8 : 0];
    } else {
        key[0] = key[1] = 0;
        memcpy(key, word, n);
    }
    key[1] |= (uint64_t)n << 56;
}

static inline size_t slot_of(const uint64_t key[2], size_t cap)
{
    uint64_t h = (key[0] ^ (key[1] * 0x9E3779B97F4A7C15ull)) * 0xD6E8FEB86659FD93ull;
    return (size_t)(h ^ (h >> 32)) & (cap - 1);
}

static inline struct word_count *find_from(struct word_count *v, size_t cap, const uint64_t key[2],
                                           size_t i)
{
    while (v[i].key[1] && (v[i].key[0] != key[0] || v[i].key[1] != key[1])) i = (i + 1) & (cap - 1);
    return &v[i];
}

static struct word_count *find(struct word_count *v, size_t cap, const uint64_t key[2])
{
    return find_from(v, cap, key, slot_of(key, cap));
}

/* Slots of zeros.  They are read before they are written to: a page that is new then costs two
 * interrupts, and stops other threads; so all are written to first. */
static void *new_slots(size_t n, size_t size, void **memory)
{
    enum { PAGE = 4096, HUGE = 1 << 21 };
    size_t bytes;
    char *v = ck_mul(n, size, &bytes) ? mem_zalloc_table_behind(bytes / HUGE * HUGE, n, size, memory) : NULL;
    if (!v) return NULL;
    mem_huge_if_quick(v, bytes);
    for (size_t i = 0; i < bytes; i += PAGE) *(volatile char *)(v + i) = 0;
    return v;
}

static bool grow(struct word_table *t)
{
    size_t cap = t->cap ? 2 * t->cap : 1 << 13;
    void *memory;
    struct word_count *v = new_slots(cap, sizeof *v, &memory);
    if (!v) return false;
    for (size_t i = 0; i < t->cap; i++)
        if (t->v[i].key[1]) *find(v, cap, t->v[i].key) = t->v[i];
    free(t->memory);
    t->memory = memory;
    t->v = v;
    t->cap = cap;
    return true;
}

static bool grow_longs(struct word_table *t)
{
    size_t cap = t->longs_cap ? 2 * t->longs_cap : 1 << 10;
    void *memory;
    struct long_count *v = new_slots(cap, sizeof *v, &memory);
    if (!v) return false;
    for (size_t i = 0; i < t->longs_cap; i++) {
        if (!t->longs[i].count) continue;
        size_t k = t->longs[i].hash & (cap - 1);
        while (v[k].count) k = (k + 1) & (cap - 1);
        v[k] = t->longs[i];
    }
    free(t->longs_memory);
    t->longs_memory = memory;
    t->longs = v;
    t->longs_cap = cap;
    return true;
}

static bool add_long(struct word_table *t, const uint8_t *word, size_t n, uint64_t count)
{
    if (2 * (t->n_longs + 1) > t->longs_cap && !grow_longs(t)) return false;
    uint64_t hash = hash64(word, n);
    size_t i = hash & (t->longs_cap - 1);
    for (; t->longs[i].count; i = (i + 1) & (t->longs_cap - 1)) {
        struct long_count *l = &t->longs[i];
        if (l->hash != hash || l->len != n || memcmp(t->pool + l->off, word, n)) continue;
        l->count += count;
        return true;
    }
    size_t need;
    if (!ck_add(t->pool_len, n, &need) || !mem_room(&t->pool, &t->pool_cap, need, 1)) return false;
    memcpy(t->pool + t->pool_len, word, n);
    t->longs[i] = (struct long_count){hash, count, t->pool_len, n};
    t->pool_len += n;
    t->n_longs++;
    return true;
}

/* The slot is the one that find() gave for the key. */
static inline void add_at(struct word_table *t, struct word_count *w, const uint64_t key[2], uint64_t count)
{
    if (!w->key[1]) {
        w->key[0] = key[0];
        w->key[1] = key[1];
        t->n++;
    }
    w->count += count;
}

bool word_table_add(struct word_table *t, const uint8_t *word, size_t n, size_t left,
                    uint64_t count)
{
    if (n > SHORT_MAX) return add_long(t, word, n, count);
    if (2 * (t->n + 1) > t->cap && !grow(t)) return false;
    uint64_t key[2];
    make_key(word, n, left, key);
    add_at(t, find(t->v, t->cap, key), key, count);
    return true;
}

/* Words whose lines have been asked for. */
struct batch {
    uint64_t key[WORD_BATCH][2], count[WORD_BATCH];
    size_t slot[WORD_BATCH], n;
};

static inline void ask(const struct word_table *t, struct batch *b, uint64_t count)
{
    size_t slot = b->slot[b->n] = slot_of(b->key[b->n], t->cap);
    b->count[b->n++] = count;
    __builtin_prefetch(&t->v[slot], 1);
}

static void add_asked(struct word_table *t, struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) add_at(t, find_from(t->v, t->cap, b->key[i], b->slot[i]), b->key[i], b->count[i]);
    b->n = 0;
}

static bool room(struct word_table *t, size_t n)
{
    while (2 * (t->n + n) > t->cap)
        if (!grow(t)) return false;
    return true;
}

/* begins: NULL where each word begins at the end of the one before. */
static inline __attribute__((always_inline)) bool add_words(struct word_table *t, const uint8_t *text, size_t size, size_t pos,
                                                            const size_t *begins, const size_t *ends, size_t n, size_t most)
{
    struct batch b;
    b.n = 0;
    if (!room(t, n)) return false;
    for (size_t i = 0; i < n; pos = ends[i++]) {
        if (begins) pos = begins[i];
        size_t len = ends[i] - pos;
        if (len > most) continue;
        if (len <= SHORT_MAX) {
            make_key(text + pos, len, size - pos, b.key[b.n]);
            ask(t, &b, 1);
        } else if (!add_long(t, text + pos, len, 1)) {
            return false;
        }
    }
    add_asked(t, &b);
    return true;
}

bool word_table_add_batch(struct word_table *t, const uint8_t *text, size_t size, size_t pos,
                          const size_t *ends, size_t n)
{
    return add_words(t, text, size, pos, NULL, ends, n, SIZE_MAX);
}

bool word_table_add_parts(struct word_table *t, const uint8_t *text, size_t size, const size_t *begins,
                          const size_t *ends, size_t n, size_t most)
{
    return add_words(t, text, size, 0, begins, ends, n, most);
}

bool word_table_join(struct word_table *t, struct word_table *from)
{
    struct batch b;
    bool ok = true;
    b.n = 0;
    for (size_t i = 0; ok && i < from->cap; i++) {
        const struct word_count *w = &from->v[i];
        if (!w->key[1]) continue;
        if (b.n == 0) ok = room(t, WORD_BATCH);
        if (!ok) break;
        memcpy(b.key[b.n], w->key, sizeof w->key);
        ask(t, &b, w->count);
        if (b.n == WORD_BATCH) add_asked(t, &b);
    }
    if (ok) add_asked(t, &b);
    for (size_t i = 0; ok && i < from->longs_cap; i++) {
        const struct long_count *l = &from->longs[i];
        if (l->count) ok = add_long(t, (const uint8_t *)from->pool + l->off, l->len, l->count);
    }
    word_table_free(from);
    return ok;
}

bool word_table_next(const struct word_table *t, size_t *at, char tmp[16], const char **word,
                     size_t *n, uint64_t *count)
{
    for (; *at < t->cap; (*at)++) {
        const struct word_count *w = &t->v[*at];
        if (!w->key[1]) continue;
        (*at)++;
        memcpy(tmp, w->key, 16);
        *n = (uint8_t)tmp[15];
        *word = tmp;
        *count = w->count;
        return true;
    }
    for (; *at < t->cap + t->longs_cap; (*at)++) {
        const struct long_count *l = &t->longs[*at - t->cap];
        if (!l->count) continue;
        (*at)++;
        *n = l->len;
        *word = t->pool + l->off;
        *count = l->count;
        return true;
    }
    return false;
}
