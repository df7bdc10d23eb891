/* RWKV's world vocabulary: the longest token first, over bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"

/* A line for each byte, as Python writes it, then these. */
enum { MORE = 257, N_MORE = 8 };
static const char *const more[N_MORE] = {"ab", "abc", "bcd", "\xc3\xb6", "\xc3\xb6\xc3\xb6", "cd\xc3", "\n\n", "'\""};
static const char lines[] = "257 'ab' 2\n258 'abc' 3\r\n259 \"bcd\" 3\n260 '\xc3\xb6' 2\n261 '\\u00f6\\xf6' 4\n262 b'cd\\xc3' 3\n"
                            "\n263 '\\n\\n' 2\n264 '\\'\"' 2\n";

static struct tokenizer *world(struct err *e)
{
    struct buf b = {0};
    for (int i = 0; i < 256; i++) buf_printf(&b, "%d b'\\x%02x' 1\n", i + 1, (unsigned)i);
    buf_adds(&b, lines);
    assert_int_equal(tok_kind_of(b.data, b.len, "f.txt"), KIND_RWKV);
    struct tokenizer *t = tok_from_rwkv(b.data, b.len, "f.txt", e);
    if (!t) fail_msg("%s", e->msg);
    buf_free(&b);
    return t;
}

static size_t longest(const char *s, size_t n, int32_t *id)
{
    size_t best = 1;
    *id = (uint8_t)*s + 1;
    for (int i = 0; i < N_MORE; i++) {
        size_t len = strlen(more[i]);
        if (len > n || len <= best || memcmp(s, more[i], len)) continue;
        best = len;
        *id = MORE + i;
    }
    return best;
}

static void expect_greedy(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n)
{
    struct err e = {0};
    struct tok_ids ids = {.want_spans = true};
    struct buf back = {0};
    if (tok_encode(t, s, text, n, 0, &ids, &e)) fail_msg("%s", e.msg);
    size_t at = 0, k = 0;
    for (int32_t id; at < n; k++) {
        size_t len = longest(text + at, n - at, &id);
        assert_true(k < ids.n);
        assert_int_equal(ids.id[k], id);
        assert_true(ids.span[k].begin <= at); /* a part of a character has all of it */
        assert_true(ids.span[k].end >= (at += len));
    }
    assert_int_equal(ids.n, k);
    assert_int_equal(tok_decode(t, ids.id, ids.n, false, &back, &e), 0);
    assert_int_equal(back.len, n);
    if (n) assert_memory_equal(back.data, text, n);
    tok_ids_free(&ids);
    buf_free(&back);
}

static void the_longest_token_comes_first(void **state)
{
    (void)state;
    static const char *const parts[] = {"ab", "c", "d", "\xc3\xb6", "\xc3", "\n", "'", "\"", " ", "\xff", "b", "<|endoftext|>"};
    struct err e = {0};
    struct tokenizer *t = world(&e);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    srand(3);
    for (int round = 0; round < 2000; round++) {
        char text[400] = "";
        for (int n = rand() % 24; n > 0; n--) strcat(text, parts[(size_t)rand() % COUNT_OF(parts)]);
        expect_greedy(t, s, text, strlen(text));
    }
    tok_scratch_free(s);
    tok_free(t);
}

static void the_end_of_text_is_0_and_never_comes_from_text(void **state)
{
    (void)state;
    static const char text[] = "a<|endoftext|>b";
    struct err e = {0};
    struct tokenizer *t = world(&e);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_ids ids = {0};
    assert_int_equal(tok_eos(t), 0);
    expect_greedy(t, s, text, strlen(text));
    assert_int_equal(tok_encode(t, s, text, strlen(text), TOK_SPECIAL, &ids, &e), 0);
    assert_int_equal(ids.n, 3);
    assert_int_equal(ids.id[1], 0);
    tok_ids_free(&ids);
    tok_scratch_free(s);
    tok_free(t);
}

static void it_is_a_tokenizer_json_too(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf json = {0};
    struct tokenizer *t = world(&e);
    assert_int_equal(tok_export(t, FORMAT_JSON, &json, NULL, &e), 0);
    struct tokenizer *back = tok_parse(json.data, json.len, "t.json", &e);
    struct tok_scratch *s = tok_scratch_new(back, &e);
    expect_greedy(back, s, "xabcd\xc3\xb6\n\n", 9);
    tok_scratch_free(s);
    tok_free(back);
    tok_free(t);
    buf_free(&json);
}

static void bad_lines_are_located(void **state)
{
    (void)state;
    static const struct { const char *text, *says; } bad[] = {
        {"1 'a' 1\n2 'b' 2\n", "'f.txt':2: the literal has another length"},
        {"1 'a' 1\nx 'b' 1\n", "'f.txt':2: no number"},
        {"1 'a' 1\n99999999 'b' 1\n", "'f.txt':2: no number"},
        {"1 'a' 1\n2 'b 1\n", "'f.txt':2: no end of the literal"},
        {"1 'a' 1\n2 'b'\n", "'f.txt':2: no end of the literal"},
        {"1 'a' 1\n2 'b\\", "'f.txt':2: no end of the literal"},
        {"1 'a' 1\n2 '\\xg0' 1\n", "'f.txt':2: an escape without"},
        {"1 'a' 1\n2 '\\ud800' 3\n", "'f.txt':2: an escape that is no character"},
        {"1 'a' 1\n2 b'\\u0061' 1\n", "'f.txt':2: an escape that Python"},
        {"1 'a' 1\n2 c 1\n", "'f.txt':2: no Python literal"},
        {"1 'a' 1\n2 'b' 1 x\n", "'f.txt':2: text behind the length"},
        {"0 'a' 1\n", "'f.txt':1: id 0"},
        {"1 '' 0\n", "'f.txt':1: the literal"},
        {"1 'a' 1\n1 'b' 1\n", "both have id 1"},
        {"1 'a' 1\n", "'f.txt': no token for the byte 0x00"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct err e = {0};
        assert_null(tok_from_rwkv(bad[i].text, strlen(bad[i].text), "f.txt", &e));
        if (!strstr(e.msg, bad[i].says)) fail_msg("case %zu: '%s', not '%s'", i, e.msg, bad[i].says);
        assert_int_equal(e.code, ERR_DATA);
    }
}

static void a_gguf_file_holds_it(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf out = {0};
    struct tokenizer *t = world(&e);
    if (tok_export(t, FORMAT_GGUF, &out, NULL, &e)) fail_msg("%s", e.msg);
    assert_non_null(memmem(out.data, out.len, "cd\\xc3", 6)); /* as Python writes bytes */
    struct tokenizer *back = tok_from_gguf(out.data, out.len, "f.gguf", &e);
    if (!back) fail_msg("%s", e.msg);
    assert_true(tok_hash(back) == tok_hash(t));
    tok_free(back);
    char *escape = memmem(out.data, out.len, "cd\\xc3", 6);
    escape[4] = 'g';
    assert_null(tok_from_gguf(out.data, out.len, "f.gguf", &e));
    if (!strstr(e.msg, "'f.gguf': token 262 has an escape")) fail_msg("%s", e.msg);
    buf_free(&out);
    tok_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_token_comes_first),
        cmocka_unit_test(the_end_of_text_is_0_and_never_comes_from_text),
        cmocka_unit_test(it_is_a_tokenizer_json_too),
        cmocka_unit_test(a_gguf_file_holds_it),
        cmocka_unit_test(bad_lines_are_located),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
