/* word_batch.h - the words of a batch in the word cache: asked for, then got.
 *
 * The two loops that all text goes through, for each set of instructions. */
#ifndef CORE_TOKEN_WORD_BATCH_H
#define CORE_TOKEN_WORD_BATCH_H

#include "core/token/word_cache.h"
#include "core/token/word_form.h"

/* A word whose ids were not taken, and how many ids come before its own. */
struct word_left {
    uint32_t at, word;
};

enum { WORD_BATCH_MORE = 16, WORD_KEYS = 512 };

/* The words of a batch: their keys, and where in the cache's lines each has its place.  A hash, which is asked for
 * where a word is not there, is made once more. */
struct word_keys {
    uint64_t k[WORD_KEYS + 3][2]; /* three before the first: the fours behind it are lines of the processor's cache */
    uint32_t at[WORD_KEYS + 3];   /* in bytes */
    unsigned shift;               /* of the cache when that was so */
};

static inline const uint64_t *word_keys_k(const struct word_keys *w, size_t i)
{
    return w->k[i + 3];
}

static inline const uint32_t *word_keys_at(const struct word_keys *w, size_t i)
{
    return &w->at[i + 3];
}

static inline struct word_key word_keys_get(const struct word_keys *w, size_t i)
{
    const uint64_t *k = word_keys_k(w, i);
    return (struct word_key){{k[0], k[1]}, word_key_hash(k)};
}

static inline void word_keys_put(struct word_keys *w, size_t i, const struct word_cache *c, const struct word_key *key)
{
    memcpy(w->k[i + 3], key->k, sizeof key->k);
    w->at[i + 3] = (uint32_t)((key->hash >> (c->shift - 1)) * sizeof(struct word_slot));
}

/* Words i to end - 1 in a cache that may have grown. */
static inline void word_keys_follow(struct word_keys *w, const struct word_cache *c, size_t i, size_t end)
{
    for (; w->shift != c->shift && i < end; i++) {
        struct word_key key = word_keys_get(w, i);
        word_keys_put(w, i, c, &key);
    }
    w->shift = c->shift;
}

/* word_cache_seek() of word i.  Which slot of a line it is cannot be guessed. */
static inline bool word_slot_fits(const struct word_slot *s, const uint64_t k[2])
{
    return (((s->k[0] ^ k[0]) | (s->k[1] ^ k[1]) << 4) == 0) | (s->k[1] == 0);
}

static inline struct word_slot *word_keys_seek(const struct word_keys *w, size_t i, const struct word_cache *c)
{
    const uint64_t *k = word_keys_k(w, i);
    size_t place = *word_keys_at(w, i) / sizeof(struct word_slot);
    struct word_slot *slots = c->lines->slot, *s = &slots[place ^ !word_slot_fits(&slots[place], k)];
    if (__builtin_expect(word_slot_fits(s, k), 1)) return s;
    const struct word_key key = word_keys_get(w, i);
    return word_cache_seek_on(c, &key);
}

