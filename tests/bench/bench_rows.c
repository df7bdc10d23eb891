/* Speed of the row kernels (GB/s) and of attention (GFLOP/s and share of the
 * f32 FMA peak), one thread.
 *
 *   bench_rows [-w] [FILTER...]
 *
 * The best of many short runs by this thread's CPU time, so that other
 * processes disturb little; -w takes wall time.  FILTER keeps the lines whose
 * name contains one of the words.  Bytes: each array once a pass that must read
 * or write it.  Flops of attention: 4 T^2/2 D a head forward, 10 T^2/2 D
 * backward: only what a causal mask leaves visible. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/kernels/kernels.h"

enum { SAMPLES = 25 };

static clockid_t clock_used = CLOCK_THREAD_CPUTIME_ID;
static const struct kernels *k;
static char **filters;

static double now(void)
{
    struct timespec t;
    clock_gettime(clock_used, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool wanted(const char *name)
{
    for (char **f = filters; *f; f++)
        if (strstr(name, *f)) return true;
    return !*filters;
}

static void *need(size_t bytes)
{
    void *p = mem_alloc_aligned(bytes);
    if (!p) fprintf(stderr, "bench_rows: out of memory\n"), exit(1);
    return p;
}

static float *random_f32(size_t n, uint64_t seed)
{
    float *x = need(n * sizeof *x);
    struct rng_key key = rng_key(seed, RNG_TEST, 0, 0);
    for (size_t i = 0; i < n; i++) x[i] = 4 * rng_f32(&key, i & 0xffff) - 2;
    return x;
}

/* Best seconds of one call. */
static double best_of(void (*call)(void *), void *arg)
{
    double best = 1e9, once;
    call(arg);
    once = now();
    call(arg);
    once = now() - once;
    int reps = once > 2e-3 ? 1 : (int)(2e-3 / (once + 1e-9)) + 1;
    for (int s = 0; s < SAMPLES; s++) {
        double t = now();
        for (int i = 0; i < reps; i++) call(arg);
        t = (now() - t) / reps;
        if (t < best) best = t;
    }
    return best;
}

/* ---- rows ---- */

struct rows {
    size_t n;
    float *a, *b, *c, *d;
    uint16_t *h;
    float mean, rstd;
};

static void do_copy(void *p) { struct rows *r = p; memcpy(r->b, r->a, r->n * 4); }
static void do_bf16(void *p) { struct rows *r = p; k->bf16_from_f32(r->h, r->a, r->n); }
static void do_add(void *p) { struct rows *r = p; k->add(r->c, r->a, r->b, r->n); }
static void do_exp(void *p) { struct rows *r = p; k->exp(r->c, r->a, r->n); }
static void do_tanh(void *p) { struct rows *r = p; k->tanh(r->c, r->a, r->n); }
static void do_gelu_erf(void *p) { struct rows *r = p; k->act(ACT_GELU_ERF, r->c, r->a, r->n); }
static void do_gelu(void *p) { struct rows *r = p; k->act(ACT_GELU_TANH, r->c, r->a, r->n); }
static void do_gelu_bwd(void *p) { struct rows *r = p; k->act_bwd(ACT_GELU_TANH, r->c, r->a, r->b, r->n); }
static void do_silu_glu(void *p) { struct rows *r = p; k->glu(ACT_SILU, r->c, r->a, r->b, r->n); }
static void do_dot(void *p) { struct rows *r = p; r->mean = k->dot(r->a, r->b, r->n); }
static void do_softmax(void *p) { struct rows *r = p; k->softmax(r->c, r->a, r->n); }
static void do_layernorm(void *p) { struct rows *r = p; k->layernorm(r->c, r->a, r->b, r->b, (int)r->n, 1e-5f, &r->mean, &r->rstd); }
static void do_layernorm_bwd(void *p) { struct rows *r = p; k->layernorm_bwd(r->c, r->d, NULL, r->a, r->b, r->b, 0, 1, (int)r->n); }
static void do_rmsnorm(void *p) { struct rows *r = p; k->rmsnorm(r->c, r->a, r->b, (int)r->n, 1e-5f, &r->rstd); }
static void do_dropout(void *p)
{
    struct rows *r = p;
    const uint32_t key[2] = {1, 2}, ctr[2] = {3, 4};
    k->dropout(r->c, r->a, r->n, 1u << 29, 1.1f, key, ctr, 0);
}
static void do_ce(void *p)
{
    struct rows *r = p;
    float lse, nll;
    k->ce_row(r->c, (int)r->n, 5, 1e-3f, 0, 0, 0, true, &lse, &nll);
}
static void do_adamw(void *p)
{
    struct rows *r = p;
    k->adamw(r->a, r->b, r->c, r->d, r->n, 1, 0, 0.9f, 0.95f, 1e-8f, 0, 0.1f, 0.1f);
}

