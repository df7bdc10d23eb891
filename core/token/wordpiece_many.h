/* wordpiece_many.h - WordPiece of many words, side by side.
 *
 * Where a walk through the trie ends is guessed wrong about once a token.  The
 * vectors take a step of each of many words at a time, and nothing is guessed. */
#ifndef CORE_TOKEN_WORDPIECE_MANY_H
#define CORE_TOKEN_WORDPIECE_MANY_H

#include <stdbool.h>

#include "core/token/trie.h"

#define WORDPIECE_NEVER UINT32_MAX /* as `continuing`: words have one token or none */

enum {
    WORDPIECE_MANY = 1024,    /* words at a time */
    WORDPIECE_BYTES = 64,     /* of one of them, at most */
    WORDPIECE_ROOM = 1 << 14, /* of all */
};

struct wordpiece_many {
    const struct trie *trie;
    uint32_t continuing;                 /* the node where a word goes on; not WORDPIECE_NEVER */
    size_t n, used;
    const uint8_t *word[WORDPIECE_MANY]; /* the caller's; WORDPIECE_BYTES from there on are readable */
    uint8_t len[WORDPIECE_MANY];         /* 1 to WORDPIECE_BYTES */
    uint8_t n_ids[WORDPIECE_MANY];       /* 0: no tokens cover the word */
    uint16_t from[WORDPIECE_MANY];       /* its ids are id[from], ... */
    int32_t id[WORDPIECE_ROOM + 4];      /* a few more are readable */
};

static inline bool wordpiece_many_full(const struct wordpiece_many *m)
{
    return m->n == WORDPIECE_MANY || m->used + WORDPIECE_BYTES > WORDPIECE_ROOM;
}

/* One more; it is not full. */
static inline void wordpiece_many_add(struct wordpiece_many *m, const uint8_t *word, size_t len)
{
    m->word[m->n] = word;
    m->len[m->n] = (uint8_t)len;
    m->from[m->n++] = (uint16_t)m->used;
    m->used += len; /* there are not more ids than bytes */
}

static inline void wordpiece_many_clear(struct wordpiece_many *m)
{
    m->n = m->used = 0;
}

/* The ids of one word[n], at most n; how many, or 0. */
size_t wordpiece_ids(const struct trie *t, uint32_t continuing, const uint8_t *word, size_t n, int32_t *ids);

typedef void wordpiece_many_fn(struct wordpiece_many *m);
wordpiece_many_fn wordpiece_many_base, wordpiece_many_avx512vbmi, wordpiece_many_avx2bmi, *wordpiece_many_best(void);

#endif
