/* Windows of masks cut where the rules say, one place after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/isa.h"
#include "core/token/tok_cut.h"

enum { N = 3000, ROUNDS = 300, ROOM = 512 };

static const char *const atoms[] = {
    "a", "b", "Z", "0", "7", "(", ")", ".", "_", "~", "\x7f", "\x01", " ", " ", " ", "   ", "\n", "\n", "\t", "\r\n",
    "\xc3\xa9", "\xd1\x81", "\xcc\x81", "\xc2\xa0", "\xe2\x96\x81", "\xe2\x96\x81", "\xe2\x96\x80", "\xe4\xb8\x80",
    "\xe4\xb8\xad", "\xe6\x96\x87", "\xe3\x80\x82", "\xea\xb0\x80", "\xef\xbc\xa1", "\xf0\x9f\x98\x80",
    "                                                                                ", "\n \n", "word", "aaaaaaaa"};

static size_t random_text(const struct rng_key *k, uint64_t *at, char *text, size_t n)
{
    size_t len = 0;
    while (len + 100 < n) {
        const char *a = atoms[rng_below(k, (*at)++, COUNT_OF(atoms))];
        memcpy(text + len, a, strlen(a));
        len += strlen(a);
    }
    return len;
}

static uint64_t random_bits(const struct rng_key *k, uint64_t *at)
{
    return rng_below(k, (*at)++, UINT64_MAX);
}

/* What tok_plan.c may come to, and more. */
static void random_plan(const struct rng_key *k, uint64_t *at, struct tok_fast *f)
{
    memset(f, 0, sizeof *f);
    f->kind = CUT_SPACES;
    f->as_is = rng_below(k, (*at)++, 2);
    f->newlines = rng_below(k, (*at)++, 2);
    f->cut_newlines = f->as_is && f->newlines && rng_below(k, (*at)++, 2);
    f->one_space = rng_below(k, (*at)++, 2);
    f->pairs = rng_below(k, (*at)++, 4) > 0;
    f->wide = f->pairs && rng_below(k, (*at)++, 2);
    memset(f->blank, ' ', sizeof f->blank);
    if (f->cut_newlines) f->blank[1] = '\n';
    if (!f->as_is && !f->newlines && rng_below(k, (*at)++, 2)) memcpy(f->blank, " \n\t\r", 4);
    for (int a = 0; a < 128; a++)
        for (int half = 0; half < 2; half++)
            f->joined[a][half] = random_bits(k, at);
    for (size_t i = 0; i < COUNT_OF(f->has_token); i++) f->has_token[i] = random_bits(k, at) | random_bits(k, at);
    for (size_t i = 0; i < COUNT_OF(f->together); i++) f->together[i] = random_bits(k, at);
    tok_cut_tables(f);
}

static bool printable(uint8_t b)
{
    return b > 0x20 && b < 0x7F;
}

static bool letter(uint8_t b)
{
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
}

static bool gap(const struct tok_fast *f, uint8_t b)
{
    return b == ' ' || memchr(f->blank, b, sizeof f->blank);
}

/* Whether the text is cut before s[i], 0 < i. */
static bool cut_here(const struct tok_fast *f, const uint8_t *s, size_t n, size_t i)
{
    uint8_t a = s[i - 1], b = s[i];
    if (f->pairs && printable(a) && printable(b)) return !tok_joined(f, a, b) && !(letter(a) && letter(b));
    if (f->wide && i >= 3 && b >= 0xE3 && b <= 0xED && s[i - 3] >= 0xE3 && s[i - 3] <= 0xED)
        return !tok_wide_joined(f, s + i - 3);
    if (f->as_is) {
        bool mark = i >= 3 && memcmp(s + i - 3, "\xe2\x96\x81", 3) == 0;
        if (f->cut_newlines && b == '\n') return a != '\n' && !(f->one_space && a == ' ');
        return (b == ' ' && a != ' ' && !mark) || (f->cut_newlines && a == '\n');
    }
    size_t end = i;
    if (!gap(f, b) || gap(f, a)) return false;
    while (end < n && gap(f, s[end])) end++;
    return (tok_plain_before(s, i) || (f->newlines && a == '\n')) && tok_plain_after(s, n, end);
}

/* The windows from `from` on, until they cannot go on; returns that place. */
static size_t expect_cuts(const struct tok_fast *f, cut_windows_fn *windows, const uint8_t *s, size_t n, size_t from,
                          size_t begin)
{
    size_t ends[ROOM], count = 0, k = 0, pos = from;
    bool undecided = windows(f, s, n, begin, &pos, ends, &count, ROOM);
    assert_true(undecided ? gap(f, s[pos]) : n - pos < CUT_WINDOW || count + CUT_ROOM >= ROOM);
    for (size_t i = from; i < pos; i++) {
        bool want = i > begin && cut_here(f, s, n, i), got = k < count && ends[k] == i;
        if (want != got) fail_msg("byte %zu of %zu: %s", i, n, got ? "cut" : "not cut");
        k += got;
    }
    assert_int_equal(k, count);
    if (undecided) /* the gap is for others */
        while (pos < n && gap(f, s[pos])) pos++;
    return pos;
}

/* All that run here; returns how many. */
static size_t all_windows(cut_windows_fn *all[2])
{
    cut_windows_fn *const here[] = {token_has_vbmi() ? tok_cut_windows_avx512vbmi : NULL, token_has_avx2() ? tok_cut_windows_avx2bmi : NULL};
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(here); i++)
        if (here[i]) all[n++] = here[i];
    return n;
}

static void windows_cut_where_the_rules_say(void **state)
{
    (void)state;
    static struct tok_fast f;
    cut_windows_fn *windows[2];
    size_t n_windows = all_windows(windows);
    struct rng_key k = rng_key(9, RNG_TEST, 0, 0);
    uint64_t at = 0;
    char text[N];
    if (!n_windows) skip();
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = random_text(&k, &at, text, 200 + 9 * (size_t)round), n = len - rng_below(&k, at++, 64);
        while (n < len && ((uint8_t)text[n] & 0xC0) == 0x80) n++; /* whole characters */
        uint8_t *exact = malloc(n); /* nothing behind it is there to be read */
        assert_non_null(exact);
        memcpy(exact, text, n);
        random_plan(&k, &at, &f);
        for (size_t w = 0; w < n_windows; w++)
            for (size_t pos = 0, begin = 0; n - pos >= CUT_WINDOW; begin = pos) pos = expect_cuts(&f, windows[w], exact, n, pos, begin);
        free(exact);
    }
}

/* Each character before a space and behind one. */
static void characters_around_spaces_are_ordinary_as_the_rules_say(void **state)
{
    (void)state;
    static struct tok_fast f = {.kind = CUT_SPACES, .blank = {' ', ' ', ' ', ' '}};
    cut_windows_fn *windows[2];
    size_t n_windows = all_windows(windows);
    if (!n_windows) skip();
    tok_cut_tables(&f);
    for (uint32_t cp = 0x80; cp < 0x20000; cp++) {
        char text[2 * CUT_WINDOW], c[5] = "";
        if (cp >= 0xD800 && cp < 0xE000) continue;
        int n = (utf8_encode(cp, c), snprintf(text, sizeof text, "%*s%s %s %s%*s", (int)(cp % 50), "", c, "x", c, CUT_WINDOW, "x"));
        for (size_t w = 0; w < n_windows; w++) expect_cuts(&f, windows[w], (const uint8_t *)text, (size_t)n, 0, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_cut_where_the_rules_say),
        cmocka_unit_test(characters_around_spaces_are_ordinary_as_the_rules_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
