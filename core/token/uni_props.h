/* uni_props.h - properties of characters beyond unicode.h: general categories
 * (Unicode 16.0, as in the regex engine of tokenizer.json files), scripts, and
 * the sets behind the named steps of such files, which are of older versions
 * and must stay as they are: a newer set would change ids. */
#ifndef CORE_TOKEN_UNI_PROPS_H
#define CORE_TOKEN_UNI_PROPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/token/unicode.h"

enum uni_category {
    UNI_Cn, UNI_Lu, UNI_Ll, UNI_Lt, UNI_Lm, UNI_Lo, UNI_Mn, UNI_Mc, UNI_Me, UNI_Nd, UNI_Nl,
    UNI_No, UNI_Pc, UNI_Pd, UNI_Ps, UNI_Pe, UNI_Pi, UNI_Pf, UNI_Po, UNI_Sm, UNI_Sc, UNI_Sk,
    UNI_So, UNI_Zs, UNI_Zl, UNI_Zp, UNI_Cc, UNI_Cf, UNI_Co, UNI_Cs, UNI_N_CATEGORIES
};

enum uni_extra {
    UNI_BERT_PUNCT = 1, /* what BertPreTokenizer and Punctuation cut at */
    UNI_BERT_MARK = 2,  /* what BertNormalizer's strip_accents removes */
    UNI_BERT_CLEAN = 4, /* what its clean_text removes */
    UNI_MARK = 8,       /* what StripAccents removes */
    UNI_NUMERIC = 16,   /* Digits */
    UNI_WORD = 32,      /* \w of Whitespace */
    UNI_ALPHA = 64,     /* [[:alpha:]] of Unicode 16.0 */
};

extern const uint8_t uni_category_index[4352], uni_category_data[];
extern const uint8_t uni_extra_index[4352], uni_extra_data[];

static inline enum uni_category uni_category(uint32_t cp)
{
    if (cp > 0x10FFFF) return UNI_Cn;
    return (enum uni_category)uni_category_data[(uint32_t)uni_category_index[cp >> 8] * 256 + (cp & 255)];
}

/* A table of code points, for what the categories do not tell. */
struct uni_range {
    uint32_t first, last;
};

/* v[0..n): ascending, none in another. */
static inline bool uni_in_ranges(const struct uni_range *v, size_t n, uint32_t cp)
{
    size_t lo = 0;
    while (lo < n) { /* the last that begins at or before it */
        size_t mid = (lo + n) / 2;
        if (v[mid].first <= cp) lo = mid + 1;
        else n = mid;
    }
    return lo && cp <= v[lo - 1].last;
}

static inline unsigned uni_extra(uint32_t cp)
{
    if (cp > 0x10FFFF) return 0;
    return uni_extra_data[(uint32_t)uni_extra_index[cp >> 8] * 256 + (cp & 255)];
}

/* Properties of regular expressions: the characters of some categories, but for those of some ranges,
 * of which it is the other way round. */
struct uni_set {
    const char *name;
    uint32_t categories; /* bit a uni_category */
    const struct uni_range *other;
    size_t n_other;
};
extern const struct uni_set uni_sets[]; /* name NULL at the end */
const struct uni_set *uni_set_find(const char *name, size_t n); /* or NULL; compares with uni_same_name() */
/* For the borders of grapheme clusters. */
extern const struct uni_set uni_cluster_picture, uni_cluster_extend, uni_cluster_prepend, uni_cluster_control, uni_cluster_spacing;

static inline bool uni_set_has(const struct uni_set *s, uint32_t cp)
{
    return (s->categories >> uni_category(cp) & 1) != uni_in_ranges(s->other, s->n_other, cp);
}

/* Scripts by name ("Han"), as spans in order. */
struct uni_script_span {
    uint32_t first, last;
    uint16_t script; /* index of its name */
};
extern const char *const uni_script_names[]; /* NULL at the end */
extern const struct uni_script_span uni_script_spans[];
extern const int uni_n_script_spans;
int uni_script_find(const char *name, size_t n); /* -1 = unknown; compares with uni_same_name() */
int uni_script(uint32_t cp);                     /* -1 = none */
/* Which of the 64 characters from `first` on are of the script: bit by character. */
uint64_t uni_script_block(int script, uint32_t first);

/* Names of scripts and properties are equal whatever their case, '_', '-' and ' '. */
bool uni_same_name(const char *a, const char *b, size_t n_b);

/* Number of the script as the UnicodeScripts pre-tokenizer sees it, -1 for what
 * joins with every script. */
extern const struct uni_script_span uni_cut_spans[];
extern const int uni_n_cut_spans;
int uni_cut_script(uint32_t cp);

/* Lower case: 1 character into out, or 2. */
int uni_lower(uint32_t cp, uint32_t out[2]);
/* uni_upper.c: the capital form, or at the beginning of a word (title) with the rest of it small; how many characters. */
int uni_upper(uint32_t cp, bool title, uint32_t to[3]);
/* Simple case folding as (?i) of the regex engine has it: equal for characters
 * that differ in case only. */
uint32_t uni_fold(uint32_t cp);
/* All characters that fold to the same as cp, the fold itself first: how many. */
enum { UNI_SAME_FOLD = 8 };
int uni_same_fold(uint32_t cp, uint32_t out[UNI_SAME_FOLD]);
/* Full case folding makes "ss" of U+DF.  The first character from *cp on that
 * folds to several: sets *cp and out, returns how many they are, 0 at the end. */
int uni_next_fold_to_many(uint32_t *cp, uint32_t out[3]);
bool uni_folds_to_many(uint32_t cp);

/* White space as Python's str.isspace() has it: str.strip(), str.split(). */
static inline bool uni_is_python_space(struct uni_char c)
{
    return (c.class & UNI_SPACE) || (c.cp >= 0x1C && c.cp <= 0x1F);
}

#endif
