/* The decoder against the graph, and against itself cut in other ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/decode.h"
#include "tests/unit/model_util.h"

enum { T = 24, V_MAX = 64, S = 19 };

static struct model_config config;
static int32_t ids[T], source[S];

static struct params *make(const struct model_variant *v, enum dtype dt)
{
    struct err e;
    if (model_variant_config(&config, v, &e)) fail_msg("%s: %s", v->name, e.msg);
    struct params *p = params_new(&e);
    if (model_declare(&config, p, dt, &e) || params_alloc(p, false, &e) || model_init(&config, p, 3, &e))
        fail_msg("%s: %s", v->name, e.msg);
    model_variant_fill(p);
    for (int i = 0; i < T; i++) ids[i] = (i * 7 + i * i) % config.vocab;
    for (int i = 0; i < S; i++) source[i] = (i * 5 + 2) % config.vocab;
    return p;
}

static struct decoder *decoder(const struct params *p, enum dtype dt, int seqs)
{
    struct err e;
    struct decoder *d = decoder_new(&config, p, dt, seqs, T, NULL, &e);
    if (!d) fail_msg("%s", e.msg);
    return d;
}

static void prefill(struct decoder *d, int seq, const int32_t *id, int n, float *logits, enum decode_logits which)
{
    struct err e;
    if (decoder_prefill(d, seq, id, n, logits, which, &e)) fail_msg("%s", e.msg);
}

static void graph_logits(struct params *p, float *out)
{
    struct err e;
    struct model_graph mg;
    struct model_build b = {.opts = {.compute = DT_F32, .rows = 1, .T = T, .leaves = 1}, .want_logits = true};
    if (config.stack == STACK_ENCDEC) b.S = S;
    if (model_build(&config, p, &b, &mg, &e) || graph_plan(mg.g, 1, &e)) fail_msg("%s", e.msg);
    struct exec *x = exec_new(mg.g, NULL, &e);
    assert_non_null(x);
    memcpy(exec_input(x, "tokens"), ids, sizeof ids);
    int32_t *pos = exec_input(x, "positions");
    for (int i = 0; i < T && pos; i++) pos[i] = i;
    if (b.S) {
        memcpy(exec_input(x, "src_tokens"), source, sizeof source);
        int32_t *at = exec_input(x, "src_positions"), *hi = exec_input(x, "src_hi");
        for (int i = 0; i < S; i++) at[i] = i;
        for (int i = 0; i < T; i++) hi[i] = S;
    }
    if (exec_run(x, &(struct run_args){.loss_scale = 1}, &e)) fail_msg("%s", e.msg);
    memcpy(out, mg.logits->data, sizeof(float) * (size_t)(T * config.vocab));
    exec_free(x);
    graph_free(mg.g);
}

/* Largest difference relative to the largest logit. */
static double differs(const float *a, const float *b, int n)
{
    double m = 0, scale = 0;
    for (int i = 0; i < n; i++) {
        m = fmax(m, fabs((double)a[i] - (double)b[i]));
        scale = fmax(scale, fabs((double)b[i]));
        if (isnan(a[i])) return HUGE_VAL;
    }
    return m / scale;
}

static void compare_with_graph(const struct model_variant *v)
{
    float want[T * V_MAX], got[T * V_MAX];
    struct params *p = make(v, DT_F32);
    int V = config.vocab, seq = 1;
    struct err e;
    graph_logits(p, want);
    struct decoder *d = decoder(p, DT_F32, 2);
    for (int i = 0; i < 2 && config.stack == STACK_ENCDEC; i++)
        if (decoder_source(d, i, source, S, &e)) fail_msg("%s: %s", v->name, e.msg);
    prefill(d, 0, ids, T, got, DECODE_ALL);
    /* Sums of at most 128 products in another order: a few 1e-7 a layer. */
    if (!(differs(got, want, T * V) < 5e-6)) fail_msg("%s: prefill differs by %g", v->name, differs(got, want, T * V));
    /* 11 at once (packed), 3 at once (gemv), then one by one. */
    prefill(d, 1, ids, 11, got + 10 * V, DECODE_LAST);
    prefill(d, 1, ids + 11, 3, got + 11 * V, DECODE_ALL);
    for (int i = 14; i < T; i++)
        assert_int_equal(decoder_step(d, 1, &seq, ids + i, got + i * V, &e), 0);
    double x = differs(got + 10 * V, want + 10 * V, (T - 10) * V);
    if (!(x < 5e-6)) fail_msg("%s: steps differ by %g", v->name, x);
    decoder_free(d);
    params_free(p);
}

