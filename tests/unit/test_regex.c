/* The expected matches are Oniguruma's (6.9.8, by Hugging Face's tokenizers). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <utf8proc.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/regex.h"
#include "core/token/uni_props.h"

/* All matches in [brackets], what is between as it is. */
static void show(const char *pattern, const char *text, struct buf *out)
{
    struct err e = {0};
    size_t n = strlen(text), begin, end, from = 0;
    struct regex *r = regex_new(pattern, strlen(pattern), &e);
    if (!r) fail_msg("%s: %s", pattern, e.msg);
    struct regex_work *w = regex_work_new(&e);
    struct regex_iter it = {.last = SIZE_MAX};
    out->len = 0;
    while (regex_next(r, w, (const uint8_t *)text, n, &it, &begin, &end, &e) > 0) {
        buf_printf(out, "%.*s[%.*s]", (int)(begin - from), text + from, (int)(end - begin), text + begin);
        from = end;
    }
    buf_printf(out, "%s", text + from);
    regex_work_free(w);
    regex_free(r);
}

struct example {
    const char *pattern, *text, *matches; /* the text, each match in brackets */
};

static void expect_matches(const struct example *v, size_t n)
{
    struct buf out = {0};
    for (size_t i = 0; i < n; i++) {
        show(v[i].pattern, v[i].text, &out);
        assert_string_equal(out.data, v[i].matches);
    }
    buf_free(&out);
}

static void letters_of_either_case_match(void **state)
{
    (void)state;
    static const struct example v[] = {
        {"(?i)[A-Z]", "aB1", "[a][B]1"},
        {"(?i)[Ａ-Ｚ]", "aａbＡ", "a[ａ]b[Ａ]"},
        {"(?i)[Ꭰ-Ᏼ]", "ꭰxᎠ", "[ꭰ]x[Ꭰ]"},
        {"(?i)[𐐀-𐐧]", "𐐨x𐐀", "[𐐨]x[𐐀]"},
        {"(?i)[Ⴀ-Ⴥ]", "ⴀxႠ", "[ⴀ]x[Ⴀ]"},
        {"(?i)[Ω]", "Ωω Ω", "[Ω][ω] [Ω]"},
        {"(?i)[ſ]", "sSſ", "[s][S][ſ]"},
        {"(?i)[^a]", "AaBb", "Aa[B][b]"},
        {"(?i)\\p{Lu}", "aA", "a[A]"},
        {"(?i)[\\p{Lu}]", "aA", "[a][A]"},
        {"(?i)[\\p{Lu}&&[a-z]]", "aAb", "aAb"}, /* only the outermost brackets fold */
        {"(?i)[[^a]]", "aA", "[a][A]"},
        {"(?i)i", "iIıİ", "[i][I]ıİ"},
        {"(?i)ı", "iIıİ", "iI[ı]İ"},
        {"(?i)\\x{16EA0}", "\xF0\x96\xBA\xBB", "\xF0\x96\xBA\xBB"}, /* U+16EBB: of Unicode 17 */
        {"[[b]-z]", "b-yz", "[b][-]y[z]"},
        {"\\p{LC}+", "aǅB1ª", "[aǅB]1ª"},
        {"[\\b]", "a\bb", "a[\b]b"},
        {"[[:blank:]]+", "a \u00A0\t\nb\u3000", "a[ \u00A0\t]\nb[\u3000]"},
    };
    expect_matches(v, COUNT_OF(v));
}

static void a_class_matches_what_its_letters_fold_to(void **state)
{
    (void)state;
    static const struct example v[] = {
        {"(?i)[ß]", "ss sS ſs SS s ßẞ", "[ss] [sS] [ſs] [SS] s [ß][ẞ]"},
        {"(?i)[ﬃ]", "ffi FFI fﬁ", "[ffi] [FFI] fﬁ"},
        {"(?i)[À-ÿ]", "xssÀà", "x[ss][À][à]"},
        {"(?i)[ﬀﬃ]i", "ffii ffi", "[ffi]i [ffi]"},
        {"(?i)[\\p{L}]x", "ssx sx", "[ssx] [sx]"},
        {"(?i)\\p{L}x", "ssx", "s[sx]"},
        {"(?i)[^a]x", "ssx", "s[sx]"},
        {"(?i)[^ß]", "ssaß", "[s][s][a]ß"},
        {"[ß]", "ssß", "ss[ß]"},
    };
    expect_matches(v, COUNT_OF(v));
}

