#include "core/tensor/op_score.h"

#include "core/tensor/op_loss.h"

/* ---- squared error ---- */

static void squares(const struct node *n, const struct run *r, int64_t t, double sums[4])
{
    const struct tensor *dz = n->out[LOSS_OUT_DZ];
    int64_t L = n->in[LOSS_IN_Z]->dim[1];
    const float *z = (const float *)n->in[LOSS_IN_Z]->data + t * L, *v = (const float *)n->in[LOSS_IN_TARGETS]->data + t * L;
    float w = ((const float *)n->in[LOSS_IN_WEIGHTS]->data)[t];
    double sum = 0;
    for (int64_t l = 0; l < L; l++) {
        double d = (double)z[l] - (double)v[l];
        sum += d * d;
        if (dz && r->args->grads) ((float *)dz->data)[t * L + l] = 2 * w * r->args->loss_scale / (float)L * (float)d;
    }
    sums[0] += (double)w * (sum / (double)L);
    sums[1] = sums[0];
    sums[2] += (double)w;
}

static void mse_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase, (void)slice;
    loss_run(n, r, squares);
}

static const struct op mse_op = {.name = "mse", .plan = loss_plan, .run = mse_run, .vjp = loss_vjp, .seed = loss_seed};

struct tensor *op_mse(struct graph *g, struct tensor *z, struct tensor *values, struct tensor *weights)
{
    if (!want_2d(g, "mse", z) || !want_2d(g, "mse", values)) return NULL;
    int64_t N = z->dim[0];
    if (!weights || !want_vector(g, "mse", weights, N)) return NULL;
    if (z->dtype != DT_F32 || values->dtype != DT_F32 || values->dim[0] != N || values->dim[1] != z->dim[1] ||
        N % g->opts.leaves)
        return graph_fail(g, ERR_CONFIG, "mse: '%s' and '%s' must be two [N,L] of f32", z->name, values->name);
    return loss_new(g, &mse_op, z, values, weights);
}

/* ---- pairs ---- */

static void pairs_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)r, (void)phase, (void)slice;
    const float *z = n->in[0]->data;
    float *d = n->out[0]->data;
    for (int64_t i = 0; i < n->out[0]->dim[0]; i++) d[i] = z[2 * i] - z[2 * i + 1];
}

static void pairs_bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)r, (void)phase, (void)slice;
    const float *dd = n->in[0]->data;
    float *dz = n->out[0]->data;
    for (int64_t i = 0; i < n->in[0]->dim[0]; i++) {
        dz[2 * i] = (n->accumulate ? dz[2 * i] : 0) + dd[i];
        dz[2 * i + 1] = (n->accumulate ? dz[2 * i + 1] : 0) - dd[i];
    }
}

static const struct op pairs_bwd_op = {.name = "pair_difference_bwd", .plan = loss_plan, .run = pairs_bwd_run};

static void pairs_vjp(struct graph *g, struct node *n)
{
    struct node *b = node_new(g, &pairs_bwd_op, NULL);
    if (!b) return;
    node_in(b, n->out[0]->grad);
    node_out(b, grad_slot(g, n->in[0], &b->accumulate));
}

static const struct op pairs_op = {.name = "pair_difference", .plan = loss_plan, .run = pairs_run, .vjp = pairs_vjp};

struct tensor *op_pair_difference(struct graph *g, struct tensor *z)
{
    if (!want_2d(g, "pair_difference", z)) return NULL;
    if (z->dtype != DT_F32 || z->dim[1] != 1 || z->dim[0] / g->opts.leaves % 2)
        return graph_fail(g, ERR_CONFIG, "pairs: '%s' must be [N,1] of f32 with an even number of texts in each leaf",
                          z->name);
    struct node *n = node_new(g, &pairs_op, NULL);
    if (!n) return NULL;
    node_in(n, z);
    struct tensor *d = tensor_2d(g, DT_F32, z->dim[0] / 2, 1, "differences");
    node_out(n, d);
    return d;
}
