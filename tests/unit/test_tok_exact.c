/* What Hugging Face's engine and SentencePiece do in odd places: values are those of tokenizers 0.23 and
 * sentencepiece 0.2.3. */
#include "tests/unit/spm_util.h"
#include "tests/unit/tok_util.h"

#include <stdio.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"

static void check(const char *json, const char *text, const char *want)
{
    struct err e = {0};
    struct buf got = {0};
    struct tokenizer *t = tok_parse(json, strlen(json), "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    struct both both = both_new(t);
    both_same(&both, text, strlen(text), TOK_SPECIAL | TOK_TEMPLATE | TOK_LIMITS);
    both_print(&both, &got);
    if (strcmp(got.data, want) != 0) fail_msg("'%s': %s, not %s", text, got.data, want);
    buf_free(&got);
    both_free(&both);
    tok_free(t);
}

/* "##x" is an x inside a word, and what "##x" at its beginning comes to. */
static void a_token_covers_what_it_was_made_of(void **state)
{
    (void)state;
    static const char json[] = "{\"model\":{\"type\":\"BPE\",\"continuing_subword_prefix\":\"##\",\"vocab\":{\"a\":0,\"##x\":1,\"#\":2,\"###\":3,"
                               "\"###x\":4,\"##a\":5},\"merges\":[[\"###\",\"##x\"],[\"#\",\"###x\"]]}}";
    check(json, "axa", "0@0-1 1@1-2 5@2-3");
    check(json, "##xa", "1@0-3 5@3-4");
    /* What has no token is left out, and all after it stands too early. */
    check(json, "zaxa", "5@0-1 1@1-2 5@2-3");
}

/* An added token of that text stands for its normal form in what is decoded, but the model's
 * token for one byte. */
static void a_byte_that_is_an_added_token_too_covers_a_byte(void **state)
{
    (void)state;
    struct buf json = {0};
    buf_adds(&json, "{\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\"x \"},\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                    "\"trim_offsets\":true,\"use_regex\":true},\"added_tokens\":[{\"id\":233,\"content\":\"\xC3\xA9\",\"single_word\":true,\"normalized\":true}],"
                    "\"model\":{\"type\":\"BPE\",\"merges\":[],\"vocab\":{");
    for (int b = 0; b < 256; b++) {
        char text[4];
        int n = utf8_encode(bytemap_char((uint8_t)b), text);
        buf_printf(&json, "%s\"%s%.*s\":%d", b ? "," : "", b == '"' || b == '\\' ? "\\" : "", n, text, b);
    }
    buf_adds(&json, "}}}");
    check(json.data, "a\xE9\x97\x8C" "a", "120@0-1 32@0-1 97@0-1 233@1-4 151@1-4 140@1-4 97@4-5");
    buf_free(&json);
}

#define TRIMS "\"post_processor\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false},"

static void added_tokens_lose_the_spaces_of_what_they_were_found_as(void **state)
{
    (void)state;
    static const char json[] = "{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"-\"},\"content\":\" \"}," TRIMS
                               "\"added_tokens\":[{\"id\":3,\"content\":\"-b\",\"normalized\":true,\"special\":false}],"
                               "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"x\":0,\"y\":1,\"<unk>\":2},\"unk_token\":\"<unk>\"}}";
    check(json, "x-by", "0@0-1 3@2-3 1@3-4");
    static const char other[] = "{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"_\"}," TRIMS
                                "\"added_tokens\":[{\"id\":3,\"content\":\" b\",\"normalized\":true,\"special\":false}],"
                                "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"x\":0,\"y\":1,\"<unk>\":2},\"unk_token\":\"<unk>\"}}";
    check(other, "x by", "0@0-1 3@1-3 1@3-4");
}

/* Word characters are those of Unicode 16's \w, letters among symbols and new digits, too. */
static void words_end_where_no_word_goes_on(void **state)
{
    (void)state;
    static const char json[] = "{\"added_tokens\":[{\"id\":2,\"content\":\"<x>\",\"single_word\":true,\"normalized\":false,\"special\":false}],"
                               "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"u\":0,\"v\":1},\"unk_token\":\"u\"}}";
    check(json, "\U0001F130<x>", "0@0-7"); /* a squared A */
    check(json, "\u24B6<x>", "0@0-6");
    check(json, "<x>\U00010D40", "0@0-7"); /* a digit of Garay */
    check(json, "\u2460<x>", "0@0-3 2@3-6");
    check(json, "<x>\U0001F600", "2@0-3 0@3-7");
}

/* Special tokens are left out by their text: one that is found as another stays, and goes where another comes to it. */
static void a_special_token_of_another_form_is_shown(void **state)
{
    (void)state;
    static const char json[] = "{\"normalizer\":{\"type\":\"Lowercase\"},\"added_tokens\":["
                               "{\"id\":2,\"content\":\"<X>\",\"normalized\":true,\"special\":true},{\"id\":3,\"content\":\"<y>\",\"normalized\":true,\"special\":true},{\"id\":4,\"content\":\"<Y>\",\"normalized\":true,\"special\":false}],"
                               "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"u\":0,\"v\":1},\"unk_token\":\"u\"}}";
    static const int32_t ids[] = {2, 1, 3, 4};
    struct err e = {0};
    struct tokenizer *t = tok_parse(json, strlen(json), "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    for (int way = 0; way < 2; way++) {
        struct buf out = {0};
        struct tok_stream s;
        tok_stream_init(&s, t, true);
        for (int i = 0; way && i < 4; i++) assert_int_equal(tok_stream_add(&s, ids[i], &out, &e), 0);
        if (!way) assert_int_equal(tok_decode(t, ids, 4, true, &out, &e), 0);
        assert_string_equal(out.data, "<x> v");
        buf_free(&out);
    }
    tok_free(t);
}

/* The engine takes the template off the length, and below zero that is a very long text. */
static void a_template_longer_than_the_text_may_be_cuts_nothing(void **state)
{
    (void)state;
    static const char *const want[] = {"1@0-0 0@0-1 0@2-3 2@0-0", "1@0-0 2@0-0", "1@0-0 0@0-1 2@0-0"};
    for (int max = 1; max <= 3; max++) {
        struct buf json = {0};
        buf_printf(&json, "{\"truncation\":{\"direction\":\"Right\",\"max_length\":%d,\"strategy\":\"LongestFirst\",\"stride\":0},"
                          "\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"s\",2],\"cls\":[\"c\",1]},"
                          "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"x\":0,\"c\":1,\"s\":2},\"unk_token\":\"x\"}}", max);
        check(json.data, "x x", want[max - 1]);
        buf_free(&json);
    }
}

/* Metaspace puts its mark before a text, not before the newlines that the fast way cuts at. */
static void metaspace_has_one_mark_for_many_lines(void **state)
{
    (void)state;
    struct buf json = {0};
    buf_adds(&json, "{\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\",\"prepend_scheme\":\"always\",\"split\":false},"
                    "\"model\":{\"type\":\"BPE\",\"byte_fallback\":true,\"fuse_unk\":true,\"unk_token\":\"\xE2\x96\x81\",\"merges\":[],\"vocab\":{\"\xE2\x96\x81\":256,\"a\":257");
    for (int b = 0; b < 256; b++) buf_printf(&json, ",\"<0x%02X>\":%d", (unsigned)b, b);
    buf_adds(&json, "}}}");
    check(json.data, "a\na\n a", "256@0-1 257@0-1 10@1-2 257@2-3 10@3-4 256@4-5 257@5-6");
    buf_free(&json);
}

/* Symbols for the bytes of a suffix stand for nothing of the text, also at its end. */
static void bytes_of_affixes_stand_behind_the_word(void **state)
{
    (void)state;
    check("{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"x\"},\"content\":\"c\"}," TRIMS
          "\"model\":{\"type\":\"BPE\",\"byte_fallback\":true,\"continuing_subword_prefix\":\"#\",\"merges\":[],"
          "\"vocab\":{\"a\":0,\"<0x23>\":1,\"<0x63>\":2}}}", "axx", "0@0-1 1@1-2 2@2-3 1@3-3 2@3-3");
}

/* No step cuts the text: the model sees it whole. */
static void a_text_that_is_not_cut_is_one_word(void **state)
{
    (void)state;
#define UNCUT(model) "{\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\",\"prepend_scheme\":\"always\",\"split\":false},\"model\":{" model "}}}"
    static const char level[] = UNCUT("\"type\":\"WordLevel\",\"unk_token\":\"u\",\"vocab\":{\"u\":0,\"\xE2\x96\x81\":1,\"\xE2\x96\x81" "a\":2");
    static const char piece[] = UNCUT("\"type\":\"WordPiece\",\"unk_token\":\"u\",\"vocab\":{\"u\":0,\"\xE2\x96\x81\":1,\"\xE2\x96\x81" "a\":2");
    static const char suffix[] = UNCUT("\"type\":\"BPE\",\"end_of_word_suffix\":\"</w>\",\"merges\":[],\"vocab\":{\"\xE2\x96\x81\":0,\"a\":1,\"a</w>\":2");
    static const char whole[] = UNCUT("\"type\":\"BPE\",\"ignore_merges\":true,\"merges\":[[\"a\",\"b\"]],\"vocab\":{\"\xE2\x96\x81\":0,\"a\":1,\"b\":2,\"ab\":3,\"\xE2\x96\x81" "ab\":4");
    check(level, "a a", "0@0-3");
    check(piece, "a a", "0@0-3");
    check(suffix, "a a", "0@0-1 1@0-1 0@1-2 2@2-3");
    check(whole, "ab", "4@0-2");
    /* What has no token is left out, and what stood on its sides is merged. */
    static const char left[] = UNCUT("\"type\":\"BPE\",\"merges\":[[\"\xE2\x96\x81\",\"\xE2\x96\x81\"]],\"vocab\":{\"\xE2\x96\x81\":0,\"\xE2\x96\x81\xE2\x96\x81\":1,\"a\":2");
    check(left, "a b a", "0@0-1 2@0-1 1@1-4 2@3-4");
    check(whole, "ab a", "0@0-1 3@0-2 0@2-3 1@3-4");
#undef UNCUT
}

/* ---- ignore_merges ---- */

enum { LONGEST = 20, WHOLE = 256 };
static const char *const of_words[] = {"q", "\xC3\xA9"}, *const of_tokens[] = {"q", "\xC3\x83\xC2\xA9"};
#define BYTES "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}"

static int whole_id(size_t letter, int n)
{
    return WHOLE + (int)letter * LONGEST + n;
}

/* Tokens of 2 to LONGEST times the same letter, of which merging makes but one. */
static void put_whole_vocab(struct buf *json)
{
    buf_adds(json, "\"model\":{\"type\":\"BPE\",\"ignore_merges\":true,\"merges\":[[\"q\",\"q\"]],\"vocab\":{\"!!\":999");
    for (int b = 0; b < 256; b++) {
        char spelled[4];
        int n = utf8_encode(bytemap_char((uint8_t)b), spelled);
        buf_printf(json, ",\"%s%.*s\":%d", b == '"' || b == '\\' ? "\\" : "", n, spelled, b);
    }
    for (size_t i = 0; i < COUNT_OF(of_tokens); i++)
        for (int n = 2; n <= LONGEST; n++) {
            buf_adds(json, ",\"");
            for (int k = 0; k < n; k++) buf_adds(json, of_tokens[i]);
            buf_printf(json, "\":%d", whole_id(i, n));
        }
    buf_adds(json, "}}");
}

/* A word that is a token is that token, whatever merging makes of its bytes: of all lengths, of ASCII and not, as
 * tokens of the model alone and as added ones, whatever decodes them. */
static void words_that_no_merge_makes_are_taken_whole(void **state)
{
    (void)state;
    static const char *const beginnings[] = {
        "{", "{\"decoder\":" BYTES ",",
        "{\"decoder\":" BYTES ",\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\"x\"},\"added_tokens\":[{\"id\":263,\"content\":\"qqqqqqq\","
        "\"single_word\":true,\"lstrip\":false,\"rstrip\":false,\"normalized\":true,\"special\":false}],"};
    struct buf text = {0}, want = {0};
    buf_adds(&text, "\n");
    for (size_t i = 0; i < COUNT_OF(of_words); i++)
        for (int n = 2; n <= LONGEST; n++) {
            for (int k = 0; k < n; k++) buf_adds(&text, of_words[i]);
            buf_adds(&text, "\n");
            buf_printf(&want, "%d 10 ", whole_id(i, n));
        }
    for (size_t i = 0; i < COUNT_OF(beginnings); i++) {
        struct buf json = {0}, got = {0};
        struct err e = {0};
        buf_printf(&json, "%s\"pre_tokenizer\":" BYTES ",", beginnings[i]);
        put_whole_vocab(&json);
        buf_adds(&json, "}");
        struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
        if (!t) fail_msg("%s", e.msg);
        struct both both = both_new(t);
        both_same(&both, text.data, text.len, 0);
        for (size_t k = 0; k < both.ids.n; k++) buf_printf(&got, "%d ", both.ids.id[k]);
        assert_true(got.len >= want.len);
        assert_string_equal(got.data + got.len - want.len, want.data); /* behind what stands before the words */
        both_free(&both);
        tok_free(t);
        buf_free(&json);
        buf_free(&got);
    }
    buf_free(&text);
    buf_free(&want);
}
#undef BYTES

/* What stands for unknown characters may be made by a merge, too, and then covers what was merged. */
static void the_unknown_token_may_be_a_merged_one(void **state)
{
    (void)state;
    static const char plain[] = "{\"model\":{\"type\":\"BPE\",\"unk_token\":\"ab\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"c\":3},\"merges\":[[\"a\",\"b\"]]}}";
    check(plain, "cab\xC3\xA9" "c", "3@0-1 2@1-3 2@3-5 3@5-6");
    struct buf json = {0};
    buf_adds(&json, "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true},"
                    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"ab\",\"merges\":[[\"a\",\"b\"]],\"vocab\":{\"ab\":256");
    for (int b = 0; b < 256; b++) {
        char text[4];
        int n = utf8_encode(bytemap_char((uint8_t)b), text);
        if (b != 'z') buf_printf(&json, ",\"%s%.*s\":%d", b == '"' || b == '\\' ? "\\" : "", n, text, b);
    }
    buf_adds(&json, "}}}");
    check(json.data, "cabz ab", "99@0-1 256@1-3 256@3-4 32@4-5 256@5-7");
    buf_free(&json);
}

/* An unk_token that is no token is wanting where a text needs it. */
static void an_unk_token_may_be_missing(void **state)
{
    (void)state;
    static const char json[] = "{\"model\":{\"type\":\"BPE\",\"unk_token\":\"[X]\",\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[[\"a\",\"a\"]]}}";
    check(json, "aaa", "1@0-2 0@2-3");
    struct err e = {0};
    struct buf again = {0};
    struct tok_ids ids = {0};
    struct tokenizer *t = tok_parse(json, strlen(json), "t.json", &e);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    assert_int_equal(tok_encode(t, s, "axa", 3, 0, &ids, &e), -1);
    assert_non_null(strstr(e.msg, "'x' (U+0078) at byte offset 1 has no token in the vocabulary, and there is no [X]"));
    assert_int_equal(tok_to_json(t, &again, &e), 0);
    assert_non_null(strstr(again.data, "\"unk_token\":\"[X]\""));
    buf_free(&again);
    tok_ids_free(&ids);
    tok_scratch_free(s);
    tok_free(t);
}

/* The decoder leaves a token empty that another step has made so. */
static void nothing_is_found_in_an_empty_token(void **state)
{
    (void)state;
    static const char json[] = "{\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Strip\",\"content\":\"a\",\"start\":1,\"stop\":0},"
                               "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"x*\"},\"content\":\"_\"}]},"
                               "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"b\":1},\"unk_token\":\"a\"}}";
    static const int32_t ids[] = {1, 0, 1};
    struct err e = {0};
    struct buf out = {0};
    struct tokenizer *t = tok_parse(json, strlen(json), "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    assert_int_equal(tok_decode(t, ids, 3, false, &out, &e), 0);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.data, "_b__b_", 6);
    buf_free(&out);
    tok_free(t);
}

/* Hugging Face's engine takes either, another one in another run. */
static void of_added_tokens_with_one_form_it_is_the_first(void **state)
{
    (void)state;
    static const char *const pairs[] = {"\"AB\",\"normalized\":true},{\"id\":2,\"content\":\"ab\"", "\"ab\",\"normalized\":true},{\"id\":2,\"content\":\"aB\""};
    for (int i = 0; i < 2; i++) {
        struct err e = {0};
        struct buf json = {0};
        buf_printf(&json, "{\"normalizer\":{\"type\":\"Lowercase\"},\"added_tokens\":[{\"id\":1,\"content\":%s,\"normalized\":true}],"
                          "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"x\":0},\"unk_token\":\"x\"}}", pairs[i]);
        check(json.data, "xab", "0@0-1 1@1-3");
        struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
        assert_non_null(strstr(tok_note(t), "two added tokens have one normal form"));
        tok_free(t);
        buf_free(&json);
    }
}

/* An empty text stands where an empty expression does: everywhere. */
static void an_empty_pattern_matches_everywhere(void **state)
{
    (void)state;
#define CHARS "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"_\":3},\"merges\":[[\"a\",\"b\"]]}}"
    check("{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"\"},\"behavior\":\"Isolated\",\"invert\":false}," CHARS, "ab", "0@0-1 1@1-2");
    check("{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"_\"}," CHARS, "ab",
          "3@0-0 0@0-1 3@0-1 1@1-2 3@1-2");
    static const char *const decoders[] = {"\"BPEDecoder\",\"suffix\":\"\"",
                                           "\"CTC\",\"pad_token\":\"_\",\"word_delimiter_token\":\"\",\"cleanup\":true"};
    for (int i = 0; i < 2; i++) {
        struct err e = {0};
        struct buf json = {0};
        buf_printf(&json, "{\"decoder\":{\"type\":%s},%s", decoders[i], CHARS);
        assert_null(tok_parse(json.data, json.len, "t.json", &e));
        assert_non_null(strstr(e.msg, i ? "empty 'word_delimiter_token'" : "empty 'suffix'"));
        buf_free(&json);
    }
#undef CHARS
}

/* Where Hugging Face's engine stops in the middle. */
static void what_no_engine_encodes_is_an_error(void **state)
{
    (void)state;
    static const char level[] = "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"a\"}}";
    struct err e = {0};
    struct buf json = {0};
    struct tok_ids ids = {0};
    buf_printf(&json, "{\"normalizer\":{\"type\":\"StripAccents\"},\"added_tokens\":[{\"id\":1,\"content\":\"\xCC\x81\",\"normalized\":true}],%s", level);
    assert_null(tok_parse(json.data, json.len, "t.json", &e));
    assert_non_null(strstr(e.msg, "empty normal form"));
    buf_clear(&json);
    buf_printf(&json, "{\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\"\"},%s", level);
    assert_null(tok_parse(json.data, json.len, "t.json", &e));
    assert_non_null(strstr(e.msg, "Prepend of an empty text"));
    buf_clear(&json);
    buf_printf(&json, "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"x*\"},\"content\":\"_\"},"
                      "{\"type\":\"Lowercase\"}]},%s", level);
    struct tokenizer *front = tok_parse(json.data, json.len, "t.json", &e);
    struct tok_scratch *work = tok_scratch_new(front, &e);
    assert_int_equal(tok_encode(front, work, "xa", 2, 0, &ids, &e), 0); /* takes the place of the x */
    assert_int_equal(tok_encode(front, work, "a", 1, 0, &ids, &e), -1);
    assert_non_null(strstr(e.msg, "in front"));
    tok_scratch_free(work);
    tok_free(front);
    buf_clear(&json);
    buf_printf(&json, "{\"truncation\":{\"max_length\":2,\"stride\":2,\"strategy\":\"LongestFirst\"},\"pre_tokenizer\":{\"type\":\"FixedLength\",\"length\":1},%s", level);
    struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    assert_int_equal(tok_encode(t, s, "aa", 2, TOK_LIMITS, &ids, &e), 0);
    assert_int_equal(tok_encode(t, s, "aaa", 3, TOK_LIMITS, &ids, &e), -1);
    assert_non_null(strstr(e.msg, "stride"));
    tok_limit(t, 2, false, false); /* another limit than the file's has none */
    assert_int_equal(tok_encode(t, s, "aaa", 3, TOK_LIMITS, &ids, &e), 0);
    tok_scratch_free(s);
    tok_free(t);
    tok_ids_free(&ids);
    buf_free(&json);
}

/* SentencePiece 0.2.3: a user-defined piece is worth a tenth a byte, less a tenth; unused pieces are no
 * characters of a text; nothing is cut inside user-defined ones, however long the text. */
static void check_pieces(enum spm_kind kind, const char *text, const char *want)
{
    static const struct piece pieces[] = {
        {"<unk>", 0, SPM_UNKNOWN}, {"<u>", 0, SPM_USER}, {"ab", 0, SPM_USER}, {"\xE2\x96\x81", -2, SPM_NORMAL}, {"a", 0.03f, SPM_NORMAL},
        {"b", 0.06f, SPM_NORMAL}, {"u", -2, SPM_NORMAL}, {"-", -1, SPM_UNUSED}, {"c", 0.2f, SPM_NORMAL}};
    struct err e = {0};
    struct spm_model m;
    struct buf got = {0};
    spm_model_init(&m);
    m.kind = kind;
    m.add_dummy_prefix = m.remove_extra_whitespaces = false;
    add_pieces(&m, pieces, COUNT_OF(pieces));
    struct tokenizer *t = tokenizer_of(&m);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    for (int spans = 0; spans < 2; spans++) {
        struct tok_ids ids = {.want_spans = spans};
        buf_clear(&got);
        assert_int_equal(tok_encode(t, s, text, strlen(text), 0, &ids, &e), 0);
        for (size_t i = 0; i < ids.n && i < 8; i++) buf_printf(&got, "%s%d", i ? " " : "", (int)ids.id[i]);
        if (strcmp(buf_text(&got), want) != 0) fail_msg("'%s', %d: %s, not %s", text, spans, got.data, want);
        tok_ids_free(&ids);
    }
    tok_scratch_free(s);
    tok_free(t);
    buf_free(&got);
}

static void pieces_are_worth_what_sentencepiece_says(void **state)
{
    (void)state;
    static const char tail[] = " a b c a b c a b c a b c a b c a b c a b c a b c a b c a b c a b c a b c a b c a b c a b c";
    struct buf text = {0};
    check_pieces(SPM_UNIGRAM, "abc", "2 8"); /* 0.1 against 0.09 */
    check_pieces(SPM_UNIGRAM, "c<u>", "8 1");
    check_pieces(SPM_CHAR, "--a", "0 4");
    for (int n = 0; n < 70; n += 7) {
        buf_clear(&text);
        buf_printf(&text, "\xE5\xAD\x97\xE5\xAD\x97<u>%.*s%s", n, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", tail);
        check_pieces(SPM_UNIGRAM, text.data, n ? "0 1 4 4 4 4 4 4" : "0 1 3 4 3 5 3 8");
    }
    buf_clear(&text);
    buf_printf(&text, "--%s", tail);
    check_pieces(SPM_CHAR, text.data, "0 3 4 3 5 3 8 3");
    buf_free(&text);
}

/* The score of a user-defined piece is a float: behind "a" of score x it comes to (float)((float)0.2 + x), as far as SentencePiece
 * 0.2.3 is concerned, where (float)(0.2 + x) is another sum, and "abcd" has the lower one of these. */
static void user_defined_pieces_have_scores_in_floats(void **state)
{
    (void)state;
    float x = -1, sum = 0, other = 0;
    struct spm_model m;
    for (int i = 0; i < 10000 && sum <= other; i++) {
        x = -0.01f - 0.000007f * (float)i;
        sum = 0.2f + x;
        other = (float)(0.2 + (double)x);
    }
    assert_true(sum > other);
    const struct piece pieces[] = {{"<unk>", 0, SPM_UNKNOWN}, {"\xE2\x96\x81", -2, SPM_NORMAL}, {"a", x, SPM_NORMAL}, {"bcd", 0, SPM_USER}, {"abcd", other, SPM_NORMAL}};
    spm_model_init(&m);
    m.kind = SPM_UNIGRAM;
    m.unk_id = 0, m.bos_id = m.eos_id = -1;
    m.add_dummy_prefix = m.remove_extra_whitespaces = false, m.escape_whitespaces = true;
    buf_clear(&m.charsmap);
    add_pieces(&m, pieces, COUNT_OF(pieces));
    struct tokenizer *t = tokenizer_of(&m);
    check_ids(t, "abcd", 0, "2 3");
    tok_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_covers_what_it_was_made_of),
        cmocka_unit_test(a_byte_that_is_an_added_token_too_covers_a_byte),
        cmocka_unit_test(added_tokens_lose_the_spaces_of_what_they_were_found_as),
        cmocka_unit_test(words_end_where_no_word_goes_on),
        cmocka_unit_test(a_special_token_of_another_form_is_shown),
        cmocka_unit_test(a_template_longer_than_the_text_may_be_cuts_nothing),
        cmocka_unit_test(bytes_of_affixes_stand_behind_the_word),
        cmocka_unit_test(a_text_that_is_not_cut_is_one_word),
        cmocka_unit_test(words_that_no_merge_makes_are_taken_whole),
        cmocka_unit_test(the_unknown_token_may_be_a_merged_one),
        cmocka_unit_test(nothing_is_found_in_an_empty_token),
        cmocka_unit_test(of_added_tokens_with_one_form_it_is_the_first),
        cmocka_unit_test(an_unk_token_may_be_missing),
        cmocka_unit_test(an_empty_pattern_matches_everywhere),
        cmocka_unit_test(what_no_engine_encodes_is_an_error),
        cmocka_unit_test(pieces_are_worth_what_sentencepiece_says),
        cmocka_unit_test(user_defined_pieces_have_scores_in_floats),
        cmocka_unit_test(metaspace_has_one_mark_for_many_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
