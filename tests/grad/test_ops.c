/* Gradients of every op by finite differences, f32; see grad.h. */
#include "tests/grad/grad.h"

static void set_ids(struct tensor *t, int limit, uint32_t stream)
{
    struct rng_key k = rng_key(5, RNG_TEST, stream, 0);
    for (int64_t i = 0; i < tensor_n(t); i++) ((int32_t *)t->data)[i] = (int32_t)rng_below(&k, (uint64_t)i, (uint64_t)limit);
}

/* Two documents a row: positions count from the document's start. */
static void set_segments(const struct grad_case *c, struct tensor *positions, struct tensor *seg, int cut)
{
    for (int64_t i = 0; i < case_tokens(c); i++) {
        int t = (int)(i % c->opts.T), start = t < cut ? 0 : cut;
        if (positions) ((int32_t *)positions->data)[i] = t - start;
        if (seg) ((int32_t *)seg->data)[i] = start;
    }
}

static void embed_with_learned_positions(void **state)
{
    (void)state;
    for (int leaves = 1; leaves <= 4; leaves *= 2) {
        struct grad_case c = {.opts = {.rows = 4, .T = 6, .leaves = leaves}, .threads = 2};
        case_begin(&c);
        struct tensor *ids = case_ids(&c, "ids"), *pos = case_ids(&c, "positions");
        struct tensor *y = op_embed(c.g, ids, case_param(&c, "wte", 11, 17), 1.5f, pos, case_param(&c, "wpe", 9, 17), 2);
        case_ready(&c, y);
        set_ids(ids, 11, 1);
        set_segments(&c, pos, NULL, 4);
        case_check(&c);
        case_end(&c);
    }
}

/* A padding row is read like any other and not trained. */
static void padding_is_not_trained(void **state)
{
    (void)state;
    struct err e;
    struct grad_case c = {.opts = {.rows = 2, .T = 6, .leaves = 2}};
    case_begin(&c);
    struct tensor *ids = case_ids(&c, "ids");
    case_ready(&c, op_embed_pad(c.g, ids, case_param(&c, "wte", 5, 8), 1, NULL, NULL, 0, 3));
    for (int i = 0; i < 12; i++) ((int32_t *)ids->data)[i] = i % 5;
    must(exec_run(c.x, &(struct run_args){.loss_scale = 1, .grads = true}, &e), &e);
    for (int i = 0; i < 5 * 8; i++) assert_true((c.params->v[0]->grad[i] == 0) == (i / 8 == 3));
    case_end(&c);
}

static void norms(void **state)
{
    (void)state;
    for (int v = 0; v < 6; v++) {
        struct grad_case c = {.opts = {.rows = 2, .T = v < 3 ? 5 : 41, .leaves = 2}};
        case_begin(&c);
        enum norm_kind kind = v % 3 ? NORM_LN : NORM_RMS;
        struct tensor *x = case_input(&c, "x", v < 3 ? 16 : 37), *w = case_param(&c, "w", x->dim[1], 0);
        struct tensor *b = v % 3 == 2 ? case_param(&c, "b", x->dim[1], 0) : NULL;
        case_ready(&c, op_norm(c.g, kind, x, w, b, 1e-5f, false));
        case_check(&c);
        case_end(&c);
    }
}

static void linear_with_every_epilogue(void **state)
{
    (void)state;
    static const enum act acts[] = {ACT_NONE, ACT_GELU_TANH, ACT_GELU_ERF, ACT_SILU, ACT_SIGMOID, ACT_TANH};
    for (int v = 0; v < 8; v++) {
        struct grad_case c = {.opts = {.rows = 4, .T = 5, .leaves = v % 2 ? 4 : 1}, .threads = 2};
        case_begin(&c);
        struct tensor *x = case_input(&c, "x", 19);
        struct linear_spec s = {.n = 1 + v % 3, .act = v < 6 ? acts[v] : ACT_NONE};
        for (int i = 0; i < s.n; i++) {
            char name[12];
            snprintf(name, sizeof name, "w%d", i);
            s.w[i] = case_param(&c, name, 7 + 5 * i, 19);
            snprintf(name, sizeof name, "b%d", i);
            if ((v + i) % 2 == 0) s.b[i] = case_param(&c, name, 7 + 5 * i, 0);
        }
        if (v >= 6) s.residual = case_input(&c, "residual", s.n == 1 ? 7 : s.n == 2 ? 19 : 36);
        case_ready(&c, op_linear(c.g, x, &s));
        case_check(&c);
        case_end(&c);
    }
}

