#include "core/token/train_words.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"

enum { SHORT_MAX = 15 };

void word_table_free(struct word_table *t)
{
    free(t->v);
    free(t->longs);
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

static bool grow(struct word_table *t)
{
    size_t cap = t->cap ? 2 * t->cap : 1 << 13;
    struct word_count *v = mem_zalloc(cap, sizeof *v);
    if (!v) return false;
    for (size_t i = 0; i < t->cap; i++)
        if (t->v[i].key[1]) *find(v, cap, t->v[i].key) = t->v[i];
    free(t->v);
    t->v = v;
    t->cap = cap;
    return true;
}

static bool grow_longs(struct word_table *t)
{
    size_t cap = t->longs_cap ? 2 * t->longs_cap : 1 << 10;
    struct long_count *v = mem_zalloc(cap, sizeof *v);
    if (!v) return false;
    for (size_t i = 0; i < t->longs_cap; i++) {
        if (!t->longs[i].count) continue;
        size_t k = t->longs[i].hash & (cap - 1);
        while (v[k].count) k = (k + 1) & (cap - 1);
        v[k] = t->longs[i];
    }
    free(t->longs);
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
    if (n > t->pool_cap - t->pool_len) {
        size_t cap = t->pool_cap ? t->pool_cap : 1 << 16, need;
        if (!ck_add(t->pool_len, n, &need)) return false;
        while (cap < need)
            if (!ck_mul(cap, 2, &cap)) return false;
        char *pool = mem_resize(t->pool, cap, 1);
        if (!pool) return false;
        t->pool = pool;
        t->pool_cap = cap;
    }
    memcpy(t->pool + t->pool_len, word, n);
    t->longs[i] = (struct long_count){hash, count, t->pool_len, n};
    t->pool_len += n;
    t->n_longs++;
    return true;
}

bool word_table_add(struct word_table *t, const uint8_t *word, size_t n, size_t left,
                    uint64_t count)
{
    if (n > SHORT_MAX) return add_long(t, word, n, count);
    if (2 * (t->n + 1) > t->cap && !grow(t)) return false;
    uint64_t key[2];
    make_key(word, n, left, key);
    struct word_count *w = find(t->v, t->cap, key);
    if (!w->key[1]) {
        w->key[0] = key[0];
        w->key[1] = key[1];
        t->n++;
    }
    w->count += count;
    return true;
}

/* Words whose lines have been asked for. */
struct batch {
    uint64_t key[WORD_BATCH][2];
    size_t slot[WORD_BATCH], n;
};

static inline void ask(const struct word_table *t, struct batch *b, const uint8_t *word, size_t len, size_t left)
{
    make_key(word, len, left, b->key[b->n]);
    b->slot[b->n] = slot_of(b->key[b->n], t->cap);
    __builtin_prefetch(&t->v[b->slot[b->n++]], 1);
}

static void add_asked(struct word_table *t, const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct word_count *w = find_from(t->v, t->cap, b->key[i], b->slot[i]);
        if (!w->key[1]) {
            w->key[0] = b->key[i][0];
            w->key[1] = b->key[i][1];
            t->n++;
        }
        w->count++;
    }
}

static bool room(struct word_table *t, size_t n)
{
    while (2 * (t->n + n) > t->cap)
        if (!grow(t)) return false;
    return true;
}

bool word_table_add_batch(struct word_table *t, const uint8_t *text, size_t size, size_t pos,
                          const size_t *ends, size_t n)
{
    struct batch b;
    b.n = 0;
    if (!room(t, n)) return false;
    for (size_t i = 0; i < n; pos = ends[i++]) {
        size_t len = ends[i] - pos;
        if (len <= SHORT_MAX) ask(t, &b, text + pos, len, size - pos);
        else if (!add_long(t, text + pos, len, 1)) return false;
    }
    add_asked(t, &b);
    return true;
}

bool word_table_add_parts(struct word_table *t, const uint8_t *text, size_t size, const size_t *begins,
                          const size_t *ends, size_t n, size_t most)
{
    struct batch b;
    b.n = 0;
    if (!room(t, n)) return false;
    for (size_t i = 0; i < n; i++) {
        size_t len = ends[i] - begins[i];
        if (len > most) continue;
        if (len <= SHORT_MAX) ask(t, &b, text + begins[i], len, size - begins[i]);
        else if (!add_long(t, text + begins[i], len, 1)) return false;
    }
    add_asked(t, &b);
    return true;
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
