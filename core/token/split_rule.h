/* split_rule.h - inside of core/token/split*.c: what differs between the
 * regexes of the family
 *
 *     contraction | prefix? letters | digits | ` ?` other tail | spaces
 *
 * The scalar matcher split_next() is the reference; the masks of split_many.h
 * give the same pieces 64 bytes at a time. */
#ifndef CORE_TOKEN_SPLIT_RULE_H
#define CORE_TOKEN_SPLIT_RULE_H

#include <stdbool.h>

#include "core/token/split.h"
#include "core/token/unicode.h"

enum { SPLIT_SLACK = 64 }; /* masks are used where this many more pieces fit */

struct split_rule {
    bool contractions;    /* 's 't 're 've 'm 'll 'd are pieces of their own */
    bool fold;            /* ... in any case */
    bool space_prefix;    /* ` ?` before letters and numbers; else [^\r\n\p{L}\p{N}]? before letters */
    int max_digits;       /* 0 = no limit */
    bool newlines;        /* [\r\n]* after other, and \s*[\r\n]+ */
    bool slashes;         /* that tail is [\r\n/]* */
    bool marks;           /* letters are [\p{L}\p{M}] */
    bool ends_whole;      /* \s++\z: white space at the end of the text is one piece */
    bool cases;           /* a word is [Lu Lt Lm Lo M]*[Ll Lm Lo M]+, or the same with + and * */
    bool suffix;          /* cases: a contraction is part of the word before it */
};

#define SPLIT_RULE_GPT2 {.contractions = true, .space_prefix = true}
#define SPLIT_RULE_LLAMA3 {.contractions = true, .fold = true, .max_digits = 3, .newlines = true}
#define SPLIT_RULE_QWEN2 {.contractions = true, .fold = true, .max_digits = 1, .newlines = true}
#define SPLIT_RULE_QWEN35 {.contractions = true, .fold = true, .max_digits = 1, .newlines = true, .marks = true}
#define SPLIT_RULE_CL100K {.contractions = true, .fold = true, .max_digits = 3, .newlines = true, .ends_whole = true}
#define SPLIT_RULE_O200K {.fold = true, .max_digits = 3, .newlines = true, .slashes = true, .cases = true, .suffix = true}
#define SPLIT_RULE_TEKKEN {.max_digits = 1, .newlines = true, .slashes = true, .cases = true}

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

/* End of the piece that begins at pos < n. */
size_t split_next(const uint8_t *s, size_t n, size_t pos, const struct split_rule *r);

/* By kind; none for SPLIT_NONE.  The second needs the instructions, which
 * split_function() asks for, and its tables. */
extern split_fn *const split_many_base[SPLIT_N], *const split_many_avx512vbmi[SPLIT_N];
void split_prepare_avx512vbmi(void);

#endif
