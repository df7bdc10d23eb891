/* The reference GEMM against sums in double, and every other ISA against the
 * reference, bit for bit. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/kernels/kernels.h"

/* ---- random matrices ---- */

static uint64_t seed;

static uint32_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 21);
}

static int upto(int n)
{
    return 1 + (int)(rnd() % (uint32_t)n);
}

static float uniform(void)
{
    return (float)(rnd() % 65536) * 0x1p-15f - 1.0f;
}

enum values { NORMAL, ANY_BITS, NEAR_DENORMAL };

static void fill(void *p, enum dtype dt, size_t n, enum values v)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t u;
        float f = uniform();
        memcpy(&u, &f, sizeof u);
        if (v == ANY_BITS) u = rnd() << 16 ^ rnd();
        if (v == NEAR_DENORMAL) u = (u & 0x807fffff) | (rnd() % 4 + 52) << 23; /* products near 2^-150 */
        if (dt == DT_F32)
            memcpy((float *)p + i, &u, sizeof u);
        else
            ((uint16_t *)p)[i] = (uint16_t)(u >> 16);
    }
}

static float get(const void *p, enum dtype dt, int64_t i)
{
    if (dt == DT_F32) return ((const float *)p)[i];
    uint32_t u = (uint32_t)((const uint16_t *)p)[i] << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* Buffers that are big enough for every case; used one element off, so that nothing is aligned. */
enum { BUF = 1 << 20 };
static float *pool_, *A, *B, *C0, *C1, *C2, *O1, *O2, *X, *R, *bias;
static void *ws, *packed;

static int setup(void **state)
{
    (void)state;
    const struct kernels *k = kernels_get();
    size_t ws_bytes = k->gemm_ws_bytes, each = BUF + 64;
    for (const char *const *n = kernels_isa_names(); *n; n++)
        if (kernels_isa(*n) && kernels_isa(*n)->gemm_ws_bytes > ws_bytes) ws_bytes = kernels_isa(*n)->gemm_ws_bytes;
    ws = mem_alloc_aligned(ws_bytes);
    packed = mem_alloc_aligned(2 * BUF * sizeof(float));
    pool_ = mem_alloc_aligned(10 * each * sizeof(float));
    if (!ws || !packed || !pool_) return -1;
    float **all[] = {&A, &B, &C0, &C1, &C2, &O1, &O2, &X, &R, &bias};
    for (size_t i = 0; i < COUNT_OF(all); i++) *all[i] = pool_ + i * each + 1;
    seed = 88172645463325252u;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_free_aligned(ws);
    mem_free_aligned(packed);
    mem_free_aligned(pool_);
    return 0;
}

/* ---- comparing ---- */

static bool is_nan(const void *p, enum dtype dt, size_t i)
{
    return isnan(get(p, dt, (int64_t)i));
}

/* Same bits; of NaNs only that both are. */
static void same(const void *x, const void *y, enum dtype dt, size_t n, const char *isa, const char *what, int M, int N,
                 int K)
{
    size_t el = dtype_size(dt);
    if (memcmp(x, y, n * el) == 0) return;
    for (size_t i = 0; i < n; i++) {
        if (memcmp((const char *)x + i * el, (const char *)y + i * el, el) == 0) continue;
        if (is_nan(x, dt, i) && is_nan(y, dt, i)) continue;
        fail_msg("%s %s, M %d N %d K %d, %s: element %zu is %a, want %a", isa, what, M, N, K, dtype_name(dt), i,
                 (double)get(y, dt, (int64_t)i), (double)get(x, dt, (int64_t)i));
    }
}

static const struct kernels *next_isa(const char *const **name)
{
    for (; **name; (*name)++)
        if (kernels_isa(**name)) return kernels_isa(*(*name)++);
    return NULL;
}

/* ---- gemm ---- */

struct shape {
    int M, N, K;
    int64_t lda, ldb, ldc;
};

static struct shape shape(int M, int N, int K)
{
    return (struct shape){M, N, K, K + upto(3) - 1, N + upto(5) - 1, N + upto(5) - 1};
}

/* Packs B and computes C, whole or cut into four tiles. */
static void run(const struct kernels *k, struct gemm g, const void *src, int64_t ldb, bool cut)
{
    int nr = g.ab == DT_F32 ? k->nr_f32 : k->nr_bf16;
    memset(packed, 0xff, k->packed_bytes(g.ab, g.K, g.N));
    int n_cut = cut ? g.N / 2 / nr * nr : g.N, m_cut = cut ? g.M / 3 : g.M;
    k->pack_b(g.ab, packed, g.K, g.N, src, g.ab, ldb, false, 0, 0, n_cut);
    if (n_cut < g.N) k->pack_b(g.ab, packed, g.K, g.N, src, g.ab, ldb, false, 0, n_cut, g.N);
    g.Bp = packed;
    for (int i = 0; i < 4; i++) {
        int m0 = i & 1 ? m_cut : 0, m1 = i & 1 ? g.M : m_cut;
        int n0 = i & 2 ? n_cut : 0, n1 = i & 2 ? g.N : n_cut;
        if (m0 < m1 && n0 < n1) k->gemm(&g, m0, m1, n0, n1, ws);
    }
}

/* Runs a case on the reference and on every other ISA and compares all that was
 * written, and that nothing else was.  `out` is where C starts (NULL stays NULL). */
static void compare(struct gemm g, struct shape s, const char *what)
{
    size_t n = (size_t)((s.M - 1) * s.ldc + s.N) + 3, bytes = n * dtype_size(g.c);
    bool acts = g.act != ACT_NONE && !g.dact_in, in_place = (const void *)g.residual == C1;
    g.M = s.M;
    g.N = s.N;
    g.K = s.K;
    g.A = A;
    g.lda = s.lda;
    g.ldc = s.ldc;
    bool want_c = g.C != NULL;
    fill(C0, g.c, n, NORMAL);
    const char *const *name = kernels_isa_names();
    const struct kernels *ref = NULL;
    for (const struct kernels *k; (k = next_isa(&name));) {
        if (ref != kernels_reference(k)) {
            ref = kernels_reference(k);
            memcpy(C1, C0, bytes);
            memcpy(O1, C0, bytes);
            if (want_c) g.C = C1;
            if (acts) g.act_out = O1;
            if (in_place) g.residual = C1;
            run(ref, g, B, s.ldb, false);
        }
        memcpy(C2, C0, bytes);
        memcpy(O2, C0, bytes);
        if (want_c) g.C = C2;
        if (acts) g.act_out = O2;
        if (in_place) g.residual = C2;
        run(k, g, B, s.ldb, rnd() & 1);
        same(C1, C2, g.c, n, k->isa, what, s.M, s.N, s.K);
        same(O1, O2, g.c, n, k->isa, what, s.M, s.N, s.K);
    }
}

static void compare_plain(enum dtype ab, int M, int N, int K, enum values v)
{
    struct shape s = shape(M, N, K);
    fill(A, ab, (size_t)(s.lda * M), v);
    fill(B, ab, (size_t)(s.ldb * K), v);
    struct gemm g = {.ab = ab, .C = C1, .c = rnd() & 1 ? DT_F32 : DT_BF16};
    if (g.c == DT_F32) g.accumulate = rnd() & 1;
    compare(g, s, "plain");
}

static void reference_sums_are_right(void **state)
{
    (void)state;
    const struct kernels *k = kernels_isa("ref");
    for (int it = 0; it < 40; it++) {
        enum dtype ab = it & 1 ? DT_BF16 : DT_F32;
        struct shape s = shape(upto(9), upto(70), upto(90));
        fill(A, ab, (size_t)(s.lda * s.M), NORMAL);
        fill(B, ab, (size_t)(s.ldb * s.K), NORMAL);
        struct gemm g = {s.M, s.N, s.K, ab, A, s.lda, NULL, C1, s.ldc, DT_F32, false, NULL, ACT_NONE, NULL, NULL, NULL};
        run(k, g, B, s.ldb, false);
        for (int m = 0; m < s.M; m++)
            for (int n = 0; n < s.N; n++) {
                double sum = 0;
                for (int i = 0; i < s.K; i++)
                    sum += (double)get(A, ab, m * s.lda + i) * (double)get(B, ab, i * s.ldb + n);
                /* K roundings of partial sums <= K */
                double err = fabs(sum - (double)C1[m * s.ldc + n]), tol = s.K * (double)s.K * 6e-8;
                if (!(err <= tol)) fail_msg("M %d N %d K %d: error %g > %g", s.M, s.N, s.K, err, tol);
            }
    }
}

static void every_tail_gives_the_bits_of_the_reference(void **state)
{
    (void)state;
    for (int M = 1; M <= 34; M++)
        for (int N = 1; N <= 68; N++) compare_plain((M + N) & 1 ? DT_BF16 : DT_F32, M, N, upto(33), NORMAL);
    for (int K = 1; K <= 80; K++) {
        compare_plain(DT_F32, upto(20), upto(40), K, NORMAL);
        compare_plain(DT_BF16, upto(20), upto(40), K, NORMAL);
    }
}

static void cuts_between_cache_blocks_change_nothing(void **state)
{
    (void)state;
    static const int at[] = {168, 512, 1024, 2048}; /* around block sizes of rows, k, columns */
    for (size_t i = 0; i < COUNT_OF(at); i++)
        for (int d = -1; d <= 2; d++) {
            enum dtype dt = d & 1 ? DT_F32 : DT_BF16;
            compare_plain(dt, 15, 33, at[i] + d, NORMAL);
            compare_plain(dt, 3, at[i] + d, 20, NORMAL);
            compare_plain(dt, at[i] + d > 800 ? 340 : at[i] + d, 17, 9, NORMAL);
        }
}

static void a_sum_over_nothing_is_zero(void **state)
{
    (void)state;
    compare_plain(DT_F32, 15, 40, 0, NORMAL);
    compare_plain(DT_BF16, 15, 40, 0, NORMAL);
}

static void odd_values_follow_the_hardware(void **state)
{
    (void)state;
    for (int it = 0; it < 60; it++) {
        enum values v = it & 1 ? ANY_BITS : NEAR_DENORMAL;
        compare_plain(DT_BF16, upto(20), upto(70), it % 4 < 2 ? upto(12) : upto(80), v);
        compare_plain(DT_F32, upto(20), upto(70), upto(12), v);
    }
}

static void every_epilogue_gives_the_bits_of_the_reference(void **state)
{
    (void)state;
    for (int it = 0; it < 600; it++) {
        enum dtype ab = rnd() & 1 ? DT_F32 : DT_BF16, dt = rnd() & 1 ? DT_F32 : DT_BF16;
        struct shape s = shape(upto(18), upto(70), upto(20));
        if (it % 50 == 0) s = shape(180, 530, 270);
        size_t n = (size_t)(s.ldc * s.M);
        fill(A, ab, (size_t)(s.lda * s.M), NORMAL);
        fill(B, ab, (size_t)(s.ldb * s.K), NORMAL);
        fill(bias, DT_F32, (size_t)s.N, NORMAL);
        fill(R, DT_F32, n, NORMAL);
        fill(X, dt, n, NORMAL);
        struct gemm g = {.ab = ab, .C = C1, .c = dt};
        g.act = (enum act)(rnd() % (ACT_TANH + 1));
        if (rnd() & 1) g.bias = bias;
        if (g.act != ACT_NONE && (rnd() & 1)) g.dact_in = X;
        if (g.act != ACT_NONE && !g.dact_in && (rnd() & 1)) g.C = NULL;
        if (dt == DT_F32 && (rnd() & 1)) g.residual = rnd() & 1 && g.C ? C1 : R;
        compare(g, s, "epilogue");
    }
}

/* The order of the steps, element by element from the plain sums. */
static void the_epilogue_is_bias_gradient_residual_store_activation(void **state)
{
    (void)state;
    const struct kernels *k = kernels_isa("ref");
    struct shape s = {7, 70, 5, 5, 70, 70};
    fill(A, DT_F32, 35, NORMAL);
    fill(B, DT_F32, 350, NORMAL);
    fill(bias, DT_F32, 70, NORMAL);
    fill(R, DT_F32, 490, NORMAL);
    fill(X, DT_F32, 490, NORMAL);
    struct gemm plain = {.M = 7, .N = 70, .K = 5, .A = A, .lda = 5, .C = C0, .ldc = 70};
    run(k, plain, B, s.ldb, false);
    for (int way = 0; way < 16; way++) {
        struct gemm g = plain;
        g.C = C1;
        if (way & 1) g.bias = bias;
        if (way & 2) g.residual = R;
        if (way & 12) g.act = ACT_SILU;
        if (way & 4) g.dact_in = X;
        else if (way & 8) g.act_out = O1;
        run(k, g, B, s.ldb, false);
        for (int i = 0; i < 490; i++) {
            float v = C0[i], o;
            if (g.bias) v = v + bias[i % 70];
            if (g.dact_in) k->act_bwd(ACT_SILU, &v, &X[i], &v, 1);
            if (g.residual) v = v + R[i];
            same(&v, &C1[i], DT_F32, 1, "ref", "C", 7, 70, way);
            if (!g.act_out) continue;
            k->act(ACT_SILU, &o, &v, 1);
            same(&o, &O1[i], DT_F32, 1, "ref", "act_out", 7, 70, way);
        }
    }
}

static void expect_sum(double want, const char *who)
{
    if (fabs((double)C1[0] - want) > 0) fail_msg("%s sums %g, want %g", who, (double)C1[0], want);
}

/* 2^30 swallows a 1: the sum says in which order it was made. */
static void bf16_is_summed_in_pairs_or_in_tiles(void **state)
{
    (void)state;
    static const float row[4] = {0x1p30f, 1, -0x1p30f, 1}, ones[4] = {1, 1, 1, 1};
    struct gemm g = {.M = 1, .N = 1, .K = 4, .ab = DT_BF16, .A = A, .lda = 4, .C = C1, .ldc = 1, .c = DT_F32};
    const char *const *name = kernels_isa_names();
    for (const struct kernels *k; (k = next_isa(&name));) {
        k->bf16_from_f32((uint16_t *)A, row, 4);
        k->bf16_from_f32((uint16_t *)B, ones, 4);
        run(kernels_reference(k), g, B, 1, false);
        expect_sum(k->sums == SUMS_TILES ? 2 : 0, k->isa);
        run(k, g, B, 1, false);
        expect_sum(k->sums == SUMS_TILES ? 2 : 0, k->isa);
    }
    struct kernels tiles = {.sums = SUMS_TILES};
    run(kernels_reference(&tiles), g, B, 1, false);
    expect_sum(2, "tiles");
    if (!kernels_isa("avx512amx")) {
        print_message("skipped: AMX against its reference; this CPU has none, or the system does not give it\n");
        skip();
    }
}

/* A chain that is cut where chunks of tokens are. */
static void a_chain_may_be_cut_at_multiples_of_32(void **state)
{
    (void)state;
    const char *const *name = kernels_isa_names();
    for (const struct kernels *k; (k = next_isa(&name));)
        for (int it = 0; it < 20; it++) {
            enum dtype dt = it & 1 ? DT_F32 : DT_BF16;
            int cut = 32 * upto(3), M = upto(40), N = upto(70), K = cut + upto(70);
            fill(A, dt, (size_t)(M * K), NORMAL);
            fill(B, dt, (size_t)(K * N), NORMAL);
            struct gemm g = {.M = M, .N = N, .K = K, .ab = dt, .A = A, .lda = K, .C = C1, .ldc = N, .c = DT_F32};
            run(k, g, B, N, false);
            g.C = C2;
            g.K = cut;
            run(k, g, B, N, false);
            g.A = (const char *)A + (size_t)cut * dtype_size(dt);
            g.K = K - cut;
            g.accumulate = true;
            run(k, g, (const char *)B + (size_t)(cut * N) * dtype_size(dt), N, false);
            same(C1, C2, DT_F32, (size_t)(M * N), k->isa, "cut", M, N, K);
        }
}

/* ---- pack_b ---- */

/* Both orientations, both source types and any cut give one packed B. */
static void packing_depends_on_the_values_only(void **state)
{
    (void)state;
    const char *const *name = kernels_isa_names();
    for (const struct kernels *k; (k = next_isa(&name));)
        for (int it = 0; it < 200; it++) {
            enum dtype dt = it & 1 ? DT_BF16 : DT_F32;
            int K = upto(150), N = upto(100), nr = dt == DT_F32 ? k->nr_f32 : k->nr_bf16;
            int64_t ld = N + upto(4) - 1, ldt = K + upto(4) - 1;
            size_t bytes = k->packed_bytes(dt, K, N);
            fill(B, DT_BF16, (size_t)(ld * K), NORMAL);           /* values that both types have */
            k->f32_from_bf16(A, (uint16_t *)B, (size_t)(ld * K));
            for (int i = 0; i < K; i++)
                for (int j = 0; j < N; j++) {
                    ((uint16_t *)C0)[j * ldt + i] = ((uint16_t *)B)[i * ld + j];
                    C1[j * ldt + i] = A[i * ld + j];
                }
            void *want = R, *got = packed;
            memset(want, 0xff, bytes);
            k->pack_b(dt, want, K, N, B, DT_BF16, ld, false, 0, 0, N);
            for (int way = 1; way < 8; way++) {
                enum dtype src_dt = way & 1 ? DT_F32 : DT_BF16;
                bool trans = way & 2;
                const void *src = trans ? (way & 1 ? (void *)C1 : (void *)C0) : (way & 1 ? (void *)A : (void *)B);
                int64_t l = trans ? ldt : ld;
                memset(got, 0xff, bytes);
                if (way & 4) { /* two sources side by side, cut anywhere; the second in two calls */
                    int c = (int)(rnd() % (uint32_t)N), mid = (N - c) / 2 / nr * nr;
                    const char *second = (const char *)src + (trans ? c * l : c) * (int64_t)dtype_size(src_dt);
                    k->pack_b(dt, got, K, N, src, src_dt, l, trans, 0, 0, c);
                    k->pack_b(dt, got, K, N, second, src_dt, l, trans, c, 0, mid);
                    k->pack_b(dt, got, K, N, second, src_dt, l, trans, c, mid, N - c);
                } else {
                    k->pack_b(dt, got, K, N, src, src_dt, l, trans, 0, 0, N);
                }
                if (memcmp(want, got, bytes) != 0) fail_msg("%s way %d, K %d N %d %s", k->isa, way, K, N, dtype_name(dt));
            }
        }
}

static void packing_rounds_to_nearest_even(void **state)
{
    (void)state;
    const char *const *name = kernels_isa_names();
    for (const struct kernels *k; (k = next_isa(&name));)
        for (int it = 0; it < 20; it++) {
            int K = upto(90), N = upto(70);
            fill(A, DT_F32, (size_t)(K * N), ANY_BITS);
            for (int i = 0; i < K * N; i++) k->bf16_from_f32((uint16_t *)B + i, A + i, 1);
            size_t bytes = k->packed_bytes(DT_BF16, K, N);
            for (int trans = 0; trans < 2; trans++) {
                k->pack_b(DT_BF16, packed, K, N, A, DT_F32, trans ? K : N, trans, 0, 0, N);
                k->pack_b(DT_BF16, R, K, N, B, DT_BF16, trans ? K : N, trans, 0, 0, N);
                if (memcmp(R, packed, bytes) != 0) fail_msg("%s trans %d, K %d N %d", k->isa, trans, K, N);
            }
        }
}

/* ---- gemm_tn ---- */

static float leaf_sum(const struct gemm_tn *g, int m, int n, int leaf)
{
    float sum = 0;
    for (int64_t k = (int64_t)leaf * g->leaf; k < (int64_t)(leaf + 1) * g->leaf; k++)
        sum = fmaf(((const float *)g->A)[k * g->lda + m], ((const float *)g->B)[k * g->ldb + n], sum);
    return sum;
}

static float tree_sum(const struct gemm_tn *g, int m, int n, int leaf0, int n_leaves)
{
    if (n_leaves == 1) return leaf_sum(g, m, n, leaf0);
    float left = tree_sum(g, m, n, leaf0, n_leaves / 2);
    return left + tree_sum(g, m, n, leaf0 + n_leaves / 2, n_leaves / 2);
}

static void leaves_are_added_as_a_binary_tree(void **state)
{
    (void)state;
    const struct kernels *k = kernels_isa("ref");
    for (int leaves = 1; leaves <= 16; leaves *= 2)
        for (int acc = 0; acc < 2; acc++) {
            struct gemm_tn g = {5, 70, 3 * leaves, 3, DT_F32, DT_F32, A, B, 6, 71, C1, 72, acc, false, NULL, 0};
            fill(A, DT_F32, (size_t)(g.K * g.lda), NORMAL);
            fill(B, DT_F32, (size_t)(g.K * g.ldb), NORMAL);
            fill(C0, DT_F32, (size_t)(g.M * g.ldc), NORMAL);
            memcpy(C1, C0, (size_t)(g.M * g.ldc) * sizeof(float));
            k->gemm_tn(&g, 0, g.M, 0, g.N, ws);
            for (int m = 0; m < g.M; m++)
                for (int n = 0; n < g.N; n++) {
                    float want = tree_sum(&g, m, n, 0, leaves), got = C1[m * g.ldc + n];
                    if (acc) want = C0[m * g.ldc + n] + want;
                    if (memcmp(&want, &got, sizeof got) != 0)
                        fail_msg("leaves %d: %a, want %a", leaves, (double)got, (double)want);
                }
        }
}

/* C1 of the reference of k, unless *ref is that one already; then C is C2. */
static void ref_tn(struct gemm_tn *g, const struct kernels *k, const struct kernels **ref, int M, int N, size_t n)
{
    if (*ref != kernels_reference(k)) {
        *ref = kernels_reference(k);
        memcpy(C1, C0, n * sizeof *C1);
        g->C = C1;
        (*ref)->gemm_tn(g, 0, M, 0, N, ws);
    }
    g->C = C2;
}

static void compare_tn(enum dtype dt, int M, int N, int leaf, int leaves, bool accumulate, bool chain)
{
    struct gemm_tn g = {M,           N,           leaf * leaves, leaf, dt,   dt, A, B, M + upto(3) - 1, N + upto(3) - 1,
                        C1, N + upto(4) - 1, accumulate, chain, NULL, 0};
    size_t n = (size_t)((M - 1) * g.ldc + N) + 3;
    assert_true(g.K * g.lda < BUF && g.K * g.ldb < BUF && n < BUF);
    fill(A, dt, (size_t)(g.K * g.lda), NORMAL);
    fill(B, dt, (size_t)(g.K * g.ldb), NORMAL);
    fill(C0, DT_F32, n, NORMAL);
    const char *const *name = kernels_isa_names();
    const struct kernels *ref = NULL;
    for (const struct kernels *k; (k = next_isa(&name));) {
        ref_tn(&g, k, &ref, M, N, n);
        memcpy(C2, C0, n * sizeof *C2);
        int nr = dt == DT_F32 ? k->nr_f32 : k->nr_bf16, n_cut = N / 2 / nr * nr, m_cut = M / 3;
        if (m_cut > 0 && n_cut > 0 && (rnd() & 1)) {
            k->gemm_tn(&g, 0, m_cut, 0, n_cut, ws);
            k->gemm_tn(&g, 0, m_cut, n_cut, N, ws);
            k->gemm_tn(&g, m_cut, M, 0, n_cut, ws);
            k->gemm_tn(&g, m_cut, M, n_cut, N, ws);
        } else {
            k->gemm_tn(&g, 0, M, 0, N, ws);
        }
        same(C1, C2, DT_F32, n, k->isa, "tn", M, N, g.K);
    }
}

static void tn_gives_the_bits_of_the_reference(void **state)
{
    (void)state;
    for (int M = 1; M <= 30; M++)
        for (int N = 1; N <= 66; N += upto(4)) {
            int leaves = 1 << rnd() % 5;
            compare_tn(N & 1 ? DT_F32 : DT_BF16, M, N, upto(leaves > 4 ? 5 : 20), leaves, rnd() & 1, false);
            compare_tn(M & 1 ? DT_F32 : DT_BF16, M, N, upto(30), 1, false, true);
        }
    /* leaves around the block size; many small ones; tiles cut by tall trees */
    for (int i = 0; i < 2; i++) {
        enum dtype dt = i ? DT_BF16 : DT_F32;
        compare_tn(dt, 17, 40, 255, 4, false, false);
        compare_tn(dt, 17, 40, 256, 4, true, false);
        compare_tn(dt, 17, 40, 257, 4, false, false);
        compare_tn(dt, 17, 40, 601, 2, false, false);
        compare_tn(dt, 17, 40, 1500, 1, false, true);
        compare_tn(dt, 15, 33, 1, 2048, true, false);
        compare_tn(dt, 15, 33, 7, 1024, false, false);
        compare_tn(dt, 405, 40, 5, 2, true, false);
        compare_tn(dt, 20, 530, 130, 8, false, false);
    }
}

/* Ragged leaves: against ref, and leaves of one length against the plain form. */
static void compare_cuts(enum dtype dt, int M, int N, const int32_t *cuts, int leaves, bool accumulate)
{
    struct gemm_tn g = {.M = M, .N = N, .cuts = cuts, .n_leaves = leaves, .a = dt, .b = dt, .A = A, .B = B, .lda = M + 1,
                        .ldb = N + 2, .C = C1, .ldc = N, .accumulate = accumulate};
    size_t n = (size_t)(M * N), rows = (size_t)cuts[leaves];
    assert_true(rows * (size_t)g.lda < BUF && rows * (size_t)g.ldb < BUF);
    fill(A, dt, rows * (size_t)g.lda, NORMAL);
    fill(B, dt, rows * (size_t)g.ldb, NORMAL);
    fill(C0, DT_F32, n, NORMAL);
    const char *const *name = kernels_isa_names();
    const struct kernels *ref = NULL;
    for (const struct kernels *k; (k = next_isa(&name));) {
        ref_tn(&g, k, &ref, M, N, n);
        memcpy(C2, C0, n * sizeof *C2);
        k->gemm_tn(&g, 0, M, 0, N, ws);
        same(C1, C2, DT_F32, n, k->isa, "tn with cuts", M, N, (int)rows);
    }
    int leaf = cuts[1] - cuts[0];
    bool even = cuts[0] == 0 && leaf > 0;
    for (int i = 1; i < leaves; i++) even = even && cuts[i + 1] - cuts[i] == leaf;
    if (!even) return;
    g.cuts = NULL;
    g.K = leaf * leaves;
    g.leaf = leaf;
    memcpy(C2, C0, n * sizeof *C2);
    ref->gemm_tn(&g, 0, M, 0, N, ws);
    same(C1, C2, DT_F32, n, "ref", "even cuts", M, N, g.K);
}

static void leaves_may_differ_in_length(void **state)
{
    (void)state;
    static const int32_t cuts[][9] = {{0, 5, 10, 15, 20, 25, 30, 35, 40}, {3, 3, 10, 11, 300, 300, 300, 301, 420},
                                      {0, 0, 0, 0, 0, 0, 0, 0, 7},        {2, 260, 260, 517, 518, 520, 521, 522, 523}};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++)
        for (int leaves = 1; leaves <= 8; leaves *= 2)
            for (int dt = 0; dt < 2; dt++) {
                compare_cuts(dt ? DT_BF16 : DT_F32, 17, 70, cuts[i], leaves, false);
                compare_cuts(dt ? DT_BF16 : DT_F32, 1, 33, cuts[i], leaves, true);
            }
}

