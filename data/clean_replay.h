/* clean_replay.h - deciding again from a decisions file (DECISIONS.md).
 *
 * A rule is applied to the values on record; no text is read.  What cannot be
 * known from them is an error, not a guess: a line rule that is changed (other
 * lines would stay, and what was measured on them would change), a rule whose
 * value was not measured.  Values that come from the whole corpus (outliers,
 * balance, contradictions, label errors) are taken as they are; stats.corpus says
 * when that is no more than an estimate. */
#ifndef DATA_CLEAN_REPLAY_H
#define DATA_CLEAN_REPLAY_H

#include "core/base/pool.h"
#include "data/doc.h"
#include "data/rules.h"

#define DECISIONS_VERSION 1

struct replay_cfg {
    const char *path; /* the decisions file; .gz and .zst too, "-" = stdin */
    const char *const *set;
    size_t n_set;     /* changes, as rules_set() takes them */
    const char *out;  /* the decisions as they would be, or NULL */
};

struct replay_rule {
    char *key, *reason;
    uint64_t removed_before, removed_after;
};

struct replay_stats {
    uint64_t docs, kept_before, kept_after, quarantined;
    uint64_t now_kept, now_removed, other_reason;
    uint64_t bytes_before, bytes_after; /* of text as read, of kept documents */
    struct replay_rule rule[RULES_MAX];
    int n_rules;
    int corpus; /* a rule whose value would be another one where other documents stay; -1: none */
};

/* *out is to be freed in every case. */
int replay_run(const struct replay_cfg *cfg, struct replay_stats *out, struct err *e);
void replay_stats_free(struct replay_stats *s);
void replay_report_json(const struct replay_stats *s, struct buf *out);

#endif
