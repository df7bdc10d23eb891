#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/infer/sample.h"

static const struct sample_params plain = {.temperature = 1, .top_p = 1, .repeat_penalty = 1, .seed = 1};

/* Checks the distribution against want[i] = probability of token i (0 = filtered out). */
static void expect(const struct sample_params *p, const double *prob, const double *want, int n,
                   const int32_t *history, int n_history)
{
    struct err e = {0};
    struct sampler *s = sampler_new(n, &e);
    float logits[16];
    double got[16] = {0};
    const struct sample_candidate *c;
    int m;
    for (int i = 0; i < n; i++) logits[i] = (float)log(prob[i]);
    assert_int_equal(sampler_distribution(s, p, logits, history, n_history, &c, &m, &e), 0);
    for (int i = 0; i < m; i++) {
        got[c[i].id] = (double)c[i].p;
        assert_true(i == 0 || c[i].p <= c[i - 1].p);
    }
    for (int i = 0; i < n; i++)
        if (fabs(got[i] - want[i]) > 1e-6) fail_msg("token %d: %g, wanted %g", i, got[i], want[i]);
    sampler_free(s);
}

/* A 30 %, B 20 %, four others 12.5 % each: k = 2 leaves A 60 % and B 40 %. */
static void top_k_renormalises_what_it_keeps(void **state)
{
    (void)state;
    static const double prob[] = {.125, .3, .125, .2, .125, .125}, want[] = {0, .6, 0, .4, 0, 0};
    struct sample_params p = plain;
    p.top_k = 2;
    expect(&p, prob, want, 6, NULL, 0);
    /* and in draws: 20000 of them, five standard errors = 0.0174 */
    struct err e = {0};
    struct sampler *s = sampler_new(6, &e);
    float logits[6];
    int count[6] = {0};
    enum { N = 20000 };
    for (int i = 0; i < 6; i++) logits[i] = (float)log(prob[i]);
    for (uint32_t i = 0; i < N; i++) {
        int32_t t;
        assert_int_equal(sampler_next(s, &p, logits, NULL, 0, 3, i, &t, NULL, &e), 0);
        count[t]++;
    }
    assert_int_equal(count[1] + count[3], N);
    assert_true(fabs(count[1] / (double)N - 0.6) < 0.0174);
    sampler_free(s);
}

static void top_p_keeps_the_smallest_set_that_holds_p(void **state)
{
    (void)state;
    static const double prob[] = {.1, .2, .3, .4};
    struct sample_params p = plain;
    p.top_p = 0.8;
    expect(&p, prob, (double[]){0, .2 / .9, .3 / .9, .4 / .9}, 4, NULL, 0);
    p.top_p = 0.39;
    expect(&p, prob, (double[]){0, 0, 0, 1}, 4, NULL, 0);
    p.top_p = 0;
    expect(&p, prob, (double[]){0, 0, 0, 1}, 4, NULL, 0);
    p.top_p = 1;
    expect(&p, prob, prob, 4, NULL, 0);
}

static void min_p_is_relative_to_the_most_likely(void **state)
{
    (void)state;
    static const double prob[] = {.1, .2, .3, .4};
    struct sample_params p = plain;
    p.min_p = 0.51;
    expect(&p, prob, (double[]){0, 0, .3 / .7, .4 / .7}, 4, NULL, 0);
    p.min_p = 1;
    expect(&p, prob, (double[]){0, 0, 0, 1}, 4, NULL, 0);
}

static void the_place_of_the_temperature_is_the_order(void **state)
{
    (void)state;
    static const double prob[] = {.1, .2, .3, .4};
    struct sample_params p = plain;
    p.temperature = 0.5; /* squares: .01 .04 .09 .16 over .30 */
    expect(&p, prob, (double[]){.01 / .3, .04 / .3, .09 / .3, .16 / .3}, 4, NULL, 0);
    p.top_p = 0.8;
    expect(&p, prob, (double[]){0, 0, .09 / .25, .16 / .25}, 4, NULL, 0);
    p.order = SAMPLE_LLAMA;
    expect(&p, prob, (double[]){0, .04 / .29, .09 / .29, .16 / .29}, 4, NULL, 0);
}

static void temperature_zero_is_greedy_and_ties_go_to_the_lower_id(void **state)
{
    (void)state;
    struct sample_params p = plain;
    p.temperature = 0;
    expect(&p, (double[]){.2, .4, .4}, (double[]){0, 1, 0}, 3, NULL, 0);
    p = plain;
    p.top_k = 1;
    expect(&p, (double[]){.2, .4, .4}, (double[]){0, 1, 0}, 3, NULL, 0);
}

