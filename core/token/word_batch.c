#include "core/token/word_batch.h"

#include "core/token/vbmi.h"

static inline void ask_one(const struct word_cache *c, const uint8_t *word, size_t len, size_t left, struct word_key *key,
                           struct word_batch_long *longs)
{
    if (len <= WORD_KEY_MAX) {
        word_cache_ask(c, word, len, left, key);
    } else {
        word_batch_ask_long(c, word, len, key);
        word_batch_long_add(longs, key);
    }
}

static void ask(const struct word_cache *c, const uint8_t *text, size_t n, size_t from, const size_t *ends, size_t count,
                struct word_keys *keys)
{
    struct word_batch_long longs;
    struct word_key key;
    longs.n = 0;
    keys->shift = c->shift;
    for (size_t i = 0; i < count; from = ends[i++]) {
        ask_one(c, text + from, ends[i] - from, n - from, &key, &longs);
        word_keys_put(keys, i, c, &key);
    }
    word_batch_long_ask(c, &longs);
}

static size_t get(struct word_cache *c, const uint8_t *text, const size_t *ends, struct word_keys *keys, size_t i,
                  size_t count, int32_t **to)
{
    int32_t *out = *to;
    word_keys_follow(keys, c, i, count);
    for (size_t n; i < count; i++, out += n) {
        struct word_key key = word_keys_get(keys, i);
        if (!(n = word_batch_get_rare(c, text, ends[i], &key, out))) break;
    }
    *to = out;
    return i;
}

static void ask_run(const struct word_cache *c, struct word_run *run, struct word_key *keys)
{
    const uint8_t *text = (const uint8_t *)run->text;
    struct word_batch_long longs;
    longs.n = 0;
    for (size_t w = 0; 64 * w < run->n; w++)
        for (uint64_t m = word_run_others(run, w, 0); m; m &= m - 1) {
            size_t i = 64 * w + (size_t)__builtin_ctzll(m), at = run->begin[i];
            ask_one(c, text + at, run->begin[i + 1] - at, run->len + 16 - at, &keys[i], &longs);
        }
    word_batch_long_ask(c, &longs);
}

static size_t get_run(struct word_cache *c, const struct word_run *run, const struct word_key *keys, size_t i, int32_t **to)
{
    const uint8_t *text = (const uint8_t *)run->text;
    int32_t *out = *to;
    for (size_t w = i / 64, from = i; 64 * w < run->n; w++)
        for (uint64_t m = word_run_others(run, w, from); m; m &= m - 1) {
            size_t next = 64 * w + (size_t)__builtin_ctzll(m), n;
            for (; i < next; i++) *out++ = run->id[i];
            if (!(n = word_batch_get_rare(c, text, run->begin[i + 1], &keys[i], out))) {
                *to = out;
                return i;
            }
            out += n;
            i++;
        }
    for (; i < run->n; i++) *out++ = run->id[i];
    *to = out;
    return i;
}

static size_t take(struct word_cache *c, struct word_keys *keys, size_t i, size_t end,
                   uint32_t least, int32_t *to, size_t *n, struct word_left *left)
{
    size_t n_left = 0, used = 0, n_ids = 0;
    uint32_t code = 0;
    word_keys_follow(keys, c, i, end);
    for (; i < end; i++) {
        struct word_key key = word_keys_get(keys, i);
        size_t len = (size_t)(key.k[1] >> 56);
        const int32_t *ids = len ? word_cache_ids(c, &key, &n_ids, &code) : NULL;
        if (ids && code > least) {
            memcpy(to + used, ids, n_ids * sizeof *ids);
            used += n_ids;
        } else {
            left[n_left++] = (struct word_left){(uint32_t)used, (uint32_t)i};
        }
    }
    *n = used;
    return n_left;
}

static size_t missing_run(const struct word_cache *c, const struct word_run *run, const struct word_key *keys, size_t i,
                          size_t *which)
{
    size_t n = 0;
    for (size_t w = i / 64; 64 * w < run->n; w++)
        for (uint64_t m = word_run_others(run, w, i); m; m &= m - 1) {
            const struct word_key *key = &keys[which[n] = 64 * w + (size_t)__builtin_ctzll(m)];
            const struct word_line *l = &c->lines[word_cache_line(c, key->hash)];
            n += (size_t)!word_slot_is(&l->slot[0], key) & (size_t)!word_slot_is(&l->slot[1], key);
        }
    return n;
}

struct some_ids { int32_t id[16]; };

/* As loops and memmove() would, but how many there are of each cannot be guessed. */
static void put_and_move(int32_t *to, const int32_t *ids, size_t n_ids, const int32_t *from, size_t n)
{
    struct some_ids first, last, block;
    if (n < COUNT_OF(block.id) || n_ids > COUNT_OF(block.id)) {
        memcpy(to, ids, n_ids * sizeof *ids);
        memmove(to + n_ids, from, n * sizeof *from);
        return;
    }
    memcpy(&first, from, sizeof first); /* before they are written to */
    memcpy(&last, from + n - COUNT_OF(last.id), sizeof last);
    memcpy(&block, ids, sizeof block);
    memcpy(to, &block, sizeof block);
    to += n_ids;
    memcpy(to, &first, sizeof first);
    for (size_t i = COUNT_OF(block.id); i + COUNT_OF(block.id) < n; i += COUNT_OF(block.id)) {
        memcpy(&block, from + i, sizeof block);
        memcpy(to + i, &block, sizeof block);
    }
    memcpy(to + n - COUNT_OF(last.id), &last, sizeof last);
}

const struct word_batch word_batch_base = {ask, get, ask_run, get_run, missing_run, take, put_and_move};

const struct word_batch *word_batch(void)
{
    if (token_has_vbmi()) return &word_batch_avx512vbmi;
    return &word_batch_base;
}
