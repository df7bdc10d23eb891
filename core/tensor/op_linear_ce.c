#include "core/tensor/op_linear_ce.h"

#include <math.h>
#include <string.h>

#include "core/tensor/colsum.h"
#include "core/tensor/op_linear.h"
#include "core/tensor/op_loss.h"

struct linear_ce {
    float label_smoothing, z_coef, softcap, logit_scale;
    bool grads;              /* backward was built */
    struct grad_use *dw, *db;

    /* plan */
    int64_t chunk;           /* tokens of a chunk */
    int64_t rows;            /* of f32 logits at a time */
    int n_threads;
    int64_t group;           /* tokens whose dW is one slot: a leaf or a chunk of leaves */
    int n_chunks, slots;     /* slots: dW sums waiting for their sibling in the tree */
    int fwd_cols, bwd_cols;  /* columns a packing slice */
    struct tiling dw_tiles;
    size_t at_dlogits, at_tokens, at_db, at_slots; /* in the workspace */
};

enum { IN_X, IN_W, IN_B, IN_TARGETS, IN_WEIGHTS };
enum { OUT_LOSS, OUT_DX };
enum { PACK, LOGITS, WEIGHT_GRAD, INPUT_GRAD, CHUNK_PHASES }; /* of each chunk; one more phase sums up */

struct chunk {
    int64_t first, n;        /* tokens */
};

static struct chunk chunk_at(const struct linear_ce *a, int64_t N, int i)
{
    int64_t per_group = div_up(a->group, a->chunk);
    int64_t start = i / per_group * a->group, first = start + i % per_group * a->chunk;
    return (struct chunk){first, min_i64(a->chunk, min_i64(start + a->group, N) - first)};
}

/* ---- plan ---- */

static void cut_chunks(struct linear_ce *a, const struct graph *g, int64_t N, int64_t row_bytes)
{
    int64_t leaf = N / g->opts.leaves, rows = max_i64((g->ce_budget ? g->ce_budget : CE_BUDGET) / row_bytes, 1);
    a->chunk = a->group = N;
    a->slots = 0;
    if (a->grads && rows < N) {
        int64_t leaves = 1;
        while (2 * leaves * leaf <= rows) leaves *= 2;
        a->group = leaves * leaf;
        a->chunk = rows >= leaf ? a->group : min_i64(max_i64(rows / CE_ROWS, 1) * CE_ROWS, leaf);
        for (int64_t n = N / a->group; n > 1; n /= 2) a->slots++;
    }
    a->n_chunks = (int)(N / a->group * div_up(a->group, a->chunk));
}

/* Bytes of the sums of dW that wait in the workspace. */
static size_t slot_bytes(const struct linear_ce *a, int64_t V, int64_t C)
{
    int slots = a->dw ? a->slots + (a->dw->use > 0 && a->n_chunks > 1) : 0;
    return (size_t)(slots * V * C) * sizeof(float);
}

/* One chunk after all, where its logit gradients take no more memory than the sums that chunks have waiting. */
static void join_chunks(struct linear_ce *a, int64_t N, int64_t V, int64_t C, int64_t row_bytes)
{
    if ((N - a->chunk) * row_bytes > (int64_t)slot_bytes(a, V, C)) return;
    a->chunk = a->group = N;
    a->slots = 0;
    a->n_chunks = 1;
}

/* Row blocks of the logits: the f32 rows of a slice fit CE_LOGITS. */
static int64_t logit_rows(const struct kernels *k, enum dtype dt, int64_t V, int64_t n, int n_threads)
{
    int64_t rows = max_i64(min_i64(CE_LOGITS / (V * (int64_t)sizeof(float)), TILE_M), 1);
    int64_t blocks = div_up(div_up(n, rows), n_threads) * n_threads;
    return whole_rows(k, dt, div_up(n, blocks), TILE_M);
}

/* Logits are computed in place of their gradients when those are f32. */
static bool in_place(const struct node *n)
{
    return ((const struct linear_ce *)n->attr)->grads && n->in[IN_X]->dtype == DT_F32;
}

