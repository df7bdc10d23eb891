/* compare_internal.h - the counts of compare.h. */
#ifndef CORE_TOKEN_COMPARE_INTERNAL_H
#define CORE_TOKEN_COMPARE_INTERNAL_H

#include "core/token/compare.h"

enum { COMPARE_EXAMPLES = 12 };

struct compare_word {
    const char *text;         /* NULL: a free slot */
    uint32_t n;
    uint64_t hash;
    size_t count;
};

/* Distinct ones by hash: word[n_slots], a power of two. */
struct compare_words {
    struct compare_word *word;
    size_t n_slots, n, all;   /* distinct ones; all of them */
};

/* The most frequent, by falling count. */
struct compare_top {
    const struct compare_word *v[COMPARE_EXAMPLES];
    size_t n;
};

struct compare_side {
    const struct tokenizer *t;
    const char *name;
    struct tok_scratch *s;
    struct tok_ids ids;       /* of the word at hand */
    struct buf back;          /* ... decoded */
    size_t tokens, unknown;   /* of the whole text */
    size_t used;              /* distinct ids of the whole text */
    size_t single;            /* words of one token */
    size_t changed;           /* words that decoding does not give back */
    size_t most;              /* tokens of the word that has most, */
    const char *longest;      /* which is this */
    size_t n_longest;
    struct compare_words strange; /* parts of words that unknown tokens stand for */
    struct compare_top strangest;
};

struct compare {
    struct compare_side side[2];
    int n_sides;
    size_t bytes, characters;
    struct compare_words words;
    size_t differ, differ_distinct, more[2]; /* words cut at other places; words with more tokens of a side */
    size_t common;             /* tokens that both have */
    struct compare_top examples; /* words that differ */
    struct buf *out;
};

/* Encodes a word by a side, into its ids. */
int compare_encode(struct compare_side *s, const char *word, size_t n, struct err *e);

/* compare_say.c */
int compare_text(struct compare *c, struct err *e);
int compare_json(struct compare *c, struct err *e);

#endif
