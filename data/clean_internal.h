/* clean_internal.h - shared by clean*.c. */
#ifndef DATA_CLEAN_INTERNAL_H
#define DATA_CLEAN_INTERNAL_H

#include "data/clean.h"
#include "data/clean_journal.h"
#include "data/doc_mask.h"
#include "data/doc_out.h"
#include "data/doc_run.h"

/* What clean keeps of every document between two passes: rows of `row` bytes,
 * in order.  A row is a struct note_head, values, notes of the filters. */
struct note_head {
    uint32_t label[CLEAN_LABELS];
    uint32_t removed;
};
struct notes {
    bool on;
    int metric[METRICS_MAX], n_values; /* which values are kept */
    size_t filter_at[CLEAN_FILTERS_MAX], row;
    struct spill rows;
    char *all;      /* of rows, when they are complete */
    uint64_t *base; /* by block: its first document */
    size_t n_blocks, cap;
    struct labels label[CLEAN_LABELS];
    struct file_writer *file; /* what makes them survive an interruption (clean_notes_file.c), or NULL */
    struct buf record;
};

int notes_start(struct notes *n, const struct clean_cfg *cfg, struct err *e);
/* Block `seq`'s rows are next, and what filters keep; its label numbers are those of `from`. */
int notes_add(struct notes *n, const struct clean_cfg *cfg, uint64_t seq, struct buf *rows, struct buf *keep,
              struct clean_groups *from, struct err *e);
int notes_block(struct notes *n, uint64_t seq, struct err *e); /* the rows that follow are those of block seq */
void notes_clear(struct notes *n, const struct clean_cfg *cfg); /* no document yet */
/* Serves the filters that judge with all documents in view. */
int notes_judge(struct notes *n, const struct clean_cfg *cfg, struct err *e);
void notes_free(struct notes *n);
/* The file grows with every block from now on; its first `keep` bytes stay. */
int notes_file_open(struct notes *n, const char *path, uint64_t keep, struct err *e);
int notes_file_add(struct notes *n, uint64_t seq, const struct buf *rows, const struct buf *keep, struct err *e);
/* 1: the notes are those of its first `bytes`; 0: it cannot be used, there are none; -1. */
int notes_file_load(struct notes *n, const struct clean_cfg *cfg, const char *path, uint64_t bytes, struct err *e);
static inline struct note_head *notes_row(const struct notes *n, char *rows, uint64_t i)
{
    return (struct note_head *)(void *)(rows + i * n->row);
}
static inline double *notes_values(struct note_head *h)
{
    return (double *)(void *)(h + 1);
}

/* What a block gave; lives in doc_slot.user. */
struct clean_block {
    struct clean_stats s;
    struct buf rows; /* notes */
    struct buf keep[CLEAN_FILTERS_MAX];
    const char *run, *run_end; /* lines of the block that go out as they came, and are not yet in out[OUT_KEPT] */
};

struct worker {
    struct doc_iter it;
    struct prep prep;
    struct doc_mask mask;
    uint64_t masked; /* places of the record at hand, before prep */
    struct rules_work rules;
    struct buf json, label[CLEAN_LABELS], why;
};

enum { OUT_KEPT, OUT_REMOVED, OUT_BAD, OUT_DECISIONS };

struct clean {
    const struct clean_cfg *cfg;
    struct worker *workers;
    int n_workers, pass; /* 0: the only one; 1, 2 */
    bool judge;          /* some built-in rule is asked for */
    bool want[DOC_RUN_BUFS];
    struct doc_out out[DOC_RUN_BUFS];
    struct notes notes;
    uint64_t measured; /* documents, by pass one */
    struct clean_journal journal;
    struct clean_stats *total;
};

/* clean_doc.c: one document through filters and rules. */
int clean_one(const struct clean *c, int thread, struct doc_slot *s, const struct doc *d, uint64_t i,
              struct err *e);

/* The lines that wait to be written, after the last document: where all stay, without a copy. */
void clean_write_run(struct doc_slot *s);

/* clean_stats.c */
struct clean_group *clean_group_of(struct clean_groups *g, const char *name, size_t n); /* NULL: oom */
void clean_stats_clear(struct clean_stats *s);
int clean_stats_add(struct clean_stats *to, const struct clean_stats *from, struct err *e);

/* clean_decisions.c */
struct clean_verdict {
    const struct doc *doc;
    const double *value;
    const double *first, *low, *high; /* METRIC_N as in struct rules_work, first may be NULL */
    const struct rule_set *failed;
    const struct rules_cut *cut;
    size_t n_cuts, bytes_in, bytes_out;
    int reason; /* rule, -1 = kept */
    const struct buf *why; /* members that say more */
    const char *label[CLEAN_LABELS];
    size_t label_n[CLEAN_LABELS];
};
void decisions_head(const struct clean_cfg *cfg, struct buf *out);
void decisions_doc(const struct clean_cfg *cfg, const struct clean_verdict *v, struct buf *out);
void decisions_bad(const struct doc *d, const char *reason, struct buf *out);

#endif
