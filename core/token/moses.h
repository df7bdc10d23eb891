/* moses.h - Moses' way to cut a text into words and to join them, as sacremoses 0.2.0 ports it.
 *
 * XLM, FSMT and BioGPT learned words that were made so.  A text goes through passes, one rule of
 * characters each, in the order of Moses' scripts: the order is part of what comes out. */
#ifndef CORE_TOKEN_MOSES_H
#define CORE_TOKEN_MOSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

/* Characters: letters and digits, letters, small letters, numbers, signs of money, letters without joining signs. */
enum { MOSES_ALNUM = 1, MOSES_ALPHA = 2, MOSES_LOWER = 4, MOSES_NUMBER = 8, MOSES_MONEY = 16, MOSES_LETTER = 32 };
extern const uint32_t moses_spans[];
extern const size_t moses_n_spans;
unsigned moses_sets(uint32_t cp);
bool moses_is_space(uint32_t cp); /* as Python's str.isspace() */

/* Languages whose rules and abbreviations are known; MOSES_OTHER: those for which Moses has no list and no rules. */
enum moses_language { MOSES_EN, MOSES_DE, MOSES_RU, MOSES_FR, MOSES_OTHER };
/* By its code.  target: the language of words that are to be joined.  False: it has rules or a list that are not here. */
bool moses_language(const char *code, bool target, enum moses_language *out);

enum moses_flag {
    MOSES_PUNCT = 1,  /* punctuation is made plain first, what cannot be printed goes */
    MOSES_DASHES = 2, /* "a-b" is "a @-@ b" */
    MOSES_ESCAPE = 4, /* "&" is "&amp;" ... */
};

/* A character and the place in the text of the one that it comes of. */
struct moses_char {
    uint32_t cp, at;
};

struct moses {
    struct moses_char *v, *out; /* [n], and of the pass at work */
    size_t n, n_out, cap[2];
    enum moses_language language;
    unsigned flags;
    bool oom;
};

/* m->v becomes the words of text[0..n), UTF-8, with a space between; m->language and m->flags are set. */
int moses_words(struct moses *m, const char *text, size_t n, struct err *e);
/* Passes before the cutting, and what they are made of: moses_punct.c and moses.c. */
void moses_punct(struct moses *m);

/* A rule: `core` between a character of the set `left` and one of `right`, which may be
 * anything of ANY_; what comes in its place, \1 is the core.  Text is gone through once. */
enum moses_set {
    ANY_TEXT, /* no character is asked for */
    IS_ALNUM, IS_ALPHA, IS_NUMBER, IS_DIGIT, IS_LATIN, IS_S, IS_PAUSE, /* PAUSE: .!:?;, */
    NOT_NUMBER, NOT_ALPHA, NOT_ALPHA_NUMBER,
    AT_END,
};
struct moses_rule {
    enum moses_set left;
    const char *core; /* NULL: a character that stands apart */
    enum moses_set right;
    const char *to;
    bool looks;       /* the right one is not used up */
};
void moses_rules(struct moses *m, const struct moses_rule *rule, size_t n);
void moses_begin(struct moses *m); /* a pass, until moses_end() */
void moses_put(struct moses *m, uint32_t cp, size_t from); /* a character that comes of m->v[from] */
void moses_put_text(struct moses *m, const char *ascii, size_t from);
void moses_end(struct moses *m);
void moses_free(struct moses *m);

/* The text of words, words[0..n) with white space between, appended to *out. */
int moses_join(const char *words, size_t n, enum moses_language language, struct buf *out, struct err *e);

#endif