/* The product for dx multiplies by the derivative of the inner activation. */
static void mlp_with_fused_derivative(void **state)
{
    (void)state;
    struct grad_case c = {.opts = {.rows = 2, .T = 9, .leaves = 2}, .threads = 2};
    case_begin(&c);
    struct tensor *x = case_input(&c, "x", 12);
    struct linear_spec up = {
        .n = 1, .act = ACT_GELU_TANH, .w = {case_param(&c, "up", 33, 12)}, .b = {case_param(&c, "ub", 33, 0)}};
    struct tensor *h = op_linear(c.g, x, &up);
    struct linear_spec down = {
        .n = 1, .residual = x, .w = {case_param(&c, "down", 12, 33)}, .b = {case_param(&c, "db", 12, 0)}};
    case_ready(&c, op_linear(c.g, h, &down));
    int act_nodes = 0;
    for (int i = 0; i < c.g->n_nodes; i++) act_nodes += strcmp(c.g->node[i]->op->name, "act_bwd") == 0;
    assert_int_equal(act_nodes, 0);
    case_check(&c);
    case_end(&c);
}

static void activations_and_gated_units(void **state)
{
    (void)state;
    static const enum act acts[] = {ACT_GELU_ERF, ACT_GELU_TANH, ACT_SILU, ACT_SIGMOID, ACT_TANH};
    for (size_t v = 0; v < 2 * COUNT_OF(acts); v++) {
        struct grad_case c = {.opts = {.rows = 2, .T = 3}};
        case_begin(&c);
        struct tensor *x = case_input(&c, "x", 26);
        case_ready(&c, v % 2 ? op_glu(c.g, x, acts[v / 2]) : op_act(c.g, x, acts[v / 2]));
        case_check(&c);
        case_end(&c);
    }
}

/* relu and relu^2 have a kink: elements nearer than 2 h to it are moved away. */
static void activations_with_a_kink(void **state)
{
    (void)state;
    for (int v = 0; v < 2; v++) {
        struct grad_case c = {.opts = {.rows = 2, .T = 3}};
        case_begin(&c);
        struct tensor *x = case_input(&c, "x", 26);
        case_ready(&c, op_act(c.g, x, v ? ACT_RELU2 : ACT_RELU));
        float *p = x->data;
        for (int64_t i = 0; i < tensor_n(x); i++)
            if (fabsf(p[i]) < 0.1f) p[i] = p[i] < 0 ? -0.2f : 0.2f;
        case_check(&c);
        case_end(&c);
    }
}

static void sums_and_fan_out(void **state)
{
    (void)state;
    struct grad_case c = {.opts = {.rows = 2, .T = 4}};
    case_begin(&c);
    struct tensor *a = case_input(&c, "a", 10), *b = case_input(&c, "b", 10);
    struct tensor *s = op_add(c.g, a, b), *t = op_add(c.g, s, op_scale(c.g, s, 0.75f));
    struct tensor *u = op_add(c.g, op_act(c.g, t, ACT_TANH), op_add(c.g, t, t));
    case_ready(&c, op_add(c.g, u, op_act(c.g, a, ACT_SILU)));
    case_check(&c);
    case_end(&c);
}

static void dropout_with_residual(void **state)
{
    (void)state;
    struct grad_case c = {.opts = {.rows = 3, .T = 4}};
    case_begin(&c);
    struct tensor *x = case_input(&c, "x", 21), *r = case_input(&c, "r", 21);
    struct tensor *y = op_dropout(c.g, op_dropout(c.g, x, 0.3f, NULL), 0.5f, r);
    case_ready(&c, y);
    case_check(&c);
    int zeros = 0;
    for (int64_t i = 0; i < tensor_n(x); i++) zeros += ((float *)x->grad->data)[i] == 0;
    assert_in_range(zeros, 110, 210); /* 65 % of 252, +- 4 sigma */
    case_end(&c);
}

