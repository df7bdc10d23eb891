#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/base/rng.h"
#include "core/token/word_batch.h"

enum { N_TEXT = 12000, N_WORDS = 300, ROUNDS = 400, LONGEST = 257 + 14 };

/* The ids that a word is given: as many as its length says, from its bytes. */
static size_t ids_of(const uint8_t *word, size_t n, int32_t *ids)
{
    uint32_t x = (uint32_t)n;
    for (size_t i = 0; i < n; i++) x = x * 31 + word[i];
    size_t count = 1 + x % (n < 3 ? 2 : n);
    for (size_t i = 0; i < count; i++) ids[i] = (int32_t)(x / 7 + i);
    return count;
}

static size_t random_words(const struct rng_key *k, uint64_t *at, uint8_t *text, size_t *ends)
{
    size_t n = 0;
    for (size_t i = 0; i < N_WORDS; i++) {
        uint64_t longest = rng_below(k, (*at)++, 8) ? 5 : 18;
        size_t len = 1 + (size_t)rng_below(k, (*at)++, longest);
        if (rng_below(k, (*at)++, 16) == 0) { /* a long one, out of few */
            bool longer = rng_below(k, (*at)++, 8) == 0; /* its length looks short in one byte */
            len = (longer ? 257 : 16) + (size_t)rng_below(k, (*at)++, longer ? 15 : 90);
            memset(text + n, 'a' + (int)rng_below(k, (*at)++, 3), len);
            text[n + rng_below(k, (*at)++, 2) * (len - 1)] = 'z';
            ends[i] = n += len;
            continue;
        }
        for (size_t c = 0; c < len; c++)
            text[n++] = (uint8_t)(rng_below(k, (*at)++, 16) ? 'a' + rng_below(k, (*at)++, 3) : 0);
        ends[i] = n;
    }
    return n;
}

/* All words through the cache; what it does not know is added. */
static size_t run(const struct word_batch *b, struct word_cache *c, const uint8_t *text, size_t n, const size_t *ends,
                  struct word_keys *keys, int32_t *out, size_t *missed)
{
    int32_t *to = out;
    b->ask(c, text, n, 0, ends, N_WORDS, keys);
    for (size_t i = 0; (i = b->get(c, text, ends, keys, i, N_WORDS, &to)) < N_WORDS; i++) {
        size_t from = i ? ends[i - 1] : 0, len = ends[i] - from, count = ids_of(text + from, len, to);
        const struct word_key key = word_keys_get(keys, i);
        if (len <= WORD_KEY_MAX) word_cache_add(c, &key, to, count);
        else word_cache_add_long(c, &key, text + from, len, to, count, 0);
        ++missed[len > WORD_KEY_MAX];
        to += count;
    }
    return (size_t)(to - out);
}

/* All words are known, and the keys, of the last one at least, tell where they are in the lines that there are now. */
static void expect_places(const struct word_batch *b, struct word_cache *c, const uint8_t *text, const size_t *ends,
                          struct word_keys *keys, int32_t *out)
{
    assert_int_equal(b->get(c, text, ends, keys, 0, N_WORDS, &out), N_WORDS);
    assert_int_equal(keys->shift, c->shift);
    uint64_t hash = word_keys_get(keys, N_WORDS - 1).hash;
    size_t slot = 2 * word_cache_line(c, hash) + word_cache_place(c, hash);
    assert_int_equal(*word_keys_at(keys, N_WORDS - 1), slot * sizeof(struct word_slot));
}

/* Memory of N_TEXT bytes, rounded up to pages, behind which none may be read; *end is there. */
static uint8_t *pages_before_none(uint8_t **end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = (N_TEXT + page - 1) / page * page;
    uint8_t *p = mmap(NULL, n + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED && mprotect(p + n, page, PROT_NONE) == 0);
    *end = p + n;
    return p;
}

