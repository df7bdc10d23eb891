#include "tests/unit/shard_fixture.h"

#include "core/token/train.h"
#include "data/pairs.h"

enum { S = 24, T = 16, ROWS = 4 };

static struct tokenizer *letters(void)
{
    static const char *const special[] = {"<|endoftext|>"};
    struct tok_train_opts o = {.type = TOK_TRAIN_CHAR, .special = special, .n_special = 1};
    struct err e;
    struct tok_trainer *tr = tok_trainer_new(&o, 1, &e);
    assert_non_null(tr);
    assert_int_equal(tok_trainer_add(tr, 0, "abcdefghijklmnopqrstuvwxyz0123456789 ", 37, &e), 0);
    struct tokenizer *t = tok_trainer_finish(tr, NULL, &e);
    if (!t) fail_msg("%s", e.msg);
    return t;
}

static struct pairs *load(const char *dir, const char *name, const char *text, const struct tokenizer *t,
                          struct pairs_stats *st, struct err *e)
{
    char path[256];
    struct doc_files f;
    fixture_path(path, sizeof path, dir, name);
    assert_int_equal(file_write_all(path, text, strlen(text), e), 0);
    char *paths[] = {path};
    assert_int_equal(doc_files_find(&f, paths, 1, DOC_AUTO, e), 0);
    struct pairs *p = pairs_load(&f, "source", "target", t, st, e);
    doc_files_free(&f);
    return p;
}

/* Pair i: "i" repeated on one side, a prefix of the alphabet on the other. */
static struct pairs *many(const char *dir, const struct tokenizer *t, int n)
{
    struct buf b = {0};
    struct pairs_stats st;
    struct err e;
    for (int i = 0; i < n; i++)
        buf_printf(&b, "{\"source\":\"%0*d\",\"target\":\"%.*s\"}\n", 3 + i % 7, i, 1 + i % 11, "abcdefghijklm");
    struct pairs *p = load(dir, "many.jsonl", b.data, t, &st, &e);
    if (!p) fail_msg("%s", e.msg);
    assert_int_equal(st.n, n);
    assert_int_equal(st.longest_target, 12); /* 11 letters and the end */
    buf_free(&b);
    return p;
}

/* Walks the pairs of a row; each target must belong to its source. */
static int check_row(const struct batch *b, int r, const struct tokenizer *t, bool *seen, int start)
{
    int n = 0, eos = tok_eos(t);
    for (int i = 0; i < T && b->targets[r * T + i] >= 0; n++) {
        int o = r * T + i, seg = i, lo = b->src_lo[o], hi = b->src_hi[o];
        char source[32] = "", target[32] = "";
        struct buf text = {0};
        struct err e;
        assert_int_equal(b->tokens[o], start);
        assert_int_equal(tok_decode(t, b->src_tokens + r * S + lo, (size_t)(hi - lo - 1), false, &text, &e), 0);
        snprintf(source, sizeof source, "%s", text.data);
        assert_int_equal(b->src_tokens[r * S + hi - 1], eos);
        for (int j = lo; j < hi; j++) {
            assert_int_equal(b->src_seg_start[r * S + j], lo);
            assert_int_equal(b->src_positions[r * S + j], j - lo);
        }
        buf_clear(&text);
        for (; i < T && b->seg_start[r * T + i] == seg && b->targets[r * T + i] >= 0; i++) {
            assert_int_equal(b->src_lo[r * T + i], lo);
            assert_int_equal(b->positions[r * T + i], i - seg);
            if (i > seg) assert_int_equal(b->tokens[r * T + i], b->targets[r * T + i - 1]);
        }
        assert_int_equal(b->targets[r * T + i - 1], eos);
        assert_int_equal(tok_decode(t, b->targets + r * T + seg, (size_t)(i - seg - 1), false, &text, &e), 0);
        snprintf(target, sizeof target, "%s", text.data);
        int k = atoi(source);
        assert_int_equal(strlen(source), 3 + k % 7 > 3 ? 3 + k % 7 : 3);
        assert_int_equal(strlen(target), 1 + k % 11);
        assert_false(seen[k]);
        seen[k] = true;
        buf_free(&text);
    }
    return n;
}

