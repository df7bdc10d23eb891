#include "core/tensor/op_bce.h"

#include "core/tensor/op_loss.h"

/* Adds token t to the sums of its leaf. */
static void token(const struct node *n, const struct run *r, int64_t t, double sum[4])
{
    const struct tensor *dz = n->out[LOSS_OUT_DZ];
    int target = ((const int32_t *)n->in[LOSS_IN_TARGETS]->data)[t];
    float w = target < 0 ? 0.0f : ((const float *)n->in[LOSS_IN_WEIGHTS]->data)[t], lse, nll = 0;
    float z[2] = {0, ((const float *)n->in[LOSS_IN_Z]->data)[t]};
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
    loss_run(n, r, token);
}

static int bce_check(const struct node *n, struct err *e)
{
    const int32_t *id = n->in[LOSS_IN_TARGETS]->data;
    int64_t N = n->in[LOSS_IN_TARGETS]->kind == T_INPUT ? tensor_n(n->in[LOSS_IN_TARGETS]) : 0; /* op_replace computes its own */
    for (int64_t t = 0; t < N; t++)
        if (id[t] > 1)
            return err_set(e, ERR_DATA, "target %d at token %lld of the batch is neither 0 nor 1", id[t], (long long)t);
    return 0;
}

static const struct op bce_op = {
    .name = "bce", .plan = loss_plan, .run = bce_run, .check = bce_check, .vjp = loss_vjp, .seed = loss_seed};

struct tensor *op_bce(struct graph *g, struct tensor *z, struct tensor *targets, struct tensor *weights)
{
    if (!want_2d(g, "bce", z)) return NULL;
    int64_t N = z->dim[0];
    if (!weights || !want_ids(g, "bce", targets, N) || !want_vector(g, "bce", weights, N)) return NULL;
    if (z->dim[1] != 1 || z->dtype != DT_F32 || N % g->opts.leaves)
        return graph_fail(g, ERR_CONFIG, "bce: '%s' must be [N,1] of f32", z->name);
    return loss_new(g, &bce_op, z, targets, weights);
}
