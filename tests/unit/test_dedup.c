#include "tests/unit/shard_fixture.h"

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "data/minhash.h"
#include "data/shingle.h"
#include "data/shingle_internal.h"

static void every_isa_and_the_reference_agree(void **state)
{
    (void)state;
    static uint64_t x[1000];
    static uint32_t a[256], b[256];
    static struct minhash m;
    struct rng_key key = rng_key(5, RNG_TEST, 0, 0);
    struct {
        minhash_fn *fn;
        bool have;
    } kernels[] = {{minhash_min_avx2, __builtin_cpu_supports("avx2")},
                   {minhash_min_avx512, __builtin_cpu_supports("avx512f")}};
    for (size_t i = 0; i < COUNT_OF(x); i++)
        x[i] = (uint64_t)rng_u32(&key, 2 * i) << 32 | rng_u32(&key, 2 * i + 1);
    for (size_t k = 0; k < COUNT_OF(kernels); k++) {
        if (!kernels[k].have) {
            print_message("skip kernel %zu: this CPU has it not\n", k);
            continue;
        }
        for (int lanes = 16; lanes <= 256; lanes += 16)
            for (size_t n = 0; n <= 1000; n = n * 3 + 1) {
                minhash_init(&m, lanes / 8, 8, 1);
                assert_int_equal(m.padded, lanes);
                minhash_min_ref(m.mul, m.add, lanes, x, n, a);
                kernels[k].fn(m.mul, m.add, lanes, x, n, b);
                assert_memory_equal(a, b, (size_t)lanes * 4);
            }
    }
}

/* Words of all lengths, at all places of a block, among all kinds of others. */
static size_t make_words(char *text, int round, struct rng_key *key, uint64_t *drawn)
{
    static const char *const parts[] = {" ",  "\n", "a",    "Bc",  "word", "LONGERWORD", "verylongwordofmanyletters",
                                        "eightlet", "fifteenletterst", "sixteenletterstw",
                                        "12", "3.5", "é",  "ß",  "'",    "日本",       "٣",
                                        "x1", "_",   "{[", "@`", "zZ",   "e\xcc\x81",  "“q”"};
    size_t n = 0, kinds = round % 3 ? 10 : COUNT_OF(parts), want = rng_u32(key, (*drawn)++) % 800;
    while (n < want) {
        const char *p = parts[rng_u32(key, (*drawn)++) % kinds];
        memcpy(text + n, p, strlen(p));
        n += strlen(p);
        if (rng_u32(key, (*drawn)++) % 2) text[n++] = ' ';
    }
    return n;
}

static void fast_words_and_reference_agree(void **state)
{
    (void)state;
    struct rng_key key = rng_key(9, RNG_TEST, 0, 0);
    uint64_t drawn = 0;
    struct shingles s = {0}, t = {0};
    struct err e;
    char text[900];
    for (int round = 0; round < 20000; round++) {
        size_t n = make_words(text, round, &key, &drawn);
        assert_int_equal(shingles_words_ref(&t, text, n, &e), 0);
        for (int k = 0; k < SHINGLE_KERNELS; k++) {
            if (!shingle_kernels(k)) continue;
            assert_int_equal(shingles_words_by(shingle_kernels(k), &s, text, n, &e), 0);
            if (s.n_words != t.n_words || memcmp(s.word, t.word, s.n_words * 8) != 0)
                fail_msg("round %d, kernels %d: %zu words, want %zu: %.*s", round, k, s.n_words, t.n_words, (int)n, text);
        }
    }
    shingles_free(&s);
    shingles_free(&t);
}

/* Every kernel, on texts of several parts, with words longer than a block and than a part. */
static void words_of_long_texts_and_reference_agree(void **state)
{
    (void)state;
    enum { MOST = 60000 };
    struct rng_key key = rng_key(10, RNG_TEST, 0, 0);
    uint64_t drawn = 0;
    struct shingles s = {0}, t = {0};
    struct err e;
    char *text = mem_alloc(MOST + 2000, 1);
    assert_non_null(text);
    for (int round = 0; round < 60; round++) {
        size_t n = 0;
        while (n < MOST * (size_t)(round + 1) / 60) {
            size_t run = rng_u32(&key, drawn++) % 40 ? 0 : rng_u32(&key, drawn++) % (round % 7 ? 200 : 30000);
            if (run > MOST - n) run = MOST - n;
            memset(text + n, 'q', run);
            n += run;
            n += make_words(text + n, round, &key, &drawn);
        }
        assert_int_equal(shingles_words_ref(&t, text, n, &e), 0);
        for (int k = 0; k < SHINGLE_KERNELS; k++) {
            if (!shingle_kernels(k)) continue;
            assert_int_equal(shingles_words_by(shingle_kernels(k), &s, text, n, &e), 0);
            if (s.n_words != t.n_words || memcmp(s.word, t.word, s.n_words * 8) != 0)
                fail_msg("round %d, kernels %d: %zu words, want %zu", round, k, s.n_words, t.n_words);
        }
    }
    free(text);
    shingles_free(&s);
    shingles_free(&t);
}

