/* doc_run.h - the one pipeline of the data stages: read blocks, work on them
 * with all threads, act on the results in order.
 *
 * For each block: work() in parallel, decide() one block at a time in order,
 * emit() in parallel, done() one at a time in order.  decide() and done() never
 * run at once, but work() and emit() of other blocks, and the reading of the
 * next ones, go on beside them: what those look at must not be changed there.
 * Results must depend on the block and on earlier decisions only, never on
 * `thread`, which may pick scratch memory.
 *
 * An error is told when the turn of its block comes; blocks before it are done,
 * as are those in front of a failure of the reader. */
#ifndef DATA_DOC_RUN_H
#define DATA_DOC_RUN_H

#include "core/base/log.h"
#include "core/base/pool.h"
#include "data/doc.h"

enum { DOC_RUN_BUFS = 4 };

struct doc_slot {
    struct doc_block block;
    struct buf out[DOC_RUN_BUFS]; /* empty before work() */
    struct buf scratch;
    void *user; /* made by work(), released by done() or drop() */
    struct err err;
    bool failed;
};

typedef int doc_run_fn(void *arg, struct doc_slot *s, int thread, struct err *e);

struct doc_stage {
    const struct doc_files *files;
    const struct doc_cfg *cfg;
    struct pool *pool;
    void *arg;
    const char *what; /* for the progress line; NULL = none */
    doc_run_fn *work, *decide, *emit, *done; /* each may be NULL */
    bool read_once;   /* a block's data is for work() alone: the next one is read to where a cache has it still */
    /* Or NULL: gives blocks instead of a reader of the files, as doc_reader_next(). */
    int (*next)(void *arg, struct doc_block *b, struct err *e);
    void (*drop)(void *arg, struct doc_slot *s); /* releases s->user after a failure */
    const struct doc_at *start; /* where an earlier run of the same files was, or NULL */
    const char *damaged;        /* as doc_reader_go_on() */
};

struct doc_run_end {
    size_t n_damaged;
    char damaged[512]; /* describes the first */
};

/* Here and below a stop signal is the error ERR_STOPPED. */
int doc_run(const struct doc_stage *st, struct doc_run_end *end, struct err *e);

/* All documents on the caller's thread, one after the other, for who has no work to share out.  bad: why this record
 * is none, or NULL. */
typedef int doc_each_fn(void *arg, const struct doc *d, const char *bad, struct err *e);
int doc_each(const struct doc_files *files, const struct doc_cfg *cfg, doc_each_fn *fn, void *arg, struct doc_run_end *end, struct err *e);

#endif
