/* A trie against a walk through all of its keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/rng.h"
#include "core/token/trie.h"

enum { MOST = 3000, LONGEST = 20 };

static struct rng_key key;
static uint64_t drawn;

static uint32_t draw(uint32_t below)
{
    return rng_u32(&key, drawn++) % below;
}

/* The longest key that s begins with, the last of equal ones. */
static size_t longest_key(const struct text_key *keys, size_t n, const char *s, size_t len, int32_t *value)
{
    size_t best = 0;
    *value = -1;
    for (size_t i = 0; i < n; i++) {
        if (keys[i].len > len || keys[i].len < best || keys[i].len == 0 || memcmp(keys[i].text, s, keys[i].len)) continue;
        if (keys[i].len > best || keys[i].value > *value) *value = keys[i].value;
        best = keys[i].len;
    }
    return best;
}

/* Few and many keys of few bytes, NUL among them, so that many begin alike for more than eight, or are equal. */
static void every_key_is_found(void **state)
{
    (void)state;
    static char texts[MOST][LONGEST];
    static struct text_key keys[MOST], given[MOST];
    key = rng_key(22, RNG_TEST, 0, 0);
    for (int round = 0; round < 12; round++) {
        size_t n = round < 4 ? 1 + draw(255) : 256 + draw(MOST - 256);
        uint32_t letters = round % 3 ? 2 : 200;
        for (size_t i = 0; i < n; i++) {
            size_t same = i && draw(2) ? draw(LONGEST) : 0;
            memcpy(texts[i], texts[i ? i - 1 : 0], same);
            for (size_t k = same; k < LONGEST; k++) texts[i][k] = (char)draw(letters);
            given[i] = keys[i] = (struct text_key){texts[i], draw(LONGEST + 1), (int32_t)i};
        }
        struct trie t;
        struct err e;
        assert_int_equal(trie_build(&t, keys, n, &e), 0);
        for (size_t i = 0; i < 300; i++) {
            const char *s = texts[draw((uint32_t)n)];
            int32_t want, got = -1;
            size_t len = longest_key(given, n, s, LONGEST, &want);
            assert_int_equal(trie_longest(&t, s, LONGEST, &got), len);
            assert_int_equal(got, want);
        }
        trie_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_key_is_found)};
    return cmocka_run_group_tests_name("trie", tests, NULL, NULL);
}