static void joined_words_and_reference_agree(void **state)
{
    (void)state;
    uint64_t word[100], a[100], b[100];
    struct rng_key key = rng_key(11, RNG_TEST, 0, 0);
    for (size_t i = 0; i < COUNT_OF(word); i++)
        word[i] = (uint64_t)rng_u32(&key, 2 * i) << 32 | rng_u32(&key, 2 * i + 1);
    for (int k = 1; k < SHINGLE_KERNELS; k++)
        for (size_t width = 1; shingle_kernels(k) && width <= 20; width++)
            for (size_t n = 0; n + width <= 60; n++) {
                memset(a, 0, sizeof a);
                memset(b, 0, sizeof b);
                shingle_kernels_ref.join(word, n, width, a);
                shingle_kernels(k)->join(word, n, width, b);
                assert_memory_equal(a, b, sizeof a); /* nothing behind the n-th either */
            }
}

static void common_numbers_and_reference_agree(void **state)
{
    (void)state;
    enum { MOST = 700 };
    static uint32_t a[MOST], b[MOST];
    struct rng_key key = rng_key(12, RNG_TEST, 0, 0);
    uint64_t drawn = 0;
    for (int round = 0; round < 3000; round++) {
        uint32_t step = 1 + rng_u32(&key, drawn++) % 9;
        size_t n[2];
        for (int s = 0; s < 2; s++) { /* with jumps, so that one is far ahead at times */
            uint32_t *v = s ? b : a, x = 0;
            n[s] = rng_u32(&key, drawn++) % (round % 3 ? 40 : MOST);
            for (size_t i = 0; i < n[s]; i++) {
                uint32_t r = rng_u32(&key, drawn++);
                v[i] = x += 1 + r % step + (r >> 16) % 50 / 49 * 200;
            }
        }
        size_t want = 0;
        for (size_t i = 0, j = 0; i < n[0] && j < n[1];)
            if (a[i] == b[j])
                want++, i++, j++;
            else if (a[i] < b[j])
                i++;
            else
                j++;
        for (int k = 0; k < SHINGLE_KERNELS; k++)
            if (shingle_kernels(k)) assert_int_equal(shingle_kernels(k)->common(a, n[0], b, n[1]), want);
    }
}

/* Bands of two sets of similarity s agree with probability s^rows: over 200
 * bands of 2 rows and 20 pairs the share is within 4 standard deviations. */
static void bands_agree_as_often_as_the_theory_says(void **state)
{
    (void)state;
    static struct minhash m;
    static uint64_t set[300], keys_a[256], keys_b[256];
    minhash_init(&m, 200, 2, 9);
    struct rng_key key = rng_key(6, RNG_TEST, 0, 0);
    for (int overlap = 50; overlap <= 90; overlap += 20) { /* of 100 */
        int equal = 0;
        size_t n = 100, shift = n - (size_t)overlap;
        double s = (double)overlap / (double)(2 * n - (size_t)overlap);
        for (uint64_t pair = 0; pair < 20; pair++) {
            for (size_t i = 0; i < n + shift; i++) {
                uint64_t at = ((uint64_t)overlap * 100 + pair) * 1000 + i;
                set[i] = (uint64_t)rng_u32(&key, 2 * at) << 32 | rng_u32(&key, 2 * at + 1);
            }
            minhash_keys(&m, set, n, keys_a);
            minhash_keys(&m, set + shift, n, keys_b);
            for (int b = 0; b < 200; b++)
                equal += keys_a[b] == keys_b[b];
        }
        double share = equal / 4000.0, want = s * s, sd = 0.0079; /* sqrt(.25 / 4000) */
        if (share < want - 4 * sd || share > want + 4 * sd)
            fail_msg("similarity %g: %g agree, want %g", s, share, want);
    }
}

static size_t n_words(const char *text)
{
    struct shingles s = {0};
    struct err e;
    assert_int_equal(shingles_words(&s, text, strlen(text), &e), 0);
    size_t n = s.n_words;
    shingles_free(&s);
    return n;
}

