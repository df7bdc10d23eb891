/* backward.c - emits the backward nodes: every forward node's vjp in reverse
 * order.  With RECOMPUTE_BLOCK the forward nodes of a block are first cloned
 * behind the gradients that exist so far and the vjp works on the clones, so
 * of a block only its inputs stay alive; drop_dead() in plan.c then removes
 * the clones that no vjp reads. */
#include <string.h>

#include "core/tensor/op.h"

/* ---- gradient tensors ---- */

struct tensor *grad_slot_as(struct graph *g, struct tensor *t, enum dtype dt, bool *accumulate)
{
    *accumulate = t->grad != NULL;
    if (t->grad || !t->needs_grad) return t->grad;
    char name[128] = "d ";
    strncat(name, t->name, sizeof name - 3);
    t->grad = tensor_new(g, T_ACT, dt, t->ndim, t->dim, name);
    return t->grad;
}

struct tensor *grad_slot(struct graph *g, struct tensor *t, bool *accumulate)
{
    /* Several contributions are added in f32. */
    return grad_slot_as(g, t, t->n_uses > 1 ? DT_F32 : t->dtype, accumulate);
}

void grad_pass(struct graph *g, struct tensor *t, struct tensor *dy, bool may_alias)
{
    if (!t || !t->needs_grad || !dy || graph_failed(g)) return;
    enum dtype dt = t->n_uses > 1 ? DT_F32 : t->dtype;
    if (!t->grad && may_alias && dy->kind == T_ACT && dy->dtype == dt && tensor_n(dy) == tensor_n(t)) {
        t->grad = dy;
        return;
    }
    bool acc;
    struct tensor *dst = grad_slot(g, t, &acc);
    if (dst) emit_accumulate(g, dst, dy, acc);
}

struct tensor *grad_cast(struct graph *g, struct tensor *dy, enum dtype to)
{
    if (!dy || dy->dtype == to) return dy;
    struct tensor *t = tensor_new(g, T_ACT, to, dy->ndim, dy->dim, dy->name);
    if (t) emit_accumulate(g, t, dy, false);
    return t;
}

struct tensor *grad_keep(struct graph *g, struct tensor *t)
{
    const struct node *p = t->producer;
    if (!p || !p->op->cheap || p->backward || t->n_uses > 1 || t->output || p->out[0] != t) return t;
    if (2 * (int64_t)tensor_bytes(t) <= g->keep_bytes) return t; /* half: cheaper than an activation */
    struct node *n = node_new(g, p->op, p->attr);
    for (int i = 0; n && i < p->n_in; i++) node_in(n, p->in[i]);
    struct tensor *again = tensor_new(g, T_ACT, t->dtype, t->ndim, t->dim, t->name);
    node_out(n, again);
    return again;
}

struct grad_use *grad_param(struct graph *g, const struct tensor *t)
{
    if (!t || !t->param || !t->needs_grad) return NULL;
    struct grad_use *u = graph_zalloc(g, 1, sizeof *u), **end = &g->uses;
    if (!u) return NULL;
    u->param = t->param;
    for (; *end; end = &(*end)->next)
        if ((*end)->param == t->param) u->use++;
    *end = u;
    return u;
}

/* ---- the walk ---- */

static void count_uses(struct graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const struct node *n = g->node[i];
        for (int j = 0; j < n->n_in; j++)
            if (n->in[j]) n->in[j]->n_uses++;
    }
}

static void visit(struct graph *g, struct node *n)
{
    bool wanted = false;
    for (int j = 0; j < n->n_out; j++)
        if (n->out[j] && n->out[j]->grad) wanted = true;
    if (!wanted || graph_failed(g)) return;
    g->layer = n->layer;
    if (n->op->vjp) n->op->vjp(g, n);
    else graph_fail(g, ERR_CONFIG, "op '%s' has no gradient", n->op->name);
    g->layer = -1;
}

static struct tensor *clone_tensor(struct graph *g, struct tensor *t)
{
    if (!t) return NULL;
    struct tensor *c = tensor_new(g, T_ACT, t->dtype, t->ndim, t->dim, t->name);
    if (!c) return NULL;
    c->needs_grad = t->needs_grad;
    c->n_uses = t->n_uses;
    c->grad = t->grad;
    t->clone = c;
    return c;
}

static struct node *clone_node(struct graph *g, const struct node *n)
{
    g->layer = n->layer;
    struct node *c = node_new(g, n->op, n->attr);
    g->layer = -1;
    if (!c) return NULL;
    c->inplace = n->inplace;
    for (int j = 0; j < n->n_in; j++) node_in(c, n->in[j] && n->in[j]->clone ? n->in[j]->clone : n->in[j]);
    for (int j = 0; j < n->n_out; j++) node_out(c, clone_tensor(g, n->out[j]));
    return c;
}

/* Forward nodes [first, last] once more, then their vjp. */
static void recompute_block(struct graph *g, int first, int last)
{
    int at = g->n_nodes;
    for (int i = first; i <= last; i++) clone_node(g, g->node[i]);
    for (int i = at + last - first; i >= at && !graph_failed(g); i--) visit(g, g->node[i]);
    for (int i = first; i <= last; i++)
        for (int j = 0; j < g->node[i]->n_out; j++)
            if (g->node[i]->out[j]) g->node[i]->out[j]->clone = NULL;
}

static bool block_has_gradient(const struct graph *g, int first, int last)
{
    for (int i = first; i <= last; i++)
        for (int j = 0; j < g->node[i]->n_out; j++)
            if (g->node[i]->out[j] && g->node[i]->out[j]->grad) return true;
    return false;
}

static void walk(struct graph *g, int n_forward)
{
    for (int i = n_forward; i-- > 0 && !graph_failed(g);) {
        int block = g->node[i]->block;
        /* The last block would be computed twice in a row. */
        if (block < 0 || block == g->n_blocks - 1 || g->opts.recompute != RECOMPUTE_BLOCK) {
            visit(g, g->node[i]);
            continue;
        }
        int first = i;
        while (first > 0 && g->node[first - 1]->block == block) first--;
        if (block_has_gradient(g, first, i)) recompute_block(g, first, i);
        i = first;
    }
}

static int begin(struct graph *g, struct err *e)
{
    if (graph_error(g, e)) return -1;
    if (g->in_backward || g->planned)
        return err_set(e, ERR_INTERNAL, "the graph already has its backward part or its plan");
    if (!g->opts.training) return err_set(e, ERR_INTERNAL, "backward of a graph that is not for training");
    count_uses(g);
    g->in_backward = true;
    return 0;
}

int graph_backward(struct graph *g, struct tensor *loss, struct err *e)
{
    if (begin(g, e)) return -1;
    int n_forward = g->n_nodes;
    if (!loss || !loss->producer || !loss->producer->op->seed)
        return err_set(e, ERR_CONFIG, "'%s' is not a loss", loss ? loss->name : "?");
    loss->producer->op->seed(g, loss->producer);
    walk(g, n_forward);
    return graph_error(g, e);
}

int graph_backward_from(struct graph *g, struct tensor *y, struct tensor *dy, struct err *e)
{
    if (begin(g, e)) return -1;
    int n_forward = g->n_nodes;
    if (!y || !dy || tensor_n(y) != tensor_n(dy) || dy->dtype != DT_F32)
        return err_set(e, ERR_INTERNAL, "a gradient must be f32 and have the shape of its tensor");
    y->n_uses++;
    grad_pass(g, y, dy, false);
    walk(g, n_forward);
    return graph_error(g, e);
}