static void rotary_positions_and_head_norms(void **state)
{
    (void)state;
    float cos_[8 * 3], sin_[8 * 3];
    for (int i = 0; i < 24; i++) {
        cos_[i] = cosf((float)i * 0.37f);
        sin_[i] = sinf((float)i * 0.37f);
    }
    struct rope_table rope = {.n_rot = 6, .max_pos = 8, .cos = cos_, .sin = sin_};
    for (int v = 0; v < 10; v++) {
        struct grad_case c = {.opts = {.rows = 4, .T = 8, .leaves = 2}, .threads = 2};
        case_begin(&c);
        struct qk_spec s = {
            .H = 4, .Hk = 2, .D = 8, .eps = 1e-6f, .interleaved = v & 1, .rope = v < 6 || v == 9 ? &rope : NULL};
        struct tensor *x = case_input(&c, "qkv", 64), *pos = case_ids(&c, "positions");
        if (v >= 8)
            s.ln = true, s.eps = 1e-2f, s.q_norm = case_param(&c, "qn", 32, 0), s.k_norm = case_param(&c, "kn", 16, 0);
        else if (v & 2) s.q_norm = case_param(&c, "qn", 8, 0), s.k_norm = case_param(&c, "kn", 8, 0);
        if (v == 5) s.k_norm = case_param(&c, "kn", 8, 0);
        struct tensor *y = op_qk(c.g, x, pos, &s);
        if (y == x) y = op_scale(c.g, x, 2.0f);
        case_ready(&c, y);
        set_segments(&c, pos, NULL, 5);
        case_check(&c);
        case_end(&c);
    }
}

static void attention(void **state)
{
    (void)state;
    static const float slopes[4] = {0.5f, 0.25f, 0.125f, 0.0625f};
    for (int v = 0; v < 17; v++) {
        struct grad_case c = {.opts = {.rows = 2, .T = v == 9 || v == 11 || v == 13 ? 70 : 13, .leaves = 2}, .threads = 2};
        case_begin(&c);
        struct attn_spec s = {.H = 4, .Hk = v % 3 == 0 ? 4 : v % 3 == 1 ? 2 : 1, .D = 8, .scale = 0.35f,
                              .causal = v != 3 && v != 11 && v != 13};
        if (v == 4) s.window = 5;
        if (v == 5) s.softcap = 1.5f;
        if (v == 6) s.dropout = 0.25f;
        if (v == 7) s.alibi = slopes;
        if (v == 8) s.sink = case_param(&c, "sink", 4, 0);
        if (v == 10 || v == 11) s.t5 = case_param(&c, "t5", 8, 4), s.buckets = 8, s.max_distance = 20;
        if (v >= 12 && v <= 15) s.clip = v == 14 ? 100 : 3, s.shaw_k = case_param(&c, "ek", 2 * s.clip + 1, 8);
        if (v == 12 || v == 13 || v == 14) s.shaw_v = case_param(&c, "ev", 2 * s.clip + 1, 8);
        if (v == 15) s.softcap = 2, s.dropout = 0.25f;
        struct tensor *prefix = v == 16 ? case_ids(&c, "prefix_end") : NULL;
        s.prefix_end = prefix;
        struct tensor *x = case_input(&c, "qkv", (4 + 2 * s.Hk) * 8), *seg = case_ids(&c, "seg_start");
        case_ready(&c, op_attn(c.g, x, v >= 2 ? seg : NULL, &s));
        set_segments(&c, NULL, seg, 6);
        for (int i = 0; prefix && i < 26; i++) ((int32_t *)prefix->data)[i] = i % 13 < 6 ? 4 : 9;
        case_check(&c);
        case_end(&c);
    }
}

/* Queries of one sequence, keys of another of another length; the gradient of
 * the source goes through a product, as in a model. */
