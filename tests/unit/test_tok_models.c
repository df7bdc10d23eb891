/* The kinds of models and the steps around them, on vocabularies small enough to work out by hand. */
#include "tests/unit/spm_util.h"
#include "tests/unit/tok_util.h"

#include <stdio.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/charsmap_build.h"
#include "core/token/score_text.h"
#include "core/token/tok_base64.h"
#include "core/token/tok_files.h"
#include "core/token/tok_load.h"
#include "core/token/tok_scratch.h"

static struct tokenizer *parse(const char *json)
{
    struct err e = {0};
    struct tokenizer *t = tok_parse(json, strlen(json), "t.json", &e);
    if (!t) fail_msg("%s: %s", json, e.msg);
    return t;
}

/* "id@begin-end id@..." */
static void encode(const struct tokenizer *t, const char *text, unsigned flags, char *out, size_t n)
{
    struct both both = both_new(t);
    struct buf ids = {0};
    both_same(&both, text, strlen(text), flags);
    both_print(&both, &ids);
    snprintf(out, n, "%s", ids.data);
    buf_free(&ids);
    both_free(&both);
}

static void check(const char *json, const char *text, const char *want, const char *decoded)
{
    char got[1024];
    struct err e = {0};
    struct tokenizer *t = parse(json);
    encode(t, text, 0, got, sizeof got);
    assert_string_equal(got, want);
    struct buf back = {0};
    struct tok_ids ids = {0};
    struct tok_scratch *s = tok_scratch_new(t, &e);
    assert_int_equal(tok_encode(t, s, text, strlen(text), 0, &ids, &e), 0);
    assert_int_equal(tok_decode(t, ids.id, ids.n, false, &back, &e), 0);
    assert_string_equal(buf_text(&back), decoded);
    struct tok_stream st;
    buf_clear(&back);
    tok_stream_init(&st, t, false);
    for (size_t i = 0; i < ids.n; i++) assert_int_equal(tok_stream_add(&st, ids.id[i], &back, &e), 0);
    tok_stream_end(&st, &back);
    assert_string_equal(buf_text(&back), decoded);
    tok_ids_free(&ids);
    buf_free(&back);
    tok_scratch_free(s);
    tok_free(t);
}

#define BERT "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true," \
             "\"strip_accents\":null,\"lowercase\":true},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}," \
             "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},"

static void wordpiece_takes_the_longest_token_first(void **state)
{
    (void)state;
    static const char json[] = "{" BERT "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\","
        "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":6,\"vocab\":{\"[UNK]\":0,\"un\":1,"
        "\"##aff\":2,\"##able\":3,\"a\":4,\"##a\":5,\",\":6,\"\\u4e2d\":7,\"cafe\":8,\"##\\u0436\":9}}}";
    check(json, "UN unaff,a", "1@0-2 1@3-5 2@5-8 6@8-9 4@9-10", "un unaff, a");
    check(json, "unaffa", "1@0-2 2@2-5 5@5-6", "unaffa"); /* six are not, */
    check(json, "unaff\xd0\xb6", "1@0-2 2@2-5 9@5-7", "unaff\xd0\xb6");   /* of however many bytes */
    check(json, "unaffable caf\xc3\xa9", "0@0-9 8@10-15", "[UNK] cafe"); /* nine characters are too many */
    check(json, "unx \xe4\xb8\xad\xe4\xb8\xad", "0@0-3 7@4-7 7@7-10", "[UNK] \xe4\xb8\xad \xe4\xb8\xad");
}

#define UNIGRAM(fallback) "{\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"prepend_scheme\":" \
    "\"always\",\"split\":true},\"decoder\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"prepend_scheme\":" \
    "\"always\",\"split\":true},\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"byte_fallback\":" fallback ",\"vocab\":[" \
    "[\"<unk>\",0],[\"\\u2581\",-2],[\"a\",-3],[\"b\",-3],[\"ab\",-4],[\"\\u2581a\",-3.5],[\"\\u2581ab\",-9]]}}"

static void unigram_takes_the_best_sum(void **state)
{
    (void)state;
    /* _ + ab = -6 beats _a + b = -6.5 and _ab = -9. */
    check(UNIGRAM("false"), "ab a", "1@0-1 4@0-2 5@2-4", "ab a");
    check(UNIGRAM("false"), "abxyab", "1@0-1 4@0-2 0@2-4 4@4-6", "ab<unk>ab");
}

static void bpe_has_prefixes_suffixes_and_bytes(void **state)
{
    (void)state;
    check("{\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"decoder\":{\"type\":\"BPEDecoder\",\"suffix\":\"</w>\"},"
          "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"end_of_word_suffix\":\"</w>\",\"vocab\":{\"<unk>\":0,"
          "\"a\":1,\"b</w>\":2,\"ab</w>\":3,\"a</w>\":4},\"merges\":[[\"a\",\"b</w>\"]]}}",
          "ab aab a", "3@0-2 1@3-4 3@4-6 4@7-8", "ab aab a");
    check("{\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]},"
          "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"byte_fallback\":true,\"fuse_unk\":true,\"vocab\":"
          "{\"<unk>\":0,\"a\":1,\"<0xC3>\":2,\"<0xA9>\":3},\"merges\":[]}}",
          "a\xc3\xa9zza", "1@0-1 2@1-2 3@2-3 0@3-5 1@5-6", "a\xc3\xa9<unk>a");
}

