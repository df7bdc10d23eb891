/* Byte pairs by ranks and by merges: each file of one kind, written as the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/token/tok_base64.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"

static uint32_t state_of_rng;

static uint32_t roll(uint32_t n)
{
    state_of_rng = state_of_rng * 1664525u + 1013904223u;
    return (state_of_rng >> 8) % n;
}

/* Two hundred and fifty-six bytes, then random words of few letters in random
 * order: runs of one letter, words that no two others make, and words with
 * several pairs that do. */
static void add_ranks(struct buf *lines, const char *letters, int words)
{
    struct buf seen = {0}, word = {0};
    struct err e;
    int id = 0;
    for (int b = 0; b < 256; b++) {
        buf_clear(&word);
        buf_addc(&word, (char)b);
        assert_int_equal(tok_base64(word.data, word.len, lines, &e), 0);
        buf_printf(lines, " %d\n", id++);
    }
    for (int tries = 0; tries < 20 * words && id < 256 + words; tries++) {
        size_t n = 2 + roll(5);
        buf_clear(&word);
        buf_addc(&word, '\n');
        for (size_t i = 0; i < n; i++) buf_addc(&word, letters[roll((uint32_t)strlen(letters))]);
        buf_addc(&word, '\n');
        if (seen.data && strstr(seen.data, word.data)) continue;
        buf_add(&seen, word.data, word.len);
        memmove(word.data, word.data + 1, n);
        word.len = n;
        assert_int_equal(tok_base64(word.data, word.len, lines, &e), 0);
        buf_printf(lines, " %d\n", id++);
    }
    buf_free(&seen);
    buf_free(&word);
}

static void same_ids(const struct tokenizer *a, const struct tokenizer *b, const char *letters)
{
    struct err e = {0};
    struct tok_scratch *sa = tok_scratch_new(a, &e), *sb = tok_scratch_new(b, &e);
    struct tok_ids x = {0}, y = {0};
    for (int k = 0; k < 60; k++) {
        char text[120];
        size_t n = 1 + roll(k % 4 ? 14 : 100), few = 1 + roll((uint32_t)strlen(letters));
        for (size_t i = 0; i < n; i++) text[i] = letters[roll((uint32_t)few)];
        x.n = y.n = 0;
        assert_int_equal(tok_encode(a, sa, text, n, 0, &x, &e), 0);
        assert_int_equal(tok_encode(b, sb, text, n, 0, &y, &e), 0);
        if (x.n != y.n || memcmp(x.id, y.id, x.n * sizeof *x.id)) fail_msg("'%.*s': %zu and %zu ids", (int)n, text, x.n, y.n);
    }
    tok_ids_free(&x);
    tok_ids_free(&y);
    tok_scratch_free(sa);
    tok_scratch_free(sb);
}

static struct tokenizer *ranks(const struct buf *lines, const char *split)
{
    struct err e = {0};
    struct tokenizer *t = tok_from_tiktoken(lines->data, lines->len, split, NULL, "r.tiktoken", &e);
    if (!t) fail_msg("%s", e.msg);
    return t;
}

/* t written as `format` and read again by tok_from_file(). */
static struct tokenizer *written(const struct tokenizer *t, enum tok_format format, const char *name, const char *split)
{
    struct err e = {0};
    struct buf out = {0};
    if (tok_export(t, format, &out, NULL, &e)) fail_msg("%s", e.msg);
    struct tokenizer *back = tok_from_file(out.data, out.len, name, split, &e);
    if (!back) fail_msg("%s", e.msg);
    buf_free(&out);
    return back;
}

