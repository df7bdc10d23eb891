/* Where the vocabulary and the merges lie in a tokenizer.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/jlex.h"
#include "core/token/score_text.h"

static struct rng_key key;
static uint64_t drawn;

static uint32_t draw(uint32_t below)
{
    return rng_u32(&key, drawn++) % below;
}

static void put_string(struct buf *b)
{
    static const char *const parts[] = {"a", "{", "}", "[", "]", "\\\"", "\\\\", "\\\\\\\"", ",", ":", "\\n", "\xc4\xa0", "vocab", "merges"};
    buf_addc(b, '"');
    for (uint32_t n = draw(8) ? draw(12) : draw(300); n > 0; n--) buf_adds(b, parts[draw(COUNT_OF(parts))]);
    buf_addc(b, '"');
}

/* A value of about `size` items, over lines. */
static void put_value(struct buf *b, int depth, uint32_t size)
{
    static const char *const between[] = {",", ",\n", ", ", " ,\r\n\t"};
    bool object = draw(2);
    if (depth == 0 || size == 0) {
        put_string(b);
        return;
    }
    buf_addc(b, object ? '{' : '[');
    for (uint32_t i = 0; i < size; i++) {
        if (i) buf_adds(b, between[draw(COUNT_OF(between))]);
        if (object) {
            put_string(b);
            buf_adds(b, draw(2) ? ":" : " : ");
        }
        put_value(b, draw(3) ? 0 : depth - 1, draw(5));
    }
    buf_adds(b, object ? "}" : "]");
}

static void is_span(struct jlex_span s, const char *json, size_t begin, size_t end)
{
    assert_int_equal(s.begin - json, begin);
    assert_int_equal(s.end - json, end);
}

static void place_of(const char *s, size_t at, size_t *line, size_t *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < at; i++) {
        ++*column;
        if (s[i] != '\n') continue;
        ++*line;
        *column = 1;
    }
}

/* Members of all sizes, in both orders, others before, between and behind: found where they were put, and what is
 * wrong behind them is named by its line and column. */
static void members_are_found_and_cut_out(void **state)
{
    (void)state;
    key = rng_key(21, RNG_TEST, 0, 0);
    for (int round = 0; round < 4000; round++) {
        struct buf json = {0};
        struct jlex_span vocab, merges;
        struct err e = {0};
        char place[64];
        size_t begin[2], end[2], line, column;
        bool swapped = draw(2);
        buf_adds(&json, "{\"a\":");
        put_value(&json, 2, draw(4));
        buf_adds(&json, ",\n\"model\": {\"x\":");
        put_value(&json, 2, draw(4));
        for (int i = 0; i < 2; i++) {
            bool is_vocab = (i == 0) != swapped;
            buf_adds(&json, is_vocab ? ",\"vocab\":" : ",\n\"merges\" : ");
            begin[is_vocab] = json.len;
            buf_addc(&json, '[');
            put_value(&json, 3, draw(60));
            buf_addc(&json, ']');
            end[is_vocab] = json.len;
        }
        buf_adds(&json, draw(2) ? "}, \"last\": @}" : ",\"y\":[1,{}]}\n,\"last\":@}");
        assert_false(json.oom);
        assert_null(jlex_parse(json.data, json.len, "t", NULL, &vocab, &merges, &e));
        is_span(vocab, json.data, begin[1], end[1]);
        is_span(merges, json.data, begin[0], end[0]);
        place_of(json.data, json.len - 2, &line, &column);
        snprintf(place, sizeof place, "t:%zu:%zu: ", line, column);
        if (strncmp(e.msg, place, strlen(place)) != 0) fail_msg("%s instead of %s", e.msg, place);
        buf_free(&json);
    }
}

/* Text that ends anywhere is walked without leaving it. */
static void what_is_cut_off_is_survived(void **state)
{
    (void)state;
    static const char whole[] = "{\"model\":{\"vocab\":{\"a\\\\\":0,\"\\\"b}\":1,\"a long one to fill a block of 64 bytes [{\":2},"
                                "\"merges\":[[\"a\",\"b\"],[\"c\",\"d\\\"\"],[\"e\",\"f\"],[\"g\",\"h\"],[\"i\",\"j\"]]}}";
    for (size_t n = 0; n < sizeof whole; n++) {
        struct jlex_span vocab, merges;
        struct err e;
        char *copy = mem_strndup(whole, n);
        assert_non_null(copy);
        struct cJSON *rest = jlex_parse(copy, n, "t", NULL, &vocab, &merges, &e);
        assert_int_equal(rest != NULL, n == sizeof whole - 1);
        assert_true(!vocab.begin || (vocab.begin > copy && vocab.end <= copy + n));
        assert_true(!merges.begin || (merges.begin > copy && merges.end <= copy + n));
        json_free(rest);
        free(copy);
    }
}

static void numbers_are_those_of_json(void **state)
{
    static const char *const good[] = {"0", "-0", "10", "-1.50", "1e5", "1E+05", "2.5e-3", "-12.25E2"};
    static const char *const bad[] = {"01", "-01", "1.", ".5", "+1", "-", "1e", "1e+", "1.e5", "--1", "1-2", "1e999", "NaN", ""};
    struct err e;
    double v;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct jlex x = {.p = good[i], .end = good[i] + strlen(good[i]), .base = good[i], .name = "n"};
        assert_int_equal(jlex_number(&x, &v, &e), 0);
        assert_true(v == strtod(good[i], NULL) && x.p == x.end);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct jlex x = {.p = bad[i], .end = bad[i] + strlen(bad[i]), .base = bad[i], .name = "n"};
        assert_int_equal(jlex_number(&x, &v, &e), -1);
    }
}

/* Scores of a few digits are read at once, as the others are. */
static void scores_are_read_as_one_by_one(void **state)
{
    static const char chars[] = "00112233445566778899..-eE+, ]";
    (void)state;
    key = rng_key(5, RNG_TEST, 0, 0);
    size_t good = 0;
    for (int round = 0; round < 200000; round++) {
        struct err e = {0};
        char text[40];
        size_t n = 1 + draw(round % 2 ? 6 : 24);
        double score = 0, want = 0;
        for (size_t i = 0; i < n; i++) text[i] = chars[draw(i % 3 ? 20 : (uint32_t)sizeof chars - 1)];
        memcpy(text + n, ",", 2);
        struct jlex x = {.p = text, .end = text + n + 1, .base = text, .name = "n"}, y = x;
        int ret = jlex_score(&x, &score, &e), other = jlex_number(&y, &want, &e);
        assert_true(ret == other || (ret < 0 && want > 1e280) || (ret < 0 && want < -1e280));
        if (ret) continue;
        good++;
        assert_ptr_equal(x.p, y.p);
        char whole[40] = {0};
        const char *from = text + strspn(text, " ");
        memcpy(whole, from, (size_t)(x.p - from));
        want = score_parse(whole);
        assert_memory_equal(&score, &want, sizeof want);
    }
    assert_true(good > 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_found_and_cut_out),
        cmocka_unit_test(what_is_cut_off_is_survived),
        cmocka_unit_test(numbers_are_those_of_json),
        cmocka_unit_test(scores_are_read_as_one_by_one),
    };
    return cmocka_run_group_tests_name("jlex", tests, NULL, NULL);
}
