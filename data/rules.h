/* rules.h - the quality rules of `llmctl clean`: one row of one table a rule.
 *
 * A document rule compares one metric of a document with a limit.  Metrics are
 * computed together in one pass over text and words, so that a report can say
 * what every rule would have done.  A line rule (C4) removes lines; what is left
 * is then judged by the rules after it.  To add a rule: a metric here, its value
 * where its neighbours are computed, a row in the table. */
#ifndef DATA_RULES_H
#define DATA_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "data/text_masks.h"
#include "data/words.h"

enum rules_metric {
    /* repetition: shares of the characters of the text unless said otherwise */
    METRIC_CHARS,     /* of the text */
    METRIC_DUP_PARAS, /* share of paragraphs that came before */
    METRIC_DUP_PARA_CHARS,
    METRIC_DUP_LINES, /* share of lines that came before */
    METRIC_DUP_LINE_CHARS,
    METRIC_TOP_2, /* the most frequent 2-gram, all its occurrences */
    METRIC_TOP_3,
    METRIC_TOP_4,
    METRIC_DUP_5, /* 5-grams that came before */
    METRIC_DUP_6,
    METRIC_DUP_7,
    METRIC_DUP_8,
    METRIC_DUP_9,
    METRIC_DUP_10,
    /* Gopher quality */
    METRIC_WORDS,          /* words that are more than punctuation */
    METRIC_MEAN_LENGTH,    /* of those, in characters */
    METRIC_HASHES,         /* '#' a word */
    METRIC_ELLIPSES,       /* "..." or U+2026, a word */
    METRIC_BULLET_LINES,   /* share of lines that begin with a bullet or '-' */
    METRIC_ELLIPSIS_LINES, /* share of lines that end in an ellipsis */
    METRIC_ALPHA_WORDS,    /* share of words with a letter */
    METRIC_STOP_WORDS,     /* how many of: the be to of and that have with */
    /* C4 */
    METRIC_LOREM_IPSUM,   /* number of the first line that has it and would stay; 0 = none */
    METRIC_CURLY_BRACKET, /* likewise */
    METRIC_SENTENCES,     /* of the lines that stay; counted as far as needed unless all are wanted */
    METRIC_THIRD_LINE,    /* characters of the third longest of them; 0 = there are no three */
    /* FineWeb */
    METRIC_FULL_LINES,      /* lines that are not blank */
    METRIC_END_PUNCTUATION, /* share of them that end a sentence */
    METRIC_SHORT_LINES,     /* share of them of at most RULE_LINE_SHORT characters */
    METRIC_LINE_REPEATS,    /* characters of lines that came before, of those in lines */
    METRIC_NEWLINES,        /* a word */
    /* RefinedWeb */
    METRIC_REMOVED_WORDS, /* share of the words that its line rules removed */
    /* instructions and answers */
    METRIC_CHARS_SFT,    /* characters, white space at the ends not counted */
    METRIC_REFUSALS,     /* phrases in which a model declines or speaks of itself */
    METRIC_PLACEHOLDERS, /* phrases that stand for missing text */
    METRIC_REPLACED,     /* share of U+FFFD: characters that were lost */
    METRIC_FINISHED,     /* 1: ends with punctuation, a bracket or a code fence */
    METRIC_N,
    METRIC_LINE = -1 /* marks a line rule */
};