static void vectors_do_as_the_others(void **state)
{
    (void)state;
    static uint8_t text[N_TEXT];
    static int32_t out[2][N_TEXT + 16], want[N_TEXT];
    static struct word_keys keys[2];
    struct word_cache c[2];
    struct err e;
    struct rng_key k = rng_key(5, RNG_TEST, 0, 0);
    uint64_t at = 0;
    size_t missed[2][2] = {{0, 0}, {0, 0}}, n_long = 0, ends[N_WORDS];
    const struct word_batch *b[] = {&word_batch_base, word_batch()};
    uint8_t *end, *pages = pages_before_none(&end);
    for (int i = 0; i < 2; i++) assert_int_equal(word_cache_init(&c[i], &e), 0);
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = random_words(&k, &at, text, ends), count[2], n_want = 0;
        for (size_t i = 0, from = 0; i < N_WORDS; from = ends[i++])
            n_want += ids_of(text + from, ends[i] - from, want + n_want), n_long += ends[i] - from > WORD_KEY_MAX;
        for (int i = 0; i < 2; i++) {
            memcpy(end - n, text, n); /* nothing behind it is there to be read */
            count[i] = run(b[i], &c[i], end - n, n, ends, &keys[i], out[i], missed[i]);
            assert_int_equal(count[i], n_want);
            assert_memory_equal(out[i], want, n_want * sizeof *want);
            expect_places(b[i], &c[i], end - n, ends, &keys[i], out[i]);
        }
        assert_memory_equal(keys[0].k, keys[1].k, sizeof keys[0].k);
    }
    assert_memory_equal(missed[0], missed[1], sizeof missed[0]);
    assert_true(missed[0][0] > 1000 && missed[0][0] < (size_t)ROUNDS * N_WORDS / 2); /* some were known, some not */
    assert_true(missed[0][1] > 300 && missed[0][1] < n_long / 2);
    munmap(pages, (size_t)(end - pages) + (size_t)sysconf(_SC_PAGESIZE));
    for (int i = 0; i < 2; i++) word_cache_free(&c[i]);
}

/* A run of random words, of which some are single; returns the number of ids, which are in want. */
static size_t random_run(const struct rng_key *k, uint64_t *at, uint8_t *text, struct word_run *run, int32_t *want)
{
    size_t ends[N_WORDS], n_want = 0, every = 1 + (size_t)rng_below(k, (*at)++, 20);
    random_words(k, at, text, ends);
    run->text = (char *)text;
    run->n = (size_t)rng_below(k, (*at)++, N_WORDS + 1);
    run->begin[0] = 0;
    memset(run->single, 0, sizeof run->single);
    for (size_t i = 0; i < run->n; i++) {
        size_t n = (run->begin[i + 1] = ends[i]) - run->begin[i];
        bool single = rng_below(k, (*at)++, every) > 0;
        run->id[i] = single ? (int32_t)i + 1000000 : -1;
        word_run_singles(run, i, single);
        if (single) want[n_want++] = run->id[i];
        else n_want += ids_of(text + run->begin[i], n, want + n_want);
    }
    run->len = run->begin[run->n];
    return n_want;
}

/* The words of a run that are not single: where they are, which are not in the lines that they ask for, and, but for
 * the latter and some more that are nowhere, their ids from there. */
static void expect_found(const struct word_batch *b, struct word_cache *c, const struct word_run *run, const struct word_key *keys,
                         const int32_t *want, size_t n_want)
{
    static int32_t out[N_TEXT + WORD_SLACK];
    static struct word_slot copy[N_WORDS];
    const struct word_slot *found[N_WORDS];
    size_t missing[N_WORDS + 1], n = b->find_run(c, run, keys, found, missing), m = 0;
    int32_t *to = out;
    for (size_t k = 0; k < run->n_others; k++) {
        const struct word_line *l = &c->lines[word_cache_line(c, keys[k].hash)];
        bool there = word_slot_is(&l->slot[0], &keys[k]) || word_slot_is(&l->slot[1], &keys[k]);
        assert_false(run->single[run->other[k] / 64] >> (run->other[k] & 63) & 1);
        if (there) {
            assert_true(word_slot_is(found[k], &keys[k]));
            copy[k] = *found[k];
            found[k] = k % 8 ? &copy[k] : NULL;
        } else {
            assert_true(m < n && missing[m] == k);
            found[k] = word_cache_find_still(c, &keys[k]);
            assert_true(!found[k] || word_slot_is(found[k], &keys[k]));
        }
        m += !there;
    }
    assert_int_equal(m, n);
    for (size_t k = 0; (k = b->put_run(c, run, found, k, &to)) < run->n_others; k++) {
        const size_t *begin = &run->begin[run->other[k]];
        size_t len = begin[1] - begin[0];
        assert_true(!found[k] || len > WORD_KEY_MAX);
        to += ids_of((const uint8_t *)run->text + begin[0], len, to);
    }
    assert_int_equal(to - out, n_want);
    assert_memory_equal(out, want, n_want * sizeof *want);
}