static size_t add_bytes(size_t *total, size_t bytes)
{
    size_t at = *total;
    *total += (bytes + 63) & ~(size_t)63;
    return at;
}

static void plan_workspace(struct node *n, const struct kernels *k, int64_t leaves)
{
    struct linear_ce *a = n->attr;
    const struct tensor *x = n->in[IN_X];
    int64_t N = x->dim[0], C = x->dim[1], V = n->in[IN_W]->dim[0];
    size_t fwd = k->packed_bytes(x->dtype, (int)C, (int)V), bwd = k->packed_bytes(x->dtype, (int)V, (int)C);
    n->ws_bytes = 0;
    add_bytes(&n->ws_bytes, a->grads && bwd > fwd ? bwd : fwd);
    a->at_dlogits = add_bytes(&n->ws_bytes, a->grads ? (size_t)(a->chunk * V) * dtype_size(x->dtype) : 0);
    a->at_tokens = add_bytes(&n->ws_bytes, (size_t)N * 3 * sizeof(float));
    int64_t parts = a->db ? leaves * div_up(N / leaves, CE_ROWS) : 0;
    a->at_db = add_bytes(&n->ws_bytes, (size_t)(parts * V) * sizeof(float));
    a->at_slots = add_bytes(&n->ws_bytes, slot_bytes(a, V, C));
}

static int ce_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct kernels *k = kernels_get();
    struct linear_ce *a = n->attr;
    const struct tensor *x = n->in[IN_X];
    int64_t N = x->dim[0], C = x->dim[1], V = n->in[IN_W]->dim[0];
    int nr = x->dtype == DT_BF16 ? k->nr_bf16 : k->nr_f32;
    cut_chunks(a, g, N, V * (int64_t)dtype_size(x->dtype));
    if (!g->ce_budget) join_chunks(a, N, V, C, V * (int64_t)dtype_size(x->dtype));
    a->fwd_cols = (int)div_up(slice_items(V, C, g->n_threads), nr) * nr;
    a->bwd_cols = (int)div_up(min_i64(slice_items(C, V, g->n_threads), 256), nr) * nr;
    a->dw_tiles = tile_gradient(k, x->dtype, (int)V, (int)C, g->n_threads);
    plan_workspace(n, k, g->opts.leaves);
    a->n_threads = g->n_threads;
    a->rows = logit_rows(k, x->dtype, V, a->chunk, g->n_threads);
    n->tws_bytes = (k->gemm_ws_bytes + 63) & ~(size_t)63;
    if (!in_place(n)) n->tws_bytes += (size_t)(a->rows * V) * sizeof(float);
    n->flops = 2.0 * (double)N * (double)V * (double)C * (1 + (n->out[OUT_DX] != NULL) + (a->dw != NULL));

    int n_phases = a->n_chunks * CHUNK_PHASES + 1;
    int *slices = graph_zalloc(g, (size_t)n_phases, sizeof *slices);
    if (!slices) return graph_error(g, e);
    for (int i = 0; i < a->n_chunks; i++) {
        struct chunk c = chunk_at(a, N, i);
        int *s = slices + i * CHUNK_PHASES;
        s[PACK] = (int)div_up(V, a->fwd_cols);
        s[LOGITS] = (int)div_up(c.n, a->rows);
        if (a->dw) s[WEIGHT_GRAD] += a->dw_tiles.nm * a->dw_tiles.nn;
        if (a->db) s[WEIGHT_GRAD] += (int)div_up(V, COLSUM_WIDTH);
        if (!n->out[OUT_DX]) continue;
        struct tiling t = tile_product(k, x->dtype, (int)c.n, (int)C, g->n_threads);
        s[WEIGHT_GRAD] += (int)div_up(C, a->bwd_cols);
        s[INPUT_GRAD] = t.nm * t.nn;
    }
    slices[n_phases - 1] = 1 + (a->db ? (int)div_up(V, COLSUM_WIDTH) : 0);
    return node_phases(g, n, n_phases, slices, e);
}

