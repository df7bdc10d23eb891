#include "core/tensor/lens.h"

#include <string.h>

#include "core/tensor/op_attn.h"

/* The n-th node of an op in a layer, in order of the graph. */
static struct node *find(const struct graph *g, const char *op, int layer, int nth)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (g->node[i]->layer == layer && strcmp(g->node[i]->op->name, op) == 0 && nth-- == 0) return g->node[i];
    return NULL;
}

/* ---- attention ----
 * The op's own kernel, given one-hot vectors for values: what it sums is then
 * the probability of each key, whatever masks and biases the layer has. */

static int probs_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct attn_attr *a = n->attr;
    n->ws_bytes = attn_tables_bytes(n);
    size_t kernel = kernels_get()->attn_ws_bytes(a->T, a->S, a->s.D, a->s.clip, false);
    n->tws_bytes = kernel + ((size_t)a->S + (size_t)a->T) * (size_t)a->s.D * sizeof(float);
    int slices[2] = {attn_table_slices(n), g->opts.rows * a->s.H};
    return n->ws_bytes ? node_phases(g, n, 2, slices, e) : node_phases(g, n, 1, slices + 1, e);
}

static void probs_run(const struct node *n, const struct run *r, int phase, int slice)
{
    if (n->ws_bytes && phase == 0) {
        attn_table_slice(n, r, slice);
        return;
    }
    const struct attn_attr *a = n->attr;
    int H = a->s.H, D = a->s.D, h = slice % H;
    float *hot = (float *)(void *)r->tws, *out = hot + (size_t)a->S * (size_t)D;
    void *ws = out + (size_t)a->T * (size_t)D;
    float *P = (float *)n->out[0]->data + (int64_t)slice * a->T * a->S;
    struct attn v = attn_view(n, r, slice / H);
    /* One head at a time: k of its group, and values of our own. */
    int hk = h / (H / a->s.Hk);
    v.q = (const float *)v.q + (int64_t)h * D;
    v.k = (const float *)v.k + (int64_t)hk * D;
    if (v.alibi) v.alibi += h;
    if (v.sink) v.sink += h;
    if (v.rel_bias) v.rel_bias += h * v.rel_ld;
    v.H = v.Hk = 1;
    v.v = hot;
    v.v_stride = v.o_stride = D;
    v.out = out;
    v.shaw_v = NULL;
    v.drop_below = 0;
    for (int first = 0; first < a->S; first += D) {
        int some = a->S - first < D ? a->S - first : D;
        memset(hot, 0, (size_t)a->S * (size_t)D * sizeof *hot);
        for (int k = 0; k < some; k++) hot[(size_t)(first + k) * (size_t)D + (size_t)k] = 1;
        r->k->attn_fwd(&v, 0, 0, a->T, ws);
        for (int t = 0; t < a->T; t++)
            memcpy(P + (int64_t)t * a->S + first, out + (int64_t)t * D, (size_t)some * sizeof *P);
    }
}

static const struct op probs_op = {.name = "attn_probs", .plan = probs_plan, .run = probs_run};

struct tensor *lens_attention(struct graph *g, int layer, bool cross)
{
    struct node *of = NULL;
    for (int nth = 0; (of = find(g, "attn", layer, nth)) != NULL; nth++)
        if ((of->in[ATTN_KV] != NULL) == cross) break;
    if (!of || of->in[ATTN_Q]->dtype != DT_F32) return NULL;
    struct attn_attr *a = of->attr;
    struct node *n = node_new(g, &probs_op, a);
    if (!n) return NULL;
    n->layer = layer;
    for (int i = 0; i < of->n_in; i++) node_in(n, of->in[i]);
    struct tensor *P = tensor_2d(g, DT_F32, (int64_t)g->opts.rows * a->s.H * a->T, a->S, "attention probabilities");
    node_out(n, P);
    graph_output(g, P);
    return P;
}

bool lens_experts(struct graph *g, int layer, struct tensor **ids, struct tensor **weights)
{
    struct node *n = find(g, "router", layer, 0);
    if (!n) return false;
    *weights = n->out[0];
    *ids = n->out[1];
    graph_output(g, *weights);
    graph_output(g, *ids);
    return true;
}