/* What random configurations showed against HF tokenizers 0.23 (scripts/check-hf-random.py). */
static void rare_configurations_give_what_hf_gives(void **state)
{
    (void)state;
    /* A replacement by nothing at the beginning of a text. */
    check("{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"x\"},\"content\":\"\"},\"decoder\":{\"type\":\"Fuse\"},"
          "\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"u\",\"vocab\":{\"u\":0,\"ab\":1}}}",
          "xab", "1@1-3", "ab");
    /* An empty decoder puts no space between tokens. */
    check("{\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"decoder\":{\"type\":\"Sequence\",\"decoders\":[]},"
          "\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"u\",\"vocab\":{\"u\":0,\"ab\":1}}}",
          "ab ab", "1@0-2 1@3-5", "abab");
    /* Bytes without tokens join one <unk>; a suffix belongs to the last byte. */
    check("{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false},\"decoder\":{\"type\":\"Fuse\"},"
          "\"model\":{\"type\":\"BPE\",\"unk_token\":\"u\",\"fuse_unk\":true,\"vocab\":{\"u\":0,\"a\":1},\"merges\":[]}}",
          "a\xe4\xb8\xad" "a", "1@0-1 0@1-4 1@4-5", "aua");
    check("{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false},\"decoder\":{\"type\":\"Fuse\"},"
          "\"model\":{\"type\":\"BPE\",\"unk_token\":\"u\",\"end_of_word_suffix\":\"w\",\"vocab\":{\"u\":0,\"a\":1,\"aw\":2},\"merges\":[]}}",
          "aa", "1@0-1 2@1-2", "aaw");
    /* Bytes behind what has no token are those of its affixes, too.  (HF's offsets lead out of the word then.) */
    check("{\"decoder\":{\"type\":\"Fuse\"},\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"model\":{\"type\":\"BPE\",\"unk_token\":\"u\","
          "\"byte_fallback\":true,\"continuing_subword_prefix\":\"#\",\"end_of_word_suffix\":\"$\",\"merges\":[[\"a\",\"#b\"],[\"<0x62>\",\"<0x24>\"]],"
          "\"vocab\":{\"u\":0,\"a\":1,\"#b\":2,\"ab\":3,\"<0x23>\":4,\"<0x24>\":5,\"<0x62>\":6,\"<0x61>\":7,\"<0x62>0x24>\":8}}}",
          "bba abb", "6@0-1 2@1-2 4@2-3 7@3-3 5@3-3 3@4-6 4@6-7 8@7-7", "<0x62>#b<0x23><0x61><0x24>ab<0x23><0x62>0x24>");
    /* <unk> waits for what follows while bytes go on; the lengths keep that order. */
    check("{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"BPE\",\"unk_token\":\"u\",\"fuse_unk\":true,\"byte_fallback\":true,"
          "\"vocab\":{\"u\":0,\"a\":1,\"<0x62>\":2},\"merges\":[]}}",
          "\xc3\xa9" "ba", "2@0-1 0@1-3 1@3-4", "<0x62>ua");
    /* The spaces that a token takes may begin another one. */
    check("{\"added_tokens\":[{\"id\":1,\"content\":\"  \",\"normalized\":false,\"rstrip\":true}],\"decoder\":{\"type\":\"Fuse\"},"
          "\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"u\",\"vocab\":{\"u\":0}}}",
          "a    b", "0@0-1 1@1-5 1@3-5 0@5-6", "u    u");
    /* An added token that is found in normal form comes out in it. */
    check("{\"added_tokens\":[{\"id\":1,\"content\":\"AB\",\"normalized\":true}],\"normalizer\":{\"type\":\"Lowercase\"},"
          "\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"u\",\"vocab\":{\"u\":0}}}",
          "xAB", "0@0-1 1@1-3", "uab");
}

