/* Spellings back to bytes: the faster way beside the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/token/bytemap.h"

/* In memory of its own, so that a sanitizer sees what is read or written beside it. */
static void expect_same(const char *text, size_t n)
{
    char *own = malloc(n ? n : 1);
    uint8_t *want = malloc(n ? n : 1), *got = malloc(n ? n : 1);
    assert_true(own && want && got);
    memcpy(own, text, n);
    memset(got, 0, n);
    long n_want = bytemap_unspell_base(own, n, want), n_got = bytemap_unspell(own, n, got);
    assert_int_equal(n_got, n_want);
    if (n_want > 0) assert_memory_equal(got, want, (size_t)n_want);
    free(own);
    free(want);
    free(got);
}

static void all_characters_at_all_places(void **state)
{
    (void)state;
    char text[80];
    for (size_t n = 0; n < 70; n++)
        for (size_t at = 0; at + 1 < n; at++) {
            memset(text, 'a', sizeof text);
            for (unsigned b = 0; b < 256; b++) { /* some are half a character at the end */
                text[at] = (char)b;
                expect_same(text, n);
                expect_same(text, at + 1);
            }
        }
    memset(text, '~', sizeof text);
    for (unsigned lead = 0xC0; lead < 256; lead++)
        for (unsigned b = 0; b < 256; b++) {
            text[0] = text[61] = (char)lead;
            text[1] = text[62] = (char)b;
            expect_same(text, 2);
            expect_same(text, 63);
            expect_same(text, 64);
        }
}

/* Spellings of which some are broken. */
static void random_spellings(void **state)
{
    (void)state;
    static const char signs[] = "a~! \x7f\xc2\xc3\xc4\xc5\xc6\x80\x82\x83\x84\xa0\xa1\xad\xae\xbf\xe0";
    const struct rng_key k = rng_key(7, RNG_TEST, 0, 0);
    struct buf text = {0};
    uint64_t at = 0;
    size_t good = 0;
    for (int round = 0; round < 100000; round++) {
        buf_clear(&text);
        for (size_t n = (size_t)rng_below(&k, at++, 40); n; n--) {
            uint8_t byte = (uint8_t)rng_below(&k, at++, 256);
            bytemap_spell(&text, &byte, 1);
        }
        if (text.len && rng_below(&k, at++, 2)) {
            size_t broken = (size_t)rng_below(&k, at++, text.len);
            text.data[broken] = signs[rng_below(&k, at++, sizeof signs - 1)];
        }
        assert_int_equal(buf_ok(&text, NULL), 0);
        expect_same(buf_text(&text), text.len);
        uint8_t bytes[80];
        good += bytemap_unspell(buf_text(&text), text.len, bytes) >= 0;
    }
    assert_in_range(good, 50000, 90000);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_characters_at_all_places),
        cmocka_unit_test(random_spellings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
