/* Texts looked up together are found as one by one, and every way to cut one in two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/tokenizer.h"
#include "core/token/vocab.h"

enum { TEXTS = 3000, LONGEST = 40 };

static const char *const letters[] = {"a", "b", "ab", "\xc3\xa9", "\xe4\xb8\xad"};

static size_t random_text(const struct rng_key *k, uint64_t *at, char *to)
{
    size_t n = 0, longest = rng_below(k, (*at)++, 4) ? 8 : LONGEST - 3, most = 1 + rng_below(k, (*at)++, (uint32_t)longest);
    while (n < most) {
        const char *c = letters[rng_below(k, (*at)++, COUNT_OF(letters))];
        memcpy(to + n, c, strlen(c));
        n += strlen(c);
    }
    return n;
}

/* Holes among the ids, and texts of all lengths of which many are two others. */
static void fill(struct vocab *v, const struct rng_key *k, uint64_t *at)
{
    struct err e;
    for (int id = 0; id < TEXTS; id++) {
        char text[LONGEST];
        size_t n = random_text(k, at, text);
        if (vocab_find(v, text, n) < 0) assert_int_equal(vocab_add(v, id, text, n, VOCAB_MODEL, &e), 0);
    }
}

static void texts_are_found_together_as_alone(void **state)
{
    (void)state;
    static char text[TEXTS][LONGEST];
    struct vocab_text want[TEXTS];
    int32_t id[TEXTS];
    struct rng_key k = rng_key(3, RNG_TEST, 0, 0);
    uint64_t at = 0;
    struct vocab v = {0};
    size_t found = 0;
    vocab_find_many(&v, &(struct vocab_text){"a", 1}, 1, id);
    assert_int_equal(id[0], -1);
    fill(&v, &k, &at);
    for (size_t i = 0; i < TEXTS; i++) want[i] = (struct vocab_text){text[i], random_text(&k, &at, text[i])};
    vocab_find_many(&v, want, TEXTS, id);
    for (size_t i = 0; i < TEXTS; i++) {
        assert_int_equal(id[i], vocab_find(&v, want[i].s, want[i].n));
        found += id[i] >= 0;
    }
    assert_true(found > TEXTS / 10 && found < TEXTS);
    vocab_free(&v);
}

struct cuts {
    const struct vocab *v;
    const int32_t *id;
    size_t k, at, n, stop; /* where the next cut has to be looked for */
};

/* The next place where both sides are texts, by looking everything up. */
static bool next_cut(struct cuts *c, size_t n_ids, int *left, int *right)
{
    for (; c->k < n_ids; c->k++, c->at = 0) {
        size_t n;
        const char *s = vocab_text(c->v, c->id[c->k], &n);
        while (++c->at < n) {
            if (((uint8_t)s[c->at] & 0xC0) == 0x80) continue;
            *left = vocab_find(c->v, s, c->at);
            *right = vocab_find(c->v, s + c->at, n - c->at);
            if (*left >= 0 && *right >= 0) return true;
        }
    }
    return false;
}

static int expect(void *arg, size_t k, int left, int right)
{
    struct cuts *c = arg;
    int l, r;
    assert_true(next_cut(c, SIZE_MAX, &l, &r));
    assert_int_equal(k, c->k);
    assert_int_equal(left, l);
    assert_int_equal(right, r);
    return ++c->n == c->stop ? 7 : 0;
}

static void every_way_to_cut_a_text_is_found_in_order(void **state)
{
    (void)state;
    struct rng_key k = rng_key(4, RNG_TEST, 0, 0);
    uint64_t at = 0;
    struct vocab v = {0};
    struct err e;
    int32_t id[TEXTS];
    size_t n = 0;
    int l, r;
    fill(&v, &k, &at);
    for (int i = v.n; i-- > 0;)
        if (v.v[i].flags & VOCAB_USED) id[n++] = i;
    struct cuts c = {.v = &v, .id = id};
    assert_int_equal(vocab_cuts(&v, id, n, expect, &c, &e), 0);
    assert_true(c.n > 500);
    assert_false(next_cut(&c, n, &l, &r));
    c = (struct cuts){.v = &v, .id = id, .stop = 100};
    assert_int_equal(vocab_cuts(&v, id, n, expect, &c, &e), 7);
    assert_int_equal(c.n, 100);
    assert_int_equal(vocab_cuts(&v, id, 0, expect, &c, &e), 0);
    vocab_free(&v);
}

/* Merges wait for each other: what is wrong is said of the first one that is, and where. */
static void the_first_wrong_merge_is_the_one_that_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *merges, *message;
    } rows[] = {
        {"[\"a b\",\n\"a x\",\n\"a\"]", ":2:"},
        {"[\"a b\",\n\"a\",\n\"a x\"]", "two tokens"},
        {"[\"a b\",\n\"x a\"\n\"a b\"]", "merge 1 (from 0): 'x'"},
        {"[[\"\\u0061\",\"b\"],\n[\"ab\",\"x\"],\n[\"\\u0061\",\"y\"]]", "merge 1 (from 0): 'x'"},
        {"[\"a b\",\n\"b b\"\n]", "merge 1 (from 0): 'bb'"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err e = {0};
        char json[300];
        snprintf(json, sizeof json, "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":%s}}", rows[i].merges);
        assert_null(tok_parse(json, strlen(json), "t.json", &e));
        if (!strstr(e.msg, rows[i].message)) fail_msg("%s", e.msg);
    }
}

/* ... also when the table has grown since. */
static void a_text_that_comes_again_is_found_under_the_later_id(void **state)
{
    (void)state;
    struct err e;
    struct vocab v = {0};
    char text[16];
    for (int id = 0; id < 3000; id++) {
        size_t n = (size_t)snprintf(text, sizeof text, "%d", id % 1000 < 10 ? id % 1000 : id);
        assert_int_equal(vocab_add_again(&v, id, text, n, VOCAB_MODEL, &e), 0);
        assert_int_equal(vocab_find(&v, text, n), id);
    }
    assert_int_equal(v.n, 3000);
    for (int id = 0; id < 3000; id++) {
        size_t n, len;
        const char *s = vocab_text(&v, id, &len);
        n = (size_t)snprintf(text, sizeof text, "%d", id % 1000 < 10 ? id % 1000 : id);
        assert_int_equal(len, n);
        assert_memory_equal(s, text, n);
        bool later = id % 1000 < 10 && id < 2000;
        assert_int_equal(vocab_find(&v, text, n), later ? 2000 + id % 1000 : id);
        assert_int_equal(v.v[id].flags, later ? VOCAB_USED | VOCAB_LATER : VOCAB_USED | VOCAB_MODEL);
    }
    assert_int_equal(vocab_add(&v, 3000, "7", 1, VOCAB_MODEL, &e), -1);
    vocab_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_found_together_as_alone),
        cmocka_unit_test(every_way_to_cut_a_text_is_found_in_order),
        cmocka_unit_test(the_first_wrong_merge_is_the_one_that_is_named),
        cmocka_unit_test(a_text_that_comes_again_is_found_under_the_later_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
