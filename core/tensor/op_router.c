#include "core/tensor/op_router.h"

#include <string.h>

struct router {
    struct router_rule rule;
    struct router_stats *stats;
    int layer;               /* row of the statistics */
    int64_t N;
};

enum { IN_LOGITS, IN_CORRECTION };
enum { OUT_WEIGHTS, OUT_IDS, OUT_COUNTS, OUT_PROBS };

/* ---- one token ---- */

/* ids = the n largest of v[0, count), falling; ties, and what a NaN leaves, to the lowest. */
static void top(const float *v, int count, int n, int32_t *ids)
{
    bool taken[ROUTER_MAX_EXPERTS] = {false};
    for (int j = 0; j < n; j++) {
        int best = -1;
        for (int i = 0; i < count; i++)
            if (!taken[i] && (best < 0 || v[i] > v[best])) best = i;
        taken[best] = true;
        ids[j] = best;
    }
}

/* Scores outside of the best groups become 0; a group is worth its two best scores, of softmax its best (DeepSeek-V2). */
static void keep_groups(const struct router_rule *r, float *v)
{
    int size = r->experts / r->groups;
    float sum[ROUTER_MAX_EXPERTS];
    int32_t two[2], kept[ROUTER_MAX_EXPERTS];
    bool keep[ROUTER_MAX_EXPERTS] = {false};
    for (int i = 0; i < r->groups; i++) {
        bool pair = r->score == ROUTER_SIGMOID;
        top(v + i * size, size, pair ? 2 : 1, two);
        sum[i] = pair ? v[i * size + two[0]] + v[i * size + two[1]] : v[i * size + two[0]];
    }
    top(sum, r->groups, r->topk_groups, kept);
    for (int i = 0; i < r->topk_groups; i++) keep[kept[i]] = true;
    for (int i = 0; i < r->experts; i++)
        if (!keep[i / size]) v[i] = 0;
}

void router_choose(const struct kernels *k, const struct router_rule *r, const float *logits, const float *correction,
                   float *p, float *weights, int32_t *ids)
{
    int E = r->experts, K = r->top_k;
    float v[ROUTER_MAX_EXPERTS];
    const float *by = p;
    if (r->score == ROUTER_SOFTMAX) {
        k->softmax(p, logits, (size_t)E);
        if (r->groups > 1) {
            memcpy(v, p, (size_t)E * sizeof *v);
            keep_groups(r, v);
            by = v;
        }
    } else if (r->score == ROUTER_SIGMOID) {
        k->act(ACT_SIGMOID, p, logits, (size_t)E);
        if (correction) k->add(v, p, correction, (size_t)E);
        else memcpy(v, p, (size_t)E * sizeof *v);
        if (r->groups > 1) keep_groups(r, v);
        by = v;
    } else {
        by = logits;
    }
    top(by, E, K, ids);
    if (r->score == ROUTER_TOPK_SOFTMAX) {
        for (int j = 0; j < K; j++) v[j] = logits[ids[j]];
        k->softmax(weights, v, (size_t)K);
    } else {
        float sum = 0;
        for (int j = 0; j < K; j++) {
            weights[j] = p[ids[j]];
            sum += weights[j];
        }
        if (r->score == ROUTER_SIGMOID) sum += 1e-20f;
        for (int j = 0; j < K && r->renorm; j++) weights[j] /= sum;
    }
    for (int j = 0; j < K; j++) weights[j] *= r->scale;
}

float router_probs(const struct kernels *k, const struct router_rule *r, const float *logits, float *P)
{
    size_t E = (size_t)r->experts;
    float lse = k->softmax(P, logits, E);
    if (r->score != ROUTER_SIGMOID) return lse;
    k->act(ACT_SIGMOID, P, logits, E);
    float sum = k->sum(P, E);
    for (size_t e = 0; e < E; e++) P[e] /= sum;
    return lse;
}

/* ---- forward ---- */

/* Rows, then one slice a leaf for the sums of P and one for the counts. */
static int router_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct router *a = n->attr;
    n->rows = slice_items(a->N, 16 * (int64_t)a->rule.experts, g->n_threads);
    int slices[2] = {(int)div_up(a->N, n->rows), 1 + (n->out[OUT_PROBS] ? g->opts.leaves : 0)};
    return node_phases(g, n, n->out[OUT_COUNTS] ? 2 : 1, slices, e);
}