static void rows(void)
{
    static const struct { const char *name; void (*call)(void *); size_t n; int bytes; } lines[] = {
        {"memcpy 64K", do_copy, 1 << 14, 8}, {"memcpy 256M", do_copy, 1 << 26, 8},
        {"bf16_from_f32 16K", do_bf16, 1 << 14, 6}, {"add 16K", do_add, 1 << 14, 12}, {"exp 16K", do_exp, 1 << 14, 8},
        {"tanh 16K", do_tanh, 1 << 14, 8}, {"gelu_erf 16K", do_gelu_erf, 1 << 14, 8}, {"gelu_tanh 16K", do_gelu, 1 << 14, 8}, {"gelu_tanh bwd 16K", do_gelu_bwd, 1 << 14, 12},
        {"silu glu 16K", do_silu_glu, 1 << 14, 12}, {"dot 16K", do_dot, 1 << 14, 8}, {"layernorm 768", do_layernorm, 768, 8},
        {"layernorm_bwd 768", do_layernorm_bwd, 768, 12}, {"rmsnorm 768", do_rmsnorm, 768, 8}, {"dropout 16K", do_dropout, 1 << 14, 8},
        {"softmax 50257", do_softmax, 50257, 8}, {"ce_row 50257", do_ce, 50257, 8}, {"adamw 16K", do_adamw, 1 << 14, 28}, {"adamw 16M", do_adamw, 1 << 24, 28},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!wanted(lines[i].name)) continue;
        size_t n = lines[i].n;
        struct rows r = {n, random_f32(n, 1), random_f32(n, 2), random_f32(n, 3), random_f32(n, 4), need(n * 2), 0, 0};
        for (size_t j = 0; j < n; j++) r.c[j] = fabsf(r.c[j]);
        double s = best_of(lines[i].call, &r);
        printf("%-22s %7.1f GB/s  %8.2f us  %6.3f ns an element\n", lines[i].name, (double)n * lines[i].bytes / s * 1e-9, s * 1e6, s * 1e9 / (double)n);
        mem_free_aligned(r.a), mem_free_aligned(r.b), mem_free_aligned(r.c), mem_free_aligned(r.d), mem_free_aligned(r.h);
    }
}

/* ---- matrix-vector ---- */

struct mv { int N, K; enum dtype dt; void *W; float *x, *y; };

static void do_gemv(void *p) { struct mv *m = p; k->gemv(m->y, m->W, m->dt, m->K, m->x, m->K, 0, m->N, NULL); }
static void do_read(void *p) /* the bandwidth to compare with: summing the same bytes */
{
    struct mv *m = p;
    m->y[0] = k->sum(m->W, (size_t)m->N * (size_t)m->K * dtype_size(m->dt) / 4);
}

static void gemv(void)
{
    static const struct { const char *name; int N, K; enum dtype dt; } lines[] = {
        {"gemv bf16 768x50257", 50257, 768, DT_BF16}, {"gemv f32 768x50257", 50257, 768, DT_F32},
        {"gemv bf16 768x768", 768, 768, DT_BF16}, {"gemv bf16 768x3072", 3072, 768, DT_BF16}, {"gemv bf16 3072x768", 768, 3072, DT_BF16},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!wanted(lines[i].name)) continue;
        size_t n = (size_t)lines[i].N * (size_t)lines[i].K;
        struct mv m = {lines[i].N, lines[i].K, lines[i].dt, NULL, random_f32((size_t)lines[i].K, 1), need((size_t)lines[i].N * 4)};
        float *W = random_f32(n, 2);
        if (m.dt == DT_F32) m.W = W;
        else {
            m.W = need(n * 2);
            k->bf16_from_f32(m.W, W, n);
            mem_free_aligned(W);
        }
        double s = best_of(do_gemv, &m), rd = best_of(do_read, &m), bytes = (double)(n * dtype_size(m.dt));
        printf("%-22s %7.1f GB/s  %8.2f us  %3.0f %% of reading at %.1f GB/s\n", lines[i].name, bytes / s * 1e-9, s * 1e6, 100 * rd / s, bytes / rd * 1e-9);
        mem_free_aligned(m.W), mem_free_aligned(m.x), mem_free_aligned(m.y);
    }
}

/* ---- attention ---- */

