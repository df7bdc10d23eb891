/* ELECTRA's two models in one graph: the gradient of their common loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/pool.h"
#include "core/base/rng.h"
#include "core/train/step.h"

enum { ROWS = 4, T = 12, VOCAB = 50, MASK = 1, M = 2 };

static const char description[] =
    "{\"family\":\"electra\",\"stack\":\"encoder\",\"d_model\":16,\"vocab\":50,\"embed\":{\"pos\":\"learned\",\"max_"
    "pos\":12,\"ln\":true,\"types\":2,\"dim\":8},"
    "\"blocks\":[{\"repeat\":2,\"mixer\":{\"type\":\"attn\",\"heads\":4,\"bias\":\"all\",\"causal\":false},"
    "\"ffn\":{\"type\":\"mlp\",\"act\":\"gelu_erf\",\"d_ff\":24,\"bias\":true},\"norm\":{\"type\":\"ln\",\"place\":"
    "\"post\"}}],"
    "\"head\":{\"type\":\"rtd\"}}";

static int next(struct batch_source *s, uint64_t step, struct batch *b, struct err *e)
{
    struct rng_key k = rng_key(1, RNG_TEST, (uint32_t)step, 0);
    (void)s, (void)e;
    for (int i = 0; i < ROWS * T; i++) {
        bool chosen = i % T == 3 || i % T == 8, none = i >= ROWS * T - 2;
        int32_t id = 2 + (int32_t)rng_below(&k, (uint64_t)i, VOCAB - 2);
        b->tokens[i] = chosen ? MASK : id;
        b->targets[i] = chosen ? id : none ? -2 : -1;
        b->weights[i] = chosen;
        b->positions[i] = i % T;
        b->seg_start[i] = 0;
    }
    return 0;
}

static void the_gradient_of_both_losses_is_right(void **state)
{
    (void)state;
    struct err e;
    struct model_config c;
    struct objective_electra o;
    struct batch_source src = {.next = next};
    struct cJSON *j = json_parse(description, sizeof description - 1, "the test", NULL, &e);
    assert_non_null(j);
    if (model_config_parse(&c, j, "the test", &e)) fail_msg("%s", e.msg);
    json_free(j);
    if (objective_electra(&o, &c, 0.5, 7, M, &e)) fail_msg("%s", e.msg);
    struct pool *pool = pool_new(2, &e);
    struct params *p = params_new(&e);
    if (objective_declare(&o.base, &c, p, &e) || params_alloc(p, true, &e) || objective_init(&o.base, &c, p, 3, &e))
        fail_msg("%s", e.msg);
    assert_non_null(params_find(p, "generator.electra.encoder.layer.1.attention.self.query.weight"));
    assert_null(params_find(p, "generator.electra.embeddings.word_embeddings.weight"));
    for (int i = 0; i < p->n; i++) /* larger than at the start of training, so that all parts matter */
        for (int64_t k = 0; k < p->v[i]->n; k++) ((float *)p->v[i]->data)[k] *= p->v[i]->ndim > 1 ? 8 : 1;
    struct step_cfg sc = {.rows = ROWS, .T = T, .leaves = 2, .accum = 2, .compute = DT_F32, .training = true};
    struct stepper *s = stepper_new(&sc, &o.base, &c, p, 2, &e);
    if (!s || stepper_alloc(s, pool, &e)) fail_msg("%s", e.msg);
    struct loss_sum sum;
    if (stepper_run(s, &src, 0, 9, 5, true, &sum, &e)) fail_msg("%s", e.msg);
    assert_true(sum.weight == ROWS * M);
    assert_true(sum.loss > sum.nll && sum.nll / sum.weight > 1);

    /* Along a random direction of each parameter: central differences of a loss
     * of about 8, known to 1e-6 of itself, over 2 h of 2e-3 move the slope by 1e-2 / 2. */
    for (int i = 0; i < p->n; i++) {
        struct param *q = p->v[i];
        struct rng_key k = rng_key(2, RNG_TEST, (uint32_t)i, 0);
        double slope = 0, at[2], norm = 0;
        for (int64_t n = 0; n < q->n; n++) norm += pow((double)rng_normal(&k, (uint64_t)n), 2);
        norm = sqrt(norm);
        for (int64_t n = 0; n < q->n; n++) slope += (double)q->grad[n] * (double)rng_normal(&k, (uint64_t)n) / norm;
        float keep[800];
        assert_true(q->n <= 800);
        memcpy(keep, q->data, (size_t)q->n * sizeof *keep);
        for (int side = 0; side < 2; side++) {
            for (int64_t n = 0; n < q->n; n++)
                ((float *)q->data)[n] =
                    (float)((double)keep[n] + (side ? 1e-3 : -1e-3) * (double)rng_normal(&k, (uint64_t)n) / norm);
            struct loss_sum l;
            assert_int_equal(stepper_run(s, &src, 0, 9, 5, false, &l, &e), 0);
            at[side] = l.loss / l.weight;
        }
        memcpy(q->data, keep, (size_t)q->n * sizeof *keep);
        double measured = (at[1] - at[0]) / 2e-3;
        if (fabs(measured - slope) > 0.01 + 0.01 * fabs(slope))
            fail_msg("%s: %g, by differences %g", q->name, slope, measured);
    }
    stepper_free(s);
    params_free(p);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_gradient_of_both_losses_is_right)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
