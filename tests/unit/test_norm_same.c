/* Steps with a table of the characters that they leave alone, against the same ones without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/charsmap_build.h"
#include "core/token/normalize.h"

/* Letters of several scripts and cases, marks, what graphemes are made of, what rules take, broken
 * bytes. */
static const char *const alphabet[] = {
    "a", "e", "o", "Z", "I", " ", " ", "1", ".", "\n", "\r", "\t", "\r\n", "\x01", "\x7f", "'", "~", "\xc3\xa9", "\xc3\x89", "\xc4\xb0", "\xc3\x9f", "\xc2\xa0", "\xc2\xad",
    "\xd0\x96", "\xd0\xb6", "\xce\xa3", "\xd8\x80", "\xdb\x9d", "\xd8\xa7", "\xcc\x81", "\xcc\xa7", "\xe0\xa4\x95", "\xe0\xa5\x8d", "\xe0\xa4\xb7", "\xe0\xa4\xbf",
    "\xe4\xb8\xad", "\xe6\x96\x87", "\xe3\x81\x8b", "\xe3\x82\x99", "\xef\xbc\xa1", "\xef\xbd\xb6", "\xef\xbe\x9e", "\xea\xb0\x80", "\xe1\x84\x80", "\xe1\x85\xa1", "\xe1\x86\xa8",
    "\xe2\x80\x8d", "\xe2\x80\x8b", "\xe2\x84\xa2", "\xe2\x91\xa0", "\xef\xac\x81", "\xef\xb7\xba", "\xe2\x96\x81", "\xef\xbb\xbf", "\xf0\x9f\x98\x80", "\xf0\x9f\x91\xa8",
    "\xf0\x9f\x87\xa9", "\xf0\x9f\x87\xaa", "\xf0\x9d\x94\xb8", "\xf0\x9f\x8f\xbd", "\xef\xb8\x8f", "\xff", "\xc3", "\xe4\xb8", "\xf0\x9f\x98", "\x80"};

static size_t random_text(uint32_t seed, char *text, size_t n)
{
    struct rng_key k = rng_key(12, RNG_TEST, seed, 0);
    size_t len = 0, letters = seed % 3 ? COUNT_OF(alphabet) : 30, plain = seed % 4 * 4 + 1;
    for (uint64_t i = 0; len + 8 < n; i++) {
        const char *c = alphabet[rng_below(&k, 2 * i, rng_below(&k, 2 * i + 1, plain) ? 8 : letters)];
        memcpy(text + len, c, strlen(c));
        len += strlen(c);
    }
    return len;
}

static void expect_same(const struct norm_step *step, struct norm *with, const char *text, size_t n)
{
    struct norm_step one = *step;
    const struct norm_chain c = {&one, 1};
    struct norm without = {.want_origin = with->want_origin};
    struct err e = {0};
    int changed = norm_run(&c, &without, text, n, &e);
    assert_null(without.same[0]);
    /* The table is the step's: it must be the same one in each call. */
    const struct norm_chain same = {(struct norm_step *)(uintptr_t)step, 1};
    assert_int_equal(norm_run(&same, with, text, n, &e), changed);
    assert_non_null(with->same[0]);
    if (changed > 0) {
        const struct norm_text *a = without.out, *b = with->out;
        if (a->text.len != b->text.len || memcmp(a->text.data, b->text.data, a->text.len))
            fail_msg("step %d: '%.*s' becomes '%s', not '%s'", (int)step->kind, (int)n, text, b->text.data, a->text.data);
        for (size_t i = 0; with->want_origin && i < a->text.len; i++)
            if (a->origin[i].begin != b->origin[i].begin || a->origin[i].end != b->origin[i].end)
                fail_msg("step %d: byte %zu of '%s' is from %zu to %zu, not %zu to %zu", (int)step->kind, i, a->text.data, b->origin[i].begin,
                         b->origin[i].end, a->origin[i].begin, a->origin[i].end);
    }
    norm_free(&without);
}

static void try_step(const struct norm_step *step)
{
    enum { TEXTS = 400, N = 200, MUCH = 1 << 16 };
    char text[N];
    for (int origin = 0; origin < 2; origin++) {
        struct norm with = {.want_origin = origin, .seen = MUCH};
        for (uint32_t seed = 0; seed < TEXTS; seed++) expect_same(step, &with, text, random_text(seed, text, seed % 7 ? N / 4 : N));
        norm_free(&with);
    }
}

static void steps_of_one_character(void **state)
{
    (void)state;
    static const enum norm_kind kinds[] = {NORM_LOWERCASE, NORM_NMT, NORM_BERT_CLEAN, NORM_STRIP_ACCENTS, NORM_BERT_CHINESE, NORM_BERT_MARKS};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct norm_step step = {.kind = kinds[i]};
        try_step(&step);
    }
}

static void rules(void **state)
{
    (void)state;
    static const char *const names[] = {"nmt_nfkc", "nfkc_cf"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct charsmap_rules r = {0};
        struct buf map = {0};
        struct err e = {0};
        assert_int_equal(charsmap_rules_named(&r, names[i], &e) || charsmap_compile(&r, &map, &e), 0);
        const struct norm_step step = {.kind = NORM_PRECOMPILED, .map = charsmap_new(map.data, map.len, &e)};
        assert_non_null(step.map);
        try_step(&step);
        charsmap_free(step.map);
        charsmap_rules_free(&r);
        buf_free(&map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_of_one_character),
        cmocka_unit_test(rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
