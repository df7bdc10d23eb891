/* Decoding speed: GPT-2 124M in bf16, one sequence, one thread and two.  A
 * step reads every weight once, so it is set against the speed at which the
 * same threads sum up memory, measured between the steps.  Wall clock, and for
 * one thread processor time as well, which does not mind other programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/mem.h"
#include "core/kernels/kernels.h"
#include "core/model/decode.h"

enum { ROUNDS = 12, STEPS = 10, SLICES = 64, CONTEXT = 64, PROMPT = 512 };

static struct err e;

static void must(int ret)
{
    if (!ret) return;
    fprintf(stderr, "bench_decode: %s\n", e.msg);
    exit(1);
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct memory {
    const float *x;
    size_t n;
    float sum[SLICES];
};

static void sum_slice(void *arg, int slice, int thread)
{
    (void)thread;
    struct memory *m = arg;
    size_t part = m->n / SLICES;
    m->sum[slice] = kernels_get()->sum(m->x + (size_t)slice * part, part);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return x[n / 2];
}

static void measure(const char *what, clockid_t clock, struct decoder *d, struct pool *pool, struct memory *m,
                    const int32_t *ids, float *logits)
{
    double step[ROUNDS * STEPS], read[ROUNDS];
    int n = 0, seq = 0;
    for (int r = 0; r < ROUNDS; r++) {
        double t = now(clock);
        pool_run(pool, SLICES, sum_slice, m);
        read[r] = (double)(m->n * sizeof(float)) / (now(clock) - t);
        decoder_truncate(d, 0, CONTEXT);
        for (int i = 0; i < STEPS; i++, n++) {
            t = now(clock);
            must(decoder_step(d, 1, &seq, ids + i, logits, &e));
            step[n] = now(clock) - t;
        }
    }
    double t = median(step, n), bw = median(read, ROUNDS), got = (double)decoder_weight_bytes(d) / t;
    printf("%-34s %7.2f ms  %6.1f tokens/s  %5.1f GB/s = %3.0f %% of a sum's %5.1f\n", what, 1e3 * t, 1 / t, got / 1e9,
           100 * got / bw, bw / 1e9);
}

int main(void)
{
    static struct model_config c;
    must(model_config_preset(&c, "gpt2", &e));
    struct params *p = params_new(&e);
    must(!p || model_declare(&c, p, DT_BF16, &e) || params_alloc(p, false, &e) || model_init(&c, p, 1, &e));
    struct memory m = {.n = (size_t)64 << 20};
    float *x = mem_alloc_aligned(m.n * sizeof *x), *logits = mem_alloc((size_t)c.vocab, sizeof *logits);
    if (!x || !logits) return 1;
    memset(x, 0, m.n * sizeof *x);
    m.x = x;
    int32_t ids[PROMPT];
    for (int i = 0; i < PROMPT; i++) ids[i] = i * 97 % c.vocab;
    for (int threads = 1; threads <= 2; threads++) {
        char what[64];
        struct pool *pool = pool_new(threads, &e);
        must(!pool);
        struct decoder *d = decoder_new(&c, p, DT_BF16, 1, c.max_pos, pool, &e);
        must(!d || decoder_prefill(d, 0, ids, PROMPT, NULL, DECODE_NONE, &e)); /* touches the memory */
        snprintf(what, sizeof what, "decode gpt2 bf16, %d thread%s", threads, threads > 1 ? "s" : "");
        measure(what, CLOCK_MONOTONIC, d, pool, &m, ids, logits);
        if (threads == 1) measure("  by processor time", CLOCK_PROCESS_CPUTIME_ID, d, pool, &m, ids, logits);
        decoder_truncate(d, 0, 0);
        double t = now(CLOCK_MONOTONIC);
        must(decoder_prefill(d, 0, ids, PROMPT, logits, DECODE_LAST, &e));
        t = now(CLOCK_MONOTONIC) - t;
        printf("%-34s %7.2f ms  %6.0f tokens/s\n", "  a prompt of 512 tokens", 1e3 * t, PROMPT / t);
        decoder_free(d);
        pool_free(pool);
    }
    free(logits);
    mem_free_aligned(x);
    params_free(p);
    return 0;
}
