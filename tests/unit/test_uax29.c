#include "tests/unit/shard_fixture.h"

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/words_uax29.h"

/* Segments joined by '|'. */
static const char *const cases[][2] = {
    {"The quick (\"brown\") fox can't jump 32.3 feet, right?",
     "The| |quick| |(|\"|brown|\"|)| |fox| |can't| |jump| |32.3| |feet|,| |right|?"},
    {"a  b\r\n\nc", "a|  |b|\r\n|\n|c"},
    {"1,234.5 3,a a.b a. a:b 1:2 _a_1 a''b", "1,234.5| |3|,|a| |a.b| |a|.| |a:b| |1|:|2| |_a_1| |a|'|'|b"},
    {"e\xcc\x81t\xc3\xa9 \xcc\x88x", "e\xcc\x81t\xc3\xa9| \xcc\x88|x"},
    {"カタカナ漢字ひ", "カタカナ|漢|字|ひ"},
    {"\xf0\x9f\x87\xa6\xf0\x9f\x87\xa7\xf0\x9f\x87\xa8", "\xf0\x9f\x87\xa6\xf0\x9f\x87\xa7|\xf0\x9f\x87\xa8"},
    {"👨‍👩‍👧 👍🏽", "👨‍👩‍👧| |👍🏽"},
    {"a\u2019b \u2019c", "a\u2019b| |\u2019|c"},
    {"א\"א א' א\" ", "א\"א| |א'| |א|\"| "},
};

static void segments_are_those_of_the_standard(void **state)
{
    (void)state;
    assert_int_equal(uax29_start(), 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf got = {0};
        const char *text = cases[i][0];
        size_t n = strlen(text);
        for (size_t at = 0, end; at < n; at = end) {
            end = uax29_segment(text, n, at);
            if (at) buf_addc(&got, '|');
            buf_add(&got, text + at, end - at);
        }
        if (strcmp(got.data, cases[i][1]) != 0) fail_msg("'%s' gave '%s'", text, got.data);
        buf_free(&got);
    }
}

/* The test file of the standard: characters in hexadecimal between signs that
 * say "boundary" (U+00F7) or "none" (U+00D7). */
static void the_test_of_the_standard_passes(void **state)
{
    (void)state;
    static const char path[] = "/usr/share/unicode/auxiliary/WordBreakTest.txt";
    struct buf file = {0};
    struct err e;
    int lines = 0;
    if (file_read_all(path, 16 << 20, &file, &e)) {
        print_message("skip: no %s (Debian package unicode-data)\n", path);
        skip();
    }
    for (char *line = strtok(file.data, "\n"); line; line = strtok(NULL, "\n")) {
        char text[256];
        size_t n = 0, want[64], n_want = 0, got = 0;
        for (char *p = line; *p && *p != '#';) {
            if (memcmp(p, "\xc3\xb7", 2) == 0) want[n_want++] = n;
            if (memcmp(p, "\xc3\xb7", 2) == 0 || memcmp(p, "\xc3\x97", 2) == 0) {
                p += 2;
            } else if (strchr("0123456789ABCDEF", *p)) {
                n += (size_t)utf8_encode((uint32_t)strtoul(p, &p, 16), text + n);
            } else {
                p++;
            }
        }
        if (!n) continue;
        lines++;
        for (size_t k = 1; k < n_want; k++) {
            got = uax29_segment(text, n, got);
            if (got != want[k]) fail_msg("boundary at %zu, not at %zu: %s", got, want[k], line);
        }
    }
    assert_true(lines > 1500);
    buf_free(&file);
}

static void words_are_what_is_no_white_space(void **state)
{
    (void)state;
    struct words w = {0};
    struct err e;
    struct buf got = {0};
    static const char text[] = " Don't  stop\n\n3.5% \u00a0\u2003x \xcc\x88!";
    assert_int_equal(words_uax29_ref(&w, text, sizeof text - 1, false, &e), 0);
    for (size_t i = 0; i < w.n; i++)
        buf_printf(&got, "%.*s|", (int)w.v[i].len, text + w.v[i].begin);
    assert_string_equal(got.data, "Don't|stop|3.5|%|x|\xcc\x88|!|");
    assert_int_equal(w.v[0].info, WORD_LETTER | WORD_SUBSTANCE | WORD_ASCII);
    assert_int_equal(w.v[3].info, WORD_ASCII);
    buf_free(&got);
    words_free(&w);
}

