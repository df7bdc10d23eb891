#include "core/tensor/op_experts.h"

#include <string.h>

enum { PANEL_BYTES = 400 << 10 };

int grouped_columns(const struct kernels *k, enum dtype dt, int K, int N)
{
    int nr = dt == DT_BF16 ? k->nr_bf16 : k->nr_f32;
    int64_t fit = PANEL_BYTES / max_i64((int64_t)dtype_size(dt) * K, 1) / nr * nr, least = 96 / nr * nr;
    return (int)min_i64(min_i64(max_i64(fit, least), TILE_N), div_up(N, nr) * nr);
}

static int grouped_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct kernels *k = kernels_get();
    struct grouped *a = n->attr;
    const struct tensor *x = n->in[GROUPED_X];
    a->cols = grouped_columns(k, x->dtype, a->C, a->O);
    a->blocks = (int)div_up(a->O, a->cols);
    a->at_panel = (k->gemm_ws_bytes + 63) & ~(size_t)63;
    n->tws_bytes = a->at_panel + k->packed_bytes(x->dtype, a->C, a->cols);
    n->flops = 2.0 * (double)x->dim[0] * a->O * a->C;
    return node_phases(g, n, 1, (int[]){a->E * a->blocks}, e);
}

static void grouped_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct grouped *a = n->attr;
    const struct tensor *x = n->in[GROUPED_X], *w = n->in[GROUPED_W], *b = n->in[GROUPED_B], *y = n->out[0];
    int e = slice / a->blocks, n0 = slice % a->blocks * a->cols, cols = (int)min_i64(a->cols, a->O - n0), first, end;
    expert_rows(n->in[GROUPED_BEGIN], e, r->opts->leaves, &first, &end);
    if (first == end) return;
    void *panel = r->tws + a->at_panel;
    r->k->pack_b(x->dtype, panel, a->C, cols, data_at(w, ((int64_t)e * a->O + n0) * a->C), w->dtype, a->C, true, 0, 0, cols);
    struct gemm p = {.M = end - first, .N = cols, .K = a->C, .ab = x->dtype, .A = data_at(x, (int64_t)first * a->C),
                     .lda = a->C, .Bp = panel, .C = data_at(y, (int64_t)first * a->O + n0), .ldc = a->O, .c = y->dtype,
                     .bias = b ? (const float *)b->data + (int64_t)e * a->O + n0 : NULL};
    r->k->gemm(&p, 0, end - first, 0, cols, r->tws);
}

static const struct op grouped_op = {.name = "grouped", .plan = grouped_plan, .run = grouped_run, .vjp = grouped_vjp};

struct tensor *op_grouped(struct graph *g, struct tensor *x, const struct routing *r, struct tensor *w, struct tensor *b)
{
    if (!want_2d(g, "grouped", x) || !w || !r->begin) return NULL;
    if (w->ndim != 3 || w->dim[0] != r->experts || w->dim[2] != x->dim[1] || w->dim[1] > INT32_MAX)
        return graph_fail(g, ERR_CONFIG, "grouped: '%s' does not fit %d experts of width %lld", w->name, r->experts,
                          (long long)x->dim[1]);
    if (!want_vector(g, "grouped", b, w->dim[0] * w->dim[1])) return NULL;
    x = op_cast(g, x, g->opts.compute);
    struct grouped *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a && x ? node_new(g, &grouped_op, a) : NULL;
    if (!n) return NULL;
    *a = (struct grouped){.E = r->experts, .O = (int)w->dim[1], .C = (int)w->dim[2]};
    node_in(n, x);
    node_in(n, r->begin);
    node_in(n, w);
    node_in(n, b);
    struct tensor *y = tensor_2d(g, g->opts.compute, x->dim[0], a->O, w->name);
    node_out(n, y);
    return y;
}
