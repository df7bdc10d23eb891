/* pool.h - the thread pool: one caller and n-1 workers run slices of a job.
 *
 * pool_run() calls fn(arg, slice, thread) once for every slice in
 * [0, n_slices) and returns when all are done.  Slices are handed out in
 * order by an atomic counter, so which thread runs a slice is not fixed: a
 * slice's result must not depend on `thread` (use it only to pick scratch
 * memory).  Workers spin at most 20 us for the next job, then sleep on a
 * futex, so that two processes on two cores do not collapse.
 *
 * One job at a time; pool_run() must not be called from inside a job.  A NULL
 * pool, or one of one thread, runs everything in the caller. */
#ifndef CORE_BASE_POOL_H
#define CORE_BASE_POOL_H

#include "core/base/err.h"

struct pool;

typedef void pool_fn(void *arg, int slice, int thread);

/* n_threads 0 = as many as the process may use (affinity mask, cgroup quota).
 * Caller frees with pool_free(). */
struct pool *pool_new(int n_threads, struct err *e);
void pool_free(struct pool *p); /* NULL is fine */
int pool_threads(const struct pool *p); /* 1 for NULL */
void pool_run(struct pool *p, int n_slices, pool_fn *fn, void *arg);

#endif