static void ranks_are_a_list_of_merges(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "ab", "abc", "ab \n", "aab "};
    static const char *const splits[] = {"none", "gpt2", "cl100k", "o200k", "[ab]+|.|\\n"};
    for (uint32_t seed = 0; seed < 40; seed++) {
        struct buf lines = {0};
        state_of_rng = seed;
        const char *in = letters[seed % COUNT_OF(letters)], *split = splits[seed / 2 % COUNT_OF(splits)];
        add_ranks(&lines, in, 5 + (int)(seed % 3) * 20);
        struct tokenizer *t = ranks(&lines, split), *json = written(t, FORMAT_JSON, "tokenizer.json", NULL);
        assert_true(tok_is_json(json));
        same_ids(t, json, in);
        struct tokenizer *back = written(json, FORMAT_TIKTOKEN, "r.tiktoken", split);
        assert_true(tok_hash(back) == tok_hash(t));
        tok_free(back);
        if (strcmp(split, "none") != 0) {
            back = written(json, FORMAT_TEKKEN, "tekken.json", NULL);
            same_ids(t, back, in);
            tok_free(back);
        }
        if (strcmp(split, "o200k") == 0 || strcmp(split, "gpt2") == 0) {
            struct err e = {0};
            struct buf out = {0};
            bool all;
            assert_int_equal(tok_reaches_all(json, &all, &e), 0);
            /* Only names of splits that merge whole words, too, can stand where some token is made by no merge. */
            int ret = tok_export(t, FORMAT_GGUF, &out, NULL, &e);
            assert_int_equal(ret, all || strcmp(split, "o200k") == 0 ? 0 : -1); /* granite-embed-multi-97m does */
            buf_free(&out);
        }
        tok_free(json);
        tok_free(t);
        buf_free(&lines);
    }
}

static void merges_in_another_order_are_no_ranks(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf lines = {0}, json = {0}, changed = {0};
    static const char tail[] = "YWI= 256\nYmM= 257\n"; /* ab, bc */
    add_ranks(&lines, "a", 0);
    buf_adds(&lines, tail);
    struct tokenizer *t = ranks(&lines, "gpt2");
    assert_int_equal(tok_export(t, FORMAT_JSON, &json, NULL, &e), 0);
    char *cut = strstr(json.data, "\n[\"a\",\"b\"],\n[\"b\",\"c\"]");
    assert_non_null(cut);
    buf_add(&changed, json.data, (size_t)(cut - json.data));
    buf_adds(&changed, "[\"b\",\"c\"],[\"a\",\"b\"]]}}");
    struct tokenizer *other = tok_parse(changed.data, changed.len, "tokenizer.json", &e);
    assert_non_null(other);
    buf_clear(&json);
    assert_int_equal(tok_export(other, FORMAT_TIKTOKEN, &json, NULL, &e), -1);
    if (!strstr(e.msg, "not in the order of the ids") || !strstr(e.msg, "token 257, 'bc'")) fail_msg("%s", e.msg);
    tok_free(t);
    tok_free(other);
    /* One more token, which nothing makes: a list of merges alone does not give it. */
    buf_adds(&lines, "eHl6 258\n");
    t = ranks(&lines, "gpt2");
    buf_clear(&json);
    buf_clear(&changed);
    assert_int_equal(tok_export(t, FORMAT_JSON, &json, NULL, &e), 0);
    char *whole = strstr(json.data, "\"ignore_merges\":true");
    buf_add(&changed, json.data, (size_t)(whole - json.data));
    buf_adds(&changed, "\"ignore_merges\":false");
    buf_adds(&changed, whole + 20);
    other = tok_parse(changed.data, changed.len, "tokenizer.json", &e);
    if (!other) fail_msg("%s", e.msg);
    buf_clear(&json);
    assert_int_equal(tok_export(other, FORMAT_TIKTOKEN, &json, NULL, &e), -1);
    if (!strstr(e.msg, "taken whole")) fail_msg("%s", e.msg);
    assert_int_equal(tok_export(t, FORMAT_MERGES, &json, NULL, &e), -1);
    tok_free(t);
    tok_free(other);
    buf_free(&lines);
    buf_free(&json);
    buf_free(&changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_are_a_list_of_merges),
        cmocka_unit_test(merges_in_another_order_are_no_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
