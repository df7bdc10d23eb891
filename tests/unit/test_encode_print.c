/* Ids as text: as printf would write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "data/encode_print.h"

static void ids_of_all_lengths_are_written_as_by_printf(void **state)
{
    (void)state;
    static int32_t id[3000];
    struct buf want = {0}, got = {0};
    size_t n = 0;
    for (int64_t ten = 1; ten <= INT32_MAX; ten *= 10)
        for (int64_t d = -1; d <= 1; d++) id[n++] = (int32_t)(ten + d);
    id[n++] = INT32_MAX;
    id[n++] = INT32_MIN;
    id[n++] = -7;
    for (uint32_t x = 1; n < COUNT_OF(id); n++, x = x * 1664525 + 1013904223) id[n] = (int32_t)(x >> (1 + x % 31));
    static const size_t sizes[] = {0, 1, 2, 40, 1024, 1025, COUNT_OF(id)};
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        for (size_t i = 0; i < sizes[k]; i++) buf_printf(&want, "%s%d", i ? " " : "", (int)id[i]);
        buf_addc(&want, '\n');
        encode_print_ids(id, sizes[k], &got);
    }
    assert_int_equal(got.len, want.len);
    assert_string_equal(got.data, want.data);
    buf_free(&want);
    buf_free(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_all_lengths_are_written_as_by_printf),
    };
    return cmocka_run_group_tests_name("encode_print", tests, NULL, NULL);
}
