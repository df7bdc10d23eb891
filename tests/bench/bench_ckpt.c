/* Speed of .llmz in GB of tensor data a second, by wall clock and by processor
 * time, and as a part of memcpy's speed measured between the runs.  One thread
 * and two; best of several runs.  Files are written to BENCH_DIR (default /dev/shm), so that a slow
 * disk is not what is measured. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/ckpt/elem.h"
#include "core/ckpt/llmz.h"

enum { RUNS = 5, TENSORS = 2 };
#define N ((size_t)12 << 20)    /* elements of each tensor: larger than the caches */

static struct err e;

static void must(int ret)
{
    if (!ret) return;
    fprintf(stderr, "bench_ckpt: %s\n", e.msg);
    exit(1);
}

struct data {
    const char *name;
    enum dtype dtype;
    void *mem;
};

static struct data make(const char *name, enum dtype dt, const float *x)
{
    struct data d = {name, dt, mem_alloc_aligned(N * 4)};
    if (!d.mem || !elem_from_f32(d.mem, dt, x, N)) exit(1);
    return d;
}

static void write_file(const char *path, const struct data *d, struct pool *pool)
{
    struct llmz_writer *w = llmz_create(path, pool, &e);
    must(!w);
    for (int i = 0; i < TENSORS; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        for (size_t k = 0; k < N; k += (size_t)1 << 20) /* no two chunks are equal, or one is stored */
            memcpy((char *)d->mem + k * dtype_size(d->dtype), &(int){(int)(k >> 18) + i}, 2);
        must(llmz_add(w, name, d->dtype, 1, (int64_t[]){(int64_t)N}, d->mem, &e));
    }
    must(llmz_finish(w, "{\"kind\":\"bench\"}", &e));
}

/* Wall clock and processor time of the best run; the second does not mind
 * what else the machine is doing, and is what "a core" means. */
struct span {
    double wall, cpu, wall0, cpu0;
};

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void begin(struct span *s)
{
    s->wall0 = time_now_s();
    s->cpu0 = cpu_now();
}

static void end(struct span *s)
{
    double wall = time_now_s() - s->wall0, cpu = cpu_now() - s->cpu0;
    if (s->wall == 0 || wall < s->wall) s->wall = wall;
    if (s->cpu == 0 || cpu < s->cpu) s->cpu = cpu;
}

static void bench(const char *path, const struct data *d, int threads)
{
    struct pool *pool = pool_new(threads, &e);
    must(!pool);
    size_t bytes = N * dtype_size(d->dtype);
    void *dst = mem_alloc_aligned(bytes);
    if (!dst) exit(1);
    memset(dst, 1, bytes);
    struct span write = {0}, read = {0}, verify = {0}, copy = {0};
    uint64_t stored = 0;
    for (int r = 0; r < RUNS; r++) {
        begin(&write);
        write_file(path, d, pool);
        end(&write);
        begin(&copy);
        for (int i = 0; i < TENSORS; i++) memcpy(dst, d->mem, bytes);
        end(&copy);
        struct llmz *z = llmz_open(path, &e);
        must(!z);
        stored = llmz_file_size(z);
        begin(&read);
        for (int i = 0; i < TENSORS; i++) must(llmz_read(z, i, dst, pool, &e));
        end(&read);
        begin(&verify);
        must(llmz_verify(z, pool, &e));
        end(&verify);
        llmz_close(z);
    }
    double gb = (double)bytes * TENSORS / 1e9;
    printf("%-21s %7d %6.3f %7.2f %7.2f %7.3f %7.2f %7.2f %7.3f %7.2f %8.2f\n", d->name, threads,
           (double)bytes * TENSORS / (double)stored, gb / write.wall, gb / write.cpu,
           copy.cpu / write.cpu, gb / read.wall, gb / read.cpu, copy.cpu / read.cpu, gb / verify.wall,
           gb / copy.cpu);
    mem_free_aligned(dst);
    pool_free(pool);
}

int main(void)
{
    const char *dir = getenv("BENCH_DIR");
    char *path = path_join(dir ? dir : "/dev/shm", "bench_ckpt.llmz");
    struct rng_key k = rng_key(1, RNG_TEST, 0, 0);
    float *x = mem_alloc(N, sizeof *x);
    if (!x || !path) return 1;
    for (size_t i = 0; i < N; i++) x[i] = rng_normal(&k, i) * 0.02f * (1.0f + (float)(i / 1024 % 7));
    struct data d[4];
    d[0] = make("bf16 weights", DT_BF16, x);
    d[1] = make("f32 weights, moments", DT_F32, x);
    for (size_t i = 0; i < N; i++) x[i] *= x[i];
    d[2] = make("f32 second moments", DT_F32, x);
    for (size_t i = 0; i < N; i++) elem_to_f32(&x[i], (uint16_t *)d[0].mem + i, DT_BF16, 1);
    d[3] = make("f32 that was bf16", DT_F32, x);
    free(x);
    printf("GB/s of tensor data; core = by processor time; of = part of memcpy's speed\n"
           "data                  threads  ratio   write    core      of    read    core      of  verify   memcpy\n");
    for (int i = 0; i < 4; i++)
        for (int threads = 1; threads <= 2; threads++) bench(path, &d[i], threads);
    for (int i = 0; i < 4; i++) mem_free_aligned(d[i].mem);
    remove(path);
    free(path);
    return 0;
}