/* The words of a run, of which some are single: their ids are there. */
static void single_words_are_put_among_the_others(void **state)
{
    (void)state;
    static struct word_run run;
    static struct word_key keys[N_WORDS];
    static int32_t out[N_TEXT + WORD_SLACK], want[N_TEXT];
    static uint8_t text[N_TEXT];
    const struct word_batch *b[] = {&word_batch_base, word_batch()};
    struct rng_key k = rng_key(6, RNG_TEST, 0, 0);
    uint64_t at = 0;
    for (int v = 0; v < 2; v++) {
        struct word_cache c;
        struct err e;
        size_t missed = 0, singles = 0;
        assert_int_equal(word_cache_init(&c, &e), 0);
        for (int round = 0; round < ROUNDS; round++) {
            size_t n_want = random_run(&k, &at, text, &run, want);
            b[v]->ask_run(&c, &run, keys);
            expect_found(b[v], &c, &run, keys, want, n_want);
            int32_t *to = out;
            for (size_t o = 0; (o = b[v]->get_run(&c, &run, keys, o, &to)) < run.n_others; o++) {
                size_t i = run.other[o], n = run.begin[i + 1] - run.begin[i], count = ids_of(text + run.begin[i], n, to);
                assert_int_equal(run.id[i], -1);
                missed++;
                if (n <= WORD_KEY_MAX || !word_cache_find(&c, &keys[o])) word_cache_learn(&c, &keys[o], text + run.begin[i], n, to, count);
                to += count;
            }
            assert_int_equal(to - out, n_want);
            assert_memory_equal(out, want, n_want * sizeof *want);
            singles += run.n - run.n_others;
        }
        assert_true(missed > 1000 && missed < (size_t)ROUNDS * N_WORDS / 4 && singles > (size_t)ROUNDS * N_WORDS / 4);
        word_cache_free(&c);
    }
}

/* The code of a word. */
static uint32_t code_of(const uint8_t *word, size_t n)
{
    return (uint32_t)(word[0] * 7u + word[n - 1] * 13u + (uint32_t)n) % 64;
}

static void words_are_taken_by_their_codes(void **state)
{
    (void)state;
    static uint8_t text[N_TEXT];
    static int32_t out[N_TEXT + 16];
    static struct word_keys keys;
    struct word_left left[N_WORDS + 1];
    struct err e;
    const uint32_t least = 11;
    const struct word_batch *b[] = {&word_batch_base, word_batch()};
    for (int v = 0; v < 2; v++) {
        struct rng_key rng = rng_key(6, RNG_TEST, 0, 0);
        struct word_cache c;
        uint64_t at = 0;
        size_t ends[N_WORDS], taken = 0, low = 0, behind = 0;
        assert_int_equal(word_cache_init(&c, &e), 0);
        for (int round = 0; round < ROUNDS; round++) {
            size_t n = random_words(&rng, &at, text, ends), n_ids, n_left, l = 0, used = 0;
            b[v]->ask(&c, text, n, 0, ends, N_WORDS, &keys);
            n_left = b[v]->take(&c, &keys, 0, N_WORDS, least, out, &n_ids, left);
            for (size_t i = 0; i < N_WORDS; i++) {
                size_t from = i ? ends[i - 1] : 0, len = ends[i] - from, n_known = 0;
                int32_t want[LONGEST];
                size_t count = ids_of(text + from, len, want);
                uint32_t code = code_of(text + from, len), old;
                if (l == n_left || left[l].word != i) { /* taken */
                    assert_true(len <= WORD_KEY_MAX && code > least && used + count <= n_ids);
                    assert_memory_equal(out + used, want, count * sizeof *want);
                    used += count;
                    taken++;
                    continue;
                }
                assert_int_equal(left[l++].at, used);
                const struct word_key key = word_keys_get(&keys, i);
                bool one = len <= WORD_KEY_MAX, known = one ? word_cache_ids(&c, &key, &n_known, &old) != NULL
                    : word_cache_get_long(&c, &key, text + from, len, &n_known, &old) != NULL;
                if (!known && one) word_cache_add_code(&c, &key, want, count, code);
                else if (!known) word_cache_add_long(&c, &key, text + from, len, want, count, code);
                else if (one && code <= least) low++;
                else behind += one;
            }
            assert_int_equal(used, n_ids);
            assert_int_equal(l, n_left);
            (void)b[v]->take(&c, &keys, 0, N_WORDS, least, out, &n_ids, left);
            assert_int_equal(keys.shift, c.shift);
        }
        assert_true(taken > 10000 && low > 3000 && behind < 10000);
        word_cache_free(&c);
    }
}