/* The order is that of the FineWeb chain; the first that fails is the reason. */
enum rules_id {
    RULE_EMPTY,
    RULE_DUP_PARAS,
    RULE_DUP_PARA_CHARS,
    RULE_DUP_LINES,
    RULE_DUP_LINE_CHARS,
    RULE_TOP_2,
    RULE_TOP_3,
    RULE_TOP_4,
    RULE_DUP_5,
    RULE_DUP_6,
    RULE_DUP_7,
    RULE_DUP_8,
    RULE_DUP_9,
    RULE_DUP_10,
    RULE_MIN_WORDS,
    RULE_MAX_WORDS,
    RULE_MIN_LENGTH,
    RULE_MAX_LENGTH,
    RULE_HASHES,
    RULE_ELLIPSES,
    RULE_BULLETS,
    RULE_END_ELLIPSIS,
    RULE_ALPHA,
    RULE_STOP_WORDS,
    RULE_LINE_WORD_LENGTH,
    RULE_LINE_CITATIONS,
    RULE_LINE_PUNCTUATION,
    RULE_LINE_WORDS,
    RULE_LINE_JAVASCRIPT,
    RULE_LINE_POLICY,
    RULE_LOREM_IPSUM,
    RULE_CURLY_BRACKET,
    RULE_SENTENCES,
    RULE_PARAGRAPHS,
    RULE_NO_LINES,
    RULE_END_PUNCTUATION,
    RULE_SHORT_LINES,
    RULE_LINE_REPEATS,
    RULE_NEWLINES,
    RULE_LINE_SQUEEZE, /* comes first of all */
    RULE_LINE_UPPER,
    RULE_LINE_NUMERIC,
    RULE_LINE_COUNTER,
    RULE_LINE_FEW_WORDS,
    RULE_LINE_PHRASES,
    RULE_REMOVED_WORDS,
    RULE_SFT_MIN_CHARS,
    RULE_SFT_MAX_CHARS,
    RULE_SFT_REFUSALS,
    RULE_SFT_PLACEHOLDERS,
    RULE_SFT_REPLACED,
    RULE_SFT_FINISHED,
    RULE_LINE_SHORT, /* removes nothing: which lines RULE_SHORT_LINES counts */
    RULE_N
};

struct rule {
    const char *key;    /* "gopher.min_words", for --set */
    const char *reason; /* as the peers name it */
    int metric; /* enum rules_metric, or one that a filter added */
    bool below; /* removed when below the limit; otherwise when above */
    double limit;
    const char *help;
};
extern const struct rule rules_table[RULE_N];
extern const char *const rules_metric_names[METRIC_N];

/* Whose counting is followed where the peers differ (rules_dialect.c). */
enum rules_dialect { RULES_DATATROVE, RULES_DOLMA, RULES_DCLM_DIALECT };

/* The rules of a run: the built-in ones, then those that filters added. */
enum { RULES_MAX = 128, METRICS_MAX = 192 };
struct rules_cfg {
    const struct rule *rule[RULES_MAX];
    bool on[RULES_MAX];
    double limit[RULES_MAX];
    bool corpus[RULES_MAX]; /* its value depends on which other documents stay */
    int n_rules;
    const char *metric[METRICS_MAX]; /* names, for the record of a document */
    int n_metrics;
    bool all; /* measure everything, also what no rule asks for */
    enum words_mode words;
    enum rules_dialect dialect;
    bool quick; /* the verdict is enough: cheap rules first, the first that fails ends it */
    bool plain; /* the straightforward way, against which the fast one is tested */
};

enum rules_preset {
    RULES_NONE, RULES_GOPHER, RULES_REPETITION, RULES_C4, RULES_FINEWEB, RULES_DCLM,
    RULES_REFINEDWEB, RULES_SFT
};
/* Starts a configuration: the built-in rules with the preset's on. */
void rules_preset(struct rules_cfg *c, enum rules_preset p);
/* The metric's index, or -1.  The name lives as long as the configuration. */
int rules_add_metric(struct rules_cfg *c, const char *name, struct err *e);
/* The rule's index, or -1; it is on, with its limit.  *r lives as long as the configuration. */
int rules_add(struct rules_cfg *c, const struct rule *r, struct err *e);
/* "key=value"; "key=off" turns a rule off. */
int rules_set(struct rules_cfg *c, const char *assignment, struct err *e);
int rules_find(const struct rules_cfg *c, const char *key, size_t n); /* -1 when there is none */
static inline bool rules_is_line(const struct rule *r)
{
    return r->metric == METRIC_LINE;
}

/* A set of rules. */
struct rule_set {
    uint64_t w[RULES_MAX / 64];
};
static inline void rule_set_add(struct rule_set *s, int r)
{
    s->w[r / 64] |= (uint64_t)1 << r % 64;
}
static inline bool rule_set_has(const struct rule_set *s, int r)
{
    return s->w[r / 64] >> r % 64 & 1;
}
static inline bool rule_set_any(const struct rule_set *s)
{
    return (s->w[0] | s->w[1]) != 0;
}
static inline void rule_set_join(struct rule_set *s, const struct rule_set *more)
{
    s->w[0] |= more->w[0];
    s->w[1] |= more->w[1];
}
static inline int rule_set_count(const struct rule_set *s)
{
    return __builtin_popcountll(s->w[0]) + __builtin_popcountll(s->w[1]);
}
/* Rules first ... last - 1 that the values fail; a value that was not measured fails none. */
void rules_apply(const struct rules_cfg *c, const double *m, int first, int last,
                 struct rule_set *failed);
