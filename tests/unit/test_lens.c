#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/infer/lens_run.h"
#include "tests/unit/model_util.h"

enum { N = 11 };

static struct saved_model make(const struct model_variant *v)
{
    struct err e;
    struct saved_model m = {0};
    struct model_dims d = {
        .layers = 2, .width = v->width, .heads = v->heads, .kv_heads = v->kv_heads, .context = 32, .vocab = 61};
    if (model_config_depth(&m.config, v->family, 2, &e) || model_config_resize(&m.config, &d, &e))
        fail_msg("%s: %s", v->name, e.msg);
    for (int i = 0; i < 6 && v->sets[i]; i++)
        if (model_config_set(&m.config, &v->sets[i], 1, &e)) fail_msg("%s: %s", v->name, e.msg);
    m.params = params_new(&e);
    if (model_declare(&m.config, m.params, DT_F32, &e) || params_alloc(m.params, false, &e) ||
        model_init(&m.config, m.params, 3, &e))
        fail_msg("%s: %s", v->name, e.msg);
    for (int i = 0; i < m.params->n; i++) /* so that heads have something to choose between */
        for (int64_t k = 0; m.params->v[i]->ndim > 1 && k < m.params->v[i]->n; k++) ((float *)m.params->v[i]->data)[k] *= 10;
    return m;
}

static void rows_are_shares_of_what_may_be_seen(void **state)
{
    (void)state;
    struct err e;
    struct pool *pool = pool_new(2, &e);
    int32_t ids[N];
    int shown = 0;
    for (int i = 0; i < N; i++) ids[i] = i * 5 % 61;
    for (const struct model_variant *v = model_variants; v->name; v++) {
        const char *const decoders[] = {"gpt2", "llama", "qwen2", "qwen3", "gpt_neox"};
        bool known = false;
        for (size_t i = 0; i < COUNT_OF(decoders); i++) known |= strcmp(decoders[i], v->family) == 0;
        if (!known) continue;
        struct saved_model m = make(v);
        struct lens_result r;
        if (lens_run_attention(&m, &(struct lens_text){.ids = ids, .n = N}, 1, pool, &r, &e)) fail_msg("%s: %s", v->name, e.msg);
        assert_int_equal(r.heads, v->heads);
        const struct block_config *k = model_block(&m.config, 1);
        double spread = 0;
        for (int h = 0; h < r.heads; h++)
            for (int i = 0; i < N; i++) {
                double sum = 0;
                for (int j = 0; j < N; j++) {
                    double p = (double)r.attention[(h * N + i) * N + j];
                    bool seen = j <= i && (!k->window || j > i - k->window);
                    if (!seen) assert_true(p == 0);
                    assert_true(p >= 0);
                    sum += p;
                    if (i == N - 1) spread = fmax(spread, fabs(p - (double)r.attention[h * N * N + i * N]));
                }
                bool right = k->sink ? sum > 0 && sum < 1 : fabs(sum - 1) < 1e-5; /* a sink takes its share */
                if (!right) fail_msg("%s: head %d, row %d sums to %.9g", v->name, h, i, sum); /* N roundings */
            }
        assert_true(spread > 1e-4); /* heads do choose */
        lens_result_free(&r);
        saved_close(&m);
        shown++;
    }
    assert_true(shown > 8);
    pool_free(pool);
}

