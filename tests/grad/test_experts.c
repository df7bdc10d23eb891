/* Mixture of experts: every router's gradient and the path to the experts and
 * back by finite differences, against a dense computation, and the same bits
 * for every number of threads. */
#include "tests/grad/grad.h"

#include "core/tensor/op_router.h"

enum { E = 5, K = 2, C = 12, F = 20, ROWS = 4, LEN = 7, N = ROWS * LEN };

static struct router_rule rule(enum router_score score, bool renorm)
{
    return (struct router_rule){.score = score, .experts = E, .top_k = K, .groups = 1, .topk_groups = 1,
                                .renorm = renorm, .scale = 1.5f};
}

/* Logits apart by more than a difference can move them: no choice flips. */
static void fill_logits(float *x, int64_t n)
{
    struct rng_key k = rng_key(5, RNG_TEST, 0, 0);
    for (int64_t t = 0; t < n; t++)
        for (int e = 0; e < E; e++)
            x[t * E + e] = 0.4f * (float)((e * 2 + (int)rng_below(&k, (uint64_t)t, E)) % E) - 0.8f;
}

static void check_router(enum router_score score, bool renorm, bool losses)
{
    struct grad_case c = {.opts = {.compute = DT_F32, .rows = ROWS, .T = LEN, .leaves = 2}, .threads = 2};
    case_begin(&c);
    struct tensor *logits = case_input(&c, "logits", E);
    struct router_rule r = rule(score, renorm);
    struct router_stats *stats = losses ? router_stats_new(c.g, 1, E, K, true) : NULL;
    struct routing to;
    assert_true(op_router(c.g, logits, NULL, &r, stats, 0, &to));
    case_ready(&c, to.weights);
    fill_logits(logits->data, N);
    case_check(&c);
    case_end(&c);
}

static void routers_have_the_gradient_of_their_weights(void **state)
{
    (void)state;
    check_router(ROUTER_SOFTMAX, true, false);
    check_router(ROUTER_SOFTMAX, false, true);
    check_router(ROUTER_SIGMOID, true, false);
    check_router(ROUTER_SIGMOID, false, false);
    check_router(ROUTER_TOPK_SOFTMAX, false, false);
}

/* The losses' own gradient: y = {aux, z}, and f must stay as it is, so counts are given. */
static void router_losses_have_their_gradient(void **state)
{
    (void)state;
    for (int s = 0; s < 3; s++) {
        struct grad_case c = {.opts = {.compute = DT_F32, .rows = ROWS, .T = LEN, .leaves = 2}};
        case_begin(&c);
        struct tensor *logits = case_input(&c, "logits", E);
        struct router_rule r = rule((enum router_score)s, false);
        struct router_stats *stats = router_stats_new(c.g, 1, E, K, true);
        struct tensor *given = graph_input(c.g, "router_counts", DT_F32, 1, (int64_t[]){E});
        struct routing to;
        assert_true(op_router(c.g, logits, NULL, &r, stats, 0, &to));
        struct tensor *loss = op_router_loss(c.g, stats, given, AUX_LAYER, 0.3f, 0.2f);
        case_ready(&c, to.weights);
        fill_logits(logits->data, N);
        memset(c.dy->data, 0, tensor_bytes(c.dy)); /* what is left is the losses' */
        double ignored;
        case_loss(&c, true, &ignored);
        const float *dl = logits->grad->data, *v = loss->data;
        float *x = logits->data;
        for (int i = 0; i < 40; i++) {
            float kept = x[i * 3], h = 0x1p-6f;
            double at[2];
            for (int j = 0; j < 2; j++) {
                x[i * 3] = kept + (j ? -h : h);
                case_loss(&c, false, &ignored);
                at[j] = (double)v[0] + (double)v[1];
            }
            x[i * 3] = kept;
            double d = (at[0] - at[1]) / (2 * (double)h);
            /* values of about 1 rounded to 2^-24, over h */
            if (!(fabs(d - (double)dl[i * 3]) < 2e-5)) fail_msg("score %d, %d: %g, not %g", s, i, (double)dl[i * 3], d);
        }
        case_end(&c);
    }
}

