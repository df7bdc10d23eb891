#include "tests/unit/shard_fixture.h"

#include <math.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "data/classify_train.h"

static const struct features_cfg small = {14, 2, 3, 4};

static size_t features_of(const struct features_cfg *c, const char *text, uint32_t *out)
{
    struct err e;
    struct features f = {0};
    assert_int_equal(features_make(c, &f, text, strlen(text), &e), 0);
    size_t n = f.n;
    memcpy(out, f.v, n * sizeof *out);
    features_free(&f);
    return n;
}

static void features_are_a_set(void **state)
{
    (void)state;
    uint32_t a[4096], b[4096];
    size_t n = features_of(&small, "The cat sat. The cat sat.", a), m = features_of(&small, "the CAT sat. the cat sat.", b);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n * sizeof *a);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(a[i], a[k]);
    char lots[2600] = "";
    for (int i = 0; i < 100; i++)
        strcat(lots, "The cat sat.  ");
    m = features_of(&small, lots, b); /* twice has every n-gram that a hundred times has */
    assert_int_equal(m, n);
    assert_memory_equal(a, b, n * sizeof *a);
    /* Words alone: cat, sat, "cat sat", in order. */
    const struct features_cfg words = {20, 2, 1, 0}, chars = {20, 0, 2, 2};
    assert_int_equal(features_of(&words, "cat, sat", a), 3);
    assert_int_equal(features_of(&words, "sat cat", b), 3);
    assert_int_equal(a[0], b[1]);
    assert_int_equal(a[1], b[0]);
    assert_int_not_equal(a[2], b[2]);
    assert_int_equal(features_of(&chars, "2024", a), 1); /* digits are one character */
    assert_int_equal(features_of(&chars, "\xc3\xbcx\xf0\x9f\x98\x80", a), 2);
    assert_int_equal(features_of(&chars, "", a), 0);
    assert_int_equal(features_of(&small, "ab", a), 1); /* one word, no n-gram of three */
}

/* n documents of three kinds; `noise` of ten words come from all kinds. */
static void make_docs(struct train_docs *t, int n, int kinds, int noise, uint64_t seed)
{
    static const char *const name[] = {"one", "two", "three"};
    struct err e;
    struct features f = {0};
    struct rng_key k = rng_key(seed, RNG_TEST, 0, 0);
    uint64_t at = 0;
    t->label = mem_zalloc(3, sizeof *t->label);
    for (; t->n_labels < kinds; t->n_labels++)
        t->label[t->n_labels] = mem_strdup(name[t->n_labels]);
    for (int i = 0; i < n; i++) {
        char text[512] = "";
        int kind = (int)rng_below(&k, at++, (uint64_t)kinds);
        for (int w = 0; w < 20; w++) {
            int from = (int)rng_below(&k, at++, 10) < noise ? (int)rng_below(&k, at++, (uint64_t)kinds) : kind;
            sprintf(text + strlen(text), "w%c%c ", 'a' + from, 'a' + (int)rng_below(&k, at++, 20));
        }
        assert_int_equal(features_make(&small, &f, text, strlen(text), &e), 0);
        struct train_doc d = {t->buckets.len / 4, hash64(text, strlen(text)), (uint32_t)f.n, kind};
        buf_add(&t->buckets, f.v, f.n * 4);
        buf_add(&t->docs, &d, sizeof d);
    }
    features_free(&f);
}