static void logits_equal_the_graph_s(void **state)
{
    (void)state;
    for (const struct model_variant *v = model_variants; v->name; v++) compare_with_graph(v);
    for (const struct model_variant *v = encoder_variants; v->name; v++)
        if (strstr(v->sets[0], "encdec")) compare_with_graph(v);
}

/* A fork has the source too; a new source forgets what was decoded; what cannot be is refused by name. */
static void sources_of_encoder_decoders(void **state)
{
    (void)state;
    const struct model_variant *v = encoder_variants;
    float a[V_MAX], b[V_MAX], c[V_MAX];
    struct err e;
    while (!strstr(v->sets[0], "encdec")) v++;
    struct params *p = make(v, DT_F32);
    struct decoder *d = decoder(p, DT_F32, 2);
    assert_int_equal(decoder_source(d, 0, source, S, &e), 0);
    prefill(d, 0, ids, 3, a, DECODE_LAST);
    decoder_fork(d, 0, 1);
    int seq = 0;
    assert_int_equal(decoder_step(d, 1, &seq, ids + 3, a, &e), 0);
    seq = 1;
    assert_int_equal(decoder_step(d, 1, &seq, ids + 3, b, &e), 0);
    assert_memory_equal(a, b, sizeof(float) * (size_t)config.vocab);
    assert_int_equal(decoder_source(d, 1, source + 1, S - 1, &e), 0);
    assert_int_equal(decoder_len(d, 1), 0);
    prefill(d, 1, ids, 4, c, DECODE_LAST);
    assert_true(differs(c, a, config.vocab) > 1e-4);
    assert_int_equal(decoder_source(d, 0, source, T + 1, &e), -1);
    assert_non_null(strstr(e.msg, "does not fit"));
    decoder_free(d);
    params_free(p);
    p = make(&encoder_variants[0], DT_F32);
    assert_null(decoder_new(&config, p, DT_F32, 1, T, NULL, &e));
    assert_non_null(strstr(e.msg, "stack encoder cannot generate"));
    params_free(p);
}

static void bf16_is_near_f32(void **state)
{
    (void)state;
    float want[T * V_MAX], got[T * V_MAX], own[T * V_MAX];
    for (const struct model_variant *v = model_variants; v->name; v++) {
        struct params *p = make(v, DT_F32), *h = make(v, DT_BF16);
        int V = config.vocab;
        graph_logits(p, want);
        /* Converted from f32, and bf16 from the start: the same bits. */
        struct decoder *a = decoder(p, DT_BF16, 1), *b = decoder(h, DT_BF16, 1);
        prefill(a, 0, ids, T, got, DECODE_ALL);
        prefill(b, 0, ids, T, own, DECODE_ALL);
        assert_memory_equal(got, own, sizeof(float) * (size_t)(T * V));
        /* 8 bits: 2^-9 a rounding, some tens of them, not all independent. */
        double x = differs(got, want, T * V);
        if (!(x < 0.05)) fail_msg("%s: bf16 differs by %g", v->name, x);
        assert_true(decoder_bytes(a) > decoder_bytes(b));
        decoder_free(a);
        decoder_free(b);
        params_free(p);
        params_free(h);
    }
}

static void forks_and_batches_equal_single_sequences(void **state)
{
    (void)state;
    float one[V_MAX], all[3 * V_MAX];
    struct err e;
    for (const struct model_variant *v = model_variants; v->name; v++) {
        struct params *p = make(v, DT_BF16);
        int V = config.vocab;
        struct decoder *d = decoder(p, DT_BF16, 4);
        prefill(d, 2, ids, 9, NULL, DECODE_NONE);
        decoder_fork(d, 2, 0);
        decoder_fork(d, 2, 3);
        assert_int_equal(decoder_len(d, 3), 9);
        const int seqs[] = {3, 0, 2};
        const int32_t next[] = {1, 2, 3};
        assert_int_equal(decoder_step(d, 3, seqs, next, all, &e), 0);
        for (int i = 0; i < 3; i++) {
            int alone = 1;
            decoder_truncate(d, 1, 0);
            prefill(d, 1, ids, 9, NULL, DECODE_NONE);
            assert_int_equal(decoder_step(d, 1, &alone, &next[i], one, &e), 0);
            assert_memory_equal(one, all + i * V, sizeof(float) * (size_t)V);
        }
        /* Going back gives what was there; a recurrent state cannot. */
        decoder_truncate(d, 0, 9);
        bool back = decoder_step(d, 1, (int[]){0}, &next[1], one, &e) == 0;
        assert_int_equal(back, config.block[0].mixer < MIX_RWKV4);
        if (!back) {
            assert_non_null(strstr(e.msg, "cannot go back"));
            memcpy(one, all + V, sizeof(float) * (size_t)V);
        }
        assert_memory_equal(one, all + V, sizeof(float) * (size_t)V);
        decoder_free(d);
        params_free(p);
    }
}

