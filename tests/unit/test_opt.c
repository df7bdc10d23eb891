#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/opt.h"

struct many {
    struct opt_common common;
    bool b[100];
};

#define ROW(i, name) OPT_BOOL(0, name, struct many, b[i], NULL, "A switch")
#define TEN(i, t)                                                                                          \
    ROW(i, t "0"), ROW(i + 1, t "1"), ROW(i + 2, t "2"), ROW(i + 3, t "3"), ROW(i + 4, t "4"), ROW(i + 5, t "5"), \
        ROW(i + 6, t "6"), ROW(i + 7, t "7"), ROW(i + 8, t "8"), ROW(i + 9, t "9")
static const struct opt rows[] = {TEN(0, "a"),
                                  TEN(10, "b"),
                                  TEN(20, "c"),
                                  TEN(30, "d"),
                                  TEN(40, "e"),
                                  TEN(50, "f"),
                                  TEN(60, "g"),
                                  TEN(70, "h"),
                                  TEN(80, "i"),
                                  TEN(90, "j"),
                                  OPT_COMMON(struct many, common),
                                  OPT_END()};
static const struct cmd cmd = {.name = "many", .summary = "s", .usage = "u", .opts = rows};

/* A table may have more rows than a word has bits: what was given is known of each row alone. */
static void each_row_knows_whether_it_was_given(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        char name[8] = {'-', '-', (char)('a' + i / 10), (char)('0' + i % 10), 0};
        char *argv[] = {"many", name, NULL};
        struct many m = {0};
        struct opt_result r;
        struct err e;
        assert_int_equal(opt_parse(&cmd, &m, 2, argv, &r, &e), 0);
        for (int k = 0; k < 100; k++) {
            char other[4] = {(char)('a' + k / 10), (char)('0' + k % 10), 0};
            assert_int_equal(m.b[k], k == i);
            assert_int_equal(opt_is_set(&cmd, &r, other), k == i);
        }
        opt_free(&r);
    }
}

struct few {
    struct opt_common common;
    int64_t from_one, seven;
    double ratio;
    const char *name, *text;
    int kind;
    bool on;
    struct opt_list many;
};
static const struct opt few_rows[] = {
    OPT_INT(0, "from-one", struct few, from_one, "N", NULL, 1, 10, "No default, and 0 is out of range"),
    OPT_INT(0, "seven", struct few, seven, "N", "7", 1, 10, "A number"),
    OPT_F64(0, "ratio", struct few, ratio, "X", "0.1", 0, 1, "A ratio"),
    OPT_STR(0, "name", struct few, name, "NAME", NULL, "A name"),
    OPT_STR(0, "text", struct few, text, "TEXT", "t", "A text"),
    OPT_ENUM(0, "kind", struct few, kind, "one|two", "two", "A kind"),
    OPT_BOOL(0, "on", struct few, on, "true", "A switch"),
    OPT_LIST(0, "many", struct few, many, "WORD", "Words"),
    OPT_COMMON(struct few, common),
    OPT_END()};
static const struct cmd few_cmd = {.name = "few", .summary = "s", .usage = "u", .opts = few_rows};

