#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row_knows_whether_it_was_given)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