/* As HF tokenizers 0.23 does. */
static void added_tokens_are_found_leftmost_longest_and_whole(void **state)
{
    (void)state;
    static const char json[] =
        "{\"added_tokens\":[{\"id\":3,\"content\":\"<a>\",\"normalized\":false},{\"id\":4,\"content\":\"<a><b>\",\"normalized\":false},"
        "{\"id\":5,\"content\":\"cat\",\"normalized\":false,\"single_word\":true},"
        "{\"id\":6,\"content\":\"<l>\",\"normalized\":false,\"lstrip\":true},"
        "{\"id\":7,\"content\":\"<r>\",\"normalized\":false,\"rstrip\":true}],\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},"
        "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"u\":0,\"x\":1,\"y\":2},\"unk_token\":\"u\"}}";
    check(json, "x<a><b>y", "1@0-1 4@1-7 2@7-8", "x <a><b> y");
    check(json, "<a><a>", "3@0-3 3@3-6", "<a> <a>");
    check(json, "cat concat cats cat", "5@0-3 0@4-10 0@11-15 5@16-19", "cat u u cat");
    check(json, "x <r>  <l> y", "1@0-1 7@2-7 6@7-10 2@11-12", "x <r> <l> y"); /* the first has the spaces between */
    check("{\"added_tokens\":[{\"id\":3,\"content\":\"<r>\",\"normalized\":false,\"rstrip\":true},"
          "{\"id\":4,\"content\":\" c\",\"normalized\":false,\"lstrip\":true}],\"decoder\":{\"type\":\"Fuse\"},"
          "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"u\":0,\"x\":1},\"unk_token\":\"u\"}}",
          "x<r> c", "1@0-1 3@1-5 4@5-6", "x<r> c");
    check("{\"added_tokens\":[{\"id\":3,\"content\":\"AB\",\"normalized\":true},{\"id\":4,\"content\":\"ABC\",\"normalized\":true}],"
          "\"normalizer\":{\"type\":\"Lowercase\"},\"decoder\":{\"type\":\"Fuse\"},"
          "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"u\":0,\"x\":1},\"unk_token\":\"u\"}}",
          "xAbCaB", "1@0-1 4@1-4 3@4-6", "xabcab");
}

/* Of many that begin alike and are as long: every one is found, the longest of those that begin at a place. */
static void of_many_added_tokens_the_longest_is_found(void **state)
{
    (void)state;
    enum { N = 300 };
    char name[N][8], text[400];
    struct rng_key k = rng_key(6, RNG_TEST, 11, 0);
    struct err e = {0};
    struct buf json = {0};
    uint64_t draws = 0;
    buf_adds(&json, "{\"added_tokens\":[");
    for (int i = 0, n = 0; i < N; i++) { /* "<" and one to four of five letters */
        bool again;
        do {
            n = 1 + (int)rng_below(&k, draws++, 4);
            name[i][0] = '<';
            for (int c = 1; c <= n; c++) name[i][c] = "<abcd"[rng_below(&k, draws++, 5)];
            name[i][n + 1] = 0;
            again = false;
            for (int j = 0; j < i; j++) again = again || strcmp(name[i], name[j]) == 0;
        } while (again);
        buf_printf(&json, "%s{\"id\":%d,\"content\":\"%s\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":false}",
                   i ? "," : "", 6 + i, name[i]);
    }
    buf_adds(&json, "],\"model\":{\"type\":\"BPE\",\"vocab\":{\"<\":0,\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5},\"merges\":[]}}");
    struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_ids ids = {0};
    for (int round = 0; round < 200; round++) {
        int n = (int)rng_below(&k, draws++, sizeof text);
        for (int i = 0; i < n; i++) text[i] = "<<abcde"[rng_below(&k, draws++, 7)];
        ids.n = 0;
        assert_int_equal(tok_encode(t, s, text, (size_t)n, 0, &ids, &e), 0);
        size_t at = 0;
        for (int i = 0, len; i < n; i += len, at++) {
            int id = (int)(strchr("<abcde", text[i]) - "<abcde");
            len = 1;
            for (int j = 0; j < N; j++) {
                int l = (int)strlen(name[j]);
                if (l > len && l <= n - i && memcmp(name[j], text + i, (size_t)l) == 0) len = l, id = 6 + j;
            }
            assert_true(at < ids.n);
            assert_int_equal(ids.id[at], id);
        }
        assert_int_equal(at, ids.n);
    }
    tok_ids_free(&ids);
    tok_scratch_free(s);
    tok_free(t);
    buf_free(&json);
}

/* Bytes become characters, and the bytes of these characters again. */
static void bytes_are_spelled_again(void **state)
{
    (void)state;
#define BYTES(more) "{\"type\":\"ByteLevel\"," more "}"
#define CUTS BYTES("\"add_prefix_space\":false")
#define WORDS                                                                                                          \
    "\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"u\",\"vocab\":{\"u\":0,\"\u00c3\u0125\":1,\"\u00c4\u0142b\":2," \
    "\"\u0120\u00c3\u0125\u00c2\u00a9\u00c4\u0142b\":3}}}"
    check("{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[" CUTS "," CUTS "]}," WORDS, "\u00e9 b", "1@0-2 0@0-2 2@2-4",
          "\u00c3\u0125u\u00c4\u0142b");
    check("{\"normalizer\":{\"type\":\"ByteLevel\"},\"pre_tokenizer\":" BYTES("\"add_prefix_space\":true,\"use_regex\":false") "," WORDS,
          "\u00e9 b", "3@0-4", "\u0120\u00c3\u0125\u00c2\u00a9\u00c4\u0142b");
}

/* One after the other, spaces are left out twice. */
static void offsets_are_trimmed_again(void **state)
{
    (void)state;
#define LEVEL(prefix) "{\"type\":\"ByteLevel\",\"add_prefix_space\":" prefix ",\"trim_offsets\":true}"
#define TWICE(prefix)                                                                                                  \
    "{\"post_processor\":{\"type\":\"Sequence\",\"processors\":[" LEVEL(prefix) "," LEVEL("false") "]},"                \
    "\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"<unk>\":0,\"  a  \":1,\" b c\":2}}}"
    check(TWICE("false"), "  a  ", "1@3-3", "  a  ");
    check(TWICE("false"), " b c", "2@2-4", " b c");
    check(TWICE("true"), " b c", "2@1-4", " b c");
}

