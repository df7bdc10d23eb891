/* clean.h - llmctl clean: documents in, better documents out.
 *
 * Every document read is kept, removed (with the rule that did it) or
 * quarantined (it is no document: bad JSON, invalid UTF-8 ...), and the counts
 * add up.  The output does not depend on the number of threads. */
#ifndef DATA_CLEAN_H
#define DATA_CLEAN_H

#include "core/base/pool.h"
#include "core/base/spill.h"
#include "data/clean_detail.h"
#include "data/clean_filter.h"
#include "data/clean_labels.h"
#include "data/doc.h"
#include "data/rules.h"
#include "data/prep.h"

struct clean_cfg {
    const struct doc_files *files;
    struct doc_cfg docs; /* docs.extra is set by clean_run() */
    struct pool *pool;
    struct prep_cfg prep;
    int prep_metric[PREP_N]; /* where the number of places that a step changed is on record; 0 = nowhere */
    struct rules_cfg rules;
    const char *out;        /* NULL: count only */
    const char *removed;    /* where removed documents go, or NULL */
    const char *quarantine; /* where bad records go, or NULL */
    const char *decisions;  /* what was measured and decided, for every document, or NULL */
    const char *field[CLEAN_LABELS]; /* members that documents are grouped by; NULL = none */
    bool detail; /* curves and examples for the report: clean_stats.detail */
    bool settle; /* judge what line rules leave until nothing changes */
    bool progress;
    /* Going on after an interruption (clean_journal.h): what the result depends on beside the
     * inputs, one item a line; NULL: an interrupted run starts over. */
    const char *print;
    double save_every_s;
    bool start_over; /* whatever is left of an earlier run */
    struct clean_filter filter[CLEAN_FILTERS_MAX]; /* clean_add_filter() */
    int n_filters;
    struct spill_space *space; /* for what is kept of documents between two passes; NULL: no limit */
    struct chat *chat; /* chat.h, or NULL */
    int copies_metric; /* metric of a filter: how often a document that stays is written; 0 = once */
};

struct clean_rule_stats {
    uint64_t removed; /* this rule was the reason */
    uint64_t failed;  /* documents it would remove, alone; for a line rule lines */
    uint64_t only;    /* ... that no other rule would */
    uint64_t bytes;   /* of text of `removed` */
};

/* Documents of one source, language or class. */
struct clean_group {
    uint64_t docs_in, docs_out, bytes_in, bytes_out;
};

struct clean_groups {
    struct labels names;
    struct clean_group *v; /* one a name */
    size_t cap;
};

struct clean_stats {
    uint64_t docs_in, docs_out, docs_removed, docs_bad;
    uint64_t copies;              /* written beyond the first of a document */
    uint64_t bytes_in, bytes_out; /* of text */
    uint64_t prep_docs[PREP_N], prep_places[PREP_N]; /* that each step changed */
    uint64_t changed;             /* kept documents whose text is not as it came */
    struct clean_rule_stats rule[RULES_MAX];
    struct clean_groups group[CLEAN_LABELS];
    struct clean_detail *detail; /* NULL when not asked for */
    uint64_t docs_before, bytes_before; /* of those: done by the run that was interrupted */
    uint64_t measured_before; /* documents that pass one of it had measured */
    char first_bad[256]; /* "file:line: reason", or empty */
    size_t n_damaged;    /* truncated or corrupt files */
    char damaged[512];
};

/* Commits its outputs even when an input is damaged: see n_damaged.  *out is to
 * be freed in every case. */
int clean_run(const struct clean_cfg *cfg, struct clean_stats *out, struct err *e);
void clean_stats_free(struct clean_stats *s);
/* After a run whose reports are written too: it is over for good. */
void clean_journal_end(const struct clean_cfg *cfg);
/* How even the groups are, by the documents that stay. */
struct clean_spread {
    size_t groups, named;       /* with documents; with a name too */
    uint64_t largest, smallest; /* documents */
    const char *largest_name;   /* lives as long as the groups */
    double share, evenness;     /* of the largest; entropy / log(groups): 1 = all alike */
};
struct clean_spread clean_spread(const struct clean_groups *g);
extern const char *const clean_label_names[CLEAN_LABELS];
void clean_groups_json(const struct clean_stats *s, struct buf *out);
/* The report as a page of its own, and as JSON. */
int clean_report_html(const struct clean_cfg *cfg, const struct clean_stats *s, struct buf *out,
                      struct err *e);
void clean_report_json(const struct clean_cfg *cfg, const struct clean_stats *s, struct buf *out);

#endif
