/* The same bits from every way to compute one gradient: threads, accumulation,
 * recomputation, the budget of the loss head; and what a run may allocate. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/tensor/op.h"
#include "core/tensor/ops.h"

enum { ROWS = 8, LEN = 40, WIDTH = 48, VOCAB = 97, LAYERS = 3, HEADS = 4, HEAD_DIM = 12 };

struct way {
    enum dtype dtype;
    int threads, accum, leaves; /* leaves of the whole batch */
    bool recompute, biases;
    int64_t ce_budget;
    bool keep;                  /* everything small enough to be kept */
};

struct result {
    float loss[4];
    float *grad;
    int64_t n;
    double norm;
    int64_t act_bytes;
    int n_params;
    int64_t size[64];
};

static void must(int failed, const struct err *e)
{
    if (failed) fail_msg("%s", e->msg);
}

static struct tensor *param(struct graph *g, struct params *p, const char *name, int layer, int64_t a, int64_t b)
{
    char full[64];
    struct err e;
    snprintf(full, sizeof full, "%s.%d", name, layer);
    struct param *q = params_find(p, full);
    if (!q) q = params_add(p, full, DT_F32, b ? 2 : 1, (int64_t[]){a, b}, 0, &e);
    if (!q) fail_msg("%s", e.msg);
    return graph_param(g, q);
}

static struct tensor *block(struct graph *g, struct params *p, struct tensor *x, struct tensor *pos, struct tensor *seg,
                            const struct rope_table *rope, int l, bool biases)
{
    graph_block_begin(g, l);
    struct tensor *h = op_norm(g, NORM_RMS, x, param(g, p, "norm1", l, WIDTH, 0), NULL, 1e-5f, false);
    struct linear_spec qkv = {.n = 3,
                              .w = {param(g, p, "q", l, HEADS * HEAD_DIM, WIDTH), param(g, p, "k", l, 2 * HEAD_DIM, WIDTH),
                                    param(g, p, "v", l, 2 * HEAD_DIM, WIDTH)}};
    if (biases) qkv.b[1] = param(g, p, "kb", l, 2 * HEAD_DIM, 0);
    struct qk_spec qk = {.H = HEADS, .Hk = 2, .D = HEAD_DIM, .eps = 1e-6f, .rope = rope};
    if (l == 1) qk.q_norm = param(g, p, "qn", l, HEAD_DIM, 0), qk.k_norm = param(g, p, "kn", l, HEAD_DIM, 0);
    struct attn_spec at = {.H = HEADS, .Hk = 2, .D = HEAD_DIM, .scale = 0.29f, .causal = true, .dropout = 0.1f};
    if (l == 0) at.clip = 5, at.shaw_k = param(g, p, "ek", l, 11, HEAD_DIM), at.shaw_v = param(g, p, "ev", l, 11, HEAD_DIM);
    if (l) at.buckets = 8, at.max_distance = 30, at.t5 = param(g, p, "t5", 0, 8, HEADS); /* two layers share it */
    h = op_attn(g, op_qk(g, op_linear(g, h, &qkv), pos, &qk), seg, &at);
    struct linear_spec o = {.n = 1, .w = {param(g, p, "o", l, WIDTH, HEADS * HEAD_DIM)}};
    x = op_dropout(g, op_linear(g, h, &o), 0.1f, x);
    h = op_norm(g, NORM_LN, x, param(g, p, "norm2", l, WIDTH, 0), param(g, p, "norm2b", l, WIDTH, 0), 1e-5f, false);
    struct linear_spec up = {.n = 1, .act = ACT_GELU_TANH, .w = {param(g, p, "up", l, l == 2 ? 72 : 100, WIDTH)}};
    if (l == 2) up = (struct linear_spec){.n = 2, .w = {param(g, p, "gate", l, 72, WIDTH), param(g, p, "up", l, 72, WIDTH)}};
    if (biases) up.b[0] = param(g, p, "upb", l, l == 2 ? 72 : 100, 0);
    h = op_linear(g, h, &up);
    if (l == 2) h = op_glu(g, h, ACT_SILU);
    struct linear_spec down = {.n = 1, .w = {param(g, p, "down", l, WIDTH, l == 2 ? 72 : 100)}, .residual = x};
    if (biases) down.b[0] = param(g, p, "downb", l, WIDTH, 0);
    x = op_linear(g, h, &down);
    graph_block_end(g);
    return x;
}

