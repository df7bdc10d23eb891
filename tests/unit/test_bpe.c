#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/rng.h"
#include "core/token/bpe_many.h"
#include "core/token/isa.h"

enum { N_SYMBOLS = 3, N_MERGES = 60, LONGEST = 8000 };

/* Rank after rank, each pair looked at again after every merge: the definition. */
static size_t merge_by_definition(const struct bpe *b, int32_t *ids, size_t n)
{
    uint32_t rank[LONGEST];
    for (size_t i = 0; i + 1 < n; i++) rank[i] = bpe_rank(b, ids[i], ids[i + 1]);
    for (;;) {
        size_t at = n;
        uint32_t best = BPE_NO_RANK;
        for (size_t i = 0; i + 1 < n; i++) {
            uint32_t level = b->level && rank[i] != BPE_NO_RANK ? b->level[rank[i]] : rank[i];
            if (level < best) best = level, at = i;
        }
        if (at == n) return n;
        ids[at] = b->made[rank[at]];
        n--;
        memmove(ids + at + 1, ids + at + 2, (n - at - 1) * sizeof *ids);
        memmove(rank + at, rank + at + 1, (n - at - 1) * sizeof *rank);
        if (at > 0) rank[at - 1] = bpe_rank(b, ids[at - 1], ids[at]);
        if (at + 1 < n) rank[at] = bpe_rank(b, ids[at], ids[at + 1]);
    }
}

static bool known(const struct bpe *b, int left, int right)
{
    for (size_t i = 0; i < b->n_merges; i++)
        if (b->merge[i].left == left && b->merge[i].right == right) return true;
    return false;
}

/* Token i; all but the symbols have ids from `base` on. */
static int id_of(int i, int base)
{
    return i < N_SYMBOLS ? i : base + i;
}

/* wild: merges may make a token that there is already, and some are as good as
 * their neighbours. */
static void random_merges(struct bpe *b, const struct rng_key *k, uint64_t *at, bool wild, int base)
{
    struct err e = {0};
    int n = N_SYMBOLS;
    while (b->n_merges < N_MERGES) {
        int left = (int)rng_below(k, (*at)++, (uint64_t)n), right = (int)rng_below(k, (*at)++, (uint64_t)n);
        if (rng_below(k, (*at)++, 3) == 0) left = right = n - 1;
        left = id_of(left, base);
        right = id_of(right, base);
        if (known(b, left, right)) continue;
        bool again = wild && n > N_SYMBOLS && rng_below(k, (*at)++, 4) == 0;
        int id = again ? N_SYMBOLS + (int)rng_below(k, (*at)++, (uint64_t)(n - N_SYMBOLS)) : n++;
        assert_int_equal(bpe_add(b, left, right, id_of(id, base), &e), 0);
    }
    assert_int_equal(bpe_finish(b, &e), 0);
    if (!wild) return;
    b->level = calloc(b->n_ranks, sizeof *b->level);
    assert_non_null(b->level);
    for (size_t i = 0; i < b->n_ranks; i++) b->level[i] = (uint32_t)i / 2;
}

static void fill(int32_t *ids, size_t n, int kind, const struct rng_key *k, uint64_t *at)
{
    size_t period = 1 + (size_t)rng_below(k, (*at)++, 7);
    for (size_t i = 0; i < n; i++)
        ids[i] = kind == 0 ? 0 : kind == 1 && i >= period ? ids[i - period] : (int32_t)rng_below(k, (*at)++, N_SYMBOLS);
}

static int32_t want[LONGEST], got[LONGEST];

/* Merges got[0..n) both ways. */
static void expect_same(const struct bpe *b, struct bpe_work *w, size_t n, const char *what, int number)
{
    memcpy(want, got, n * sizeof *want);
    size_t n_want = merge_by_definition(b, want, n), n_got = bpe_merge_word(b, w, got, n, NULL, NULL);
    if (n_got != n_want || memcmp(got, want, n_want * sizeof *want))
        fail_msg("%s %d: %zu symbols to %zu ids, not %zu", what, number, n, n_got, n_want);
}

