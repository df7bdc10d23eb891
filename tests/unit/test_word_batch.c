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
        static int32_t was[N], got[N], want[N], ids[PUT + SLACK];
        size_t n_ids = (size_t)rng_below(&k, at++, round % 4 ? 8 : PUT + 1), to = (size_t)rng_below(&k, at++, 20);
        size_t from = to + n_ids + (size_t)rng_below(&k, at++, 20), n = (size_t)rng_below(&k, at++, round % 2 ? 70 : N - from + 1);
        for (size_t i = 0; i < N; i++) was[i] = want[i] = (int32_t)i;
        for (size_t i = 0; i < PUT + SLACK; i++) ids[i] = -(int32_t)i - 1;
        memcpy(want + to, ids, n_ids * sizeof *ids);
        memmove(want + to + n_ids, was + from, n * sizeof *was);
        for (int v = 0; v < 2; v++) {
            memcpy(got, was, sizeof got);
            b[v]->put_and_move(got + to, ids, n_ids, got + from, n);
            assert_memory_equal(got, want, (to + n_ids + n) * sizeof *got);
            assert_memory_equal(got + from + n, was + from + n, (N - from - n) * sizeof *got);
        }
    }
}

/* Words that are numbers, short and long ones in turns. */
static size_t number_word(uint32_t i, uint8_t *word)
{
    memset(word, 'a' + (int)(i % 7), 32);
    memcpy(word, &i, sizeof i);
    return i % 5 ? 4 + i % 12 : 16 + i % 16;
}

/* How many lines there are when the first ones have become too few. */
static size_t lines_after_the_first(uint64_t text, uint64_t all_text, size_t *used)
{
    struct word_cache c;
    struct word_key key;
    struct err e;
    uint8_t word[32];
    const int32_t id = 1;
    assert_int_equal(word_cache_init(&c, &e), 0);
    c.text = text;
    c.all_text = all_text;
    size_t first = c.n_lines;
    for (uint32_t i = 0; c.n_lines == first; i += 5) {
        word_cache_ask(&c, word, number_word(i + 1, word), sizeof word, &key);
        word_cache_add(&c, &key, &id, 1);
    }
    size_t n = c.n_lines;
    *used = c.used;
    word_cache_free(&c);
    return n;
}

/* Where it is known that much text will come; but slow memory leaves it at fewer lines. */
static void words_to_come_have_room(void **state)
{
    enum { USUAL = 1 << 17, LARGE = 1 << 18, TRIES = 50 };
    size_t n = 0, used;
    (void)state;
    assert_true(lines_after_the_first(1000, 0, &used) <= USUAL);
    assert_true(lines_after_the_first(1000, 50000, &used) <= USUAL);
    for (int i = 0; i < TRIES && n != LARGE; i++) n = lines_after_the_first(1000, 100000, &used);
    assert_true(used > 7000);
    if (n != LARGE) skip();
}

/* The key of a word that is one of many. */
static void ask_number(const struct word_cache *c, int32_t i, struct word_key *key)
{
    uint8_t word[32] = {0};
    uint32_t spread = (uint32_t)i * 2654435761u; /* numbers in a row would have places in a row */
    memcpy(word, &spread, sizeof spread);
    word_cache_ask(c, word, 4, sizeof word, key);
}

/* Numbers from 1 on, whose ids they are, until there are n. */
static void add_numbers(struct word_cache *c, size_t n)
{
    struct word_key key;
    for (int32_t i = (int32_t)c->used + 1; c->used < n; i++) {
        ask_number(c, i, &key);
        word_cache_add(c, &key, &i, 1);
    }
}

