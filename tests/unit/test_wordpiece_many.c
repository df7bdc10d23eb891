/* Words that are taken apart side by side have the tokens that each has alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/rng.h"
#include "core/token/wordpiece_many.h"

enum { TOKENS = 1500, ROUNDS = 600 };

/* Bytes of few kinds, so that words have tokens; some are 0, some in no token. */
static size_t random_bytes(const struct rng_key *k, uint64_t *at, char *s, size_t longest, bool odd)
{
    static const char kinds[] = {'a', 'b', 'c', 'd', '\xd0', '\0', 'z'};
    size_t n = 1 + (size_t)rng_below(k, (*at)++, longest);
    for (size_t i = 0; i < n; i++) {
        uint64_t most = odd && rng_below(k, (*at)++, 4) == 0 ? 7 : 5;
        s[i] = kinds[rng_below(k, (*at)++, most)];
    }
    return n;
}

/* Tokens and those that go on with a word, behind "##"; in `all`, most single bytes are among them. */
static uint32_t random_trie(const struct rng_key *k, uint64_t *at, bool all, struct trie *t)
{
    static char pool[TOKENS][16];
    struct text_key keys[TOKENS];
    struct err e;
    for (int i = 0; i < TOKENS; i++) {
        size_t prefix = i % 2 ? 2 : 0;
        memcpy(pool[i], "##", 2);
        size_t n = random_bytes(k, at, pool[i] + prefix, all && i < 40 ? 1 : 2 + (size_t)i % 9, i % 3 == 0);
        if (n == 1 && !all) pool[i][prefix + n++] = 'a';
        keys[i] = (struct text_key){pool[i], (uint32_t)(prefix + n), i};
    }
    assert_int_equal(trie_build(t, keys, TOKENS, &e), 0);
    return trie_step(t, trie_step(t, 0, '#'), '#');
}

static void many_words_are_taken_apart_as_one_is(void **state)
{
    (void)state;
    static struct wordpiece_many base, best;
    static char text[WORDPIECE_ROOM];
    struct rng_key k = rng_key(11, RNG_TEST, 0, 0);
    size_t known = 0, unknown = 0, known_long = 0;
    uint64_t at = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct trie t;
        wordpiece_many_clear(&base);
        base.continuing = random_trie(&k, &at, round % 2, &t);
        assert_true(base.continuing);
        base.trie = &t;
        size_t most = round % 3 ? (size_t)rng_below(&k, at++, WORDPIECE_MANY + 1) : (size_t)round % 60;
        size_t longest = round % 5 == 0 ? 3 : round % 7 < 3 ? 16 : WORDPIECE_BYTES;
        while (base.n < most && !wordpiece_many_full(&base)) {
            char *word = text + base.used;
            wordpiece_many_add(&base, (uint8_t *)word, random_bytes(&k, &at, word, longest, rng_below(&k, at++, 2) == 0));
        }
        best = base;
        wordpiece_many_base(&base);
        wordpiece_many_best()(&best);
        for (size_t i = 0; i < base.n; i++) {
            assert_int_equal(best.n_ids[i], base.n_ids[i]);
            assert_memory_equal(best.id + best.from[i], base.id + base.from[i], base.n_ids[i] * sizeof *base.id);
            ++*(base.n_ids[i] ? &known : &unknown);
            known_long += base.n_ids[i] && base.len[i] > 16;
        }
        trie_free(&t);
    }
    if (known <= 5000 || unknown <= 5000 || known_long <= 1000)
        fail_msg("%zu words are known, %zu of them long, %zu are not", known, known_long, unknown);
}

static void expect_ids(const struct trie *t, uint32_t continuing, const char *word, size_t n, const int32_t *want)
{
    int32_t ids[WORDPIECE_BYTES];
    if (wordpiece_ids(t, continuing, (const uint8_t *)word, strlen(word), ids) != n) fail_msg("'%s' has not %zu tokens", word, n);
    if (n) assert_memory_equal(ids, want, n * sizeof *want);
}

/* The token 0 is one, too; without tokens that go on, a word has one or none. */
static void one_word_is_taken_apart(void **state)
{
    (void)state;
    struct text_key keys[] = {{"a", 1, 0}, {"##b", 3, 1}, {"##bc", 4, 2}, {"abd", 3, 3}, {"##a", 3, 4}, {"e", 1, 5}};
    static const int32_t want[] = {0, 1, 0, 2, 3, 0, 1, 4, 1};
    struct trie t;
    struct err e;
    assert_int_equal(trie_build(&t, keys, sizeof keys / sizeof *keys, &e), 0);
    uint32_t continuing = trie_step(&t, trie_step(&t, 0, '#'), '#');
    expect_ids(&t, continuing, "a", 1, want);
    expect_ids(&t, continuing, "ab", 2, want);
    expect_ids(&t, continuing, "abc", 2, want + 2);
    expect_ids(&t, continuing, "abd", 1, want + 4);
    expect_ids(&t, continuing, "abab", 4, want + 5);
    expect_ids(&t, continuing, "abe", 0, NULL);
    expect_ids(&t, continuing, "b", 0, NULL);
    expect_ids(&t, WORDPIECE_NEVER, "a", 1, want);
    expect_ids(&t, WORDPIECE_NEVER, "abd", 1, want + 4);
    expect_ids(&t, WORDPIECE_NEVER, "ab", 0, NULL);
    trie_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_word_is_taken_apart), cmocka_unit_test(many_words_are_taken_apart_as_one_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
