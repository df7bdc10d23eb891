/* Tokenizers in files of all kinds: what is written reads back equal or is refused, and memory may run out while it is read. */
#include "tests/unit/spm_util.h"
#include "tests/unit/tok_util.h"

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/tok_load.h"

static struct tokenizer *parse(const char *json)
{
    struct err e = {0};
    struct tokenizer *t = tok_parse(json, strlen(json), "t.json", &e);
    if (!t) fail_msg("%s: %s", json, e.msg);
    return t;
}

static struct tokenizer *small_model(void)
{
    struct spm_model m;
    spm_model_init(&m);
    add_pieces(&m, (const struct piece[]){{"<unk>", 0, SPM_UNKNOWN}, {"a", -1, SPM_NORMAL}, {"ab", -2, SPM_NORMAL}}, 3);
    return tokenizer_of(&m);
}

static void files_are_written_when_they_read_back_equal(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf out = {0}, merges = {0};
    struct tokenizer *t = small_model();
    assert_int_equal(tok_export(t, FORMAT_SPM, &out, &merges, &e), 0);
    buf_clear(&out);
    assert_int_equal(tok_export(t, FORMAT_JSON, &out, &merges, &e), -1);
    assert_non_null(strstr(e.msg, "cannot hold this tokenizer"));
    tok_free(t);
    static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n";
    buf_clear(&out);
    t = tok_from_vocab_txt(vocab, strlen(vocab), TOK_BERT, "vocab.txt", &e);
    assert_non_null(t);
    assert_int_equal(tok_export(t, FORMAT_VOCAB_TXT, &out, &merges, &e), 0);
    assert_string_equal(out.data, vocab);
    assert_int_equal(tok_export(t, FORMAT_TIKTOKEN, &out, &merges, &e), -1);
    tok_free(t);
    static const char like_ranks[] = "5A== 228\n[UNK]\na\n";
    buf_clear(&out);
    t = tok_from_vocab_txt(like_ranks, strlen(like_ranks), TOK_BERT, "vocab.txt", &e);
    assert_non_null(t);
    assert_int_equal(tok_export(t, FORMAT_VOCAB_TXT, &out, &merges, &e), -1);
    assert_non_null(strstr(e.msg, "taken for a file of another kind"));
    tok_free(t);
    buf_free(&out);
    buf_free(&merges);
}

/* The tokenizer of a tokenizer.json with the first `from` made `to`. */
static struct tokenizer *parse_changed(const char *json, const char *from, const char *to)
{
    struct err e = {0};
    struct buf changed = {0};
    const char *at = strstr(json, from);
    assert_non_null(at);
    buf_add(&changed, json, (size_t)(at - json));
    buf_adds(&changed, to);
    buf_adds(&changed, at + strlen(from));
    struct tokenizer *t = tok_parse(changed.data, changed.len, "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    buf_free(&changed);
    return t;
}

/* What a list of words does not say must be what its readers take for granted. */
static void words_alone_are_of_a_bert_tokenizer(void **state)
{
    (void)state;
    static const struct { const char *from, *to; } changes[] = {
        {"\"cleanup\":true", "\"cleanup\":false"},
        {"{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}", "{\"type\":\"Fuse\"}"},
        {"\"id\":4,\"content\":\"[MASK]\"", "\"id\":5,\"content\":\"a\""},
        {"\"lstrip\":false", "\"lstrip\":true"},
        {"\"rstrip\":false", "\"rstrip\":true"},
        {"\"single_word\":false", "\"single_word\":true"},
        {"\"normalized\":false", "\"normalized\":true"},
        {"\"special\":true", "\"special\":false"}};
    static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n";
    struct err e = {0};
    struct buf json = {0};
    struct tokenizer *t = tok_from_vocab_txt(vocab, strlen(vocab), TOK_BERT, "vocab.txt", &e);
    assert_non_null(t);
    assert_int_equal(tok_to_json(t, &json, &e), 0);
    tok_free(t);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct buf out = {0};
        t = parse_changed(json.data, changes[i].from, changes[i].to);
        if (tok_export(t, FORMAT_VOCAB_TXT, &out, NULL, &e) == 0) fail_msg("%s is lost in vocab.txt", changes[i].to);
        buf_clear(&out);
        if (tok_export(t, FORMAT_GGUF, &out, NULL, &e) == 0) fail_msg("%s is lost in GGUF", changes[i].to);
        tok_free(t);
        buf_free(&out);
    }
    buf_free(&json);
}