static void the_table_is_the_strongest_that_the_cpu_has(void **state)
{
    (void)state;
    const char *const *name = kernels_isa_names();
    const struct kernels *last = NULL, *k;
    assert_string_equal(*name, "ref");
    while ((k = next_isa(&name))) last = k;
    if (!getenv("LLMCTL_ISA")) assert_ptr_equal(kernels_get(), last);
    assert_null(kernels_isa("avx9000"));
}

static void auto_is_bf16_where_that_is_faster(void **state)
{
    (void)state;
    static const struct {
        enum bf16_speed speed;
        enum dtype products, decoding;
    } want[] = {{BF16_EMULATED, DT_F32, DT_F32}, {BF16_SLOW, DT_F32, DT_BF16}, {BF16_FAST, DT_BF16, DT_BF16}};
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        struct kernels k = {.bf16 = want[i].speed};
        assert_int_equal(kernels_auto_dtype(&k, false), want[i].products);
        assert_int_equal(kernels_auto_dtype(&k, true), want[i].decoding);
    }
    assert_int_equal(kernels_isa("ref")->bf16, BF16_EMULATED);
    const struct kernels *k = kernels_isa("avx512bf16");
    if (!k) skip();
    assert_int_equal(k->bf16, __builtin_cpu_is("intel") ? BF16_SLOW : BF16_FAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_the_strongest_that_the_cpu_has),
        cmocka_unit_test(auto_is_bf16_where_that_is_faster),
        cmocka_unit_test(reference_sums_are_right),
        cmocka_unit_test(every_tail_gives_the_bits_of_the_reference),
        cmocka_unit_test(cuts_between_cache_blocks_change_nothing),
        cmocka_unit_test(a_sum_over_nothing_is_zero),
        cmocka_unit_test(odd_values_follow_the_hardware),
        cmocka_unit_test(bf16_is_summed_in_pairs_or_in_tiles),
        cmocka_unit_test(a_chain_may_be_cut_at_multiples_of_32),
        cmocka_unit_test(the_epilogue_is_bias_gradient_residual_store_activation),
        cmocka_unit_test(every_epilogue_gives_the_bits_of_the_reference),
        cmocka_unit_test(packing_depends_on_the_values_only),
        cmocka_unit_test(packing_rounds_to_nearest_even),
        cmocka_unit_test(leaves_are_added_as_a_binary_tree),
        cmocka_unit_test(tn_gives_the_bits_of_the_reference),
        cmocka_unit_test(leaves_may_differ_in_length),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
