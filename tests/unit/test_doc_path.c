#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/doc_path.h"

static const char line[] =
    " {\"a\" : \"x\\n\\\"y\\\"\", \"b\":{\"c\":[1, [2,3], {\"d\" : null}],\"c.d\":0},"
    "\"\\u0065\":true,\"f\":[],\"g\":{},\"s\":\"\\ud800\",\"n\":\" 1\",\"a\":2, \"m\":[\"]\",\"}\"],\"h\":-1.5e3}";

static void finds_values(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum doc_value_type type;
        const char *text;
    } cases[] = {
        {"a", DOC_V_STRING, "x\n\"y\""}, {"b.c", DOC_V_ARRAY, "[1, [2,3], {\"d\" : null}]"},
        {"b.c[0]", DOC_V_NUMBER, "1"},   {"b.c[1][-1]", DOC_V_NUMBER, "3"},
        {"b.c[2].d", DOC_V_NULL, "null"}, {"b.c[-1].d", DOC_V_NULL, "null"},
        {"b.c[-3]", DOC_V_NUMBER, "1"},  {"b.c[-4]", DOC_V_NONE, ""},
        {"b.c[3]", DOC_V_NONE, ""},      {"b.d", DOC_V_NONE, ""},
        {"e", DOC_V_BOOL, "true"},       {"f", DOC_V_ARRAY, "[]"},
        {"f[0]", DOC_V_NONE, ""},        {"f[-1]", DOC_V_NONE, ""},
        {"g", DOC_V_OBJECT, "{}"},       {"g.x", DOC_V_NONE, ""},
        {"m[0]", DOC_V_STRING, "]"},     {"m[1]", DOC_V_STRING, "}"},
        {"h", DOC_V_NUMBER, "-1.5e3"},   {"a.b", DOC_V_NONE, ""},
        {"a[0]", DOC_V_NONE, ""},        {"absent", DOC_V_NONE, ""},
    };
    struct buf b = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct doc_value v = doc_path_find(line, sizeof line - 1, cases[i].path);
        if (v.type != cases[i].type) fail_msg("%s: type %d", cases[i].path, v.type);
        buf_clear(&b);
        buf_adds(&b, "");
        if (v.type) assert_true(doc_value_text(&v, &b));
        assert_int_equal(b.len, strlen(cases[i].text));
        if (b.len) assert_memory_equal(b.data, cases[i].text, b.len);
    }
    struct doc_value s = doc_path_find(line, sizeof line - 1, "s");
    buf_clear(&b);
    assert_false(doc_value_text(&s, &b));
    assert_int_equal(b.len, 0);
    buf_free(&b);
    assert_int_equal(doc_path_find(NULL, 0, "a").type, DOC_V_NONE);
}

static void numbers(void **state)
{
    (void)state;
    double x = 0;
    struct doc_value v = doc_path_find(line, sizeof line - 1, "h");
    assert_true(doc_value_number(&v, &x) && x <= -1500 && x >= -1500);
    v = doc_path_find(line, sizeof line - 1, "n");
    assert_true(doc_value_number(&v, &x) && x >= 1 && x <= 1);
    v = doc_path_find(line, sizeof line - 1, "a");
    assert_false(doc_value_number(&v, &x));
    v = doc_path_find(line, sizeof line - 1, "e");
    assert_false(doc_value_number(&v, &x));
}

static void paths(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "a.b", "a[0]", "a[-1].b[12][3].c d"};
    static const char *const bad[] = {"",    ".",     "a.", ".a",  "a..b",          "a[",  "a[]", "a[x]",
                                      "a[1", "a[1]b", "a]", "[0]", "a[1234567890]", "a[-]"};
    struct err e;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_int_equal(doc_path_check(good[i], "--x", &e), 0);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (!doc_path_check(bad[i], "--x", &e)) fail_msg("'%s' is taken", bad[i]);
        assert_int_equal(e.code, ERR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_values), cmocka_unit_test(numbers), cmocka_unit_test(paths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
