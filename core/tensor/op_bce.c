#include "core/tensor/op_bce.h"

#include <string.h>

#include "core/tensor/colsum.h"
#include "core/tensor/op.h"

enum { IN_Z, IN_TARGETS, IN_WEIGHTS };
enum { OUT_LOSS, OUT_DZ };

/* A few operations a token: one slice. */
static int bce_plan(struct graph *g, struct node *n, struct err *e)
{
    return node_phases(g, n, 1, (int[]){1}, e);
}

/* Adds token t to the sums of its leaf. */
static void token(const struct node *n, const struct run *r, int64_t t, double sum[4])
{
    const struct tensor *dz = n->out[OUT_DZ];
    int target = ((const int32_t *)n->in[IN_TARGETS]->data)[t];
    float w = target < 0 ? 0.0f : ((const float *)n->in[IN_WEIGHTS]->data)[t], lse, nll = 0;
    float z[2] = {0, ((const float *)n->in[IN_Z]->data)[t]};
    bool yes = z[1] > 0, grad = dz && r->args->grads;
    float loss = r->k->ce_row(z, 2, target, w * r->args->loss_scale, 0, 0, 0, grad, &lse, &nll);
    if (grad) ((float *)dz->data)[t] = z[1];
    if (target < 0) return;
    sum[0] += (double)w * (double)loss;
    sum[1] += (double)w * (double)nll;
    sum[2] += (double)w;
    sum[3] += w > 0 && yes == (target == 1);
}

static void bce_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase, (void)slice;
    int64_t N = n->in[IN_Z]->dim[0], leaf = N / r->opts->leaves;
    struct colsum tree;
    colsum_begin(&tree, r->k, 4);
    for (int64_t first = 0; first < N; first += leaf) {
        double sum[4] = {0};
        for (int64_t t = first; t < first + leaf; t++) token(n, r, t, sum);
        float *v = colsum_next(&tree);
        for (int i = 0; i < 4; i++) v[i] = (float)sum[i];
        colsum_push(&tree);
    }
    memcpy(n->out[OUT_LOSS]->data, colsum_end(&tree), 4 * sizeof(float));
}

static int bce_check(const struct node *n, struct err *e)
{
    const int32_t *id = n->in[IN_TARGETS]->data;
    int64_t N = n->in[IN_TARGETS]->kind == T_INPUT ? tensor_n(n->in[IN_TARGETS]) : 0; /* op_replace computes its own */
    for (int64_t t = 0; t < N; t++)
        if (id[t] > 1)
            return err_set(e, ERR_DATA, "target %d at token %lld of the batch is neither 0 nor 1", id[t], (long long)t);
    return 0;
}

static void bce_seed(struct graph *g, struct node *n)
{
    bool accumulate;
    node_out(n, grad_slot(g, n->in[IN_Z], &accumulate));
}

static void bce_vjp(struct graph *g, struct node *n)
{
    (void)g, (void)n; /* bce_seed() did it */
}

static const struct op bce_op = {
    .name = "bce", .plan = bce_plan, .run = bce_run, .check = bce_check, .vjp = bce_vjp, .seed = bce_seed};

struct tensor *op_bce(struct graph *g, struct tensor *z, struct tensor *targets, struct tensor *weights)
{
    if (!want_2d(g, "bce", z)) return NULL;
    int64_t N = z->dim[0];
    if (!weights || !want_ids(g, "bce", targets, N) || !want_vector(g, "bce", weights, N)) return NULL;
    if (z->dim[1] != 1 || z->dtype != DT_F32 || N % g->opts.leaves)
        return graph_fail(g, ERR_CONFIG, "bce: '%s' must be [N,1] of f32", z->name);
    struct node *n = node_new(g, &bce_op, NULL);
    if (!n) return NULL;
    node_in(n, z);
    node_in(n, targets);
    node_in(n, weights);
    struct tensor *loss = tensor_1d(g, DT_F32, 4, "loss");
    node_out(n, loss);
    graph_output(g, loss);
    return loss;
}
