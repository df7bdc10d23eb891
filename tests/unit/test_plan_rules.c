/* What is asked of a charsmap's rules (tok_plan.h), of rules that were written down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/token/charsmap_build.h"
#include "core/token/tok_plan.h"
#include "core/token/unicode.h"

struct rule {
    const char *from, *to;
};

static size_t points(const char *s, uint32_t *to)
{
    size_t n = 0;
    for (size_t i = 0; s[i]; n++) {
        struct uni_char c = uni_next((const uint8_t *)s + i, strlen(s) - i);
        to[n] = c.cp;
        i += c.len;
    }
    return n;
}

/* The rules and, so that the trie has more than them, some that nothing is asked of. */
static struct charsmap *make(const struct rule *v, size_t n)
{
    static const struct rule others[] = {{"\u3042\u3099", "\u3094"}, {"\u00e8", "\u00e9"}, {"\u4e00", "\u4e8c"}};
    struct err e = {0};
    struct charsmap_rules r = {0};
    struct buf file = {0};
    for (size_t i = 0; i < n + COUNT_OF(others); i++) {
        const struct rule *x = i < n ? &v[i] : &others[i - n];
        uint32_t from[16], to[16];
        size_t n_from = points(x->from, from), n_to = points(x->to, to);
        assert_int_equal(charsmap_rules_set(&r, from, n_from, to, n_to, &e), 0);
    }
    assert_int_equal(charsmap_compile(&r, &file, &e), 0);
    struct charsmap *m = charsmap_new(file.data, file.len, &e);
    if (!m) fail_msg("%s", e.msg);
    charsmap_rules_free(&r);
    buf_free(&file);
    return m;
}

static void spaces_and_their_neighbours_are_apart(void **state)
{
    (void)state;
    static const struct {
        struct rule rule;
        bool apart;
    } v[] = {{{"\u00e0", "e"}, true},   {{"\u00e0", " e"}, false}, {{"\u00e0", "e "}, false}, {{"\u00e0", "e e"}, true}, {{"\u00e0", ""}, false},
             {{"a", "b "}, false},      {{"\t", " "}, true},       {{" ", "x"}, false},       {{" b", "x"}, false},      {{"b ", "x"}, false},
             {{"a b", "x"}, false},     {{"\u3000", " "}, true},   {{"\u00e0 ", "x"}, false}};
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct charsmap *m = make(&v[i].rule, 1);
        if (plan_rules_keep_spaces(m) != v[i].apart) fail_msg("rule %zu", i);
        charsmap_free(m);
    }
}

static void bytes_of_ascii_are_seen_behind_others(void **state)
{
    (void)state;
    static const struct {
        struct rule rule;
        bool inside;
    } v[] = {{{"a", "b"}, false},       {{"a\u0301", "\u00e1"}, false}, {{"ab", "c"}, true},  {{"\u0301a", "c"}, true},    {{"\u00e0", "ab"}, false},
             {{"\u4e00\u4e01z", ""}, true}, {{"a b", "c"}, true},       {{"a ", "c"}, false}, {{"\u00e0\u0301 ", "c"}, false}};
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct charsmap *m = make(&v[i].rule, 1);
        if (plan_rules_in_ascii(m) != v[i].inside) fail_msg("rule %zu", i);
        charsmap_free(m);
    }
}

static void a_byte_becomes_a_space_if_no_longer_rule_has_it(void **state)
{
    (void)state;
    static const struct {
        struct rule rule[2];
        bool space;
    } v[] = {{{{"\t", " "}, {"\n", "x"}}, true},  {{{"\t", " "}, {"\tb", "x"}}, false}, {{{"\t", " "}, {"\t\u0301", "x"}}, false},
             {{{"\t", "x"}, {"\n", " "}}, false}, {{{"\ta", " "}, {"\n", " "}}, false}, {{{"\t", "  "}, {"\n", " "}}, false}};
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct charsmap *m = make(v[i].rule, 2);
        if (plan_rules_make_space(m, '\t') != v[i].space) fail_msg("rules %zu", i);
        charsmap_free(m);
    }
}

