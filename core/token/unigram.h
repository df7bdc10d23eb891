/* unigram.h - unigram's best segmentation, one symbol (character) at a time.
 *
 * model_unigram.c walks a trie of bytes from every place and says what every
 * case means; here is the fast way for text that it is certain of: characters
 * that are tokens, and that the normaliser leaves alone or replaces one by one.
 *
 * All tokens that begin at a place are the ends of one path in a trie of
 * symbols, and the longest path from a place depends on the text
 * alone.  The scores along the path to each node lie
 * in a row, so a place is one vector operation: the best sums of the next 16 places
 * against the sum here plus that row.  Additions, their order and precision are
 * model_unigram.c's, and so are the ids. */
#ifndef CORE_TOKEN_UNIGRAM_H
#define CORE_TOKEN_UNIGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/token/trie.h"

struct tokenizer;
struct charsmap;
struct unigram;
struct unigram_path;
struct unigram_places;
/* A step of unigram_many.h. */
typedef void unigram_relax_fn(const struct unigram *u, size_t n, struct unigram_places *p);
typedef void unigram_walk_fn(const struct unigram *u, const uint16_t *symbols, size_t n, double sum,
                             struct unigram_path *to);

enum {
    UNIGRAM_LONGEST = 16, /* symbols of a token */
    UNIGRAM_MOST = 512,   /* symbols at a time */
    UNIGRAM_SLACK = 32,
    UNIGRAM_CHARS = 0x30000, /* characters that may be certain are below: emoji are there, too */
};

/* What is a blank (U+0020 first, which fills up), and whether runs of them are as one. */
struct unigram_blanks {
    uint8_t blank[4];
    bool one;
};
/* The symbols of p[0..n), whole characters, to `to`, of which UNIGRAM_SLACK may be written; 0: they are more, or not
 * certain without a closer look, or one is `refused` (a symbol or 0).  *unknown: a bit for each that is u->unknown. */
typedef size_t unigram_symbols_fn(const struct unigram *u, const struct unigram_blanks *b, uint32_t refused, const uint8_t *p,
                                  size_t n, uint16_t *to, uint64_t *unknown);

/* A word whose symbols are found with those of others: to[at..at + n), or n is 0. */
struct unigram_spelled {
    const uint8_t *text;
    size_t len;
    uint64_t unknown;
    uint16_t at, n, number; /* number: the caller's */
};
/* The same of words[0..n_words), which are of one text in its order; UNIGRAM_SPELL_ROOM symbols have room in `to`, and UNIGRAM_SLACK more.  Returns how many words had
 * room, *used by so many symbols: UNIGRAM_SPELL characters, and what some become that become several. */
enum { UNIGRAM_SPELL = 2048, UNIGRAM_SPELL_ROOM = 2 * UNIGRAM_SPELL, UNIGRAM_SPELL_MOST = 64 /* of a word */ };
typedef size_t unigram_spell_fn(const struct unigram *u, const struct unigram_blanks *b, struct unigram_spelled *words, size_t n_words,
                                uint16_t *to, size_t *used);

/* A double array: node 0 is the root, node s symbol s alone. */
struct unigram_node {
    uint32_t above; /* the node that it hangs on; UINT32_MAX: this one is free */
    uint32_t base;  /* what hangs on it by symbol s is node base ^ s, if that says so */
};
enum { UNIGRAM_DEPTH_BITS = 5, UNIGRAM_DEPTH = 31 };
#define UNIGRAM_BREAK (-2) /* the id in the row of symbol 0, whose score is 0 */

/* Read by any number of threads. */
struct unigram {
    struct unigram_node *node;
    uint32_t *row;      /* of each node, which is looked at where a path ends: where the beginnings of its path
                         * have their scores and ids, by length: place << 5 | the length of the path */
    float *score;       /* -INFINITY where there is no token; for sums of floats */
    double *score64;    /* ... for sums of doubles; the other one is NULL */
    int32_t *id;        /* beside the doubles; the floats stand in the same memory, each row behind its ids, of which
                         * the last is the first: what is read together is in one line of the processor's cache */
    size_t turn;        /* ... that is so: all bits; 0 */
    uint16_t *symbol;   /* [UNIGRAM_CHARS] of a character: a symbol, 0: not certain, UNIGRAM_MANY | a place in many, or
                         * UNIGRAM_BYTES; two more, which are 0 */
    uint16_t *own;      /* [UNIGRAM_CHARS] of a character that nothing changes any more: a symbol, 0: none, it is in
                         * no token, or UNIGRAM_NOT_THIS */
    uint8_t strange[64];  /* of bytes from 0xC0 on: 1 if all characters that begin with it are unknown */
    bool some_strange;    /* there are such bytes */
    uint16_t single[128]; /* of ASCII that is certain unless it stands there twice; else 0 */
    uint16_t *many;     /* a number of symbols, perhaps none, then these */
    size_t n_many;
    uint64_t *joined;   /* bits by a hash of two symbols: perhaps side by side in a token */
    unsigned joined_shift;
    uint32_t n_symbols;
    uint16_t mark;      /* the symbol of U+2581 */
    uint16_t unknown;   /* of all characters that are in no token, or 0: they are not certain.  Its id may
                         * stand for several of them, and its score is t->unk_score */
    uint16_t first_byte; /* the symbol of byte 0, those of the others behind it: characters in no token become their bytes,
                          * the first of which has the score t->unk_score, the others 0.  Or 0: they do not */
    const struct trie *kept; /* user-defined pieces, where rules would change some in a text if these were none; or NULL */
    uint8_t kept_first[128]; /* ... the bytes of ASCII that they begin with: 1 */
    bool kept_high;          /* ... or others */
    int32_t unk_id;     /* of the vocabulary */
    int32_t fused;      /* the id that stands for all unknown ones side by side in a word by itself; -1: such a
                         * word is not certain */
    unigram_walk_fn *walk;
    unigram_relax_fn *relax;
    unigram_symbols_fn *symbols; /* or NULL: one by one */
    unigram_spell_fn *spell;     /* or NULL */
};
#define UNIGRAM_MANY 0x8000u
#define UNIGRAM_BYTES 0xFFFEu /* the symbols of the character's bytes */
#define UNIGRAM_NOT_THIS 0xFFFFu /* a character that is not certain */

