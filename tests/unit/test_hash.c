/* The vectorised hash paths give what the library gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <xxhash.h>

#include "core/base/hash.h"

static void equals_the_library_at_every_length(void **state)
{
    (void)state;
    static uint8_t p[70000];
    for (size_t i = 0; i < sizeof p; i++) p[i] = (uint8_t)(i * i >> 3);
    for (size_t n = 0; n < sizeof p - 3; n += n < 2100 ? 1 : 997) {
        const uint8_t *q = p + n % 3; /* any alignment */
        XXH128_hash_t want = XXH3_128bits(q, n);
        struct hash128 got = hash128(q, n);
        assert_true(got.hi == want.high64 && got.lo == want.low64);
        assert_true(hash64(q, n) == XXH3_64bits(q, n));
    }
}

static void streaming_equals_one_call(void **state)
{
    (void)state;
    static uint8_t p[50000];
    for (size_t i = 0; i < sizeof p; i++) p[i] = (uint8_t)(i * 31 >> 2);
    struct hash_stream *s = hash_stream_new();
    assert_non_null(s);
    size_t at = 0;
    for (size_t step = 1; at < sizeof p; step = step * 3 % 4001 + 1) {
        if (step > sizeof p - at) step = sizeof p - at;
        hash_stream_add(s, p + at, step);
        at += step;
        assert_true(hash_stream_64(s) == XXH3_64bits(p, at));
        assert_true(hash128_eq(hash_stream_128(s), hash128(p, at)));
    }
    hash_stream_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_library_at_every_length),
        cmocka_unit_test(streaming_equals_one_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
