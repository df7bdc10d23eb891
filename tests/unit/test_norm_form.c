/* Normal forms of random texts are those of utf8proc, letters that are skipped or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <utf8proc.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/norm_ages.h"
#include "core/token/normalize.h"
#include "core/token/uni_props.h"

/* Letters, marks and what combines, in ranges that are treated alike. */
static const struct { uint32_t first, last; } chars[] = {
    {0x20, 0x7E}, {0x41, 0x7A}, {0xC0, 0xFF}, {0x100, 0x17F}, {0x300, 0x34E}, {0x400, 0x487}, {0x4E00, 0x4E20}, {0xAC00, 0xAC20},
    {0x1100, 0x1112}, {0x1161, 0x1175}, {0x11A8, 0x11C2}, {0x3041, 0x3096}, {0x3099, 0x309A}, {0x30A1, 0x30FE}, {0x5D0, 0x5EA},
    {0x5B0, 0x5BD}, {0xE30, 0xE4B}, {0xF900, 0xF910}, {0xFF01, 0xFF9F}, {0x2126, 0x212B}, {0x9FF0, 0x9FFC}, {0x1D15E, 0x1D164}};

static size_t make_text(const struct rng_key *k, uint64_t *at, char *text)
{
    size_t n = 0, n_chars = rng_below(k, (*at)++, 3) ? COUNT_OF(chars) : 8; /* most of these change nothing */
    uint64_t times = rng_below(k, (*at)++, 6);
    for (uint64_t i = 1 + times * rng_below(k, (*at)++, 30); i > 0; i--) {
        uint64_t range = rng_below(k, (*at)++, n_chars);
        uint32_t size = chars[range].last - chars[range].first + 1;
        n += (size_t)utf8_encode(chars[range].first + (uint32_t)rng_below(k, (*at)++, size), text + n);
    }
    return n;
}

static void forms_are_those_of_utf8proc(void **state)
{
    (void)state;
    static const struct {
        enum norm_kind kind;
        int how;
    } forms[] = {{NORM_NFC, UTF8PROC_COMPOSE}, {NORM_NFD, UTF8PROC_DECOMPOSE},
                 {NORM_NFKC, UTF8PROC_COMPOSE | UTF8PROC_COMPAT}, {NORM_NFKD, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT}};
    struct rng_key k = rng_key(14, RNG_TEST, 0, 0);
    struct norm w = {0};
    uint64_t at = 0;
    for (int i = 0; i < 40000; i++) {
        struct err e = {0};
        struct norm_step step = {.kind = forms[i % 4].kind};
        char text[1024];
        size_t n = make_text(&k, &at, text);
        utf8proc_uint8_t *want = NULL;
        utf8proc_ssize_t len = utf8proc_map((utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &want,
                                            (utf8proc_option_t)(UTF8PROC_STABLE | forms[i % 4].how));
        int changed = norm_run(&(struct norm_chain){&step, 1}, &w, text, n, &e);
        const char *got = changed ? w.out->text.data : text;
        size_t n_got = changed ? w.out->text.len : n;
        assert_true(changed >= 0 && len > 0);
        if (n_got != (size_t)len || memcmp(got, want, n_got)) fail_msg("form %d of %.*s", i % 4, (int)n, text);
        free(want);
    }
    norm_free(&w);
}

/* Characters alone, of which many are not looked up. */
static void east_asian_characters_are_those_of_utf8proc(void **state)
{
    (void)state;
    for (uint32_t cp = 0x3000; cp < 0xFB00; cp++) {
        uint32_t out[NORM_CHAR_MOST];
        utf8proc_int32_t want[NORM_CHAR_MOST];
        int boundary = 0;
        if ((cp >= 0xD800 && cp < 0xE000) || norm_too_young(cp)) continue;
        int n = norm_decompose(cp, false, out);
        utf8proc_ssize_t n_want = utf8proc_decompose_char((utf8proc_int32_t)cp, want, NORM_CHAR_MOST,
                                                          (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), &boundary);
        assert_int_equal(n, n_want);
        for (int i = 0; i < n; i++) assert_int_equal(out[i], want[i]);
        if (cp >= 0xA640 && cp < 0xAC00) continue; /* letters younger than the library are there */
        assert_int_equal(uni_lower(cp, out), 1);
        assert_int_equal(out[0], utf8proc_tolower((utf8proc_int32_t)cp));
    }
}

/* HF tokenizers' tables know no character of Unicode 12 and later; those of utf8proc do. */
static void young_characters_stay(void **state)
{
    (void)state;
    static const struct {
        enum norm_kind kind;
        const char *text, *want;
    } cases[] = {
        {NORM_NFKC, "\U0001E030\U0001E06D", "\U0001E030\U0001E06D"}, /* letters of Unicode 15 */
        {NORM_NFKD, "\u32FF", "\u32FF"},
        {NORM_NFC, "\U00011935\U00011930", "\U00011935\U00011930"},  /* a vowel of 13 */
        {NORM_NFD, "a\u0301\u0898\u0323", "a\u0301\u0898\u0323"},   /* a mark of 14 */
        {NORM_NFC, "a\u0301\u0898\u0323", "\u00E1\u0898\u0323"},
        {NORM_NFKD, "a\u0301\u1ACE\u0323", "a\u0301\u1ACE\u0323"},
        {NORM_NFD, "a\u0301\u0F73\u0323", "a\u0F71\u0F72\u0323\u0301"}, /* no mark, but made of two */
        {NORM_NFC, "a\u0301\u0F73\u0323", "\u1EA1\u0F71\u0F72\u0301"},
    };
    struct norm w = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err e = {0};
        struct norm_step step = {.kind = cases[i].kind};
        size_t n = strlen(cases[i].text);
        int changed = norm_run(&(struct norm_chain){&step, 1}, &w, cases[i].text, n, &e);
        const char *got = changed ? w.out->text.data : cases[i].text;
        size_t n_got = changed ? w.out->text.len : n;
        if (n_got != strlen(cases[i].want) || memcmp(got, cases[i].want, n_got)) fail_msg("case %zu: %.*s", i, (int)n_got, got);
    }
    norm_free(&w);
}

/* What check-hf-characters.py found of all characters: how many, their sum and that of their squares. */
static void tables_of_ages_hold_what_was_found(void **state)
{
    (void)state;
    uint64_t sum[3][3] = {{0}};
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        const bool is[3] = {norm_too_young(cp), norm_young_mark(cp), norm_grapheme_as(cp) != cp};
        for (int i = 0; i < 3; i++) {
            sum[i][0] += is[i];
            sum[i][1] += is[i] ? cp : 0;
            sum[i][2] += is[i] ? (uint64_t)cp * cp : 0;
        }
    }
    static const uint64_t found[3][3] = {{137, 13223204, 1399649084416}, {108, 5506822, 489370142576}, {93, 5517934, 457417456998}};
    assert_memory_equal(sum, found, sizeof sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms_are_those_of_utf8proc),
                                       cmocka_unit_test(east_asian_characters_are_those_of_utf8proc),
                                       cmocka_unit_test(young_characters_stay), cmocka_unit_test(tables_of_ages_hold_what_was_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