static void learns_and_calibrates(void **state)
{
    (void)state;
    struct err e;
    for (int kinds = 2; kinds <= 3; kinds++) {
        struct train_docs t = {0};
        struct classify_cfg cfg = classify_defaults(kinds);
        struct classify_report rep;
        struct classifier *c = NULL;
        cfg.features = small;
        make_docs(&t, 600, kinds, 7, 3);
        float *oof = mem_alloc(600 * 3, sizeof *oof);
        assert_int_equal(classify_train(&cfg, &t, NULL, &c, &rep, oof, &e), 0);
        assert_true(rep.all.auc > 0.9 && rep.all.auc < 1);
        assert_true(rep.all.accuracy > 0.8);
        assert_true(rep.all.log_loss <= rep.log_loss_raw);
        /* Calibrated: the mean probability of a label is its share. */
        for (int j = 0; j < kinds; j++) {
            double sum = 0;
            for (int i = 0; i < 600; i++)
                sum += (double)oof[i * kinds + j];
            assert_true(fabs(sum - (double)rep.n_label[j]) < 12);
        }
        uint64_t n = 0;
        for (int f = 0; f < rep.folds; f++)
            n += rep.fold[f].n;
        assert_int_equal(n, 600);
        free(oof);
        classifier_free(c);
        classify_report_free(&rep);
        train_docs_free(&t);
    }
}

static void same_bits_for_any_threads(void **state)
{
    (void)state;
    struct err e;
    struct classifier *first = NULL;
    static const int threads[] = {1, 2, 8};
    for (int i = 0; i < 3; i++) {
        struct train_docs t = {0};
        struct classify_cfg cfg = classify_defaults(3);
        struct classify_report rep;
        struct classifier *c = NULL;
        struct pool *pool = pool_new(threads[i], &e);
        cfg.features = small;
        make_docs(&t, 200, 3, 5, 9);
        assert_int_equal(classify_train(&cfg, &t, pool, &c, &rep, NULL, &e), 0);
        if (first) {
            assert_memory_equal(first->weight, c->weight, ((size_t)3 << small.bits) * sizeof *c->weight);
            assert_memory_equal(first->bias, c->bias, 3 * sizeof *c->bias);
            assert_memory_equal(&first->scale, &c->scale, sizeof c->scale);
            classifier_free(c);
        } else {
            first = c;
        }
        classify_report_free(&rep);
        train_docs_free(&t);
        pool_free(pool);
    }
    classifier_free(first);
}

static void area_under_the_curve(void **state)
{
    (void)state;
    struct err e;
    double auc;
    assert_int_equal(classify_auc((double[]){1, 2, 3, 4}, (uint8_t[]){0, 0, 1, 1}, 4, &auc, &e), 0);
    assert_true(auc >= 1 && auc <= 1);
    assert_int_equal(classify_auc((double[]){1, 2, 3, 4}, (uint8_t[]){0, 1, 0, 1}, 4, &auc, &e), 0);
    assert_true(auc >= 0.75 && auc <= 0.75);
    assert_int_equal(classify_auc((double[]){1, 1, 1, 0}, (uint8_t[]){0, 1, 1, 0}, 4, &auc, &e), 0);
    assert_true(auc >= 0.75 && auc <= 0.75); /* ties are half a win */
    assert_int_equal(classify_auc((double[]){1, 2}, (uint8_t[]){1, 1}, 2, &auc, &e), 0);
    assert_true(auc >= 0.5 && auc <= 0.5);
}

static void calibration_finds_the_scale(void **state)
{
    (void)state;
    enum { N = 20000 };
    double *z = mem_alloc(N, sizeof *z), scale, shift;
    float *z3 = mem_alloc(N * 3, sizeof *z3);
    uint8_t *y = mem_alloc(N, 1);
    int32_t *y3 = mem_alloc(N, sizeof *y3);
    struct rng_key k = rng_key(5, RNG_TEST, 1, 0);
    for (uint64_t i = 0; i < N; i++) {
        z[i] = 4 * rng_f64(&k, 4 * i) - 2;
        y[i] = rng_f64(&k, 4 * i + 1) < 1 / (1 + exp(-(2 * z[i] - 0.5)));
        double p[3], sum = 0, u = rng_f64(&k, 4 * i + 3);
        for (uint64_t j = 0; j < 3; j++) {
            z3[3 * i + j] = rng_normal(&k, 100000 + 6 * i + 2 * j);
            sum += p[j] = exp(3 * (double)z3[3 * i + j]);
        }
        y3[i] = u < p[0] / sum ? 0 : u < (p[0] + p[1]) / sum ? 1 : 2;
    }
    classify_platt(z, y, N, &scale, &shift);
    assert_true(fabs(scale - 2) < 0.15 && fabs(shift + 0.5) < 0.1);
    assert_true(fabs(classify_temperature(z3, y3, N, 3) - 3) < 0.2);
    /* Separated without an error: finite all the same. */
    classify_platt((double[]){-1, -2, 1, 2}, (uint8_t[]){0, 0, 1, 1}, 4, &scale, &shift);
    assert_true(isfinite(scale) && scale > 0 && isfinite(shift));
    /* Scores the wrong way round tell nothing: the share of positives, order kept. */
    classify_platt((double[]){1, 2, 3, -1, -2}, (uint8_t[]){0, 0, 0, 0, 1}, 5, &scale, &shift);
    assert_true(scale > 0 && scale < 0.01 && fabs(shift - log(2.0 / 5)) < 0.01);
    free(z);
    free(z3);
    free(y);
    free(y3);
}

