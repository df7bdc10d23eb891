/* word_cache.h - the ids of words seen before; one per thread.
 *
 * Nine of ten words are among those of the last megabyte.  A slot of half a
 * cache line holds the word's bytes (longer ones: their hash) and its ids
 * together, so that a word costs one line, which is asked for early, and most
 * often one place in it: vectors look at that place alone.  The
 * table grows with the distinct words up to 64 MiB and is emptied then, so that
 * hostile or endless input does not use up the memory.  Where ids are found quickly,
 * words may be put over others before it does. */
#ifndef CORE_TOKEN_WORD_CACHE_H
#define CORE_TOKEN_WORD_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/err.h"

enum {
    WORD_KEY_MAX = 15,   /* bytes of a word that is its own key */
    WORD_LONG_MAX = 1024, /* longer ones are not remembered */
    WORD_INLINE = 4,
};

/* Length and number of ids share the top byte of k[1]: the one in its lower, the
 * other in its upper half.  Long words have 0 in both, and their length below: but for
 * runs, which are their own keys, too, and whose ids may be where those of short words are. */
struct word_key {
    uint64_t k[2];          /* the bytes; or the hash and the length; or a run's two bytes and its length with WORD_IS_RUN */
    uint64_t hash;
};

struct word_slot {
    uint64_t k[2];          /* k[1] == 0: free */
    uint32_t id[WORD_INLINE]; /* more than WORD_INLINE: id[0] is their place in the
                               * pool.  Long words: id[1] is the number of ids, the
                               * pool has them and the word.  id[3]: the code, if any */
};

struct word_line {
    struct word_slot slot[2];
};

/* Memory with room for MAX_LINES of which the first are there to be used. */
struct word_room {
    struct word_line *lines; /* NULL: none */
    void *memory;            /* that they are in */
    size_t n_lines, quick;   /* quick: so many were in large pages that came soon */
};

struct word_cache {
    struct word_line *lines;
    void *memory;           /* that they are in; what is behind them is zero */
    size_t n_lines, used;   /* a power of two; used slots */
    unsigned shift;         /* 64 - log2(n_lines) */
    uint64_t *strays;       /* a bit of each line: words that ask for it are in others */
    int32_t *pool;
    size_t pool_used, pool_cap;
    size_t longest;         /* bytes of words that are asked for; also to be set after word_cache_init(): WORD_LONG_MAX at most */
    bool dense;             /* rather fuller lines than more where memory is slow to come; also to be set there */
    bool frugal;            /* it is; also to be set there */
    bool replaces;          /* rather words put over others than more lines, until many of those come again; also to be set there */
    bool full;              /* words are put over others: each is in its line or nowhere */
    uint8_t *marks;         /* of words that a full cache did not know, by their hash */
    unsigned again;         /* those that are known by their marks count 2, each of the others takes 1 back */
    unsigned over;          /* how many they were */
    unsigned seconds;       /* how often a word was found, but not in its place */
    unsigned seconds_then;  /* when the lines became what they are */
    uint64_t text, all_text; /* bytes of text so far, and of all that will come; 0: not known */
    struct word_room room;   /* got before; for when the first lines have become too few */
};

int word_cache_init(struct word_cache *c, struct err *e); /* holds nothing if it fails */
void word_cache_free(struct word_cache *c);

/* Room for the words of so many bytes of text, which takes milliseconds to get: for who has nothing else to do before there
 * is a cache.  false: so few need none, or there is no memory. */
bool word_room_new(struct word_room *r, uint64_t text);
void word_room_free(struct word_room *r);

extern const uint64_t word_key_mask[WORD_KEY_MAX + 1][2];

#define WORD_HASH_HIGH 0x9E3779B97F4A7C15ull
#define WORD_HASH_ALL 0xD6E8FEB86659FD93ull

/* A multiplication more, of k[1], would be a third of what asking costs.  Turned by half a byte, the length of
 * short words is where they have no bytes, and digits and letters fall on bits in which those of k[0] differ less. */
enum { WORD_HASH_TURN = 4 };

