/* The fast scans of text against their plain forms: UTF-8, strings of JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/json.h"
#include "core/base/rng.h"
#include "core/base/utf8_internal.h"
#include "data/doc_json.h"
#include "data/doc_scan.h"

static struct rng_key key;
static uint64_t drawn;

static uint32_t draw(uint32_t n)
{
    return rng_u32(&key, drawn++) % n;
}

/* Valid text of all lengths of characters; *n is about `want`. */
static void make_text(char *s, size_t want, size_t *n)
{
    static const uint32_t below[] = {0x80, 0x800, 0x10000, 0x110000};
    uint32_t kind = 0;
    for (*n = 0; *n < want;) {
        if (draw(12) == 0) kind = draw(4); /* runs of one kind */
        *n += (size_t)utf8_encode(draw(below[kind]), s + *n);
    }
}

/* The kernels stop at the same block. */
static void compare_blocks(const char *s, size_t n)
{
#ifdef SCAN_HAVE_AVX2
    if (!scan_have_vbmi()) return;
    size_t a = utf8_valid_blocks_avx2(s, n), b = utf8_valid_blocks_avx512vbmi(s, n);
    if (a != b) fail_msg("kernels stop at %zu and %zu of %zu", a, b, n);
#else
    (void)s;
    (void)n;
#endif
}

/* Lines that are counted on the way. */
static void compare_lines(const char *s, size_t n, size_t valid)
{
    size_t lines, counted, want = 0, got = utf8_valid_lines(s, n, &lines, &counted);
    assert_int_equal(got, valid);
    assert_true(counted <= n);
    for (size_t i = 0; i < counted; i++) want += s[i] == '\n';
    assert_int_equal(lines, want);
}

static void utf8_blocks_and_reference_agree(void **state)
{
    (void)state;
    static char s[1200];
    key = rng_key(11, RNG_TEST, 0, 0);
    for (int round = 0; round < 4000; round++) {
        size_t n;
        make_text(s, 100 + draw(900), &n);
        if (utf8_valid_prefix(s, n) != n) fail_msg("round %d: valid text is refused", round);
        for (uint32_t hits = draw(3); hits; hits--) { /* damage */
            uint32_t at = draw((uint32_t)n);
            static const unsigned char bytes[] = {0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xe0, 0xed, 0xef,
                                                  0xf0, 0xf4, 0xf5, 0xff, 0x9f, 0xa0, 0x8f, 'a'};
            s[at] = (char)bytes[draw(sizeof bytes)];
        }
        n -= draw(4); /* maybe within a character */
        size_t want = utf8_valid_prefix_ref(s, n), got = utf8_valid_prefix(s, n);
        if (got != want) fail_msg("round %d: %zu, want %zu of %zu", round, got, want, n);
        compare_blocks(s, n);
        compare_lines(s, n, want);
    }
}

/* Every pair and triple of interesting bytes, at every place of a seam. */
static void utf8_pairs_at_the_seams(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2,
                                          0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xef, 0xf0, 0xf1, 0xf3, 0xf4,
                                          0xf5, 0xff};
    enum { N = sizeof bytes };
    static char s[320];
    for (size_t at = 28; at <= 132; at += at == 36 ? 88 : 1) /* 28..36, 124..132 */
        for (size_t i = 0; i < (size_t)N * N * N * N; i++) {
            memset(s, 'x', sizeof s);
            for (size_t k = 0, x = i; k < 4; k++, x /= N)
                s[at + k] = (char)bytes[x % N];
            size_t want = utf8_valid_prefix_ref(s, sizeof s), got = utf8_valid_prefix(s, sizeof s);
            if (got != want) fail_msg("case %zu at %zu: %zu, want %zu", i, at, got, want);
            compare_blocks(s, sizeof s);
            if (i % 7 && at != 126) i += 6; /* all of them once, a seventh elsewhere */
        }
}

/* The end of a string and its escapes, byte by byte; false: a mistake. */
static bool plain_scan(const char *s, size_t n, size_t *end, size_t *escapes, bool *unusual)
{
    *escapes = 0;
    *unusual = false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"') {
            *end = i;
            return true;
        }
        if ((unsigned char)s[i] < 0x20) return false;
        if (s[i] != '\\') continue;
        if (++i == n) return false;
        ++*escapes;
        if (s[i] == 'u' || s[i] == '/') *unusual = true;
        if (s[i] == 'u') {
            for (int k = 1; k <= 4; k++)
                if (i + (size_t)k >= n || !strchr("0123456789abcdefABCDEF", s[i + (size_t)k])) return false;
            i += 4;
        } else if (!strchr("\"\\/bfnrt", s[i])) {
            return false;
        }
    }
    return false;
}

/* What a kernel takes of a text s[from..), whose end and meaning are known, is the beginning of that; a text that
 * it leaves is left in front of an escape, or where 64 bytes no more follow. */
