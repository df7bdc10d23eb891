#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/train.h"
#include "core/token/train_words.h"

static struct tokenizer *learn(const struct tok_train_opts *o, const char *const *docs, size_t n,
                               int threads, struct tok_train_stats *stats)
{
    struct err e = {0};
    struct tok_trainer *tr = tok_trainer_new(o, threads, &e);
    if (!tr) fail_msg("%s", e.msg);
    for (size_t i = 0; i < n; i++)
        if (tok_trainer_add(tr, (int)i % threads, docs[i], strlen(docs[i]), &e)) fail_msg("%s", e.msg);
    struct tokenizer *t = tok_trainer_finish(tr, stats, &e);
    if (!t) fail_msg("%s", e.msg);
    return t;
}

static void expect_piece(const struct tokenizer *t, int id, const char *want)
{
    size_t n;
    const char *p = tok_piece(t, id, &n);
    assert_non_null(p);
    if (n != strlen(want) || memcmp(p, want, n)) fail_msg("id %d is '%.*s', not '%s'", id, (int)n, p, want);
}

static const char *const special[] = {"<|endoftext|>"};

static void the_most_frequent_pair_merges_first(void **state)
{
    (void)state;
    /* " l", "lo", "ow" are seen 9 times each; the ids decide: l 76, o 79, w 87,
     * space 221, lo 257. */
    static const char *const docs[] = {" low low low low low", " lower lower lower lower"};
    struct tok_train_opts o = {.vocab_size = 262, .split = SPLIT_GPT2, .special = special, .n_special = 1};
    struct tok_train_stats stats;
    struct tokenizer *t = learn(&o, docs, 2, 1, &stats);
    assert_int_equal(tok_vocab_size(t), 262);
    assert_int_equal(tok_eos(t), 0);
    expect_piece(t, 0, "<|endoftext|>");
    expect_piece(t, 257, "lo");
    expect_piece(t, 258, " lo");
    expect_piece(t, 259, " low");
    expect_piece(t, 260, "er");
    expect_piece(t, 261, " lower");
    assert_int_equal(stats.words, 9);
    assert_int_equal(stats.distinct_words, 2);
    assert_int_equal(stats.last_count, 4);
    tok_free(t);
}

static void rare_pairs_are_left_alone(void **state)
{
    (void)state;
    static const char *const docs[] = {"aa aa ab"};
    struct tok_train_opts o = {.vocab_size = 1000, .min_count = 2, .split = SPLIT_GPT2};
    struct tokenizer *t = learn(&o, docs, 1, 1, NULL);
    assert_int_equal(tok_vocab_size(t), 256 + 1); /* aa takes the places of " a" */
    tok_free(t);
}

static void overlapping_pairs_count_once(void **state)
{
    (void)state;
    static const char *const docs[] = {"aaaaaaa"};
    struct tok_train_opts o = {.vocab_size = 258, .split = SPLIT_GPT2};
    struct tokenizer *t = learn(&o, docs, 1, 1, NULL);
    expect_piece(t, 256, "aa");
    expect_piece(t, 257, "aaaa"); /* (aa,aa) has two places, (aa,a) one */
    tok_free(t);
}

/* Documents made of random words, spread over threads in different ways. */
static void threads_do_not_change_the_result(void **state)
{
    (void)state;
    enum { N = 300 };
    char *docs[N];
    struct rng_key k = rng_key(3, RNG_TEST, 0, 0);
    for (uint64_t d = 0; d < N; d++) {
        struct buf b = {0};
        for (uint64_t i = 0; i < 40; i++) {
            uint64_t len = 1 + rng_below(&k, (d * 40 + i) * 2, 24);
            for (uint64_t c = 0; c < len; c++)
                buf_addc(&b, (char)('a' + rng_below(&k, (d * 40 + i) * 64 + c, 4)));
            buf_addc(&b, i % 7 ? ' ' : '\n');
        }
        docs[d] = buf_steal(&b);
    }
    struct tok_train_opts o = {.vocab_size = 700, .split = SPLIT_LLAMA3, .special = special, .n_special = 1};
    uint64_t hash = 0;
    for (int threads = 1; threads <= 4; threads++) {
        struct tok_train_stats stats;
        struct tokenizer *t = learn(&o, (const char *const *)docs, N, threads, &stats);
        assert_int_equal(stats.documents, N);
        if (threads > 1) assert_true(tok_hash(t) == hash);
        hash = tok_hash(t);
        tok_free(t);
    }
    for (int i = 0; i < N; i++) free(docs[i]);
}

static void characters_sort_by_code_point(void **state)
{
    (void)state;
    static const char *const docs[] = {"b\xc3\xa9\n", "a\xf0\x9f\x98\x80" "b"};
    struct tok_train_opts o = {.type = TOK_TRAIN_CHAR, .special = special, .n_special = 1};
    struct tokenizer *t = learn(&o, docs, 2, 2, NULL);
    static const char *const want[] = {"\n", "a", "b", "\xc3\xa9", "\xf0\x9f\x98\x80", "<|endoftext|>"};
    assert_int_equal(tok_vocab_size(t), COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++) expect_piece(t, (int)i, want[i]);
    tok_free(t);
    struct err e = {0};
    struct tok_trainer *tr = tok_trainer_new(&o, 1, &e);
    assert_int_equal(tok_trainer_add(tr, 0, "a\xff", 2, &e), -1);
    assert_non_null(strstr(e.msg, "offset 1"));
    tok_trainer_free(tr);
}

static void too_small_a_vocabulary_is_a_usage_error(void **state)
{
    (void)state;
    struct err e = {0};
    struct tok_train_opts o = {.vocab_size = 256, .split = SPLIT_GPT2, .special = special, .n_special = 1};
    assert_null(tok_trainer_new(&o, 1, &e));
    assert_int_equal(e.code, ERR_USAGE);
}

static void words_are_counted_whatever_their_length(void **state)
{
    (void)state;
    struct word_table t = {0};
    char word[4096];
    memset(word, 'x', sizeof word);
    for (size_t n = 1; n < 2000; n++)
        for (int twice = 0; twice < 2; twice++)
            assert_true(word_table_add(&t, (const uint8_t *)word, n, twice ? n : sizeof word, n));
    size_t seen = 0, n;
    char tmp[16];
    const char *w;
    uint64_t count;
    for (size_t at = 0; word_table_next(&t, &at, tmp, &w, &n, &count); seen++) {
        assert_int_equal(count, 2 * n);
        assert_memory_equal(w, word, n);
    }
    assert_int_equal(seen, 1999);
    word_table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_frequent_pair_merges_first),
        cmocka_unit_test(rare_pairs_are_left_alone),
        cmocka_unit_test(overlapping_pairs_count_once),
        cmocka_unit_test(threads_do_not_change_the_result),
        cmocka_unit_test(characters_sort_by_code_point),
        cmocka_unit_test(too_small_a_vocabulary_is_a_usage_error),
        cmocka_unit_test(words_are_counted_whatever_their_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