static inline uint64_t word_key_hash(const uint64_t k[2])
{
    return (k[0] ^ (k[1] << WORD_HASH_TURN | k[1] >> (64 - WORD_HASH_TURN))) * WORD_HASH_ALL;
}

static inline size_t word_cache_line(const struct word_cache *c, uint64_t hash)
{
    return (size_t)(hash >> c->shift);
}

/* The place in that line where a word is, unless another was there first. */
static inline size_t word_cache_place(const struct word_cache *c, uint64_t hash)
{
    return (size_t)(hash >> (c->shift - 1)) & 1;
}

static inline bool word_cache_has_strays(const struct word_cache *c, size_t line)
{
    return c->strays[line / 64] >> (line & 63) & 1;
}

/* Of a word of 1..15 bytes, of which `left` are readable. */
static inline struct word_key word_key_of(const uint8_t *word, size_t n, size_t left)
{
    struct word_key key = {{0, 0}, 0};
    if (left >= 16) {
        memcpy(key.k, word, 16);
        key.k[0] &= word_key_mask[n][0];
        key.k[1] &= word_key_mask[n][1];
    } else {
        memcpy(key.k, word, n);
    }
    key.k[1] |= (uint64_t)n << 56;
    key.hash = word_key_hash(key.k);
    return key;
}

/* Fills *key for such a word and prefetches its line. */
static inline void word_cache_ask(const struct word_cache *c, const uint8_t *word, size_t n,
                                  size_t left, struct word_key *key)
{
    *key = word_key_of(word, n, left);
    __builtin_prefetch(&c->lines[word_cache_line(c, key->hash)]);
}

/* Of most long words of code all bytes but the first are the same: a newline and spaces, or signs. */
#define WORD_IS_RUN ((uint64_t)1 << 32)

static inline bool word_key_is_run(const struct word_key *key)
{
    return key->k[1] >> 32 == 1;
}

static inline bool word_is_run(const uint8_t *word, size_t n) /* n >= 16 */
{
    uint64_t same = word[1] * (uint64_t)0x0101010101010101, x;
    if (word[n - 1] != word[1]) return false;
    for (size_t i = 1;; i = i + 16 <= n ? i + 8 : n - 8) {
        memcpy(&x, word + i, 8);
        if (x != same) return false;
        if (i + 8 == n) return true;
    }
}

/* The bytes of a word that has no short key. */
static inline size_t word_key_long_len(const struct word_key *key)
{
    return (uint32_t)key->k[1];
}

static inline uint64_t word_long_hash(const uint8_t *word, size_t n) /* n >= 16 */
{
    uint64_t h = n, a, b;
    for (size_t i = 0;; i = i + 32 <= n ? i + 16 : n - 16) {
        memcpy(&a, word + i, 8);
        memcpy(&b, word + i + 8, 8);
        h = (h ^ a) * WORD_HASH_HIGH;
        h = ((h ^ h >> 32) + b) * WORD_HASH_ALL;
        h ^= h >> 29;
        if (i + 16 == n) return h;
    }
}

/* The same for 16 bytes and more. */
static inline void word_cache_ask_long(const struct word_cache *c, const uint8_t *word, size_t n, struct word_key *key)
{
    if (word_is_run(word, n)) {
        key->k[0] = word[0] | (uint64_t)word[1] << 8 | (uint64_t)n << 40; /* for the hash */
        key->k[1] = n | WORD_IS_RUN;
    } else {
        key->k[0] = word_long_hash(word, n);
        key->k[1] = n;
    }
    key->hash = word_key_hash(key->k);
    __builtin_prefetch(&c->lines[word_cache_line(c, key->hash)]);
}

static inline bool word_slot_is(const struct word_slot *s, const struct word_key *key)
{
    return ((s->k[0] ^ key->k[0]) | (s->k[1] ^ key->k[1]) << 4) == 0;
}

/* What is found elsewhere than in its place changes it with what is there: the last one asked for is the next one
 * most often, and two that are as frequent as each other cost little more than if they stayed. */
/* In other lines than its own, which has strays. */
const struct word_slot *word_cache_find_on(struct word_cache *c, const struct word_key *key);

