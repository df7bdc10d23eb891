/* A list of merges that two threads read in halves gives the same tokenizer, and says the same of what is wrong in it,
 * however it is written. */
#include "tests/unit/tok_util.h"

#include <pthread.h>

#include "core/base/aside.h"
#include "core/base/mem.h"

enum { MERGES = 9000, LAYOUTS = 6 };

/* Some of which need escapes in JSON, or look like what stands between merges. */
static const char *const symbols[] = {"\"", "\\", ",", "[", "]", "\",\"x", "],[y", "\xc3\xa9", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
enum { SYMBOLS = COUNT_OF(symbols) };

/* Token i: a symbol, then pairs of them, then those with one more behind. */
static void add_token(struct buf *b, size_t i)
{
    if (i >= SYMBOLS) add_token(b, (i - SYMBOLS) / SYMBOLS);
    buf_adds(b, symbols[i % SYMBOLS]);
}

static void add_string(struct buf *b, size_t left, size_t right, bool both)
{
    struct buf s = {0};
    add_token(&s, left);
    if (both) {
        buf_addc(&s, ' ');
        add_token(&s, right);
    }
    buf_adds_json(b, buf_text(&s));
    buf_free(&s);
}

static void add_merge(struct buf *b, size_t k, int layout)
{
    static const char *const form[LAYOUTS][4] = {{"", "", "", ","}, {"\n  ", "", "", " ,"}, {"[", ",", "]", ","}, {"\n[\n ", ",\n ", "\n]", ","},
                                                 {" ", "", " ", ",\t"}, {"[ ", " , ", " ]", " , "}};
    size_t left = k / SYMBOLS, right = k % SYMBOLS;
    bool list = *form[layout][1] != 0;
    buf_adds(b, form[layout][0]);
    add_string(b, left, right, !list);
    buf_adds(b, form[layout][1]);
    if (list) add_string(b, right, 0, false);
    buf_adds(b, form[layout][2]);
    if (k + 1 < MERGES) buf_adds(b, form[layout][3]);
}

/* again: instead of this merge stands that of the other number. */
static void write_json(struct buf *b, int layout, size_t again, size_t which)
{
    buf_clear(b);
    buf_adds(b, "{\"pre_tokenizer\":null,\"model\":{\"type\":\"BPE\",\"vocab\":{");
    for (size_t i = 0; i < MERGES + SYMBOLS; i++) {
        add_string(b, i, 0, false);
        buf_printf(b, ":%zu%s", i, i + 1 < MERGES + SYMBOLS ? "," : "");
    }
    buf_adds(b, "},\"merges\":[");
    for (size_t k = 0; k < MERGES; k++) add_merge(b, k == again ? which : k, layout);
    buf_adds(b, "]},\"added_tokens\":[{\"id\":0,\"content\":\"no\"}]}"); /* the last error of all, unless it is mended */
    assert_false(b->oom);
}

static void mend(struct buf *b)
{
    char *bad = strstr(b->data, "\"no\"");
    assert_non_null(bad);
    memcpy(bad, "\"\\\"\"", 4);
}

static void *serve(void *arg)
{
    aside_serve(arg);
    return NULL;
}

/* helpers: -1: none is asked. */
static struct tokenizer *load(const struct buf *b, int helpers, struct err *e)
{
    struct err ignored;
    struct aside *a = helpers < 0 ? NULL : aside_new(&ignored);
    pthread_t thread;
    assert_true(a || helpers < 0);
    if (helpers > 0) assert_int_equal(pthread_create(&thread, NULL, serve, a), 0);
    aside_lend(a);
    struct tokenizer *t = tok_parse(b->data, b->len, "t.json", e);
    aside_lend(NULL);
    if (a) aside_close(a);
    if (helpers > 0) pthread_join(thread, NULL);
    aside_free(a);
    return t;
}

static void the_tokenizer_is_the_same(void **state)
{
    struct buf b = {0}, want = {0}, got = {0};
    struct err e = {0};
    (void)state;
    for (int layout = 0; layout < LAYOUTS; layout++) {
        write_json(&b, layout, MERGES, 0);
        mend(&b);
        for (int helpers = -1; helpers < 2; helpers++) {
            struct tokenizer *t = load(&b, helpers, &e);
            if (!t) fail_msg("%s", e.msg);
            assert_int_equal(t->bpe.n_merges, MERGES);
            struct buf *to = helpers < 0 ? &want : &got;
            buf_clear(to);
            assert_int_equal(tok_to_json(t, to, &e), 0);
            assert_string_equal(buf_text(to), buf_text(&want));
            for (size_t r = 0; r < MERGES; r++) assert_int_equal(bpe_rank(&t->bpe, t->bpe.merge[r].left, t->bpe.merge[r].right), r);
            tok_free(t);
        }
    }
    buf_free(&b);
    buf_free(&want);
    buf_free(&got);
}

static void expect_same_error(const struct buf *b, const char *part)
{
    struct err want = {0}, e = {0};
    assert_null(load(b, -1, &want));
    if (!strstr(want.msg, part)) fail_msg("'%s' is not in: %s", part, want.msg);
    for (int helpers = 0; helpers < 2; helpers++) {
        assert_null(load(b, helpers, &e));
        assert_string_equal(e.msg, want.msg);
        assert_int_equal(e.code, want.code);
    }
}

/* The first merge behind a place of the list whose text has such a letter gets another. */
static void change(struct buf *b, double where, char from, char to)
{
    char *list = strstr(b->data, "\"merges\":["), *end = strstr(b->data, "\"added_tokens\"");
    char *at = list + (size_t)((double)(end - list) * where);
    at = memchr(at, from, (size_t)(end - at));
    assert_non_null(at);
    *at = to;
}

static void what_is_wrong_is_said_as_ever(void **state)
{
    static const double place[] = {0.1, 0.4, 0.51, 0.6, 0.95};
    struct buf b = {0};
    (void)state;
    for (int layout = 0; layout < LAYOUTS; layout++) {
        for (size_t i = 0; i < COUNT_OF(place); i++) {
            write_json(&b, layout, MERGES, 0);
            change(&b, place[i], 'e', 'z');
            expect_same_error(&b, "is not in the vocabulary");
            write_json(&b, layout, MERGES, 0);
            change(&b, place[i], 'f', '\x01');
            expect_same_error(&b, "control character");
            write_json(&b, layout, MERGES, 0);
            change(&b, place[i], 'c', '\\');
            expect_same_error(&b, "t.json");
        }
        for (size_t at = 0; at < MERGES; at += MERGES / 3 - 1) {
            write_json(&b, layout, at, at > MERGES / 2 ? 7 : MERGES - 3);
            expect_same_error(&b, "is the same pair as an earlier one");
        }
        write_json(&b, layout, MERGES, 0);
        expect_same_error(&b, "both have id 0"); /* all else is right */
        change(&b, 0.999, ']', ',');
        expect_same_error(&b, "t.json");
    }
    buf_free(&b);
}

/* Any allocation may fail in either thread. */
static void without_memory_it_fails(void **state)
{
    struct buf b = {0};
    struct err e = {0};
    int failed = 0;
    (void)state;
    write_json(&b, 2, MERGES, 0);
    mend(&b);
    for (long n = 1; n < 200; n++) {
        mem_fail_after(n + 1); /* the first is the helpers' */
        struct tokenizer *t = load(&b, (int)(n & 1), &e);
        mem_fail_after(0);
        failed += t == NULL;
        if (!t) assert_int_equal(e.code, ERR_OS);
        tok_free(t);
    }
    assert_true(failed > 0);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tokenizer_is_the_same),
        cmocka_unit_test(what_is_wrong_is_said_as_ever),
        cmocka_unit_test(without_memory_it_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
