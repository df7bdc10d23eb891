/* regex_trees.h - random texts, and random expressions in two syntaxes.
 *
 * A tree prints as Ruby's syntax, which tokenizer.json files use, and as pcre2's:
 * what is said with a sign in one (&&, \h, \w of marks, (?m)) takes look-aheads or
 * a class in the other. */
#ifndef TESTS_UNIT_REGEX_TREES_H
#define TESTS_UNIT_REGEX_TREES_H

#include <stdbool.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/rng.h"

/* What brackets and \w mean to the engine of tokenizer.json files. */
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"
#define WORD_OUTSIDE "[" WORD "\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}]"
#define BORDER(a, b) "(?:(?<=" WORD_OUTSIDE ")(?" a WORD_OUTSIDE ")|(?<!" WORD_OUTSIDE ")(?" b WORD_OUTSIDE "))"

/* ---- texts ---- */

/* Characters that make classes meet: letters with and without case, marks, digits
 * of three kinds, every sort of white space, symbols, joiners. */
static const char *const wide[] = {
    "a", "b", "c", "z", "A", "B", "Z", "s", "S", "k", "K", "t", "0", "1", "7", " ", " ", "\t", "\n", "\n", "\r", "\v", "_", "'", ".", ",", "!", "-", "#", "$",
    "+", "<", "^", "`", "|", "~", "/", "\xc2\xa0", "\xc2\x85", "\xc2\xad", "\xc2\xb2", "\xc2\xbc", "\xc2\xaa", "\xc3\xa9", "\xc3\x89", "\xc3\x9f", "\xc5\xbf",
    "\xe2\x84\xaa", "\xc7\x85", "\xcc\x81", "\xce\xb1", "\xce\xa9", "\xcf\x82", "\xcf\x83", "\xd0\x96", "\xd0\xb6", "\xd7\x90", "\xd9\xa3", "\xe0\xa4\xa8",
    "\xe0\xa5\x8d", "\xe0\xb8\x81", "\xe0\xb8\xb3", "\xe1\xbc\x80", "\xe2\x80\x83", "\xe2\x80\x8b", "\xe2\x80\x8d", "\xe2\x80\xa8", "\xe2\x85\xa3", "\xe2\x82\xac",
    "\xe3\x80\x80", "\xe3\x80\x82", "\xe3\x81\x82", "\xe3\x82\xab", "\xe6\x97\xa5", "\xea\xb0\x80", "\xef\xac\x81", "\xef\xbb\xbf", "\xef\xbc\x91", "\xef\xbf\xbd",
    "\xf0\x9d\x9f\x97", "\xf0\x9f\x98\x80", "\xf0\xa0\x80\x80"};
static const char *const narrow[] = {"a", "b", "c", "a", "b", "1", " ", "\n", "\xc3\xa9"};

struct draw {
    struct rng_key key;
    uint64_t at;
};

static unsigned below(struct draw *d, unsigned n)
{
    return (unsigned)(rng_u32(&d->key, d->at++) % n);
}

static void random_text(struct draw *d, bool is_wide, unsigned most, struct buf *out)
{
    buf_clear(out);
    for (unsigned i = below(d, most); i > 0; i--)
        buf_adds(out, is_wide ? wide[below(d, COUNT_OF(wide))] : narrow[below(d, COUNT_OF(narrow))]);
    buf_adds(out, ""); /* never NULL */
}

/* ---- trees ---- */

enum kind { CHAR, SET, SHORT, PROPERTY, DOT, ASSERT, CAT, ALT, REPEAT, FOLD, AHEAD, NOT_AHEAD, BEHIND, NOT_BEHIND, ATOMIC };

struct tree {
    enum kind kind;
    const char *text;         /* of a leaf */
    const char *member[4];    /* SET */
    int n_member, min, max;   /* REPEAT */
    char greed;               /* 0 ? + */
    bool negate;
    struct tree *a, *b;       /* b of a SET: && of another */
};

struct grow {
    struct draw *d;
    struct tree pool[200];
    int n;
    bool is_wide, fold;
};

