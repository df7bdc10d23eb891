#include "core/token/word_cache.h"

#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/mem.h"

enum {
    FIRST_SLOTS = 1 << 12,
    MAX_SLOTS = 1 << 20,
    MAX_IDS = 1 << 20,     /* of words with more than WORD_INLINE */
    LONG_SLOTS = 1 << 16,
    LONG_POOL = 16 << 20,
    LONG_WORD = 1024,      /* longer ones are not remembered */
};

int word_cache_init(struct word_cache *c, struct err *e)
{
    c->n_slots = FIRST_SLOTS;
    c->slots = mem_zalloc(c->n_slots, sizeof *c->slots);
    c->ids = mem_alloc(MAX_IDS, sizeof *c->ids);
    c->longs = mem_zalloc(LONG_SLOTS, sizeof *c->longs);
    c->long_pool = mem_alloc(LONG_POOL, 1);
    if (c->slots && c->ids && c->longs && c->long_pool) return 0;
    return err_oom(e, MAX_IDS * sizeof *c->ids + LONG_POOL, "the word cache");
}

void word_cache_free(struct word_cache *c)
{
    free(c->slots);
    free(c->ids);
    free(c->longs);
    free(c->long_pool);
    memset(c, 0, sizeof *c);
}

static uint64_t rehash(const uint64_t k[2])
{
    uint64_t h = (k[0] ^ (k[1] * 0x9E3779B97F4A7C15ull)) * 0xD6E8FEB86659FD93ull;
    return h ^ (h >> 32);
}

static struct word_slot *free_slot(struct word_slot *slots, size_t n, uint64_t hash)
{
    size_t i = hash & (n - 1);
    while (slots[i].k[1]) i = (i + 1) & (n - 1);
    return &slots[i];
}

static void empty(struct word_cache *c)
{
    memset(c->slots, 0, c->n_slots * sizeof *c->slots);
    c->used = c->n_ids = 0;
}

/* Twice the slots; where that is too much or there is no memory, none used. */
static void grow(struct word_cache *c)
{
    size_t n = 4 * c->n_slots;
    struct word_slot *slots = n <= MAX_SLOTS ? mem_zalloc(n, sizeof *slots) : NULL;
    if (!slots) {
        empty(c);
        return;
    }
    for (size_t i = 0; i < c->n_slots; i++)
        if (c->slots[i].k[1]) *free_slot(slots, n, rehash(c->slots[i].k)) = c->slots[i];
    free(c->slots);
    c->slots = slots;
    c->n_slots = n;
}

void word_cache_add(struct word_cache *c, const struct word_key *key, const int32_t *ids, size_t n)
{
    word_cache_add_code(c, key, ids, n, 0);
}

void word_cache_add_code(struct word_cache *c, const struct word_key *key, const int32_t *ids, size_t n,
                         uint32_t code)
{
    if (n == 0 || n > WORD_KEY_MAX) return;
    if (2 * (c->used + 1) > c->n_slots) grow(c);
    if (n > WORD_INLINE && c->n_ids + n > MAX_IDS) empty(c);
    struct word_slot *s = free_slot(c->slots, c->n_slots, key->hash);
    s->k[0] = key->k[0];
    s->k[1] = key->k[1];
    c->used++;
    if (n <= WORD_INLINE) {
        for (size_t i = 0; i < n; i++) s->id[i] = (uint32_t)ids[i];
        s->id[0] |= (uint32_t)n << 24;
        s->id[1] = (s->id[1] & 0xFFFFFF) | code << 24;
        return;
    }
    s->id[0] = (uint32_t)n << 24;
    s->id[1] = (uint32_t)c->n_ids | code << 24;
    memcpy(c->ids + c->n_ids, ids, n * sizeof *ids);
    c->n_ids += n;
}

struct word_hit word_cache_long(const struct word_cache *c, const uint8_t *word, size_t n)
{
    struct word_hit hit = {NULL, 0, 0};
    if (n > LONG_WORD) return hit;
    hit.hash = hash64(word, n);
    const struct word_long *l = &c->longs[hit.hash & (LONG_SLOTS - 1)];
    const char *have = c->long_pool + l->off;
    if (l->len != n || l->hash != hit.hash) return hit;
    if (memcmp(have + l->n_ids * sizeof(int32_t), word, n)) return hit;
    hit.ids = (const int32_t *)(const void *)have;
    hit.n = l->n_ids;
    return hit;
}

void word_cache_add_long(struct word_cache *c, const struct word_hit *miss, const uint8_t *word,
                         size_t n, const int32_t *ids, size_t n_ids)
{
    if (n > LONG_WORD) return;
    size_t bytes = n_ids * sizeof *ids + (n + 3) / 4 * 4;
    if (c->long_used + bytes > LONG_POOL) {
        memset(c->longs, 0, LONG_SLOTS * sizeof *c->longs);
        c->long_used = 0;
    }
    char *to = c->long_pool + c->long_used;
    memcpy(to, ids, n_ids * sizeof *ids);
    memcpy(to + n_ids * sizeof *ids, word, n);
    c->longs[miss->hash & (LONG_SLOTS - 1)] =
        (struct word_long){miss->hash, (uint32_t)c->long_used, (uint32_t)n_ids, (uint32_t)n};
    c->long_used += bytes;
}