static struct tensor *model(struct graph *g, struct params *p, bool biases)
{
    static float cos_[LEN * HEAD_DIM / 2], sin_[LEN * HEAD_DIM / 2];
    for (int i = 0; i < LEN * HEAD_DIM / 2; i++) {
        double angle = (double)(i / (HEAD_DIM / 2)) * pow(0.3, i % (HEAD_DIM / 2));
        cos_[i] = (float)cos(angle);
        sin_[i] = (float)sin(angle);
    }
    struct rope_table rope = {HEAD_DIM, LEN, cos_, sin_};
    int64_t n = (int64_t)graph_get_opts(g)->rows * LEN;
    struct tensor *ids = graph_input(g, "tokens", DT_I32, 1, &n), *pos = graph_input(g, "positions", DT_I32, 1, &n);
    struct tensor *seg = graph_input(g, "seg_start", DT_I32, 1, &n), *targets = graph_input(g, "targets", DT_I32, 1, &n);
    struct tensor *weights = graph_input(g, "weights", DT_F32, 1, &n), *table = param(g, p, "embed", 0, VOCAB, WIDTH);
    struct tensor *x = op_embed(g, ids, table, 1.0f, pos, param(g, p, "wpe", 0, LEN, WIDTH), 0);
    x = op_dropout(g, x, 0.1f, NULL);
    for (int l = 0; l < LAYERS; l++) x = block(g, p, x, pos, seg, &rope, l, biases);
    x = op_norm(g, NORM_RMS, x, param(g, p, "normf", 0, WIDTH, 0), NULL, 1e-5f, false);
    struct ce_spec ce = {.w = table, .b = biases ? param(g, p, "headb", 0, VOCAB, 0) : NULL, .z_coef = 1e-4f};
    return op_linear_ce(g, x, targets, weights, &ce);
}

static void fill_params(struct params *p)
{
    for (int i = 0; i < p->n; i++) {
        struct rng_key k = rng_key(42, RNG_TEST, (uint32_t)i, 0);
        for (int64_t j = 0; j < p->v[i]->n; j++)
            ((float *)p->v[i]->data)[j] = (p->v[i]->ndim == 1 ? 1.0f : 0) + 0.2f * rng_normal(&k, (uint64_t)j);
    }
}

/* Rows [row0, row0 + rows) of the batch. */
static void fill_inputs(struct exec *x, int row0, int rows)
{
    struct rng_key k = rng_key(43, RNG_TEST, 0, 0);
    int32_t *ids = exec_input(x, "tokens"), *pos = exec_input(x, "positions"), *seg = exec_input(x, "seg_start");
    int32_t *targets = exec_input(x, "targets");
    float *weights = exec_input(x, "weights");
    for (int i = 0; i < rows * LEN; i++) {
        uint64_t at = (uint64_t)(row0 * LEN + i);
        int t = i % LEN, start = t < 17 ? 0 : 17;
        /* Few ids in few rows: most leaves lack some of them. */
        ids[i] = (int32_t)rng_below(&k, 2 * at, at % 3 ? VOCAB : 5);
        targets[i] = at % 11 == 0 ? -1 : (int32_t)rng_below(&k, 2 * at + 1, VOCAB);
        weights[i] = at % 11 == 0 ? 0.0f : 1.0f;
        pos[i] = t - start;
        seg[i] = start;
    }
}