/* ---- logits, loss, and their gradient ---- */

static void pack_forward(const struct node *n, const struct run *r, int slice)
{
    const struct linear_ce *a = n->attr;
    const struct tensor *w = n->in[IN_W];
    int V = (int)w->dim[0], C = (int)w->dim[1], v0 = slice * a->fwd_cols;
    r->k->pack_b(n->in[IN_X]->dtype, r->ws, C, V, w->data, w->dtype, C, true, 0, v0,
                 (int)min_i64(v0 + a->fwd_cols, V));
}

/* Is the target's logit the highest, and the first of that height? */
static bool is_argmax(const struct kernels *k, const float *z, int64_t V, int target)
{
    if (!(z[target] >= k->max(z, (size_t)V))) return false;
    for (int i = 0; i < target; i++)
        if (z[i] == z[target]) return false;
    return true;
}

static void loss_row(const struct node *n, const struct run *r, float *z, int64_t t, bool grad)
{
    const struct linear_ce *a = n->attr;
    int64_t N = n->in[IN_X]->dim[0], V = n->in[IN_W]->dim[0];
    int target = ((const int32_t *)n->in[IN_TARGETS]->data)[t];
    float w = target < 0 ? 0.0f : ((const float *)n->in[IN_WEIGHTS]->data)[t], lse;
    float *loss = (float *)(void *)(r->ws + a->at_tokens) + t, *nll = loss + N, *correct = nll + N;
    bool scaled = a->logit_scale < 1.0f || a->logit_scale > 1.0f;
    if (scaled) r->k->scale(z, a->logit_scale, z, (size_t)V);
    *correct = w > 0 && is_argmax(r->k, z, V, target) ? 1.0f : 0.0f;
    *nll = 0;
    *loss = r->k->ce_row(z, (int)V, target, w * r->args->loss_scale, a->label_smoothing, a->z_coef, a->softcap, grad,
                         &lse, nll);
    if (target < 0) *loss = *nll = 0;
    if (grad && scaled) r->k->scale(z, a->logit_scale, z, (size_t)V);
}

static void logits_slice(const struct node *n, const struct run *r, struct chunk c, int slice)
{
    const struct linear_ce *a = n->attr;
    const struct tensor *x = n->in[IN_X];
    int64_t C = x->dim[1], V = n->in[IN_W]->dim[0], i0 = slice * a->rows, rows = min_i64(a->rows, c.n - i0);
    char *dlogits = r->ws + a->at_dlogits + (size_t)(i0 * V) * dtype_size(x->dtype);
    float *z = (float *)(void *)(r->tws + ((r->k->gemm_ws_bytes + 63) & ~(size_t)63));
    if (in_place(n)) z = (float *)(void *)dlogits;
    struct gemm p = {.M = (int)rows, .N = (int)V, .K = (int)C, .ab = x->dtype, .A = data_at(x, (c.first + i0) * C),
                     .lda = C, .Bp = r->ws, .C = z, .ldc = V, .c = DT_F32,
                     .bias = n->in[IN_B] ? n->in[IN_B]->data : NULL};
    r->k->gemm(&p, 0, (int)rows, 0, (int)V, r->tws);
    bool grad = a->grads && r->args->grads;
    for (int64_t i = 0; i < rows; i++) {
        float *row = z + i * V;
        loss_row(n, r, row, c.first + i0 + i, grad);
        /* while the row is near */
        if (grad && x->dtype == DT_BF16) r->k->bf16_from_f32((uint16_t *)(void *)dlogits + i * V, row, (size_t)V);
    }
}

/* ---- gradients of W and b ---- */

