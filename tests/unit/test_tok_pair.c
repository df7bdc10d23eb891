/* Two texts in one row of ids, their types and places; bytes to characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/token/char_index.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lines.h"
#include "core/token/tok_shorten.h"

/* "a" 0 ... "f" 5, then [CLS] 6 and [SEP] 7. */
#define MODEL "\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"f\"," \
    "\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"d\":3,\"e\":4,\"f\":5,\"[CLS]\":6,\"[SEP]\":7}}}"
#define TEMPLATE                                                                                                       \
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"     \
    "{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":2}}],\"pair\":[{\"Sequence\":{\"id\":\"B\",\"type_id\":3}},"      \
    "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":1}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],"                \
    "\"special_tokens\":{\"[CLS]\":{\"id\":\"[CLS]\",\"ids\":[6,7],\"tokens\":[]},\"[SEP]\":{\"id\":\"[SEP]\","        \
    "\"ids\":[7],\"tokens\":[]}}},"
#define POST(type) "\"post_processor\":{\"type\":\"" type "\",\"cls\":[\"[CLS]\",6],\"sep\":[\"[SEP]\",7]},"
#define R "{\"type\":\"RobertaProcessing\",\"sep\":[\"s\",7],\"cls\":[\"c\",6],\"trim_offsets\":true,\"add_prefix_space\":true}"