/* Of an encoder-decoder: the encoder from both sides, the decoder what it has written, and all of the source. */
static void a_target_looks_at_itself_and_at_the_source(void **state)
{
    (void)state;
    enum { N_TARGET = 7 };
    struct err e;
    struct pool *pool = pool_new(2, &e);
    struct saved_model m = {0};
    int32_t ids[N], target[N_TARGET];
    for (int i = 0; i < N; i++) ids[i] = 1 + i * 7 % 61;
    for (int i = 0; i < N_TARGET; i++) target[i] = i * 11 % 61;
    struct lens_text views[] = {{.ids = ids, .n = N},
                                {.ids = ids, .n = N, .target = target, .n_target = N_TARGET},
                                {.ids = ids, .n = N, .target = target, .n_target = N_TARGET, .cross = true}};
    if (model_config_preset(&m.config, "t5-nano", &e)) fail_msg("%s", e.msg);
    m.params = params_new(&e);
    if (model_declare(&m.config, m.params, DT_F32, &e) || params_alloc(m.params, false, &e) ||
        model_init(&m.config, m.params, 3, &e))
        fail_msg("%s", e.msg);
    for (size_t v = 0; v < COUNT_OF(views); v++) {
        struct lens_result r;
        if (lens_run_attention(&m, &views[v], 1, pool, &r, &e)) fail_msg("view %zu: %s", v, e.msg);
        assert_int_equal(r.n, v ? N_TARGET : N);
        assert_int_equal(r.seen, v == 1 ? N_TARGET : N);
        for (int i = 0; i < r.heads * r.n; i++) {
            double sum = 0;
            for (int j = 0; j < r.seen; j++) {
                double p = (double)r.attention[i * r.seen + j];
                assert_true(v == 1 && j > i % r.n ? p == 0 : p > 0);
                sum += p;
            }
            assert_true(fabs(sum - 1) < 1e-5);
        }
        lens_result_free(&r);
    }
    /* Keys are of the source: another last token there moves the shares, another last target does not move the first's. */
    struct lens_result a, b, c;
    assert_int_equal(lens_run_attention(&m, &views[2], 1, pool, &a, &e), 0);
    target[N_TARGET - 1]++;
    assert_int_equal(lens_run_attention(&m, &views[2], 1, pool, &b, &e), 0);
    ids[N - 1]++;
    assert_int_equal(lens_run_attention(&m, &views[2], 1, pool, &c, &e), 0);
    assert_memory_equal(a.attention, b.attention, (N_TARGET - 1) * N * sizeof(float));
    assert_memory_not_equal(b.attention, c.attention, N * sizeof(float));
    lens_result_free(&a);
    lens_result_free(&b);
    lens_result_free(&c);
    views[2].target = NULL;
    assert_int_equal(lens_run_attention(&m, &views[2], 1, pool, &a, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    saved_close(&m);
    pool_free(pool);
}

static void experts_are_told_with_their_weights(void **state)
{
    (void)state;
    struct err e;
    struct pool *pool = pool_new(2, &e);
    struct saved_model m = {0};
    int32_t ids[N];
    struct lens_result r;
    struct lens_text t = {.ids = ids, .n = N};
    for (int i = 0; i < N; i++) ids[i] = i * 7 % 61;
    if (model_config_preset(&m.config, "mixtral-nano", &e)) fail_msg("%s", e.msg);
    m.params = params_new(&e);
    if (model_declare(&m.config, m.params, DT_F32, &e) || params_alloc(m.params, false, &e) ||
        model_init(&m.config, m.params, 3, &e))
        fail_msg("%s", e.msg);
    if (lens_run_experts(&m, &t, 2, pool, &r, &e)) fail_msg("%s", e.msg);
    assert_int_equal(r.top_k, 2);
    for (int i = 0; i < N; i++) {
        assert_in_range(r.experts[2 * i], 0, 7);
        assert_in_range(r.experts[2 * i + 1], 0, 7);
        assert_int_not_equal(r.experts[2 * i], r.experts[2 * i + 1]);
        assert_true(r.weights[2 * i] >= r.weights[2 * i + 1]);
        assert_true(fabsf(r.weights[2 * i] + r.weights[2 * i + 1] - 1) < 1e-5f); /* renormalised */
    }
    lens_result_free(&r);
    assert_int_equal(lens_run_experts(&m, &t, 4, pool, &r, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    saved_close(&m);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_shares_of_what_may_be_seen),
        cmocka_unit_test(a_target_looks_at_itself_and_at_the_source),
        cmocka_unit_test(experts_are_told_with_their_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
