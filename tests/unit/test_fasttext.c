/* Predictions are compared with the formulas written out for tiny models; that
 * real models give what fastText itself says was checked with its own library
 * (largest difference 2.4e-7). */
#include "tests/unit/shard_fixture.h"

#include <math.h>

#include "core/base/mem.h"
#include "data/fasttext.h"
#include "tests/unit/fasttext_fixture.h"

static struct fasttext *make(const struct ft_spec *s, struct buf *b)
{
    struct err e;
    buf_clear(b);
    ft_write(b, s);
    struct fasttext *f = fasttext_open_memory(b->data, b->len, "tiny", &e);
    if (!f) fail_msg("%s", e.msg);
    return f;
}

static uint32_t fnv(const char *s)
{
    uint32_t h = 2166136261u;
    for (; *s; s++) {
        uint32_t c = (unsigned char)*s;
        h = (h ^ (c < 128 ? c : c | 0xFFFFFF00u)) * 16777619u;
    }
    return h;
}

/* Mean of some input rows. */
static void mean(const int *row, int n, double *h)
{
    for (int c = 0; c < FT_DIM; c++) {
        h[c] = 0;
        for (int i = 0; i < n; i++)
            h[c] += (double)ft_in(row[i], c) / n;
    }
}

static double score(const double *h, int label)
{
    double s = 0;
    for (int c = 0; c < FT_DIM; c++)
        s += h[c] * (double)ft_out(label, c);
    return s;
}

static void expect_softmax(const struct fasttext *f, const char *text, const int *row, int n)
{
    struct err e;
    struct fasttext_work w = {0};
    float p[FT_LABELS];
    double h[FT_DIM], z = 0;
    mean(row, n, h);
    for (int i = 0; i < FT_LABELS; i++)
        z += exp(score(h, i));
    assert_int_equal(fasttext_predict(f, &w, text, strlen(text), p, &e), 0);
    for (int i = 0; i < FT_LABELS; i++)
        assert_true(fabs((double)p[i] - (exp(score(h, i)) / z + 1e-5)) < 1e-6);
    fasttext_work_free(&w);
}

static void words_and_labels(void **state)
{
    (void)state;
    struct buf b = {0};
    struct fasttext *f = make(&(struct ft_spec){12, 1, 3, 3, 0, 0, 0, 0, 0, 0}, &b);
    assert_int_equal(fasttext_n_labels(f), 3);
    assert_string_equal(fasttext_label(f, 1), "__label__y");
    assert_int_equal(fasttext_find_label(f, "__label__z"), 2);
    assert_int_equal(fasttext_find_label(f, "a"), -1);
    /* The end of the text is a word too; labels and unknown words are not. */
    expect_softmax(f, "", (int[]){2}, 1);
    expect_softmax(f, "a b", (int[]){0, 1, 2}, 3);
    expect_softmax(f, " b\n\tb unknown __label__x __label__q", (int[]){1, 1, 2}, 3);
    expect_softmax(f, "a </s> b", (int[]){0, 2}, 2);
    fasttext_close(f);
    buf_free(&b);
}

static void word_ngrams(void **state)
{
    (void)state;
    struct buf b = {0};
    struct fasttext *f = make(&(struct ft_spec){12, 2, 3, 3, 0, 0, 0, 0, 0, 0}, &b);
    static const char *const words[] = {"zzz", "q", "word", "sign"}; /* hashes above and below 2^31 */
    for (size_t k = 0; k < COUNT_OF(words); k++) {
        char text[16];
        uint32_t h[] = {fnv("a"), fnv(words[k]), fnv("</s>")};
        int row[4] = {0, 2};
        for (int i = 0; i < 2; i++) {
            uint64_t x = (uint64_t)(int64_t)(int32_t)h[i] * 116049371 + (uint64_t)(int64_t)(int32_t)h[i + 1];
            row[2 + i] = FT_WORDS + (int)(x % FT_BUCKET);
        }
        snprintf(text, sizeof text, "a %s", words[k]);
        expect_softmax(f, text, row, 4);
    }
    fasttext_close(f);
    buf_free(&b);
}

static void subwords(void **state)
{
    (void)state;
    struct buf b = {0};
    struct fasttext *f = make(&(struct ft_spec){12, 1, 3, 3, 2, 3, 0, 0, 0, 0}, &b);
    static const char *const parts[] = {"<a", "<a>", "a>"}, *const unknown[] = {"<ü", "<üx", "üx", "üx>", "x>"};
    int row[8] = {0};
    for (int i = 0; i < 3; i++)
        row[1 + i] = FT_WORDS + (int)(fnv(parts[i]) % FT_BUCKET);
    row[4] = 2;
    expect_softmax(f, "a", row, 5);
    for (int i = 0; i < 5; i++)
        row[i] = FT_WORDS + (int)(fnv(unknown[i]) % FT_BUCKET);
    row[5] = 2;
    expect_softmax(f, "üx", row, 6);
    fasttext_close(f);
    /* Version 11 never uses them. */
    f = make(&(struct ft_spec){11, 1, 3, 3, 2, 3, 0, 0, 0, 0}, &b);
    expect_softmax(f, "a", (int[]){0, 2}, 2);
    fasttext_close(f);
    buf_free(&b);
}