static void add_tree(float (*out)[4], int n)
{
    for (int step = 1; step < n; step *= 2)
        for (int i = 0; i < n; i += 2 * step)
            for (int j = 0; j < 4; j++) out[i][j] += out[i + step][j];
}

static struct result run(const struct way *w)
{
    struct err e;
    struct graph_opts o = {.compute = w->dtype,
                           .training = true,
                           .recompute = w->recompute ? RECOMPUTE_BLOCK : RECOMPUTE_NONE,
                           .rows = ROWS / w->accum,
                           .T = LEN,
                           .leaves = w->leaves / w->accum};
    struct params *p = params_new(&e);
    struct graph *g = graph_new(&o, &e);
    struct pool *pool = pool_new(w->threads, &e);
    if (!p || !g || !pool) fail_msg("%s", e.msg);
    g->ce_budget = w->ce_budget;
    g->keep_bytes = w->keep ? INT64_MAX : 0;
    struct tensor *loss = model(g, p, w->biases);
    must(graph_error(g, &e), &e);
    must(graph_backward(g, loss, &e), &e);
    must(graph_plan(g, w->threads, &e), &e);
    must(params_alloc(p, true, &e), &e);
    fill_params(p);
    struct exec *x = exec_new(g, pool, &e);
    struct grads *gr = x ? grads_new(g, p, w->accum, &e) : NULL;
    if (!gr) fail_msg("%s", e.msg);
    float losses[8][4];
    for (int round = 0; round < 2; round++) /* the second run must not see the first */
        for (int i = 0; i < w->accum; i++) {
            fill_inputs(x, i * o.rows, o.rows);
            struct run_args a = {
                .seed = 1, .step = 5, .row0 = (uint64_t)(i * o.rows), .loss_scale = 1.0f / 290, .grads = true};
            must(exec_run(x, &a, &e), &e);
            memcpy(losses[i], loss->data, sizeof losses[i]);
            grads_merge(gr, i, pool);
        }
    add_tree(losses, w->accum);
    struct result r = {.n = p->n_elements, .norm = grads_norm(p, pool), .act_bytes = graph_get_sizes(g).act_bytes};
    memcpy(r.loss, losses[0], sizeof r.loss);
    r.grad = calloc((size_t)r.n, sizeof *r.grad);
    assert_non_null(r.grad);
    float *at = r.grad;
    r.n_params = p->n;
    assert_in_range(p->n, 1, COUNT_OF(r.size));
    for (int i = 0; i < p->n; i++) r.size[i] = p->v[i]->n;
    for (int i = 0; i < p->n; at += p->v[i++]->n) memcpy(at, p->v[i]->grad, (size_t)p->v[i]->n * sizeof *at);
    grads_free(gr);
    exec_free(x);
    pool_free(pool);
    graph_free(g);
    params_free(p);
    return r;
}

static void same(const struct way *w, const struct result *want, const char *what)
{
    struct result r = run(w);
    assert_int_equal(r.n, want->n);
    if (memcmp(r.loss, want->loss, sizeof r.loss) != 0)
        fail_msg("%s (%s, %d threads, accumulation %d): loss %.9g, not %.9g", what, dtype_name(w->dtype), w->threads,
                 w->accum, (double)r.loss[0], (double)want->loss[0]);
    for (int64_t i = 0; i < r.n; i++)
        if (memcmp(&r.grad[i], &want->grad[i], sizeof(float)) != 0)
            fail_msg("%s (%s, %d threads, accumulation %d): gradient %lld is %.9g, not %.9g", what,
                     dtype_name(w->dtype), w->threads, w->accum, (long long)i, (double)r.grad[i], (double)want->grad[i]);
    assert_memory_equal(&r.norm, &want->norm, sizeof r.norm);
    free(r.grad);
}

static const enum dtype dtypes[] = {DT_F32, DT_BF16};