static void check_kernels(const char *s, size_t n, const struct doc_fields *f, const struct buf *ref)
{
#ifdef SCAN_HAVE_AVX2
    static char out[8192];
    struct buf rest = {0};
    size_t made = 0, from = f->text_begin, len = f->text_end - from;
    bool found = false;
    assert_true(n + 64 <= sizeof out);
    if (!scan_have_bmi()) return;
    for (int checked = 0; checked < 2; checked++) {
        size_t end = checked ? unescape_avx2bmi(s + from, len, out, &made) + from : take_string_avx2bmi(s, from, n, out, &made, &found);
        if (found && !checked && end != f->text_end) fail_msg("found: %d, %zu of %zu: %.*s", found, end, f->text_end, (int)n, s);
        assert_true(end <= f->text_end);
        buf_clear(&rest);
        doc_json_unescape_ref(s + end, f->text_end - end, &rest);
        assert_int_equal(made + rest.len, ref->len);
        if (made) assert_memory_equal(out, ref->data, made);
        if (rest.len) assert_memory_equal(rest.data, ref->data + made, rest.len);
    }
    buf_free(&rest);
#else
    (void)s;
    (void)n;
    (void)f;
    (void)ref;
#endif
}

/* Found and unescaped in one go: as found and unescaped. */
static void check_taken(const char *s, size_t n, const char *why, const struct doc_fields *f)
{
    struct buf text = {0}, ref = {0};
    struct doc_fields g;
    const char *other = doc_json_take(s, n, "text", NULL, &g, &text);
    if (other != why) fail_msg("taken: %s, want %s: %.*s", other, why, (int)n, s);
    if (!why) {
        assert_int_equal(g.text_begin, f->text_begin);
        assert_int_equal(g.text_end, f->text_end);
        const char *bad = doc_json_unescape_ref(s + f->text_begin, f->text_end - f->text_begin, &ref);
        if (g.taken && (g.refused != bad || (!bad && (text.len != ref.len || memcmp(text.data, ref.data, ref.len)))))
            fail_msg("taken: %s, want %s: %.*s", g.refused, bad, (int)n, s);
        if (!bad) check_kernels(s, n, f, &ref);
        if (!g.taken && g.escapes != f->escapes) fail_msg("not taken, %zu escapes", g.escapes);
    }
    buf_free(&text);
    buf_free(&ref);
}

/* The text of {"text":"..."}, s[0..n), that begins at `from`, is found as by plain_scan(); false: neither takes it. */
static bool found_as_scanned(const char *s, size_t n, size_t from, int round, struct doc_fields *f)
{
    size_t end = 0, escapes = 0;
    bool unusual = false, want = plain_scan(s + from, n - from, &end, &escapes, &unusual) && from + end + 2 == n;
    const char *why = doc_json_find(s, n, "text", f);
    if (!why != want) fail_msg("round %d: %s: %.*s", round, why ? why : "accepted", (int)n, s);
    check_taken(s, n, why, f);
    if (!want) return false;
    if (f->text_end != from + end || f->escapes != escapes || f->unusual != unusual)
        fail_msg("round %d: %zu escapes, want %zu: %.*s", round, f->escapes, escapes, (int)n, s);
    return true;
}

static void strings_end_where_the_plain_scan_says(void **state)
{
    (void)state;
    static char s[700];
    key = rng_key(12, RNG_TEST, 0, 0);
    int good = 0;
    for (int round = 0; round < 60000; round++) {
        size_t n = (size_t)snprintf(s, sizeof s, "{\"text\":\""), from = n;
        size_t len = draw(500), slashes = 1 + draw(30), wild = draw(4);
        while (n - from < len) {
            if (draw((uint32_t)slashes)) {
                s[n++] = "abcnrtu/ f\x7f\xc3"[draw(wild ? 10 : 11)];
            } else {
                s[n++] = '\\';
                if (wild || draw(200)) s[n++] = "\"\\nrtbf\\\\\"\\n/"[draw(wild == 1 ? 13 : 12)];
                if (wild == 2 && draw(9) == 0) n += (size_t)snprintf(s + n, 8, "\\u00e%x", draw(16));
            }
        }
        if (draw(50) == 0) s[from + draw((uint32_t)(n - from + 1))] = '\n';
        n += (size_t)snprintf(s + n, 3, "\"}");
        struct doc_fields f;
        if (!found_as_scanned(s, n, from, round, &f)) continue;
        good++;
        struct buf text = {0}, again = {0}, ref = {0};
        const char *bad = doc_json_unescape(s + f.text_begin, f.text_end - f.text_begin, &text),
                   *bad_ref = doc_json_unescape_ref(s + f.text_begin, f.text_end - f.text_begin, &ref);
        assert_ptr_equal(bad, bad_ref);
        assert_int_equal(text.len, ref.len);
        if (ref.len) assert_memory_equal(text.data, ref.data, ref.len);
        buf_free(&ref);
        if (!bad && !f.unusual) {
            doc_json_escape(text.data, text.len, &again);
            assert_int_equal(text.len + f.escapes, again.len);
            assert_memory_equal(again.data, s + f.text_begin, again.len);
        }
        buf_free(&text);
        buf_free(&again);
    }
    assert_true(good > 30000);
}