static struct tensor *experts(struct grad_case *c, const char *name, int64_t a, int64_t b)
{
    struct err e;
    struct param *p = params_add(c->params, name, DT_F32, 3, (int64_t[]){E, a, b}, 0, &e);
    if (!p) fail_msg("%s", e.msg);
    return graph_param(c->g, p);
}

static struct tensor *moe(struct grad_case *c, struct tensor *x, struct tensor *logits, struct routing *to, bool clamped)
{
    struct router_rule r = rule(ROUTER_SOFTMAX, true);
    assert_true(op_router(c->g, logits, NULL, &r, NULL, 0, to));
    struct tensor *xs = op_dispatch(c->g, x, to);
    struct tensor *gu = op_grouped(c->g, xs, to, experts(c, "gate_up", 2 * F, C), case_param(c, "gate_up_b", E * 2 * F, 0));
    struct tensor *h = clamped ? op_glu_clamped(c->g, gu, 1.5f, 1.702f) : op_glu(c->g, gu, ACT_SILU);
    struct tensor *ys = op_grouped(c->g, h, to, experts(c, "down", C, F), case_param(c, "down_b", E * C, 0));
    return op_combine(c->g, ys, to, x);
}

static void check_moe(int leaves, int one_expert)
{
    struct grad_case c = {.opts = {.compute = DT_F32, .rows = ROWS, .T = LEN, .leaves = leaves}, .threads = 2};
    case_begin(&c);
    struct tensor *x = case_input(&c, "x", C), *logits = case_input(&c, "logits", E);
    struct routing to;
    case_ready(&c, moe(&c, x, logits, &to, false));
    fill_logits(logits->data, N);
    for (int i = 0; one_expert && i < N; i++) {
        ((float *)logits->data)[i * E + 3] = 4;
        ((float *)logits->data)[i * E + 1] = 2;
    }
    case_check(&c);
    case_end(&c);
}

static void tokens_go_to_experts_and_back(void **state)
{
    (void)state;
    check_moe(1, 0);
    check_moe(4, 0);
}

static void all_tokens_may_choose_the_same_experts(void **state)
{
    (void)state;
    check_moe(2, 1);
}

/* At a limit there is no derivative: values are kept off it. */
static void the_clamped_unit_has_its_gradient(void **state)
{
    (void)state;
    struct grad_case c = {.opts = {.compute = DT_F32, .rows = 2, .T = 9}};
    case_begin(&c);
    struct tensor *x = case_input(&c, "x", 2 * 21);
    case_ready(&c, op_glu_clamped(c.g, x, 1.0f, 1.702f));
    float *v = x->data;
    for (int64_t i = 0; i < tensor_n(x); i++)
        if (fabsf(fabsf(v[i]) - 1) < 0.1f) v[i] *= 0.8f;
    case_check(&c);
    case_end(&c);
}

/* dense sums in double, from the routing of the graph */
static void dropless_experts_equal_a_dense_sum(void **state)
{
    (void)state;
    struct grad_case c = {.opts = {.compute = DT_F32, .rows = ROWS, .T = LEN, .leaves = 2}};
    case_begin(&c);
    struct tensor *x = case_input(&c, "x", C), *logits = case_input(&c, "logits", E);
    struct routing to;
    struct tensor *y = moe(&c, x, logits, &to, true);
    graph_output(c.g, to.ids);
    graph_output(c.g, to.weights);
    case_ready(&c, y);
    double ignored;
    case_loss(&c, false, &ignored);
    const float *gu = params_find(c.params, "gate_up")->data, *gub = params_find(c.params, "gate_up_b")->data;
    const float *dn = params_find(c.params, "down")->data, *dnb = params_find(c.params, "down_b")->data, *in = x->data;
    for (int n = 0; n < N; n++) {
        double out[C];
        for (int i = 0; i < C; i++) out[i] = (double)in[n * C + i];
        for (int k = 0; k < K; k++) {
            int e = ((int32_t *)to.ids->data)[n * K + k];
            double h[2 * F], w = (double)((float *)to.weights->data)[n * K + k];
            for (int f = 0; f < 2 * F; f++) {
                h[f] = (double)gub[e * 2 * F + f];
                for (int i = 0; i < C; i++) h[f] += (double)gu[(e * 2 * F + f) * C + i] * (double)in[n * C + i];
            }
            for (int f = 0; f < F; f++) {
                double g = fmin(h[f], 1.5), u = fmax(fmin(h[F + f], 1.5), -1.5);
                h[f] = g / (1 + exp(-(double)1.702f * g)) * (u + 1);
            }
            for (int i = 0; i < C; i++) {
                double s = (double)dnb[e * C + i];
                for (int f = 0; f < F; f++) s += (double)dn[(e * C + i) * F + f] * h[f];
                out[i] += w * s;
            }
        }
        for (int i = 0; i < C; i++)
            if (!(fabs(out[i] - (double)((float *)y->data)[n * C + i]) < 1e-4)) fail_msg("token %d, element %d", n, i);
    }
    case_end(&c);
}