static void what_would_differ_is_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"u\",0],[\"a\",-1e308]]}}", "score is too large"},
        {"{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[]}}", "the vocabulary is empty; save the file again"},
        {"{\"model\":{\"type\":\"Unigram\",\"unk_id\":null,\"vocab\":[]}}", "the vocabulary is empty"},
        {"{\"model\":{\"type\":\"Unigram\",\"unk_id\":1,\"vocab\":[[\"a\",0]]}}", "model.unk_id is 1, must be between 0 and 0"},
        {"{\"model\":{\"type\":\"BPE\",\"continuing_subword_prefix\":\"\xc3\xa9\",\"vocab\":{\"a\":0,\"\xc3\xa9" "b\":1,\"ab\":2},"
         "\"merges\":[[\"a\",\"\xc3\xa9" "b\"]]}}", "only ASCII"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct err e = {0};
        assert_null(tok_parse(bad[i][0], strlen(bad[i][0]), "t.json", &e));
        if (!strstr(e.msg, bad[i][1])) fail_msg("%s", e.msg);
        assert_int_equal(e.code, ERR_DATA);
    }
}

static void word_level_knows_whole_words(void **state)
{
    (void)state;
    check("{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
          "\"[aeiou]+\"},\"behavior\":\"MergedWithNext\",\"invert\":false}]},\"decoder\":{\"type\":\"Fuse\"},"
          "\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"?\",\"vocab\":{\"?\":0,\"x\":1,\"ab\":2,\"oox\":3}}}",
          "xaboox", "1@0-1 2@1-3 3@3-6", "xaboox");
}

static void truncation_and_padding_of_the_file(void **state)
{
    (void)state;
    char got[256];
    struct tokenizer *t = parse("{\"truncation\":{\"direction\":\"Right\",\"max_length\":4,\"strategy\":\"LongestFirst\","
        "\"stride\":0},\"padding\":{\"strategy\":{\"Fixed\":5},\"direction\":\"Right\",\"pad_to_multiple_of\":null,"
        "\"pad_id\":3,\"pad_type_id\":0,\"pad_token\":\"p\"},\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},"
        "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"s\",1],\"cls\":[\"c\",2]},"
        "\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"u\",\"vocab\":{\"u\":0,\"s\":1,\"c\":2,\"p\":3,\"a\":4}}}");
    encode(t, "a a a a", TOK_TEMPLATE | TOK_LIMITS, got, sizeof got);
    assert_string_equal(got, "2@0-0 4@0-1 4@2-3 1@0-0 3@0-0");
    encode(t, "a", TOK_TEMPLATE, got, sizeof got);
    assert_string_equal(got, "2@0-0 4@0-1 1@0-0");
    tok_free(t);
}

/* ---- SentencePiece ---- */

static struct tokenizer *spm(enum spm_kind kind, bool bytes)
{
    static const struct piece pieces[] = {
        {"<unk>", 0, SPM_UNKNOWN}, {"<s>", 0, SPM_CONTROL}, {"</s>", 0, SPM_CONTROL}, {"\xe2\x96\x81", -1, SPM_NORMAL},
        {"a", -2, SPM_NORMAL}, {"b", -3, SPM_NORMAL}, {"ab", -4, SPM_NORMAL}, {"aa", -4, SPM_NORMAL},
        {"\xe2\x96\x81\x61", -5, SPM_NORMAL}, {"<u>", 0, SPM_USER}};
    struct spm_model m;
    spm_model_init(&m);
    m.kind = kind;
    m.byte_fallback = bytes;
    add_pieces(&m, pieces, COUNT_OF(pieces));
    if (bytes) add_byte_pieces(&m);
    return tokenizer_of(&m);
}

static void sentencepiece_merges_by_score_and_falls_back_to_bytes(void **state)
{
    (void)state;
    char got[256];
    struct tokenizer *t = spm(SPM_BPE, true);
    /* "ab" and "aa" have the same score: the left one first. */
    encode(t, "aab", 0, got, sizeof got);
    assert_string_equal(got, "3@0-0 7@0-2 5@2-3");
    encode(t, " ab  \xc3\xa9<u>", 0, got, sizeof got);
    assert_string_equal(got, "3@1-1 6@1-3 3@3-5 205@5-5 179@5-7 9@7-10");
    tok_free(t);
    t = spm(SPM_UNIGRAM, false);
    encode(t, "zz<u>ab", 0, got, sizeof got);
    assert_string_equal(got, "3@0-0 0@0-2 9@2-5 6@5-7");
    tok_free(t);
}