/* One more character or pair as a writer of ASCII escapes it, seldom half a pair. */
static size_t put_code(char *s, uint32_t kind)
{
    static const uint32_t below[] = {0x80, 0x800, 0xD800, 0x110000};
    static const char *const forms[] = {"\\u%04x", "\\u%04X"};
    uint32_t cp = draw(below[kind]);
    const char *form = forms[draw(2)];
    if (cp < 0x10000) return (size_t)snprintf(s, 16, form, cp);
    size_t n = draw(300) ? (size_t)snprintf(s, 16, form, 0xD800 + ((cp - 0x10000) >> 10)) : 0;
    return draw(300) ? n + (size_t)snprintf(s + n, 16, form, 0xDC00 + (cp & 0x3FF)) : n;
}

/* Codes, alone and in runs, at all places of a block: found and unescaped as by the
 * plain forms, and refused where those refuse. */
static void codes_are_read_as_one_by_one(void **state)
{
    (void)state;
    static char s[4000];
    key = rng_key(14, RNG_TEST, 0, 0);
    int good = 0, alone = 0;
    for (int round = 0; round < 30000; round++) {
        size_t n = (size_t)snprintf(s, sizeof s, "{\"text\":\""), from = n, len = 1 + draw(round % 8 ? 400 : 3000);
        uint32_t kind = draw(4), rare = 1 + draw(draw(2) ? 4 : 40);
        while (n - from < len) {
            if (draw(20) == 0) kind = draw(4);
            if (draw(rare)) s[n++] = "abcu/0 f\x7f\xc3"[draw(10)];
            else if (draw(6)) n += put_code(s + n, kind);
            else s[n++] = '\\', s[n++] = "\"\\nrtbf/"[draw(8)];
        }
        if (draw(100) == 0) s[from + draw((uint32_t)(n - from))] = "\\ug\n"[draw(4)];
        n += (size_t)snprintf(s + n, 3, "\"}");
        struct doc_fields f;
        if (!found_as_scanned(s, n, from, round, &f)) continue;
        struct buf text = {0}, ref = {0};
        const char *bad = doc_json_unescape(s + from, f.text_end - from, &text), *bad_ref = doc_json_unescape_ref(s + from, f.text_end - from, &ref);
        if (bad != bad_ref || text.len != ref.len || (ref.len && memcmp(text.data, ref.data, ref.len)))
            fail_msg("round %d: %.*s", round, (int)n, s);
        good += !bad;
        alone += bad != NULL;
        buf_free(&text);
        buf_free(&ref);
    }
    assert_true(good > 15000 && alone > 500);
}

/* All kernels stop at the same place having passed the same escapes, but for those
 * that only one of them looks at. */
static void kernels_for_strings_agree(void **state)
{
    (void)state;
#ifdef SCAN_HAVE_AVX2
    static char s[700];
    key = rng_key(13, RNG_TEST, 0, 0);
    if (!scan_have_vbmi()) skip();
    int found = 0;
    for (int round = 0; round < 30000; round++) {
        size_t n = draw(sizeof s), from = draw(3), rare = 2 + draw(60);
        for (size_t i = 0; i < n; i++)
            s[i] = draw((uint32_t)rare) ? "abt\xe2\x80 n"[draw(7)] : "\\\\\\\\\\\"nb\\\x01\xdc\xa2"[draw(12)];
        if (from > n) continue;
        struct scan_string a = {0}, b = {0};
        size_t at = scan_escaped_avx2(s, from, n, &a), other = scan_escaped_avx512vbmi(s, from, n, &b);
        if (at != other || a.found != b.found || a.twice != b.twice)
            fail_msg("round %d: %zu, %zu; %d, %d; %zu, %zu", round, at, other, a.found, b.found, a.twice, b.twice);
        found += a.found;
    }
    assert_true(found > 3000);
#else
    skip();
#endif
}

static void bytes_are_counted(void **state)
{
    (void)state;
    static char s[20000];
    for (size_t n = 0; n < sizeof s; n = n * 2 + 1) {
        size_t want = 0;
        for (size_t i = 0; i < n; i++) {
            s[i] = i % 3 && n % 5 ? '\n' : 'a';
            want += s[i] == '\n';
        }
        assert_int_equal(scan_count_byte(s, n, '\n'), want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_blocks_and_reference_agree),
        cmocka_unit_test(utf8_pairs_at_the_seams),
        cmocka_unit_test(strings_end_where_the_plain_scan_says),
        cmocka_unit_test(codes_are_read_as_one_by_one),
        cmocka_unit_test(kernels_for_strings_agree),
        cmocka_unit_test(bytes_are_counted),
    };
    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
