/* word_cache.h - the ids of words seen before; one per thread.
 *
 * Nine of ten words are among those of the last megabyte.  Short words sit in
 * slots of half a cache line, key and ids together.  The table grows with the
 * distinct words up to 32 MiB and is emptied then, so that hostile or endless
 * input does not use up the memory. */
#ifndef CORE_TOKEN_WORD_CACHE_H
#define CORE_TOKEN_WORD_CACHE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/err.h"

enum { WORD_KEY_MAX = 15, WORD_INLINE = 4 };

struct word_key {
    uint64_t k[2];          /* the bytes, length in the last one */
    uint64_t hash;
};

struct word_slot {
    uint64_t k[2];          /* k[1] == 0: free */
    uint32_t id[WORD_INLINE]; /* number of ids in the top byte of id[0], a code in
                               * that of id[1]; more than
                               * WORD_INLINE: id[1] is their place in the pool */
};

struct word_long {
    uint64_t hash;
    uint32_t off, n_ids, len;
};

struct word_cache {
    struct word_slot *slots;
    size_t n_slots, used;
    int32_t *ids;           /* of words with many */
    size_t n_ids;
    struct word_long *longs;
    char *long_pool;
    size_t long_used;
};

int word_cache_init(struct word_cache *c, struct err *e);
void word_cache_free(struct word_cache *c);

static inline void word_key_make(const uint8_t *word, size_t n, size_t left, uint64_t k[2])
{
    if (left >= 16) {
        memcpy(k, word, 16);
        /* n is 1..15: keep n bytes of the 16. */
        uint64_t low = n < 8 ? ((uint64_t)1 << (8 * n)) - 1 : UINT64_MAX;
        uint64_t high = n > 8 ? ((uint64_t)1 << (8 * (n - 8))) - 1 : 0;
        k[0] &= low;
        k[1] &= high;
    } else {
        k[0] = k[1] = 0;
        memcpy(k, word, n);
    }
    k[1] |= (uint64_t)n << 56;
}

/* Fills *key for the word (1..15 bytes, `left` readable) and prefetches its slot. */
static inline void word_cache_ask(const struct word_cache *c, const uint8_t *word, size_t n,
                                  size_t left, struct word_key *key)
{
    word_key_make(word, n, left, key->k);
    uint64_t h = (key->k[0] ^ (key->k[1] * 0x9E3779B97F4A7C15ull)) * 0xD6E8FEB86659FD93ull;
    key->hash = h ^ (h >> 32);
    __builtin_prefetch(&c->slots[key->hash & (c->n_slots - 1)]);
}

/* Copies the ids to out (room for 15) and returns their number, 0 if unknown;
 * *code is what was added with them. */
static inline size_t word_cache_get_code(const struct word_cache *c, const struct word_key *key,
                                         int32_t *out, uint32_t *code)
{
    size_t mask = c->n_slots - 1;
    for (size_t i = key->hash & mask;; i = (i + 1) & mask) {
        const struct word_slot *s = &c->slots[i];
        if (s->k[0] == key->k[0] && s->k[1] == key->k[1]) {
            uint32_t id[WORD_INLINE];
            memcpy(id, s->id, sizeof id);
            size_t n = id[0] >> 24;
            *code = id[1] >> 24;
            id[0] &= 0xFFFFFF;
            id[1] &= 0xFFFFFF;
            memcpy(out, id, sizeof id);
            if (n > WORD_INLINE) memcpy(out, c->ids + id[1], n * sizeof *out);
            return n;
        }
        if (s->k[1] == 0) return 0;
    }
}

static inline size_t word_cache_get(const struct word_cache *c, const struct word_key *key,
                                    int32_t *out)
{
    uint32_t code;
    return word_cache_get_code(c, key, out, &code);
}

void word_cache_add(struct word_cache *c, const struct word_key *key, const int32_t *ids, size_t n);
void word_cache_add_code(struct word_cache *c, const struct word_key *key, const int32_t *ids, size_t n,
                         uint32_t code); /* code < 256 */

/* Words of more than 15 bytes. */
struct word_hit {
    const int32_t *ids;     /* NULL: unknown */
    size_t n;
    uint64_t hash;
};
struct word_hit word_cache_long(const struct word_cache *c, const uint8_t *word, size_t n);
void word_cache_add_long(struct word_cache *c, const struct word_hit *miss, const uint8_t *word,
                         size_t n, const int32_t *ids, size_t n_ids);

#endif
