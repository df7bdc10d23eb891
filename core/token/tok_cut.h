/* tok_cut.h - where a text can be cut into parts that are encoded by
 * themselves: what tok_fast.c plans, tok_cut.c does. */
#ifndef CORE_TOKEN_TOK_CUT_H
#define CORE_TOKEN_TOK_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/token/unigram_sum.h"

enum cut_kind {
    CUT_WORDS,  /* at white space, which is no part of a word; perhaps at punctuation */
    CUT_SPACES, /* before spaces, or behind them, between two ordinary characters */
};
enum byte_class { B_OTHER, B_SPACE, B_PUNCT };

enum { TOK_WIDE_BITS = 1 << 17 };

/* Unigram by words: of a run of blanks each but the last is a word by itself, or they
 * are as one, or else. */
enum tok_blanks { BLANKS_WORDS, BLANKS_ONE, BLANKS_UNCLEAR };

/* CUT_SPACES for vectors: what a byte of ASCII is, and `joined` by eights of second
 * bytes from U+0020 on, in which two letters always are. */
enum { LOOK_PLAIN = 1, LOOK_GAP = 2, LOOK_NEWLINE = 4, CUT_EIGHTS = 12 };
struct cut_tables {
    uint8_t look[128], joined[CUT_EIGHTS][128];
    uint8_t mixed[16]; /* by lower halves: a bit by the upper half for each byte, no letter, that is joined with some letter */
    uint8_t gaps[16]; /* the bytes of LOOK_GAP by their lower halves, which differ */
    bool newlines;    /* LOOK_NEWLINE */
    uint64_t by_both[256]; /* `joined` by the second byte, then the first: a bit for each pair */
};

struct tok_fast;
/* Windows of 64 bytes from *i on, where CUT_WINDOW bytes are readable and `ends` has
 * room for CUT_ROOM more: appends the places to cut at behind `begin`.  *i becomes the
 * place to go on from; true: a gap is there that the masks cannot decide. */
enum { CUT_WINDOW = 66, CUT_ROOM = 72 };
typedef bool cut_windows_fn(const struct tok_fast *f, const uint8_t *s, size_t n, size_t begin, size_t *i, size_t *ends,
                            size_t *count, size_t max);

struct tok_fast {
    enum cut_kind kind;
    bool punct;       /* CUT_WORDS: punctuation is a word by itself */
    bool first, last; /* something happens at the ends of a text: these parts are not cached */
    bool behind;      /* CUT_SPACES: a word has its spaces behind it */
    bool suffix;      /* CUT_SPACES: a space is put behind a text */
    bool newlines;    /* CUT_SPACES: no step changes a newline: it is an ordinary character */
    bool cut_newlines;/* CUT_SPACES: and no token has one inside: cut before and after them */
    bool lone_newlines; /* CUT_SPACES: a newline, which is no blank, is in no token: windows() cuts before and after them */
    uint8_t blank[4]; /* CUT_SPACES: bytes that are spaces to all steps; ' ' fills up */
    bool as_is;       /* CUT_SPACES: the steps change nothing but U+0020 and broken characters */
    cut_windows_fn *windows; /* CUT_SPACES: NULL where they do not run */
    struct cut_tables tables;
    bool pairs;       /* CUT_SPACES: cut between printable ASCII characters, too, where no token has
                       * the two side by side: bit b of joined[a] */
    uint64_t joined[128][2];
    bool wide;        /* pairs: and between two characters from U+3000 to U+DFFF that have a token each: ... */
    uint64_t has_token[1024];
    uint64_t together[TOK_WIDE_BITS / 64]; /* ... unless the bit of the pair is set: some token may have it */
    bool direct;      /* what these characters and spaces become is known: see neutral */
    bool separate;    /* SentencePiece's rules have no ASCII but at their beginning */
    bool one_space;   /* ... of a run of spaces one is left */
    bool neutral[128];/* characters that no step changes, alone or before ASCII */
    uint64_t joins[128][2]; /* ... but perhaps before a byte 128 + b: bit b */
    uint64_t still[1024]; /* characters beyond ASCII below U+10000 that no step changes: bit by code point */
    int32_t *symbol;  /* BPE, direct: [65536] the symbol of a character that no step changes, and 1; 0: another
                       * character.  NULL: not known */
    int32_t mark;     /* that of U+2581 */
    const char *tell[8]; /* texts one of which is where a token is that is looked for when all is normalised */
    size_t tell_len[8], n_tells;
    bool tell_words;  /* CUT_WORDS: such tokens have no white space */
    bool near;        /* such tokens have no white space: tok_near.c looks for them stretch by stretch */
    bool carry;       /* Unigram over the whole text: sums go on from part to part */
    double max_step;  /* ... by at most this for a byte */
    double rise;      /* ... up by at most this for a byte */
    double nearest;   /* ... and, if they are of floats, to places inside of a token less than this farther than to both its ends; or 0 */
    struct unigram_sums sums; /* ... where it does in floats: [vocab.n] scores take half of what t->score does; else NULL */
    bool inside;      /* Unigram by words: parts may begin inside of one (tok_inside.c) ... */
    double wide_gap;  /* ... and hold wherever they stand with a gap wider than this, times 2 n + 2 of n additions */
    enum tok_blanks blanks;
    struct unigram *walk; /* how unigram's parts are encoded first, or NULL */
    size_t longest;   /* bytes of parts that are looked up in the cache */
    uint8_t class[256];
    bool formed;      /* CUT_WORDS: tok_form.c takes the words */
    bool clip;        /* CUT_WORDS: tok_clip.c knows most words */
};

