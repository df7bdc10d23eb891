#include <string.h>

#include "core/tensor/colsum.h"
#include "core/tensor/op_act.h"
#include "core/tensor/op_linear.h"

/* One node: phase 0 computes dW and db and packs the weights for dx; phase 1
 * is the product for dx. */
struct linear_bwd {
    const struct linear *fwd;
    enum act dact;           /* of the linear that made x, fused; ACT_NONE = no */
    struct tiling dw[3], dx;
    int dw_at[4], db_at[4];  /* first slice of each weight's tiles, of each bias's column blocks */
    int pack_cols;
};

enum { BWD_DY, BWD_X, BWD_W, BWD_PRE = BWD_W + 3 };

static int nr_of(const struct kernels *k, enum dtype dt)
{
    return dt == DT_BF16 ? k->nr_bf16 : k->nr_f32;
}

static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct kernels *k = kernels_get();
    struct linear_bwd *a = n->attr;
    const struct linear *f = a->fwd;
    enum dtype dt = n->in[BWD_X]->dtype;
    int N = (int)n->in[BWD_X]->dim[0], C = (int)n->in[BWD_X]->dim[1], nr = nr_of(k, dt), n_pack = 0;
    n->tws_bytes = k->gemm_ws_bytes;
    for (int i = 0; i < 3; i++) {
        a->dw_at[i + 1] = a->dw_at[i];
        if (!n->grad[i]) continue;
        a->dw[i] = tile_gradient(f->O[i], C, nr, g->n_threads);
        a->dw_at[i + 1] += a->dw[i].nm * a->dw[i].nn;
        n->flops += 2.0 * N * C * f->O[i];
    }
    a->db_at[0] = a->dw_at[3];
    for (int i = 0; i < 3; i++)
        a->db_at[i + 1] = a->db_at[i] + (n->grad[3 + i] ? (int)div_up(f->O[i], COLSUM_WIDTH) : 0);
    int slices[2] = {a->db_at[3], 0};
    if (n->out[0]) {
        a->pack_cols = (int)div_up(min_i64(slice_items(C, f->O_all, g->n_threads), 256), nr) * nr;
        n_pack = (int)div_up(C, a->pack_cols);
        a->dx = tile_product(N, C, nr, g->n_threads);
        slices[0] += n_pack;
        slices[1] = a->dx.nm * a->dx.nn;
        n->ws_bytes = k->packed_bytes(dt, f->O_all, C);
        n->flops += 2.0 * N * C * f->O_all;
        size_t stack = f->n > 1 ? (size_t)f->O_all * (size_t)a->pack_cols * sizeof(float) : 0;
        if (stack > n->tws_bytes) n->tws_bytes = stack;
    }
    return node_phases(g, n, n->out[0] ? 2 : 1, slices, e);
}

static void dw_tile(const struct node *n, const struct run *r, int i, int tile)
{
    const struct linear_bwd *a = n->attr;
    const struct tensor *dy = n->in[BWD_DY], *x = n->in[BWD_X];
    const struct grad_use *u = n->grad[i];
    const struct tiling *t = &a->dw[i];
    int N = (int)x->dim[0], O = a->fwd->O[i], C = (int)x->dim[1];
    struct gemm_tn p = {.M = O, .N = C, .K = N, .leaf = N / r->opts->leaves, .a = dy->dtype, .b = x->dtype,
                        .A = data_at(dy, a->fwd->col[i]), .B = x->data, .lda = a->fwd->O_all, .ldb = C,
                        .C = u->dst, .ldc = C, .accumulate = u->accumulate};
    int m = tile % t->nm * t->m, c = tile / t->nm * t->n;
    r->k->gemm_tn(&p, m, (int)min_i64(m + t->m, O), c, (int)min_i64(c + t->n, C), r->tws);
}

static void db_block(const struct node *n, const struct run *r, int i, int block)
{
    const struct linear *f = ((const struct linear_bwd *)n->attr)->fwd;
    const struct grad_use *u = n->grad[3 + i];
    int c0 = block * COLSUM_WIDTH, width = (int)min_i64(COLSUM_WIDTH, f->O[i] - c0);
    colsum_rows(r->k, u->dst + c0, u->accumulate, n->in[BWD_DY], f->col[i] + c0, width, r->opts->leaves);
}

