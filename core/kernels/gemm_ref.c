/* The GEMM in plain loops: what every other one must equal bit for bit.
 * Packed B is B itself, row-major [K,N]. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/kernels/fill.h"
#include "core/kernels/gemm_impl.h"

enum { COLS = 64 }; /* sums kept at a time */

static const struct kernels *table;

static float f32_of(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static float flush(float x)
{
    return fabsf(x) < FLT_MIN ? copysignf(0.0f, x) : x;
}

/* FMA as the hardware does it with denormals-are-zero and flush-to-zero.  What
 * is tiny is decided after rounding to 24 bits of any exponent: a result that
 * fmaf rounded up to FLT_MIN may be a flushed one. */
static float fma_ftz(float x, float y, float z)
{
    x = flush(x);
    y = flush(y);
    z = flush(z);
    float r = flush(fmaf(x, y, z));
    if (fabsf(r) == FLT_MIN && fabs((double)x * (double)y + (double)z) < (double)FLT_MIN - 0x1p-151)
        return copysignf(0.0f, r);
    return r;
}

/* acc[i] += a * b[i], one step of each chain. */
static void step_f32(float *acc, float a, const float *b, int n)
{
    for (int i = 0; i < n; i++) acc[i] = fmaf(a, b[i], acc[i]);
}

/* One step of VDPBF16PS: the pair's second element first.  b1 NULL = zeros. */
static void step_bf16(float *acc, uint16_t a0, uint16_t a1, const uint16_t *b0, const uint16_t *b1, int n)
{
    for (int i = 0; i < n; i++) {
        acc[i] = fma_ftz(f32_of(a1), b1 ? f32_of(b1[i]) : 0.0f, acc[i]);
        acc[i] = fma_ftz(f32_of(a0), f32_of(b0[i]), acc[i]);
    }
}

/* acc[0..n) += sum over k < K of A[k*ak] * B[k*ldb + ..]. */
typedef void chain_fn(float *acc, const void *A, int64_t ak, const void *B, int64_t ldb, int K, int n);

static void chain_f32(float *acc, const void *A, int64_t ak, const void *B, int64_t ldb, int K, int n)
{
    const float *a = A, *b = B;
    for (int k = 0; k < K; k++) step_f32(acc, a[k * ak], b + k * ldb, n);
}

static void chain_pairs(float *acc, const void *A, int64_t ak, const void *B, int64_t ldb, int K, int n)
{
    const uint16_t *a = A, *b = B;
    int k = 0;
    for (; k + 2 <= K; k += 2) step_bf16(acc, a[k * ak], a[(k + 1) * ak], b + k * ldb, b + (k + 1) * ldb, n);
    if (k < K) step_bf16(acc, a[k * ak], 0, b + k * ldb, NULL, n);
}

/* TDPBF16PS: of each 32 elements along k the even ones' chain and the odd ones', both from 0; the last are filled up
 * with zeros, which matter: 0 * 0 added to a -0 gives +0. */
static void chain_tiles(float *acc, const void *A, int64_t ak, const void *B, int64_t ldb, int K, int n)
{
    enum { TILE = 32 };
    const uint16_t *a = A, *b = B;
    for (int k0 = 0; k0 < K; k0 += TILE)
        for (int i = 0; i < n; i++) {
            float sum[2] = {0, 0};
            for (int k = k0; k < k0 + TILE; k++) {
                float x = k < K ? f32_of(a[k * ak]) : 0.0f, y = k < K ? f32_of(b[k * ldb + i]) : 0.0f;
                sum[k & 1] = fma_ftz(x, y, sum[k & 1]);
            }
            acc[i] = flush(flush(acc[i]) + flush(sum[0] + sum[1]));
        }
}

static const void *at(const void *p, enum dtype dt, int64_t i)
{
    return (const char *)p + i * (int64_t)dtype_size(dt);
}

static size_t packed_bytes(enum dtype dt, int K, int N)
{
    return (size_t)K * (size_t)N * dtype_size(dt);
}

static void pack_one(enum dtype dt, void *dst, const void *src, enum dtype src_dt)
{
    float f;
    if (dt == src_dt) {
        memcpy(dst, src, dtype_size(dt));
    } else if (dt == DT_BF16) {
        memcpy(&f, src, sizeof f);
        table->bf16_from_f32(dst, &f, 1);
    } else {
        uint16_t h;
        memcpy(&h, src, sizeof h);
        f = f32_of(h);
        memcpy(dst, &f, sizeof f);
    }
}

static void pack_b(enum dtype dt, void *Bp, int K, int N, const void *src, enum dtype src_dt, int64_t ld, bool trans,
                   int col0, int n0, int n1)
{
    for (int k = 0; k < K; k++)
        for (int n = n0; n < n1; n++) {
            char *dst = (char *)Bp + ((int64_t)k * N + col0 + n) * (int64_t)dtype_size(dt);
            pack_one(dt, dst, at(src, src_dt, trans ? n * ld + k : k * ld + n), src_dt);
        }
}

static void product(chain_fn *chain, const struct gemm *g, int m0, int m1, int n0, int n1)
{
    float acc[COLS];
    for (int m = m0; m < m1; m++)
        for (int n = n0; n < n1; n += COLS) {
            int len = n1 - n < COLS ? n1 - n : COLS;
            memset(acc, 0, sizeof acc);
            if (g->accumulate) memcpy(acc, (float *)g->C + m * g->ldc + n, (size_t)len * sizeof *acc);
            chain(acc, at(g->A, g->ab, m * g->lda), 1, at(g->Bp, g->ab, n), g->N, g->K, len);
            gemm_finish_row(table, g, acc, m, n, len);
        }
}

/* The tree of leaves as a binary counter: slot i holds the sum of 2^j leaves,
 * and two of a size are added, the earlier on the left. */
static void tn_row(chain_fn *chain, const struct gemm_tn *g, int m, int n, int len)
{
    float slot[32][COLS];
    float *c = g->C + m * g->ldc + n;
    int top = 0;
    int leaves = g->cuts ? g->n_leaves : g->K / g->leaf;
    for (int leaf = 0; leaf < leaves; leaf++) {
        int64_t k = g->cuts ? g->cuts[leaf] : (int64_t)leaf * g->leaf;
        int rows = g->cuts ? g->cuts[leaf + 1] - g->cuts[leaf] : g->leaf;
        memset(slot[top], 0, sizeof slot[top]);
        if (g->chain) memcpy(slot[top], c, (size_t)len * sizeof *c);
        chain(slot[top], at(g->A, g->a, k * g->lda + m), g->lda, at(g->B, g->b, k * g->ldb + n), g->ldb, rows, len);
        for (int bits = leaf; bits & 1; bits >>= 1, top--)
            for (int i = 0; i < len; i++) slot[top - 1][i] = slot[top - 1][i] + slot[top][i];
        top++;
    }
    for (int i = 0; i < len; i++) c[i] = g->accumulate && !g->chain ? c[i] + slot[0][i] : slot[0][i];
}

static void product_tn(chain_fn *chain, const struct gemm_tn *g, int m0, int m1, int n0, int n1)
{
    for (int m = m0; m < m1; m++)
        for (int n = n0; n < n1; n += COLS) tn_row(chain, g, m, n, n1 - n < COLS ? n1 - n : COLS);
}

static void gemm(const struct gemm *g, int m0, int m1, int n0, int n1, void *ws)
{
    (void)ws;
    product(g->ab == DT_F32 ? chain_f32 : chain_pairs, g, m0, m1, n0, n1);
}

static void gemm_tn(const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws)
{
    (void)ws;
    product_tn(g->a == DT_F32 ? chain_f32 : chain_pairs, g, m0, m1, n0, n1);
}

static void tiles_gemm(const struct gemm *g, int m0, int m1, int n0, int n1, void *ws)
{
    (void)ws;
    product(g->ab == DT_F32 ? chain_f32 : chain_tiles, g, m0, m1, n0, n1);
}

static void tiles_gemm_tn(const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws)
{
    (void)ws;
    product_tn(g->a == DT_F32 ? chain_f32 : chain_tiles, g, m0, m1, n0, n1);
}

void kernels_fill_gemm_ref(struct kernels *k)
{
    table = k;
    k->mr_f32 = k->mr_bf16 = 8;
    k->nr_f32 = k->nr_bf16 = 16;
    k->gemm_ws_bytes = 64;
    k->packed_bytes = packed_bytes;
    k->pack_b = pack_b;
    k->gemm = gemm;
    k->gemm_tn = gemm_tn;
}

void kernels_fill_gemm_ref_tiles(struct kernels *k)
{
    k->sums = SUMS_TILES;
    k->gemm = tiles_gemm;
    k->gemm_tn = tiles_gemm_tn;
}
