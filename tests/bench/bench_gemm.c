/* GEMM speed as a share of what the FMA units can do.
 *
 *   bench_gemm [-u] [-t THREADS] [-r ROWS] [-c COLS] [-s SECONDS] [FILTER...]
 *
 * Each line is one shape: GFLOP/s (median and best of many calls, each between
 * two measurements of the register-only peak), that peak, and the ratio of the
 * medians.  -u takes the CPU time of the slices instead of wall time, for a machine that
 * others use at the same time.  Slices are cut as the linear op cuts them for
 * so many threads, or ROWS x COLS.  FILTER keeps the lines whose name contains
 * one of the words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/pool.h"
#include "core/kernels/kernels.h"
#include "core/tensor/op_linear.h"

static bool cpu_time;
static struct pool *P;
static _Alignas(64) double busy[64][8]; /* seconds of CPU each thread gave to slices */

static double clock_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct timed {
    pool_fn *fn;
    void *arg;
};

static void timed_slice(void *arg, int slice, int thread)
{
    const struct timed *t = arg;
    double start = clock_s(CLOCK_THREAD_CPUTIME_ID);
    t->fn(t->arg, slice, thread);
    busy[thread][0] += clock_s(CLOCK_THREAD_CPUTIME_ID) - start;
}

/* Runs all slices `calls` times; seconds, of the clock or (mean over the threads) of CPU. */
static double run_s(int n_slices, pool_fn *fn, void *arg, int calls)
{
    struct timed t = {fn, arg};
    double start = clock_s(CLOCK_MONOTONIC), cpu = 0;
    memset(busy, 0, sizeof busy);
    for (int i = 0; i < calls; i++) pool_run(P, n_slices, cpu_time ? timed_slice : fn, cpu_time ? &t : arg);
    for (int i = 0; i < pool_threads(P); i++) cpu += busy[i][0];
    return cpu_time ? cpu / pool_threads(P) : clock_s(CLOCK_MONOTONIC) - start;
}

/* ---- peak: 24 independent accumulators, named registers, nothing in memory ---- */

#define TIMES_24(X) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) \
    X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)
#define TIMES_12(X) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define ZERO_ZMM(i) "vpxord %%zmm" #i ", %%zmm" #i ", %%zmm" #i "\n\t"
#define FMA_ZMM(i) "vfmadd231ps %%zmm0, %%zmm1, %%zmm" #i "\n\t"
#define DP_ZMM(i) "vdpbf16ps %%zmm0, %%zmm1, %%zmm" #i "\n\t"
#define ZERO_YMM(i) "vpxor %%ymm" #i ", %%ymm" #i ", %%ymm" #i "\n\t"
#define FMA_YMM(i) "vfmadd231ps %%ymm0, %%ymm1, %%ymm" #i "\n\t"
#define LOOP(set, regs, zero, fma)                                                                            \
    __asm__ volatile(set regs(zero) "1:\n\t" regs(fma) "dec %0\n\tjne 1b\n\tvzeroupper" : "+r"(n) : "r"(&one) \
                     : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
                       "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")

#if defined(__x86_64__)
/* Four tiles of sums from two and two, all of 16 rows of 64 bytes. */
static void tile_loop(long n)
{
    static const uint8_t config[64] = {
        [0] = 1, [16] = 64, [18] = 64, [20] = 64, [22] = 64, [24] = 64, [26] = 64, [28] = 64, [30] = 64,
        [48] = 16, [49] = 16, [50] = 16, [51] = 16, [52] = 16, [53] = 16, [54] = 16, [55] = 16,
    };
    __asm__ volatile("ldtilecfg (%1)\n\t1:\n\t"
                     "tdpbf16ps %%tmm6, %%tmm4, %%tmm0\n\ttdpbf16ps %%tmm7, %%tmm4, %%tmm1\n\t"
                     "tdpbf16ps %%tmm6, %%tmm5, %%tmm2\n\ttdpbf16ps %%tmm7, %%tmm5, %%tmm3\n\t"
                     "dec %0\n\tjne 1b\n\ttilerelease"
                     : "+r"(n)
                     : "r"(config)
                     : "memory", "cc");
}
#endif

enum unit { SCALAR, YMM, ZMM, ZMM_BF16, TILES };

static void fma_loop(enum unit u, long n)
{
    static const float one = 1.0f;
    switch (u) {
#if defined(__x86_64__)
    case YMM:
        LOOP("vbroadcastss (%1), %%ymm0\n\tvbroadcastss (%1), %%ymm1\n\t", TIMES_12, ZERO_YMM, FMA_YMM);
        break;
    case ZMM:
        LOOP("vbroadcastss (%1), %%zmm0\n\tvbroadcastss (%1), %%zmm1\n\t", TIMES_24, ZERO_ZMM, FMA_ZMM);
        break;
    case ZMM_BF16:
        LOOP("vbroadcastss (%1), %%zmm0\n\tvbroadcastss (%1), %%zmm1\n\t", TIMES_24, ZERO_ZMM, DP_ZMM);
        break;
    case TILES:
        tile_loop(n);
        break;
#endif
    default:
        break;
    }
}