/* {"!":0, ... } of all bytes, and the end of a text. */
static void add_byte_ids(struct buf *out)
{
    for (int b = 0; b < 256; b++) {
        char text[4];
        size_t n = (size_t)utf8_encode(bytemap_char((uint8_t)b), text);
        buf_addc(out, b ? ',' : '{');
        buf_add_json(out, text, n);
        buf_printf(out, ":%d", b);
    }
    buf_adds(out, ",\"<|endoftext|>\":256}");
}

static void merges_alone_are_of_gpt2(void **state)
{
    (void)state;
    static const struct { const char *from, *to; } changes[] = {
        {"\"lstrip\":false", "\"lstrip\":false"}, /* nothing */
        {"\"normalized\":false", "\"normalized\":true"}, /* the same where there is no normalizer */
        {"\"lstrip\":false", "\"lstrip\":true"},
        {"\"rstrip\":false", "\"rstrip\":true"},
        {"\"single_word\":false", "\"single_word\":true"},
        {"\"special\":true", "\"special\":false"}};
    struct err e = {0};
    struct buf json = {0}, vocab = {0}, merges = {0};
    add_byte_ids(&vocab);
    struct tokenizer *t = tok_from_vocab_merges(&vocab, &merges, "vocab.json", "merges.txt", &e);
    if (!t || tok_to_json(t, &json, &e)) fail_msg("%s", e.msg);
    tok_free(t);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct buf out = {0}, beside = {0};
        t = parse_changed(json.data, changes[i].from, changes[i].to);
        int ret = tok_export(t, FORMAT_MERGES, &out, &beside, &e);
        if (ret != (i < 2 ? 0 : -1)) fail_msg("%s: %d", changes[i].to, ret);
        tok_free(t);
        buf_free(&out);
        buf_free(&beside);
    }
    buf_free(&json);
    buf_free(&vocab);
}

/* ---- memory ---- */

/* Wherever memory ends while a file of this kind is read: its status says so, too. */
static void runs_out(const struct tokenizer *t, enum tok_format format, const char *split)
{
    struct err e = {0};
    struct buf file = {0};
    struct tokenizer *back = NULL;
    if (tok_export(t, format, &file, NULL, &e)) fail_msg("kind %d: %s", format, e.msg);
    for (int n = 1; !back && n < 20000; n++) {
        mem_fail_from(n); /* a second try without a table finds no memory either */
        back = tok_from_file(file.data, file.len, "file", split, &e);
        mem_fail_after(-1);
        if (!back && e.code != ERR_OS) fail_msg("kind %d, allocation %d: status %d: %s", format, n, e.code, e.msg);
    }
    assert_non_null(back);
    tok_free(back);
    buf_free(&file);
}

static void memory_that_runs_out_is_no_bad_file(void **state)
{
    (void)state;
    static const char text[] = "low lower lowest newer newest wider low low new";
    struct tokenizer *t = learn_from(&(struct tok_train_opts){.type = TOK_TRAIN_BPE, .vocab_size = 270, .split = SPLIT_GPT2}, text, strlen(text));
    runs_out(t, FORMAT_JSON, NULL);
    runs_out(t, FORMAT_GGUF, NULL);
    struct err e = {0};
    struct tokenizer *ranks = tok_as_ranks(t, &e);
    if (!ranks) fail_msg("%s", e.msg);
    runs_out(ranks, FORMAT_TIKTOKEN, "gpt2");
    tok_free(ranks);
    tok_free(t);
    t = parse("{\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":true},"
              "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
              "\"max_input_chars_per_word\":100,\"vocab\":{\"[UNK]\":0,\"a\":1,\"##b\":2}},\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}}");
    runs_out(t, FORMAT_JSON, NULL);
    tok_free(t);
    t = parse("{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"a\",-1],[\"b\",-2.5]]}}");
    runs_out(t, FORMAT_JSON, NULL);
    tok_free(t);
    t = small_model();
    runs_out(t, FORMAT_SPM, NULL);
    tok_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_written_when_they_read_back_equal),
        cmocka_unit_test(words_alone_are_of_a_bert_tokenizer),
        cmocka_unit_test(merges_alone_are_of_gpt2),
        cmocka_unit_test(memory_that_runs_out_is_no_bad_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