static void the_penalty_divides_positive_and_multiplies_negative_logits(void **state)
{
    (void)state;
    struct err e = {0};
    struct sampler *s = sampler_new(3, &e);
    static const float logits[] = {2, -2, 1};
    static const int32_t history[] = {2, 0, 1, 0, 7, -1};
    struct sample_params p = plain;
    const struct sample_candidate *c;
    int n;
    p.repeat_penalty = 2;
    assert_int_equal(sampler_distribution(s, &p, logits, history, 6, &c, &n, &e), 0);
    assert_true(c[0].id == 0 && c[0].logit == 1.0F);   /* counted once though seen twice */
    assert_true(c[1].id == 2 && c[1].logit == 0.5F);
    assert_true(c[2].id == 1 && c[2].logit == -4.0F);
    p.repeat_last = 4; /* the window no longer reaches token 2 */
    assert_int_equal(sampler_distribution(s, &p, logits, history, 5, &c, &n, &e), 0);
    assert_true(c[1].logit == 1.0F);
    sampler_free(s);
}

static void the_same_seed_gives_the_same_token_wherever_it_is_asked(void **state)
{
    (void)state;
    struct err e = {0};
    struct sampler *s = sampler_new(1000, &e);
    float logits[1000];
    struct rng_key k = rng_key(5, RNG_TEST, 0, 0);
    for (uint64_t i = 0; i < 1000; i++) logits[i] = rng_normal(&k, i);
    int32_t a[50], t;
    int differs = 0;
    float lp;
    for (uint32_t i = 0; i < 50; i++) assert_int_equal(sampler_next(s, &plain, logits, NULL, 0, 1, i, &a[i], NULL, &e), 0);
    for (uint32_t i = 50; i-- > 0;) {
        assert_int_equal(sampler_next(s, &plain, logits, NULL, 0, 1, i, &t, &lp, &e), 0);
        assert_int_equal(t, a[i]);
        assert_true(lp < 0);
        assert_int_equal(sampler_next(s, &plain, logits, NULL, 0, 2, i, &t, NULL, &e), 0);
        differs += t != a[i];
    }
    assert_true(differs > 40);
    sampler_free(s);
}

static void top_p_on_a_flat_distribution_needs_many_tokens(void **state)
{
    (void)state;
    struct err e = {0};
    struct sampler *s = sampler_new(10000, &e);
    float *logits = mem_zalloc(10000, sizeof *logits);
    struct sample_params p = plain;
    const struct sample_candidate *c;
    int n;
    p.top_p = 0.95;
    assert_int_equal(sampler_distribution(s, &p, logits, NULL, 0, &c, &n, &e), 0);
    assert_true(n >= 9499 && n <= 9502);
    for (int i = 0; i < n; i++) assert_int_equal(c[i].id, i);
    free(logits);
    sampler_free(s);
}

static void log_probabilities_are_those_of_the_model(void **state)
{
    (void)state;
    struct err e = {0};
    struct sampler *s = sampler_new(4, &e);
    static const double prob[] = {.1, .2, .3, .4};
    float logits[4], lp;
    struct sample_candidate top[2];
    int32_t t;
    struct sample_params p = plain;
    for (int i = 0; i < 4; i++) logits[i] = (float)log(prob[i]) + 3;
    sampler_top_logprobs(s, logits, 2, top);
    assert_true(top[0].id == 3 && fabs((double)top[0].logit - log(.4)) < 1e-6);
    assert_true(top[1].id == 2 && fabs((double)top[1].logit - log(.3)) < 1e-6);
    p.temperature = 0;
    assert_int_equal(sampler_next(s, &p, logits, NULL, 0, 0, 0, &t, &lp, &e), 0);
    assert_true(t == 3 && fabs((double)lp - log(.4)) < 1e-6);
    sampler_free(s);
}

static void nan_logits_are_an_error(void **state)
{
    (void)state;
    struct err e = {0};
    struct sampler *s = sampler_new(3, &e);
    int32_t t;
    assert_int_equal(sampler_next(s, &plain, (float[]){0, NAN, 0}, NULL, 0, 0, 0, &t, NULL, &e), -1);
    assert_int_equal(e.code, ERR_RESULT);
    assert_int_equal(sampler_next(s, &plain, (float[]){-INFINITY, -INFINITY, -INFINITY}, NULL, 0, 0, 0, &t, NULL, &e), -1);
    assert_int_equal(sampler_next(s, &plain, (float[]){-INFINITY, 0, -INFINITY}, NULL, 0, 0, 0, &t, NULL, &e), 0);
    assert_int_equal(t, 1);
    sampler_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(top_k_renormalises_what_it_keeps),
        cmocka_unit_test(top_p_keeps_the_smallest_set_that_holds_p),
        cmocka_unit_test(min_p_is_relative_to_the_most_likely),
        cmocka_unit_test(the_place_of_the_temperature_is_the_order),
        cmocka_unit_test(temperature_zero_is_greedy_and_ties_go_to_the_lower_id),
        cmocka_unit_test(the_penalty_divides_positive_and_multiplies_negative_logits),
        cmocka_unit_test(the_same_seed_gives_the_same_token_wherever_it_is_asked),
        cmocka_unit_test(top_p_on_a_flat_distribution_needs_many_tokens),
        cmocka_unit_test(log_probabilities_are_those_of_the_model),
        cmocka_unit_test(nan_logits_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