static void choose_rows(const struct node *n, const struct run *r, int slice)
{
    const struct router *a = n->attr;
    int64_t E = a->rule.experts, K = a->rule.top_k, end = min_i64((slice + 1) * n->rows, a->N);
    const float *logits = n->in[IN_LOGITS]->data;
    const float *correction = n->in[IN_CORRECTION] ? n->in[IN_CORRECTION]->data : NULL;
    float p[ROUTER_MAX_EXPERTS], *w = n->out[OUT_WEIGHTS]->data;
    int32_t *ids = n->out[OUT_IDS]->data;
    for (int64_t t = slice * n->rows; t < end; t++)
        router_choose(r->k, &a->rule, logits + t * E, correction, p, w + t * K, ids + t * K);
}

static void count(const struct node *n)
{
    const struct router *a = n->attr;
    int32_t *counts = (int32_t *)n->out[OUT_COUNTS]->data + (int64_t)a->layer * a->rule.experts;
    const int32_t *ids = n->out[OUT_IDS]->data;
    memset(counts, 0, (size_t)a->rule.experts * sizeof *counts);
    for (int64_t i = 0; i < a->N * a->rule.top_k; i++) counts[ids[i]]++;
}

/* Sums over the tokens of a leaf, in order. */
static void sum_leaf(const struct node *n, const struct run *r, int leaf)
{
    const struct router *a = n->attr;
    int64_t E = a->rule.experts, rows = a->N / r->opts->leaves;
    const float *logits = n->in[IN_LOGITS]->data;
    float P[ROUTER_MAX_EXPERTS];
    double sum[ROUTER_MAX_EXPERTS + 1] = {0};
    for (int64_t t = leaf * rows; t < (leaf + 1) * rows; t++) {
        float lse = router_probs(r->k, &a->rule, logits + t * E, P);
        for (int64_t e = 0; e < E; e++) sum[e] += (double)P[e];
        sum[E] += (double)lse * (double)lse;
    }
    float *out = (float *)n->out[OUT_PROBS]->data + ((int64_t)a->layer * r->opts->leaves + leaf) * (E + 1);
    for (int64_t e = 0; e <= E; e++) out[e] = (float)sum[e];
}

static void router_run(const struct node *n, const struct run *r, int phase, int slice)
{
    if (phase == 0) choose_rows(n, r, slice);
    else if (slice == 0) count(n);
    else sum_leaf(n, r, slice - 1);
}

/* ---- backward ---- */

enum { BWD_LOGITS, BWD_DW, BWD_W, BWD_IDS, BWD_COEF };

static int bwd_plan(struct graph *g, struct node *n, struct err *e)
{
    const struct router *a = n->attr;
    return node_rows(g, n, a->N, 16 * (int64_t)a->rule.experts, e);
}

/* Through the weights of the chosen: d score of each of them (of topk_softmax: d logit). */
static void chosen_bwd(const struct router_rule *r, const float *p, const int32_t *ids, const float *w, const float *dw,
                       float *d)
{
    int K = r->top_k;
    float inner = 0, sum = r->score == ROUTER_SIGMOID ? 1e-20f : 0;
    for (int j = 0; j < K; j++) {
        inner += dw[j] * w[j];
        sum += p[ids[j]];
    }
    for (int j = 0; j < K; j++) {
        if (r->score == ROUTER_TOPK_SOFTMAX) d[j] = w[j] * (dw[j] - inner / r->scale);
        else if (r->renorm) d[j] = (dw[j] * r->scale - inner) / sum;
        else d[j] = dw[j] * r->scale;
    }
}

/* Through P and lse^2; c [E+1] holds d/dP and d/d(lse^2)/2. */
static void loss_bwd(const struct kernels *k, const struct router_rule *r, const float *logits, const float *c, float *dl)
{
    int E = r->experts;
    float P[ROUTER_MAX_EXPERTS], s[ROUTER_MAX_EXPERTS];
    float lse = router_probs(k, r, logits, P), inner = 0;
    for (int e = 0; e < E; e++) inner += P[e] * c[e];
    if (r->score != ROUTER_SIGMOID) {
        for (int e = 0; e < E; e++) dl[e] += P[e] * (c[e] - inner) + c[E] * lse * P[e];
        return;
    }
    k->act(ACT_SIGMOID, s, logits, (size_t)E);
    for (int e = 0; e < E; e++) dl[e] += P[e] * (c[e] - inner) * (1 - s[e]);
    k->softmax(P, logits, (size_t)E);
    for (int e = 0; e < E; e++) dl[e] += c[E] * lse * P[e];
}