static void the_windows_of_long_words_do_not_show(void **state)
{
    (void)state;
    struct bpe_work w = {0};
    struct rng_key k = rng_key(1, RNG_TEST, 0, 0);
    uint64_t at = 0;
    for (int round = 0; round < 60; round++) {
        struct bpe b = {0};
        random_merges(&b, &k, &at, round % 2, 0);
        for (int kind = 0; kind < 3; kind++) {
            size_t n = 1000 + (size_t)rng_below(&k, at++, 4000);
            fill(got, n, kind, &k, &at);
            expect_same(&b, &w, n, "kind", kind);
        }
        bpe_free(&b);
    }
    bpe_work_free(&w);
}

/* Of i, i+1, i+2 ... the last two merge first: where a run ends decides how it
 * is paired from its beginning on, windows before. */
static void what_comes_late_may_decide_what_came_early(void **state)
{
    (void)state;
    enum { RUN = 4000 };
    struct bpe b = {0};
    struct bpe_work w = {0};
    struct err e = {0};
    struct rng_key k = rng_key(2, RNG_TEST, 0, 0);
    uint64_t at = 0;
    for (int i = RUN - 1; i-- > 0;) assert_int_equal(bpe_add(&b, i, i + 1, RUN + i, &e), 0);
    assert_int_equal(bpe_finish(&b, &e), 0);
    for (int round = 0; round < 20; round++) {
        size_t n = 0, longest = round < 10 ? 600 : RUN;
        while (n < LONGEST - RUN) {
            size_t len = 1 + (size_t)rng_below(&k, at++, longest), from = (size_t)rng_below(&k, at++, RUN - len);
            for (size_t i = 0; i < len; i++) got[n++] = (int32_t)(from + i);
        }
        expect_same(&b, &w, n, "runs", round);
    }
    bpe_free(&b);
    bpe_work_free(&w);
}

static void expect_all_same(const struct bpe *b, const struct bpe_job *jobs, size_t n_jobs, int32_t (*from)[BPE_JOB_MAX],
                            const size_t *n_from, const char *what)
{
    for (size_t i = 0; i < n_jobs; i++) {
        memcpy(want, from[i], n_from[i] * sizeof *want);
        size_t n = merge_by_definition(b, want, n_from[i]);
        if (jobs[i].n != n || memcmp(jobs[i].ids, want, n * sizeof *want))
            fail_msg("%s, word %zu: %zu symbols to %zu ids, not %zu", what, i, n_from[i], jobs[i].n, n);
        if (memcmp(jobs[i].ids + n_from[i], from[i] + n_from[i], (BPE_JOB_MAX - n_from[i]) * sizeof *want))
            fail_msg("%s, word %zu: something is written behind its %zu ids", what, i, n_from[i]);
    }
}

static void words_side_by_side_are_merged_as_alone(void **state)
{
    (void)state;
    enum { WORDS = 64 };
    static int32_t from[WORDS][BPE_JOB_MAX], ids[WORDS][BPE_JOB_MAX];
    static uint8_t bytes[WORDS][BPE_JOB_MAX];
    static const char *const ways[] = {"with bytes", "without bytes", "without vectors", "AVX2, with bytes", "AVX2, without bytes"};
    struct rng_key k = rng_key(3, RNG_TEST, 0, 0);
    uint64_t at = 0;
    for (int round = 0; round < 120; round++) {
        struct bpe b = {0};
        struct err e = {0};
        struct bpe_job jobs[WORDS];
        size_t n_from[WORDS], n_jobs = 1 + (size_t)rng_below(&k, at++, WORDS);
        int32_t byte_id[256];
        random_merges(&b, &k, &at, round % 4 == 3, round % 3 == 2 ? 100000 : 0); /* more than 16 bits, too */
        for (int c = 0; c < 256; c++) byte_id[c] = c < N_SYMBOLS ? c : -1;
        assert_int_equal(bpe_byte_pairs(&b, byte_id, &e), 0);
        for (size_t i = 0; i < n_jobs; i++) {
            n_from[i] = 1 + (size_t)rng_below(&k, at++, round % 2 ? BPE_JOB_MAX : 17);
            fill(from[i], n_from[i], (int)rng_below(&k, at++, 3), &k, &at);
            for (size_t c = 0; c < n_from[i]; c++) bytes[i][c] = (uint8_t)from[i][c];
        }
        for (int way = 0; way < (token_has_avx2() && !b.level ? 5 : 3); way++) {
            memcpy(ids, from, sizeof ids);
            for (size_t i = 0; i < n_jobs; i++) jobs[i] = (struct bpe_job){ids[i], way == 1 || way == 4 ? NULL : bytes[i], n_from[i]};
            if (way == 2) bpe_merge_many_base(&b, jobs, n_jobs);
            else if (way > 2) bpe_merge_many_avx2bmi(&b, jobs, n_jobs);
            else bpe_merge_many(&b, jobs, n_jobs);
            expect_all_same(&b, jobs, n_jobs, from, n_from, ways[way]);
        }
        bpe_free(&b);
    }
}