static void attention_to_another_sequence(void **state)
{
    (void)state;
    for (int v = 0; v < 4; v++) {
        struct grad_case c = {.opts = {.rows = 2, .T = 9, .leaves = 2}, .threads = 2};
        case_begin(&c);
        struct attn_spec s = {.H = 4, .Hk = v % 2 ? 2 : 4, .D = 8, .scale = 0.35f, .softcap = v == 2 ? 2.0f : 0};
        if (v == 3) s.sink = case_param(&c, "sink", 4, 0);
        struct tensor *q = case_input(&c, "q", 32), *lo = case_ids(&c, "lo"), *hi = case_ids(&c, "hi");
        struct tensor *src = graph_input(c.g, "src", DT_F32, 2, (int64_t[]){2 * 14, 12});
        src->needs_grad = true;
        c.in[c.n_in++] = src;
        struct linear_spec kv = {.n = 2, .w = {case_param(&c, "wk", s.Hk * 8, 12), case_param(&c, "wv", s.Hk * 8, 12)}};
        case_ready(&c, op_attn_cross(c.g, q, op_linear(c.g, src, &kv), v ? lo : NULL, v ? hi : NULL, &s));
        for (int i = 0; v && i < 18; i++) { /* the fifth token of a row sees nothing */
            ((int32_t *)lo->data)[i] = i % 9 < 5 ? 0 : 6;
            ((int32_t *)hi->data)[i] = i % 9 == 4 ? 0 : i % 9 < 5 ? 6 : 14;
        }
        case_check(&c);
        case_end(&c);
    }
}

/* Chosen tokens, some of them twice, some places empty. */
static void chosen_tokens(void **state)
{
    (void)state;
    struct grad_case c = {.opts = {.rows = 4, .T = 7, .leaves = 2}, .threads = 2};
    case_begin(&c);
    struct tensor *x = case_input(&c, "x", 11), *at = graph_input(c.g, "at", DT_I32, 1, (int64_t[]){4 * 3});
    case_ready(&c, op_act(c.g, op_gather(c.g, x, at), ACT_TANH));
    for (int i = 0; i < 12; i++) ((int32_t *)at->data)[i] = i % 5 == 4 ? -1 : i == 1 ? 0 : i % 7;
    case_check(&c);
    for (int i = 0; i < 11; i++) assert_true(((float *)c.y->data)[4 * 11 + i] == 0);
    case_end(&c);
}

/* Means of spans that overlap, of one token and of none. */
static void means_of_spans(void **state)
{
    (void)state;
    struct grad_case c = {.opts = {.rows = 4, .T = 7, .leaves = 2}, .threads = 2};
    case_begin(&c);
    struct tensor *x = case_input(&c, "x", 11), *lo = graph_input(c.g, "lo", DT_I32, 1, (int64_t[]){4 * 3});
    struct tensor *hi = graph_input(c.g, "hi", DT_I32, 1, (int64_t[]){4 * 3});
    case_ready(&c, op_act(c.g, op_span_mean(c.g, x, lo, hi), ACT_TANH));
    for (int i = 0; i < 12; i++) {
        ((int32_t *)lo->data)[i] = i == 4 ? -1 : i % 5;
        ((int32_t *)hi->data)[i] = i % 3 ? 7 : i % 5 + 1;
    }
    case_check(&c);
    for (int i = 0; i < 11; i++) assert_true(((float *)c.y->data)[4 * 11 + i] == 0);
    struct err e;
    ((int32_t *)hi->data)[2] = 8;
    assert_int_equal(exec_run(c.x, &c.args, &e), -1);
    assert_non_null(strstr(e.msg, "span 2, tokens 2 to 8"));
    case_end(&c);
}

static void weights_stored_minus_one(void **state)
{
    (void)state;
    for (int v = 0; v < 2; v++) {
        struct grad_case c = {.opts = {.rows = 2, .T = 5, .leaves = 2}};
        case_begin(&c);
        struct tensor *x = case_input(&c, "x", 32), *w = case_param(&c, "w", v ? 8 : 32, 0);
        struct qk_spec s = {
            .H = 2, .Hk = 1, .D = 8, .eps = 1e-6f, .q_norm = w, .k_norm = case_param(&c, "k", 8, 0), .plus_one = true};
        case_ready(&c, v ? op_qk(c.g, x, case_ids(&c, "positions"), &s) : op_norm(c.g, NORM_RMS_1, x, w, NULL, 1e-5f, true));
        case_check(&c);
        case_end(&c);
    }
}

/* Away from the corners. */
static void values_within_a_limit(void **state)
{
    (void)state;
    struct grad_case c = {.opts = {.rows = 2, .T = 9, .leaves = 2}, .threads = 2};
    case_begin(&c);
    struct tensor *x = case_input(&c, "x", 130);
    case_ready(&c, op_act(c.g, op_clamp(c.g, op_scale(c.g, x, 2), 1.5f), ACT_TANH));
    float *v = x->data;
    int beyond = 0;
    for (int i = 0; i < 18 * 130; i++) {
        if (fabsf(fabsf(v[i]) - 0.75f) < 0.05f) v[i] *= 1.3f;
        beyond += fabsf(v[i]) > 0.75f;
    }
    assert_true(beyond > 200 && beyond < 18 * 130 - 200);
    case_check(&c);
    case_end(&c);
}

