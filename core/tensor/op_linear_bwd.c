#include <string.h>

#include "core/tensor/colsum.h"
#include "core/tensor/op_act.h"
#include "core/tensor/op_linear.h"

/* One node.  Phase 0 computes dW and db and packs the weights for dx, phase 1
 * is the product for dx.  When x = act(pre) of another linear (fused) and too
 * large to be kept, phase 1 computes it again from pre, tile by tile, and dW
 * follows in phase 2. */
struct linear_bwd {
    const struct linear *fwd;
    enum act act;            /* of the linear that made x, when fused */
    bool again;              /* x is computed again */
    struct tiling dw[3], dx;
    int n_dw, dw_at[4];      /* slices of weights: all, and the first of each */
    int n_db, db_at[4];      /* column blocks of biases */
    int pack_cols;
    size_t at_x;             /* x in the workspace, when computed again */
};

enum { BWD_DY, BWD_X, BWD_W, BWD_PRE = BWD_W + 3 }; /* X: pre, when x is computed again */

static int nr_of(const struct kernels *k, enum dtype dt)
{
    return dt == DT_BF16 ? k->nr_bf16 : k->nr_f32;
}

/* Tiles of the weights' gradients and column blocks of the biases'. */
static void plan_params(struct node *n, const struct kernels *k, int n_threads)
{
    struct linear_bwd *a = n->attr;
    const struct linear *f = a->fwd;
    int N = (int)n->in[BWD_X]->dim[0], C = (int)n->in[BWD_X]->dim[1];
    for (int i = 0; i < 3; i++) {
        int tiles = 0, blocks = n->grad[3 + i] ? (int)div_up(f->O[i], COLSUM_WIDTH) : 0;
        if (n->grad[i]) {
            a->dw[i] = tile_gradient(k, n->in[BWD_X]->dtype, f->O[i], C, n_threads);
            tiles = a->dw[i].nm * a->dw[i].nn;
            n->flops += 2.0 * N * C * f->O[i];
        }
        a->dw_at[i + 1] = a->dw_at[i] + tiles;
        a->db_at[i + 1] = a->db_at[i] + blocks;
    }
    a->n_dw = a->dw_at[3];
    a->n_db = a->db_at[3];
}

static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct kernels *k = kernels_get();
    struct linear_bwd *a = n->attr;
    const struct linear *f = a->fwd;
    const struct tensor *x = n->in[BWD_X];
    int N = (int)x->dim[0], C = (int)x->dim[1], nr = nr_of(k, x->dtype);
    n->tws_bytes = k->gemm_ws_bytes;
    plan_params(n, k, g->n_threads);
    if (!n->out[0]) return node_phases(g, n, 1, (int[]){a->n_dw + a->n_db}, e);

    a->pack_cols = (int)div_up(min_i64(slice_items(C, f->O_all, g->n_threads), 256), nr) * nr;
    a->dx = tile_product(k, x->dtype, N, C, g->n_threads);
    n->flops += 2.0 * N * C * f->O_all;
    n->ws_bytes = (k->packed_bytes(x->dtype, f->O_all, C) + 63) & ~(size_t)63;
    a->at_x = n->ws_bytes;
    if (a->again && a->n_dw) n->ws_bytes += tensor_bytes(x);
    size_t stack = f->n > 1 ? (size_t)f->O_all * (size_t)a->pack_cols * sizeof(float) : 0;
    if (stack > n->tws_bytes) n->tws_bytes = stack;
    int first = a->n_db + (int)div_up(C, a->pack_cols), dx = a->dx.nm * a->dx.nn;
    if (a->again) return node_phases(g, n, a->n_dw ? 3 : 2, (int[]){first, dx, a->n_dw}, e);
    return node_phases(g, n, 2, (int[]){first + a->n_dw, dx}, e);
}