/* Tables of small numbers are asked for others, too: of tokens that are in no merge. */
static void large_ids_are_in_no_small_pair(void **state)
{
    (void)state;
    enum { WORDS = 40, LENGTH = 30 };
    static int32_t from[WORDS][BPE_JOB_MAX], ids[WORDS][BPE_JOB_MAX];
    struct rng_key k = rng_key(4, RNG_TEST, 0, 0);
    uint64_t at = 0;
    struct bpe b = {0};
    struct bpe_job jobs[WORDS];
    size_t n_from[WORDS];
    random_merges(&b, &k, &at, false, 0);
    assert_non_null(b.small_slots);
    for (size_t i = 0; i < WORDS; i++) {
        n_from[i] = LENGTH;
        fill(from[i], LENGTH, 2, &k, &at);
        for (size_t c = 0; c < LENGTH; c++) from[i][c] += rng_below(&k, at++, 3) ? 0 : 1 << 16;
        jobs[i] = (struct bpe_job){ids[i], NULL, LENGTH};
    }
    memcpy(ids, from, sizeof ids);
    bpe_merge_many(&b, jobs, WORDS);
    expect_all_same(&b, jobs, WORDS, from, n_from, "large ids");
    bpe_free(&b);
}

/* Pairs of all kinds: neighbours, one left with many right, far apart.  small: of ids of 16 bits. */
static void pair_of(size_t i, bool small, int *left, int *right)
{
    *left = i % 3 == 0 ? (int)i : i % 3 == 1 ? 7 : (int)(i * 40503 % (small ? 65521 : 2000003));
    *right = i % 3 == 0 ? (int)i + 1 : i % 3 == 1 ? (int)i : (int)(i * (small ? 30011 : 9973) % (small ? 65519 : 1999993));
}

static void expect_ranks(size_t n, bool small)
{
    struct bpe b = {0};
    struct err e = {0};
    int left, right;
    for (size_t i = 0; i < n; i++) {
        pair_of(i, small, &left, &right);
        assert_int_equal(bpe_add(&b, left, right, (int)i + 300, &e), 0);
    }
    assert_int_equal(bpe_finish(&b, &e), 0);
    if (small) assert_non_null(b.small_slots);
    unsigned slots = b.small_slots ? 16 : 5;
    while (((size_t)4 << slots) / 5 < n) slots++;
    assert_int_equal(32 - b.slot_shift, slots); /* all had places at one of the first tries */
    for (size_t i = 0; i < n; i++) {
        pair_of(i, small, &left, &right);
        assert_int_equal(bpe_rank(&b, left, right), i);
        if (left != right) assert_int_equal(bpe_rank(&b, right, left), BPE_NO_RANK);
        assert_int_equal(bpe_rank(&b, left + (1 << 16), right), BPE_NO_RANK);
        assert_int_equal(bpe_rank(&b, left, right + (1 << 16)), BPE_NO_RANK);
    }
    /* Nothing else has one: so many lefts with all right ones of 16 bits. */
    size_t found = 0, has = 0;
    for (size_t i = 0; i < n; i++) {
        pair_of(i, small, &left, &right);
        has += left < 40 && right < 1 << 16;
    }
    for (left = 0; left < 40; left++)
        for (right = 0; right < 1 << 16; right++) found += bpe_rank(&b, left, right) != BPE_NO_RANK;
    assert_int_equal(found, has);
    if (n) {
        pair_of(n / 2, small, &left, &right);
        bpe_leave_out(&b, right, left); /* which is none */
        assert_int_equal(bpe_rank(&b, left, right), n / 2);
        bpe_leave_out(&b, left, right);
        assert_int_equal(bpe_rank(&b, left, right), BPE_NO_RANK);
    }
    bpe_free(&b);
}

static void each_pair_has_its_rank(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 50, 5000, 26214, 100000}, small[] = {0, 1, 2, 50, 5000, 32000, 52428, 52429, 65000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) expect_ranks(sizes[s], false);
    for (size_t s = 0; s < sizeof small / sizeof *small; s++) expect_ranks(small[s], true);
}

