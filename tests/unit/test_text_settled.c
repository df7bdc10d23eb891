/* What text_settled() lets pass is in normal form C whatever precedes it, and its
 * kernels agree. */
#include "tests/unit/shard_fixture.h"

#include <utf8proc.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/text_settled.h"

enum { LIMIT = 0x110000 };

/* Code points that may join a character before them: all but the first of a
 * decomposition, the later parts of Hangul syllables, and marks with a class. */
static void mark_joining(uint8_t *joins)
{
    for (uint32_t c = 0; c < LIMIT; c++) {
        utf8proc_int32_t d[16];
        int last = 0;
        if (c >= 0xd800 && c < 0xe000) continue;
        if (utf8proc_get_property((utf8proc_int32_t)c)->combining_class) joins[c] = 1;
        utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, d, 16, UTF8PROC_DECOMPOSE, &last);
        for (utf8proc_ssize_t i = 1; i < n && i < 16; i++)
            joins[d[i]] = 1;
    }
    for (uint32_t c = 0x1161; c < 0x1176; c++)
        joins[c] = 1;
    for (uint32_t c = 0x11a8; c < 0x11c3; c++)
        joins[c] = 1;
}

static void settled_characters_are_their_own_normal_form(void **state)
{
    (void)state;
    uint8_t *joins = mem_zalloc(LIMIT, 1);
    size_t settled = 0;
    assert_non_null(joins);
    mark_joining(joins);
    for (uint32_t c = 1; c < LIMIT; c++) {
        char s[8] = {0};
        int n = utf8_encode(c, s);
        if (n < 1 || !text_settled_char(s, (size_t)n)) continue;
        settled++;
        assert_int_equal(text_settled_char(s, (size_t)n), n);
        utf8proc_uint8_t *nfc = utf8proc_NFC((const utf8proc_uint8_t *)s);
        if (!nfc || strcmp((char *)nfc, s) != 0 || joins[c]) fail_msg("U+%04X is not settled", c);
        if (c == 0x7f || (c >= 0x80 && c < 0xa0) || c == 0xfeff) fail_msg("U+%04X is to go", c);
        free(nfc);
    }
    free(joins);
    assert_true(settled > 35000);
}

static size_t random_text(char *s, size_t most, uint64_t *state)
{
    static const char *const odd[] = {"\xc2\x80", "\xef\xbb\xbf", "\r", "\x01", "\x7f", "\u0301", "\u3099", "\u302a",
                                      "\u2000", "\u2126", "\u00d7", "\u0387", "\U0001f600", "\uf900", "\u1161", "\uabed"};
    size_t n = 0;
    while (n + 4 <= most) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        uint32_t r = (uint32_t)(*state >> 33), cp = r >> 8;
        int kind = r % 64;
        if (kind == 0) {
            const char *x = odd[cp % COUNT_OF(odd)];
            memcpy(s + n, x, strlen(x));
            n += strlen(x);
            continue;
        }
        cp = kind < 24   ? 'a' + cp % 26
             : kind < 34 ? 0xa0 + cp % 0x260
             : kind < 40 ? 0x380 + cp % 0x100
             : kind < 54 ? 0x3000 + cp % 0xa800
             : kind < 60 ? 0x2010 + cp % 0xb00
             : kind < 62 ? 0x400 + cp % 0x70
                         : 0x80 + cp % 0xd700;
        char u[4];
        int k = utf8_encode(cp, u);
        memcpy(s + n, u, (size_t)k);
        n += (size_t)k;
    }
    return n;
}

static void kernels_agree(void **state)
{
    (void)state;
    uint64_t random = 7;
    text_settled_fn *const fn[] = {
#if defined(__x86_64__)
        __builtin_cpu_supports("avx2") ? text_settled_avx2 : text_settled_ref,
        __builtin_cpu_supports("avx512bw") ? text_settled_avx512 : text_settled_ref,
#endif
        text_settled};
    for (int round = 0; round < 60000; round++) {
        char s[512];
        size_t n = random_text(s, 4 + (size_t)round % 500, &random);
        for (size_t from = 0; from < n;) { /* on behind each stop */
            size_t want = text_settled_ref(s + from, n - from);
            for (size_t k = 0; k < COUNT_OF(fn); k++) {
                size_t got = fn[k](s + from, n - from);
                if (got != want) fail_msg("kernel %zu: %zu of %zu, want %zu", k, got, n - from, want);
            }
            from += want + 1;
            while (from < n && ((unsigned char)s[from] & 0xc0) == 0x80)
                from++;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settled_characters_are_their_own_normal_form),
        cmocka_unit_test(kernels_agree),
    };
    return cmocka_run_group_tests_name("text_settled", tests, NULL, NULL);
}