static inline bool tok_is_blank(const struct tok_fast *f, uint8_t b)
{
    return b == ' ' || b == f->blank[1] || b == f->blank[2] || b == f->blank[3];
}

static inline bool tok_is_letter(uint8_t b)
{
    return (uint8_t)((b | 0x20) - 'a') < 26;
}

enum { TOK_WIDE_DOWN = 32 - 17 };
static inline uint32_t tok_wide_mix(uint32_t a)
{
    return a * 0x9E3779B1u;
}

static inline uint32_t tok_wide_mix_behind(uint32_t b)
{
    return b * 0x85EBCA6Bu;
}

static inline uint32_t tok_wide_pair(uint32_t a, uint32_t b)
{
    return (tok_wide_mix(a) ^ tok_wide_mix_behind(b)) >> TOK_WIDE_DOWN;
}

/* A character of three bytes. */
static inline uint32_t tok_wide_at(const uint8_t *s)
{
    return (s[0] & 15u) << 12 | (s[1] & 63u) << 6 | (s[2] & 63u);
}

/* Whether two characters of three bytes, the one behind the other, stay together. */
static inline bool tok_wide_joined(const struct tok_fast *f, const uint8_t *s)
{
    uint32_t a = tok_wide_at(s), b = tok_wide_at(s + 3), bit = tok_wide_pair(a, b);
    uint64_t both = f->has_token[a >> 6] >> (a & 63) & f->has_token[b >> 6] >> (b & 63);
    return !(both & 1) || (f->together[bit >> 6] >> (bit & 63) & 1);
}

static inline bool tok_joined(const struct tok_fast *f, uint8_t a, uint8_t b)
{
    return f->joined[a][b >> 6] >> (b & 63) & 1;
}

/* Whether no step makes of a character, or joins it with, a space: ordinary ones below TOK_ORDINARY. */
enum { TOK_ORDINARY = 0x1FA00 };
bool tok_is_ordinary(uint32_t cp);
/* Whether a gap, s[begin..end), stands behind (before) an ordinary character. */
bool tok_plain_before(const uint8_t *s, size_t begin);
bool tok_plain_after(const uint8_t *s, size_t n, size_t end);

/* For `windows`: the tables, when the rest is known; and the best that runs here, or NULL. */
void tok_cut_tables(struct tok_fast *f);
cut_windows_fn *tok_cut_windows(void);
extern cut_windows_fn *const tok_cut_windows_avx512vbmi, *const tok_cut_windows_avx2bmi;

/* The next parts from *pos on, at most max - 4 of them; 0 at the end.  *pos
 * becomes the place to go on from. */
size_t tok_cut(const struct tok_fast *f, const uint8_t *s, size_t n, size_t *pos, size_t *begins, size_t *ends,
               size_t max);

#endif