static void files(void **state)
{
    struct err e;
    char path[256], bad[256];
    struct train_docs t = {0};
    struct classify_cfg cfg = classify_defaults(2);
    struct classify_report rep;
    struct classifier *c = NULL;
    fixture_path(path, sizeof path, *state, "q.llmz");
    fixture_path(bad, sizeof bad, *state, "bad.llmz");
    cfg.features = small;
    cfg.folds = 2;
    make_docs(&t, 50, 2, 2, 4);
    assert_int_equal(classify_train(&cfg, &t, NULL, &c, &rep, NULL, &e), 0);
    assert_int_equal(classifier_save(c, "{\"x\":1}", path, NULL, &e), 0);
    struct classifier *d = classifier_open(path, NULL, &e);
    assert_non_null(d);
    assert_memory_equal(c->weight, d->weight, sizeof *c->weight << small.bits);
    assert_memory_equal(&c->scale, &d->scale, 2 * sizeof c->scale);
    assert_string_equal(d->label[1], "two");
    assert_int_equal(classifier_find_label(d, "one"), 0);
    assert_int_equal(classifier_find_label(d, "none"), -1);
    classifier_free(d);
    /* Labels or buckets that the weights do not fit. */
    char *third[] = {(char *)"a", (char *)"b", (char *)"c"};
    struct classifier lying = *c;
    lying.label = third;
    lying.n_labels = 3;
    assert_int_equal(classifier_save(&lying, NULL, bad, NULL, &e), 0);
    assert_null(classifier_open(bad, NULL, &e));
    assert_int_equal(e.code, ERR_DATA);
    c->bias[0] = NAN;
    assert_int_equal(classifier_save(c, NULL, bad, NULL, &e), 0);
    assert_null(classifier_open(bad, NULL, &e));
    assert_non_null(strstr(e.msg, "not finite"));
    classifier_free(c);
    classify_report_free(&rep);
    train_docs_free(&t);
}

static void refuses_too_little(void **state)
{
    (void)state;
    struct err e;
    struct train_docs t = {0};
    struct classify_cfg cfg = classify_defaults(2);
    struct classify_report rep;
    struct classifier *c = NULL;
    cfg.features = small;
    make_docs(&t, 3, 2, 2, 4);
    assert_int_equal(classify_train(&cfg, &t, NULL, &c, &rep, NULL, &e), -1);
    assert_non_null(strstr(e.msg, "too few"));
    train_docs_free(&t);
    make_docs(&t, 30, 1, 0, 4);
    assert_int_equal(classify_train(&cfg, &t, NULL, &c, &rep, NULL, &e), -1);
    assert_non_null(strstr(e.msg, "two labels"));
    train_docs_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_a_set),
        cmocka_unit_test(learns_and_calibrates),
        cmocka_unit_test(same_bits_for_any_threads),
        cmocka_unit_test(area_under_the_curve),
        cmocka_unit_test(calibration_finds_the_scale),
        cmocka_unit_test_setup_teardown(files, fixture_dir, fixture_remove_dir),
        cmocka_unit_test(refuses_too_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
