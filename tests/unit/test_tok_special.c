/* Special tokens that the model makes of text: where they are allowed the ids are those of Hugging
 * Face's tokenizers 0.23, else there are none but the one for what is unknown, and symbols of BPE. */
#include "tests/unit/tok_util.h"

#include "core/base/json.h"
#include "core/token/bytemap.h"
#include "core/token/gguf_pre.h"

#define ADDED(id, text, more) "{\"id\":" #id ",\"content\":\"" text "\",\"special\":true,\"normalized\":false" more "}"
#define NFKC "\"normalizer\":{\"type\":\"NFKC\"},"
#define SPACES "\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},"

static const char unigram[] =
    "{\"added_tokens\":[" ADDED(0, "<unk>", "") "," ADDED(1, "</s>", "") "]," NFKC "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":"
    "[[\"<unk>\",0],[\"</s>\",0],[\"<\",-1],[\"/\",-1],[\"s\",-1],[\">\",-1],[\"a\",-1]]}}";
static const char wordpiece[] =
    "{\"added_tokens\":[" ADDED(0, "[UNK]", "") "," ADDED(1, "[SEP]", "") "]," NFKC SPACES "\"model\":{\"type\":\"WordPiece\",\"vocab\":"
    "{\"[UNK]\":0,\"[SEP]\":1,\"[\":2,\"##S\":3,\"##E\":4,\"##P\":5,\"##]\":6,\"a\":7}}}";
static const char merges[] =
    "{\"added_tokens\":[" ADDED(5, "<s>", "") "]," NFKC "\"model\":{\"type\":\"BPE\",\"vocab\":"
    "{\"<\":0,\"s\":1,\">\":2,\"a\":3,\"<s\":4,\"<s>\":5},\"merges\":[[\"<\",\"s\"],[\"<s\",\">\"]]}}";
static const char whole[] =
    "{\"added_tokens\":[" ADDED(5, "<s>", "") "]," NFKC SPACES "\"model\":{\"type\":\"BPE\",\"ignore_merges\":true,\"vocab\":"
    "{\"<\":0,\"s\":1,\">\":2,\"a\":3,\"<s\":4,\"<s>\":5},\"merges\":[[\"<\",\"s\"]]}}";
static const char words[] =
    "{\"added_tokens\":[" ADDED(0, "[UNK]", "") "," ADDED(1, "[SEP]", "") "]," NFKC SPACES "\"model\":{\"type\":\"WordLevel\","
    "\"unk_token\":\"[UNK]\",\"vocab\":{\"[UNK]\":0,\"[SEP]\":1,\"a\":2}}}";
static const char characters[] =
    "{\"added_tokens\":[" ADDED(0, "x", "") "," ADDED(1, "a", ",\"single_word\":true") "],\"model\":{\"type\":\"BPE\",\"unk_token\":\"x\",\"vocab\":"
    "{\"x\":0,\"a\":1,\"b\":2,\"ab\":3},\"merges\":[[\"a\",\"b\"]]}}";

static void check(const char *json, const char *text, const char *shut, const char *open)
{
    struct err e = {0};
    struct tokenizer *t = tok_parse(json, strlen(json), "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    check_ids(t, text, 0, shut);
    if (tok_allow_special(t, &e)) fail_msg("%s", e.msg);
    check_ids(t, text, TOK_SPECIAL, open);
    tok_free(t);
}

static void what_normalising_makes(void **state)
{
    (void)state;
    check(unigram, "a\xEF\xBC\x9C/s\xEF\xBC\x9E" "a", "6 2 3 4 5 6", "6 1 6");
    check(unigram, "a</s>a", "6 2 3 4 5 6", "6 1 6");
    check(wordpiece, "\xEF\xBC\xBBSEP\xEF\xBC\xBD a", "2 3 4 5 6 7", "1 7");
    check(merges, "a\xEF\xBC\x9Cs>a", "3 4 2 3", "3 5 3");
    check(merges, "a<s>a", "3 4 2 3", "3 5 3");
    check(whole, "\xEF\xBC\x9Cs> a<s>", "4 2 3 4 2", "5 3 5");
    check(words, "a \xEF\xBC\xBBSEP] b", "2 0 0", "2 1 0");
}

/* What tokens are made of stays, or text would be lost. */
static void characters_stay(void **state)
{
    (void)state;
    check(characters, "a b", "1 0 2", "1 0 2");
    check(characters, "aab", "1 3", "1 3");
}

/* Bytes, of which "ab", " ab" and " abc" are merged, cut by `pre`. */
static void add_byte_level(struct buf *json, const char *pre)
{
    buf_adds(json, "{\"added_tokens\":[" ADDED(33, "!", "") "," ADDED(257, "\xC4\xA0" "ab", "") "],");
    buf_printf(json, "\"pre_tokenizer\":%s,", pre);
    buf_adds(json, "\"model\":{\"type\":\"BPE\",\"merges\":"
                   "[[\"a\",\"b\"],[\"\xC4\xA0\",\"ab\"],[\"\xC4\xA0" "ab\",\"c\"]],\"vocab\":{");
    for (int b = 0; b < 256; b++) {
        char text[4];
        int n = utf8_encode(bytemap_char((uint8_t)b), text);
        buf_printf(json, "\"%s%.*s\":%d,", b == '"' || b == '\\' ? "\\" : "", n, text, b);
    }
    buf_adds(json, "\"ab\":256,\"\xC4\xA0" "ab\":257,\"\xC4\xA0" "abc\":258}}}");
}

static void bytes_stay(void **state)
{
    (void)state;
    struct buf json = {0};
    add_byte_level(&json, "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}");
    check(json.data, "a!", "97 33", "97 33");
    check(json.data, "ab ab", "256 32 256", "256 257");
    check(json.data, " abc", "32 256 99", "258");
    buf_free(&json);
}

/* What is made of the merges, for words with spaces in them, is made once more; the sanitizer sees what stays. */
static void phrases_stay(void **state)
{
    (void)state;
    struct buf pre = {0}, json = {0};
    buf_adds(&pre, "{\"type\":\"Sequence\",\"pretokenizers\":[");
    gguf_pre_chain(gguf_pre_named("exaone-moe"), &pre);
    buf_adds(&pre, "]}");
    add_byte_level(&json, pre.data);
    check(json.data, "ab ab", "256 32 256", "256 257");
    check(json.data, "a b ab", "97 32 98 32 256", "97 32 98 257");
    buf_free(&pre);
    buf_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_normalising_makes),
        cmocka_unit_test(characters_stay),
        cmocka_unit_test(bytes_stay),
        cmocka_unit_test(phrases_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