static void a_crowd_does_not_change_a_bit(void **state)
{
    (void)state;
    enum { CROWD = 20 };
    static float all[CROWD * V_MAX];
    float one[V_MAX];
    int seqs[CROWD];
    int32_t next[CROWD];
    struct err e;
    struct params *p = make(&model_variants[1], DT_BF16);
    struct decoder *d = decoder(p, DT_BF16, CROWD + 1);
    int alone = CROWD;
    prefill(d, alone, ids, 9, NULL, DECODE_NONE);
    for (int i = 0; i < CROWD; i++) {
        decoder_fork(d, alone, i);
        seqs[i] = i;
        next[i] = i + 1;
    }
    assert_int_equal(decoder_step(d, CROWD, seqs, next, all, &e), 0);
    assert_int_equal(decoder_step(d, 1, &alone, &next[17], one, &e), 0);
    assert_memory_equal(one, all + 17 * config.vocab, sizeof(float) * (size_t)config.vocab);
    decoder_free(d);
    params_free(p);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    float a[T * V_MAX], b[T * V_MAX];
    struct err e;
    struct params *p = make(&model_variants[1], DT_F32);
    struct pool *pool = pool_new(3, &e);
    assert_non_null(pool);
    struct decoder *d = decoder(p, DT_F32, 1), *m = decoder_new(&config, p, DT_F32, 1, T, pool, &e);
    assert_non_null(m);
    for (int n = 1; n <= T; n += 7) {
        decoder_truncate(d, 0, 0);
        decoder_truncate(m, 0, 0);
        prefill(d, 0, ids, n, a, DECODE_ALL);
        prefill(m, 0, ids, n, b, DECODE_ALL);
        assert_memory_equal(a, b, sizeof(float) * (size_t)(n * config.vocab));
    }
    decoder_free(d);
    decoder_free(m);
    pool_free(pool);
    params_free(p);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct err e;
    struct params *p = make(&model_variants[0], DT_F32);
    struct decoder *d = decoder(p, DT_F32, 1);
    int32_t bad[] = {0, 53, -1};
    int seq = 0;
    assert_int_equal(decoder_prefill(d, 0, bad, 2, NULL, DECODE_NONE, &e), -1);
    assert_int_equal(e.code, ERR_DATA);
    assert_int_equal(decoder_step(d, 1, &seq, &bad[2], NULL, &e), -1);
    assert_int_equal(decoder_len(d, 0), 0);
    prefill(d, 0, ids, T, NULL, DECODE_NONE);
    assert_int_equal(decoder_step(d, 1, &seq, ids, NULL, &e), -1);
    assert_non_null(strstr(e.msg, "context"));
    decoder_free(d);
    assert_null(decoder_new(&config, p, DT_F32, 1, 25, NULL, &e)); /* 24 learned positions */
    assert_int_equal(e.code, ERR_CONFIG);
    assert_null(decoder_new(&config, p, DT_F16, 1, T, NULL, &e));
    params_free(p);
    /* 2 (k, v) * 2 layers * 3 seqs * 24 tokens * 48 * 2 bytes */
    assert_int_equal(decoder_cache_bytes(&config, DT_BF16, 3, T), 2 * 2 * 3 * 24 * 48 * 2);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    struct err e;
    struct params *p = make(&model_variants[6], DT_F32);
    int n = 1;
    for (;; n++) {
        mem_fail_after(n);
        struct decoder *d = decoder_new(&config, p, DT_BF16, 2, T, NULL, &e);
        mem_fail_after(0);
        decoder_free(d);
        if (d) break;
        assert_int_equal(e.code, ERR_OS);
    }
    assert_true(n > 10);
    params_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_equal_the_graph_s),
        cmocka_unit_test(sources_of_encoder_decoders),
        cmocka_unit_test(bf16_is_near_f32),
        cmocka_unit_test(forks_and_batches_equal_single_sequences),
        cmocka_unit_test(a_crowd_does_not_change_a_bit),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
