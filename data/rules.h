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
    METRIC_LOREM_IPSUM,   /* 1: a surviving line has it */
    METRIC_CURLY_BRACKET, /* 1: a surviving line has it */
    METRIC_SENTENCES,     /* of the lines that stay, as far as the limit */
    /* FineWeb */
    METRIC_FULL_LINES,      /* lines that are not blank */
    METRIC_END_PUNCTUATION, /* share of them that end a sentence */
    METRIC_SHORT_LINES,     /* share of them of at most 30 characters */
    METRIC_LINE_REPEATS,    /* characters of lines that came before, of those in lines */
    METRIC_NEWLINES,        /* a word */
    METRIC_N,
    METRIC_LINE = METRIC_N /* marks a line rule */
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
    RULE_NO_LINES,
    RULE_END_PUNCTUATION,
    RULE_SHORT_LINES,
    RULE_LINE_REPEATS,
    RULE_NEWLINES,
    RULE_N
};

struct rule {
    const char *key;    /* "gopher.min_words", for --set */
    const char *reason; /* as the peers name it */
    enum rules_metric metric;
    bool below; /* removed when below the limit; otherwise when above */
    double limit;
    const char *help;
};
extern const struct rule rules_table[RULE_N];

struct rules_cfg {
    bool on[RULE_N];
    double limit[RULE_N];
};

enum rules_preset { RULES_NONE, RULES_GOPHER, RULES_REPETITION, RULES_C4, RULES_FINEWEB };
void rules_preset(struct rules_cfg *c, enum rules_preset p);
/* "key=value"; "key=off" turns a rule off. */
int rules_set(struct rules_cfg *c, const char *assignment, struct err *e);
bool rules_any(const struct rules_cfg *c);

/* Work space of one thread; zero-initialise. */
struct hash_counter {
    struct hash_count {
        uint64_t hash;
        uint32_t count, round;
    } * v;
    size_t slots, mask;
    uint32_t round;
};
struct rules_work {
    struct words words, line_words;
    struct hash_counter table;
    uint64_t *hash; /* three numbers a word */
    size_t cap;
    struct buf kept, line, lower;
    double m[METRIC_N];
    uint64_t lines_removed[RULE_N]; /* of the last document, by line rule */
    bool oom;
};
void rules_work_free(struct rules_work *w);

/* Judges a text: bit r of *failed is set for each rule that removes it (0: it
 * stays; the lowest bit is the reason), w->m holds the metrics that were
 * needed.  *out is the text with its lines removed: `text` itself or memory of
 * w that lives until the next call. */
int rules_judge(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                const char **out, size_t *out_n, uint64_t *failed, struct err *e);

#endif
