/* Suffix arrays against plain sorting; repeated stretches against plain search. */
#include "tests/unit/shard_fixture.h"

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "data/dedup_substring.h"
#include "data/suffix.h"

static const uint8_t *sorting;
static size_t sorting_n;

static int by_suffix(const void *a, const void *b)
{
    size_t x = (size_t) * (const int32_t *)a, y = (size_t) * (const int32_t *)b;
    size_t nx = sorting_n - x, ny = sorting_n - y;
    int c = memcmp(sorting + x, sorting + y, nx < ny ? nx : ny);
    return c ? c : nx < ny ? -1 : nx > ny;
}

/* Texts of few and many symbols, periodic ones, and long runs. */
static void make(uint8_t *t, size_t n, uint32_t kind, uint64_t seed)
{
    struct rng_key key = rng_key(seed, RNG_TEST, kind, 0);
    for (size_t i = 0; i < n; i++) {
        uint32_t r = rng_u32(&key, i);
        switch (kind) {
        case 0:
            t[i] = (uint8_t)r;
            break;
        case 1:
            t[i] = r & 1 ? 'a' : 'b';
            break;
        case 2:
            t[i] = (uint8_t)("abc"[i % 3]);
            break;
        case 3:
            t[i] = 'x';
            break;
        case 4:
            t[i] = r % 50 ? 'a' : 'b';
            break;
        default:
            t[i] = (uint8_t)(r % 97 ? "abracadabra"[i % 11] : 'z');
        }
    }
}

static void suffixes_are_in_order(void **state)
{
    (void)state;
    static uint8_t t[3000];
    static int32_t sa[3000], want[3000];
    struct err e;
    for (uint32_t kind = 0; kind < 6; kind++)
        for (size_t n = 1; n <= sizeof t; n = n < 40 ? n + 1 : n * 2 + 1) {
            make(t, n, kind, n);
            for (size_t i = 0; i < n; i++)
                want[i] = (int32_t)i;
            sorting = t;
            sorting_n = n;
            qsort(want, n, sizeof *want, by_suffix);
            assert_int_equal(suffix_array(t, n, sa, &e), 0);
            if (memcmp(sa, want, n * sizeof *sa) != 0) fail_msg("kind %u, %zu bytes", kind, n);
        }
}

static void repeats_are_what_plain_search_finds(void **state)
{
    (void)state;
    enum { N = 600, L = 12 };
    static uint8_t t[N], bits[N / 8 + 1];
    struct err e;
    for (uint64_t seed = 0; seed < 40; seed++) {
        make(t, N, 1 + (uint32_t)seed % 5, seed);
        for (size_t i = 99; i < N; i += 100)
            t[i] = 0xff;
        assert_int_equal(dedup_repeats(t, N, L, bits, &e), 0);
        for (size_t i = 0; i < N; i++) {
            bool want = false;
            if (i + L <= N && !memchr(t + i, 0xff, L)) {
                size_t first = 0;
                while (memcmp(t + first, t + i, L) != 0)
                    first++;
                want = i >= first + L;
            }
            if ((bits[i >> 3] >> (i & 7) & 1) != want) fail_msg("seed %u, byte %zu", (unsigned)seed, i);
        }
    }
}

static void cuts_keep_sentences_whole(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want; /* what of [5, end - 5) goes */
    } cases[] = {
        {"One a. Two b. Three c. Four f", "Two b. Three c. "},
        {"aaaa bbbb cccc dddd eeee", ""},
        {"line one\nline two\nline three\n", "line two\n"},
        {"日本。語です。これは。よ", "語です。"},
        {"He said \"go.\" Then he went. Home now", "Then he went. "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *t = cases[i].text;
        size_t from = 5, to = strlen(t) - 5;
        size_t n = dedup_trim(t, 0, strlen(t), &from, &to) ? to - from : 0;
        if (n != strlen(cases[i].want) || memcmp(t + from, cases[i].want, n) != 0)
            fail_msg("case %zu: '%.*s'", i, (int)n, t + from);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suffixes_are_in_order),
        cmocka_unit_test(repeats_are_what_plain_search_finds),
        cmocka_unit_test(cuts_keep_sentences_whole),
    };
    return cmocka_run_group_tests_name("suffix", tests, NULL, NULL);
}
