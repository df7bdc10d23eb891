#include "data/dedup_seen.h"

#include <stdlib.h>

#include "core/base/mem.h"

enum { BLOCK_WORDS = 8, BITS = 8 };

static inline uint64_t spread(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x9E3779B97F4A7C15u;
    return x ^ x >> 29;
}

int dseen_init(struct dseen *s, size_t bloom_bytes, size_t max_bytes, struct err *e)
{
    *s = (struct dseen){.bloom = bloom_bytes > 0, .max_bytes = max_bytes};
    if (!s->bloom) return 0;
    s->slots = (bloom_bytes + 63) / 64;
    s->v = mem_zalloc(s->slots * BLOCK_WORDS, sizeof *s->v);
    return s->v ? 0 : err_oom(e, bloom_bytes, "the Bloom filter");
}

void dseen_free(struct dseen *s)
{
    free(s->v);
    *s = (struct dseen){0};
}

/* The block of a hash: its upper bits choose, so that any number will do. */
static inline uint64_t *block_of(const struct dseen *s, uint64_t x)
{
    return s->v + (size_t)((x >> 32) * (uint64_t)s->slots >> 32) * BLOCK_WORDS;
}

static inline size_t slot_of(const struct dseen *s, uint64_t hash)
{
    size_t h = (size_t)spread(hash) & (s->slots - 1);
    while (s->v[h] && s->v[h] != hash)
        h = (h + 1) & (s->slots - 1);
    return h;
}

int dseen_reserve(struct dseen *s, size_t n, struct err *e)
{
    size_t need = s->slots ? s->slots : 1 << 12;
    if (s->bloom) return 0;
    while (need / 3 * 2 < s->used + n)
        need *= 2;
    if (need == s->slots) return 0;
    if (s->max_bytes && need * 8 > s->max_bytes) {
        err_set(e, ERR_OS, "the table of what was seen needs %zu MB, more than --mem allows",
                need * 8 >> 20);
        return err_hint(e, "give a larger --mem, or --bloom SIZE");
    }
    struct dseen more = *s;
    more.slots = need;
    more.v = mem_zalloc(need, sizeof *more.v);
    if (!more.v) return err_oom(e, need * 8, "the table of what was seen");
    for (size_t i = 0; i < s->slots; i++)
        if (s->v[i]) more.v[slot_of(&more, s->v[i])] = s->v[i];
    free(s->v);
    *s = more;
    return 0;
}

void dseen_prefetch(const struct dseen *s, uint64_t hash)
{
    if (s->bloom)
        __builtin_prefetch(block_of(s, spread(hash)));
    else
        __builtin_prefetch(&s->v[(size_t)spread(hash) & (s->slots - 1)]);
}

/* Bits come from a second mixing: nine each, for a place among 512. */
bool dseen_has(const struct dseen *s, uint64_t hash)
{
    if (!s->bloom) return hash ? s->v[slot_of(s, hash)] != 0 : s->zero;
    uint64_t x = spread(hash), *b = block_of(s, x), y = spread(x ^ 0xD6E8FEB86659FD93u);
    uint64_t z = spread(y);
    for (int i = 0; i < BITS; i++) {
        unsigned at = (unsigned)((i < 4 ? y : z) >> 16 * (i & 3)) & 511;
        if (!(b[at / 64] >> at % 64 & 1)) return false;
    }
    return true;
}

void dseen_add(struct dseen *s, uint64_t hash)
{
    if (!s->bloom) {
        if (!hash) {
            s->zero = true;
            return;
        }
        size_t h = slot_of(s, hash);
        s->used += s->v[h] == 0;
        s->v[h] = hash;
        return;
    }
    uint64_t x = spread(hash), *b = block_of(s, x), y = spread(x ^ 0xD6E8FEB86659FD93u);
    uint64_t z = spread(y);
    for (int i = 0; i < BITS; i++) {
        unsigned at = (unsigned)((i < 4 ? y : z) >> 16 * (i & 3)) & 511;
        b[at / 64] |= (uint64_t)1 << at % 64;
    }
    s->used++;
}
