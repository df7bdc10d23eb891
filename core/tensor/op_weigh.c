/* op_weigh.c - y = sigmoid(z) a (+ residual), z one number a row: what a token
 * takes of the shared experts (Qwen2-MoE).
 *
 *   da = sigmoid(z) dy,  dz = (a . dy) sigmoid(z) (1 - sigmoid(z)) */
#include <string.h>

#include "core/tensor/op.h"
#include "core/tensor/ops.h"

enum { IN_A, IN_Z, IN_RESIDUAL };
enum { BWD_A, BWD_Z, BWD_DY };

static int weigh_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct tensor *t = n->in[IN_A];
    return node_rows(g, n, t->dim[0], 2 * t->dim[1], e);
}

static float weight_of(const struct run *r, const struct tensor *z, int64_t row)
{
    float s;
    r->k->act(ACT_SIGMOID, &s, (const float *)z->data + row, 1);
    return s;
}

static void weigh_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct tensor *a = n->in[IN_A], *residual = n->in[IN_RESIDUAL];
    int64_t C = a->dim[1], end = min_i64((slice + 1) * n->rows, a->dim[0]);
    for (int64_t i = slice * n->rows; i < end; i++) {
        float *y = (float *)n->out[0]->data + i * C, s = weight_of(r, n->in[IN_Z], i);
        const float *x = (const float *)a->data + i * C;
        if (!residual) {
            r->k->scale(y, s, x, (size_t)C);
            continue;
        }
        if (y != (const float *)residual->data + i * C)
            memcpy(y, (const float *)residual->data + i * C, (size_t)C * sizeof *y);
        r->k->axpy(y, s, x, (size_t)C);
    }
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct tensor *a = n->in[BWD_A];
    int64_t C = a->dim[1], end = min_i64((slice + 1) * n->rows, a->dim[0]);
    for (int64_t i = slice * n->rows; i < end; i++) {
        const float *dy = (const float *)n->in[BWD_DY]->data + i * C, *x = (const float *)a->data + i * C;
        float s = weight_of(r, n->in[BWD_Z], i);
        if (n->out[1]) ((float *)n->out[1]->data)[i] = r->k->dot(x, dy, (size_t)C) * s * (1 - s);
        if (n->out[0]) r->k->scale((float *)n->out[0]->data + i * C, s, dy, (size_t)C);
    }
}

static const struct op weigh_bwd_op = {.name = "weigh_bwd", .plan = weigh_plan, .run = bwd_run};

static void weigh_vjp(struct graph *g, struct node *n)
{
    struct tensor *dy = n->out[0]->grad;
    struct node *b = node_new(g, &weigh_bwd_op, NULL);
    if (!b) return;
    bool other[2] = {false, false};
    node_in(b, n->in[IN_A]);
    node_in(b, n->in[IN_Z]);
    node_in(b, dy);
    for (int i = 0; i < 2; i++) node_out(b, grad_slot(g, n->in[IN_A + i], &other[i]));
    if (other[0] || other[1]) graph_fail(g, ERR_INTERNAL, "weigh: its inputs have other readers");
    grad_pass(g, n->in[IN_RESIDUAL], dy, true); /* last: from here on dy may be added to */
}

static const struct op weigh_op = {.name = "weigh", .plan = weigh_plan, .run = weigh_run, .vjp = weigh_vjp};

struct tensor *op_weigh(struct graph *g, struct tensor *a, struct tensor *z, struct tensor *residual)
{
    if (!want_2d(g, "weigh", a) || !want_2d(g, "weigh", z)) return NULL;
    if (a->dtype != DT_F32 || z->dtype != DT_F32 || z->dim[0] != a->dim[0] || z->dim[1] != 1 ||
        (residual && (residual->dtype != DT_F32 || tensor_n(residual) != tensor_n(a))))
        return graph_fail(g, ERR_CONFIG, "weigh: '%s' and '%s' do not fit", a->name, z->name);
    struct node *n = node_new(g, &weigh_op, NULL);
    if (!n) return NULL;
    node_in(n, a);
    node_in(n, z);
    node_in(n, residual);
    if (residual) n->inplace = IN_RESIDUAL;
    struct tensor *y = tensor_2d(g, DT_F32, a->dim[0], a->dim[1], "weigh");
    node_out(n, y);
    return y;
}