static void dw_tile(const struct node *n, const struct run *r, int i, int tile)
{
    const struct linear_bwd *a = n->attr;
    const struct tensor *dy = n->in[BWD_DY], *x = n->in[BWD_X];
    const struct grad_use *u = n->grad[i];
    const struct tiling *t = &a->dw[i];
    int N = (int)x->dim[0], O = a->fwd->O[i], C = (int)x->dim[1];
    struct gemm_tn p = {.M = O, .N = C, .K = N, .leaf = N / r->opts->leaves, .a = dy->dtype, .b = x->dtype,
                        .A = data_at(dy, a->fwd->col[i]), .B = a->again ? r->ws + a->at_x : x->data,
                        .lda = a->fwd->O_all, .ldb = C, .C = u->dst, .ldc = C, .accumulate = u->accumulate};
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

/* Rows [m0,m1), columns [c0,c1) of x = act(pre). */
static void recompute_x(const struct node *n, const struct run *r, int m0, int m1, int c0, int c1)
{
    const struct linear_bwd *a = n->attr;
    const struct tensor *pre = n->in[BWD_PRE];
    struct tensor x = {.dtype = pre->dtype, .data = r->ws + a->at_x};
    float tp[TILE_N], tx[TILE_N];
    for (int64_t m = m0; m < m1; m++) {
        int64_t at = m * pre->dim[1] + c0;
        float *dst = begin_row(&x, at, tx);
        r->k->act(a->act, dst, load_row(r->k, pre, at, c1 - c0, tp), (size_t)(c1 - c0));
        store_row(r->k, &x, at, c1 - c0, dst);
    }
}

static void dx_tile(const struct node *n, const struct run *r, int tile)
{
    const struct linear_bwd *a = n->attr;
    const struct tensor *dy = n->in[BWD_DY], *dx = n->out[0];
    int N = (int)dy->dim[0], O = a->fwd->O_all, C = (int)dx->dim[1];
    struct gemm p = {.M = N, .N = C, .K = O, .ab = dy->dtype, .A = dy->data, .lda = O, .Bp = r->ws, .C = dx->data,
                     .ldc = C, .c = dx->dtype, .accumulate = n->accumulate};
    int m0 = tile % a->dx.nm * a->dx.m, m1 = (int)min_i64(m0 + a->dx.m, N);
    int c0 = tile / a->dx.nm * a->dx.n, c1 = (int)min_i64(c0 + a->dx.n, C);
    if (n->in[BWD_PRE]) {
        p.act = a->act;
        p.dact_in = n->in[BWD_PRE]->data;
        if (a->again && a->n_dw) recompute_x(n, r, m0, m1, c0, c1); /* first: dx may take the place of pre */
    }
    r->k->gemm(&p, m0, m1, c0, c1, r->tws);
}

static int find(const int at[4], int slice)
{
    int i = 0;
    while (slice >= at[i + 1]) i++;
    return i;
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    const struct linear_bwd *a = n->attr;
    int i, n_dw = (phase == 0) == !a->again ? a->n_dw : 0; /* weight tiles come first in their phase */
    if (phase == 1) {
        dx_tile(n, r, slice);
    } else if (slice < n_dw) {
        i = find(a->dw_at, slice);
        dw_tile(n, r, i, slice - a->dw_at[i]);
    } else if (slice < n_dw + a->n_db) {
        slice -= n_dw;
        i = find(a->db_at, slice);
        db_block(n, r, i, slice - a->db_at[i]);
    } else {
        pack_block(n, r, slice - n_dw - a->n_db);
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
    /* bf16: half the bytes, and half the time of the products that computing again adds to */
    int64_t weight = (int64_t)tensor_bytes(x) / (x->dtype == DT_BF16 ? 8 : 1);
    bool again = pre && weight > g->keep_bytes;
    struct tensor *values = again ? pre : grad_keep(g, x);
    struct node *n = a && values ? node_new(g, &linear_bwd_op, a) : NULL;
    if (!n) return;
    a->fwd = f;
    a->again = again;
    node_in(n, dz);
    node_in(n, values);
    for (int i = 0; i < 3; i++) node_in(n, fwd->in[LIN_W + i]);
    node_in(n, pre);
    for (int i = 0; i < f->n; i++) {
        n->grad[i] = grad_param(g, fwd->in[LIN_W + i]);
        n->grad[3 + i] = grad_param(g, fwd->in[LIN_B + i]);
        if (n->grad[i] || n->grad[3 + i]) n->effect = true;
    }
    if (pre) {
        a->act = ((const struct linear *)x->producer->attr)->act;
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
    dz = grad_cast(g, dz, n->in[LIN_X]->dtype);
    if (!dz) return;
    emit_bwd(g, n, dz);
    grad_pass(g, n->in[LIN_RESIDUAL], dy, true); /* last: from here on dy may be added to */
}
