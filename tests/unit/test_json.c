#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "core/base/json.h"
#include "core/base/mem.h"

static struct cJSON *parse(const char *text, struct err *e)
{
    return json_parse(text, strlen(text), "t.json", NULL, e);
}

static void accepts_what_the_grammar_allows(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}", "[]", "0", "-0", "1.5e-3", "\"\"", "null", " [ 1 , 2 ] ", "{\"a\":{\"b\":[true,false]}}",
        "\"\\u00e9\\ud83d\\ude00\\n\"", "\"\xc3\xa9\"", "[[[[]]]]", "{\"a\":1,\"A\":2}",
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct err e = {0};
        struct cJSON *j = parse(good[i], &e);
        if (!j) fail_msg("%s: %s", good[i], e.msg);
        json_free(j);
    }
}

static void refuses_everything_else_with_a_position(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"", "1:1"}, {"{", "1:2"}, {"[1,]", "1:4"}, {"{\"a\":1,}", "expected a key"}, {"1 2", "unexpected text"},
        {"[01]", "invalid number"}, {"+1", "expected a value"}, {"1.", "invalid number"}, {"1e", "invalid number"},
        {"1e999", "out of range"}, {"\"a", "unterminated"}, {"\"\x01\"", "control character"},
        {"\"\\x\"", "invalid escape"}, {"\"\\u12\"", "invalid escape"}, {"\"\\u0000\"", "u0000"},
        {"\"\\ud800\"", "lone high"}, {"\"\\udc00\"", "lone low"}, {"\"\\ud800\\u0041\"", "lone high"},
        {"\"\xff\"", "invalid UTF-8"}, {"\"\xc0\xaf\"", "invalid UTF-8"}, {"\"\xed\xa0\x80\"", "invalid UTF-8"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "duplicate key \"a\""}, {"[{\"x\":{\"k\":1,\"k\":1}}]", "duplicate key \"k\""},
        {"nul", "expected a value"}, {"[1 2]", "expected ','"}, {"{\"a\" 1}", "expected ':'"}, {"{1:2}", "expected a key"},
        {"\xef\xbb\xbf{}", "1:1: expected a value, not a byte order mark"}, {"[1]]", "unexpected text"}, {"{]", "expected a key"}, {"[}", "expected a value"},
        {"// c\n1", "expected a value"}, {"\n\n  x", "t.json:3:3"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct err e = {0};
        assert_null(parse(bad[i].text, &e));
        assert_int_equal(e.code, ERR_DATA);
        if (!strstr(e.msg, bad[i].message)) fail_msg("'%s' gave: %s", bad[i].text, e.msg);
    }
}

static void bounds_depth_and_length(void **state)
{
    (void)state;
    struct err e = {0};
    char deep[140];
    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    assert_null(json_parse(deep, 130, "t", NULL, &e));
    assert_non_null(strstr(e.msg, "nested too deeply"));
    struct cJSON *j = json_parse(deep + 1, 128, "t", NULL, &e);
    assert_non_null(j);
    json_free(j);
    struct json_limits lim = {.max_bytes = 10};
    assert_null(json_parse("[1,2,3,4,5]", 11, "t", &lim, &e));
    assert_non_null(strstr(e.msg, "the limit is 10"));
}

static void a_nul_can_be_read_as_the_replacement_character(void **state)
{
    (void)state;
    struct err e = {0};
    struct json_limits lim = {.nul_as_fffd = true};
    static const char text[] = "[\"a\\u0000\\u0000b\", \"\\\\u0000\"]"; /* the second: a backslash and u0000 */
    struct cJSON *j = json_parse(text, sizeof text - 1, "t", &lim, &e);
    assert_non_null(j);
    assert_string_equal(j->child->valuestring, "a\xef\xbf\xbd\xef\xbf\xbd" "b");
    assert_string_equal(j->child->next->valuestring, "\\u0000");
    json_free(j);
}