static void tiktoken_files_need_the_name_of_their_split(void **state)
{
    (void)state;
    struct err e = {0};
    char got[256];
    static const char file[] = "YQ== 0\nYg== 1\nIA== 2\nYWI= 3\nYmE= 4\nYWJh 5\n= 6\n";
    assert_null(tok_from_tiktoken(file, strlen(file), NULL, NULL, "f.tiktoken", &e));
    assert_non_null(strstr(e.msg, "cl100k"));
    struct tokenizer *t = tok_from_tiktoken(file, strlen(file), "gpt2", NULL, "f.tiktoken", &e);
    assert_non_null(t);
    encode(t, "aba abab", 0, got, sizeof got);
    assert_string_equal(got, "5@0-3 2@3-4 3@4-6 3@6-8");
    assert_int_equal(tok_vocab_size(t), 7); /* the last without bytes, as Whisper's */
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_ids ids = {0};
    assert_int_equal(tok_encode(t, s, "ab\n", 3, 0, &ids, &e), -1);
    assert_non_null(strstr(e.msg, "byte 0x0A at offset 2 has no token in the vocabulary"));
    tok_ids_free(&ids);
    tok_scratch_free(s);
    tok_free(t);
    assert_null(tok_from_tiktoken("Y*== 0\n", 7, "gpt2", NULL, "f.tiktoken", &e));
    assert_non_null(strstr(e.msg, "'f.tiktoken':1"));
    assert_null(tok_from_tiktoken("YQ== 0\n 1\n", 10, "gpt2", NULL, "f.tiktoken", &e)); /* a rank of no token */
    assert_non_null(strstr(e.msg, "'f.tiktoken':2"));
}

/* ---- what a tokenizer says of itself ---- */

#define WITH(added, model) "{\"added_tokens\":[" added "],\"model\":{" model "}}"
#define SPECIAL(id, text) "{\"id\":" #id ",\"content\":\"" text "\",\"special\":true}"

