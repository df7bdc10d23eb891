#include "core/tensor/op_loss.h"

#include <string.h>

#include "core/tensor/colsum.h"

/* A few operations a row. */
int loss_plan(struct graph *g, struct node *n, struct err *e)
{
    return node_phases(g, n, 1, (int[]){1}, e);
}

void loss_run(const struct node *n, const struct run *r, loss_row_fn *row)
{
    int64_t N = n->in[LOSS_IN_Z]->dim[0], leaf = N / r->opts->leaves;
    struct colsum tree;
    colsum_begin(&tree, r->k, 4);
    for (int64_t first = 0; first < N; first += leaf) {
        double sum[4] = {0};
        for (int64_t t = first; t < first + leaf; t++) row(n, r, t, sum);
        float *v = colsum_next(&tree);
        for (int i = 0; i < 4; i++) v[i] = (float)sum[i];
        colsum_push(&tree);
    }
    memcpy(n->out[LOSS_OUT]->data, colsum_end(&tree), 4 * sizeof(float));
}

void loss_seed(struct graph *g, struct node *n)
{
    bool accumulate;
    node_out(n, grad_slot(g, n->in[LOSS_IN_Z], &accumulate));
}

void loss_vjp(struct graph *g, struct node *n)
{
    (void)g, (void)n;
}

struct tensor *loss_output(struct graph *g, struct node *n)
{
    struct tensor *loss = tensor_1d(g, DT_F32, 4, "loss");
    node_out(n, loss);
    graph_output(g, loss);
    return loss;
}

struct tensor *loss_new(struct graph *g, const struct op *op, struct tensor *z, struct tensor *targets, struct tensor *weights)
{
    struct node *n = node_new(g, op, NULL);
    if (!n) return NULL;
    node_in(n, z);
    node_in(n, targets);
    node_in(n, weights);
    return loss_output(g, n);
}
