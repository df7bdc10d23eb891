/* op_router_loss.c - load balancing and z loss of all routers; see op_router.h. */
#include <string.h>

#include "core/tensor/op_router.h"

struct router_loss {
    const struct router_stats *s;
    enum aux_norm norm;
    float aux_coef, z_coef;
};

enum { IN_COUNTS, IN_PROBS, IN_GIVEN };
enum { OUT_LOSS, OUT_COEF };

static int loss_plan(struct graph *g, struct node *n, struct err *e)
{
    return node_phases(g, n, 1, (int[]){1}, e);
}

/* Slots of expert e in layer l: of the whole batch when it is given, else of this execution. */
static double count_at(const struct node *n, bool given, int64_t i)
{
    return given ? (double)((const float *)n->in[IN_GIVEN]->data)[i] : (double)((const int32_t *)n->in[IN_COUNTS]->data)[i];
}

/* d loss / d P of every layer, and half of d loss / d (lse^2); returns the tokens of the batch. */
static void fill_coef(const struct node *n)
{
    const struct router_loss *a = n->attr;
    int E = a->s->experts, L = a->s->layers;
    const float *in = n->in[IN_GIVEN]->data;
    float *coef = n->out[OUT_COEF]->data;
    bool given = false;
    double slots = 0;
    for (int e = 0; e < E; e++) given |= in[e] > 0;
    for (int e = 0; e < E; e++) slots += count_at(n, given, e);
    double tokens = slots / a->s->top_k;
    for (int l = 0; l < L; l++, coef += E + 1) {
        for (int e = 0; e < E; e++) {
            double f = count_at(n, given, (int64_t)l * E + e) / slots / tokens;
            if (a->norm == AUX_MODEL) {
                f = 0;
                for (int j = 0; j < L; j++) f += count_at(n, given, (int64_t)j * E + e);
                f /= L * tokens * (L * tokens);
            }
            coef[e] = (float)((double)a->aux_coef * E * f);
        }
        coef[E] = (float)(2 * (double)a->z_coef / tokens);
    }
}

/* Leaves are added by the canonical tree, so that executions can go on with it. */
static void loss_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    (void)slice;
    const struct router_loss *a = n->attr;
    int E = a->s->experts, leaves = r->opts->leaves, top = 0;
    const float *probs = n->in[IN_PROBS]->data, *coef = n->out[OUT_COEF]->data;
    float v[33][2];
    fill_coef(n);
    for (int leaf = 0; leaf < leaves; leaf++) {
        double aux = 0, z = 0;
        for (int l = 0; l < a->s->layers; l++) {
            const float *P = probs + ((int64_t)l * leaves + leaf) * (E + 1), *c = coef + (int64_t)l * (E + 1);
            for (int e = 0; e < E; e++) aux += (double)P[e] * (double)c[e];
            z += (double)P[E] * (double)c[E] / 2;
        }
        v[top][0] = (float)aux;
        v[top][1] = (float)z;
        for (int bits = leaf; bits & 1; bits >>= 1, top--)
            for (int i = 0; i < 2; i++) v[top - 1][i] += v[top][i];
        top++;
    }
    memcpy(n->out[OUT_LOSS]->data, v[0], sizeof v[0]);
}

static const struct op router_loss_op = {.name = "router_loss", .plan = loss_plan, .run = loss_run};

struct tensor *op_router_loss(struct graph *g, struct router_stats *stats, struct tensor *given, enum aux_norm norm,
                              float aux_coef, float z_coef)
{
    if (!stats || graph_failed(g)) return NULL;
    if (!stats->probs || !given || given->dtype != DT_F32 || tensor_n(given) != (int64_t)stats->layers * stats->experts)
        return graph_fail(g, ERR_INTERNAL, "router_loss: statistics do not match");
    struct router_loss *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &router_loss_op, a) : NULL;
    if (!n) return NULL;
    *a = (struct router_loss){stats, norm, aux_coef, z_coef};
    node_in(n, stats->counts);
    node_in(n, stats->probs);
    node_in(n, given);
    struct tensor *loss = tensor_1d(g, DT_F32, 2, "router losses");
    node_out(n, loss);
    stats->coef = tensor_2d(g, DT_F32, stats->layers, stats->experts + 1, "router loss gradient");
    node_out(n, stats->coef);
    graph_output(g, loss);
    return loss;
}
