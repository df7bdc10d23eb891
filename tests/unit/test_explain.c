/* explain.h and compare.h: what they say of small tokenizers. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/json.h"
#include "core/base/sig.h"
#include "core/token/compare.h"
#include "core/token/explain.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"

#define MARK "\xe2\x96\x81"

static struct tokenizer *parse(const char *added, const char *pre, const char *model)
{
    struct err e = {0};
    struct buf json = {0};
    buf_printf(&json, "{\"version\":\"1.0\",\"added_tokens\":[%s],\"normalizer\":null,\"pre_tokenizer\":%s,\"model\":%s}", added, pre,
               model);
    struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    buf_free(&json);
    return t;
}

static struct tokenizer *pairs(const char *merges, const char *more)
{
    struct buf model = {0};
    buf_printf(&model, "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\" \":3%s},\"merges\":[%s]}", more, merges);
    struct tokenizer *t = parse("", "null", model.data);
    buf_free(&model);
    return t;
}

static void says(const struct tokenizer *t, const char *text, size_t n, const char *what)
{
    struct err e = {0};
    struct buf out = {0};
    if (tok_explain(t, text, n, 0, false, &out, &e)) fail_msg("%s", e.msg);
    if (!strstr(out.data, what)) fail_msg("'%s' is not in\n%s", what, out.data);
    buf_free(&out);
}

static void merges_are_shown_up_to_a_length(void **state)
{
    (void)state;
    enum { N = 4097 };
    char *text = malloc(N);
    memset(text, 'a', N);
    text[1] = 'b';
    struct tokenizer *t = pairs("\"a b\"", ",\"ab\":4");
    says(t, text, N - 1, "merge 0 makes ab: ab a a a a ...\n");
    says(t, text, N, "a word of too many symbols to show its merges");
    tok_free(t);
    free(text);
}

/* The first word of a text has its mark in front; one behind an added token has none. */
static void words_know_where_they_stand(void **state)
{
    (void)state;
    static const char added[] = "{\"id\":2,\"content\":\"X\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":true,"
                                "\"special\":false}";
    struct tokenizer *t = parse(added, "{\"type\":\"Metaspace\",\"replacement\":\"" MARK "\",\"prepend_scheme\":\"first\",\"split\":true}",
                                "{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"" MARK "a\":1},\"unk_token\":\"a\"}");
    says(t, "aXa", 3, "  word \"" MARK "a\"\n    tokens: " MARK "a\n  added token [1, 2) 2 X\n  word \"a\"\n    tokens: a\n");
    tok_free(t);
}

/* What the first token took of the spaces behind it, the second one takes as well. */
static void a_token_may_begin_where_another_ends(void **state)
{
    static const char added[] = "{\"id\":2,\"content\":\"X\",\"rstrip\":true,\"normalized\":%s,\"special\":false},"
                                "{\"id\":3,\"content\":\" \\n\",\"normalized\":%s,\"special\":false}";
    (void)state;
    for (int normalized = 0; normalized < 2; normalized++) {
        struct buf both = {0};
        buf_printf(&both, added, normalized ? "true" : "false", normalized ? "true" : "false");
        struct tokenizer *t = parse(both.data, "null", "{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"a\"}");
        says(t, "aX \na", 5, "  added token [1, 4) 2 X\n  added token [2, 4) 3  <0x0A>\n  word \"a\"\n");
        tok_free(t);
        buf_free(&both);
    }
}

/* What unigram does not know costs as much a character, whether one token stands for it or its bytes do. */
static void unknown_characters_have_their_price(void **state)
{
    (void)state;
    static const char vocab[] = "[[\"<unk>\",0],[\"a\",-1],[\"b\",-2],[\"<0x78>\",-0.5]]";
    char model[300];
    snprintf(model, sizeof model, "{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":%s}", vocab);
    struct tokenizer *t = parse("", "null", model);
    says(t, "axxb", 4, "tokens: a(-1.00) <unk> b(-2.00) (sum -27.00, each unknown character -12.00)\n");
    says(t, "ab", 2, "tokens: a(-1.00) b(-2.00) (sum -3.00)\n");
    tok_free(t);
    snprintf(model, sizeof model, "{\"type\":\"Unigram\",\"unk_id\":0,\"byte_fallback\":true,\"vocab\":%s}", vocab);
    t = parse("", "null", model);
    says(t, "ax", 2, "tokens: a(-1.00) <0x78> (sum -13.00, each unknown character -12.00)\n");
    tok_free(t);
}