static double flops_per_round(enum unit u)
{
    static const double f[] = {0, 12 * 16, 24 * 32, 24 * 64, 4 * 2 * 16 * 16 * 32};
    return f[u];
}

struct peak_job {
    enum unit unit;
    long rounds;
};

static void peak_slice(void *arg, int slice, int thread)
{
    (void)slice;
    (void)thread;
    struct peak_job *j = arg;
    fma_loop(j->unit, j->rounds);
}

static double peak(enum unit u)
{
    struct peak_job j = {u, 40000};
    return flops_per_round(u) * (double)j.rounds * pool_threads(P) / run_s(pool_threads(P), peak_slice, &j, 1);
}

/* ---- jobs ---- */

enum work { NN, TN, PACK, PACK_T };

struct job {
    const struct kernels *k;
    enum work op;
    struct gemm g;
    struct gemm_tn tn;
    const void *B;
    enum dtype src;
    void *packed;
    char *ws;
    int rows, cols;     /* of a slice */
};

static int cuts(int n, int by)
{
    return (n + by - 1) / by;
}

static void slice(void *arg, int s, int thread)
{
    struct job *j = arg;
    const struct gemm *g = &j->g;
    int nn = cuts(g->N, j->cols), m0 = s / nn * j->rows, n0 = s % nn * j->cols;
    int m1 = m0 + j->rows < g->M ? m0 + j->rows : g->M, n1 = n0 + j->cols < g->N ? n0 + j->cols : g->N;
    void *ws = j->ws + (size_t)thread * j->k->gemm_ws_bytes;
    if (j->op == NN) j->k->gemm(g, m0, m1, n0, n1, ws);
    else if (j->op == TN) j->k->gemm_tn(&j->tn, m0, m1, n0, n1, ws);
    else j->k->pack_b(g->ab, j->packed, g->K, g->N, j->B, j->src, j->op == PACK ? g->N : g->K, j->op == PACK_T, 0, n0, n1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(struct job *j, const char *name, double seconds, enum unit u)
{
    enum { MAX = 200 };
    static double speed[MAX], peaks[MAX];
    int n_slices = cuts(j->g.M, j->rows) * cuts(j->g.N, j->cols), n = 0;
    if (j->op >= PACK) n_slices = cuts(j->g.N, j->cols);
    double work = 2.0 * j->g.M * j->g.N * j->g.K;
    if (j->op >= PACK) work = (double)j->g.K * j->g.N * (double)(dtype_size(j->src) + dtype_size(j->g.ab));
    int calls = (int)(0.004 * 2e11 / work) + 1; /* 4 ms at least */
    pool_run(P, n_slices, slice, j);
    for (double end = clock_s(CLOCK_MONOTONIC) + seconds; (clock_s(CLOCK_MONOTONIC) < end && n < MAX) || n < 3; n++) {
        double before = peak(u);
        speed[n] = work * calls / run_s(n_slices, slice, j, calls);
        double after = peak(u);
        peaks[n] = before > after ? before : after;
    }
    qsort(speed, (size_t)n, sizeof *speed, by_value);
    qsort(peaks, (size_t)n, sizeof *peaks, by_value);
    if (j->op >= PACK)
        printf("%-40s %8.1f best %8.1f GB/s read+written\n", name, speed[n / 2] * 1e-9, speed[n - 1] * 1e-9);
    else
        printf("%-40s %8.1f best %8.1f GFLOP/s  peak %8.1f  ratio %5.1f %%\n", name, speed[n / 2] * 1e-9,
               speed[n - 1] * 1e-9, peaks[n / 2] * 1e-9, 100 * speed[n / 2] / peaks[n / 2]);
    fflush(stdout);
}

static void randomize(void *x, enum dtype dt, size_t n)
{
    uint32_t s = 1;
    for (size_t i = 0; i < n; i++) {
        s = s * 1664525 + 1013904223;
        float f = (float)(s >> 8) * 0x1p-23f - 1.0f;
        uint32_t u;
        memcpy(&u, &f, sizeof u);
        if (dt == DT_F32) ((float *)x)[i] = f;
        else ((uint16_t *)x)[i] = (uint16_t)(u >> 16);
    }
}

static void *matrix(enum dtype dt, int rows, int cols)
{
    size_t n = (size_t)rows * (size_t)cols;
    void *x = mem_alloc_aligned(n * dtype_size(dt));
    if (!x) {
        fprintf(stderr, "out of memory\n");
        exit(71);
    }
    randomize(x, dt, n);
    return x;
}

static const struct shape {
    int M, K, N, leaf;
} shapes[] = {
    {768, 128, 128, 192},    {768, 128, 384, 192},     {768, 128, 512, 192},     {768, 512, 128, 192},
    {512, 512, 512, 128},    {1024, 1024, 1024, 256},  {16384, 384, 384, 256},   {16384, 384, 1152, 256},
    {16384, 384, 1536, 256}, {16384, 1536, 384, 256},  {1024, 768, 768, 256},    {1024, 768, 2304, 256},
    {1024, 768, 3072, 256},  {1024, 3072, 768, 256},   {1024, 768, 50257, 256},  {1, 768, 3072, 1},
    {2, 768, 3072, 1},       {4, 768, 3072, 1},        {8, 768, 3072, 1},        {8, 3072, 768, 1},
};

static const struct kernels *K;
static double seconds = 0.4;
static int rows, cols, n_words; /* of a slice; 0: as the op does */
static char **words;

static bool wanted(const char *name)
{
    for (int i = 0; i < n_words; i++)
        if (strstr(name, words[i])) return true;
    return n_words == 0;
}

static void bench(enum work op, enum dtype dt, const struct shape *s)
{
    static const char *const op_name[] = {"nn", "tn", "pack", "pack_t"};
    if (op == TN && s->M < 64) return;
    if (op >= PACK && s->M != 1024) return;
    char name[80];
    snprintf(name, sizeof name, "%s %s %s x%d %d,%d,%d%s", K->isa, op_name[op], dtype_name(dt), pool_threads(P), s->M, s->K,
             s->N, op == TN ? " dW" : "");
    if (!wanted(name)) return;
    struct job j = {.k = K, .op = op, .src = DT_F32};
    void *A = NULL, *B = NULL, *C = NULL;
    if (op == TN) { /* dW[N,K] = dY[M,N]^T X[M,K] */
        j.tn = (struct gemm_tn){s->N, s->K, s->M, s->leaf, dt, dt, NULL, NULL, s->N, s->K, NULL, s->K, true, false, NULL, 0};
        j.tn.A = A = matrix(dt, s->M, s->N);
        j.tn.B = B = matrix(dt, s->M, s->K);
        j.tn.C = C = matrix(DT_F32, s->N, s->K);
        j.g = (struct gemm){.M = s->N, .N = s->K, .K = s->M};
    } else {
        j.g = (struct gemm){.M = s->M, .N = s->N, .K = s->K, .ab = dt, .lda = s->K, .ldc = s->N, .c = DT_F32};
        j.packed = mem_alloc_aligned(K->packed_bytes(dt, s->K, s->N));
        j.B = B = matrix(DT_F32, s->K, s->N);
        if (op == NN) {
            j.g.A = A = matrix(dt, s->M, s->K);
            j.g.C = C = matrix(DT_F32, s->M, s->N);
            K->pack_b(dt, j.packed, s->K, s->N, B, DT_F32, s->N, false, 0, 0, s->N);
            j.g.Bp = j.packed;
        }
    }
    struct tiling t = (op == TN ? tile_gradient : tile_product)(K, dt, j.g.M, j.g.N, pool_threads(P));
    j.rows = rows ? rows : t.m;
    j.cols = cols ? cols : t.n;
    j.ws = mem_alloc_aligned(K->gemm_ws_bytes * (size_t)pool_threads(P));
    enum unit u = !strcmp(K->isa, "avx2") ? YMM : !strcmp(K->isa, "avx512") || dt == DT_F32 ? ZMM : ZMM_BF16;
    if (dt == DT_BF16 && K->sums == SUMS_TILES) u = TILES;
    if (!strcmp(K->isa, "ref")) u = SCALAR;
    measure(&j, name, seconds, u);
    mem_free_aligned(A);
    mem_free_aligned(B);
    mem_free_aligned(C);
    mem_free_aligned(j.packed);
    mem_free_aligned(j.ws);
}

int main(int argc, char **argv)
{
    int threads = 1;
    for (int o; (o = getopt(argc, argv, "ut:r:c:s:")) != -1;) {
        if (o == 't') threads = atoi(optarg);
        else if (o == 'u') cpu_time = true;
        else if (o == 'r') rows = atoi(optarg);
        else if (o == 'c') cols = atoi(optarg);
        else if (o == 's') seconds = atof(optarg);
        else return 2;
    }
    words = argv + optind;
    n_words = argc - optind;
    struct err e;
    K = kernels_get();
    P = pool_new(threads, &e);
    if (!P) return 71;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int dt = 0; dt < 2; dt++)
            for (enum work op = NN; op <= PACK_T; op++) bench(op, dt ? DT_BF16 : DT_F32, &shapes[i]);
    pool_free(P);
    return 0;
}