static void config_files_may_have_comments_and_trailing_commas(void **state)
{
    (void)state;
    struct err e = {0};
    struct json_limits lim = {.comments = true};
    const char *text = "// head\n{ /* a */ \"s\": \"// kept, ]\", // end\n \"n\": [1, 2, /* x */ ], }";
    struct cJSON *j = json_parse(text, strlen(text), "c", &lim, &e);
    if (!j) fail_msg("%s", e.msg);
    const char *s = NULL;
    assert_int_equal(json_get_str(j, "s", &s, "", &e), 0);
    assert_string_equal(s, "// kept, ]");
    json_free(j);
    text = "{\"a\":1 /* open";
    assert_null(json_parse(text, strlen(text), "c", &lim, &e));
}

static void getters_check_type_and_range_and_name_the_key(void **state)
{
    (void)state;
    struct err e = {0};
    struct cJSON *j = parse("{\"n\":7,\"x\":1.5,\"b\":true,\"s\":\"t\",\"big\":1e300,\"z\":null}", &e);
    int64_t n = -1;
    double x = 0;
    bool b = false;
    const char *s = NULL;
    assert_int_equal(json_get_i64(j, "n", 0, 10, &n, "m", &e), 0);
    assert_int_equal(n, 7);
    assert_int_equal(json_get_i64(j, "n", 8, 10, &n, "m", &e), -1);
    assert_string_equal(e.msg, "m.n is 7, must be between 8 and 10");
    assert_int_equal(json_get_i64(j, "x", 0, 10, &n, "m", &e), -1);
    assert_int_equal(json_get_i64(j, "big", INT64_MIN, INT64_MAX, &n, "m", &e), -1);
    assert_int_equal(json_get_i64(j, "N", 0, 10, &n, "m", &e), -1);
    assert_string_equal(e.msg, "m.N is missing");
    assert_int_equal(json_get_f64(j, "x", 0, 2, &x, "", &e), 0);
    assert_true(x > 1.49 && x < 1.51);
    assert_int_equal(json_get_bool(j, "b", &b, "", &e), 0);
    assert_true(b);
    assert_int_equal(json_get_bool(j, "n", &b, "", &e), -1);
    assert_int_equal(json_get_str(j, "s", &s, "", &e), 0);
    assert_string_equal(s, "t");
    assert_int_equal(json_opt_i64(j, "absent", 0, 1, &n, "", &e), 0);
    assert_int_equal(json_opt_i64(j, "z", 0, 1, &n, "", &e), 0);
    assert_int_equal(n, 7);
    static const char *const known[] = {"n", "x", "b", "s", "bigs", "z", NULL};
    assert_int_equal(json_known_keys(j, known, "m", &e), -1);
    assert_string_equal(e.msg, "unknown key m.big; did you mean \"bigs\"?");
    json_free(j);
}

static void prints_what_it_parses(void **state)
{
    (void)state;
    struct err e = {0};
    const char *text = "{\"a\":[1,-2.5,0.10000000000000001,1e+300],\"s\":\"q\\\"\\n\xc3\xa9\",\"o\":{},\"t\":true,\"z\":null}";
    struct cJSON *j = parse(text, &e);
    struct buf b = {0};
    json_print(&b, j, 0);
    assert_string_equal(b.data, "{\"a\":[1,-2.5,0.10000000000000001,1.0000000000000001e+300],\"s\":\"q\\\"\\n\xc3\xa9\",\"o\":{},\"t\":true,\"z\":null}");
    buf_free(&b);
    json_free(j);
}

static void survives_lack_of_memory(void **state)
{
    (void)state;
    for (long n = 1; n < 4; n++) {
        struct err e = {0};
        mem_fail_after(n);
        struct cJSON *j = parse("{\"a\":1,\"b\":[1,2]}", &e);
        mem_fail_after(0);
        if (!j) assert_int_equal(e.code, ERR_OS);
        json_free(j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_the_grammar_allows),
        cmocka_unit_test(refuses_everything_else_with_a_position),
        cmocka_unit_test(bounds_depth_and_length),
        cmocka_unit_test(a_nul_can_be_read_as_the_replacement_character),
        cmocka_unit_test(config_files_may_have_comments_and_trailing_commas),
        cmocka_unit_test(getters_check_type_and_range_and_name_the_key),
        cmocka_unit_test(prints_what_it_parses),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