/* FMA peak of one thread: independent accumulators in registers only. */
static double peak_gflops(void)
{
    double best = 0;
#if defined(__x86_64__)
    bool zmm = strncmp(k->isa, "avx512", 6) == 0;
    if (strcmp(k->isa, "ref") == 0) return 0;
    for (int s = 0; s < 10; s++) {
        long n = 20000;
        double t = now();
#define REGS ".irp i,2,3,4,5,6,7,8,9,10,11,12,13\n\t"
        if (zmm)
            __asm__ volatile("vpxord %%zmm0, %%zmm0, %%zmm0\n\t" REGS "vmovaps %%zmm0, %%zmm\\i\n\t.endr\n1:\n\t" REGS "vfmadd231ps %%zmm0, %%zmm0, %%zmm\\i\n\t.endr\n\tdec %0\n\tjne 1b\n\tvzeroupper"
                             : "+r"(n)::"cc", "xmm0", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13");
        else
            __asm__ volatile("vpxor %%ymm0, %%ymm0, %%ymm0\n\t" REGS "vmovaps %%ymm0, %%ymm\\i\n\t.endr\n1:\n\t" REGS "vfmadd231ps %%ymm0, %%ymm0, %%ymm\\i\n\t.endr\n\tdec %0\n\tjne 1b\n\tvzeroupper"
                             : "+r"(n)::"cc", "xmm0", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13");
#undef REGS
        t = now() - t;
        double g = 20000.0 * 12 * (zmm ? 32 : 16) / t * 1e-9;
        if (g > best) best = g;
    }
#endif
    return best;
}

struct at { struct attn a; void *ws; };

static void do_fwd(void *p)
{
    struct at *t = p;
    for (int h = 0; h < t->a.H; h++) k->attn_fwd(&t->a, h, 0, t->a.Tq, t->ws);
}

static void do_bwd(void *p)
{
    struct at *t = p;
    for (int h = 0; h < t->a.Hk; h++) k->attn_bwd(&t->a, h, t->ws);
}

static void *typed(size_t n, uint64_t seed, enum dtype dt)
{
    float *x = random_f32(n, seed);
    if (dt == DT_F32) return x;
    uint16_t *h = need(n * 2);
    k->bf16_from_f32(h, x, n);
    mem_free_aligned(x);
    return h;
}

static void attention(void)
{
    static const struct { const char *name; int T, D, H; enum dtype dt; } lines[] = {
        {"attn f32 T64 D32 H4", 64, 32, 4, DT_F32},    {"attn bf16 T64 D32 H4", 64, 32, 4, DT_BF16},
        {"attn f32 T256 D64 H6", 256, 64, 6, DT_F32},  {"attn bf16 T256 D64 H6", 256, 64, 6, DT_BF16},
        {"attn f32 T1024 D64 H12", 1024, 64, 12, DT_F32}, {"attn bf16 T1024 D64 H12", 1024, 64, 12, DT_BF16},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!wanted(lines[i].name)) continue;
        const int T = lines[i].T, D = lines[i].D, H = lines[i].H, C = H * D;
        const size_t n = (size_t)T * (size_t)C, es = dtype_size(lines[i].dt);
        char *qkv = typed(3 * n, 1, lines[i].dt), *g = need(3 * n * es);
        struct at t = {.a = {.Tq = T, .Tk = T, .H = H, .Hk = H, .D = D, .dt = lines[i].dt, .q = qkv, .k = qkv + (size_t)C * es, .v = qkv + 2 * (size_t)C * es,
                             .q_stride = 3 * C, .k_stride = 3 * C, .v_stride = 3 * C, .o_stride = C, .scale = 1 / sqrtf((float)D), .causal = true,
                             .out = need(n * es), .lse = need((size_t)(T * H) * 4), .dout = typed(n, 2, lines[i].dt), .dq = g, .dk = g + (size_t)C * es, .dv = g + 2 * (size_t)C * es}};
        t.ws = need(k->attn_ws_bytes(T, T, D, 0, true) + k->attn_ws_bytes(T, T, D, 0, false));
        double p0 = peak_gflops(), f = best_of(do_fwd, &t), b = best_of(do_bwd, &t), p1 = peak_gflops(), peak = p0 > p1 ? p0 : p1;
        double half = (double)T * T / 2 * D * H * 1e-9;
        printf("%-24s fwd %6.1f GFLOP/s (%2.0f %%)  bwd %6.1f (%2.0f %%)  both %6.1f (%2.0f %% of peak %.0f)  %.1f + %.1f us\n", lines[i].name, 4 * half / f,
               peak > 0 ? 400 * half / f / peak : 0, 10 * half / b, peak > 0 ? 1000 * half / b / peak : 0, 14 * half / (f + b),
               peak > 0 ? 1400 * half / (f + b) / peak : 0, peak, f * 1e6, b * 1e6);
        mem_free_aligned(qkv), mem_free_aligned(g), mem_free_aligned(t.a.out), mem_free_aligned(t.a.lse), mem_free_aligned((void *)t.a.dout), mem_free_aligned(t.ws);
    }
}

int main(int argc, char **argv)
{
    filters = argv + 1;
    if (argc > 1 && strcmp(argv[1], "-w") == 0) clock_used = CLOCK_MONOTONIC, filters++;
    k = kernels_get();
    printf("isa %s\n", k->isa);
    rows();
    gemv();
    attention();
    return 0;
}