static void token_bwd(const struct router *a, const struct kernels *k, const float *logits, const float *w,
                      const float *dw, const int32_t *ids, const float *coef, float *dl)
{
    const struct router_rule *r = &a->rule;
    int E = r->experts, K = r->top_k;
    float p[ROUTER_MAX_EXPERTS], d[ROUTER_MAX_EXPERTS];
    if (r->score == ROUTER_SIGMOID) k->act(ACT_SIGMOID, p, logits, (size_t)E);
    else k->softmax(p, logits, (size_t)E);
    chosen_bwd(r, p, ids, w, dw, d);
    memset(dl, 0, (size_t)E * sizeof *dl);
    if (r->score == ROUTER_SOFTMAX) {
        float inner = 0;
        for (int j = 0; j < K; j++) inner += d[j] * p[ids[j]];
        for (int e = 0; e < E; e++) dl[e] = -p[e] * inner;
        for (int j = 0; j < K; j++) dl[ids[j]] += p[ids[j]] * d[j];
    } else {
        for (int j = 0; j < K; j++) {
            float s = p[ids[j]];
            dl[ids[j]] = r->score == ROUTER_SIGMOID ? d[j] * s * (1 - s) : d[j];
        }
    }
    if (coef) loss_bwd(k, r, logits, coef, dl);
}

static void bwd_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    const struct router *a = n->attr;
    int64_t E = a->rule.experts, K = a->rule.top_k, end = min_i64((slice + 1) * n->rows, a->N);
    const float *logits = n->in[BWD_LOGITS]->data, *dw = n->in[BWD_DW]->data, *w = n->in[BWD_W]->data;
    const int32_t *ids = n->in[BWD_IDS]->data;
    const float *coef = n->in[BWD_COEF] ? (const float *)n->in[BWD_COEF]->data + a->layer * (E + 1) : NULL;
    float dl[ROUTER_MAX_EXPERTS];
    for (int64_t t = slice * n->rows; t < end; t++) {
        token_bwd(a, r->k, logits + t * E, w + t * K, dw + t * K, ids + t * K, coef, dl);
        put_row(r->k, n->out[0], t * E, E, dl, n->accumulate);
    }
}

static const struct op router_bwd_op = {.name = "router_bwd", .plan = bwd_plan, .run = bwd_run};

static void router_vjp(struct graph *g, struct node *n)
{
    const struct router *a = n->attr;
    struct node *b = node_new(g, &router_bwd_op, n->attr);
    if (!b) return;
    node_in(b, n->in[IN_LOGITS]);
    node_in(b, n->out[OUT_WEIGHTS]->grad);
    node_in(b, n->out[OUT_WEIGHTS]);
    node_in(b, n->out[OUT_IDS]);
    node_in(b, a->stats ? a->stats->coef : NULL);
    node_out(b, grad_slot(g, n->in[IN_LOGITS], &b->accumulate));
}

static const struct op router_op = {.name = "router", .plan = router_plan, .run = router_run, .vjp = router_vjp};

/* ---- the order of rows ---- */

/* A stable counting sort by (expert, leaf): within an expert rows stay in the order of tokens. */
static int sort_plan(struct graph *g, struct node *n, struct err *e)
{
    return node_phases(g, n, 1, (int[]){1}, e);
}