/* Lines are fuller as long as that costs less than more of them; then there are more at the next chance. */
static void lines_are_fuller_until_that_has_cost_enough(void **state)
{
    (void)state;
    enum { MANY = 1 << 17, WORDS = MANY };
    struct word_cache c;
    struct word_key key;
    struct err e;
    int32_t out[WORD_KEY_MAX];
    size_t lost = 0;
    assert_int_equal(word_cache_init(&c, &e), 0);
    add_numbers(&c, WORDS);
    for (int32_t i = 1; c.seconds - c.seconds_then <= MANY; i = i % WORDS + 1) {
        word_cache_settle(&c);
        assert_int_equal(c.n_lines, MANY);
        ask_number(&c, i, &key);
        assert_int_equal(word_cache_get(&c, &key, out), 1);
    }
    word_cache_settle(&c);
    assert_int_equal(c.n_lines, 2 * MANY);
    for (int32_t i = 1; i <= WORDS; i++) {
        ask_number(&c, i, &key);
        size_t n = word_cache_get(&c, &key, out);
        assert_true(n == 0 || (n == 1 && out[0] == i));
        lost += n == 0;
    }
    assert_true(lost < 8); /* of the first lines */
    word_cache_free(&c);
    for (int dense = 0; dense < 2; dense++) { /* where it never is so, at 7 words in 8 lines; else at 10 */
        assert_int_equal(word_cache_init(&c, &e), 0);
        c.dense = dense;
        add_numbers(&c, WORDS);
        assert_true((c.n_lines > MANY) == dense);
        add_numbers(&c, 10 * (MANY / 8) + 1);
        assert_int_equal(c.n_lines, 2 * MANY);
        add_numbers(&c, 7 * (2 * MANY / 8) + 1);
        assert_true((c.n_lines > 2 * MANY) == dense);
        word_cache_free(&c);
    }
    for (int slow = 0; slow < 2; slow++) { /* many lines: at 12 */
        assert_int_equal(word_cache_init(&c, &e), 0);
        add_numbers(&c, 12 * (2 * MANY / 8));
        assert_int_equal(c.n_lines, 2 * MANY);
        c.seconds = c.seconds_then + 6 * MANY + (unsigned)slow;
        word_cache_settle(&c);
        assert_int_equal(c.n_lines, (slow ? 4 : 2) * MANY);
        add_numbers(&c, c.used + 1);
        assert_int_equal(c.n_lines, 4 * MANY);
        word_cache_free(&c);
    }
}

/* The first lines of a dense cache, which a small text may not fill. */
static void first_lines_are_fuller_until_that_has_cost_enough(void **state)
{
    (void)state;
    enum { FIRST = 1 << 13, WORDS = 12 * (FIRST / 8) };
    for (int slow = 0; slow < 2; slow++) {
        struct word_cache c;
        struct err e;
        assert_int_equal(word_cache_init(&c, &e), 0);
        c.dense = true;
        add_numbers(&c, WORDS);
        assert_int_equal(c.n_lines, FIRST);
        if (slow) c.seconds += FIRST + 1;
        word_cache_settle(&c);
        assert_int_equal(c.n_lines > FIRST, slow);
        add_numbers(&c, WORDS + 1);
        assert_true(c.n_lines > FIRST);
        word_cache_free(&c);
    }
}

/* Room that was got before is where the words go from the first lines, which know nothing of it. */
static void room_that_was_got_before_is_used(void **state)
{
    enum { WORDS = 20000 };
    struct word_cache c;
    struct word_room r;
    struct word_key key;
    struct err e;
    int32_t out[WORD_KEY_MAX];
    (void)state;
    assert_false(word_room_new(&r, 1 << 20));
    mem_fail_after(1);
    assert_false(word_room_new(&r, 5 << 20));
    mem_fail_after(0);
    assert_null(r.lines);
    for (int used = 0; used < 2; used++) {
        assert_true(word_room_new(&r, (size_t)(used ? 5 : 16) << 20));
        assert_true(r.n_lines == (size_t)1 << (used ? 17 : 18) || r.quick < r.n_lines * 2); /* or memory was slow */
        assert_int_equal(word_cache_init(&c, &e), 0);
        c.room = r;
        add_numbers(&c, used ? WORDS : 5);
        assert_true((c.lines == r.lines) == used && (c.room.lines == NULL) == used);
        if (used) assert_int_equal(c.n_lines, r.n_lines);
        for (int32_t i = 1; used && i <= WORDS; i++) {
            ask_number(&c, i, &key);
            assert_true(word_cache_get(&c, &key, out) == 1 && out[0] == i);
        }
        word_cache_free(&c);
    }
}