/* Slot 0 ends up with the total: the gradient itself, when it is not added to. */
static float *dw_slot(const struct node *n, const struct run *r, int i)
{
    const struct linear_ce *a = n->attr;
    size_t size = (size_t)tensor_n(n->in[IN_W]);
    float *ws = (float *)(void *)(r->ws + a->at_slots);
    if (i == 0) return a->dw->accumulate ? ws + (size_t)a->slots * size : a->dw->dst;
    return ws + (size_t)(i - 1) * size;
}

static void add_tile(const struct kernels *k, float *dst, const float *src, int64_t ld, int m, int cols)
{
    for (int64_t i = 0; i < m; i++) k->add(dst + i * ld, dst + i * ld, src + i * ld, (size_t)cols);
}

/* One tile of dW for one chunk, and as much of the tree as it completes. */
static void dw_tile(const struct node *n, const struct run *r, int i, struct chunk c, int tile)
{
    const struct linear_ce *a = n->attr;
    const struct tensor *x = n->in[IN_X], *w = n->in[IN_W];
    const struct tiling *t = &a->dw_tiles;
    int64_t V = w->dim[0], C = w->dim[1], leaf = x->dim[0] / r->opts->leaves;
    int m0 = tile % t->nm * t->m, m1 = (int)min_i64(m0 + t->m, V);
    int n0 = tile / t->nm * t->n, n1 = (int)min_i64(n0 + t->n, C);
    unsigned group = (unsigned)(c.first / a->group);
    int top = __builtin_popcount(group);
    struct gemm_tn p = {.M = (int)V, .N = (int)C, .K = (int)c.n, .leaf = (int)min_i64(leaf, c.n), .a = x->dtype,
                        .b = x->dtype, .A = r->ws + a->at_dlogits, .B = data_at(x, c.first * C), .lda = V, .ldb = C,
                        .ldc = C, .chain = c.first % a->group > 0};
    bool direct = a->n_chunks == 1;
    p.C = direct ? a->dw->dst : dw_slot(n, r, top);
    p.accumulate = direct && a->dw->accumulate;
    r->k->gemm_tn(&p, m0, m1, n0, n1, r->tws);
    if (direct || (c.first + c.n) % a->group) return;
    size_t at = (size_t)(m0 * C + n0);
    for (; group & 1; group >>= 1, top--)
        add_tile(r->k, dw_slot(n, r, top - 1) + at, dw_slot(n, r, top) + at, C, m1 - m0, n1 - n0);
    if (i == a->n_chunks - 1 && a->dw->accumulate)
        add_tile(r->k, a->dw->dst + at, dw_slot(n, r, 0) + at, C, m1 - m0, n1 - n0);
}

/* Sums of CE_ROWS rows of the logit gradients, kept for the tree at the end. */
static void db_parts(const struct node *n, const struct run *r, struct chunk c, int block)
{
    const struct linear_ce *a = n->attr;
    const struct tensor *x = n->in[IN_X];
    int64_t V = n->in[IN_W]->dim[0], leaf = x->dim[0] / r->opts->leaves, per_leaf = div_up(leaf, CE_ROWS);
    int64_t v0 = (int64_t)block * COLSUM_WIDTH, width = min_i64(COLSUM_WIDTH, V - v0);
    struct tensor d = {.dtype = x->dtype, .data = r->ws + a->at_dlogits};
    float tmp[COLSUM_WIDTH];
    for (int64_t i = 0; i < c.n; i++) {
        int64_t t = c.first + i, in_leaf = t % leaf;
        float *part = (float *)(void *)(r->ws + a->at_db) + (t / leaf * per_leaf + in_leaf / CE_ROWS) * V + v0;
        if (in_leaf % CE_ROWS == 0) memset(part, 0, (size_t)width * sizeof *part);
        r->k->add(part, part, load_row(r->k, &d, i * V + v0, width, tmp), (size_t)width);
    }
}