static struct tree *new_tree(struct grow *g, enum kind kind, const char *text)
{
    struct tree *t = &g->pool[g->n++];
    *t = (struct tree){.kind = kind, .text = text};
    return t;
}

/* The first nine for narrow texts, the first 15 under (?i), where the engine folds
 * properties in brackets and pcre2 does not. */
static const char *const members[] = {"a", "b", "c", "1", " ", "\\n", "a-c", "b-y", "\xc3\xa9", "0-5", "\xce\xb1-\xcf\x89", "_", "\\s", "\\d", "\\]",
                                      "\\S", "\\p{L}", "\\p{Lu}", "\\P{N}", "\\w", "[:alpha:]", "[:punct:]", "[:^space:]", "[:digit:]", "\\-"};
static const char *const shorts[] = {"\\s", "\\S", "\\d", "\\D", "\\h", "\\w", "\\W"};
static const char *const properties[] = {"L", "Lu", "Ll", "N", "Nd", "P", "S", "M", "Z", "C", "Lo", "Han", "Latin", "Greek", "Alphabetic"};
static const char *const asserts[] = {"^", "$", "\\A", "\\z", "\\Z", "\\b", "\\B"};
static const char *const letters[] = {"\xc3\xa9", "\xce\xb1", "s", "k", "Z", "\xd0\x96", "\\.", "'"};

static struct tree *random_set(struct grow *g)
{
    struct tree *t = new_tree(g, SET, NULL);
    unsigned many = !g->is_wide ? 9 : g->fold ? 15 : COUNT_OF(members);
    t->negate = below(g->d, 3) == 0;
    t->n_member = 1 + (int)below(g->d, 3);
    for (int i = 0; i < t->n_member; i++) t->member[i] = members[below(g->d, many)];
    if (below(g->d, 6) == 0 && g->n < 150) t->b = random_set(g);
    return t;
}

static struct tree *random_leaf(struct grow *g)
{
    unsigned k = below(g->d, 20);
    if (k < 3 && g->is_wide) return new_tree(g, CHAR, letters[below(g->d, COUNT_OF(letters))]);
    if (k < 10) return new_tree(g, CHAR, narrow[below(g->d, 6)]);
    if (k < 14) return random_set(g);
    if (k < 16) return new_tree(g, SHORT, shorts[below(g->d, COUNT_OF(shorts))]);
    if (k == 16) return new_tree(g, DOT, ".");
    if (k == 17) return new_tree(g, ASSERT, asserts[below(g->d, COUNT_OF(asserts))]);
    struct tree *t = new_tree(g, PROPERTY, properties[below(g->d, COUNT_OF(properties))]);
    t->negate = below(g->d, 4) == 0;
    return t;
}

static struct tree *random_tree(struct grow *g, int depth)
{
    static const enum kind kinds[] = {CAT, CAT, CAT, CAT, ALT, ALT, ALT, REPEAT, REPEAT, REPEAT, REPEAT, REPEAT,
                                      FOLD, AHEAD, NOT_AHEAD, BEHIND, NOT_BEHIND, ATOMIC};
    if (depth == 0 || g->n > 100 || below(g->d, 8) == 0) return random_leaf(g);
    struct tree *t = new_tree(g, kinds[below(g->d, COUNT_OF(kinds))], NULL);
    bool fold = g->fold;
    g->fold = fold || t->kind == FOLD;
    t->a = random_tree(g, depth - 1);
    if (t->kind == CAT || t->kind == ALT) t->b = random_tree(g, depth - 1);
    g->fold = fold;
    if (t->kind != REPEAT) return t;
    t->greed = "\0\0?+"[below(g->d, 4)];
    t->min = (int)below(g->d, 3);
    t->max = below(g->d, 2) ? -1 : t->min + (int)below(g->d, 3);
    if (t->max == 0) t->max = 1;
    return t;
}