static void threads_and_accumulation_do_not_change_a_bit(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct way w = {.dtype = dtypes[d], .threads = 1, .accum = 1, .leaves = 8, .biases = true};
        struct result want = run(&w);
        assert_true(isfinite(want.loss[0]) && want.loss[0] > 100 && want.norm > 0);
        for (w.threads = 1; w.threads <= 4; w.threads *= 2)
            for (w.accum = 1; w.accum <= 8; w.accum *= 2) same(&w, &want, "threads and accumulation");
        free(want.grad);
    }
}

static void recomputation_does_not_change_a_bit(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct way w = {.dtype = dtypes[d], .threads = 2, .accum = 1, .leaves = 2, .keep = true};
        struct result want = run(&w), some;
        w.keep = false;
        same(&w, &want, "activations computed again");
        some = run(&w);
        assert_true(some.act_bytes < want.act_bytes);
        free(some.grad);
        w.recompute = true;
        same(&w, &want, "recomputation");
        struct result less = run(&w);
        assert_true(less.act_bytes < want.act_bytes * 2 / 3);
        free(less.grad);
        free(want.grad);
    }
}

static void the_budget_of_the_head_does_not_change_a_bit(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++)
        for (int leaves = 1; leaves <= 8; leaves *= 2) {
            struct way w = {.dtype = dtypes[d], .threads = 2, .accum = 1, .leaves = leaves, .biases = leaves > 1};
            struct result want = run(&w);
            int64_t row = VOCAB * (int64_t)dtype_size(w.dtype);
            /* All but one row: halves; two leaves; one row: pieces of 128 rows of a leaf. */
            int64_t budgets[] = {(ROWS * LEN - 1) * row, 2 * ROWS * LEN / leaves * row, row};
            for (int i = 0; i < 3; i++) {
                w.ce_budget = budgets[i];
                same(&w, &want, "budget of the head");
            }
            if (leaves == 4) {
                w.accum = 2;
                same(&w, &want, "budget of the head");
            }
            free(want.grad);
        }
}

static void leaves_only_change_rounding(void **state)
{
    (void)state;
    struct way w = {.dtype = DT_F32, .threads = 2, .accum = 1, .leaves = 1, .biases = true};
    struct result one = run(&w);
    w.leaves = 8;
    struct result eight = run(&w);
    double diff = 0;
    for (int64_t i = 0; i < one.n; i++) diff += pow((double)one.grad[i] - (double)eight.grad[i], 2);
    assert_true(sqrt(diff) < 2e-6 * one.norm);
    free(one.grad);
    free(eight.grad);
}

/* bf16 keeps 8 bits, so each of some thirty roundings on the way down and up
 * adds 2^-9 / sqrt(3) = 0.11 %: 0.6 % in all, for every parameter; 5 % leaves
 * room for cancelling sums.  A factor that is missing shows at once. */
static void bf16_is_near_f32(void **state)
{
    (void)state;
    struct way w = {.dtype = DT_F32, .threads = 2, .accum = 1, .leaves = 2, .biases = true};
    struct result f = run(&w);
    w.dtype = DT_BF16;
    struct result b = run(&w);
    assert_true(fabs((double)f.loss[0] - (double)b.loss[0]) < 2e-3 * (double)f.loss[0]);
    for (int64_t p = 0, at = 0; p < f.n_params; at += f.size[p++]) {
        double diff = 0, norm = 0;
        for (int64_t i = at; i < at + f.size[p]; i++) {
            diff += pow((double)f.grad[i] - (double)b.grad[i], 2);
            norm += pow((double)f.grad[i], 2);
        }
        if (!(sqrt(diff) < 0.05 * sqrt(norm)))
            fail_msg("bf16: the gradient of parameter %d is off by %g of %g", (int)p, sqrt(diff), sqrt(norm));
    }
    free(f.grad);
    free(b.grad);
}

/* ---- memory ---- */