/* A line tells of the words that ask for it and are in others; but for few words that have come home again, of nothing
 * else. */
static size_t expect_strays(const struct word_cache *c, size_t come_home)
{
    uint64_t *want = calloc(c->n_lines / 64, sizeof *want);
    size_t strays = 0, more = 0;
    for (size_t i = 0; i < 2 * c->n_lines; i++) {
        const struct word_slot *s = &c->lines[i / 2].slot[i % 2];
        const uint64_t k[2] = {s->k[0], s->k[1] & ~((uint64_t)15 << 60)};
        size_t home = word_cache_line(c, word_key_hash(k));
        if (!s->k[1] || home == i / 2) continue;
        want[home / 64] |= (uint64_t)1 << (home & 63);
        strays++;
    }
    for (size_t i = 0; i < c->n_lines / 64; i++) {
        assert_int_equal(want[i] & ~c->strays[i], 0);
        more += want[i] != c->strays[i];
    }
    assert_true(more <= come_home);
    free(want);
    return strays;
}

static void expect_all(bool frugal, bool dense)
{
    enum { WORDS = 350000 };
    struct word_cache c;
    struct word_key key;
    struct err e;
    uint8_t word[32];
    assert_int_equal(word_cache_init(&c, &e), 0);
    c.frugal = frugal;
    c.dense = dense;
    size_t lines = c.n_lines, times = 0;
    for (uint32_t i = 0; i < WORDS; i++) {
        size_t n = number_word(i, word), before = c.n_lines;
        const int32_t ids[8] = {(int32_t)i, 1, 2, 3, 4, 5, 6, 7};
        if (n <= WORD_KEY_MAX) {
            word_cache_ask(&c, word, n, sizeof word, &key);
            word_cache_add(&c, &key, ids, 1 + i % 8);
        } else {
            word_cache_ask_long(&c, word, n, &key);
            word_cache_add_long(&c, &key, word, n, ids, 1 + i % 8, 0);
        }
        times += c.n_lines != before;
    }
    assert_true(times > (frugal ? 2u : 1u) + dense && c.n_lines > (dense ? 32 : 16) * lines && c.used == WORDS);
    assert_true(expect_strays(&c, 0) > WORDS / 50);
    for (uint32_t i = 0; i < WORDS; i++) {
        int32_t out[WORD_KEY_MAX];
        uint32_t code;
        size_t n = number_word(i, word), count = 0;
        const int32_t *ids = out;
        if (n <= WORD_KEY_MAX) {
            word_cache_ask(&c, word, n, sizeof word, &key);
            count = word_cache_get(&c, &key, out);
        } else {
            word_cache_ask_long(&c, word, n, &key);
            ids = word_cache_get_long(&c, &key, word, n, &count, &code);
        }
        assert_non_null(ids);
        assert_int_equal(count, 1 + i % 8);
        assert_int_equal(ids[0], i);
        for (size_t k = 1; k < count; k++) assert_int_equal(ids[k], k);
        const struct word_line *l = &c.lines[word_cache_line(&c, key.hash)]; /* wherever it was, it is at home now */
        assert_true(word_slot_is(&l->slot[word_cache_place(&c, key.hash)], &key));
    }
    assert_true(expect_strays(&c, c.seconds) > WORDS / 50);
    word_cache_free(&c);
}

static void no_word_is_lost_as_the_cache_grows(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) expect_all(i & 1, i & 2);
}

