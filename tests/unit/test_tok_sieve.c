/* Added tokens are found where they are, whatever skips the places where none begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/isa.h"
#include "core/token/tok_internal.h"

enum { TEXT = 1000, TOKENS = 40, LONGEST = 4 };

static const char letters[] = "abcdefgh<|[ >\n0\x7f\x80\x81\xa0\xc3\xe2\xe3\xff";

static size_t random_bytes(const struct rng_key *k, uint64_t *at, char *to, size_t n, size_t kinds)
{
    for (size_t i = 0; i < n; i++) to[i] = letters[rng_below(k, (*at)++, kinds) * 7 % (sizeof letters - 1)];
    return n;
}

static size_t naive(const struct tok_added *v, size_t n_v, const char *s, size_t n, size_t pos, size_t *len)
{
    for (; pos < n; pos++) {
        *len = 0;
        for (size_t i = 0; i < n_v; i++)
            if (v[i].len <= n - pos && v[i].len > *len && memcmp(s + pos, v[i].text, v[i].len) == 0) *len = v[i].len;
        if (*len) break;
    }
    return pos;
}

static void expect_all(const struct tok_matcher *m, const struct tok_added *v, size_t n_v, const char *s, size_t n)
{
    struct tok_found f;
    size_t pos = 0, len = 0;
    for (;; pos += len) {
        bool found = tok_match(m, s, n, pos, pos, true, &f);
        pos = naive(v, n_v, s, n, pos, &len);
        assert_int_equal(found, pos < n);
        if (!found) return;
        assert_int_equal(f.at, pos);
        assert_int_equal(f.end, pos + len);
    }
}

static void tokens_are_found_where_they_are(void **state)
{
    (void)state;
    tok_sieve_fn *const sieves[] = {NULL, token_has_vbmi() ? tok_sieve_avx512vbmi : NULL, token_has_avx2() ? tok_sieve_avx2bmi : NULL};
    const struct rng_key k = rng_key(11, RNG_TEST, 0, 0);
    uint64_t at = 0;
    for (int round = 0; round < 2000; round++) {
        struct tok_added v[TOKENS];
        char text[TOKENS][LONGEST];
        struct tok_matcher m = {0};
        struct err e = {0};
        size_t n_v = 1 + (size_t)rng_below(&k, at++, round % 2 ? TOKENS : 3), n = (size_t)rng_below(&k, at++, TEXT);
        size_t kinds = 2 + (size_t)rng_below(&k, at++, sizeof letters - 2);
        char *s = malloc(n + 1); /* nothing behind it is there to be read */
        assert_non_null(s);
        for (size_t i = 0; i < n_v; i++)
            v[i] = (struct tok_added){.id = (int)i, .text = text[i],
                                      .len = random_bytes(&k, &at, text[i], 1 + (size_t)rng_below(&k, at++, LONGEST), kinds)};
        random_bytes(&k, &at, s, n, sizeof letters - 1);
        assert_int_equal(tok_matcher_init(&m, v, n_v, NULL, false, &e), 0);
        for (size_t i = 0; i < COUNT_OF(sieves); i++) {
            m.next = sieves[i];
            expect_all(&m, v, n_v, s, n);
        }
        tok_matcher_free(&m);
        free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tokens_are_found_where_they_are)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
