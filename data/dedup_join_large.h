/* dedup_join_large.h - the pairs of large buckets of all bands at once.
 *
 * Documents that are much alike meet in most bands, so that the buckets of these
 * give nearly the same pairs again and again.  Here they are kept as lists of rows,
 * and the pairs of a row are taken from all lists one after the other, so that each
 * comes out once; rows are shared out among the threads. */
#ifndef DATA_DEDUP_JOIN_LARGE_H
#define DATA_DEDUP_JOIN_LARGE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/pool.h"

struct dlarge {
    struct dlarge_list {
        uint32_t *row; /* ascending */
        size_t n;
    } *list;
    size_t n, cap;
    size_t room; /* rows that may still be added */
    pthread_mutex_t lock; /* of all this while it grows */
};

/* A list of a large bucket has at least so many rows, when there are n in all: then a
 * band has few of them. */
size_t dlarge_least(size_t n);

/* `bytes`: what all lists may take; 0 = no limit. */
void dlarge_init(struct dlarge *l, size_t bytes);
/* From any thread: the rows of n records {key, row} of one bucket, ascending.  1; 0: there
 * is no room for them; -1. */
int dlarge_add(struct dlarge *l, const uint64_t *rec, size_t n, struct err *e);
/* Gives pairs `later << 32 | earlier` of rows below n_rows, each once, from all threads, in no
 * order: those of dbucket_add() for each list.  No row is in more than
 * `most` lists. */
typedef int dlarge_fn(void *arg, const uint64_t *pair, size_t n, struct err *e);
int dlarge_pairs(const struct dlarge *l, size_t n_rows, int most, struct pool *pool, dlarge_fn *take, void *arg,
                 struct err *e);
void dlarge_free(struct dlarge *l);

#endif