static void a_run_allocates_nothing_and_the_plan_is_exact(void **state)
{
    (void)state;
    struct err e;
    struct graph_opts o = {.compute = DT_BF16, .training = true, .rows = ROWS, .T = LEN, .leaves = 4};
    struct params *p = params_new(&e);
    struct graph *g = graph_new(&o, &e);
    struct pool *pool = pool_new(2, &e);
    if (!p || !g || !pool) fail_msg("%s", e.msg);
    struct tensor *loss = model(g, p, true);
    must(graph_backward(g, loss, &e), &e);
    must(graph_plan(g, 2, &e), &e);
    must(params_alloc(p, true, &e), &e);
    fill_params(p);
    struct graph_sizes s = graph_get_sizes(g);
    struct exec *x = exec_new(g, pool, &e);
    if (!x) fail_msg("%s", e.msg);
    assert_int_equal(exec_bytes(x), s.act_bytes + s.ws_bytes + s.input_bytes + s.const_bytes);
    fill_inputs(x, 0, ROWS);
    struct run_args a = {.loss_scale = 1, .grads = true};
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    mem_fail_after(1); /* any allocation through mem.h would fail, and none may be asked for */
    must(exec_run(x, &a, &e), &e);
    must(exec_run(x, &a, &e), &e);
    assert_null(mem_alloc(1, 1)); /* still armed: nothing took it */
    assert_int_equal(mallinfo2().uordblks + mallinfo2().hblkhd, before);

    /* Every tensor lies inside of the arena and no two that live together overlap. */
    for (int i = 0; i < g->n_tensors; i++) {
        const struct tensor *t = g->tensor[i], *u;
        if (t->offset < 0) continue;
        assert_true(t->offset % 64 == 0 && t->offset + (int64_t)tensor_bytes(t) <= s.act_bytes);
        for (int j = 0; j < i; j++) {
            u = g->tensor[j];
            if (u->offset < 0 || u->buffer == t->buffer || u->last < t->first || t->last < u->first) continue;
            assert_true(u->offset + (int64_t)tensor_bytes(u) <= t->offset ||
                        t->offset + (int64_t)tensor_bytes(t) <= u->offset);
        }
    }
    struct buf text = {0};
    graph_print(g, &text);
    exec_profile(x, &text);
    assert_int_equal(buf_ok(&text, &e), 0);
    assert_non_null(strstr(text.data, "linear_ce"));
    buf_free(&text);
    exec_free(x);
    pool_free(pool);
    graph_free(g);
    params_free(p);
}

/* Every allocation of building, planning and loading fails once: an error, no leak, no crash. */
static void lack_of_memory_is_an_error(void **state)
{
    (void)state;
    for (long n = 1, failed = 1; failed; n += 1 + n / 8) {
        struct err e = {.code = ERR_NONE};
        struct graph_opts o = {.training = true, .rows = 2, .T = LEN, .leaves = 2};
        struct pool *pool = NULL;
        struct exec *x = NULL;
        struct grads *gr = NULL;
        struct params *p = params_new(&e);
        struct graph *g = graph_new(&o, &e);
        assert_true(p && g);
        struct tensor *loss = NULL;
        /* Parameters are declared before, so that only the engine meets the failure. */
        struct graph *declare = graph_new(&o, &e);
        assert_non_null(model(declare, p, true));
        graph_free(declare);
        mem_fail_after(n);
        loss = model(g, p, true);
        failed = !loss || graph_backward(g, loss, &e) || graph_plan(g, 2, &e) || params_alloc(p, true, &e) ||
                 !(x = exec_new(g, pool, &e)) || !(gr = grads_new(g, p, 4, &e));
        mem_fail_after(0);
        if (!loss) assert_int_equal(graph_error(g, &e), -1);
        if (failed) assert_int_equal(e.code, ERR_OS);
        grads_free(gr);
        exec_free(x);
        graph_free(g);
        params_free(p);
    }
}

/* ---- bad input ---- */