/* A graph that ends with a loss, ready to run; x is the input that it is of. */
static void loss_ready(struct grad_case *c, struct tensor *x, struct tensor *loss)
{
    struct err e;
    must(graph_error(c->g, &e), &e);
    must(graph_backward(c->g, loss, &e), &e);
    graph_output(c->g, x->grad);
    must(graph_plan(c->g, 1, &e), &e);
    must(params_alloc(c->params, true, &e), &e);
    c->x = exec_new(c->g, NULL, &e);
    if (!c->x) fail_msg("%s", e.msg);
    for (int i = 0; i < c->params->n; i++)
        fill_normal(c->params->v[i]->data, c->params->v[i]->n, 10 + (uint32_t)i, 0.5f);
    fill_normal(x->data, tensor_n(x), 3, 2.0f);
}

/* Gradients of the loss itself, which scales them by loss_scale. */
static void loss_check(struct grad_case *c, const struct tensor *loss)
{
    struct tensor probe = {.dtype = DT_F32, .ndim = 1, .dim = {1}}, scale = probe;
    float one = c->args.loss_scale;
    probe.data = loss->data;
    scale.data = &one;
    c->y = &probe;
    c->dy = &scale;
    case_check(c);
}

/* ELECTRA's question of each token; -1 asks none. */
static void yes_no_loss(void **state)
{
    (void)state;
    struct grad_case c = {.opts = {.rows = 2, .T = 8, .leaves = 2}, .args.loss_scale = 0.25f};
    case_begin(&c);
    struct tensor *x = case_input(&c, "x", 6), *targets = case_ids(&c, "targets");
    struct tensor *weights = graph_input(c.g, "weights", DT_F32, 1, (int64_t[]){16});
    struct linear_spec s = {.n = 1, .f32_out = true, .w = {case_param(&c, "w", 1, 6)}, .b = {case_param(&c, "b", 1, 0)}};
    struct tensor *loss = op_bce(c.g, op_linear(c.g, x, &s), targets, weights);
    loss_ready(&c, x, loss);
    for (int i = 0; i < 16; i++) {
        ((int32_t *)targets->data)[i] = i % 3 - 1;
        ((float *)weights->data)[i] = i == 7 ? 0.0f : 0.5f + 0.1f * (float)i;
    }
    loss_check(&c, loss);
    const float *out = loss->data;
    assert_true(out[0] > 0 && out[0] == out[1] && out[3] >= 0 && out[3] <= 10);
    case_end(&c);
}

/* Squared error of three numbers, and pairs of which the first should win. */
static void losses_of_scores(void **state)
{
    (void)state;
    for (int pairs = 0; pairs < 2; pairs++) {
        struct grad_case c = {.opts = {.rows = 2, .T = 8, .leaves = 2}, .args.loss_scale = 0.25f};
        case_begin(&c);
        int L = pairs ? 1 : 3, n = pairs ? 8 : 16;
        struct tensor *x = case_input(&c, "x", 6);
        struct tensor *targets = graph_input(c.g, "targets", DT_I32, 1, (int64_t[]){n});
        struct tensor *weights = graph_input(c.g, "weights", DT_F32, 1, (int64_t[]){n});
        struct tensor *values = graph_input(c.g, "values", DT_F32, 2, (int64_t[]){16, L});
        struct linear_spec s = {.n = 1, .f32_out = true, .w = {case_param(&c, "w", L, 6)}, .b = {case_param(&c, "b", L, 0)}};
        struct tensor *z = op_linear(c.g, x, &s);
        struct tensor *loss =
            pairs ? op_bce(c.g, op_pair_difference(c.g, z), targets, weights) : op_mse(c.g, z, values, weights);
        loss_ready(&c, x, loss);
        if (exec_input(c.x, "values")) fill_normal(values->data, tensor_n(values), 4, 1.0f);
        for (int i = 0; i < n; i++) {
            if (pairs) ((int32_t *)targets->data)[i] = i == 5 ? -1 : 1;
            ((float *)weights->data)[i] = i == 3 ? 0.0f : 0.5f + 0.1f * (float)i;
        }
        loss_check(&c, loss);
        double want = 0;
        for (int i = 0; i < n; i++) {
            double t = 0, w = (double)((float *)weights->data)[i];
            for (int l = 0; l < L && !pairs; l++)
                t += pow((double)((float *)z->data)[i * L + l] - (double)((float *)values->data)[i * L + l], 2) / L;
            if (pairs && i != 5) t = log1p(exp((double)((float *)z->data)[2 * i + 1] - (double)((float *)z->data)[2 * i]));
            want += w * t;
        }
        double got = (double)((float *)loss->data)[0];
        if (fabs(got - want) > 1e-5 * want) fail_msg("%s: %.8g, not %.8g", pairs ? "pairs" : "mse", got, want);
        case_end(&c);
    }
}