/* "id:type:text ..." of a pair (b = NULL: of one text). */
static void expect(const char *parts, const char *a, const char *b, unsigned flags, const char *want)
{
    struct err e = {0};
    char json[4096], got[1024] = "";
    snprintf(json, sizeof json, "{%s" MODEL, parts);
    struct tokenizer *t = tok_parse(json, strlen(json), "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_encoding x = {.cap = 0};
    size_t len = 0;
    if (tok_encode_pair(t, s, a, strlen(a), b, b ? strlen(b) : 0, flags, &x, &e))
        snprintf(got, sizeof got, "%s", e.msg);
    else
        for (size_t i = 0; i < x.ids.n; i++)
            len += (size_t)snprintf(got + len, sizeof got - len, "%s%d:%d:%d", i ? " " : "", (int)x.ids.id[i],
                                    (int)x.of[i].type, x.of[i].text);
    assert_string_equal(got, want);
    if (!b && x.ids.n) { /* one text is what tok_encode() gives */
        struct tok_ids one = {.want_spans = true};
        assert_int_equal(tok_encode(t, s, a, strlen(a), flags, &one, &e), 0);
        assert_int_equal(one.n, x.ids.n);
        assert_memory_equal(one.id, x.ids.id, one.n * sizeof *one.id);
        assert_memory_equal(one.span, x.ids.span, one.n * sizeof *one.span);
        tok_ids_free(&one);
    }
    tok_encoding_free(&x);
    tok_scratch_free(s);
    tok_free(t);
}

static void texts_stand_where_the_template_says(void **state)
{
    (void)state;
    expect("", "a b", "c", TOK_TEMPLATE, "0:0:0 1:0:0 2:1:1");
    expect(POST("BertProcessing"), "a b", "c", TOK_TEMPLATE, "6:0:-1 0:0:0 1:0:0 7:0:-1 2:1:1 7:1:-1");
    expect(POST("BertProcessing"), "a b", "c", 0, "0:0:0 1:0:0 2:1:1");
    expect(POST("BertProcessing"), "", "", TOK_TEMPLATE, "6:0:-1 7:0:-1 7:1:-1");
    expect("\"post_processor\":" R ",", "a b", "c", TOK_TEMPLATE, "6:0:-1 0:0:0 1:0:0 7:0:-1 7:0:-1 2:0:1 7:0:-1");
    expect(TEMPLATE, "a b", "c", TOK_TEMPLATE, "2:3:1 7:1:-1 0:0:0 1:0:0");
    expect(TEMPLATE, "a b", "c", 0, "2:3:1 0:0:0 1:0:0");
    expect(TEMPLATE, "a b", NULL, TOK_TEMPLATE, "0:0:0 1:0:0 6:2:-1 7:2:-1");
}

/* As Hugging Face's tokenizers 0.23 has them. */
static void templates_are_put_one_into_the_other(void **state)
{
    (void)state;
#define T                                                                                                              \
    "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\",\"type_id\":2}},"                      \
    "{\"Sequence\":{\"id\":\"A\",\"type_id\":1}}],\"pair\":[{\"Sequence\":{\"id\":\"B\",\"type_id\":3}},"              \
    "{\"SpecialToken\":{\"id\":\"x\",\"type_id\":4}},{\"Sequence\":{\"id\":\"A\",\"type_id\":5}}],"                    \
    "\"special_tokens\":{\"x\":{\"id\":\"x\",\"ids\":[2,3],\"tokens\":[]}}}"
#define B "{\"type\":\"BertProcessing\",\"sep\":[\"s\",7],\"cls\":[\"c\",6]}"
#define IN(a, b) "\"post_processor\":{\"type\":\"Sequence\",\"processors\":[" a "," b "]},"
    const unsigned f = TOK_TEMPLATE;
    expect(IN(T, T), "a b", NULL, f, "0:3:0 1:3:0 2:4:-1 3:4:-1 2:5:-1 3:5:-1"); /* two pieces are a pair */
    expect(IN(T, T), "a b", NULL, 0, "0:1:0 1:1:0");
    expect(IN(T, T), "a b", "e", 0, "0:3:0 1:3:0 4:5:1");
    expect(IN(T, B), "a b", NULL, f, "6:0:-1 2:2:-1 3:2:-1 7:0:-1 0:1:0 1:1:0 7:1:-1");
    expect(IN(T, B), "a b", "e", f, "6:0:-1 4:3:1 7:0:-1 2:4:-1 3:4:-1 7:1:-1 0:5:0 1:5:0 7:1:-1");
    expect(IN(B, T), "a b", "e", f, "4:3:1 7:3:-1 2:4:-1 3:4:-1 6:5:-1 0:5:0 1:5:0 7:5:-1");
    expect(IN(R, B), "a b", "e", f, "6:0:-1 6:0:-1 0:0:0 1:0:0 7:0:-1 7:0:-1 7:0:-1 4:0:1 7:0:-1 7:1:-1");
    expect(IN(R, B), "a b", "e", 0, "0:0:0 1:0:0 4:0:1");
    expect(IN(T, T), "a b", "e", f, "the tokenizer's template is for one text, not for two: it has no 'pair'");
}

/* As Hugging Face's tokenizers 0.23 has them; the first is how Cohere's files begin. */
static void keys_of_other_parts_mean_nothing(void **state)
{
    (void)state;
    const unsigned f = TOK_TEMPLATE;
    struct err e = {0};
    expect("\"post_processor\":{\"add_prefix_space\":true,\"trim_offsets\":false,\"use_regex\":true,\"type\":\"TemplateProcessing\",\"single\":"
           "[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"B\",\"type_id\":2}},{\"Sequence\":{\"id\":\"A\","
           "\"type_id\":0}}],\"special_tokens\":{}},", "a b", "c", f, "2:2:1 0:0:0 1:0:0");
    expect("\"normalizer\":{\"type\":\"NFC\",\"lowercase\":true},\"post_processor\":" B ",", "a b", NULL, f, "6:0:-1 0:0:0 1:0:0 7:0:-1");
    /* These two are one, told from the other by its keys. */
    expect(POST("RobertaProcessing"), "a b", "c", f, "6:0:-1 0:0:0 1:0:0 7:0:-1 2:1:1 7:1:-1");
    expect("\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"s\",7],\"cls\":[\"c\",6],\"trim_offsets\":true,\"add_prefix_space\":true},",
           "a b", "c", f, "6:0:-1 0:0:0 1:0:0 7:0:-1 7:0:-1 2:0:1 7:0:-1");
    static const char odd[] = "{\"post_processor\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"trims\":1}," MODEL;
    assert_null(tok_parse(odd, strlen(odd), "t.json", &e));
    assert_non_null(strstr(e.msg, "unknown key post_processor.trims"));
}

#define CUT(n, way, strategy)                                                                                          \
    "\"truncation\":{\"max_length\":" n ",\"direction\":\"" way "\",\"strategy\":\"" strategy "\",\"stride\":0},"

static void the_longer_text_is_cut_first(void **state)
{
    (void)state;
    const unsigned f = TOK_LIMITS;
    expect(CUT("4", "Right", "LongestFirst"), "a b c d", "e", f, "0:0:0 1:0:0 2:0:0 4:1:1");
    expect(CUT("3", "Right", "LongestFirst"), "a b c", "d e f", f, "0:0:0 3:1:1 4:1:1"); /* the shorter gives more */
    expect(CUT("3", "Left", "LongestFirst"), "a b c d", "e", f, "2:0:0 3:0:0 4:1:1");
    expect(CUT("2", "Right", "OnlySecond"), "a", "b c d", f, "0:0:0 1:1:1");
    expect(CUT("3", "Left", "OnlyFirst"), "a b c", "d", f, "1:0:0 2:0:0 3:1:1");
    expect(CUT("2", "Right", "OnlyFirst"), "a", "b c d", f,
           "truncation is to shorten the first text by 2 tokens, and it has 1");
    expect(CUT("1", "Right", "OnlySecond"), "a b", NULL, f, "truncation is to shorten the second text, and there is none");
    expect(CUT("2", "Right", "OnlyFirst"), "a b c d", "e f", 0, "0:0:0 1:0:0 2:0:0 3:0:0 4:1:1 5:1:1"); /* not asked for */
    expect("\"truncation\":{\"max_length\":4,\"direction\":\"Right\",\"strategy\":\"OnlySecond\",\"stride\":2},", "a b", "c d e", f,
           "truncation: a text is cut to 2 tokens, and the stride of 2 must be less");
    expect(CUT("4", "Right", "LongestFirst") POST("BertProcessing"), "a b", "c d", f | TOK_TEMPLATE,
           "6:0:-1 7:0:-1 2:1:1 7:1:-1");
    expect(CUT("0", "Right", "OnlyFirst"), "a b", "c d", f, "");
}

/* What was there before is gone; spaces are left out of the offsets in both texts. */
static void the_second_text_is_treated_as_the_first(void **state)
{
    (void)state;
#define LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}"
    static const char json[] = "{\"pre_tokenizer\":" LEVEL ",\"post_processor\":" LEVEL ",\"model\":{\"type\":\"BPE\","
                               "\"vocab\":{\"a\":0,\"\xc4\xa0\":1,\"\xc4\xa0" "a\":2},\"merges\":[[\"\xc4\xa0\",\"a\"]]}}";
    static const size_t want[][3] = {{2, 1, 2}, {2, 3, 4}, {2, 1, 2}, {1, 3, 3}, {2, 4, 5}}; /* id, span */
    struct err e = {0};
    struct tokenizer *t = tok_parse(json, sizeof json - 1, "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_encoding x = {.cap = 0};
    for (int round = 0; round < 2; round++) {
        assert_int_equal(tok_encode_pair(t, s, " a a", 4, " a  a", 5, 0, &x, &e), 0);
        assert_int_equal(x.ids.n, 5);
        for (size_t i = 0; i < 5; i++)
            assert_true((size_t)x.ids.id[i] == want[i][0] && x.ids.span[i].begin == want[i][1] && x.ids.span[i].end == want[i][2]);
    }
    assert_int_equal(tok_encode_pair(t, s, "a", 1, NULL, 0, 0, &x, &e), 0);
    assert_int_equal(x.ids.n, 1);
    tok_encoding_free(&x);
    tok_scratch_free(s);
    tok_free(t);
}

static void what_is_wrong_with_a_text_is_said(void **state)
{
    (void)state;
    expect("", "a \xff", "b", TOK_STRICT, "invalid UTF-8 at byte offset 2");
    expect("", "a", "b\xff", TOK_STRICT, "second text: invalid UTF-8 at byte offset 1");
    expect("", "a \xff", NULL, TOK_STRICT, "invalid UTF-8 at byte offset 2");
    expect("", "a \xff", "b", 0, "0:0:0 5:0:0 1:1:1");
}

/* A first text that has more tokens than a window of the second is not cut for that. */
static void windows_are_of_the_text_that_is_cut(void **state)
{
    (void)state;
#define WINDOWS(from) "{\"truncation\":{\"max_length\":5,\"direction\":\"" from "\",\"strategy\":\"OnlySecond\",\"stride\":1}," MODEL
    static const char *const json[] = {WINDOWS("Right"), WINDOWS("Left")};
    static const int32_t want[][5] = {{0, 1, 2, 3, 4}, {0, 1, 2, 4, 5}};
    const unsigned flags = TOK_LIMITS | TOK_WINDOWS;
    for (size_t left = 0; left < 2; left++) {
        struct err e = {0};
        struct tokenizer *t = tok_parse(json[left], strlen(json[left]), "t.json", &e);
        if (!t) fail_msg("%s", e.msg);
        struct tok_scratch *s = tok_scratch_new(t, &e);
        struct tok_encoding x = {.cap = 0};
        if (tok_encode_pair(t, s, "a b c", 5, "d e f", 5, flags, &x, &e)) fail_msg("%s", e.msg);
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(x.ids.n, 5);
            assert_memory_equal(x.ids.id, want[k ^ left], sizeof want[k]);
            assert_int_equal(tok_encode_window(t, "a b c", 5, "d e f", 5, flags, &x, &e), k == 0 ? 1 : 0);
        }
        tok_encoding_free(&x);
        tok_scratch_free(s);
        tok_free(t);
    }
}

/* Types of a text that is cut: HF's templates set those of the first window only, RoBERTa's all where it puts tokens around
 * them.  What is not cut has the template's in each.  The values are those of HF tokenizers 0.23. */
static void later_windows_keep_the_types_of_their_text(void **state)
{
    (void)state;
#define PIECE(name, type) "{\"Sequence\":{\"id\":\"" name "\",\"type_id\":" type "}}"
#define FIRST "{\"SpecialToken\":{\"id\":\"[\",\"type_id\":5}},"
#define TYPES "{\"type\":\"TemplateProcessing\",\"single\":[" FIRST PIECE("A", "2") "],\"pair\":[" FIRST PIECE("A", "2") "," PIECE("B", "3") \
                 "],\"special_tokens\":{\"[\":{\"id\":\"[\",\"ids\":[0],\"tokens\":[\"[\"]}}}"
#define ROBERTA "{\"type\":\"RobertaProcessing\",\"sep\":[\"]\",1],\"cls\":[\"[\",0],\"trim_offsets\":false,\"add_prefix_space\":false}"
    static const struct {
        const char *post, *cut, *a, *b;
        int most;
        unsigned flags;
        const char *first, *later; /* types */
    } texts[] = {
        {TYPES, "First", "a b c d", "e", 3, 0, "223", "003"}, {TYPES, "Second", "e", "a b c d", 3, 0, "233", "211"},
        {TYPES, "First", "a b c d", NULL, 3, 0, "222", "0"}, {TYPES, "First", "a b c d", "e", 4, TOK_TEMPLATE, "5223", "5003"},
        {TYPES, "Second", "e", "a b c d", 4, TOK_TEMPLATE, "5233", "5211"}, {TYPES, "First", "a b c d", NULL, 4, TOK_TEMPLATE, "5222", "50"},
        {ROBERTA, "First", "a b c d", "e", 3, 0, "000", "000"}, {ROBERTA, "Second", "e", "a b c d", 3, 0, "000", "011"},
        {ROBERTA, "First", "a b c d", "e", 7, TOK_TEMPLATE, "0000000", "0000000"}, {ROBERTA, "Second", "e", "a b c d", 7, TOK_TEMPLATE, "0000000", "0000000"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct err e = {0};
        struct buf json = {0};
        buf_printf(&json, "{\"truncation\":{\"max_length\":%d,\"direction\":\"Right\",\"strategy\":\"Only%s\",\"stride\":0},\"pre_tokenizer\":{\"type\":"
                   "\"WhitespaceSplit\"},\"post_processor\":%s,\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"[\":0,\"]\":1,\"a\":2,\"b\":3,\"c\":4,"
                   "\"d\":5,\"e\":6},\"unk_token\":\"a\"}}", texts[i].most, texts[i].cut, texts[i].post);
        struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
        if (!t) fail_msg("%s", e.msg);
        struct tok_scratch *s = tok_scratch_new(t, &e);
        struct tok_encoding x = {.cap = 0};
        const char *a = texts[i].a, *b = texts[i].b;
        unsigned flags = TOK_LIMITS | TOK_WINDOWS | texts[i].flags;
        if (tok_encode_pair(t, s, a, strlen(a), b, b ? strlen(b) : 0, flags, &x, &e)) fail_msg("%zu: %s", i, e.msg);
        for (int k = 0; k < 2; k++) {
            char types[16] = "";
            for (size_t n = 0; n < x.ids.n; n++) types[n] = (char)('0' + x.of[n].type);
            assert_string_equal(types, k ? texts[i].later : texts[i].first);
            assert_int_equal(tok_encode_window(t, a, strlen(a), b, b ? strlen(b) : 0, flags, &x, &e), k == 0);
        }
        tok_encoding_free(&x);
        tok_scratch_free(s);
        tok_free(t);
        buf_free(&json);
    }
}

static void padding_has_its_type(void **state)
{
    (void)state;
    static const char fill[] = "\"padding\":{\"strategy\":{\"Fixed\":3},\"direction\":\"Left\",\"pad_to_multiple_of\":4,"
                               "\"pad_id\":5,\"pad_type_id\":9,\"pad_token\":\"f\"},";
    expect(fill, "a", "b", TOK_LIMITS, "5:9:-2 5:9:-2 0:0:0 1:1:1");
    expect(fill, "a b c d e", NULL, TOK_LIMITS, "0:0:0 1:0:0 2:0:0 3:0:0 4:0:0"); /* longer than padding goes */
    static const char most[] = "{\"padding\":{\"strategy\":\"BatchLongest\",\"pad_to_multiple_of\":16777217,\"pad_id\":5}," MODEL;
    struct err e = {0};
    assert_null(tok_parse(most, sizeof most - 1, "t.json", &e)); /* a text of one token would take gigabytes */
    assert_non_null(strstr(e.msg, "pad_to_multiple_of"));
}

/* As Hugging Face's tokenizers 0.23 have them: all of the text each time, whatever truncation left of it. */
static void a_text_may_be_named_more_than_once(void **state)
{
    (void)state;
#define TWICE                                                                                                          \
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":1}},"     \
    "{\"SpecialToken\":{\"id\":\"x\",\"type_id\":2}},{\"Sequence\":{\"id\":\"A\",\"type_id\":3}}],"                  \
    "\"pair\":[{\"Sequence\":{\"id\":\"B\",\"type_id\":1}},{\"Sequence\":{\"id\":\"A\",\"type_id\":2}},"             \
    "{\"Sequence\":{\"id\":\"B\",\"type_id\":3}}],\"special_tokens\":{\"x\":{\"id\":\"x\",\"ids\":[7],\"tokens\":[]}}},"
    expect(TWICE, "a b", NULL, TOK_TEMPLATE, "0:1:0 1:1:0 7:2:-1 0:3:0 1:3:0");
    expect(TWICE, "a b", NULL, 0, "0:1:0 1:1:0 0:3:0 1:3:0");
    expect(TWICE, "", NULL, TOK_TEMPLATE, "7:2:-1");
    expect(TWICE, "a b", "c", TOK_TEMPLATE, "2:1:1 0:2:0 1:2:0 2:3:1");
    expect(TWICE "\"truncation\":{\"max_length\":2,\"direction\":\"Right\",\"strategy\":\"LongestFirst\",\"stride\":0},", "a b c", NULL,
           TOK_TEMPLATE | TOK_LIMITS, "0:1:0 7:2:-1 0:3:0");
    static const char json[] = "{" TWICE MODEL;
    struct err e = {0};
    struct tok_ids work = {0};
    struct tok_short cut = {.tokens = 0};
    uint64_t count;
    struct tokenizer *t = tok_parse(json, sizeof json - 1, "t.json", &e);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    assert_int_equal(tok_count(t, s, "a b", 3, TOK_TEMPLATE, &work, &count, &e), 0);
    assert_int_equal(count, 5);
    assert_false(tok_counts_parts(t));
    assert_int_equal(tok_shorten(t, s, "a b", 3, &(struct tok_shorten){.max = 2}, &cut, &e), -1);
    assert_non_null(strstr(e.msg, "2 times"));
    tok_ids_free(&work);
    tok_short_free(&cut);
    tok_scratch_free(s);
    tok_free(t);
}

static void bad_templates_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"\"single\":[],\"pair\":[]", "'single' names the text A 0 times"},
        {"\"single\":[{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}],\"pair\":[]", "'single' names the text A 0 times"},
        {"\"single\":[{\"Sequence\":{\"id\":\"C\",\"type_id\":0}}],\"pair\":[]", "'C' is neither A nor B"},
        {"\"single\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}]",
         "'pair' names the text B 0 times"},
        {"\"single\":[{\"Sequence\":{\"id\":\"A\"}},{\"Sequence\":{\"id\":\"B\"}}],\"pair\":[]", "'single' names the text B 1 times"},
        {"\"single\":[{\"SpecialToken\":{\"id\":\"x\",\"type_id\":-1}}],\"pair\":[]", "type_id"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = {0};
        char json[2048];
        snprintf(json, sizeof json,
                 "{\"post_processor\":{\"type\":\"TemplateProcessing\",%s,\"special_tokens\":{}}," MODEL, bad[i][0]);
        assert_null(tok_parse(json, strlen(json), "t.json", &e));
        if (!strstr(e.msg, bad[i][1])) fail_msg("%s", e.msg);
        assert_int_equal(e.code, ERR_DATA);
    }
}

static void bytes_become_characters(void **state)
{
    (void)state;
    struct err e = {0};
    struct char_index x = {.bits = NULL};
    /* a, e acute, a broken sequence of two bytes, another byte, an emoji */
    static const char text[] = "a\xC3\xA9\xE2\x82\xFF\xF0\x9F\x98\x80";
    static const size_t begin[] = {0, 1, 1, 2, 2, 3, 4, 4, 4, 4, 5}, end[] = {0, 1, 2, 2, 3, 3, 4, 5, 5, 5, 5};
    assert_int_equal(char_index_build(&x, text, sizeof text - 1, &e), 0);
    assert_int_equal(x.n_chars, 5);
    for (size_t i = 0; i < sizeof text; i++) {
        assert_int_equal(char_index_begin(&x, i), begin[i]);
        assert_int_equal(char_index_end(&x, i), end[i]);
    }
    char many[1000]; /* over the borders of words, in memory that was used before */
    for (size_t i = 0; i < sizeof many; i++) many[i] = "\xE4\xB8\xAD"[i % 3];
    assert_int_equal(char_index_build(&x, many, 999, &e), 0);
    for (size_t i = 0; i < 999; i++) {
        assert_int_equal(char_index_begin(&x, i), i / 3);
        assert_int_equal(char_index_end(&x, i), (i + 2) / 3);
    }
    assert_int_equal(char_index_build(&x, "", 0, &e), 0);
    assert_int_equal(char_index_begin(&x, 0), 0);
    char_index_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_stand_where_the_template_says),
        cmocka_unit_test(templates_are_put_one_into_the_other), cmocka_unit_test(keys_of_other_parts_mean_nothing),
        cmocka_unit_test(the_longer_text_is_cut_first),
        cmocka_unit_test(the_second_text_is_treated_as_the_first),
        cmocka_unit_test(what_is_wrong_with_a_text_is_said),
        cmocka_unit_test(windows_are_of_the_text_that_is_cut),
        cmocka_unit_test(later_windows_keep_the_types_of_their_text),
        cmocka_unit_test(padding_has_its_type),
        cmocka_unit_test(a_text_may_be_named_more_than_once),
        cmocka_unit_test(bad_templates_are_refused),
        cmocka_unit_test(bytes_become_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
