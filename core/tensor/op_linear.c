#include "core/tensor/op_linear.h"

#include <string.h>

/* ---- tiles ---- */

static int gcd(int a, int b)
{
    return b ? gcd(b, a % b) : a;
}

/* With AMX rows go by 32 and the last few cost nearly as much; other microkernels share them out evenly. */
int whole_rows(const struct kernels *k, enum dtype dt, int64_t rows, int most)
{
    int whole = dt == DT_BF16 && k->sums == SUMS_TILES ? k->mr_bf16 : 1;
    return (int)min_i64(div_up(rows, whole) * whole, most / whole * whole);
}

/* Few tiles: their number becomes a multiple of the threads. */
static struct tiling balance(struct tiling t, const struct kernels *k, enum dtype dt, int M, int N, int n_threads)
{
    int nr = dt == DT_BF16 ? k->nr_bf16 : k->nr_f32;
    t.m = whole_rows(k, dt, t.m, t.m);
    t.n = t.n / nr * nr;
    t.nn = (int)div_up(N, t.n);
    t.n = (int)div_up(div_up(N, t.nn), nr) * nr;
    t.nn = (int)div_up(N, t.n);
    t.nm = (int)div_up(M, t.m);
    if (t.nm * t.nn < 64 * n_threads) { /* (one tile over costs 1/64 of the time then) */
        int step = n_threads / gcd(n_threads, t.nn);
        t.nm = (int)div_up(t.nm, step) * step;
    }
    t.m = whole_rows(k, dt, div_up(M, t.nm), t.m);
    t.nm = (int)div_up(M, t.m);
    return t;
}

struct tiling tile_product(const struct kernels *k, enum dtype dt, int M, int N, int n_threads)
{
    return balance((struct tiling){.m = TILE_M, .n = TILE_N}, k, dt, M, N, n_threads);
}

struct tiling tile_gradient(const struct kernels *k, enum dtype dt, int M, int N, int n_threads)
{
    bool twice = dt == DT_BF16 && k->sums == SUMS_TILES; /* see gemm_drive_tn.c */
    return balance((struct tiling){.m = twice ? 2 * TILE_GM : TILE_GM, .n = TILE_GN}, k, dt, M, N, n_threads);
}

/* ---- forward ---- */

/* Workspace: the packed weights, then the biases side by side. */
static size_t packed_bytes(const struct node *n, const struct kernels *k)
{
    const struct linear *a = n->attr;
    size_t bytes = k->packed_bytes(n->in[LIN_X]->dtype, (int)n->in[LIN_X]->dim[1], a->O_all);
    return (bytes + 63) & ~(size_t)63;
}

static bool has_bias(const struct node *n)
{
    return n->in[LIN_B] || n->in[LIN_B + 1] || n->in[LIN_B + 2];
}

static int linear_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct kernels *k = kernels_get();
    struct linear *a = n->attr;
    int64_t N = n->in[LIN_X]->dim[0], C = n->in[LIN_X]->dim[1];
    int nr = n->in[LIN_X]->dtype == DT_BF16 ? k->nr_bf16 : k->nr_f32;
    a->pack_cols = (int)div_up(slice_items(a->O_all, C, g->n_threads), nr) * nr;
    for (int i = 0; i < 3; i++)
        a->pack_at[i + 1] = a->pack_at[i] + (i < a->n ? (int)div_up(a->O[i], a->pack_cols) : 0);
    a->tiles = tile_product(k, n->in[LIN_X]->dtype, (int)N, a->O_all, g->n_threads);
    n->ws_bytes = packed_bytes(n, k) + (has_bias(n) ? (size_t)a->O_all * sizeof(float) : 0);
    n->tws_bytes = k->gemm_ws_bytes;
    n->flops = 2.0 * (double)N * (double)C * a->O_all;
    return node_phases(g, n, 2, (int[]){a->pack_at[3], a->tiles.nm * a->tiles.nn}, e);
}

static void gather_bias(const struct node *n, float *bias)
{
    const struct linear *a = n->attr;
    for (int i = 0; i < a->n; i++) {
        const struct tensor *b = n->in[LIN_B + i];
        if (b) memcpy(bias + a->col[i], b->data, (size_t)a->O[i] * sizeof *bias);
        else memset(bias + a->col[i], 0, (size_t)a->O[i] * sizeof *bias);
    }
}

static void pack_slice(const struct node *n, const struct run *r, int slice)
{
    const struct linear *a = n->attr;
    int i = 0, C = (int)n->in[LIN_X]->dim[1];
    while (slice >= a->pack_at[i + 1]) i++;
    int n0 = (slice - a->pack_at[i]) * a->pack_cols, n1 = (int)min_i64(n0 + a->pack_cols, a->O[i]);
    const struct tensor *w = n->in[LIN_W + i];
    r->k->pack_b(n->in[LIN_X]->dtype, r->ws, C, a->O_all, w->data, w->dtype, C, true, a->col[i], n0, n1);
    if (slice == 0 && has_bias(n)) gather_bias(n, (float *)(void *)(r->ws + packed_bytes(n, r->k)));
}

