/* split_rule.h - what differs between the regexes of the family
 *
 *     contraction | prefix? letters | digits | ` ?` other tail | spaces
 *
 * and the runs of characters that are cut out before those words, and of them, step by step.
 * The kinds of split.h are such rules; others are made from a file's chain of steps.  The scalar
 * matcher split_next() is the reference; the masks of split_many.h give the same pieces 64 bytes
 * at a time. */
#ifndef CORE_TOKEN_SPLIT_RULE_H
#define CORE_TOKEN_SPLIT_RULE_H

#include <stdbool.h>

#include "core/token/split.h"
#include "core/token/split_sets.h"
#include "core/token/unicode.h"

enum { SPLIT_SLACK = 64 }; /* masks are used where this many more pieces fit */

/* A step that cuts at runs of a set; x and y are numbers of sets. */
enum split_how {
    CUT_EACH,   /* x */
    CUT_RUNS,   /* x+ */
    CUT_GROUPS, /* x{least,size} */
    CUT_BEHIND, /* y?x+ */
    CUT_ENDS,   /* x+$ */
    CUT_ALIGNED, /* x{1,size} counted from the end of a run, behind which no y is */
};
struct split_cut {
    uint8_t how, x, y, least, size;
};
enum { SPLIT_CUTS = 8 };

/* Places where a space stands between two bytes, and a cut would show in what the words become: bit b of
 * of[a]. */
struct split_joints {
    uint64_t of[256][4];
};
static inline bool split_joint(const struct split_joints *j, uint8_t a, uint8_t b)
{
    return !j || j->of[a][b >> 6] >> (b & 63) & 1;
}

struct split_rule {
    bool contractions;    /* 's 't 're 've 'm 'll 'd are pieces of their own */
    bool fold;            /* ... in any case */
    bool space_prefix;    /* ` ?` before letters and numbers; else [^\r\n\p{L}\p{N}]? before letters */
    int max_digits;       /* 0 = no limit */
    bool newlines;        /* \s*[\r\n]+ */
    bool tail;            /* [\r\n]* after other */
    bool slashes;         /* ... is [\r\n/]* */
    bool tail_one;        /* ... is [\r\n/]?, of which the slash is other */
    bool marks;           /* letters are [\p{L}\p{M}] */
    bool ends_whole;      /* \s++\z: white space at the end of the text is one piece */
    bool cases;           /* a word is [Lu Lt Lm Lo M]*[Ll Lm Lo M]+, or the same with + and * */
    bool suffix;          /* cases: a contraction is part of the word before it */
    bool han;             /* cases: runs of characters of that script, set han_set, come first and are no letters */
    int han_set;
    bool signs;           /* DeepSeek-V3: other is [\p{P}\p{S}], before it comes [!-/:-@[-`{-~][A-Za-z]+, and a word's
                           * prefix is [^\r\n\p{L}\p{P}\p{S}]; runs of what is left are pieces */
    bool listed;          /* BLOOM: ` ?[^(\s|.,!?...)]+` alone, by split_is_listed(); runs of what is left are pieces */
    bool phrases;         /* letters are (?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+: words with a space between them */
    const struct split_joints *joints; /* phrases: they are cut where it does not show; NULL: never; not owned */
    bool no_words;        /* nothing but the steps: */
    bool bytes;           /* steps behind the words see bytes as the byte alphabet spells them */
    int n_before, n_cuts; /* the first n_before of cut[] come before the words, the others cut those */
    struct split_cut cut[SPLIT_CUTS];
    const struct split_sets *sets; /* of the steps; not owned */
};

#define SPLIT_RULE_GPT2 {.contractions = true, .space_prefix = true}
#define SPLIT_RULE_LLAMA3 {.contractions = true, .fold = true, .max_digits = 3, .newlines = true, .tail = true}
#define SPLIT_RULE_QWEN2 {.contractions = true, .fold = true, .max_digits = 1, .newlines = true, .tail = true}
#define SPLIT_RULE_QWEN35 {.contractions = true, .fold = true, .max_digits = 1, .newlines = true, .tail = true, .marks = true}
#define SPLIT_RULE_CL100K {.contractions = true, .fold = true, .max_digits = 3, .newlines = true, .tail = true, .ends_whole = true}
#define SPLIT_RULE_O200K {.fold = true, .max_digits = 3, .newlines = true, .tail = true, .slashes = true, .cases = true, .suffix = true}
#define SPLIT_RULE_TEKKEN {.max_digits = 1, .newlines = true, .tail = true, .slashes = true, .cases = true}

/* s[pos] is an apostrophe.  End of the contraction, or pos if there is none.
 * Folding also takes U+017F (long s), whose simple case folding is s. */
static inline size_t split_contraction(const uint8_t *s, size_t n, size_t pos, bool fold)
{
    size_t left = n - pos - 1;
    if (left == 0) return pos;
    const uint8_t *p = s + pos + 1;
    unsigned low = fold ? 0x20 : 0; /* of the two letters, no other byte becomes one of them */
    if (fold && left >= 2 && p[0] == 0xC5 && p[1] == 0xBF) return pos + 3;
    unsigned a = p[0] | low;
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return pos + 2;
    if (left < 2) return pos;
    unsigned b = p[1] | low;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return pos + 3;
    return pos;
}

/* White space, which is listed too, left out. */
static inline bool split_is_listed(uint32_t cp)
{
    static const uint32_t beyond[] = {0x2026, 0x3002, 0xFF0C, 0x3001, 0x964, 0x6D4, 0x60C};
    if (cp < 0x80) return cp == '(' || cp == '|' || cp == '.' || cp == ',' || cp == '!' || cp == '?' || cp == ')';
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++)
        if (cp == beyond[i]) return true;
    return false;
}

/* End of the piece that begins at pos < n; the second of the word, without the steps. */
size_t split_next(const uint8_t *s, size_t n, size_t pos, const struct split_rule *r);
size_t split_word(const uint8_t *s, size_t n, size_t pos, const struct split_rule *r);
/* Where the character that pos is inside of begins, or pos. */
size_t split_char_start(const uint8_t *s, size_t n, size_t pos);

/* By kind; none for SPLIT_NONE.  All but the first need instructions, and tables of split_leads.h: */
extern split_fn *const split_many_base[SPLIT_N], *const split_many_avx2bmi[SPLIT_N], *const split_many_avx512vbmi[SPLIT_N];

/* By any rule, as split_fn. */
typedef size_t split_rule_fn(const struct split_rule *r, const uint8_t *s, size_t n, size_t pos, size_t *ends, size_t max);
extern split_rule_fn *const split_rule_base, *const split_rule_avx2bmi, *const split_rule_avx512vbmi;
split_rule_fn *split_rule_function(void);
split_rule_fn *split_rule_function_of(size_t way); /* as split_function_of() */

/* split_regex.c: whether an expression, isolated, cuts all of a text by the family's rule, which is
 * added to *r. */
bool split_words_of(const char *regex, struct split_rule *r);

#endif