static void every_pair_comes_once_an_epoch(void **state)
{
    enum { N = 500 };
    struct tokenizer *t = letters();
    struct pairs *p = many(*state, t, N);
    struct err e;
    struct pairs_cfg c = {p, 0, 1, 3, false, S, T, 5};
    struct batch_source *s = pairs_source(&c, &e);
    struct batch b = fixture_batch(ROWS, T, S), again = fixture_batch(ROWS, T, S);
    bool seen[N] = {false};
    int n = 0;
    for (uint64_t step = 0; n < N; step++) {
        assert_int_equal(s->next(s, step, &b, &e), 0);
        for (int r = 0; r < ROWS; r++) {
            n += check_row(&b, r, t, seen, 5);
            if (n == N) memset(seen, 0, sizeof seen);
            assert_true(n <= N || r > 0);
        }
    }
    /* A row depends on nothing but its number: the third epoch before the first. */
    assert_int_equal(s->next(s, 300, &b, &e), 0);
    assert_true(b.epoch > 1);
    assert_int_equal(s->next(s, 2, &again, &e), 0);
    struct batch_source *other = pairs_source(&c, &e);
    assert_int_equal(other->next(other, 300, &again, &e), 0);
    assert_memory_equal(b.tokens, again.tokens, ROWS * (7 * T + 3 * S) * 4);
    /* Rows are well filled: pairs of 6 + 6.5 tokens on average. */
    assert_true(s->n_tokens > 0 && pairs_cut(s) == 0);
    s->close(s);
    other->close(other);
    free(b.tokens);
    free(again.tokens);
    pairs_free(p);
    tok_free(t);
}

static void validation_goes_through_once_in_order(void **state)
{
    enum { N = 100 };
    struct tokenizer *t = letters();
    struct pairs *p = many(*state, t, N);
    struct err e;
    struct batch_source *s = pairs_source(&(struct pairs_cfg){p, 0.9, 1, 0, true, S, T, 5}, &e);
    struct batch b = fixture_batch(ROWS, T, S);
    bool seen[N] = {false};
    int n = 0;
    for (uint64_t step = 0; step < pairs_steps(s, ROWS); step++) {
        assert_int_equal(s->next(s, step, &b, &e), 0);
        for (int r = 0; r < ROWS; r++)
            n += check_row(&b, r, t, seen, 5);
    }
    assert_int_equal(n, 10);
    for (int i = 0; i < N; i++)
        assert_int_equal(seen[i], i >= 90);
    assert_int_equal(s->next(s, pairs_steps(s, ROWS), &b, &e), 0);
    assert_int_equal(b.targets[0], -1);
    s->close(s);
    free(b.tokens);
    pairs_free(p);
    tok_free(t);
}

static void long_sides_are_cut_and_keep_their_end(void **state)
{
    struct tokenizer *t = letters();
    struct pairs_stats st;
    struct err e;
    struct pairs *p =
        load(*state, "long.csv",
             "source,target\nabcdefghijklmnopqrstuvwxyzabcdefghijklmnop,zyxwvutsrqponmlkjihgfedcba\n", t, &st, &e);
    assert_non_null(p);
    struct batch_source *s = pairs_source(&(struct pairs_cfg){p, 0, 1, 0, true, S, T, 5}, &e);
    struct batch b = fixture_batch(ROWS, T, S);
    assert_int_equal(pairs_cut(s), 1);
    assert_int_equal(s->next(s, 0, &b, &e), 0);
    assert_int_equal(b.src_tokens[S - 1], tok_eos(t));
    assert_int_equal(b.targets[T - 1], tok_eos(t));
    assert_int_equal(b.targets[T - 2], tok_id(t, "l")); /* the fifteenth letter from the end */
    s->close(s);
    free(b.tokens);
    pairs_free(p);
    tok_free(t);
}

static void what_is_no_pair_is_counted(void **state)
{
    struct tokenizer *t = letters();
    struct pairs_stats st;
    struct err e;
    struct pairs *p = load(*state, "bad.jsonl",
                           "{\"source\":\"a\"}\n{\"source\":\"a\",\"target\":7}\n{\"source\":\"\",\"target\":\"b\"}\n"
                           "{bad\n{\"source\":\"a\",\"target\":\"b\"}\n",
                           t, &st, &e);
    assert_non_null(p);
    assert_int_equal(st.n, 1);
    assert_int_equal(st.bad, 3);
    assert_int_equal(st.empty, 1);
    assert_non_null(strstr(st.first_bad, "bad.jsonl:1: there is no target"));
    pairs_free(p);
    assert_null(load(*state, "none.jsonl", "{\"text\":\"a\"}\n", t, &st, &e));
    assert_int_equal(e.code, ERR_DATA);
    assert_null(load(*state, "plain.txt", "words\n", t, &st, &e));
    assert_int_equal(e.code, ERR_DATA);
    tok_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_pair_comes_once_an_epoch, fixture_dir, fixture_remove_dir),
        cmocka_unit_test_setup_teardown(validation_goes_through_once_in_order, fixture_dir, fixture_remove_dir),
        cmocka_unit_test_setup_teardown(long_sides_are_cut_and_keep_their_end, fixture_dir, fixture_remove_dir),
        cmocka_unit_test_setup_teardown(what_is_no_pair_is_counted, fixture_dir, fixture_remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