/* By hand: ties, the correction bias, groups. */
static void choices_follow_their_rules(void **state)
{
    (void)state;
    const struct kernels *k = kernels_get();
    float p[8], w[4];
    int32_t ids[4];
    struct router_rule r = {.score = ROUTER_SOFTMAX, .experts = 4, .top_k = 2, .groups = 1, .topk_groups = 1, .scale = 1};
    router_choose(k, &r, (float[]){1, 2, 2, 2}, NULL, p, w, ids);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[1], 2);
    assert_true(w[0] == w[1]);
    router_choose(k, &r, (float[]){NAN, NAN, NAN, NAN}, NULL, p, w, ids);
    assert_int_equal(ids[0], 0);
    assert_int_equal(ids[1], 1);
    /* the bias changes who is chosen, not the weight */
    r.score = ROUTER_SIGMOID;
    router_choose(k, &r, (float[]){0, 3, 2, 1}, (float[]){1, 0, 0, 0}, p, w, ids);
    assert_int_equal(ids[0], 0);
    assert_int_equal(ids[1], 1);
    assert_true(fabsf(w[0] - 0.5f) < 1e-6f);
    /* group 1 holds the best expert, group 0 the best two together */
    r.groups = 2;
    router_choose(k, &r, (float[]){2, 2, 3, -5}, NULL, p, w, ids);
    assert_int_equal(ids[0], 0);
    assert_int_equal(ids[1], 1);
}

/* Gradients of every expert for 1 and 3 threads. */
static void threads_never_show(void **state)
{
    (void)state;
    float *kept[4] = {NULL};
    for (int run = 0; run < 2; run++) {
        struct grad_case c = {.opts = {.compute = DT_F32, .rows = ROWS, .T = LEN, .leaves = 4}, .threads = run ? 3 : 1};
        case_begin(&c);
        struct tensor *x = case_input(&c, "x", C), *logits = case_input(&c, "logits", E);
        struct routing to;
        case_ready(&c, moe(&c, x, logits, &to, false));
        double ignored;
        case_loss(&c, true, &ignored);
        assert_int_equal(c.params->n, 4);
        for (int i = 0; i < 4; i++) {
            size_t bytes = (size_t)c.params->v[i]->n * sizeof(float);
            if (run) assert_memory_equal(kept[i], c.params->v[i]->grad, bytes);
            else kept[i] = memcpy(malloc(bytes), c.params->v[i]->grad, bytes);
        }
        case_end(&c);
    }
    for (int i = 0; i < 4; i++) free(kept[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routers_have_the_gradient_of_their_weights),
        cmocka_unit_test(router_losses_have_their_gradient),
        cmocka_unit_test(tokens_go_to_experts_and_back),
        cmocka_unit_test(all_tokens_may_choose_the_same_experts),
        cmocka_unit_test(the_clamped_unit_has_its_gradient),
        cmocka_unit_test(dropless_experts_equal_a_dense_sum),
        cmocka_unit_test(choices_follow_their_rules),
        cmocka_unit_test(threads_never_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
