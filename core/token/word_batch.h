/* word_batch.h - the words of a batch in the word cache: asked for, then got.
 *
 * The two loops that all text goes through, for each set of instructions. */
#ifndef CORE_TOKEN_WORD_BATCH_H
#define CORE_TOKEN_WORD_BATCH_H

#include "core/token/word_cache.h"

struct word_batch {
    /* Keys of the words text[from..ends[0]), text[ends[0]..ends[1]) ..., whose lines
     * are asked for; nothing behind text[n) is read. */
    void (*ask)(const struct word_cache *c, const uint8_t *text, size_t n, size_t from, const size_t *ends, size_t count,
                struct word_key *keys);
    /* The ids of words i, i + 1 ... to *to, which moves on; up to 3 more are
     * written.  Returns the first word that is long or not known, or count. */
    size_t (*get)(struct word_cache *c, const struct word_key *keys, size_t i, size_t count, int32_t **to);
};

extern const struct word_batch word_batch_base, word_batch_avx512vbmi;
const struct word_batch *word_batch(void); /* the best that runs here */

/* Words that have no short key; those that are not remembered get one that no
 * word has. */
static inline void word_batch_ask_long(const struct word_cache *c, const uint8_t *word, size_t n, struct word_key *key)
{
    if (n <= WORD_LONG_MAX) word_cache_ask_long(c, word, n, key);
    else *key = (struct word_key){{0, 0}, 0};
}

/* Where the usual way ends: in other lines, with many ids, or not at all (0 ids). */
static inline size_t word_batch_get_rare(struct word_cache *c, const struct word_key *key, int32_t *to)
{
    if (key->k[1] >> 56 == 0) return 0; /* long */
    return word_cache_get(c, key, to);
}

#endif