static inline const struct word_slot *word_cache_find(struct word_cache *c, const struct word_key *key)
{
    size_t line = word_cache_line(c, key->hash), place = word_cache_place(c, key->hash);
    struct word_line *l = &c->lines[line];
    if (__builtin_expect(word_slot_is(&l->slot[place], key), 1)) return &l->slot[place];
    if (word_slot_is(&l->slot[!place], key)) {
        struct word_slot swap = l->slot[0];
        c->seconds++;
        l->slot[0] = l->slot[1];
        l->slot[1] = swap;
        return &l->slot[place];
    }
    return word_cache_has_strays(c, line) & !c->full ? word_cache_find_on(c, key) : NULL;
}

/* Copies the ids to out (room for 15) and returns their number, 0 if unknown. */
static inline size_t word_cache_get(struct word_cache *c, const struct word_key *key, int32_t *out)
{
    const struct word_slot *s = word_cache_find(c, key);
    if (__builtin_expect(!s, 0)) return 0;
    size_t n = (size_t)(s->k[1] >> 60);
    memcpy(out, s->id, sizeof s->id);
    if (__builtin_expect(n > WORD_INLINE, 0)) memcpy(out, c->pool + s->id[0], n * sizeof *out);
    return n;
}

/* The ids where they are, 4 of them readable at least, or NULL; valid until
 * something is added.  *code is what was added by word_cache_add_code(). */
static inline const int32_t *word_cache_ids(struct word_cache *c, const struct word_key *key, size_t *n_ids,
                                            uint32_t *code)
{
    const struct word_slot *s = word_cache_find(c, key);
    if (!s) return NULL;
    *n_ids = (size_t)(s->k[1] >> 60);
    *code = s->id[3];
    return *n_ids >= WORD_INLINE ? c->pool + s->id[0] : (const int32_t *)s->id;
}

static inline bool word_bytes_equal(const uint8_t *a, const uint8_t *b, size_t n) /* n >= 16 */
{
    uint64_t x[2], y[2];
    for (size_t i = 0;; i = i + 32 <= n ? i + 16 : n - 16) {
        memcpy(x, a + i, 16);
        memcpy(y, b + i, 16);
        if ((x[0] ^ y[0]) | (x[1] ^ y[1])) return false;
        if (i + 16 == n) return true;
    }
}

/* The ids of a long word, or NULL; valid until something is added. */
static inline const int32_t *word_cache_get_long(struct word_cache *c, const struct word_key *key,
                                                 const uint8_t *word, size_t n, size_t *n_ids, uint32_t *code)
{
    const struct word_slot *s = word_cache_find(c, key);
    if (!s) return NULL;
    const int32_t *ids = c->pool + s->id[0];
    *code = s->id[3];
    if ((*n_ids = (size_t)(s->k[1] >> 60))) return *n_ids > WORD_INLINE ? ids : (const int32_t *)s->id;
    *n_ids = s->id[1];
    return word_bytes_equal((const uint8_t *)(ids + s->id[1]), word, n) ? ids : NULL;
}

/* What the key was asked for, unless it is there already.  A cache has codes or has
 * none: for one with codes WORD_KEY_MAX ids are readable. */
void word_cache_add(struct word_cache *c, const struct word_key *key, const int32_t *ids, size_t n);
void word_cache_add_code(struct word_cache *c, const struct word_key *key, const int32_t *ids, size_t n,
                         uint32_t code);
void word_cache_add_long(struct word_cache *c, const struct word_key *key, const uint8_t *word,
                         size_t n, const int32_t *ids, size_t n_ids, uint32_t code);

/* The slot of a word or, if k[1] is 0 there, the free one for it, which is about to be claimed; unlike
 * word_cache_find() it moves none. */
struct word_slot *word_cache_seek_on(const struct word_cache *c, const struct word_key *key);

