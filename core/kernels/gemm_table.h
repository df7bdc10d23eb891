/* gemm_table.h - the entries of the kernel table that an ISA with microkernels of
 * its own fills, around its `static struct gemm_core core`, which is declared
 * before.  Where it has none for f32, those products stay what they were. */
#ifndef CORE_KERNELS_GEMM_TABLE_H
#define CORE_KERNELS_GEMM_TABLE_H

#include "core/kernels/gemm_impl.h"

static void (*gemm_f32)(const struct gemm *g, int m0, int m1, int n0, int n1, void *ws);
static void (*gemm_tn_f32)(const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws);

static size_t packed_bytes(enum dtype dt, int K, int N)
{
    return gemm_packed_bytes(&core, dt, K, N);
}

static void pack_b(enum dtype dt, void *Bp, int K, int N, const void *src, enum dtype src_dt, int64_t ld, bool trans,
                   int col0, int n0, int n1)
{
    gemm_pack_b(&core, dt, Bp, K, N, src, src_dt, ld, trans, col0, n0, n1);
}

static void gemm(const struct gemm *g, int m0, int m1, int n0, int n1, void *ws)
{
    if (g->ab == DT_F32 && !core.mr_f32) {
        gemm_f32(g, m0, m1, n0, n1, ws);
        return;
    }
    gemm_drive(&core, g, m0, m1, n0, n1, ws);
    if (core.leave) core.leave();
}

static void gemm_tn(const struct gemm_tn *g, int m0, int m1, int n0, int n1, void *ws)
{
    if (g->a == DT_F32 && !core.mr_f32) {
        gemm_tn_f32(g, m0, m1, n0, n1, ws);
        return;
    }
    gemm_drive_tn(&core, g, m0, m1, n0, n1, ws);
    if (core.leave) core.leave();
}

static void fill_gemm(struct kernels *k)
{
    core.rows = k;
    gemm_f32 = k->gemm;
    gemm_tn_f32 = k->gemm_tn;
    if (core.mr_f32) k->mr_f32 = core.mr_f32;
    k->mr_bf16 = core.mr_bf16;
    k->nr_f32 = k->nr_bf16 = core.nr;
    k->gemm_ws_bytes = gemm_ws_bytes();
    k->packed_bytes = packed_bytes;
    k->pack_b = pack_b;
    k->gemm = gemm;
    k->gemm_tn = gemm_tn;
}

#endif
