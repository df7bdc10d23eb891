/* op_moe.c - routers: weights, choices, both losses, the gradient of
 * sum(out gout) + 0.01 aux + 0.001 z.  The words of the name say which router:
 * softmax_topk[_norm|_nonorm], topk_softmax, sigmoid[_norm]. */
#include <stdlib.h>
#include <string.h>

#include "tests/golden/golden.h"

enum { AUX_PER_MILLE = 10, Z_PER_MILLE = 1 };

struct router_case {
    struct report *r;
    const struct safetensors *s;
    struct graph *g;
    struct exec *x;
    struct params *p;
};

static void compare(struct router_case *c, const char *key, const float *got, int64_t n, double tol)
{
    int64_t have;
    float *want = read_f32(c->s, key, &have);
    if (want && have != n) report_fail(c->r, "%s has another size", key);
    else if (want) report_error(c->r, key, rel_error(got, want, n, 0), tol, "");
    free(want);
}

/* torch gives the chosen in an order of its own: compared token by token as sets. */
static void compare_ids(struct router_case *c, const int32_t *got, int64_t N, int64_t K)
{
    int64_t n;
    float *want = read_f32(c->s, "ids", &n);
    for (int64_t t = 0; want && n == N * K && t < N; t++)
        for (int64_t k = 0; k < K; k++) {
            bool found = false;
            for (int64_t j = 0; j < K; j++) found |= got[t * K + j] == (int32_t)want[t * K + k];
            if (!found) report_fail(c->r, "token %lld does not choose expert %d", (long long)t, (int)want[t * K + k]);
        }
    free(want);
}

static struct router_rule rule_of(const char *name, int E, int K)
{
    struct router_rule r = {.score = ROUTER_SOFTMAX, .experts = E, .top_k = K, .groups = 1, .topk_groups = 1, .scale = 1};
    if (strstr(name, "sigmoid")) r.score = ROUTER_SIGMOID;
    if (strstr(name, "topk_softmax")) r.score = ROUTER_TOPK_SOFTMAX;
    const char *scale = strstr(name, "scale");
    if (scale) r.scale = strtof(scale + 5, NULL);
    bool norm = strstr(name, "norm") && !strstr(name, "nonorm");
    r.renorm = r.score != ROUTER_TOPK_SOFTMAX && norm;
    return r;
}

static int run(struct router_case *c, const char *name, struct pool *pool, struct err *e)
{
    int64_t n, n_out;
    float *logits = read_f32(c->s, "in.logits", &n), *gout = read_f32(c->s, "gout", &n_out);
    int i = st_find(c->s, "in.logits"), j = st_find(c->s, "out"), ret = -1;
    if (!logits || !gout || st_tensor(c->s, i)->ndim != 2 || j < 0 || st_tensor(c->s, j)->ndim != 2) {
        err_set(e, ERR_DATA, "in.logits, gout or out are missing");
        goto out;
    }
    int N = (int)st_tensor(c->s, i)->dim[0], E = (int)st_tensor(c->s, i)->dim[1], K = (int)st_tensor(c->s, j)->dim[1];
    struct graph_opts o = {.compute = DT_F32, .training = true, .rows = 1, .T = N, .leaves = 1};
    struct router_rule rule = rule_of(name, E, K);
    struct routing to;
    c->g = graph_new(&o, e);
    c->p = c->g ? params_new(e) : NULL;
    struct param *bias = NULL;
    if (!c->p) goto out;
    struct tensor *x = graph_input(c->g, "logits", DT_F32, 2, (int64_t[]){N, E});
    x->needs_grad = true;
    if (rule.score == ROUTER_SIGMOID) bias = params_add(c->p, "bias", DT_F32, 1, (int64_t[]){E}, PARAM_FROZEN, e);
    struct router_stats *stats = router_stats_new(c->g, 1, E, K, true);
    struct tensor *given = graph_input(c->g, "router_counts", DT_F32, 1, (int64_t[]){E});
    op_router(c->g, x, bias ? graph_param(c->g, bias) : NULL, &rule, stats, 0, &to);
    struct tensor *loss = op_router_loss(c->g, stats, given, AUX_LAYER, AUX_PER_MILLE / 1000.0f, Z_PER_MILLE / 1000.0f);
    struct tensor *dy = graph_input(c->g, "dy", DT_F32, 2, (int64_t[]){N, K});
    graph_output(c->g, to.weights);
    graph_output(c->g, to.ids);
    if (graph_error(c->g, e) || graph_backward_from(c->g, to.weights, dy, e)) goto out;
    graph_output(c->g, x->grad);
    if (params_alloc(c->p, false, e) || graph_plan(c->g, pool_threads(pool), e) || !(c->x = exec_new(c->g, pool, e)))
        goto out;
    memcpy(x->data, logits, (size_t)n * sizeof *logits);
    memcpy(dy->data, gout, (size_t)n_out * sizeof *gout);
    float *b = bias ? read_f32(c->s, "bias", NULL) : NULL;
    if (bias) memset(bias->data, 0, (size_t)E * sizeof *b);
    if (b) memcpy(bias->data, b, (size_t)E * sizeof *b);
    free(b);
    if (exec_run(c->x, &(struct run_args){.loss_scale = 1, .grads = true}, e)) goto out;
    float aux = ((float *)loss->data)[0] * (1000.0f / AUX_PER_MILLE), z = ((float *)loss->data)[1] * (1000.0f / Z_PER_MILLE);
    compare_ids(c, to.ids->data, N, K);
    compare(c, "out", to.weights->data, n_out, tol_forward);
    compare(c, "aux", &aux, 1, tol_forward);
    compare(c, "zloss", &z, 1, tol_forward);
    compare(c, "grad.logits", x->grad->data, n, tol_grad);
    ret = 0;
out:
    free(logits);
    free(gout);
    return ret;
}

int run_router_case(struct report *r, const struct safetensors *s, const char *name, struct pool *pool, struct err *e)
{
    struct router_case c = {.r = r, .s = s};
    int ret = run(&c, name, pool, e);
    exec_free(c.x);
    graph_free(c.g);
    params_free(c.p);
    return ret;
}