static void db_total(const struct node *n, const struct run *r, int block)
{
    const struct linear_ce *a = n->attr;
    int64_t V = n->in[IN_W]->dim[0], leaf = n->in[IN_X]->dim[0] / r->opts->leaves;
    int64_t v0 = (int64_t)block * COLSUM_WIDTH;
    colsum_partials(r->k, a->db->dst + v0, a->db->accumulate, (float *)(void *)(r->ws + a->at_db) + v0, V,
                    (int)min_i64(COLSUM_WIDTH, V - v0), r->opts->leaves, div_up(leaf, CE_ROWS));
}

static void pack_backward(const struct node *n, const struct run *r, int slice)
{
    const struct linear_ce *a = n->attr;
    const struct tensor *w = n->in[IN_W];
    int V = (int)w->dim[0], C = (int)w->dim[1], c0 = slice * a->bwd_cols;
    r->k->pack_b(n->in[IN_X]->dtype, r->ws, V, C, w->data, w->dtype, C, false, 0, c0,
                 (int)min_i64(c0 + a->bwd_cols, C));
}

static void weight_grad_slice(const struct node *n, const struct run *r, int i, struct chunk c, int slice)
{
    const struct linear_ce *a = n->attr;
    int tiles = a->dw ? a->dw_tiles.nm * a->dw_tiles.nn : 0;
    int blocks = a->db ? (int)div_up(n->in[IN_W]->dim[0], COLSUM_WIDTH) : 0;
    if (slice < tiles) dw_tile(n, r, i, c, slice);
    else if (slice < tiles + blocks) db_parts(n, r, c, slice - tiles);
    else pack_backward(n, r, slice - tiles - blocks);
}

/* ---- gradient of x ---- */

static void input_grad_slice(const struct node *n, const struct run *r, struct chunk c, int slice)
{
    const struct linear_ce *a = n->attr;
    const struct tensor *x = n->in[IN_X], *dx = n->out[OUT_DX];
    int V = (int)n->in[IN_W]->dim[0], C = (int)x->dim[1];
    struct tiling t = tile_product(r->k, x->dtype, (int)c.n, C, a->n_threads);
    struct gemm p = {.M = (int)c.n, .N = C, .K = V, .ab = x->dtype, .A = r->ws + a->at_dlogits, .lda = V, .Bp = r->ws,
                     .C = data_at(dx, c.first * C), .ldc = C, .c = dx->dtype};
    int m = slice % t.nm * t.m, c0 = slice / t.nm * t.n;
    r->k->gemm(&p, m, (int)min_i64(m + t.m, c.n), c0, (int)min_i64(c0 + t.n, C), r->tws);
}

/* ---- sums ---- */

static void sum_leaf(const struct node *n, const struct run *r, int64_t first, int64_t end, float out[4])
{
    const struct linear_ce *a = n->attr;
    int64_t N = n->in[IN_X]->dim[0];
    const float *loss = (const float *)(const void *)(r->ws + a->at_tokens), *nll = loss + N, *correct = nll + N;
    const float *w = n->in[IN_WEIGHTS]->data;
    const int32_t *target = n->in[IN_TARGETS]->data;
    double sum[4] = {0};
    for (int64_t t = first; t < end; t++) {
        if (target[t] < 0) continue;
        sum[0] += (double)w[t] * (double)loss[t];
        sum[1] += (double)w[t] * (double)nll[t];
        sum[2] += (double)w[t];
        sum[3] += (double)correct[t];
    }
    for (int i = 0; i < 4; i++) out[i] = (float)sum[i];
}

static void sum_up(const struct node *n, const struct run *r)
{
    int leaves = r->opts->leaves, top = 0;
    int64_t leaf = n->in[IN_X]->dim[0] / leaves;
    float v[COLSUM_LEVELS + 1][4], *out = n->out[OUT_LOSS]->data;
    for (int l = 0; l < leaves; l++) {
        sum_leaf(n, r, l * leaf, (l + 1) * leaf, v[top]);
        for (int bits = l; bits & 1; bits >>= 1, top--)
            for (int i = 0; i < 4; i++) v[top - 1][i] += v[top][i];
        top++;
    }
    memcpy(out, v[0], sizeof v[0]);
}

