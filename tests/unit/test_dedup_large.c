/* Pairs of large buckets: those that dbucket_add() makes of each, and each once. */
#include "tests/unit/shard_fixture.h"

#include "core/base/mem.h"
#include "data/dedup_internal.h"
#include "data/dedup_join_large.h"

enum { ROWS = 9000, LISTS = 7, MOST = 1000000 };

struct pairs {
    uint64_t v[MOST];
    size_t n;
    pthread_mutex_t lock;
};

static int want_pair(void *arg, uint64_t earlier, uint64_t later, struct err *e)
{
    struct pairs *p = arg;
    (void)e;
    assert_true(p->n < MOST);
    p->v[p->n++] = later << 32 | earlier;
    return 0;
}

static int take_pairs(void *arg, const uint64_t *pair, size_t n, struct err *e)
{
    struct pairs *p = arg;
    (void)e;
    pthread_mutex_lock(&p->lock);
    bool room = p->n + n <= MOST;
    if (room) memcpy(p->v + p->n, pair, n * sizeof *pair);
    p->n += room ? n : 0;
    pthread_mutex_unlock(&p->lock);
    return room ? 0 : -1;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Of every list another share of the rows, of the last only a few. */
static size_t make_list(int list, uint64_t *rec)
{
    size_t n = 0;
    for (uint64_t row = 0; row < ROWS; row++) {
        uint64_t h = (row * 31 + (uint64_t)list + 1) * 0x9E3779B97F4A7C15u >> 56;
        if (list == LISTS - 1 ? row % 4000 != 3 : h < (uint64_t)list * 40) continue;
        rec[2 * n] = 77;
        rec[2 * n++ + 1] = row;
    }
    return n;
}

static void pairs_are_those_of_buckets_each_once(void **state)
{
    (void)state;
    struct err e = {0};
    static uint64_t rec[2 * ROWS];
    struct pairs *want = mem_zalloc(1, sizeof *want), *got = mem_zalloc(1, sizeof *got);
    struct pool *pool = pool_new(3, &e);
    assert_true(want && got && pool);
    pthread_mutex_init(&got->lock, NULL);
    struct dlarge large;
    dlarge_init(&large, 0);
    for (int list = 0; list < LISTS; list++) {
        struct dbucket b = {0};
        size_t n = make_list(list, rec);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(dbucket_add(&b, 77, rec[2 * i + 1], want_pair, want, &e), 0);
        assert_int_equal(dlarge_add(&large, rec, n, &e), 1);
    }
    qsort(want->v, want->n, sizeof *want->v, by_value);
    size_t unique = 0;
    for (size_t i = 0; i < want->n; i++)
        if (!i || want->v[i] != want->v[i - 1]) want->v[unique++] = want->v[i];
    assert_true(unique < want->n);
    for (int threads = 1; threads <= 3; threads += 2) {
        got->n = 0;
        assert_int_equal(dlarge_pairs(&large, ROWS, LISTS, threads == 1 ? NULL : pool, take_pairs, got, &e), 0);
        qsort(got->v, got->n, sizeof *got->v, by_value);
        assert_int_equal(got->n, unique);
        assert_memory_equal(got->v, want->v, unique * sizeof *want->v);
    }
    dlarge_free(&large);
    pool_free(pool);
    free(want);
    free(got);
}

static void what_has_no_room_is_left_to_the_caller(void **state)
{
    (void)state;
    struct err e = {0};
    static const uint64_t rec[] = {5, 0, 5, 1, 5, 4};
    struct dlarge large;
    dlarge_init(&large, 5 * sizeof(uint32_t));
    assert_int_equal(dlarge_add(&large, rec, 3, &e), 1);
    assert_int_equal(dlarge_add(&large, rec, 3, &e), 0);
    assert_int_equal(dlarge_add(&large, rec, 2, &e), 1);
    assert_int_equal(large.n, 2);
    dlarge_free(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_those_of_buckets_each_once),
        cmocka_unit_test(what_has_no_room_is_left_to_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
