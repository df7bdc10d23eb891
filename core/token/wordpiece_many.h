/* wordpiece_many.h - WordPiece of many short words, side by side.
 *
 * Where a walk through the trie ends is guessed wrong about once a token.  The
 * vectors take a step of each of many words at a time, and nothing is guessed. */
#ifndef CORE_TOKEN_WORDPIECE_MANY_H
#define CORE_TOKEN_WORDPIECE_MANY_H

#include "core/token/trie.h"
#include "core/token/word_cache.h"

#define WORDPIECE_NEVER UINT32_MAX /* as `continuing`: words have one token or none */

enum { WORDPIECE_MANY = 128 }; /* words at a time */

struct wordpiece_many {
    const struct trie *trie;
    uint32_t continuing;                   /* the node where a word goes on; not WORDPIECE_NEVER */
    size_t n;
    struct word_key key[WORDPIECE_MANY];   /* of words of 1 to WORD_KEY_MAX bytes */
    size_t n_ids[WORDPIECE_MANY];          /* 0: no tokens cover the word */
    int32_t ids[WORDPIECE_MANY][WORD_KEY_MAX + 1];
};

/* The ids of one word[n], at most n; how many, or 0. */
size_t wordpiece_ids(const struct trie *t, uint32_t continuing, const uint8_t *word, size_t n, int32_t *ids);

typedef void wordpiece_many_fn(struct wordpiece_many *m);
wordpiece_many_fn wordpiece_many_base, wordpiece_many_avx512vbmi, *wordpiece_many_best(void);

#endif
