#include "core/token/word_batch.h"

#include "core/token/isa.h"

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

static void list_others(struct word_run *run)
{
    run->n_others = 0;
    for (size_t w = 0; 64 * w < run->n; w++)
        for (uint64_t m = word_run_others(run, w); m; m &= m - 1)
            run->other[run->n_others++] = (uint16_t)(64 * w + (size_t)__builtin_ctzll(m));
}

static void ask_run(const struct word_cache *c, struct word_run *run, struct word_key *keys)
{
    const uint8_t *text = (const uint8_t *)run->text;
    struct word_batch_long longs;
    longs.n = 0;
    list_others(run);
    for (size_t k = 0; k < run->n_others; k++) {
        size_t at = run->begin[run->other[k]], end = run->begin[run->other[k] + 1];
        ask_one(c, text + at, end - at, run->len + 16 - at, &keys[k], &longs);
    }
    word_batch_long_ask(c, &longs);
}

/* The ids of a word that was found. */
static size_t found_ids(const struct word_cache *c, const struct word_slot *s, const uint8_t *word, size_t len, int32_t *to)
{
    size_t n = s ? (size_t)(s->k[1] >> 60) : 0;
    if (!s || (n == 0 && (len <= WORD_KEY_MAX || len > WORD_LONG_MAX))) return 0;
    const int32_t *ids = n && n <= WORD_INLINE ? (const int32_t *)s->id : c->pool + s->id[0];
    if (n == 0 && !word_bytes_equal((const uint8_t *)(ids + (n = s->id[1])), word, len)) return 0;
    memcpy(to, ids, n * sizeof *ids);
    return n;
}

/* found: where the words are, or NULL: the keys say it. */
static size_t put_ids(struct word_cache *c, const struct word_run *run, const struct word_key *keys,
                      const struct word_slot *const *found, size_t k, int32_t **to)
{
    const uint8_t *text = (const uint8_t *)run->text;
    size_t i = word_run_from(run, k), n = 1;
    int32_t *out = *to;
    for (; k < run->n_others && n; k += n > 0) {
        size_t next = run->other[k], at = run->begin[next], end = run->begin[next + 1];
        for (; i < next; i++) *out++ = run->id[i];
        n = found ? found_ids(c, found[k], text + at, end - at, out) : word_batch_get_rare(c, text, end, &keys[k], out);
        out += n;
        i += n > 0;
    }
    for (; n && i < run->n; i++) *out++ = run->id[i];
    *to = out;
    return k;
}

static size_t get_run(struct word_cache *c, const struct word_run *run, const struct word_key *keys, size_t k, int32_t **to)
{
    return put_ids(c, run, keys, NULL, k, to);
}

static size_t put_run(struct word_cache *c, const struct word_run *run, const struct word_slot *const *found, size_t k, int32_t **to)
{
    return put_ids(c, run, NULL, found, k, to);
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

static size_t find_run(const struct word_cache *c, const struct word_run *run, const struct word_key *keys,
                       const struct word_slot **found, size_t *missing)
{
    size_t n = 0;
    for (size_t k = 0; k < run->n_others; k++) {
        const struct word_line *l = &c->lines[word_cache_line(c, keys[k].hash)];
        bool first = word_slot_is(&l->slot[0], &keys[k]), second = word_slot_is(&l->slot[1], &keys[k]);
        found[k] = &l->slot[second];
        missing[n] = k;
        n += (size_t)!first & (size_t)!second;
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

const struct word_batch word_batch_base = {ask, get, ask_run, get_run, find_run, put_run, take, put_and_move};

const struct word_batch *word_batch(void)
{
    if (token_has_vbmi()) return &word_batch_avx512vbmi;
    if (token_has_avx2()) return &word_batch_avx2bmi;
    return &word_batch_base;
}