static struct word_key ask_alone(const struct word_batch *b, const struct word_cache *c, const uint8_t *word, size_t len,
                                 struct word_keys *keys)
{
    b->ask(c, word, len, 0, &len, 1, keys);
    return word_keys_get(keys, 0);
}

/* Of a long word the cache has the hash, which another may have, too. */
static void long_words_are_compared(void **state)
{
    (void)state;
    const struct word_batch *b[] = {&word_batch_base, word_batch()};
    for (size_t len = 16; len < 140; len++)
        for (int v = 0; v < 2; v++) {
            struct word_cache c;
            struct word_key key;
            struct word_keys keys;
            struct err e;
            uint8_t word[140 + 16];
            struct word_run run = {.text = (char *)word, .len = len, .begin = {0, len}, .n = 1, .n_others = 1};
            const struct word_slot *found;
            int32_t ids[4] = {7, 8, 9, 10}, out[16 + WORD_SLACK], *to = out;
            memset(word, 'w', len);
            assert_int_equal(word_cache_init(&c, &e), 0);
            key = ask_alone(b[v], &c, word, len, &keys);
            word_cache_add_long(&c, &key, word, len, ids, 4, 0);
            assert_int_equal(b[v]->get(&c, word, &len, &keys, 0, 1, &to), 1);
            assert_int_equal(to - out, 4);
            assert_memory_equal(out, ids, sizeof ids);
            found = word_cache_find(&c, &key);
            to = out;
            assert_int_equal(b[v]->put_run(&c, &run, &found, 0, &to), 1);
            assert_int_equal(to - out, 4);
            assert_memory_equal(out, ids, sizeof ids);
            for (size_t i = 0; i < len; i++) {
                word[i] ^= 1;
                assert_int_equal(b[v]->get(&c, word, &len, &keys, 0, 1, &to), 0);
                assert_int_equal(b[v]->put_run(&c, &run, &found, 0, &to), 0);
                assert_int_equal(to - out, 4);
                word[i] ^= 1;
            }
            word_cache_free(&c);
        }
}

/* Frequent words that are much alike do not share their places. */
static void white_space_has_hashes_of_its_own(void **state)
{
    (void)state;
    enum { FIRST = 5, MOST = 48 };
    static const uint8_t first[FIRST] = {' ', '\n', '\t', '\r', '-'};
    struct word_cache c;
    struct word_key key[FIRST * 2 * MOST];
    struct err e;
    size_t n = 0;
    assert_int_equal(word_cache_init(&c, &e), 0);
    for (int i = 0; i < FIRST; i++)
        for (int fill = 0; fill < 2; fill++)
            for (size_t len = 2; len < MOST; len++) {
                uint8_t word[MOST];
                memset(word, "\t "[fill], len);
                word[0] = first[i];
                if (len <= WORD_KEY_MAX) word_cache_ask(&c, word, len, sizeof word, &key[n++]);
                else word_cache_ask_long(&c, word, len, &key[n++]);
            }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++) assert_true(key[i].hash != key[k].hash);
    word_cache_free(&c);
}

/* Only words all of whose bytes but the first are the same, and each has a key of its own. */
static void runs_are_their_own_keys(void **state)
{
    (void)state;
    enum { MOST = 80 };
    const struct word_batch *b[] = {&word_batch_base, word_batch()};
    for (int v = 0; v < 2; v++) {
        struct word_cache c;
        struct word_key key;
        struct word_keys keys;
        struct err e;
        uint8_t word[MOST];
        int32_t out[MOST + WORD_BATCH_MORE];
        assert_int_equal(word_cache_init(&c, &e), 0);
        for (int round = 0; round < 2; round++) /* not known; then all are */
            for (size_t len = WORD_KEY_MAX + 1; len <= MOST; len++)
                for (int kind = 0; kind < 4; kind++) {
                    int32_t ids[MOST], *to = out;
                    size_t n_ids = 1 + (len + (size_t)kind) % 16; /* one is more than a short word may have */
                    for (size_t i = 0; i < n_ids; i++) ids[i] = (int32_t)(4 * len + (size_t)kind + 1000 * i);
                    memset(word, " -"[kind / 2], len);
                    if (kind % 2) word[0] = '\n';
                    key = ask_alone(b[v], &c, word, len, &keys);
                    assert_true(word_key_is_run(&key) && word_key_long_len(&key) == len);
                    size_t known = b[v]->get(&c, word, &len, &keys, 0, 1, &to);
                    assert_int_equal(known, round);
                    if (!known) word_cache_learn(&c, &key, word, len, ids, n_ids);
                    else assert_int_equal(to - out, n_ids);
                    if (known) assert_memory_equal(out, ids, n_ids * sizeof *ids);
                    size_t n_known;
                    uint32_t code;
                    const int32_t *there = word_cache_get_long(&c, &key, word, len, &n_known, &code);
                    assert_true(there && n_known == n_ids);
                    assert_memory_equal(there, ids, n_ids * sizeof *ids);
                    for (size_t i = 1; i < len; i++) { /* that of the first makes another run */
                        word[i] ^= 1;
                        key = ask_alone(b[v], &c, word, len, &keys);
                        assert_false(word_key_is_run(&key));
                        word[i] ^= 1;
                    }
                }
        word_cache_free(&c);
    }
}

