#include <string.h>

#include "core/tensor/colsum.h"
#include "core/tensor/op_experts.h"

/* One phase: every expert's columns of dx, its tiles of dW and blocks of db. */
struct grouped_bwd {
    const struct grouped *fwd;
    int dx_cols, dx_blocks, db_blocks;
    struct tiling dw;
    int n_dx, n_dw;          /* slices of all experts */
    size_t at_panel;
};

enum { BWD_DY, BWD_X, BWD_BEGIN, BWD_W };

static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct kernels *k = kernels_get();
    struct grouped_bwd *a = n->attr;
    const struct grouped *f = a->fwd;
    const struct tensor *x = n->in[BWD_X];
    double flops = 2.0 * (double)x->dim[0] * f->O * f->C;
    a->at_panel = (k->gemm_ws_bytes + 63) & ~(size_t)63;
    n->tws_bytes = a->at_panel;
    a->n_dx = a->n_dw = 0;
    if (n->out[0]) {
        a->dx_cols = grouped_columns(k, x->dtype, f->O, f->C);
        a->dx_blocks = (int)div_up(f->C, a->dx_cols);
        a->n_dx = f->E * a->dx_blocks;
        n->tws_bytes += k->packed_bytes(x->dtype, f->O, a->dx_cols);
        n->flops += flops;
    }
    if (n->grad[0]) {
        a->dw = tile_gradient(k, x->dtype, f->O, f->C, g->n_threads);
        a->n_dw = f->E * a->dw.nm * a->dw.nn;
        n->flops += flops;
    }
    a->db_blocks = n->grad[1] ? (int)div_up(f->O, COLSUM_WIDTH) : 0;
    return node_phases(g, n, 1, (int[]){a->n_dx + a->n_dw + f->E * a->db_blocks}, e);
}

static void dx_slice(const struct node *n, const struct run *r, int slice)
{
    const struct grouped_bwd *a = n->attr;
    const struct grouped *f = a->fwd;
    const struct tensor *dy = n->in[BWD_DY], *w = n->in[BWD_W], *dx = n->out[0];
    int e = slice / a->dx_blocks, c0 = slice % a->dx_blocks * a->dx_cols, cols = (int)min_i64(a->dx_cols, f->C - c0);
    int first, end;
    expert_rows(n->in[BWD_BEGIN], e, r->opts->leaves, &first, &end);
    if (first == end) return;
    void *panel = r->tws + a->at_panel;
    r->k->pack_b(dy->dtype, panel, f->O, cols, data_at(w, (int64_t)e * f->O * f->C + c0), w->dtype, f->C, false, 0, 0, cols);
    struct gemm p = {.M = end - first, .N = cols, .K = f->O, .ab = dy->dtype, .A = data_at(dy, (int64_t)first * f->O),
                     .lda = f->O, .Bp = panel, .C = data_at(dx, (int64_t)first * f->C + c0), .ldc = f->C, .c = dx->dtype,
                     .accumulate = n->accumulate};
    r->k->gemm(&p, 0, end - first, 0, cols, r->tws);
}

static void zero(float *dst, int64_t ld, int64_t rows, int64_t cols)
{
    for (int64_t i = 0; i < rows; i++) memset(dst + i * ld, 0, (size_t)cols * sizeof *dst);
}

static void dw_slice(const struct node *n, const struct run *r, int slice)
{
    const struct grouped_bwd *a = n->attr;
    const struct grouped *f = a->fwd;
    const struct grad_use *u = n->grad[0];
    int tiles = a->dw.nm * a->dw.nn, e = slice / tiles, tile = slice % tiles, first, end;
    int m0 = tile % a->dw.nm * a->dw.m, m1 = (int)min_i64(m0 + a->dw.m, f->O);
    int c0 = tile / a->dw.nm * a->dw.n, c1 = (int)min_i64(c0 + a->dw.n, f->C);
    float *dst = u->dst + (int64_t)e * f->O * f->C;
    expert_rows(n->in[BWD_BEGIN], e, r->opts->leaves, &first, &end);
    if (first == end) {
        if (!u->accumulate) zero(dst + (int64_t)m0 * f->C + c0, f->C, m1 - m0, c1 - c0);
        return;
    }
    const int32_t *cuts = (const int32_t *)n->in[BWD_BEGIN]->data + (int64_t)e * r->opts->leaves;
    struct gemm_tn p = {.M = f->O, .N = f->C, .cuts = cuts, .n_leaves = r->opts->leaves, .a = n->in[BWD_DY]->dtype,
                        .b = n->in[BWD_X]->dtype, .A = n->in[BWD_DY]->data, .B = n->in[BWD_X]->data, .lda = f->O,
                        .ldb = f->C, .C = dst, .ldc = f->C, .accumulate = u->accumulate};
    r->k->gemm_tn(&p, m0, m1, c0, c1, r->tws);
}

static void db_slice(const struct node *n, const struct run *r, int slice)
{
    const struct grouped_bwd *a = n->attr;
    const struct grouped *f = a->fwd;
    const struct grad_use *u = n->grad[1];
    int e = slice / a->db_blocks, c0 = slice % a->db_blocks * COLSUM_WIDTH;
    const int32_t *cuts = (const int32_t *)n->in[BWD_BEGIN]->data + (int64_t)e * r->opts->leaves;
    colsum_cuts(r->k, u->dst + (int64_t)e * f->O + c0, u->accumulate, n->in[BWD_DY], c0,
                (int)min_i64(COLSUM_WIDTH, f->O - c0), cuts, r->opts->leaves);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct grouped_bwd *a = n->attr;
    if (slice < a->n_dx) dx_slice(n, r, slice);
    else if (slice < a->n_dx + a->n_dw) dw_slice(n, r, slice - a->n_dx);
    else db_slice(n, r, slice - a->n_dx - a->n_dw);
}

static const struct op grouped_bwd_op = {.name = "grouped_bwd", .plan = bwd_plan, .run = bwd_run};

void grouped_vjp(struct graph *g, struct node *n)
{
    struct tensor *x = n->in[GROUPED_X], *dy = grad_cast(g, n->out[0]->grad, g->opts.compute), *values = grad_keep(g, x);
    struct grouped_bwd *a = graph_zalloc(g, 1, sizeof *a);
    struct node *b = a && dy && values ? node_new(g, &grouped_bwd_op, a) : NULL;
    if (!b) return;
    a->fwd = n->attr;
    node_in(b, dy);
    node_in(b, values);
    node_in(b, n->in[GROUPED_BEGIN]);
    node_in(b, n->in[GROUPED_W]);
    b->grad[0] = grad_param(g, n->in[GROUPED_W]);
    b->grad[1] = grad_param(g, n->in[GROUPED_B]);
    b->effect = b->grad[0] || b->grad[1];
    if (x->needs_grad) node_out(b, grad_slot(g, x, &b->accumulate));
}