/* The loss head: its own backward, seeded by graph_backward(). */
static void linear_ce_gradients(void **state)
{
    (void)state;
    for (int v = 0; v < 6; v++) {
        struct err e;
        struct grad_case c = {.opts = {.rows = 2, .T = 9, .leaves = v % 2 ? 2 : 1}, .threads = 2, .args.loss_scale = 0.25f};
        case_begin(&c);
        struct tensor *x = case_input(&c, "x", 12), *targets = case_ids(&c, "targets");
        struct tensor *weights = graph_input(c.g, "weights", DT_F32, 1, (int64_t[]){18});
        struct ce_spec s = {.w = case_param(&c, "head", 29, 12)};
        if (v & 1) s.b = case_param(&c, "bias", 29, 0);
        if (v >= 1) s.label_smoothing = 0.1f;
        if (v >= 2) s.z_coef = 0.01f;
        if (v >= 3) s.softcap = 3.0f;
        if (v >= 4) s.logit_scale = 0.5f;
        struct tensor *loss = op_linear_ce(c.g, x, targets, weights, &s);
        must(graph_error(c.g, &e), &e);
        must(graph_backward(c.g, loss, &e), &e);
        graph_output(c.g, x->grad);
        must(graph_plan(c.g, 2, &e), &e);
        must(params_alloc(c.params, true, &e), &e);
        c.pool = pool_new(2, &e);
        c.x = exec_new(c.g, c.pool, &e);
        if (!c.x) fail_msg("%s", e.msg);
        for (int i = 0; i < c.params->n; i++) fill_normal(c.params->v[i]->data, c.params->v[i]->n, 10 + (uint32_t)i, 0.5f);
        fill_normal(x->data, tensor_n(x), 3, 1.0f);
        set_ids(targets, 29, 9);
        ((int32_t *)targets->data)[4] = -1;
        for (int i = 0; i < 18; i++) ((float *)weights->data)[i] = i == 7 ? 0.0f : 0.5f + 0.1f * (float)i;

        /* The loss is one number; differences of it are judged like y. */
        loss_check(&c, loss);
        const float *out = loss->data;
        double w = 0;
        for (int i = 0; i < 18; i++) w += i == 4 ? 0 : (double)((float *)weights->data)[i];
        assert_true(fabs((double)out[2] - w) < 1e-5);
        assert_true(out[3] >= 0 && out[3] <= 16);
        if (v == 0) assert_true(out[0] == out[1]);
        case_end(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embed_with_learned_positions), cmocka_unit_test(norms),
        cmocka_unit_test(padding_is_not_trained),
        cmocka_unit_test(linear_with_every_epilogue),   cmocka_unit_test(mlp_with_fused_derivative),
        cmocka_unit_test(activations_and_gated_units),  cmocka_unit_test(activations_with_a_kink),
        cmocka_unit_test(sums_and_fan_out),             cmocka_unit_test(dropout_with_residual),
        cmocka_unit_test(rotary_positions_and_head_norms), cmocka_unit_test(attention),
        cmocka_unit_test(attention_to_another_sequence),
        cmocka_unit_test(linear_ce_gradients),
        cmocka_unit_test(chosen_tokens), cmocka_unit_test(weights_stored_minus_one), cmocka_unit_test(yes_no_loss),
        cmocka_unit_test(means_of_spans), cmocka_unit_test(losses_of_scores), cmocka_unit_test(values_within_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
