#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/token/word_cache.h"

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
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_are_fuller_until_that_has_cost_enough),
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
