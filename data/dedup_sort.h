/* dedup_sort.h - very many small records in order, in bounded memory.
 *
 * A record is a fixed number of u64 words; records are ordered by all their
 * words, the first first, so the order never depends on how they came.  What
 * does not fit is sorted and set aside in a temporary file without a name; the
 * runs are merged while they are read.
 *
 *     dsort_init(&s, 2, mem, dir);  dsort_add(&s, recs, n, e) ...
 *     dsort_finish(&s, pool, e);
 *     dmerge_add_sort(&m, &s, 0, UINT64_MAX);  while ((got = dmerge_next(&m, &rec, e)) > 0) ...
 */
#ifndef DATA_DEDUP_SORT_H
#define DATA_DEDUP_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/pool.h"

enum { DSORT_MAX_WORDS = 520 };

struct dsort_run {
    uint64_t at, n; /* in the spill file: byte offset, records */
};

struct dsort {
    int words;
    bool unique;     /* drop equal records (set it after dsort_init) */
    bool in_order;   /* what is in memory came sorted */
    const char *dir; /* for temporary files */
    uint64_t *v;     /* records in memory */
    size_t n, cap, max;
    int fd; /* of the spill file, -1 = none */
    uint64_t spilled_bytes;
    struct dsort_run *runs;
    size_t n_runs, cap_runs;
};

/* At most about mem bytes in memory (0: no limit).  dir is not copied. */
void dsort_init(struct dsort *s, int words, size_t mem, const char *dir);
int dsort_add(struct dsort *s, const uint64_t *recs, size_t n, struct err *e);
/* Sorts what is in memory; then it can be read. */
int dsort_finish(struct dsort *s, struct pool *pool, struct err *e);
void dsort_free(struct dsort *s);

/* ---- reading several sorted sources as one ---- */
struct dmerge_src {
    const uint64_t *cur, *end; /* what is in memory */
    uint64_t *buf;
    int fd;
    bool own_fd;
    uint64_t at, left; /* byte offset in fd, records not yet read */
};

struct dmerge {
    int words;
    bool unique;
    struct dmerge_src *v;
    size_t n, cap;
    uint32_t *heap;
    size_t n_heap;
    bool started;
    uint64_t *last; /* for unique, and what is handed out */
    bool have_last;
};

/* Zero-initialise struct dmerge.  Records whose first word is in [lo, hi), or to
 * the end with hi = UINT64_MAX.  The sort must outlive the merge. */
int dmerge_add_sort(struct dmerge *m, const struct dsort *s, uint64_t lo, uint64_t hi,
                    struct err *e);
/* n records of `words` words at byte `at` of the file. */
int dmerge_add_file(struct dmerge *m, const char *path, uint64_t at, uint64_t n, int words,
                    uint64_t lo, uint64_t hi, struct err *e);
/* 1: *rec valid until the next call; 0: the end; -1. */
int dmerge_next(struct dmerge *m, const uint64_t **rec, struct err *e);
void dmerge_free(struct dmerge *m);

#endif
