/* A mixture of experts through a training step: the same bits however the
 * batch is split, balancing, and one expert against a dense layer. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/rng.h"
#include "core/train/expert_load.h"
#include "core/train/step.h"

enum { ROWS = 8, T = 12, VOCAB = 31 };

#define MODEL(ffn)                                                                                                     \
    "{\"family\":\"deepseek_v3\",\"d_model\":24,\"vocab\":31,\"embed\":{\"max_pos\":12},\"init\":{\"std\":0.3},"       \
    "\"blocks\":[{\"repeat\":2,"                                                                                       \
    "\"mixer\":{\"heads\":2,\"pos\":{\"type\":\"rope\"}},\"ffn\":" ffn "}]}"
#define SOFTMAX                                                                                                        \
    "{\"type\":\"moe\",\"d_ff\":16,\"moe\":{\"experts\":5,\"top_k\":2,\"renorm\":true,\"aux_coef\":0.1,\"z_coef\":0."  \
    "01}}"
#define SIGMOID                                                                                                        \
    "{\"type\":\"moe\",\"d_ff\":16,\"moe\":{\"experts\":5,\"top_k\":2,\"score\":\"sigmoid\",\"bias_gamma\":0.015625}}"

static int next(struct batch_source *bs, uint64_t step, struct batch *b, struct err *e)
{
    struct rng_key k = rng_key(3, RNG_TEST, (uint32_t)step, 0);
    (void)bs;
    (void)e;
    for (int i = 0; i < b->rows * b->T; i++) {
        b->tokens[i] = (int32_t)rng_below(&k, (uint64_t)i, VOCAB);
        b->targets[i] = (int32_t)rng_below(&k, (uint64_t)(i + 1000), VOCAB);
        b->weights[i] = 1;
        b->positions[i] = i % b->T;
        b->seg_start[i] = 0;
    }
    b->n_bytes = 0;
    return 0;
}

struct fixture {
    struct model_config c;
    struct params *p;
    struct pool *pool;
    struct stepper *s;
    struct objective_lm o;
    struct loss_sum sum;
};

static void start(struct fixture *f, const char *json, int accum, int threads)
{
    struct err e;
    struct cJSON *j = json_parse(json, strlen(json), "test", NULL, &e);
    if (!j || model_config_parse(&f->c, j, "test", &e)) fail_msg("%s", e.msg);
    json_free(j);
    f->p = params_new(&e);
    f->pool = pool_new(threads, &e);
    f->o = objective_lm(0, 0);
    struct step_cfg sc = {.rows = ROWS, .T = T, .leaves = 4, .accum = accum, .compute = DT_F32, .training = true};
    if (model_declare(&f->c, f->p, DT_F32, &e) || params_alloc(f->p, true, &e) || model_init(&f->c, f->p, 4, &e) ||
        !(f->s = stepper_new(&sc, &f->o.base, &f->c, f->p, threads, &e)) || stepper_alloc(f->s, f->pool, &e))
        fail_msg("%s", e.msg);
}

static void run(struct fixture *f, uint64_t step)
{
    struct err e;
    struct batch_source src = {.next = next, .vocab = VOCAB};
    if (stepper_run(f->s, &src, step, 1, step, true, &f->sum, &e)) fail_msg("%s", e.msg);
}

static void stop(struct fixture *f)
{
    stepper_free(f->s);
    params_free(f->p);
    pool_free(f->pool);
}

static void splitting_the_batch_never_shows(void **state)
{
    (void)state;
    static struct fixture a, b;
    const char *const models[] = {MODEL(SOFTMAX), MODEL(SIGMOID)};
    for (int m = 0; m < 2; m++)
        for (int accum = 2; accum <= 4; accum *= 2) {
            int layers, E;
            start(&a, models[m], 1, 1);
            start(&b, models[m], accum, 3);
            for (uint64_t step = 0; step < 2; step++) {
                run(&a, step);
                run(&b, step);
                stepper_balance_experts(a.s);
                stepper_balance_experts(b.s);
                assert_true(a.sum.loss == b.sum.loss && a.sum.balance == b.sum.balance && a.sum.router_z == b.sum.router_z);
                assert_true((a.sum.balance > 0) == (m == 0));
                const int64_t *ca = stepper_expert_counts(a.s, &layers, &E), *cb = stepper_expert_counts(b.s, &layers, &E);
                assert_int_equal(layers, 2);
                assert_int_equal(E, 5);
                assert_memory_equal(ca, cb, 10 * sizeof *ca);
                for (int i = 0; i < a.p->n; i++) {
                    const struct param *p = a.p->v[i], *q = b.p->v[i];
                    assert_memory_equal(p->data, q->data, (size_t)p->n * sizeof(float));
                    if (p->grad && memcmp(p->grad, q->grad, (size_t)p->n * sizeof(float)))
                        fail_msg("model %d, accum %d: %s", m, accum, p->name);
                }
            }
            stop(&a);
            stop(&b);
        }
}

/* f and P from the step's own counts: E sum f P is 1 when all is even, more otherwise. */
static void the_balancing_loss_has_its_least_value_where_loads_are_even(void **state)
{
    (void)state;
    static struct fixture f;
    start(&f, MODEL(SOFTMAX), 1, 1);
    run(&f, 0);
    assert_true(f.sum.balance > 0.1 * 2 * 0.99); /* aux_coef, two layers */
    for (int l = 0; l < 2; l++) {                /* every token scores all experts alike: P = 1/E, so E sum f P = 1 */
        char name[64];
        snprintf(name, sizeof name, "model.layers.%d.mlp.gate.weight", l);
        struct param *p = params_find(f.p, name);
        assert_non_null(p);
        memset(p->data, 0, (size_t)p->n * sizeof(float));
    }
    run(&f, 0);
    assert_true(fabs(f.sum.balance - 0.2) < 1e-6);
    int layers, E;
    const int64_t *count = stepper_expert_counts(f.s, &layers, &E);
    assert_int_equal(count[0], ROWS * T); /* ties go to the lowest: all tokens take experts 0 and 1 */
    assert_int_equal(count[1], ROWS * T);
    assert_int_equal(count[2], 0);
    stop(&f);
}