static void print_member(struct buf *out, const char *m, bool ruby)
{
    static const char *const other[][2] = {
        {"\\w", "[" WORD "]"}, {"[:alpha:]", "\\p{Alphabetic}"}, {"[:punct:]", "[\\p{P}\\p{S}]"}, {"[:digit:]", "\\d"}, {"[:^space:]", "\\S"}};
    for (size_t i = 0; i < COUNT_OF(other) && !ruby; i++)
        if (strcmp(m, other[i][0]) == 0) {
            buf_adds(out, other[i][1]);
            return;
        }
    if (ruby) buf_adds(out, m);
    else buf_printf(out, "[%s]", m);
}

/* pcre2 has no &&: a set is alternatives of one character, "both" is said with a
 * look-ahead before it. */
static void print_set(struct buf *out, const struct tree *t, bool ruby)
{
    buf_adds(out, ruby ? "[" : "(?:");
    if (t->negate) buf_adds(out, ruby ? "^" : "(?!");
    if (!ruby && t->b) buf_adds(out, "(?=");
    for (int i = 0; i < t->n_member; i++) {
        if (i && !ruby) buf_addc(out, '|');
        print_member(out, t->member[i], ruby);
    }
    if (t->b) {
        buf_adds(out, ruby ? "&&" : ")");
        print_set(out, t->b, ruby);
    }
    if (!ruby && t->negate) buf_adds(out, ")(?s:.)");
    buf_adds(out, ruby ? "]" : ")");
}

static void print_leaf(struct buf *out, const struct tree *t, bool ruby)
{
    static const char *const other[][2] = {{"\\w", WORD_OUTSIDE}, {"\\W", "(?:(?!" WORD_OUTSIDE ")(?s:.))"}, {"\\h", "[0-9A-Fa-f]"},
                                           {"\\b", BORDER("!", "=")}, {"\\B", BORDER("=", "!")}};
    const char *text = t->text;
    for (size_t i = 0; i < COUNT_OF(other) && !ruby; i++)
        if (strcmp(t->text, other[i][0]) == 0) text = other[i][1];
    if (t->kind != PROPERTY) {
        buf_adds(out, text);
        return;
    }
    bool script = strcmp(text, "Han") == 0 || strcmp(text, "Latin") == 0 || strcmp(text, "Greek") == 0;
    buf_printf(out, "\\%c{%s%s}", t->negate ? 'P' : 'p', script && !ruby ? "sc:" : "", text);
}

static void print_tree(struct buf *out, const struct tree *t, bool ruby);

/* {n}? and {n,m}+ mean other things to the two: see `written`. */
static void print_repeat(struct buf *out, const struct tree *t, bool ruby)
{
    bool possessive = t->greed == '+';
    buf_adds(out, possessive ? "(?>(?:" : "(?:");
    print_tree(out, t->a, ruby);
    if (t->min == t->max) buf_printf(out, "){%d}", t->min);
    else if (t->max < 0 && t->min < 2) buf_adds(out, t->min ? ")+" : ")*");
    else if (t->max < 0) buf_printf(out, "){%d,}", t->min);
    else buf_printf(out, "){%d,%d}", t->min, t->max);
    if (t->greed == '?' && t->min != t->max) buf_addc(out, '?');
    if (possessive) buf_addc(out, ')');
}

static void print_tree(struct buf *out, const struct tree *t, bool ruby)
{
    static const char *const open[] = {[FOLD] = "(?i:", [AHEAD] = "(?=", [NOT_AHEAD] = "(?!", [BEHIND] = "(?<=",
                                       [NOT_BEHIND] = "(?<!", [ATOMIC] = "(?>", [ALT] = "(?:"};
    switch (t->kind) {
    case SET: print_set(out, t, ruby); return;
    case REPEAT: print_repeat(out, t, ruby); return;
    case CAT:
        print_tree(out, t->a, ruby);
        print_tree(out, t->b, ruby);
        return;
    case CHAR: case SHORT: case PROPERTY: case DOT: case ASSERT: print_leaf(out, t, ruby); return;
    default: break;
    }
    buf_adds(out, open[t->kind]);
    print_tree(out, t->a, ruby);
    if (t->kind == ALT) {
        buf_addc(out, '|');
        print_tree(out, t->b, ruby);
    }
    buf_addc(out, ')');
}

#endif
