/* Arrays are the same in memory and on disk; sorting needs none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/spill.h"

static void arrays_go_to_disk_when_memory_is_short(void **state)
{
    (void)state;
    static const size_t limits[] = {0, 100, 5000, 300000, 100000000};
    for (size_t l = 0; l < COUNT_OF(limits); l++) {
        struct spill_space space = {.limit = limits[l]};
        struct spill a = {.space = &space}, b = {.space = &space}, c = {.space = &space};
        struct err e;
        for (uint32_t i = 0; i < 200000; i++) {
            assert_int_equal(spill_add(&a, &i, sizeof i, &e), 0);
            if (i % 100 == 0) assert_int_equal(spill_add(&b, "some words", 10, &e), 0);
        }
        uint32_t *v = spill_data(&a, &e);
        const char *s = spill_data(&b, &e);
        uint64_t *room = spill_room(&c, 50000, sizeof *room, &e);
        assert_true(v && s && room);
        assert_int_equal(a.len, 800000);
        for (uint32_t i = 0; i < 200000; i++)
            assert_int_equal(v[i]++, i);
        assert_int_equal(v[7], 8);
        assert_memory_equal(s + 19990, "some words", 10);
        for (size_t i = 0; i < 50000; i++)
            assert_true(room[i] == 0);
        assert_true(!space.limit || space.used <= space.limit);
        assert_int_equal(space.files, l == 0 || l == 4 ? 0 : l == 3 ? 2 : 3);
        assert_int_equal(spill_add(&a, "x", 1, &e), -1);
        spill_free(&a);
        spill_free(&b);
        spill_free(&c);
        assert_true(space.used == 0);
    }
    struct spill none = {0};
    struct err e;
    assert_non_null(spill_data(&none, &e));
    spill_free(&none);
    setenv("TMPDIR", "/nowhere", 1);
    struct spill_space space = {.limit = 10};
    struct spill a = {.space = &space};
    assert_int_equal(spill_add(&a, "more than ten bytes", 19, &e), -1);
    assert_non_null(strstr(e.msg, "/nowhere"));
    assert_non_null(strstr(e.msg, "--mem"));
    spill_free(&a);
    unsetenv("TMPDIR");
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sorting_in_place_is_sorting(void **state)
{
    (void)state;
    enum { N = 300000, KINDS = 6 };
    uint64_t *v = malloc(N * sizeof *v), *w = malloc(N * sizeof *w);
    for (int kind = 0; kind < KINDS; kind++) {
        uint64_t x = 88172645463325252u;
        for (size_t i = 0; i < N; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            v[i] = kind == 0 ? x : kind == 1 ? x % 3 : kind == 2 ? i : kind == 3 ? N - i : kind == 4 ? 5 : i % 1000;
        }
        memcpy(w, v, N * sizeof *v);
        spill_sort(v, N, sizeof *v, compare);
        qsort(w, N, sizeof *w, compare);
        assert_memory_equal(v, w, N * sizeof *v);
    }
    free(v);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_go_to_disk_when_memory_is_short),
        cmocka_unit_test(sorting_in_place_is_sorting),
    };
    return cmocka_run_group_tests_name("spill", tests, NULL, NULL);
}