/* The table has an end: what is added then finds it empty, and is there. */
static void a_full_cache_begins_anew(void **state)
{
    (void)state;
    enum { WORDS = 2000000, EVERY = 1000 };
    struct word_cache c;
    memset(&c, 0xA5, sizeof c); /* whatever was there */
    struct word_key key;
    struct err e;
    uint8_t word[16] = {0};
    int32_t out[WORD_KEY_MAX];
    size_t most = 0, emptied = 0;
    assert_int_equal(word_cache_init(&c, &e), 0);
    for (int32_t i = 1; i <= WORDS; i++) {
        size_t used = c.used;
        memcpy(word, &i, sizeof i);
        word_cache_ask(&c, word, 4, sizeof word, &key);
        word_cache_add(&c, &key, &i, 1);
        if (c.used > most) most = c.used;
        emptied += c.used < used / 2;
        if (i % EVERY) continue;
        assert_int_equal(word_cache_get(&c, &key, out), 1);
        assert_int_equal(out[0], i);
    }
    assert_int_equal(emptied, 1);
    assert_int_equal(most, 3 * c.n_lines / 2);
    (void)expect_strays(&c, c.seconds);
    size_t found = 0;
    for (int32_t i = 1; i <= WORDS; i++) {
        memcpy(word, &i, sizeof i);
        word_cache_ask(&c, word, 4, sizeof word, &key);
        size_t n = word_cache_get(&c, &key, out);
        if (n && (n != 1 || out[0] != i)) fail_msg("word %d has %zu ids, the first %d", (int)i, n, (int)out[0]);
        found += n;
    }
    assert_int_equal(found, c.used);
    word_cache_free(&c);
}

/* Numbers 1 to n, each asked for and added if it is not known; how many were not. */
static size_t miss_numbers(struct word_cache *c, int32_t n)
{
    size_t missed = 0;
    for (int32_t i = 1; i <= n; i++) {
        struct word_key key;
        int32_t out[WORD_KEY_MAX] = {0};
        const int32_t ids[WORD_KEY_MAX] = {i, 1, 2, 3, 4, 5, 6};
        size_t n_ids = 1 + (size_t)i % 7;
        ask_number(c, i, &key);
        if (!word_cache_get(c, &key, out)) {
            word_cache_add(c, &key, ids, n_ids);
            missed++;
            assert_int_equal(word_cache_get(c, &key, out), n_ids);
        }
        assert_memory_equal(out, ids, n_ids * sizeof *ids);
    }
    return missed;
}

/* New words are put over others until most of them were there before, or there were many: then there are lines for all. */
static void words_are_put_over_others_until_these_come_again(void **state)
{
    (void)state;
    static const int32_t words[] = {20000, 60000, 100000};
    for (int i = 0; i < 3; i++) {
        struct word_cache c;
        struct err e;
        assert_int_equal(word_cache_init(&c, &e), 0);
        c.replaces = true;
        size_t lines = c.n_lines;
        assert_int_equal(miss_numbers(&c, words[i]), words[i]);
        if (i < 2) assert_true(c.full && c.n_lines == lines && c.used <= 2 * lines);
        else assert_true(c.n_lines > lines);
        for (int pass = 0; pass < 3; pass++) (void)miss_numbers(&c, words[i]);
        assert_true(!c.full && c.n_lines > lines);
        assert_int_equal(miss_numbers(&c, words[i]), 0);
        word_cache_free(&c);
    }
    struct word_cache c; /* where there are more lines already, these are used */
    struct err e;
    assert_int_equal(word_cache_init(&c, &e), 0);
    c.replaces = true;
    assert_true(word_room_new(&c.room, 5 << 20));
    (void)miss_numbers(&c, words[0]);
    assert_int_equal(miss_numbers(&c, words[0]), 0);
    word_cache_free(&c);
}

/* The slot of a number, as the cache will have it. */
static struct word_slot slot_of_number(struct word_cache *c, int32_t i, struct word_key *key)
{
    const int32_t ids[WORD_KEY_MAX] = {i, 1, 2, 3, 4, 5, 6};
    struct word_slot s = {.k = {0}};
    ask_number(c, i, key);
    memcpy(s.k, key->k, sizeof s.k);
    word_cache_fill(c, &s, ids, 1 + (size_t)i % 7);
    return s;
}