static void what_cannot_be_matched_is_refused(void **state)
{
    (void)state;
    static const struct { const char *pattern, *why; } v[] = {
        {"(?i)j\\x{30C}", "letters under (?i) that fold to a single character at offset 12 is not supported"},
        {"(?i)ʼn", "letters under (?i) that fold to a single character at offset 7 is not supported"},
        {"(?i)ß", "a letter under (?i) that folds to several at offset 6 is not supported"},
        {"[a-\\d]", "a range that ends with a class at offset 5"},
        {"[a-[b]]", "a range that ends with a class at offset 6"},
        {"[\\w-.]", "a range that begins with a class at offset 3"},
        {"[[:alpha:]-z]", "a range that begins with a class at offset 10"},
        {"(?<=a{200}b{100})c", "a look-behind of variable length or of more than 255 characters at offset 17 is not supported"},
        {"a{2}{2}{2}{2}{2}", "so many repetitions of a repetition at offset 16 is not supported"},
        {"\\xE9", "a raw byte \\x80 or above at offset 4 is not supported"},
        {"b(", "a ( without ) at offset 2"},
        {"b)", "a ) without ( at offset 1"},
    };
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct err e = {0};
        assert_null(regex_new(v[i].pattern, strlen(v[i].pattern), &e));
        assert_int_equal(e.code, ERR_DATA);
        size_t n = strlen(e.msg), m = strlen(v[i].why);
        if (n < m || strcmp(e.msg + n - m, v[i].why) != 0) fail_msg("%s: %s", v[i].pattern, e.msg);
    }
}

static void refused(const char *what, size_t times, const char *why)
{
    struct buf pattern = {0};
    struct err e = {0};
    for (size_t i = 0; i < times; i++) buf_adds(&pattern, what);
    assert_null(regex_new(pattern.data, pattern.len, &e));
    assert_int_equal(e.code, ERR_DATA);
    assert_non_null(strstr(e.msg, why));
    buf_free(&pattern);
}

static void what_is_too_large_is_refused(void **state)
{
    (void)state;
    refused("(", 50, "nesting deeper than 50 at offset 50 is not supported");
    refused("[", 51, "nesting deeper than 50 at offset 49 is not supported");
    refused("a", (1 << 16) + 1, "more than 64 KiB");
    refused("(?:ab|c){1000}", 40, "too large");
}

static void copies_of_nothing_take_no_time(void **state)
{
    (void)state;
    struct buf out = {0};
    show("(?:(?:(?:(?:(?:){1000}){1000}){1000}){1000}){1000}a", "ba", &out);
    assert_string_equal(out.data, "b[a]");
    show("(?:(?:(?:(?:ab){0}){1000}){1000}){1000}a", "ba", &out);
    assert_string_equal(out.data, "b[a]");
    buf_free(&out);
}

static void search_fails(const char *pattern, size_t n, enum err_code code, const char *why)
{
    struct err e = {0};
    size_t begin, end;
    struct regex *r = regex_new(pattern, strlen(pattern), &e);
    struct regex_work *w = regex_work_new(&e);
    uint8_t *text = mem_alloc(n, 1);
    assert_non_null(text);
    memset(text, 'a', n);
    if (code == ERR_OS) mem_fail_after(1);
    int found = regex_search(r, w, text, n, 0, &begin, &end, &e);
    mem_fail_after(-1);
    assert_int_equal(found, -1);
    assert_int_equal(e.code, code);
    assert_non_null(strstr(e.msg, why));
    free(text);
    regex_work_free(w);
    regex_free(r);
}

static void limits_are_named(void **state)
{
    (void)state;
    search_fails("(?:a|aa)+$b", 100, ERR_DATA, "tries too many ways: more than 20 million steps at byte offset 0");
    search_fails("(?:\\w|\\p{L})*b", 5 << 20, ERR_DATA, "more than 4194304 choices at byte offset 0");
    search_fails("(?:\\w|\\p{L})*b", 5, ERR_OS, "out of memory");
}

/* uni_same_fold() is the other way round of uni_fold(). */
static void all_that_fold_alike_are_found(void **state)
{
    (void)state;
    uint32_t same[UNI_SAME_FOLD];
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        uint32_t fold = uni_fold(cp);
        int n = uni_same_fold(cp, same);
        bool itself = false;
        assert_int_equal(uni_fold(fold), fold);
        assert_int_equal(same[0], fold);
        for (int i = 0; i < n; i++) {
            assert_int_equal(uni_fold(same[i]), fold);
            itself = itself || same[i] == cp;
            for (int j = 0; j < i; j++) assert_int_not_equal(same[i], same[j]);
        }
        if (!itself) fail_msg("U+%X is not among those that fold to U+%X", cp, fold);
    }
}

static void all_that_fold_to_several_are_found(void **state)
{
    (void)state;
    uint32_t next = 0, out[3];
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        utf8proc_int32_t want[4];
        int boundary = 0;
        long n = utf8proc_codepoint_valid((utf8proc_int32_t)cp)
                     ? utf8proc_decompose_char((utf8proc_int32_t)cp, want, 4, UTF8PROC_CASEFOLD, &boundary) : 1;
        assert_int_equal(uni_folds_to_many(cp), n > 1);
        if (n < 2) continue;
        assert_int_equal(uni_next_fold_to_many(&next, out), n);
        assert_int_equal(next++, cp);
        for (long i = 0; i < n; i++) assert_int_equal(out[i], want[i]);
    }
    assert_int_equal(uni_next_fold_to_many(&next, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_either_case_match),
        cmocka_unit_test(a_class_matches_what_its_letters_fold_to),
        cmocka_unit_test(what_cannot_be_matched_is_refused),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(copies_of_nothing_take_no_time),
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(all_that_fold_alike_are_found),
        cmocka_unit_test(all_that_fold_to_several_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
