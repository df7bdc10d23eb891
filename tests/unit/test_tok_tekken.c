/* tekken.json, and which kind of file it is. */
#include "tests/unit/tok_util.h"

#include "core/base/mem.h"

static void the_content_tells_the_kind(void **state)
{
    (void)state;
    static const struct { const char *text, *path; enum tok_kind kind; } cases[] = {
        {"{\"version\":\"1.0\",\"added_tokens\":[{\"a}\\\"]\":1}],\"model\":{}}", "rx_tekken.json", KIND_JSON},
        {" {\"model\":{}}", "x.model", KIND_JSON},
        {"{\"config\":{\"pattern\":\"a\"}}", "tokenizer.json", KIND_TEKKEN},
        {"{\"image\":{\"a\":[1]},\"vocab\":[]}", "t", KIND_TEKKEN},
        {"{\"a\":0}", "tokenizer.json", KIND_VOCAB_JSON},
        {"YQ== 0\nYg== 1\n", "tokenizer.model", KIND_TIKTOKEN},
        {"IQ== 0", "x", KIND_TIKTOKEN},
        {"[PAD]\r\n[UNK]\r\na", "words", KIND_VOCAB_TXT},
        {"#version: 0.2\na b\n", "merges.txt", KIND_MERGES},
        {"GGUF", "x.json", KIND_GGUF},
        {"", "x.model", KIND_SPM},
        {"", "x.json", KIND_JSON},
        {"{\"a", "x.json", KIND_JSON},
        {"{\"a\\", "x.json", KIND_JSON},
        {"{\"a\":]]]", "x.json", KIND_JSON}};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (tok_kind_of(cases[i].text, strlen(cases[i].text), cases[i].path) != cases[i].kind)
            fail_msg("%s is not %d", cases[i].text, (int)cases[i].kind);
}

static void tekken_has_special_tokens_first(void **state)
{
    (void)state;
    static const char json[] = "{\"config\":{\"pattern\":\"[ab]+|\\\\s+|.\",\"num_vocab_tokens\":5,\"default_vocab_size\":6,"
        "\"default_num_special_tokens\":3,\"version\":\"v3\"},\"vocab\":[{\"rank\":0,\"token_bytes\":\"YQ==\",\"token_str\":\"\\u0000\"},"
        "{\"rank\":1,\"token_bytes\":\"Yg==\"},{\"rank\":2,\"token_bytes\":\"YWI=\"},{\"rank\":3,\"token_bytes\":\"YWJh\"}],"
        "\"special_tokens\":[{\"rank\":1,\"token_str\":\"<s>\",\"is_control\":true}]}";
    struct err e = {0};
    struct tokenizer *t = tok_from_tekken(json, sizeof json - 1, "tekken.json", &e);
    if (!t) fail_msg("%s", e.msg);
    check_ids(t, "abab", 0, "5 5"); /* "aba" is beyond the size of the vocabulary */
    check_ids(t, "<s>a<SPECIAL_2>", TOK_SPECIAL, "1 3 2");
    assert_int_equal(tok_bos(t), 1);
    comes_back(t);
    struct buf out = {0}, more = {0};
    assert_int_equal(tok_export(t, FORMAT_TIKTOKEN, &out, &more, &e), -1);
    buf_clear(&out);
    assert_int_equal(tok_export(t, FORMAT_TEKKEN, &out, &more, &e), 0);
    assert_int_equal(tok_kind_of(out.data, out.len, ""), KIND_TEKKEN);
    assert_non_null(strstr(out.data, "\"pattern\":\"[ab]+|\\\\s+|.\""));
    refuses(t, FORMAT_GGUF, "no token for the byte 0x00");
    static const char *const bad[][2] = {
        {"{}", "no object 'config'"},
        {"{\"config\":{\"pattern\":\"a\"}}", "default_vocab_size"},
        {"{\"config\":{\"pattern\":\"(\",\"default_vocab_size\":2,\"default_num_special_tokens\":1},\"vocab\":[{"
         "\"rank\":0,"
         "\"token_bytes\":\"YQ==\"}]}",
         "regular expression"},
        {"{\"config\":{\"pattern\":\"a\",\"default_vocab_size\":2,\"default_num_special_tokens\":3},\"vocab\":[]}",
         "default_num_special_tokens"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_null(tok_from_tekken(bad[i][0], strlen(bad[i][0]), "tekken.json", &e));
        assert_int_equal(e.code, ERR_DATA);
        if (!strstr(e.msg, bad[i][1])) fail_msg("%s", e.msg);
    }
    buf_free(&out);
}

static void tokens_of_tekken_are_whole(void **state)
{
    static const struct { const char *token, *why; } bad[] = {
        {"{\"rank\":0}", ":1:"}, {"{\"rank\":0,\"token_bytes\":\"YQ==\",\"rank\":1}", "twice"}, {"{\"token_bytes\":\"YQ==\"}", "without rank"},
        {"{\"rank\":-1,\"token_bytes\":\"YQ==\"}", "between 0 and"}, {"{\"rank\":0,\"token_bytes\":\"YQ== 1\\nYg==\"}", "not base64"},
        {"{\"rank\":0,\"token_bytes\":\"YQ==\"", "expected"}, {"5", "expected"}, {"{\"rank\":0,\"token_bytes\":\"YQ==\"},", "expected"}};
    struct err e;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct buf b = {0};
        buf_printf(&b, "{\"config\":{\"pattern\":\"a\",\"default_vocab_size\":9,\"default_num_special_tokens\":0},\"vocab\":[%s]}", bad[i].token);
        assert_null(tok_from_tekken(b.data, b.len, "tekken.json", &e));
        if (e.code != ERR_DATA || !strstr(e.msg, bad[i].why)) fail_msg("%zu: '%s'", i, e.msg);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_content_tells_the_kind),
        cmocka_unit_test(tekken_has_special_tokens_first),
        cmocka_unit_test(tokens_of_tekken_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