static void the_summary_is_of_the_model(void **state)
{
    (void)state;
    static const struct {
        const char *json, *type;
        size_t tokens, merges, added, longest_bytes;
        int longest; /* of those that are not special, the first of that length */
    } cases[] = {
        {WITH(SPECIAL(0, "[UNK]"), "\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0,\"ab\":1,\"cd\":2,\"e\":3}"), "WordPiece", 4, 0, 1, 2, 1},
        {WITH("", "\"type\":\"WordLevel\",\"unk_token\":\"abc\",\"vocab\":{\"abc\":0,\"ab\":1}"), "WordLevel", 2, 0, 0, 3, 0},
        {WITH("", "\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"u\",0],[\"ab\",-1]]"), "Unigram", 2, 0, 0, 2, 1},
        {WITH(SPECIAL(9, "<end>"), "\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]"), "character BPE", 4, 1, 1, 2, 2},
        {WITH("", "\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]"), "characters", 2, 0, 0, 1, 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err e = {0};
        struct tok_summary x;
        struct tokenizer *t = tok_parse(cases[i].json, strlen(cases[i].json), "t.json", &e);
        if (!t) fail_msg("%s", e.msg);
        tok_summary(t, &x);
        assert_string_equal(x.type, cases[i].type);
        assert_int_equal(x.tokens, cases[i].tokens);
        assert_int_equal(x.merges, cases[i].merges);
        assert_int_equal(x.added, cases[i].added);
        assert_int_equal(x.longest, cases[i].longest);
        assert_int_equal(x.longest_bytes, cases[i].longest_bytes);
        tok_free(t);
    }
}

/* ---- a part that does not say its type ---- */

#define VOCAB "\"vocab\":{\"u\":0,\"c\":1,\"s\":2,\"##c\":3,\"a\":4,\"b\":5,\"x\":6,\"y\":7,\" \":8}"
#define LIST "\"vocab\":[[\"u\",0],[\"c\",-1],[\"s\",-1],[\"cc\",-1],[\"A\",-1],[\"a\",-1],[\" \",-1]]"
#define AFFIXES "\"unk_token\":\"u\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":9"
#define AROUND "\"sep\":[\"s\",2],\"cls\":[\"c\",1]"
#define TRIMMED "\"trim_offsets\":true,\"add_prefix_space\":true"
#define TEMPLATE \
    "\"single\":[{\"SpecialToken\":{\"id\":\"c\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}]," \
    "\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"Sequence\":{\"id\":\"B\",\"type_id\":1}}]," \
    "\"special_tokens\":{\"c\":{\"id\":\"c\",\"ids\":[1],\"tokens\":[\"c\"]}}"

/* What a tokenizer with this part makes of two texts, and of ids; or the reason why there is none. */
static void made_with(const char *part, const char *value, struct buf *out)
{
    static const char *const texts[] = {"cc", " Acc a "};
    static const int32_t some[] = {4, 3, 3, 8, 4, 1, 4};
    struct err e = {0};
    struct buf json = {0};
    bool model = strcmp(part, "model") == 0;
    buf_printf(&json, "{\"%s\":%s%s}", part, value, model ? "" : ",\"model\":{\"type\":\"BPE\",\"unk_token\":\"u\"," VOCAB ",\"merges\":[]}");
    struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
    buf_clear(out);
    if (!t) buf_adds(out, e.msg);
    for (size_t i = 0; t && i < COUNT_OF(texts); i++) {
        char got[200];
        encode(t, texts[i], TOK_TEMPLATE, got, sizeof got);
        buf_printf(out, "%s; ", got);
    }
    if (t && tok_decode(t, some, model ? 2 : COUNT_OF(some), false, out, &e)) fail_msg("%s", e.msg);
    buf_addc(out, 0);
    tok_free(t);
    buf_free(&json);
}

/* By its keys, as Hugging Face's programs know it: in their order, whatever the type of a post_processor is. */
static void a_part_is_known_by_its_keys(void **state)
{
    (void)state;
    static const struct {
        const char *part, *as_it_is, *typed;
    } cases[] = {
        {"normalizer", "{\"clean_text\":true,\"handle_chinese_chars\":true,\"lowercase\":true}",
         "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"lowercase\":true}"},
        {"normalizer", "{\"strip_left\":true,\"strip_right\":false,\"prepend\":\"x\"}", "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}"},
        {"normalizer", "{\"normalizers\":[{\"prepend\":\"x\"}],\"prepend\":\"y\"}",
         "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"x\"}]}"},
        {"normalizer", "{\"pattern\":{\"String\":\"a\"},\"content\":\"b\",\"prepend\":\"x\"}",
         "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"b\"}"},
        {"decoder", "{\"suffix\":\"a\",\"prefix\":\"##\",\"cleanup\":true}", "{\"type\":\"BPEDecoder\",\"suffix\":\"a\"}"},
        {"decoder", "{\"prefix\":\"##\",\"cleanup\":true}", "{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}"},
        {"decoder", "{\"pad_token\":\"p\",\"word_delimiter_token\":\"|\",\"cleanup\":true}",
         "{\"type\":\"CTC\",\"pad_token\":\"p\",\"word_delimiter_token\":\"|\",\"cleanup\":true}"},
        {"decoder", "{\"type\":\"Sequence\",\"decoders\":[{\"content\":\"a\",\"start\":0,\"stop\":1}]}",
         "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Strip\",\"content\":\"a\",\"start\":0,\"stop\":1}]}"},
        {"decoder", "{\"pattern\":{\"String\":\"a\"},\"content\":\"b\",\"start\":0,\"stop\":1}",
         "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"b\"}"},
        {"post_processor", "{" AROUND "}", "{\"type\":\"BertProcessing\"," AROUND "}"},
        {"post_processor", "{\"type\":\"ByteLevel\"," AROUND "," TRIMMED "}", "{\"type\":\"RobertaProcessing\"," AROUND "," TRIMMED "}"},
        {"post_processor", "{\"type\":\"Sequence\",\"processors\":[{\"type\":\"Sequence\",\"processors\":[]," AROUND "}]}",
         "{\"type\":\"BertProcessing\"," AROUND "}"},
        {"post_processor", "{" TEMPLATE "," AROUND "}", "{\"type\":\"BertProcessing\"," AROUND "}"},
        {"post_processor", "{" TEMPLATE "}", "{\"type\":\"TemplateProcessing\"," TEMPLATE "}"},
        {"post_processor", "{\"type\":\"ByteLevel\"," TEMPLATE "}", "{\"type\":\"TemplateProcessing\"," TEMPLATE "}"},
        {"post_processor", "{\"type\":\"ByteLevel\"," TRIMMED "," TEMPLATE "}", "{\"type\":\"ByteLevel\"," TRIMMED "}"},
        {"model", "{" AFFIXES "," VOCAB "}", "{\"type\":\"WordPiece\"," AFFIXES "," VOCAB "}"},
        {"model", "{\"unk_token\":\"u\",\"max_input_chars_per_word\":9," VOCAB "}", "{\"type\":\"WordLevel\",\"unk_token\":\"u\"," VOCAB "}"},
        {"model", "{\"unk_token\":\"u\",\"unk_id\":0," VOCAB "}", "{\"type\":\"WordLevel\",\"unk_token\":\"u\"," VOCAB "}"},
        {"model", "{" LIST "}", "{\"type\":\"Unigram\"," LIST "}"},
        {"model", "{" AFFIXES "," VOCAB ",\"merges\":[]}", "{\"type\":\"BPE\"," AFFIXES "," VOCAB ",\"merges\":[]}"},
        {"normalizer", "{\"precompiled_charsmap\":\"\"}", NULL},
        {"normalizer", "{\"type\":null,\"prepend\":\"x\"}", NULL},
        {"decoder", "{\"decoders\":[]}", NULL},
        {"post_processor", "{" TRIMMED "}", NULL},
        {"post_processor", "{\"processors\":[]}", NULL},
        {"pre_tokenizer", "{\"pattern\":{\"String\":\"a\"},\"behavior\":\"Isolated\",\"invert\":false}", NULL}};
    struct buf is = {0}, want = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        made_with(cases[i].part, cases[i].as_it_is, &is);
        if (!cases[i].typed && !strstr(is.data, ".type ")) fail_msg("%s", is.data);
        if (!cases[i].typed) continue;
        made_with(cases[i].part, cases[i].typed, &want);
        assert_non_null(strchr(want.data, '@'));
        assert_string_equal(is.data, want.data);
    }
    buf_free(&is);
    buf_free(&want);
}