struct word_batch {
    /* Keys of the words text[from..ends[0]), text[ends[0]..ends[1]) ..., at most WORD_KEYS, whose lines
     * are asked for; nothing behind text[n) is read. */
    void (*ask)(const struct word_cache *c, const uint8_t *text, size_t n, size_t from, const size_t *ends, size_t count,
                struct word_keys *keys);
    /* The ids of words i, i + 1 ..., which end at text[ends[i]) ..., to *to, which
     * moves on; up to WORD_BATCH_MORE more are written.  Returns the first word that is not known,
     * or is long and has more ids than word_batch_most(), or count. */
    size_t (*get)(struct word_cache *c, const uint8_t *text, const size_t *ends, struct word_keys *keys, size_t i,
                  size_t count, int32_t **to);
    /* The same for a run: the words that are not single are listed, and have keys one behind the other.  The ids of
     * words from behind the one before the k-th of those on; returns which of them it was, or run->n_others; up
     * to 16 more ids are written. */
    void (*ask_run)(const struct word_cache *c, struct word_run *run, struct word_key *keys);
    size_t (*get_run)(struct word_cache *c, const struct word_run *run, const struct word_key *keys, size_t k, int32_t **to);
    /* Where those words are, in their lines; which of them are not there (that is set to anything), and how many. */
    size_t (*find_run)(const struct word_cache *c, const struct word_run *run, const struct word_key *keys,
                       const struct word_slot **found, size_t *missing);
    /* get_run() of words that were found; returns the first that is nowhere (NULL), or is long and another than was
     * found. */
    size_t (*put_run)(struct word_cache *c, const struct word_run *run, const struct word_slot *const *found, size_t k,
                      int32_t **to);
    /* Of a cache with codes: the ids of short words i to end - 1 whose code is above
     * least, *n of them, and up to 15 more are written; returns the number of
     * the others (and one more is written), those too that are in other lines. */
    size_t (*take)(struct word_cache *c, struct word_keys *keys, size_t i, size_t end,
                   uint32_t least, int32_t *to, size_t *n, struct word_left *left);
    /* ids[0..n_ids) to `to`, and from[0..n) behind them: from is not before that place.  15 more of both are readable. */
    void (*put_and_move)(int32_t *to, const int32_t *ids, size_t n_ids, const int32_t *from, size_t n);
};

extern const struct word_batch word_batch_base, word_batch_avx2bmi, word_batch_avx512vbmi;
const struct word_batch *word_batch(void); /* the best that runs here */

/* Words that have no short key; those that are not asked for get one that no
 * word has. */
static inline void word_batch_ask_long(const struct word_cache *c, const uint8_t *word, size_t n, struct word_key *key)
{
    if (n <= c->longest) word_cache_ask_long(c, word, n, key);
    else *key = (struct word_key){{0, 0}, 0};
}

/* The long words of a batch, whose ids and bytes are somewhere else: asked for when
 * the lines that say where are there.  Those that have no room here are not. */
struct word_batch_long {
    size_t n;
    struct word_key key[256];
};

static inline void word_batch_long_add(struct word_batch_long *l, const struct word_key *key)
{
    if (!word_key_is_run(key) && l->n < sizeof l->key / sizeof *l->key) l->key[l->n++] = *key;
}

static inline void word_batch_long_ask(const struct word_cache *c, const struct word_batch_long *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct word_key *key = &l->key[i];
        const struct word_line *line = &c->lines[word_cache_line(c, key->hash)];
        const struct word_slot *s = &line->slot[word_slot_is(&line->slot[1], key)];
        if (!word_slot_is(s, key) || !key->k[1]) continue;
        __builtin_prefetch(c->pool + s->id[0]);
        __builtin_prefetch(c->pool + s->id[0] + s->id[1] + key->k[1] / sizeof *c->pool - 1);
    }
}

/* Which of the words from 64 w on are not single. */
static inline uint64_t word_run_others(const struct word_run *run, size_t w)
{
    size_t left = run->n - 64 * w;
    return ~run->single[w] & (left < 64 ? ((uint64_t)1 << left) - 1 : ~(uint64_t)0);
}

/* The first word behind the one before the k-th of those. */
static inline size_t word_run_from(const struct word_run *run, size_t k)
{
    return k ? run->other[k - 1] + (size_t)1 : 0;
}

/* How many ids of a word of n bytes are taken: so much room there is. */
static inline size_t word_batch_most(size_t n)
{
    return n > WORD_KEY_MAX ? n : WORD_KEY_MAX;
}

/* Where the usual way ends: in other lines, with many ids, long, or not at all (0 ids). */
static inline size_t word_batch_get_rare(struct word_cache *c, const uint8_t *text, size_t end, const struct word_key *key,
                                         int32_t *to)
{
    size_t n = word_key_long_len(key), n_ids;
    uint32_t code;
    if (key->k[1] >> 56) return word_cache_get(c, key, to);
    const int32_t *ids = n ? word_cache_get_long(c, key, text + end - n, n, &n_ids, &code) : NULL;
    if (!ids || n_ids > word_batch_most(n)) return 0;
    memcpy(to, ids, n_ids * sizeof *ids);
    return n_ids;
}

#endif