/* The bits of the rows that a config file of this text gives. */
static unsigned given_by(const char *text)
{
    char path[64];
    int fd = memfd_create("config", 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    char *argv[] = {"few", "--config", path, NULL};
    struct few f = {0};
    struct opt_result r;
    struct err e;
    if (opt_parse(&few_cmd, &f, 3, argv, &r, &e)) fail_msg("%s", e.msg);
    unsigned bits = (unsigned)r.set[0] & 0xff;
    close(fd);
    opt_free(&r);
    return bits;
}

/* A dump names every option.  Read again, it asks for what was given and no
 * more: commands tell options that were given from those that were not. */
static void a_dumped_configuration_gives_what_was_given(void **state)
{
    (void)state;
    char *argv[] = {"few", "--seven=8", "--on", NULL};
    struct few f = {0};
    struct opt_result r;
    struct buf b = {0};
    struct err e;
    assert_int_equal(opt_parse(&few_cmd, &f, 3, argv, &r, &e), 0);
    assert_int_equal(opt_dump(&few_cmd, &f, &r, &b, &e), 0);
    assert_non_null(strstr(b.data, "\"from-one\": null"));
    assert_non_null(strstr(b.data, "\"seven\": 8"));
    assert_int_equal(given_by(b.data), 1 << 1);
    buf_free(&b);
    opt_free(&r);
    assert_int_equal(given_by("{\"from-one\":1,\"seven\":7,\"ratio\":0.1,\"name\":\"t\",\"text\":\"t\","
                              "\"kind\":\"two\",\"on\":true,\"many\":[]}"), 1 << 0 | 1 << 3);
    assert_int_equal(given_by("{\"seven\":1,\"ratio\":0.2,\"text\":\"\",\"kind\":\"one\",\"on\":false,"
                              "\"many\":[\"a\"]}"), 0xf6);
}

struct whole {
    struct opt_common common;
    int64_t n;
};
static const struct opt whole_rows[] = {
    OPT_INT(0, "n", struct whole, n, "N", NULL, 0, 9007199254740992, "A number"),
    OPT_COMMON(struct whole, common),
    OPT_END()};
static const struct cmd whole_cmd = {.name = "whole", .summary = "s", .usage = "u", .opts = whole_rows};

/* Which 2^53 + 1 is not as a double. */
static void an_integer_is_taken_exactly_or_refused(void **state)
{
    (void)state;
    static const struct { const char *text; int64_t want; } texts[] = {
        {"--n=9007199254740991", 9007199254740991}, {"--n=9007199254740992", 9007199254740992},
        {"--n=9007199254740993", -1}, {"--n=9223372036854775808", -1}, {"--n=1e3", 1000}, {"--n=2k", 2000},
        {"--n=+7", 7}, {"--n=-1", -1}, {"--n= 1", -1}, {"--n=1 ", -1}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[40], *argv[] = {"whole", text, NULL};
        struct whole w = {0};
        struct opt_result r;
        struct err e;
        snprintf(text, sizeof text, "%s", texts[i].text);
        int ret = opt_parse(&whole_cmd, &w, 2, argv, &r, &e);
        if (ret != (texts[i].want < 0 ? -1 : 0)) fail_msg("%s: %d", text, ret);
        if (!ret) assert_int_equal(w.n, texts[i].want);
        opt_free(&r);
    }
}

static const struct opt_other few_others[] = {{"how-many", "--seven"}, {"x", "--ratio"}, {"pieces", "give --many once for each"}, {NULL, NULL}};
static const struct cmd few_with_others = {.name = "few", .summary = "s", .usage = "u", .opts = few_rows, .others = few_others};

static void assert_refused(const struct cmd *c, char *option, const char *want)
{
    char *argv[] = {"few", option, NULL};
    struct few f = {0};
    struct opt_result r;
    struct err e;
    assert_int_equal(opt_parse(c, &f, 2, argv, &r, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    assert_string_equal(e.msg, want);
    opt_free(&r);
}

/* What other programs call an option leads to it, written with _ or -. */
static void an_unknown_option_is_refused_with_what_it_may_be(void **state)
{
    (void)state;
    assert_refused(&few_with_others, "--how_many=3", "unknown option --how_many=3; it is --seven here");
    assert_refused(&few_with_others, "--how-many", "unknown option --how-many; it is --seven here");
    assert_refused(&few_with_others, "-x", "unknown option -x; it is --ratio here");
    assert_refused(&few_with_others, "--pieces", "unknown option --pieces; give --many once for each");
    assert_refused(&few_with_others, "--how", "unknown option --how; see llmctl few --help");
    assert_refused(&few_with_others, "--form_one", "unknown option --form_one; did you mean --from-one?");
    assert_refused(&few_cmd, "--how-many", "unknown option --how-many; see llmctl few --help");
    assert_refused(&few_cmd, "-x", "unknown option -x; see llmctl few --help");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row_knows_whether_it_was_given),
                                       cmocka_unit_test(a_dumped_configuration_gives_what_was_given),
                                       cmocka_unit_test(an_integer_is_taken_exactly_or_refused),
                                       cmocka_unit_test(an_unknown_option_is_refused_with_what_it_may_be)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