static void quantized_and_pruned(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 4; i++) {
        struct fasttext *f = make(&(struct ft_spec){12, 1, 3, 3, 0, 0, true, i & 1, i & 2, false}, &b);
        expect_softmax(f, "a b b", (int[]){0, 1, 1, 2}, 4);
        fasttext_close(f);
    }
    struct fasttext *f = make(&(struct ft_spec){12, 1, 3, 3, 1, 1, true, true, true, true}, &b);
    int row[12], n = 0; /* single characters that fall into the buckets that are left */
    for (const char *c = "cdefghijkl"; *c; c++) {
        uint32_t bucket = fnv((char[]){*c, 0}) % FT_BUCKET;
        if (bucket == 3 || bucket == 6) row[n++] = FT_WORDS + (bucket == 6);
    }
    assert_in_range(n, 1, 9);
    row[n++] = 2;
    expect_softmax(f, "cdefghijkl", row, n);
    fasttext_close(f);
    buf_free(&b);
}

static void other_losses(void **state)
{
    (void)state;
    struct err e;
    struct buf b = {0};
    struct fasttext_work w = {0};
    float p[FT_LABELS];
    double h[FT_DIM];
    mean((int[]){0, 2}, 2, h);
    for (int loss = 2; loss <= 4; loss += 2) { /* independent labels, sigmoids by table */
        struct fasttext *f = make(&(struct ft_spec){12, 1, loss, 3, 0, 0, 0, 0, 0, 0}, &b);
        assert_int_equal(fasttext_predict(f, &w, "a", 1, p, &e), 0);
        for (int i = 0; i < FT_LABELS; i++)
            assert_true(fabs((double)p[i] - 1 / (1 + exp(-score(h, i)))) < 8.0 / 512 + 1e-4);
        fasttext_close(f);
    }
    /* Hierarchical: counts 5, 2, 1 give the tree ((z y) x). */
    struct fasttext *f = make(&(struct ft_spec){12, 1, 1, 3, 0, 0, 0, 0, 0, 0}, &b);
    double low = 1 / (1 + exp(-score(h, 0))), top = 1 / (1 + exp(-score(h, 1)));
    assert_int_equal(fasttext_predict(f, &w, "a", 1, p, &e), 0);
    assert_true(fabs((double)p[0] - top) < 1e-4); /* to the right of the root */
    assert_true(fabs((double)p[1] - (1 - top) * low) < 1e-4);
    assert_true(fabs((double)p[2] - (1 - top) * (1 - low)) < 1e-4);
    fasttext_close(f);
    fasttext_work_free(&w);
    buf_free(&b);
}

static void refuse(struct buf *b, const char *want)
{
    struct err e;
    struct fasttext *f = fasttext_open_memory(b->data, b->len, "bad", &e);
    assert_null(f);
    assert_int_equal(e.code, ERR_DATA);
    if (!strstr(e.msg, want)) fail_msg("'%s' lacks '%s'", e.msg, want);
}

static void damaged_files(void **state)
{
    (void)state;
    struct buf b = {0};
    const struct ft_spec plain = {12, 1, 3, 3, 0, 0, 0, 0, 0, 0}, quant = {12, 1, 1, 3, 1, 2, true, true, true, true};
    const struct ft_spec *const specs[] = {&plain, &quant};
    for (int i = 0; i < 2; i++) { /* cut anywhere, it is an error and nothing else */
        ft_write(&b, specs[i]);
        for (size_t n = 0; n < b.len; n += n < 200 ? 1 : 37) {
            struct err e;
            char *copy = malloc(n + 1);
            assert_non_null(copy);
            memcpy(copy, b.data, n);
            assert_null(fasttext_open_memory(copy, n, "cut", &e));
            assert_int_equal(e.code, ERR_DATA);
            free(copy);
        }
        buf_clear(&b);
    }
    static const struct {
        size_t at;
        int32_t value;
        const char *want;
    } changes[] = {
        {0, 7, "no fastText model"},   {4, 13, "format version"}, {8, 0, "dimension"},  {28, 1000, "wordNgrams"},
        {32, 5, "loss"},               {36, 1, "word vectors"},   {40, -1, "bucket"},   {64, 1 << 30, "number of labels"},
        {8, 4, "number of input rows"}, {40, 12, "number of input rows"},
    };
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        ft_write(&b, &plain);
        memcpy(b.data + changes[i].at, &changes[i].value, 4);
        refuse(&b, changes[i].want);
        buf_clear(&b);
    }
    buf_free(&b);
}

static void out_of_memory(void **state)
{
    (void)state;
    struct buf b = {0};
    ft_write(&b, &(struct ft_spec){12, 2, 1, 3, 1, 2, true, true, true, true});
    for (long n = 1; n < 50; n++) {
        struct err e;
        struct fasttext_work w = {0};
        float p[FT_LABELS];
        mem_fail_after(n);
        struct fasttext *f = fasttext_open_memory(b.data, b.len, "tiny", &e);
        int ret = f ? fasttext_predict(f, &w, "a b", 3, p, &e) : -1;
        mem_fail_after(0);
        if (ret) assert_int_equal(e.code, ERR_OS);
        fasttext_work_free(&w);
        fasttext_close(f);
        if (!ret) {
            assert_in_range(n, 5, 20);
            break;
        }
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_labels), cmocka_unit_test(word_ngrams),   cmocka_unit_test(subwords),
        cmocka_unit_test(quantized_and_pruned), cmocka_unit_test(other_losses), cmocka_unit_test(damaged_files),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
