/* Windows of text that is its own normal form end where the first character is that may be another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/isa.h"
#include "core/token/norm_alone.h"
#include "core/token/unicode.h"

enum { N = 3000, LEAST = 66 }; /* bytes that are looked at while they are there */

static bool within(uint32_t x, uint32_t first, uint32_t last)
{
    return x >= first && x <= last;
}

static bool in_leads(const struct leads *t, const uint8_t *s)
{
    unsigned i = s[0] & 63u;
    return (uint8_t)(s[1] - t->low[i]) <= t->more[i] && s[1] != t->but[i];
}

/* As norm_alone.h says. */
static bool is_passed(const struct norm_alone *a, const uint8_t *s, struct uni_char c)
{
    if (c.len == 1) return c.cp < 0x80;
    if (c.len > 3) return false;
    if (in_leads(&a->leads, s)) return true;
    return (a->quotes && within(c.cp, 0x2010, 0x2027)) ||
           (a->kana && (within(c.cp, 0x3041, 0x3096) || within(c.cp, 0x30A1, 0x30FA)));
}

/* What windows may leave to others besides, since one look at the bytes does not tell. */
static bool may_be_left(const struct norm_alone *a, uint32_t cp)
{
    return a->kana && within(cp, 0x3041, 0x30FA);
}

static void expect_end(const struct norm_alone *a, norm_windows_fn *windows, const uint8_t *s, size_t n, size_t from)
{
    size_t end = windows(a, s, n, from), pos = from;
    assert_in_range(end, from, n);
    while (pos < end) {
        struct uni_char c = uni_next(s + pos, n - pos);
        if (!is_passed(a, s + pos, c)) fail_msg("U+%04X at %zu of %zu was passed", (unsigned)c.cp, pos, n);
        pos += c.len;
    }
    assert_int_equal(pos, end); /* a whole character */
    struct uni_char next = end < n ? uni_next(s + end, n - end) : (struct uni_char){.cp = 0};
    if (n - end >= LEAST + 64 && is_passed(a, s + end, next) && !may_be_left(a, next.cp))
        fail_msg("U+%04X at %zu of %zu was not passed", (unsigned)next.cp, end, n);
}

/* Any characters, most of them of those that follow each other in texts. */
static size_t random_text(const struct rng_key *k, uint64_t *at, uint8_t *text)
{
    static const struct { uint32_t first, last; } chars[] = {
        {0x20, 0x7E}, {0x20, 0x7E}, {0xC0, 0xFF}, {0x3B0, 0x450}, {0x2010, 0x2027}, {0x3041, 0x3096}, {0x30A1, 0x30FA}, {0x4E00, 0x9FFF},
        {0xAC00, 0xD7A3}, {0x80, 0xD7FF}, {0xE000, 0x10FFFF}};
    size_t n = 0, kinds = 1 + (size_t)rng_below(k, (*at)++, COUNT_OF(chars)), most = (size_t)rng_below(k, (*at)++, N - 8);
    uint64_t rare = 1 + rng_below(k, (*at)++, 200);
    while (n < most) {
        size_t i = rng_below(k, (*at)++, rare) ? n / 200 % (kinds < 9 ? kinds : 9) : rng_below(k, (*at)++, kinds);
        n += (size_t)utf8_encode(chars[i].first + (uint32_t)rng_below(k, (*at)++, chars[i].last - chars[i].first + 1), (char *)text + n);
    }
    return n;
}

static bool is_member(uint32_t cp, const void *of)
{
    uint32_t x = (cp >> 6) * 0x9E3779B1u ^ *(const uint32_t *)of;
    return x >> 29 != 0;
}

static void windows_end_at_the_first_other_character(void **state)
{
    (void)state;
    norm_windows_fn *const windows[] = {token_has_vbmi() ? norm_windows_avx512vbmi : NULL, token_has_avx2() ? norm_windows_avx2bmi : NULL};
    const struct rng_key k = rng_key(12, RNG_TEST, 0, 0);
    uint64_t at = 0;
    static uint8_t text[N];
    for (uint32_t round = 0; round < 3000; round++) {
        struct norm_alone a = {.kana = round & 1, .quotes = round & 2};
        uint32_t seed = round / 8 * 0x9E3779B1u;
        leads_build(&a.leads, is_member, &seed);
        size_t n = random_text(&k, &at, text);
        uint8_t *exact = malloc(n + 1);
        assert_non_null(exact);
        memcpy(exact, text, n);
        for (size_t i = 0; i < COUNT_OF(windows); i++)
            for (size_t from = 0; windows[i] && from < n; from += uni_next(exact + from, n - from).len)
                if (from % 17 < 3) expect_end(&a, windows[i], exact, n, from);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(windows_end_at_the_first_other_character)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