static void ce_run(const struct node *n, const struct run *r, int phase, int slice)
{
    const struct linear_ce *a = n->attr;
    int i = phase / CHUNK_PHASES;
    if (i == a->n_chunks) {
        if (slice == 0) sum_up(n, r);
        else if (r->args->grads) db_total(n, r, slice - 1);
        return;
    }
    struct chunk c = chunk_at(a, n->in[IN_X]->dim[0], i);
    int stage = phase % CHUNK_PHASES;
    if (stage == PACK) pack_forward(n, r, slice);
    else if (stage == LOGITS) logits_slice(n, r, c, slice);
    else if (!r->args->grads) return;
    else if (stage == WEIGHT_GRAD) weight_grad_slice(n, r, i, c, slice);
    else input_grad_slice(n, r, c, slice);
}

static int ce_check(const struct node *n, struct err *e)
{
    const struct tensor *targets = n->in[IN_TARGETS];
    const int32_t *id = targets->data;
    int64_t V = n->in[IN_W]->dim[0];
    for (int64_t t = 0; t < tensor_n(targets); t++)
        if (id[t] >= V)
            return err_set(e, ERR_DATA, "target id %d at token %lld of the batch is outside of the vocabulary (%lld)",
                           id[t], (long long)t, (long long)V);
    return 0;
}

/* ---- backward: the node itself computes its gradients ---- */

static void ce_seed(struct graph *g, struct node *n)
{
    struct linear_ce *a = n->attr;
    bool accumulate;
    a->grads = true;
    a->dw = n->grad[0] = grad_param(g, n->in[IN_W]);
    a->db = n->grad[1] = grad_param(g, n->in[IN_B]);
    node_out(n, grad_slot(g, n->in[IN_X], &accumulate));
}

static void ce_vjp(struct graph *g, struct node *n)
{
    (void)g; /* ce_seed() did it */
    (void)n;
}

static const struct op linear_ce_op = {.name = "linear_ce", .plan = ce_plan, .run = ce_run, .check = ce_check,
                                       .vjp = ce_vjp, .seed = ce_seed};

/* ---- builder ---- */

struct tensor *op_linear_ce(struct graph *g, struct tensor *x, struct tensor *targets, struct tensor *weights,
                            const struct ce_spec *s)
{
    if (!want_2d(g, "linear_ce", x) || !want_2d(g, "linear_ce", s->w)) return NULL;
    int64_t N = x->dim[0];
    if (!weights || !want_ids(g, "linear_ce", targets, N) || !want_vector(g, "linear_ce", weights, N) ||
        !want_vector(g, "linear_ce", s->b, s->w->dim[0]))
        return NULL;
    if (N % g->opts.rows || x->dim[1] != s->w->dim[1])
        return graph_fail(g, ERR_CONFIG, "linear_ce: '%s' [%lld,%lld] does not fit '%s'", x->name,
                          (long long)x->dim[0], (long long)x->dim[1], s->w->name);
    if (!(s->label_smoothing >= 0 && s->label_smoothing < 1) || !(s->softcap >= 0) || !isfinite(s->z_coef) ||
        !isfinite(s->logit_scale))
        return graph_fail(g, ERR_CONFIG, "linear_ce: label smoothing %g, z %g, softcap %g or scale %g is out of range",
                          (double)s->label_smoothing, (double)s->z_coef, (double)s->softcap, (double)s->logit_scale);
    x = op_cast(g, x, g->opts.compute);
    struct linear_ce *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = x && a ? node_new(g, &linear_ce_op, a) : NULL;
    if (!n) return NULL;
    a->label_smoothing = s->label_smoothing;
    a->z_coef = s->z_coef;
    a->softcap = s->softcap;
    a->logit_scale = s->logit_scale > 0 || s->logit_scale < 0 ? s->logit_scale : 1.0f;
    node_in(n, x);
    node_in(n, s->w);
    node_in(n, s->b);
    node_in(n, targets);
    node_in(n, weights);
    return loss_output(g, n);
}