/* Of those that failed, the one that is the reason. */
int rules_reason(const double *m, const struct rule_set *failed);
/* Has the metric a rule that wants more and one that wants less? */
bool rules_both_ways(int metric);
/* As rules_reason, of a document that was judged more than once: a rule that failed at
 * first comes before one that only what was left of the text failed.  first: n
 * values that take the place of those in m for this, or NULL; *value: that of
 * the rule's metric by which it failed. */
int rules_settled_reason(const struct rules_cfg *c, const double *m, const double *first, size_t n,
                         const struct rule_set *failed, double *value);

/* Work space of one thread; zero-initialise. */
struct hash_counter {
    struct hash_count {
        uint64_t hash;
        uint32_t count, round;
    } * v;
    size_t slots, mask;
    uint32_t round;
};
struct gram_work {
    size_t n;        /* words */
    uint64_t *hash;  /* of words */
    uint32_t *chars; /* of words */
    uint64_t *gram; /* of the n-gram at each; this and the rest only when they are counted */
    uint32_t *at;   /* positions; then the slot of each */
    struct gram_slot {
        uint32_t tag; /* of the hash, beside the slot; 0 = free */
        uint32_t count;
    } * table;
    size_t hash_cap, cap, mask;
    uint64_t *bound; /* rules_grams_bound.c */
    size_t bound_cap;
};
struct rules_work {
    struct words words, line_words;
    /* Of the text at hand, where the fast way is taken (rules_scan.c): */
    struct text_masks *masks;
    size_t masks_cap;
    uint32_t *nl; /* where its newlines are */
    size_t n_nl, nl_cap;
    bool ascii, wide, newlines_only; /* wide: some need decoding; lines end in \n only */
    size_t n_hashes, n_dots; /* '#'; three full stops in a row */
    struct gram_work grams;
    struct word_counts {
        size_t words, chars, alpha; /* words of substance, their characters; words with a letter */
        unsigned stops;             /* a bit for each stop word that occurs */
    } counts;
    bool hashed; /* grams.hash and counts are of words */
    bool last;   /* words and masks are not needed behind the repetition of n-grams */
    struct hash_counter table;
    uint64_t *hash; /* three numbers a word */
    size_t cap;
    struct buf kept, line, cut_text, squeezed, corrected, settled;
    struct rules_line { /* that C4 leaves (rules_kept.c) */
        uint32_t begin, len; /* in the text */
        uint32_t at, n;      /* what stays of it: in the text, or in cut_text when cut */
        bool cut;
    } * lines;
    size_t n_lines, lines_cap, first_line, end_line; /* [first, end): without empty ones at the ends */
    double m[METRICS_MAX];
    /* rules_settle(): of the text as it came, before line rules took out lines; the extremes of all times */
    double first[METRIC_N], low[METRIC_N], high[METRIC_N];
    uint64_t lines_removed[RULE_N]; /* of the last document, by line rule */
    struct rules_cut {
        size_t begin, end; /* of the text before the rules */
        int rule;
    } * cut;
    size_t n_cuts, cuts_cap;
    bool again; /* the text is what line rules left: nothing new is noted in cut */
    /* rules_settle(): what becomes of a text before it is judged again; NULL = nothing.
     * *out is `text` or memory that lives until the next call. */
    int (*between)(void *arg, const char *text, size_t n, const char **out, size_t *out_n, struct err *e);
    void *between_arg;
    bool oom;
};
void rules_work_free(struct rules_work *w);

/* Judges a text by the built-in rules: *failed are those that remove it, w->m
 * holds the metrics (those that no rule needed are not numbers), w->cut what
 * line rules took out, in order.  *out is the text without it: `text` itself
 * or memory of w that lives until the next call. */
int rules_judge(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                const char **out, size_t *out_n, struct rule_set *failed, struct err *e);

/* Judges what is left again until nothing changes, so that doing all of it twice
 * changes nothing: a document that would not pass a second time does not pass.
 * Of a metric the worst value is kept, and in w->first that of the first time. */
int rules_settle(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                 const char **out, size_t *out_n, struct rule_set *failed, struct err *e);

#endif