static void correction_biases_move_towards_an_even_load(void **state)
{
    (void)state;
    static struct fixture f;
    int layers, E;
    start(&f, MODEL(SIGMOID), 1, 1);
    struct param *bias = params_find(f.p, "model.layers.0.mlp.gate.e_score_correction_bias");
    assert_non_null(bias);
    run(&f, 0);
    const int64_t *count = stepper_expert_counts(f.s, &layers, &E);
    double mean = (double)(ROWS * T * 2) / E;
    stepper_balance_experts(f.s);
    for (int x = 0; x < E; x++) {
        double want = (double)count[x] < mean ? 0.015625 : (double)count[x] > mean ? -0.015625 : 0;
        assert_true(fabs((double)((float *)bias->data)[x] - want) < 1e-9);
    }
    double spread[2] = {0, 0};
    for (int x = 0; x < E; x++) spread[0] += pow((double)count[x] - mean, 2);
    for (int i = 0; i < 12; i++) {
        run(&f, 0);
        stepper_balance_experts(f.s);
    }
    run(&f, 0);
    for (int x = 0; x < E; x++) spread[1] += pow((double)count[x] - mean, 2);
    assert_true(spread[1] < spread[0]);
    stop(&f);
}

static void one_expert_is_a_dense_layer(void **state)
{
    (void)state;
    static struct fixture a, b;
    start(&a, MODEL("{\"type\":\"glu\",\"d_ff\":16}"), 1, 1);
    start(&b, MODEL("{\"type\":\"moe\",\"d_ff\":16,\"moe\":{\"experts\":1,\"top_k\":1}}"), 1, 1);
    for (int i = 0; i < b.p->n; i++) {
        struct param *q = b.p->v[i];
        const struct param *p = params_find(a.p, q->name);
        char name[96];
        if (p) {
            memcpy(q->data, p->data, (size_t)q->n * sizeof(float));
            continue;
        }
        char *at = strstr(q->name, "experts.");
        if (!at) continue; /* the router */
        bool up = strstr(q->name, "gate_up");
        for (int part = 0; part < (up ? 2 : 1); part++) {
            snprintf(name, sizeof name, "%.*s%s_proj.weight", (int)(at - q->name), q->name,
                     !up    ? "down"
                     : part ? "up"
                            : "gate");
            p = params_find(a.p, name);
            assert_non_null(p);
            memcpy((float *)q->data + part * p->n, p->data, (size_t)p->n * sizeof(float));
        }
    }
    run(&a, 0);
    run(&b, 0);
    assert_true(fabs(a.sum.loss - b.sum.loss) < 1e-6 * a.sum.loss);
    const struct param *p = params_find(a.p, "model.embed_tokens.weight"), *q = params_find(b.p, p->name);
    for (int64_t i = 0; i < p->n; i++) assert_true(fabsf(p->grad[i] - q->grad[i]) < 1e-6f);
    stop(&a);
    stop(&b);
}

static void loads_are_logged(void **state)
{
    (void)state;
    static struct fixture f;
    struct expert_load load;
    struct buf line = {0};
    struct err e;
    start(&f, MODEL(SOFTMAX), 2, 1);
    assert_int_equal(expert_load_init(&load, &f.c, &e), 0);
    run(&f, 0);
    expert_load_step(&load, f.s, &f.sum, &line);
    assert_int_equal(buf_ok(&line, &e), 0);
    assert_non_null(strstr(line.data, "\"load_max\":"));
    assert_non_null(strstr(line.data, "\"aux\":"));
    assert_true(expert_load_any(&load));
    buf_clear(&line);
    buf_addc(&line, '{');
    buf_adds(&line, "\"a\":1");
    expert_load_line(&load, &line);
    buf_addc(&line, '}');
    assert_int_equal(buf_ok(&line, &e), 0);
    struct cJSON *j = json_parse(line.data, line.len, "line", NULL, &e);
    assert_non_null(j);
    assert_non_null(json_member(j, "expert_load"));
    assert_false(expert_load_any(&load));
    json_free(j);
    buf_free(&line);
    expert_load_free(&load);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitting_the_batch_never_shows),
        cmocka_unit_test(the_balancing_loss_has_its_least_value_where_loads_are_even),
        cmocka_unit_test(correction_biases_move_towards_an_even_load),
        cmocka_unit_test(one_expert_is_a_dense_layer),
        cmocka_unit_test(loads_are_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
