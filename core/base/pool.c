#include "core/base/pool.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base/mem.h"

/* A job is published by storing fn and arg, then `next`, then raising `epoch`.
 * `next` packs the number of slices (high 32 bits) with the next slice to take
 * (low 32), so that a worker which wakes late either takes a slice of the job
 * that is current, whose fn and arg stay put until the slice is done, or none. */
struct pool {
    int n_threads;
    pool_fn *fn;
    void *arg;
    _Alignas(64) _Atomic uint32_t epoch;
    _Atomic int sleepers;
    _Alignas(64) _Atomic uint64_t next;
    _Alignas(64) _Atomic int done;    /* slices finished */
    _Atomic int waiting;              /* the caller sleeps on `done` */
    _Atomic int quit;
    struct worker {
        struct pool *pool;
        int index;
        pthread_t thread;
    } workers[];
};

static const int64_t spin_ns = 20000;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void futex_wait(void *addr, uint32_t expected)
{
    syscall(SYS_futex, addr, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake_all(void *addr)
{
    syscall(SYS_futex, addr, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Takes slices of the current job until none is left. */
static void work(struct pool *p, int thread)
{
    uint64_t v = atomic_load(&p->next);
    for (;;) {
        int slice = (int)(uint32_t)v, n = (int)(v >> 32);
        if (slice >= n) return;
        if (!atomic_compare_exchange_weak(&p->next, &v, v + 1)) continue;
        p->fn(p->arg, slice, thread);
        if (atomic_fetch_add(&p->done, 1) + 1 == n && atomic_load(&p->waiting))
            futex_wake_all(&p->done);
        v = atomic_load(&p->next);
    }
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct pool *p = w->pool;
    uint32_t seen = 0;
    for (;;) {
        int64_t start = now_ns();
        for (int i = 0; atomic_load(&p->epoch) == seen; i++) {
            cpu_relax();
            if ((i & 63) != 63 || now_ns() - start < spin_ns) continue;
            atomic_fetch_add(&p->sleepers, 1);
            while (atomic_load(&p->epoch) == seen) futex_wait(&p->epoch, seen);
            atomic_fetch_sub(&p->sleepers, 1);
            break;
        }
        seen = atomic_load(&p->epoch);
        if (atomic_load(&p->quit)) return NULL;
        work(p, w->index);
    }
}

static int cgroup_cpus(void)
{
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!f) return INT_MAX;
    long long quota = 0, period = 0;
    int got = fscanf(f, "%lld %lld", &quota, &period); /* "max 100000" gives 0 */
    fclose(f);
    if (got != 2 || quota <= 0 || period <= 0) return INT_MAX;
    long long n = (quota + period - 1) / period;
    return n < 1 ? 1 : n > 4096 ? 4096 : (int)n;
}

/* CPUs this process may use. */
static int default_threads(void)
{
    cpu_set_t set;
    int n = 1, limit = cgroup_cpus();
    if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
    return n < limit ? n : limit;
}

struct pool *pool_new(int n_threads, struct err *e)
{
    if (n_threads <= 0) n_threads = default_threads();
    if (n_threads > 256) n_threads = 256;
    size_t bytes = sizeof(struct pool) + (size_t)n_threads * sizeof(struct worker);
    struct pool *p = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    if (!p) {
        err_oom(e, bytes, "the thread pool");
        return NULL;
    }
    *p = (struct pool){.n_threads = 1};
    for (int i = 1; i < n_threads; i++) {
        struct worker *w = &p->workers[i];
        *w = (struct worker){.pool = p, .index = i};
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            err_set(e, ERR_OS, "cannot start thread %d of %d; use a smaller --threads", i + 1,
                    n_threads);
            pool_free(p);
            return NULL;
        }
        p->n_threads = i + 1;
    }
    return p;
}

static void raise_epoch(struct pool *p)
{
    atomic_fetch_add(&p->epoch, 1);
    if (atomic_load(&p->sleepers)) futex_wake_all(&p->epoch);
}

void pool_free(struct pool *p)
{
    if (!p) return;
    atomic_store(&p->quit, 1);
    raise_epoch(p);
    for (int i = 1; i < p->n_threads; i++) pthread_join(p->workers[i].thread, NULL);
    free(p);
}

int pool_threads(const struct pool *p)
{
    return p ? p->n_threads : 1;
}

void pool_run(struct pool *p, int n_slices, pool_fn *fn, void *arg)
{
    if (!p || p->n_threads == 1 || n_slices <= 1) {
        for (int i = 0; i < n_slices; i++) fn(arg, i, 0);
        return;
    }
    p->fn = fn;
    p->arg = arg;
    atomic_store(&p->done, 0);
    atomic_store(&p->next, (uint64_t)n_slices << 32);
    raise_epoch(p);
    work(p, 0);
    int64_t start = now_ns();
    for (int i = 0;; i++) {
        int done = atomic_load(&p->done);
        if (done == n_slices) return;
        cpu_relax();
        if ((i & 63) != 63 || now_ns() - start < spin_ns) continue;
        atomic_store(&p->waiting, 1);
        while ((done = atomic_load(&p->done)) != n_slices) futex_wait(&p->done, (uint32_t)done);
        atomic_store(&p->waiting, 0);
        return;
    }
}