static void bad_ids_and_shapes_are_errors(void **state)
{
    (void)state;
    struct err e;
    struct graph_opts o = {.training = true, .rows = 2, .T = LEN, .leaves = 1};
    struct params *p = params_new(&e);
    struct graph *g = graph_new(&o, &e);
    assert_true(p && g);
    struct tensor *loss = model(g, p, true);
    must(graph_backward(g, loss, &e), &e);
    must(graph_plan(g, 1, &e), &e);
    must(params_alloc(p, true, &e), &e);
    fill_params(p);
    struct exec *x = exec_new(g, NULL, &e);
    assert_non_null(x);
    static const char *const names[] = {"tokens", "targets", "positions", "seg_start"};
    for (int i = 0; i < 4; i++) {
        fill_inputs(x, 0, 2);
        struct run_args a = {.loss_scale = 1, .grads = true};
        must(exec_run(x, &a, &e), &e);
        ((int32_t *)exec_input(x, names[i]))[3] = 5000;
        assert_int_equal(exec_run(x, &a, &e), -1);
        assert_int_equal(e.code, ERR_DATA);
        assert_non_null(strstr(e.msg, "5000"));
        if (i == 1) continue; /* a negative target means none */
        ((int32_t *)exec_input(x, names[i]))[3] = -2;
        assert_int_equal(exec_run(x, &a, &e), -1);
    }
    assert_null(exec_input(x, "nothing"));
    exec_free(x);
    graph_free(g);

    g = graph_new(&o, &e);
    assert_non_null(g);
    struct linear_spec s = {.n = 1, .w = {param(g, p, "o", 0, WIDTH, WIDTH)}};
    graph_block_begin(g, 7);
    struct tensor *bad = graph_input(g, "bad", DT_F32, 2, (int64_t[]){2 * LEN, WIDTH + 1});
    assert_null(op_linear(g, bad, &s));
    assert_null(op_act(g, op_linear(g, bad, &s), ACT_SILU));
    assert_int_equal(graph_error(g, &e), -1);
    assert_int_equal(e.code, ERR_CONFIG);
    assert_non_null(strstr(e.msg, "block 7"));
    assert_non_null(strstr(e.msg, "o.0"));
    graph_free(g);
    o.leaves = 3;
    assert_null(graph_new(&o, &e));
    assert_int_equal(e.code, ERR_CONFIG);
    params_free(p);
}

/* A backend that lacks an op says so when the graph is planned. */
static void an_unsupported_op_is_named(void **state)
{
    (void)state;
    struct err e;
    static const struct op strange = {.name = "strange"};
    struct graph_opts o = {.rows = 1, .T = 4, .leaves = 1};
    struct graph *g = graph_new(&o, &e);
    assert_non_null(g);
    graph_block_begin(g, 2);
    struct node *n = node_new(g, &strange, NULL);
    struct tensor *y = tensor_2d(g, DT_F32, 4, 4, "mixer");
    node_out(n, y);
    graph_output(g, y);
    graph_block_end(g);
    assert_int_equal(graph_plan(g, 1, &e), -1);
    assert_int_equal(e.code, ERR_CONFIG);
    assert_non_null(strstr(e.msg, "strange"));
    assert_non_null(strstr(e.msg, "mixer"));
    assert_non_null(strstr(e.msg, "block 2"));
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_accumulation_do_not_change_a_bit),
        cmocka_unit_test(recomputation_does_not_change_a_bit),
        cmocka_unit_test(the_budget_of_the_head_does_not_change_a_bit),
        cmocka_unit_test(leaves_only_change_rounding),
        cmocka_unit_test(bf16_is_near_f32),
        cmocka_unit_test(a_run_allocates_nothing_and_the_plan_is_exact),
        cmocka_unit_test(lack_of_memory_is_an_error),
        cmocka_unit_test(bad_ids_and_shapes_are_errors),
        cmocka_unit_test(an_unsupported_op_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
