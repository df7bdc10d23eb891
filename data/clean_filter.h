/* clean_filter.h - what plugs into `llmctl clean` beside the built-in rules.
 *
 * A filter measures documents and puts named values on record (the score of a
 * classifier, a perplexity, how many addresses were masked); it may change the
 * text.  It decides nothing itself: a rule that compares one of its values with
 * a limit does, like any built-in rule.  So each removal has its reason, counts
 * in the report, and can be decided again from the decisions file alone.
 *
 * Set-up, before the run and always in the same order:
 *
 *     int m = rules_add_metric(&cfg.rules, "classifier.score", e);
 *     row = (struct rule){"classifier.min_score", "classifier", m, true, 0.5, "Smallest score"};
 *     rules_add(&cfg.rules, &row, e);       so that --set classifier.min_score=X works;
 *     clean_add_filter(&cfg, &filter, e);   the row lives as long as cfg; with settle(),
 *                                           the rule added last is one of the whole corpus
 *
 * Filters run in the order in which they were added: those with before_rules
 * on the normalised text, the others on what the rules left of it.
 *
 * Two passes.  A filter whose verdict on a document depends on the others
 * (outliers, balance, contradictions) has settle().  Then the inputs are read
 * twice.  Pass one runs everything and keeps a note of each document.  Between
 * the passes such filters are served one after the other - note() for each
 * document in order, settle(), judge() for each document in order - so that the
 * second sees what the first removed.  Pass two writes; filters that leave the
 * text alone are not run again, their values come from the notes. */
#ifndef DATA_CLEAN_FILTER_H
#define DATA_CLEAN_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/spill.h"
#include "data/doc.h"

enum { CLEAN_FILTERS_MAX = 24 };

/* What documents are grouped by in reports and statistics. */
enum clean_label {
    CLEAN_SOURCE, /* the document's "source" (--source-field), else the name of its file */
    CLEAN_LANG,   /* its "lang" (--lang-field), or what a filter found */
    CLEAN_CLASS,  /* its --class-field */
    CLEAN_LABELS
};

/* A document on its way. */
struct clean_doc {
    const struct doc *doc; /* as it was read: its line, id, other members */
    const char *text;      /* as it stands now; a filter that changes it points these */
    size_t n;              /* at memory of its own that lives until its next call on this thread */
    size_t bytes_in;       /* of text, as it was read */
    bool as_it_came;       /* written as it was read, whatever happened to text */
    double *value;         /* by metric; not a number = not measured.  A filter writes its own */
    bool removed;          /* a rule has failed already */
    const char *label[CLEAN_LABELS]; /* not NUL-terminated, never NULL; length 0 = unknown. */
    size_t label_n[CLEAN_LABELS];    /* A filter may set one, under the same rule as text */
    void *note; /* this filter's note_bytes, zeroed; NULL when there is but one pass */
    struct buf *keep; /* with clean_filter.kept: the run of bytes that it may append to; NULL likewise */
};

/* What is kept of a document between the passes. */
struct clean_note {
    uint64_t doc;        /* 0, 1, ... in order of the input, without quarantined records */
    double *value;       /* by metric: those of filters */
    uint32_t label[CLEAN_LABELS];         /* 0, 1, ... in order of first appearance */
    const char *label_name[CLEAN_LABELS]; /* "" = unknown */
    bool removed;        /* by a rule, or by a filter served before this one */
    void *note;          /* what run() left */
};

struct clean_filter {
    const char *name; /* for messages */
    void *arg;        /* owned by whoever added the filter */
    bool before_rules;
    bool changes_text;
    bool lazy; /* costly: not run on documents that are removed already, unless all values are
                * wanted (rules.all) */
    size_t note_bytes;
    /* Where bytes that run() keeps of documents beyond their notes are gathered, in order of
     * the documents, for settle() and judge(): it appends them to d->keep and notes its
     * length before as a uint64_t at the beginning of the note, which becomes their place in
     * this array, a multiple of 8.  NULL: none.  Owned by the filter, which adds nothing to it. */
    struct spill *kept;
    /* One document; several threads call it at once, each with its own number
     * (0 ... n - 1).  The result must not depend on the thread.  May be NULL. */
    int (*run)(void *arg, int thread, struct clean_doc *d, struct err *e);
    /* Members (JSON, each with a comma in front) that say more about a document
     * that is removed, for --removed and --decisions; d->text is what was
     * judged last.  May be NULL. */
    void (*explain)(void *arg, int thread, const struct clean_doc *d, struct buf *out);
    /* Between the passes, on one thread; note and judge may be NULL. */
    int (*note)(void *arg, const struct clean_note *n, struct err *e);
    int (*settle)(void *arg, struct err *e);
    int (*judge)(void *arg, struct clean_note *n, struct err *e); /* writes n->value */
};

struct clean_cfg;
/* Copies *f. */
int clean_add_filter(struct clean_cfg *cfg, const struct clean_filter *f, struct err *e);

#endif