static void a_byte_is_left_alone_before_ascii(void **state)
{
    (void)state;
    static const struct {
        struct rule rule;
        bool left;
    } v[] = {{{"b", "a"}, true}, {{"a", "b"}, false}, {{"ab", "c"}, false}, {{"a\u0301", "\u00e1"}, true}, {{"a\u0301b", "c"}, true}, {{"a ", "c"}, false}, {{"ba", "c"}, true}};
    assert_true(plan_rules_leave(NULL, 'a'));
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct charsmap *m = make(&v[i].rule, 1);
        if (plan_rules_leave(m, 'a') != v[i].left) fail_msg("rule %zu", i);
        charsmap_free(m);
    }
}

static void rules_are_known_by_how_they_begin(void **state)
{
    (void)state;
    static const struct rule rule = {"abc", "d"};
    struct charsmap *m = make(&rule, 1);
    assert_true(plan_rules_begin_with(m, "a", 1) && plan_rules_begin_with(m, "ab", 2) && plan_rules_begin_with(m, "abc", 3));
    assert_true(plan_rules_begin_with(m, "\u3042", 3) && plan_rules_begin_with(m, "", 0));
    assert_false(plan_rules_begin_with(m, "b", 1) || plan_rules_begin_with(m, "ac", 2) || plan_rules_begin_with(m, "bc", 2));
    assert_false(plan_rules_begin_with(m, "abcd", 4));
    charsmap_free(m);
}

/* ---- data that no rules made ---- */

enum { PLACES = 260, N_UNITS = 256 * PLACES };

/* From place 256 * from to place 256 * to by either of two bytes. */
static void lead(uint32_t *unit, size_t from, size_t to)
{
    for (uint32_t c = 'a'; c <= 'b'; c++) {
        size_t i = (256 * from) ^ c;
        unit[i] = (uint32_t)(i ^ 256 * to) << 10 | c;
    }
}

/* Whether a charsmap of these units is read. */
static bool reads(const uint32_t *unit, size_t n)
{
    struct err e = {0};
    struct buf file = {0};
    uint32_t size = (uint32_t)(4 * n);
    buf_add(&file, &size, 4);
    buf_add(&file, unit, 4 * n);
    buf_add(&file, "x", 2);
    assert_int_equal(buf_ok(&file, &e), 0);
    struct charsmap *m = charsmap_new(file.data, file.len, &e);
    if (!m) assert_non_null(strstr(e.msg, "charsmap: a rule of more than 256 bytes, or units that lead back to themselves"));
    buf_free(&file);
    charsmap_free(m);
    return m != NULL;
}

/* Each character of a text goes as far as rules lead. */
static void rules_that_lead_round_or_far_are_refused(void **state)
{
    (void)state;
    uint32_t *unit = mem_zalloc(N_UNITS, sizeof *unit);
    assert_non_null(unit);
    unit[0] = 256 << 10; /* the root's: rules begin at place 256 */
    for (size_t k = 1; k <= 256; k++) lead(unit, k, k + 1); /* rules of 256 bytes, 2^256 of them */
    assert_true(reads(unit, N_UNITS));
    lead(unit, 257, 258);
    assert_false(reads(unit, N_UNITS));
    lead(unit, 7, 250);
    assert_true(reads(unit, N_UNITS));
    lead(unit, 257, 7); /* a ring, */
    assert_false(reads(unit, N_UNITS));
    lead(unit, 3, 259); /* which nothing leads to any more */
    assert_true(reads(unit, N_UNITS));
    unit[0] = 'a' << 10 | 'a'; /* the root's unit is one of its rules */
    assert_false(reads(unit, N_UNITS));
    unit[0] = (N_UNITS - 1) << 10; /* a place behind the last unit leads to others, and round */
    unit[(N_UNITS - 1) ^ 'a'] = 'a' << 10 | 'a';
    assert_false(reads(unit, N_UNITS - 1));
    free(unit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spaces_and_their_neighbours_are_apart), cmocka_unit_test(bytes_of_ascii_are_seen_behind_others),
        cmocka_unit_test(a_byte_becomes_a_space_if_no_longer_rule_has_it), cmocka_unit_test(a_byte_is_left_alone_before_ascii),
        cmocka_unit_test(rules_are_known_by_how_they_begin), cmocka_unit_test(rules_that_lead_round_or_far_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