/* Ids around those that are there, and one between that stands for nothing. */
static void ids_that_are_none_have_no_token(void **state)
{
    (void)state;
    static const char json[] = WITH(SPECIAL(4, "<end>"), "\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]"),
        steps[] = "{\"added_tokens\":[" SPECIAL(4, "<end>") "],\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},"
                  "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]}}";
    static const int none[] = {-1, 2, 3, 5, INT32_MAX};
    for (int way = 0; way < 2; way++) {
        struct err e = {0};
        struct buf out = {0};
        size_t n;
        struct tokenizer *t = tok_parse(way ? steps : json, strlen(way ? steps : json), "t.json", &e);
        if (!t) fail_msg("%s", e.msg);
        assert_int_equal(tok_vocab_size(t), 5);
        assert_true(tok_is_special(t, 4) && !tok_is_special(t, 0));
        assert_non_null(tok_piece(t, 1, &n));
        assert_int_equal(n, 1);
        assert_int_equal(tok_spelling(t, 4, &n)[0], '<');
        assert_int_equal(n, 5);
        for (size_t i = 0; i < COUNT_OF(none); i++) {
            int32_t ids[] = {0, none[i]};
            assert_null(tok_piece(t, none[i], &n));
            assert_null(tok_spelling(t, none[i], &n));
            assert_false(tok_is_special(t, none[i]));
            assert_int_equal(tok_decode(t, ids, 2, false, &out, &e), -1);
            assert_non_null(strstr(e.msg, none[i] == 2 || none[i] == 3 ? "at position 1 is a hole" : "at position 1 is out of range"));
        }
        tok_free(t);
        buf_free(&out);
    }
}

/* As in files of XLM-R and T5; without rules nothing happens. */
static void rules_of_sentencepiece_are_read(void **state)
{
    (void)state;
#define RULED "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"always\",\"split\":true}," \
    "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"\u2581\",-3],[\"a\",-4],[\"1\",-5],[\"\u30ab\",-6],[\"\u2581a\",-4.5],[\"\u30ac\",-7]]}}"
    static const char *const bad[][2] = {{"AAA", "normalizer Precompiled"}, {"AAAA", "normalizer Precompiled"}, {"/////w==", "normalizer Precompiled"}, {"!!!!", "normalizer Precompiled"}};
    static const char text[] = "\uff41\uff11 \uff76 \uff76\uff9e a\u3000\uff21";
    struct charsmap_rules map = {0};
    struct buf compiled = {0}, code = {0}, json = {0}, got = {0}, syllable = {0};
    struct err e = {0};
    for (int i = 0; i < 200000; i++) buf_adds(&syllable, "\u1100"); /* one, of which no rule is: it must not take quadratic time */
    if (charsmap_rules_named(&map, "nmt_nfkc", &e) || charsmap_compile(&map, &compiled, &e) || tok_base64(compiled.data, compiled.len, &code, &e))
        fail_msg("%s", e.msg);
    for (int rules = 0; rules < 2; rules++) {
        buf_clear(&json);
        buf_printf(&json, "{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"");
        if (rules) buf_add(&json, code.data, code.len);
        buf_adds(&json, "\"}," RULED);
        struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
        if (!t) fail_msg("%s", e.msg);
        struct both both = both_new(t);
        both_same(&both, text, sizeof text - 1, 0);
        both_print(&both, &got);
        assert_string_equal(got.data, rules ? "5@0-3 3@3-6 1@6-7 4@7-10 1@10-11 4@11-14 0@14-17 5@17-19 1@19-22 0@22-25"
                                            : "1@0-3 0@0-6 1@6-7 0@7-10 1@10-11 0@11-17 5@17-19 0@19-25");
        both_same(&both, syllable.data, syllable.len, 0);
        both_free(&both);
        tok_free(t);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        buf_clear(&json);
        buf_printf(&json, "{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"%s\"}," RULED, bad[i][0]);
        assert_null(tok_parse(json.data, json.len, "t.json", &e));
        if (e.code != ERR_DATA || !strstr(e.msg, bad[i][1])) fail_msg("%s: %s", bad[i][0], e.msg);
    }
    charsmap_rules_free(&map);
    buf_free(&compiled);
    buf_free(&code);
    buf_free(&json);
    buf_free(&got);
    buf_free(&syllable);
}

/* As many characters as the engine takes of a word where the file does not say it. */
static void words_of_wordpiece_have_100_characters(void **state)
{
    (void)state;
    enum { MOST = 100 };
    struct tokenizer *t = parse("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0,\"a\":1,\"##a\":2}}}");
    struct both both = both_new(t);
    char text[MOST + 1];
    memset(text, 'a', sizeof text);
    both_same(&both, text, MOST, 0);
    assert_int_equal(both.want.n, MOST);
    both_same(&both, text, MOST + 1, 0);
    assert_true(both.want.n == 1 && both.want.id[0] == 0);
    both_free(&both);
    tok_free(t);
}

/* Words of few letters, NUL among them, through vocabularies of few tokens. */
static void wordpiece_without_spans_gives_the_same_ids(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"##", "", "b"}, *const letters[] = {"a", "b", "\\u0000", "\xc3\xa9"};
    for (uint32_t seed = 0; seed < 60; seed++) {
        struct rng_key k = rng_key(3, RNG_TEST, seed, 0);
        struct err e = {0};
        struct buf json = {0};
        uint64_t at = 0;
        buf_printf(&json, "{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"u\",\"continuing_subword_prefix\":\"%s\","
                          "\"max_input_chars_per_word\":7,\"vocab\":{\"u\":0", prefixes[seed % 3]);
        for (uint32_t id = 1; id < 2 + seed / 3; id++) { /* the number makes each token another; few are met */
            buf_printf(&json, ",\"%s", seed % 3 == 0 && seed % 4 && rng_below(&k, at++, 2) ? "##" : "");
            for (uint32_t x = id; x; x /= 4) buf_adds(&json, letters[x % 4]);
            buf_printf(&json, "\":%u", (unsigned)id);
        }
        buf_adds(&json, "}}}");
        struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
        if (!t) fail_msg("%s", e.msg);
        struct tok_ids want = {.want_spans = true}, got = {0};
        for (int round = 0; round < 300; round++) {
            uint8_t word[32];
            size_t n = 0;
            for (uint64_t left = 1 + rng_below(&k, at++, 9); left; left--) {
                uint64_t x = rng_below(&k, at++, 5);
                word[n++] = x < 2 ? 'a' : x < 3 ? 'b' : x < 4 ? 0 : 0xC3;
                if (x == 4) word[n++] = 0xA9;
            }
            want.n = got.n = 0;
            assert_int_equal(wordpiece_word(t, word, n, &want, &e), 0);
            assert_int_equal(wordpiece_word(t, word, n, &got, &e), 0);
            assert_int_equal(got.n, want.n);
            assert_memory_equal(got.id, want.id, got.n * sizeof *got.id);
        }
        tok_ids_free(&want);
        tok_ids_free(&got);
        tok_free(t);
        buf_free(&json);
    }
}

