/* Sorting in bounded memory, and bytes by document. */
#include "tests/unit/shard_fixture.h"

#include <errno.h>

#include "core/base/fault.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "data/dedup_blobs.h"
#include "data/dedup_radix.h"
#include "data/dedup_sort.h"

static int by_words(const void *a, const void *b)
{
    return memcmp(a, b, 24); /* big-endian words, see make() */
}

/* n records of three words; few distinct values when `narrow`. */
static uint64_t *make(size_t n, unsigned narrow)
{
    struct rng_key key = rng_key(21, RNG_TEST, narrow, 0);
    uint64_t *v = mem_alloc(n * 3, 8);
    assert_non_null(v);
    for (size_t i = 0; i < n * 3; i++) {
        v[i] = (uint64_t)rng_u32(&key, 2 * i) << 32 | rng_u32(&key, 2 * i + 1);
        if (narrow == 1) v[i] &= 0xf000000000000003u;
        if (narrow == 2) v[i] = i % 3 == 0 ? 7 : v[i] >> 40;
        if (narrow == 3 && i % 3 < 2) v[i] = i % 3 == 0 ? 7 : i / 60; /* in order, like edges */
        if (narrow == 4 && i % 3 == 0) v[i] = i < n ? 1 : 2;           /* a few large runs */
    }
    return v;
}

/* What qsort makes of them. */
static uint64_t *sorted(const uint64_t *v, size_t n)
{
    uint64_t *want = mem_alloc(n * 3, 8);
    assert_non_null(want);
    for (size_t i = 0; i < n * 3; i++)
        want[i] = __builtin_bswap64(v[i]);
    qsort(want, n, 24, by_words);
    for (size_t i = 0; i < n * 3; i++)
        want[i] = __builtin_bswap64(want[i]);
    return want;
}

static void radix_agrees_with_qsort(void **state)
{
    (void)state;
    struct err e;
    struct pool *pool = pool_new(3, &e);
    for (unsigned narrow = 0; narrow < 5; narrow++)
        for (size_t n = 0; n < 30000; n = n * 3 + 1)
            for (int threads = 1; threads <= 3; threads += 2) {
                uint64_t *v = make(n, narrow), *want = sorted(v, n);
                dedup_radix_sort(v, n, 3, threads == 1 ? NULL : pool);
                if (n) assert_memory_equal(v, want, n * 24);
                free(v);
                free(want);
            }
    pool_free(pool);
}

static void read_all(struct dmerge *m, const uint64_t *want, size_t n, bool unique)
{
    const uint64_t *r;
    struct err e;
    int got;
    size_t k = 0;
    while ((got = dmerge_next(m, &r, &e)) > 0) {
        assert_true(k < n);
        assert_memory_equal(r, want + k * 3, 24);
        k++;
        while (unique && k < n && memcmp(r, want + k * 3, 24) == 0)
            k++;
    }
    assert_int_equal(got, 0);
    assert_int_equal(k, n);
    dmerge_free(m);
}

static void runs_on_disk_change_nothing(void **state)
{
    for (unsigned narrow = 0; narrow < 3; narrow++)
        for (int unique = 0; unique < 2; unique++)
            for (size_t mem = 0; mem <= 200000; mem = mem ? mem * 4 : 30000) {
                enum { N = 20000 };
                uint64_t *v = make(N, narrow), *want = sorted(v, N);
                struct dsort s;
                struct dmerge m = {0}, part = {0};
                struct err e;
                dsort_init(&s, 3, mem, *state);
                s.unique = unique;
                for (size_t i = 0; i < N; i += 100)
                    assert_int_equal(dsort_add(&s, v + i * 3, 100, &e), 0);
                assert_int_equal(dsort_finish(&s, NULL, &e), 0);
                if (narrow == 0) assert_int_equal(s.n_runs > 0, mem > 0 && mem < N * 24);
                assert_int_equal(dmerge_add_sort(&m, &s, 0, UINT64_MAX, &e), 0);
                read_all(&m, want, N, unique);
                size_t lo = 0, hi = 0; /* a range of first words */
                uint64_t from = want[N], to = want[2 * N];
                while (lo < N && want[lo * 3] < from)
                    lo++;
                for (hi = lo; hi < N && want[hi * 3] < to;)
                    hi++;
                assert_int_equal(dmerge_add_sort(&part, &s, from, to, &e), 0);
                read_all(&part, want + lo * 3, hi - lo, unique);
                dsort_free(&s);
                free(v);
                free(want);
            }
}

static void a_full_disk_is_an_error(void **state)
{
    uint64_t *v = make(20000, 0);
    for (long n = 1; n < 4; n++) {
        struct dsort s;
        struct err e;
        dsort_init(&s, 3, 30000, *state);
        fault_after(n, ENOSPC);
        assert_int_equal(dsort_add(&s, v, 20000, &e), -1);
        fault_after(0, 0);
        assert_int_equal(e.code, ERR_IO);
        dsort_free(&s);
    }
    free(v);
}

static void blobs_are_found_wherever_they_lie(void **state)
{
    static const size_t mems[] = {0, 1, 5000};
    for (size_t k = 0; k < COUNT_OF(mems); k++) {
        struct dblobs b, back;
        struct err e;
        struct buf scratch = {0};
        char path[256], text[64];
        const void *p;
        size_t n;
        dblobs_init(&b, mems[k], *state);
        for (uint64_t i = 0; i < 1000; i++) {
            int len = snprintf(text, sizeof text, "%*llu", (int)(i % 40), (unsigned long long)i);
            assert_int_equal(dblobs_add(&b, i * i, text, i % 7 ? (size_t)len : 0, &e), 0);
        }
        assert_int_equal(dblobs_finish(&b, &e), 0);
        fixture_path(path, sizeof path, *state, "blobs");
        struct file_writer *w = file_create(path, 0, &e);
        assert_int_equal(file_write(w, "before", 6, &e), 0);
        assert_int_equal(dblobs_write(&b, w, NULL, &e), 0);
        uint64_t end = file_offset(w);
        assert_int_equal(file_commit(w, &e), 0);
        assert_int_equal(dblobs_open(&back, path, end, &e), 0);
        struct dblobs *both[] = {&b, &back};
        for (int j = 0; j < 2; j++) {
            for (uint64_t i = 0; i < 1000; i++) {
                int len = snprintf(text, sizeof text, "%*llu", (int)(i % 40), (unsigned long long)i);
                assert_int_equal(dblobs_get(both[j], i * i, &scratch, &p, &n, &e), 1);
                assert_int_equal(n, i % 7 ? len : 0);
                if (n) assert_memory_equal(p, text, n);
                if (i > 1) assert_int_equal(dblobs_get(both[j], i * i + 1, &scratch, &p, &n, &e), 0);
            }
            dblobs_free(both[j]);
        }
        for (uint64_t cut = 1; cut < end; cut += 97) /* a trailer is not just anywhere */
            if (dblobs_open(&back, path, end - cut, &e) == 0) fail_msg("opened %llu short", (unsigned long long)cut);
        buf_free(&scratch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(radix_agrees_with_qsort),
        cmocka_unit_test(runs_on_disk_change_nothing),
        cmocka_unit_test(a_full_disk_is_an_error),
        cmocka_unit_test(blobs_are_found_wherever_they_lie),
    };
    return cmocka_run_group_tests_name("dedup_sort", tests, fixture_dir, fixture_remove_dir);
}