/* The best way. */
struct unigram_path {
    const int32_t *ids; /* in buf */
    size_t n;
    double sum;         /* at its end */
    double farthest;    /* from 0, of the best sums of all places before it */
    double gap;         /* how much worse the second best was at the ends of its tokens, at least */
    size_t steps;       /* tok_walk(): symbols, of the longest word */
    int32_t buf[UNIGRAM_MOST + UNIGRAM_SLACK]; /* so many more may be read */
};

/* symbols[0..n), 1 <= n <= UNIGRAM_MOST, none of them 0, and UNIGRAM_SLACK zeros behind. */
extern unigram_walk_fn unigram_walk_base;
#if defined(__x86_64__)
extern unigram_walk_fn unigram_walk_avx512, unigram_walk_avx2bmi;
#endif
extern unigram_symbols_fn unigram_symbols_avx512vbmi, unigram_symbols_avx2bmi;
extern unigram_spell_fn unigram_spell_avx512vbmi, unigram_spell_avx2bmi;

/* A tokenizer of kind unigram.  *out stays NULL where its tokens are not fit for
 * it.  map: the normaliser's rules or NULL; graphemes: as HF tokenizers applies them. */
int unigram_new(const struct tokenizer *t, const struct charsmap *map, bool graphemes, struct unigram **out,
                struct err *e);
void unigram_free(struct unigram *u);

/* The token of the first n symbols of a row. */
static inline int32_t unigram_id(const struct unigram *u, uint32_t row, size_t n)
{
    return u->id[(row >> UNIGRAM_DEPTH_BITS) + ((n - 1) ^ u->turn)];
}

/* Of a symbol alone. */
static inline int32_t unigram_symbol_id(const struct unigram *u, uint32_t symbol)
{
    return unigram_id(u, u->row[symbol], 1);
}

static inline size_t unigram_pair(const struct unigram *u, uint32_t a, uint32_t b)
{
    return (size_t)(((uint64_t)a << 16 | b) * 0x9E3779B97F4A7C15ull >> u->joined_shift);
}

/* Whether a character becomes nothing. */
static inline bool unigram_removes(const struct unigram *u, uint32_t code)
{
    return (code & UNIGRAM_MANY) && code != UNIGRAM_BYTES && u->many[code & ~UNIGRAM_MANY] == 0;
}

/* What stands for a byte of a character in no token. */
static inline double unigram_byte_score(uint32_t byte, double unk_score)
{
    return (byte & 0xC0) == 0x80 ? 0 : unk_score;
}

/* Whether a token may have these two symbols side by side. */
static inline bool unigram_joined(const struct unigram *u, uint32_t a, uint32_t b)
{
    size_t at = unigram_pair(u, a, b);
    return u->joined[at >> 6] >> (at & 63) & 1;
}

/* The same for four bytes. */
uint32_t unigram_code_far(const struct unigram *u, const uint8_t *s, size_t n, size_t *len);

/* The character at s[0..n), as unigram->symbol says; *len its bytes.  0 also for
 * broken UTF-8 and, with a length of 1, for characters that are not in the table. */
static inline uint32_t unigram_code(const struct unigram *u, const uint8_t *s, size_t n, size_t *len)
{
    uint32_t b = s[0];
    *len = 1;
    if (b < 0x80) return u->symbol[b];
    if (b < 0xE0) {
        if (b < 0xC2 || n < 2 || (s[1] & 0xC0) != 0x80) return 0;
        *len = 2;
        return u->symbol[(b & 0x1F) << 6 | (s[1] & 0x3Fu)];
    }
    if (__builtin_expect(b >= 0xF0, 0)) return unigram_code_far(u, s, n, len);
    if (n < 3 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80) return 0;
    uint32_t cp = (b & 0x0F) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
    if (cp < 0x800) return 0;
    *len = 3;
    return u->symbol[cp];
}

#endif