/* The values are those that tokenizers 0.23.3 has after reading the texts. */
static void scores_are_what_hf_reads(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } read[] = {{"-11.271439714274079", -11.27143971427408},   {"-11.207918089489345", -11.207918089489343},
                {"-3.1168644944435226", -3.116864494443522},   {"-6.413110112651806e-08", -6.413110112651807e-08},
                {"-0.009942211493274223", -0.009942211493274225}, {"-5.001685794286187e-08", -5.0016857942861875e-08},
                {"0", 0}, {"-7", -7}, {"2.5E+1", 25}, {"123456789012345678901234", 1.2345678901234567e+23}};
    struct rng_key k = rng_key(11, RNG_TEST, 0, 0);
    for (size_t i = 0; i < COUNT_OF(read); i++) {
        if (score_parse(read[i].text) != read[i].value) fail_msg("%s: %.17g", read[i].text, score_parse(read[i].text));
        char json[256];
        struct err e = {0};
        snprintf(json, sizeof json, "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"a\",%s]]}}", read[i].text);
        struct tokenizer *t = tok_parse(json, strlen(json), "t.json", &e);
        if (!t) fail_msg("%s", e.msg);
        assert_true(t->score[1] == read[i].value);
        tok_free(t);
    }
    for (uint64_t i = 0; i < 20000; i++) { /* written so that they are read back */
        double v = -14 * (double)rng_f32(&k, 2 * i) - (double)rng_f32(&k, 2 * i + 1) * (i % 2 ? 1e-9 : 1e-6);
        char text[40];
        snprintf(text, sizeof text, "%.*g", 15 + (int)(i % 10), v);
        if (i % 20 > 17) text[strlen(text) - 1] = '7'; /* no digits of a double */
        v = score_parse(text);
        score_print(v, text, sizeof text);
        if (score_parse(text) != v) fail_msg("%.17g is written as %s", v, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wordpiece_takes_the_longest_token_first),
        cmocka_unit_test(wordpiece_without_spans_gives_the_same_ids),
        cmocka_unit_test(unigram_takes_the_best_sum),
        cmocka_unit_test(bpe_has_prefixes_suffixes_and_bytes),
        cmocka_unit_test(rare_configurations_give_what_hf_gives),
        cmocka_unit_test(added_tokens_are_found_leftmost_longest_and_whole),
        cmocka_unit_test(of_many_added_tokens_the_longest_is_found),
        cmocka_unit_test(bytes_are_spelled_again),
        cmocka_unit_test(offsets_are_trimmed_again),
        cmocka_unit_test(what_would_differ_is_refused),
        cmocka_unit_test(word_level_knows_whole_words),
        cmocka_unit_test(truncation_and_padding_of_the_file),
        cmocka_unit_test(sentencepiece_merges_by_score_and_falls_back_to_bytes),
        cmocka_unit_test(tiktoken_files_need_the_name_of_their_split),
        cmocka_unit_test(the_summary_is_of_the_model), cmocka_unit_test(a_part_is_known_by_its_keys),
        cmocka_unit_test(ids_that_are_none_have_no_token),
        cmocka_unit_test(words_of_wordpiece_have_100_characters),
        cmocka_unit_test(rules_of_sentencepiece_are_read),
        cmocka_unit_test(scores_are_what_hf_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
