#include "core/train/muon.h"

#include <math.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/kernels/kernels.h"

#define NS_STEPS 5
static const float NS_A = 3.4445f, NS_B = -4.7750f, NS_C = 2.0315f;

static float *floats(int64_t n, struct muon_ws *w)
{
    size_t bytes;
    if (!ck_mul((size_t)n, sizeof(float), &bytes)) return NULL;
    w->bytes += (int64_t)bytes;
    return mem_alloc_aligned(bytes);
}

int muon_ws_init(struct muon_ws *w, int64_t max_r, int64_t max_c, int64_t max_n, struct err *e)
{
    const struct kernels *k = kernels_get();
    memset(w, 0, sizeof *w);
    w->x = floats(max_n, w);
    w->y = floats(max_n, w);
    w->a = floats(max_r * max_r, w);
    w->b = floats(max_r * max_r, w);
    /* Packed are X^T [c, r] and X [r, c]: panels pad the width, so take the
     * larger of both at the largest sizes. */
    size_t tall = k->packed_bytes(DT_F32, (int)max_c, (int)max_r);
    size_t wide = k->packed_bytes(DT_F32, (int)max_r, (int)max_c);
    size_t packed = tall > wide ? tall : wide;
    w->packed = mem_alloc_aligned(packed);
    w->gemm = mem_alloc_aligned(k->gemm_ws_bytes);
    w->bytes += (int64_t)(packed + k->gemm_ws_bytes);
    if (w->x && w->y && w->a && w->b && w->packed && w->gemm) return 0;
    muon_ws_free(w);
    return err_oom(e, (unsigned long long)w->bytes, "Muon's workspace");
}

void muon_ws_free(struct muon_ws *w)
{
    mem_free_aligned(w->x);
    mem_free_aligned(w->y);
    mem_free_aligned(w->a);
    mem_free_aligned(w->b);
    mem_free_aligned(w->packed);
    mem_free_aligned(w->gemm);
    w->x = w->y = w->a = w->b = NULL;
    w->packed = w->gemm = NULL;
}

/* C[M,N] (+)= A[M,K] B, B[K,N] given row-major, or as its transpose [N,K]. */
static void product(struct muon_ws *w, float *C, const float *A, const float *B, bool trans, int M,
                    int N, int K, bool accumulate)
{
    const struct kernels *k = kernels_get();
    k->pack_b(DT_F32, w->packed, K, N, B, DT_F32, trans ? K : N, trans, 0, 0, N);
    struct gemm g = {.M = M, .N = N, .K = K, .ab = DT_F32, .A = A, .lda = K, .Bp = w->packed,
                     .C = C, .ldc = N, .c = DT_F32, .accumulate = accumulate};
    k->gemm(&g, 0, M, 0, N, w->gemm);
}

static void transpose(float *y, const float *x, int64_t rows, int64_t cols)
{
    for (int64_t i0 = 0; i0 < rows; i0 += 32)
        for (int64_t j0 = 0; j0 < cols; j0 += 32)
            for (int64_t i = i0; i < rows && i < i0 + 32; i++)
                for (int64_t j = j0; j < cols && j < j0 + 32; j++) y[j * rows + i] = x[i * cols + j];
}

/* Rows in order, in double: |x| over n elements. */
static double norm(const float *x, int64_t rows, int64_t cols)
{
    double s = 0;
    for (int64_t i = 0; i < rows; i++) s += (double)kernels_get()->sumsq(x + i * cols, (size_t)cols);
    return sqrt(s);
}

/* Brings the singular values of x [r, c], r <= c, near one.  Result in w->x. */
static void newton_schulz(struct muon_ws *w, int r, int c)
{
    const struct kernels *k = kernels_get();
    size_t n = (size_t)r * (size_t)c, nn = (size_t)r * (size_t)r;
    k->scale(w->x, (float)(1 / (norm(w->x, r, c) + 1e-7)), w->x, n);
    for (int i = 0; i < NS_STEPS; i++) {
        product(w, w->a, w->x, w->x, true, r, r, c, false);
        /* b = NS_B A + (NS_C A) A; y = NS_A X + b X */
        k->scale(w->b, NS_B, w->a, nn);
        float *ca = w->y;
        k->scale(ca, NS_C, w->a, nn);
        product(w, w->b, ca, w->a, false, r, r, r, true);
        k->scale(w->y, NS_A, w->x, n);
        product(w, w->y, w->b, w->x, false, r, c, r, true);
        float *t = w->x;
        w->x = w->y;
        w->y = t;
    }
}

void muon_update(struct muon_ws *w, float *p, float *m, const float *g, int64_t rows, int64_t cols,
                 float gscale, double lr, double mu, double wd)
{
    bool tall = rows > cols;
    int64_t n = rows * cols;
    float w1 = (float)(1 - mu);
    float *u = tall ? w->y : w->x;
    for (int64_t i = 0; i < n; i++) {
        float gi = g[i] * gscale;
        m[i] += w1 * (gi - m[i]);
        u[i] = m[i] + w1 * (gi - m[i]); /* lerp from m's side, as torch does for weights >= 1/2 */
    }
    if (tall) transpose(w->x, w->y, rows, cols);
    newton_schulz(w, (int)(tall ? cols : rows), (int)(tall ? rows : cols));
    const float *x = w->x;
    if (tall) {
        transpose(w->y, w->x, cols, rows);
        x = w->y;
    }
    double step = lr * sqrt(rows > cols ? (double)rows / (double)cols : 1);
    float decay = (float)(1 - lr * wd), s = (float)-step;
    for (int64_t i = 0; i < n; i++) p[i] = p[i] * decay + s * x[i];
}
