/* What happens to a row of sums, by the row kernels of the table, so that each
 * step is rounded the same way on every ISA. */
#include <string.h>

#include "core/kernels/gemm_impl.h"

bool gemm_sums_in_c(const struct gemm *g)
{
    if (g->accumulate) return true;
    return g->C && g->c == DT_F32 && (const void *)g->residual != g->C && g->dact_in != g->C;
}

static void scale_by_act_grad(const struct kernels *rows, const struct gemm *g, float *acc, int64_t at, int len)
{
    if (g->c == DT_F32) {
        rows->act_bwd(g->act, acc, (const float *)g->dact_in + at, acc, (size_t)len);
        return;
    }
    float x[256];
    for (int i = 0; i < len; i += 256) {
        size_t n = (size_t)(len - i < 256 ? len - i : 256);
        rows->f32_from_bf16(x, (const uint16_t *)g->dact_in + at + i, n);
        rows->act_bwd(g->act, acc + i, x, acc + i, n);
    }
}

static void store(const struct kernels *rows, void *base, enum dtype dt, int64_t at, const float *x, int len)
{
    if (dt == DT_BF16)
        rows->bf16_from_f32((uint16_t *)base + at, x, (size_t)len);
    else if ((float *)base + at != x)
        memcpy((float *)base + at, x, (size_t)len * sizeof *x);
}

/* C, and act_out = act(C), of C as it is stored: whoever computes act(C) again gets the same bits.  C itself is not
 * read back: its lines come from memory only now. */
static void store_act(const struct kernels *rows, const struct gemm *g, float *acc, int64_t at, int len)
{
    uint16_t tmp[256];
    for (int i = 0; i < len; i += 256) {
        size_t n = (size_t)(len - i < 256 ? len - i : 256);
        rows->bf16_from_f32(tmp, acc + i, n);
        if (g->C) memcpy((uint16_t *)g->C + at + i, tmp, n * sizeof *tmp);
        rows->f32_from_bf16(acc + i, tmp, n);
    }
    rows->act(g->act, acc, acc, (size_t)len);
    store(rows, g->act_out, g->c, at, acc, len);
}

void gemm_finish_row(const struct kernels *rows, const struct gemm *g, float *acc, int m, int n, int len)
{
    int64_t at = m * g->ldc + n;
    if (g->bias) rows->add(acc, acc, g->bias + n, (size_t)len);
    if (g->dact_in) scale_by_act_grad(rows, g, acc, at, len);
    if (g->residual) rows->add(acc, acc, g->residual + at, (size_t)len);
    bool act = g->act != ACT_NONE && !g->dact_in;
    if (act && g->c == DT_BF16) {
        store_act(rows, g, acc, at, len);
        return;
    }
    if (g->C) store(rows, g->C, g->c, at, acc, len);
    if (act) rows->act(g->act, (float *)g->act_out + at, acc, (size_t)len);
}