/* Columns [c0, c1) of the weights stacked along k. */
static void pack_block(const struct node *n, const struct run *r, int block)
{
    const struct linear_bwd *a = n->attr;
    const struct linear *f = a->fwd;
    enum dtype dt = n->in[BWD_X]->dtype, wt = n->in[BWD_W]->dtype;
    int C = (int)n->in[BWD_X]->dim[1], c0 = block * a->pack_cols, c1 = (int)min_i64(c0 + a->pack_cols, C);
    if (f->n == 1) {
        r->k->pack_b(dt, r->ws, f->O_all, C, n->in[BWD_W]->data, wt, C, false, 0, c0, c1);
        return;
    }
    size_t el = dtype_size(wt), width = (size_t)(c1 - c0) * el;
    char *stack = r->tws;
    for (int i = 0; i < f->n; i++)
        for (int64_t o = 0; o < f->O[i]; o++, stack += width)
            memcpy(stack, data_at(n->in[BWD_W + i], o * C + c0), width);
    r->k->pack_b(dt, r->ws, f->O_all, C, r->tws, wt, c1 - c0, false, c0, 0, c1 - c0);
}

static void dx_tile(const struct node *n, const struct run *r, int tile)
{
    const struct linear_bwd *a = n->attr;
    const struct tensor *dy = n->in[BWD_DY], *dx = n->out[0];
    int N = (int)dy->dim[0], O = a->fwd->O_all, C = (int)dx->dim[1];
    struct gemm p = {.M = N, .N = C, .K = O, .ab = dy->dtype, .A = dy->data, .lda = O, .Bp = r->ws, .C = dx->data,
                     .ldc = C, .c = dx->dtype, .accumulate = n->accumulate};
    if (n->in[BWD_PRE]) {
        p.act = a->dact;
        p.dact_in = n->in[BWD_PRE]->data;
    }
    int m = tile % a->dx.nm * a->dx.m, c = tile / a->dx.nm * a->dx.n;
    r->k->gemm(&p, m, (int)min_i64(m + a->dx.m, N), c, (int)min_i64(c + a->dx.n, C), r->tws);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    const struct linear_bwd *a = n->attr;
    int i = 0;
    if (phase == 1) {
        dx_tile(n, r, slice);
    } else if (slice < a->dw_at[3]) {
        while (slice >= a->dw_at[i + 1]) i++;
        dw_tile(n, r, i, slice - a->dw_at[i]);
    } else if (slice < a->db_at[3]) {
        while (slice >= a->db_at[i + 1]) i++;
        db_block(n, r, i, slice - a->db_at[i]);
    } else {
        pack_block(n, r, slice - a->db_at[3]);
    }
}

static const struct op linear_bwd_op = {.name = "linear_bwd", .plan = bwd_plan, .run = bwd_run};

/* x is act(z') of a linear and only read here: then z', else NULL. */
static struct tensor *fusable_pre(const struct tensor *x)
{
    struct node *p = x->producer;
    if (!p || p->op->vjp != linear_vjp || x->n_uses != 1 || p->n_out < 2 || x->grad) return NULL;
    return p->out[LIN_PRE];
}

static void emit_bwd(struct graph *g, struct node *fwd, struct tensor *dz)
{
    const struct linear *f = fwd->attr;
    struct tensor *x = fwd->in[LIN_X], *pre = x->needs_grad ? fusable_pre(x) : NULL;
    struct linear_bwd *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &linear_bwd_op, a) : NULL;
    if (!n) return;
    a->fwd = f;
    node_in(n, dz);
    node_in(n, x);
    for (int i = 0; i < 3; i++) node_in(n, fwd->in[LIN_W + i]);
    node_in(n, pre);
    for (int i = 0; i < f->n; i++) {
        n->grad[i] = grad_param(g, fwd->in[LIN_W + i]);
        n->grad[3 + i] = grad_param(g, fwd->in[LIN_B + i]);
        if (n->grad[i] || n->grad[3 + i]) n->effect = true;
    }
    if (pre) {
        a->dact = ((const struct linear *)x->producer->attr)->act;
        n->inplace = BWD_PRE;
        node_out(n, grad_slot(g, pre, &n->accumulate));
    } else if (x->needs_grad) {
        node_out(n, grad_slot(g, x, &n->accumulate));
    }
}

void linear_vjp(struct graph *g, struct node *n)
{
    const struct linear *f = n->attr;
    struct tensor *y = n->out[LIN_Y], *dy = y->grad, *dz = dy;
    if (f->act != ACT_NONE) {
        dz = n->out[LIN_PRE]->grad;
        if (!dz) dz = emit_act_bwd(g, f->act, n->out[LIN_PRE], dy);
    }
    dz = grad_cast(g, dz, g->opts.compute);
    if (!dz) return;
    emit_bwd(g, n, dz);
    grad_pass(g, n->in[LIN_RESIDUAL], dy, true); /* last: from here on dy may be added to */
}