static void sort_run(const struct node *n, const struct run *r, int phase, int slice)
{
    (void)phase;
    (void)slice;
    const struct router *a = n->attr;
    int64_t slots = a->N * a->rule.top_k, leaf = slots / r->opts->leaves, L = r->opts->leaves, bins = a->rule.experts * L;
    const int32_t *ids = n->in[0]->data;
    int32_t *source = n->out[0]->data, *place = n->out[1]->data, *begin = n->out[2]->data, at = 0;
    memset(begin, 0, (size_t)(bins + 1) * sizeof *begin);
    for (int64_t i = 0; i < slots; i++) begin[ids[i] * L + i / leaf]++;
    for (int64_t i = 0; i <= bins; i++) {
        int32_t count_i = begin[i];
        begin[i] = at;
        at += count_i;
    }
    for (int64_t i = 0; i < slots; i++) {
        int32_t to = begin[ids[i] * L + i / leaf]++;
        place[i] = to;
        source[to] = (int32_t)i;
    }
    for (int64_t i = bins; i > 0; i--) begin[i] = begin[i - 1]; /* each had moved to its end */
    begin[0] = 0;
}

static const struct op sort_op = {.name = "route", .plan = sort_plan, .run = sort_run};

/* ---- builders ---- */

struct router_stats *router_stats_new(struct graph *g, int layers, int experts, int top_k, bool losses)
{
    struct router_stats *s = graph_zalloc(g, 1, sizeof *s);
    if (!s) return NULL;
    s->layers = layers;
    s->experts = experts;
    s->top_k = top_k;
    s->counts = tensor_2d(g, DT_I32, layers, experts, "expert counts");
    if (losses) s->probs = tensor_2d(g, DT_F32, (int64_t)layers * g->opts.leaves, experts + 1, "router sums");
    graph_output(g, s->counts);
    return graph_failed(g) ? NULL : s;
}

static struct tensor *ints(struct graph *g, struct node *n, int64_t count_of, const char *name)
{
    struct tensor *t = tensor_1d(g, DT_I32, count_of, name);
    node_out(n, t);
    if (t) t->needs_grad = false;
    return t;
}

static bool check_router(struct graph *g, const struct tensor *logits, const struct tensor *correction,
                         const struct router_rule *r, const struct router_stats *stats, int layer)
{
    if (!want_2d(g, "router", logits) || !want_vector(g, "router", correction, r->experts)) return false;
    if (logits->dtype != DT_F32 || logits->dim[1] != r->experts || r->experts > ROUTER_MAX_EXPERTS || r->top_k < 1 ||
        r->top_k > r->experts || r->groups < 1 || r->experts % r->groups || r->topk_groups > r->groups)
        graph_fail(g, ERR_CONFIG, "router: %d of %d experts (%d groups) from '%s' [%lld,%lld]", r->top_k, r->experts,
                   r->groups, logits->name, (long long)logits->dim[0], (long long)logits->dim[1]);
    else if (logits->dim[0] * r->top_k > INT32_MAX)
        graph_fail(g, ERR_CONFIG, "router: a batch of %lld tokens is too large", (long long)logits->dim[0]);
    else if (stats && (stats->experts != r->experts || layer >= stats->layers))
        graph_fail(g, ERR_CONFIG, "router: layers with %d and %d experts in one model", stats->experts, r->experts);
    return !graph_failed(g);
}

bool op_router(struct graph *g, struct tensor *logits, struct tensor *correction, const struct router_rule *rule,
               struct router_stats *stats, int layer, struct routing *out)
{
    *out = (struct routing){.top_k = rule->top_k, .experts = rule->experts};
    if (!check_router(g, logits, correction, rule, stats, layer)) return false;
    struct router *a = graph_zalloc(g, 1, sizeof *a);
    struct node *n = a ? node_new(g, &router_op, a) : NULL;
    if (!n) return false;
    *a = (struct router){*rule, stats, layer, logits->dim[0]};
    int64_t N = a->N, K = rule->top_k;
    node_in(n, logits);
    node_in(n, correction);
    out->weights = tensor_2d(g, DT_F32, N, K, "router weights");
    node_out(n, out->weights);
    out->ids = ints(g, n, N * K, "experts");
    if (stats) {
        node_out(n, stats->counts);
        stats->counts->needs_grad = false;
        node_out(n, stats->probs);
        if (stats->probs) stats->probs->needs_grad = false;
    }
    struct node *s = node_new(g, &sort_op, a);
    node_in(s, out->ids);
    out->source = ints(g, s, N * K, "sorted slots");
    out->place = ints(g, s, N * K, "places");
    out->begin = ints(g, s, (int64_t)rule->experts * g->opts.leaves + 1, "beginnings of experts");
    return !graph_failed(g);
}
