#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/token/bytemap.h"
#include "core/token/tok_base64.h"

/* The bytes that a text spells, one character a byte (bytemap.h); NULL: it is broken. */
static const char *unspell(const struct bytemap_spelling *s, const char *text, size_t n, uint8_t *bytes, size_t *n_bytes)
{
    char spelled[200];
    size_t len = 0;
    const char *end = tok_spell_base64(s, text, text + n, spelled, &len);
    long got = end ? bytemap_unspell(spelled, len, bytes) : 0;
    *n_bytes = got > 0 ? (size_t)got : 0;
    return end;
}

static void bytes_come_back(void **state)
{
    (void)state;
    struct bytemap_spelling spelling;
    struct err e;
    bytemap_spellings(&spelling);
    for (size_t n = 0; n <= 40; n++)
        for (int seed = 0; seed < 8; seed++) {
            struct buf bytes = {0}, text = {0}, back = {0};
            uint8_t other[200];
            size_t n_other;
            for (size_t i = 0; i < n; i++) buf_addc(&bytes, (char)(seed == 0 ? 0 : seed == 1 ? 255 : (int)(i * 83 + (size_t)seed * 41 + n) & 255));
            assert_int_equal(tok_base64(bytes.data, bytes.len, &text, &e), 0);
            assert_int_equal(text.len, (n + 2) / 3 * 4);
            assert_int_equal(tok_unbase64(buf_text(&text), text.len, &back, &e), 0);
            assert_int_equal(back.len, n);
            if (n) assert_memory_equal(back.data, bytes.data, n);
            const char *from = buf_text(&text);
            assert_ptr_equal(unspell(&spelling, from, text.len, other, &n_other), from + text.len);
            assert_int_equal(n_other, n);
            if (n) assert_memory_equal(other, bytes.data, n);
            buf_free(&bytes);
            buf_free(&text);
            buf_free(&back);
        }
}

static void what_is_broken_is_named(void **state)
{
    (void)state;
    static const struct { const char *text, *why; } bad[] = {
        {"YWJ", "base64 of 3 characters"}, {"YW J", "at offset 2"}, {"YWJj-WJj", "at offset 4"}, {"YWJjYWJ\n", "at offset 7"},
        {"YQ==YWJj", "at offset 2"}, {"YQ=j", "at offset 2"}, {"Y===", "at offset 1"}, {"====", "at offset 0"},
        {"YWJjY!==", "at offset 5"}, {"YWJjYW\xC3=", "at offset 6"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf out = {0};
        struct err e;
        assert_int_equal(tok_unbase64(bad[i].text, strlen(bad[i].text), &out, &e), -1);
        if (e.code != ERR_DATA || !strstr(e.msg, bad[i].why)) fail_msg("'%s': %d, %s", bad[i].text, e.code, e.msg);
        buf_free(&out);
    }
}

/* A line of ranks goes on behind the token. */
static void spelling_ends_where_no_base64_is(void **state)
{
    (void)state;
    static const struct { const char *text, *bytes; size_t used; } cases[] = {
        {"YWJj 5", "abc", 4}, {"YQ== 5", "a", 4}, {"YWJjYWI= 5", "abcab", 8}, {"YWJjYQ 5", "abc", 4}, {" 5", "", 0}, {"", "", 0}};
    struct bytemap_spelling s;
    uint8_t bytes[200];
    size_t n;
    bytemap_spellings(&s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        assert_ptr_equal(unspell(&s, text, strlen(text), bytes, &n), text + cases[i].used);
        assert_int_equal(n, strlen(cases[i].bytes));
        assert_memory_equal(bytes, cases[i].bytes, n);
    }
    assert_null(unspell(&s, "Y===", 4, bytes, &n));
    assert_null(unspell(&s, "YWJj====", 8, bytes, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(what_is_broken_is_named),
        cmocka_unit_test(spelling_ends_where_no_base64_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