/* A long word has as many ids as bytes at most, or is left to others. */
static void no_more_ids_are_taken_than_there_is_room_for(void **state)
{
    (void)state;
    enum { N = 300 };
    const struct word_batch *b[] = {&word_batch_base, word_batch()};
    uint8_t word[N];
    int32_t ids[N + 1], out[N + 1 + WORD_BATCH_MORE];
    memset(word, 'x', sizeof word);
    for (int i = 0; i <= N; i++) ids[i] = 3 * i;
    for (size_t len = WORD_KEY_MAX + 1; len <= N; len += 71)
        for (size_t n_ids = len - 1; n_ids <= len + 1; n_ids++)
            for (int v = 0; v < 2; v++) {
                struct word_cache c;
                struct word_key key;
                struct word_keys keys;
                struct err e;
                int32_t *to = out;
                size_t many = n_ids > len;
                assert_int_equal(word_cache_init(&c, &e), 0);
                key = ask_alone(b[v], &c, word, len, &keys);
                word_cache_add_long(&c, &key, word, len, ids, n_ids, 0);
                memset(out, 0xAA, sizeof out);
                assert_int_equal(b[v]->get(&c, word, &len, &keys, 0, 1, &to), !many);
                assert_int_equal(to - out, many ? 0 : n_ids);
                assert_memory_equal(out, ids, (size_t)(to - out) * sizeof *out);
                word_cache_free(&c);
            }
}

/* Ids take the place of what was kept free, and what is behind them moves on to them. */
static void ids_are_put_and_others_moved(void **state)
{
    (void)state;
    enum { N = 400, PUT = 62, SLACK = 15 };
    const struct word_batch *b[] = {&word_batch_base, word_batch()};
    struct rng_key k = rng_key(8, RNG_TEST, 0, 0);
    uint64_t at = 0;
    for (int round = 0; round < 20000; round++) {
        static int32_t was[N], got[N + SLACK], want[N], ids[PUT + SLACK];
        size_t n_ids = (size_t)rng_below(&k, at++, round % 4 ? 8 : PUT + 1), to = (size_t)rng_below(&k, at++, 20);
        size_t from = to + n_ids + (size_t)rng_below(&k, at++, 40), n = (size_t)rng_below(&k, at++, round % 2 ? 70 : N - from + 1);
        for (size_t i = 0; i < N; i++) was[i] = want[i] = (int32_t)i;
        for (size_t i = 0; i < PUT + SLACK; i++) ids[i] = -(int32_t)i - 1;
        memcpy(want + to, ids, n_ids * sizeof *ids);
        memmove(want + to + n_ids, was + from, n * sizeof *was);
        for (int v = 0; v < 2; v++) {
            memcpy(got, was, sizeof was);
            b[v]->put_and_move(got + to, ids, n_ids, got + from, n);
            assert_memory_equal(got, want, (to + n_ids + n) * sizeof *got);
            assert_memory_equal(got + from + n, was + from + n, (N - from - n) * sizeof *got);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors_do_as_the_others),
                                       cmocka_unit_test(single_words_are_put_among_the_others),
                                       cmocka_unit_test(words_are_taken_by_their_codes),
                                       cmocka_unit_test(long_words_are_compared),
                                       cmocka_unit_test(no_more_ids_are_taken_than_there_is_room_for),
                                       cmocka_unit_test(white_space_has_hashes_of_its_own),
                                       cmocka_unit_test(runs_are_their_own_keys),
                                       cmocka_unit_test(ids_are_put_and_others_moved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