/* The mark of a word's end is no part of the text, and bytes that are spelled as characters are shown as what they are. */
static void marks_and_spelled_bytes_are_explained(void **state)
{
    (void)state;
    struct err e = {0};
    static const char json[] =
        "{\"version\":\"1.0\",\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\\n*\"},"
        "\"behavior\":\"Removed\",\"invert\":true},{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]},"
        "\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"end_of_word_suffix\":\"</w>\",\"vocab\":{\"a\":0,\"a</w>\":1,"
        "\"\u010A</w>\":2},\"merges\":[]}}";
    struct tokenizer *t = tok_parse(json, strlen(json), "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    says(t, "a\n", 2, "split: words 'a\\n*', bytes as characters\n");
    says(t, "a\n", 2, "\nspelling: a character for each byte:");
    says(t, "a\n", 2, "\nspelling: a token with </w> ends a word\n");
    says(t, "a", 1, "        1  [0, 1)        [0, 1)        a</w>\n");
    says(t, "a\n", 2, "        0  [0, 1)        [0, 1)        a\n        2  [1, 2)        [1, 2)        \xC4\x8A</w>  \"\\n\"\n");
    tok_free(t);
}

static void token_is(const struct tokenizer *t, const char *word, const char *want)
{
    struct err e = {0};
    struct buf out = {0};
    int ret = tok_explain_token(t, word, false, &out, &e);
    assert_int_equal(ret, want ? 0 : -1);
    if (want) assert_string_equal(out.data, want);
    else assert_int_equal(e.code, ERR_RESULT);
    buf_free(&out);
}

static void tokens_are_found_by_text_or_id(void **state)
{
    (void)state;
    struct tokenizer *t = pairs("\"a b\"", ",\"ab\":4,\"4\":5");
    token_is(t, "ab", "4 \"ab\"\n    bytes: 61 62\n    merge 0: a + b\n");
    token_is(t, "4", "5 \"4\"\n    bytes: 34\n4 \"ab\"\n    bytes: 61 62\n    merge 0: a + b\n");
    token_is(t, "6", NULL);
    token_is(t, "99999999999999999999", NULL);
    token_is(t, "4294967300", NULL); /* 4 in 32 bits */
    tok_free(t);
}

static void compared(const char *text, bool json, const char *what)
{
    static const char *const names[2] = {"one", "two"};
    struct tokenizer *a = pairs("", ""), *b = pairs("\"a b\"", ",\"ab\":4");
    struct err e = {0};
    struct buf out = {0};
    if (tok_compare(a, b, names, &(struct compare_texts){text, &(size_t){strlen(text)}, 1}, json, &out, &e)) fail_msg("%s", e.msg);
    if (!strstr(out.data, what)) fail_msg("'%s' is not in\n%s", what, out.data);
    buf_free(&out);
    tok_free(a);
    tok_free(b);
}

static void words_have_the_space_before_them(void **state)
{
    (void)state;
    compared("ba ab", true, "\"words\":2,\"distinct_words\":2,");
    compared("ba ab", true, "\"examples\":[{\"word\":\" ab\",\"count\":1,\"tokens\":[[\" \",\"a\",\"b\"],[\" \",\"ab\"]]}]");
}

static void the_most_frequent_words_come_first_then_the_first(void **state)
{
    (void)state;
    compared("abc  ab  cab  cab  bab", false,
             "the most frequent of them:\n"
             "  2 x \" cab\"\n      first:   c a b\n      second:   c ab\n"
             "  1 x \"abc\"\n      first: a b c\n      second: ab c\n"
             "  1 x \" ab\"\n      first:   a b\n      second:   ab\n"
             "  1 x \" bab\"\n");
}

static void long_examples_are_cut(void **state)
{
    (void)state;
    char text[91] = "", line[200] = "      second:";
    for (int i = 0; i < 30; i++) memcpy(text + 3 * i, "abc", 3);
    for (int i = 0; i < 20; i++) memcpy(line + 13 + 5 * i, " ab c", 6);
    size_t n = strlen(line);
    line[n] = '\n';
    line[n + 1] = 0;
    compared(text, false, line);
}

/* A text of several parts: the numbers of the whole, and a stop between them. */
static void a_long_text_is_compared_in_parts(void **state)
{
    (void)state;
    enum { LINE = 12, LINES = 200000 };
    static const char *const names[2] = {"one", NULL};
    struct err e = {0};
    struct buf out = {0};
    struct tokenizer *t = parse("", "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}",
                                "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"\xc4\xa0\":2,\"\xc4\x8a\":3,\"ab\":4,\"\xc4\xa0\x61\":5},\"merges\":[\"a b\",\"\xc4\xa0 a\"]}");
    char *text = malloc(LINE * LINES);
    for (size_t i = 0; i < LINES; i++) memcpy(text + LINE * i, "ab abab a b\n", LINE); /* ab, _ ab ab, _a, _ b, newline */
    if (tok_compare(t, NULL, names, &(struct compare_texts){text, &(size_t){LINE * LINES}, 1}, true, &out, &e)) fail_msg("%s", e.msg);
    if (!strstr(out.data, "\"tokens\":1600000,") || !strstr(out.data, "\"words\":800000,")) fail_msg("%s", out.data);
    buf_clear(&out);
    sig_install();
    raise(SIGTERM);
    assert_int_equal(tok_compare(t, NULL, names, &(struct compare_texts){text, &(size_t){LINE * LINES}, 1}, true, &out, &e), -1);
    assert_int_equal(e.code, ERR_STOPPED);
    sig_reset();
    free(text);
    buf_free(&out);
    tok_free(t);
}

static void for_scripts(const struct tokenizer *t, const char *text, const char *what)
{
    struct err e = {0};
    struct buf out = {0};
    if (tok_explain(t, text, strlen(text), 0, true, &out, &e)) fail_msg("%s", e.msg);
    struct cJSON *j = json_parse(out.data, out.len, "what is said", NULL, &e);
    if (!j) fail_msg("%s: %s", e.msg, out.data);
    if (!strstr(out.data, what)) fail_msg("'%s' is not in\n%s", what, out.data);
    json_free(j);
    buf_free(&out);
}

/* A regex has backslashes, a sum may be no number. */
static void json_is_json_whatever_it_says(void **state)
{
    static const char ranks[] = "YQ== 0\nYg== 1\nYWI= 2\n", unknown[] = "\n\x0e\n\5<unk>\x15\0\0\0\0\x18\2";
    struct err e = {0};
    (void)state;
    struct tokenizer *t = tok_from_file(ranks, strlen(ranks), "t.tiktoken", "\\S+|\"", &e);
    if (!t) fail_msg("%s", e.msg);
    for_scripts(t, "ab", "\"split\":\"\\\\S+|\\\"\"");
    tok_free(t);
    t = tok_from_spm(unknown, sizeof unknown - 1, "t.model", &e);
    if (!t) fail_msg("%s", e.msg);
    for_scripts(t, "a b", "\"sum\":null");
    tok_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_are_shown_up_to_a_length),
        cmocka_unit_test(a_token_may_begin_where_another_ends), cmocka_unit_test(words_know_where_they_stand),
        cmocka_unit_test(unknown_characters_have_their_price),
        cmocka_unit_test(marks_and_spelled_bytes_are_explained),
        cmocka_unit_test(tokens_are_found_by_text_or_id),
        cmocka_unit_test(json_is_json_whatever_it_says),
        cmocka_unit_test(words_have_the_space_before_them),
        cmocka_unit_test(the_most_frequent_words_come_first_then_the_first),
        cmocka_unit_test(long_examples_are_cut),
        cmocka_unit_test(a_long_text_is_compared_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