static void linear_run(const struct node *n, const struct run *r, int phase, int slice)
{
    if (phase == 0) {
        pack_slice(n, r, slice);
        return;
    }
    const struct linear *a = n->attr;
    const struct tensor *x = n->in[LIN_X], *y = n->out[LIN_Y];
    int M = (int)x->dim[0], K = (int)x->dim[1];
    struct gemm p = {.M = M, .N = a->O_all, .K = K, .ab = x->dtype, .A = x->data, .lda = K, .Bp = r->ws,
                     .ldc = a->O_all, .c = y->dtype, .act = a->act};
    if (a->act == ACT_NONE) p.C = y->data;
    else p.act_out = y->data, p.C = n->out[LIN_PRE] ? n->out[LIN_PRE]->data : NULL;
    if (has_bias(n)) p.bias = (const float *)(const void *)(r->ws + packed_bytes(n, r->k));
    if (n->in[LIN_RESIDUAL]) p.residual = n->in[LIN_RESIDUAL]->data;
    const struct tiling *t = &a->tiles;
    int m = slice % t->nm * t->m, c = slice / t->nm * t->n;
    r->k->gemm(&p, m, (int)min_i64(m + t->m, M), c, (int)min_i64(c + t->n, a->O_all), r->tws);
}

static const struct op linear_op = {
    .name = "linear", .plan = linear_plan, .run = linear_run, .vjp = linear_vjp};

/* ---- builder ---- */

static bool check_spec(struct graph *g, const struct tensor *x, const struct linear_spec *s)
{
    if (s->n < 1 || s->n > 3) {
        graph_fail(g, ERR_INTERNAL, "linear: %d weights", s->n);
        return false;
    }
    int64_t O = 0;
    for (int i = 0; i < s->n; i++) {
        if (!want_2d(g, "linear", s->w[i])) return false;
        if (s->w[i]->dim[1] != x->dim[1]) {
            graph_fail(g, ERR_CONFIG, "linear: '%s' takes width %lld, but '%s' has %lld", s->w[i]->name,
                       (long long)s->w[i]->dim[1], x->name, (long long)x->dim[1]);
            return false;
        }
        if (!want_vector(g, "linear", s->b[i], s->w[i]->dim[0])) return false;
        O += s->w[i]->dim[0];
    }
    if (O > INT32_MAX) {
        graph_fail(g, ERR_CONFIG, "linear: '%s' is too wide", s->w[0]->name);
        return false;
    }
    if (!s->residual) return true;
    if (s->act != ACT_NONE || s->residual->dtype != DT_F32 ||
        tensor_n(s->residual) != x->dim[0] * O) {
        graph_fail(g, ERR_CONFIG, "linear: '%s' cannot be added to the product with '%s'",
                   s->residual->name, s->w[0]->name);
        return false;
    }
    return true;
}

struct tensor *op_linear(struct graph *g, struct tensor *x, const struct linear_spec *s)
{
    if (!want_2d(g, "linear", x)) return NULL;
    for (int i = 0; i < s->n && i < 3; i++)
        if (!s->w[i]) return NULL;
    if (!check_spec(g, x, s)) return NULL;
    enum dtype cd = s->f32 ? DT_F32 : g->opts.compute;
    x = op_cast(g, x, cd);
    struct linear *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = x && a ? node_new(g, &linear_op, a) : NULL;
    if (!n) return NULL;
    a->n = s->n;
    a->act = s->act;
    node_in(n, x);
    for (int i = 0; i < 3; i++) node_in(n, i < s->n ? s->w[i] : NULL);
    for (int i = 0; i < 3; i++) node_in(n, i < s->n ? s->b[i] : NULL);
    node_in(n, s->residual);
    for (int i = 0; i < s->n; i++) {
        a->col[i] = a->O_all;
        a->O[i] = (int)s->w[i]->dim[0];
        a->O_all += a->O[i];
    }
    if (s->residual) n->inplace = LIN_RESIDUAL;
    enum dtype dt = s->residual || s->f32_out ? DT_F32 : cd;
    struct tensor *y = tensor_2d(g, dt, x->dim[0], a->O_all, s->w[0]->name);
    node_out(n, y);
    if (y && s->act != ACT_NONE && y->needs_grad)
        node_out(n, tensor_2d(g, dt, x->dim[0], a->O_all, "pre-activation"));
    return y;
}
