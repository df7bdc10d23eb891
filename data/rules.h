/* rules.h - the quality rules of `llmctl clean`: one row of one table a rule.
 *
 * A rule compares one metric of a document with a limit.  Metrics are computed
 * together in one pass over text and words, so that a report can say what
 * every rule would have done.  To add a rule: a metric here, its value in
 * rules_metrics(), a row in the table. */
#ifndef DATA_RULES_H
#define DATA_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "data/words.h"

enum rules_metric {
    METRIC_WORDS,          /* words that are more than punctuation */
    METRIC_MEAN_LENGTH,    /* of those, in characters */
    METRIC_HASHES,         /* '#' a word */
    METRIC_ELLIPSES,       /* "..." or U+2026, a word */
    METRIC_BULLET_LINES,   /* share of lines that begin with a bullet or '-' */
    METRIC_ELLIPSIS_LINES, /* share of lines that end in an ellipsis */
    METRIC_ALPHA_WORDS,    /* share of words with a letter */
    METRIC_STOP_WORDS,     /* how many of: the be to of and that have with */
    METRIC_N
};

enum rules_id {
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

enum rules_preset { RULES_NONE, RULES_GOPHER };
void rules_preset(struct rules_cfg *c, enum rules_preset p);
/* "key=value"; "key=off" turns a rule off. */
int rules_set(struct rules_cfg *c, const char *assignment, struct err *e);
bool rules_any(const struct rules_cfg *c);

/* All metrics of a text. */
void rules_metrics(const char *text, size_t n, const struct words *w, double m[METRIC_N]);
/* Bit r is set for each rule that removes the document; 0: kept.  The lowest
 * bit is the reason. */
unsigned rules_apply(const struct rules_cfg *c, const double m[METRIC_N]);

#endif