/* Words that are put in together are all there; in a full cache the last ones of each line are. */
static void words_are_put_in_with_their_ids(void **state)
{
    (void)state;
    enum { FIRST = 1000000, WORDS = 2000 };
    for (int full = 0; full < 2; full++) {
        struct word_cache c;
        struct err e;
        static struct word_slot slot[WORDS];
        static struct word_key key[WORDS];
        size_t there = 0;
        assert_int_equal(word_cache_init(&c, &e), 0);
        c.replaces = true;
        (void)miss_numbers(&c, full ? 20000 : 5000);
        assert_true(c.full == full && word_cache_room(&c, WORDS, 7 * WORDS));
        for (int32_t i = 0; i < WORDS; i++) slot[i] = slot_of_number(&c, FIRST + i, &key[i]);
        size_t used = c.used, bytes = c.n_lines * sizeof *c.lines;
        struct word_line *before = malloc(bytes);
        memcpy(before, c.lines, bytes);
        word_cache_put(&c, slot, WORDS);
        for (size_t l = 0; l < c.n_lines; l++) /* who came first stays */
            if (before[l].slot[0].k[1]) assert_memory_equal(&before[l].slot[0], &c.lines[l].slot[0], sizeof before->slot[0]);
        free(before);
        if (full) assert_true(c.full && c.used <= 2 * c.n_lines);
        else assert_int_equal(c.used, used + WORDS);
        for (int32_t i = 0; i < WORDS; i++) {
            int32_t out[WORD_KEY_MAX];
            size_t n = word_cache_get(&c, &key[i], out);
            if (n) assert_true(n == 1 + (size_t)(FIRST + i) % 7 && *out == FIRST + i);
            there += n > 0;
        }
        if (full) assert_true(there > WORDS / 2 && there < WORDS);
        else assert_int_equal(there, WORDS);
        word_cache_free(&c);
    }
}

/* Words behind full lines are found, and stay where they are. */
static void words_behind_full_lines_stay(void **state)
{
    (void)state;
    enum { WORDS = 9000 };
    struct word_cache c;
    struct err e;
    size_t behind = 0, asked = 0;
    assert_int_equal(word_cache_init(&c, &e), 0);
    c.dense = true;
    add_numbers(&c, WORDS);
    for (int32_t i = 1; i <= 2 * WORDS; i++) {
        struct word_key key;
        ask_number(&c, i, &key);
        size_t line = word_cache_line(&c, key.hash);
        const struct word_slot *own = c.lines[line].slot;
        if (word_slot_is(&own[0], &key) || word_slot_is(&own[1], &key)) continue;
        const struct word_slot *there = word_cache_find_still(&c, &key);
        if (i > WORDS) assert_null(there);
        else assert_true(there && there->id[0] == (uint32_t)i && there == word_cache_find_still(&c, &key));
        behind += i <= WORDS;
        asked += i > WORDS && word_cache_has_strays(&c, line);
    }
    assert_true(behind > 100 && asked > 100);
    word_cache_free(&c);
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
                                       cmocka_unit_test(ids_are_put_and_others_moved),
                                       cmocka_unit_test(lines_are_fuller_until_that_has_cost_enough),
        cmocka_unit_test(first_lines_are_fuller_until_that_has_cost_enough),
                                       cmocka_unit_test(no_word_is_lost_as_the_cache_grows),
                                       cmocka_unit_test(words_to_come_have_room),
                                       cmocka_unit_test(room_that_was_got_before_is_used),
                                       cmocka_unit_test(words_are_put_over_others_until_these_come_again),
                                       cmocka_unit_test(words_are_put_in_with_their_ids),
                                       cmocka_unit_test(words_behind_full_lines_stay),
                                       cmocka_unit_test(a_full_cache_begins_anew)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