static inline struct word_slot *word_cache_seek(const struct word_cache *c, const struct word_key *key)
{
    struct word_line *l = &c->lines[word_cache_line(c, key->hash)];
    size_t place = word_cache_place(c, key->hash);
    bool first = word_slot_is(&l->slot[place], key) | !l->slot[place].k[1];
    bool second = word_slot_is(&l->slot[!place], key) | !l->slot[!place].k[1];
    if (__builtin_expect(first | second, 1)) return &l->slot[first ? place : !place];
    return word_cache_seek_on(c, key);
}

/* Such a free slot becomes the word's, which has no ids yet. */
static inline void word_cache_claim_slot(struct word_cache *c, struct word_slot *s, const struct word_key *key)
{
    s->k[0] = key->k[0];
    s->k[1] = key->k[1];
    c->used++;
}

/* word_cache_find() of a word that its line does not have, which moves none. */
static inline const struct word_slot *word_cache_find_still(struct word_cache *c, const struct word_key *key)
{
    if (__builtin_expect(c->full || !word_cache_has_strays(c, word_cache_line(c, key->hash)), 1)) return NULL;
    const struct word_slot *s = word_cache_seek_on(c, key);
    c->seconds += s->k[1] != 0;
    return s->k[1] ? s : NULL;
}

/* How many words have room before there are more lines, or none again. */
size_t word_cache_most(const struct word_cache *c);

/* Words whose ids are found many at a time.  First, that n_words of them with up to n_ids in the pool have room (true;
 * what was there may be gone).  Then slots anywhere, with their keys, get ids, not of 0, and those of words that are not
 * there, nor twice among them, are put in. */
bool word_cache_room(struct word_cache *c, size_t n_words, size_t n_ids);
void word_cache_put(struct word_cache *c, const struct word_slot *words, size_t n);
void word_cache_fill_long(struct word_cache *c, struct word_slot *s, const uint8_t *word, size_t n, const int32_t *ids,
                          size_t n_ids, uint32_t code);
void word_cache_fill_many(struct word_cache *c, struct word_slot *s, const int32_t *ids, size_t n);

/* WORD_INLINE ids at least are readable. */
static inline void word_cache_fill(struct word_cache *c, struct word_slot *s, const int32_t *ids, size_t n)
{
    s->k[1] |= (uint64_t)n << 60;
    memcpy(s->id, ids, sizeof s->id);
    if (n > WORD_INLINE) word_cache_fill_many(c, s, ids, n);
}

/* Of a cache with codes: without a branch on their number, which cannot be guessed.
 * WORD_KEY_MAX ids are readable, and the pool has room for so many. */
static inline void word_cache_fill_code(struct word_cache *c, struct word_slot *s, const int32_t *ids, size_t n, uint32_t code)
{
    size_t pooled = n >= WORD_INLINE ? n : 0;
    s->k[1] |= (uint64_t)n << 60;
    memcpy(s->id, ids, (WORD_INLINE - 1) * sizeof *ids);
    memcpy(c->pool + c->pool_used, ids, WORD_KEY_MAX * sizeof *ids);
    s->id[0] = pooled ? (uint32_t)c->pool_used : s->id[0];
    s->id[3] = code;
    c->pool_used += pooled;
}

/* Whether long words and many ids take little memory yet. */
static inline bool word_cache_has_little(const struct word_cache *c)
{
    return c->pool_used < 1 << 20;
}

/* Between texts, when nothing of the cache is held: more lines where that is so and they are full. */
void word_cache_settle(struct word_cache *c);

/* What a long word takes in the pool. */
static inline size_t word_long_room(size_t n, size_t n_ids)
{
    return n_ids + (n + 3) / 4;
}

/* Of a cache without codes: the ids of a word[n] of any length; words longer than WORD_LONG_MAX are not kept. */
static inline void word_cache_learn(struct word_cache *c, const struct word_key *key, const uint8_t *word, size_t n,
                                    const int32_t *ids, size_t n_ids)
{
    if (n <= WORD_KEY_MAX || (word_key_is_run(key) && n_ids <= WORD_KEY_MAX)) word_cache_add(c, key, ids, n_ids);
    else if (n <= WORD_LONG_MAX) word_cache_add_long(c, key, word, n, ids, n_ids, 0);
}

#endif