/* Where four of five slots are taken, places that were tried and given up must be free again. */
static void full_tables_are_made_at_the_first_try(void **state)
{
    (void)state;
    enum { PAIRS = 25, SLOTS = 5, TABLES = 2000 };
    struct rng_key k = rng_key(12, RNG_TEST, 0, 0);
    for (uint64_t round = 0, at = 0; round < TABLES; round++) {
        struct bpe b = {0};
        struct err e = {0};
        for (int i = 0; i < PAIRS; i++) {
            int left = (1 << 16) + (int)rng_below(&k, at++, 1000), right = 1000 * i + (int)rng_below(&k, at++, 1000);
            assert_int_equal(bpe_add(&b, left, right, i + 200000, &e), 0);
        }
        assert_int_equal(bpe_finish(&b, &e), 0);
        assert_true(b.slot_shift == 32 - SLOTS && b.factor == 0x9E3779B97F4A7C15ull);
        bpe_free(&b);
    }
}

/* Pairs that are all in one group have no places: they are in others by another factor. */
static void pairs_of_one_group_find_places(void **state)
{
    (void)state;
    enum { PAIRS = 300, GROUPS_SHIFT = 57, TRIED = 100000, LEFT = 70003 };
    struct bpe b = {0};
    struct err e = {0};
    int right[PAIRS];
    uint64_t factor = 0x9E3779B97F4A7C15ull;
    int n = 0;
    for (int i = 0; i < TRIED && n < PAIRS; i++)
        if (bpe_pair_key(LEFT, i) * factor >> GROUPS_SHIFT == 1) right[n++] = i;
    assert_int_equal(n, PAIRS);
    for (int i = 0; i < n; i++) assert_int_equal(bpe_add(&b, LEFT, right[i], i + 300000, &e), 0);
    assert_int_equal(bpe_finish(&b, &e), 0);
    assert_true(b.group_shift == GROUPS_SHIFT && b.factor != factor);
    for (int i = 0, k = 0; i <= right[PAIRS - 1]; i++) {
        bool is = i == right[k];
        assert_int_equal(bpe_rank(&b, LEFT, i), is ? (uint32_t)k : BPE_NO_RANK);
        k += is;
    }
    bpe_free(&b);
}

/* Ranks are not numbers where pairs share them. */
static void the_first_of_pairs_that_are_there_twice_is_named(void **state)
{
    (void)state;
    struct bpe b = {0};
    struct err e = {0};
    for (int i = 0; i < 1000; i++) assert_int_equal(bpe_add_rank(&b, i, i + 1, i / 2 + 2000, (uint32_t)i / 2, &e), 0);
    for (int i = 0; i < 40; i++) assert_int_equal(bpe_add_rank(&b, 23 * i, 23 * i + 1, 5000, 500, &e), 0);
    assert_int_equal(bpe_finish(&b, &e), -1);
    assert_non_null(strstr(e.msg, "merge 1000 (from 0) is the same pair"));
    bpe_free(&b);
}

static void a_pair_that_is_there_twice_is_named(void **state)
{
    (void)state;
    for (size_t times = 1; times < 3000; times *= 7) { /* of the last of 1000 */
        struct bpe b = {0};
        struct err e = {0};
        for (int i = 0; i < 1000; i++) assert_int_equal(bpe_add(&b, i, i + 1, i + 2000, &e), 0);
        for (size_t i = 0; i < times; i++) assert_int_equal(bpe_add(&b, 999, 1000, 5000, &e), 0);
        assert_int_equal(bpe_finish(&b, &e), -1);
        assert_non_null(strstr(e.msg, "merge 1000 (from 0) is the same pair"));
        bpe_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_pair_has_its_rank),
                                       cmocka_unit_test(full_tables_are_made_at_the_first_try),
                                       cmocka_unit_test(pairs_of_one_group_find_places),
                                       cmocka_unit_test(large_ids_are_in_no_small_pair),
                                       cmocka_unit_test(a_pair_that_is_there_twice_is_named),
                                       cmocka_unit_test(the_first_of_pairs_that_are_there_twice_is_named),
                                       cmocka_unit_test(the_windows_of_long_words_do_not_show),
                                       cmocka_unit_test(words_side_by_side_are_merged_as_alone),
                                       cmocka_unit_test(what_comes_late_may_decide_what_came_early)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
