/* unigram_many.h - unigram's best ways through many short words at once.
 *
 * Word by word, most of the time goes into branches that cannot be guessed: how long
 * the paths in the trie are, how long a word is and how many tokens it has.  Here the
 * words stand in one row, each with symbol 0 behind it, which is like a token that
 * nothing reaches over; so each step is one loop over all of them.  The trie is walked
 * level by level, for all places whose paths go on.  Additions and their order are
 * those of a walk of each word by itself, and so are the ids. */
#ifndef CORE_TOKEN_UNIGRAM_MANY_H
#define CORE_TOKEN_UNIGRAM_MANY_H

#include <string.h>

#include "core/token/unigram.h"

enum {
    UNIGRAM_ROOM = 2048, /* symbols of all words, and a 0 behind each */
    UNIGRAM_SHORT = 64,  /* symbols of one */
    UNIGRAM_PARTS = UNIGRAM_SHORT / 2 + 1, /* of one that is cut where characters are unknown */
    UNIGRAM_WORDS = 288,
    UNIGRAM_PLACES = UNIGRAM_ROOM + 2 * UNIGRAM_SHORT + 4,
};

struct unigram_words {
    size_t n, n_words;
    uint16_t symbols[UNIGRAM_ROOM + UNIGRAM_SLACK];
    /* What unigram_walk_words() finds: ids[begin[i]..begin[i + 1] - 1) are those of word
     * i; gap: how much worse the second best way was at the ends of its tokens, at least. */
    float gap[UNIGRAM_WORDS];
    uint16_t begin[UNIGRAM_WORDS + 1];
    bool unknown;        /* some ids are unk_id */
    int32_t ids[UNIGRAM_ROOM + UNIGRAM_SLACK]; /* so many more may be read */
};

static inline void unigram_words_clear(struct unigram_words *w)
{
    w->n = w->n_words = 0;
}

static inline bool unigram_words_full(const struct unigram_words *w)
{
    return w->n_words + UNIGRAM_PARTS > UNIGRAM_WORDS || w->n + UNIGRAM_SHORT >= UNIGRAM_ROOM;
}

/* So many symbols, and up to UNIGRAM_SLACK more. */
static inline void unigram_words_copy(uint16_t *to, const uint16_t *from, size_t n)
{
    size_t i = 0;
    do memcpy(to + i, from + i, UNIGRAM_SLACK * sizeof *to);
    while ((i += UNIGRAM_SLACK) < n);
}

/* The word at symbols[n..n + len), len <= UNIGRAM_SHORT, which was put there. */
static inline void unigram_words_add(struct unigram_words *w, size_t len)
{
    w->n += len;
    w->symbols[w->n++] = 0;
    w->n_words++;
}

/* Each word's sum begins at 0. */
void unigram_walk_words(const struct unigram *u, struct unigram_words *w);

/* ---- for unigram_many*.c ---- */

/* Of each place: the longest path from there, the place that the best way to it comes
 * from, and how much worse the second best was. */
struct unigram_places {
    uint32_t row[UNIGRAM_PLACES];
    int32_t from[UNIGRAM_PLACES];
    float apart[UNIGRAM_PLACES];
};
/* From `row`, the others of places 1 to n. */
extern unigram_relax_fn unigram_relax_base;
#if defined(__x86_64__)
extern unigram_relax_fn unigram_relax_avx512, unigram_relax_avx2bmi;
#endif

#endif
