/* op_decay.c - decays of RWKV-5 to -7 from their logits; see op_wkv.h. */
#include "core/tensor/op_wkv.h"
#include "core/tensor/rowgrad.h"

struct decay {
    bool seven;
};

enum { IN_D, IN_X };
enum { BWD_D, BWD_X, BWD_W, BWD_DW };

/* z of token t, into tmp. */
static float *logits(const struct kernels *k, const struct tensor *d, const struct tensor *x, int64_t t, int64_t C,
                     float *tmp)
{
    if (x) k->add(tmp, d->data, (const float *)x->data + t * C, (size_t)C);
    else k->scale(tmp, 1, d->data, (size_t)C);
    return tmp;
}

static int decay_plan(struct graph *g, struct node *n, struct err *e)
{
    n->tws_bytes = (size_t)n->out[0]->dim[1] * sizeof(float);
    return node_rows(g, n, n->out[0]->dim[0], 16 * n->out[0]->dim[1], e);
}

static void decay_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct decay *a = n->attr;
    int64_t C = n->out[0]->dim[1], end = min_i64((slice + 1) * n->rows, n->out[0]->dim[0]);
    size_t len = (size_t)C;
    for (int64_t t = slice * n->rows; t < end; t++) {
        float *z = logits(r->k, n->in[IN_D], n->in[IN_X], t, C, (float *)(void *)r->tws),
              *w = (float *)n->out[0]->data + t * C;
        if (a->seven) r->k->act(ACT_SIGMOID, z, z, len);
        else r->k->exp(z, z, len);
        r->k->scale(z, a->seven ? WKV7_DECAY : -1, z, len);
        r->k->exp(w, z, len);
    }
}

/* dz = dw w dlog(w)/dz. */
static void bwd_row(const struct node *n, const struct run *r, int64_t t, float *partial)
{
    const struct decay *a = n->attr;
    int64_t C = n->in[BWD_W]->dim[1];
    size_t len = (size_t)C;
    const float *w = (const float *)n->in[BWD_W]->data + t * C, *dw = (const float *)n->in[BWD_DW]->data + t * C;
    float *tmp = (float *)(void *)r->tws, *slope = tmp + C;
    logits(r->k, n->in[BWD_D], n->in[BWD_X], t, C, tmp);
    if (a->seven) {
        r->k->act(ACT_SIGMOID, tmp, tmp, len);
        for (int64_t c = 0; c < C; c++) slope[c] = WKV7_DECAY * (tmp[c] * (1 - tmp[c]));
    } else {
        r->k->exp(slope, tmp, len);
        r->k->scale(slope, -1, slope, len);
    }
    r->k->mul(slope, slope, w, len);
    r->k->mul(slope, slope, dw, len);
    if (n->out[0]) put_row(r->k, n->out[0], t * C, C, slope, n->accumulate);
    if (partial) r->k->add(partial, partial, slope, len);
}

static const struct rowgrad decay_rows = {bwd_row, 1};

static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    int64_t C = n->in[BWD_W]->dim[1];
    return rowgrad_plan(g, n, 1, C, 2 * (size_t)C * sizeof(float), e);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    rowgrad_run(n, r, &decay_rows, n->in[BWD_W]->dim[1], phase, slice);
}

static const struct op decay_bwd_op = {.name = "decay_bwd", .plan = bwd_plan, .run = bwd_run};

static void decay_vjp(struct graph *g, struct node *n)
{
    struct node *b = node_new(g, &decay_bwd_op, n->attr);
    if (!b) return;
    node_in(b, n->in[IN_D]);
    node_in(b, n->in[IN_X]);
    node_in(b, n->out[0]);
    node_in(b, n->out[0]->grad);
    b->grad[0] = grad_param(g, n->in[IN_D]);
    b->effect = b->grad[0];
    if (n->in[IN_X]) node_out(b, grad_slot(g, n->in[IN_X], &b->accumulate));
}

static const struct op decay_op = {.name = "decay", .plan = decay_plan, .run = decay_run, .vjp = decay_vjp};

struct tensor *op_decay(struct graph *g, struct tensor *d, struct tensor *x, bool seven)
{
    if (!d || graph_failed(g) || (x && (!want_2d(g, "decay", x) || !want_vector(g, "decay", d, x->dim[1])))) return NULL;
    if (x && x->dtype != DT_F32) return graph_fail(g, ERR_CONFIG, "decay: '%s' must be f32", x->name);
    struct decay *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &decay_op, a) : NULL;
    if (!n) return NULL;
    a->seven = seven;
    node_in(n, d);
    node_in(n, x);
    struct tensor *w = tensor_2d(g, DT_F32, (int64_t)g->opts.rows * g->opts.T, tensor_n(d), "decay");
    node_out(n, w);
    return w;
}
