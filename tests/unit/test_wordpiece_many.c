/* Words that are taken apart side by side have the tokens that each has alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
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
    struct trie_key keys[TOKENS];
    struct err e;
    for (int i = 0; i < TOKENS; i++) {
        size_t prefix = i % 2 ? 2 : 0;
        memcpy(pool[i], "##", 2);
        size_t n = random_bytes(k, at, pool[i] + prefix, all && i < 40 ? 1 : 2 + (size_t)i % 9, i % 3 == 0);
        if (n == 1 && !all) pool[i][prefix + n++] = 'a';
        keys[i] = (struct trie_key){pool[i], (uint32_t)(prefix + n), i};
    }
    assert_int_equal(trie_build(t, keys, TOKENS, &e), 0);
    return trie_step(t, trie_step(t, 0, '#'), '#');
}

static void many_words_are_taken_apart_as_one_is(void **state)
{
    (void)state;
    static struct wordpiece_many base, best;
    struct rng_key k = rng_key(11, RNG_TEST, 0, 0);
    struct word_cache c;
    struct err e;
    size_t known = 0, unknown = 0;
    uint64_t at = 0;
    assert_int_equal(word_cache_init(&c, &e), 0);
    for (int round = 0; round < ROUNDS; round++) {
        struct trie t;
        base.continuing = random_trie(&k, &at, round % 2, &t);
        assert_true(base.continuing);
        base.trie = &t;
        base.n = round % 3 ? (size_t)rng_below(&k, at++, WORDPIECE_MANY + 1) : (size_t)round % 60;
        for (size_t i = 0; i < base.n; i++) {
            char word[16];
            size_t n = random_bytes(&k, &at, word, round % 5 ? 15 : 3, rng_below(&k, at++, 2) == 0);
            word_cache_ask(&c, (const uint8_t *)word, n <= WORD_KEY_MAX ? n : 0, n, &base.key[i]);
        }
        best = base;
        wordpiece_many_base(&base);
        wordpiece_many_best()(&best);
        for (size_t i = 0; i < base.n; i++) {
            assert_int_equal(best.n_ids[i], base.n_ids[i]);
            assert_memory_equal(best.ids[i], base.ids[i], base.n_ids[i] * sizeof **base.ids);
            ++*(base.n_ids[i] ? &known : &unknown);
        }
        trie_free(&t);
    }
    if (known <= 5000 || unknown <= 5000) fail_msg("%zu words are known, %zu are not", known, unknown);
    word_cache_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_words_are_taken_apart_as_one_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