/* Words joined by '|'. */
static const char *const tailored[][2] = {
    {"It's what we don’t (I'd say \"can't\") we'll, O'Brien's, 1990's", "It|'s|what|we|do|n’t|(|I|'d|say|\"|ca|n't|\"|)|we|'ll|,|O'Brien|'s|,|1990|'s"},
    {"'tis n't 's l'air rock'n'roll a'b's", "'|tis|n't|'|s|l'air|rock'n'roll|a'b|'s"},
    {"(e.g., p. 3; Mr. Smith, Ph.D. in U.S. end. z.B. n.Chr., ltd.", "(|e.g.|,|p.|3|;|Mr.|Smith|,|Ph.D.|in|U.S.|end|.|z.|B.|n.|Chr|.|,|ltd|."},
    {"end.Next node.js a.b..c ...so A.B", "end|.|Next|node.js|a.b|..|c|...|so|A.B"},
    {"__u64 a_b _x_ ___ é_", "_|_|u64|a_b|_|x|_|_|_|_|é|_"},
    {"c:func 10:30 std::string k:a", "c|:|func|10:30|std::string|k|:|a"},
    {"well-known 64-bit a--b 3-4 --x a---b a----b", "well|-|known|64|-|bit|a|--|b|3|-|4|--x|a|---|b|a----b"},
    {"me@a-b.org, <http://x.org/a-b_c:d>, (www.x-y.de/z) not/a-link", "me@a-b.org|,|<|http://x.org/a-b_c:d|>|,|(|www.x-y.de/z|)|not|/|a|-|link"},
    {"a🙂b 25°C x👍🏽 👩‍👧y©z", "a|🙂|b|25|°|C|x|👍🏽|👩‍👧|y|©|z"},
    {"日本語テスト、です。 ไทย я’s", "日本語テスト、です|。|ไทย|я|’s"},
};

static void words_are_tailored(void **state)
{
    (void)state;
    struct words w = {0};
    struct err e;
    for (size_t i = 0; i < COUNT_OF(tailored); i++) {
        const char *text = tailored[i][0];
        struct buf got = {0};
        assert_int_equal(words_uax29_ref(&w, text, strlen(text), true, &e), 0);
        for (size_t k = 0; k < w.n; k++)
            buf_printf(&got, "%s%.*s", k ? "|" : "", (int)w.v[k].len, text + w.v[k].begin);
        assert_string_equal(got.data, tailored[i][1]);
        buf_free(&got);
    }
    words_free(&w);
}

/* Rows that would take minutes if each place looked along all of the row. */
static void long_rows_take_no_longer_than_their_length(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    static const char *const rows[] = {"-", "_", ".", "'", "@a", "a.", "e.g.", "a.B", "'s", ":", "(", "a_b"};
    struct words w = {0};
    struct err e;
    char *text = mem_alloc(N, 1);
    for (size_t r = 0; r < COUNT_OF(rows); r++) {
        size_t k = strlen(rows[r]);
        for (size_t i = 0; i < N; i++)
            text[i] = rows[r][i % k];
        text[0] = text[N - 1] = 'x';
        assert_int_equal(words_uax29_ref(&w, text, N, true, &e), 0);
        assert_int_equal(w.v[w.n - 1].begin + w.v[w.n - 1].len, N);
    }
    free(text);
    words_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_are_those_of_the_standard),
        cmocka_unit_test(the_test_of_the_standard_passes),
        cmocka_unit_test(words_are_what_is_no_white_space),
        cmocka_unit_test(words_are_tailored),
        cmocka_unit_test(long_rows_take_no_longer_than_their_length),
    };
    return cmocka_run_group_tests_name("uax29", tests, NULL, NULL);
}