static bool same(const char *a, const char *b)
{
    struct shingles s = {0}, t = {0};
    struct err e;
    assert_int_equal(shingles_words(&s, a, strlen(a), &e), 0);
    assert_int_equal(shingles_words(&t, b, strlen(b), &e), 0);
    bool eq = hash128_eq(shingles_identity(&s, a, strlen(a)), shingles_identity(&t, b, strlen(b)));
    shingles_free(&s);
    shingles_free(&t);
    return eq;
}

static void words_are_normalised(void **state)
{
    (void)state;
    assert_true(same("Hello,  WORLD!", "hello world"));
    assert_true(same("Größe Élan İ", "grosse elan i") == false); /* ß is no mark */
    assert_true(same("Élan naïve", "e\xcc\x81lan naive"));
    assert_true(same("12.5 apples, 7 pears", "9 apples 1,000 pears"));
    assert_true(same("1.2.3", "4 5"));
    assert_true(same("٣ x", "3 x"));
    assert_false(same("ab c", "a bc"));
    assert_false(same("abcdefgh", "abcdefgha"));
    assert_false(same("a", "b"));
    assert_false(same("!!!", "???")); /* no words: by the bytes */
    assert_true(same("!!!", "!!!"));
    assert_false(same("", "!"));
    assert_int_equal(n_words("日本語のテキスト"), 8);
    assert_int_equal(n_words("don't stop-me_now"), 5);
    assert_int_equal(n_words(""), 0);
}

static void jaccard_counts_sets(void **state)
{
    (void)state;
    static const uint32_t a[] = {1, 3, 5, 9}, b[] = {2, 5, 9};
    double j = shingles_similarity(a, 4, b, 3);
    uint64_t c[] = {9, 5, 3, 1, 1}, f[] = {5, 9, 2, 5};
    assert_int_equal(shingles_to_set(c, 5), 4);
    assert_int_equal(shingles_to_set(f, 4), 3);
    assert_true(!(j < shingles_jaccard(c, 4, f, 3)) && !(j > shingles_jaccard(c, 4, f, 3)));
    assert_true(j > 0.39999 && j < 0.40001);
    assert_true(shingles_similarity(a, 4, a, 4) == 1);
    assert_true(shingles_similarity(a, 4, b, 0) == 0);
    assert_true(shingles_similarity(a, 0, b, 0) == 1);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Sorted and unique, for few and for many shingles. */
static void sets_are_sorted(void **state)
{
    (void)state;
    static uint64_t v[3000];
    static uint32_t want[3000];
    struct rng_key key = rng_key(8, RNG_TEST, 0, 0);
    for (size_t n = 0; n <= COUNT_OF(v); n = n * 2 + 1) {
        struct shingles s = {0};
        struct err e;
        uint32_t *set;
        size_t got, k = 0;
        for (size_t i = 0; i < n; i++) /* a third of them comes twice */
            v[i] = i % 3 ? (uint64_t)rng_u32(&key, n * 5000 + i) << 32 | i : v[i / 2];
        for (size_t i = 0; i < n; i++)
            want[i] = (uint32_t)(v[i] >> 32);
        qsort(want, n, sizeof *want, by_value);
        for (size_t i = 0; i < n; i++)
            if (!i || want[i] != want[k - 1]) want[k++] = want[i];
        s.v = v;
        s.n = n;
        assert_int_equal(shingles_set(&s, &set, &got, &e), 0);
        assert_int_equal(got, k);
        assert_memory_equal(set, want, k * sizeof *want);
        s.v = NULL;
        shingles_free(&s);
    }
}

static void shingles_of_short_texts(void **state)
{
    (void)state;
    struct shingles s = {0};
    struct err e;
    static const size_t want[] = {0, 1, 1, 1, 1, 1, 2, 3};
    static const char text[] = "a b c d e f g";
    for (size_t n = 0; n <= 7; n++) {
        assert_int_equal(shingles_words(&s, text, n ? 2 * n - 1 : 0, &e), 0);
        assert_int_equal(shingles_make(&s, 5, &e), 0);
        assert_int_equal(s.n, want[n]);
    }
    shingles_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_isa_and_the_reference_agree),
        cmocka_unit_test(fast_words_and_reference_agree),
        cmocka_unit_test(words_of_long_texts_and_reference_agree),
        cmocka_unit_test(joined_words_and_reference_agree),
        cmocka_unit_test(common_numbers_and_reference_agree),
        cmocka_unit_test(bands_agree_as_often_as_the_theory_says),
        cmocka_unit_test(words_are_normalised),
        cmocka_unit_test(jaccard_counts_sets),
        cmocka_unit_test(sets_are_sorted),
        cmocka_unit_test(shingles_of_short_texts),
    };
    return cmocka_run_group_tests_name("dedup", tests, NULL, NULL);
}
