#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/bytemap.h"
#include "core/token/normalize.h"
#include "core/token/regex.h"
#include "core/token/split.h"
#include "core/token/tokenizer.h"

static const char char_level[] =
    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[{\"id\":4,"
    "\"content\":\"<|endoftext|>\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
    "\"normalized\":false,\"special\":true}],\"normalizer\":null,\"pre_tokenizer\":null,"
    "\"post_processor\":null,\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"BPE\","
    "\"vocab\":{\"\\n\":0,\"a\":1,\"b\":2,\"\\u00e9\":3},\"merges\":[]}}";

/* All 256 bytes (id = place in the byte alphabet's order of bytes), then
 * "ab" 256, "abc" 257, " a" 258, and <|endoftext|> 259. */
static char *byte_level(void)
{
    struct buf b = {0};
    buf_adds(&b, "{\"added_tokens\":[{\"id\":259,\"content\":\"<|endoftext|>\",\"special\":true,"
                 "\"normalized\":false}],\"pre_tokenizer\":{\"type\":\"ByteLevel\","
                 "\"add_prefix_space\":false},\"decoder\":{\"type\":\"ByteLevel\"},"
                 "\"model\":{\"type\":\"BPE\",\"vocab\":{");
    for (int i = 0; i < 256; i++) {
        struct buf spelled = {0};
        uint8_t byte = (uint8_t)i;
        bytemap_spell(&spelled, &byte, 1);
        buf_add_json(&b, spelled.data, spelled.len);
        buf_printf(&b, ":%d,", i);
        buf_free(&spelled);
    }
    buf_adds(&b, "\"ab\":256,\"abc\":257,\"\xc4\xa0" "a\":258},\"merges\":[[\"a\",\"b\"],"
                 "[\"ab\",\"c\"],\"\xc4\xa0 a\"]}}");
    return buf_steal(&b);
}

static struct tokenizer *parse(const char *json)
{
    struct err e = {0};
    struct tokenizer *t = tok_parse(json, strlen(json), "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    return t;
}

static void expect_ids(const struct tokenizer *t, const char *text, size_t n, unsigned flags,
                       const int *want, size_t n_want)
{
    struct err e = {0};
    struct tok_ids got = {.want_spans = true};
    struct tok_scratch *s = tok_scratch_new(t, &e);
    assert_non_null(s);
    for (int pass = 0; pass < 2; pass++) { /* the second is served by the caches */
        got.n = 0;
        if (tok_encode(t, s, text, n, flags, &got, &e)) fail_msg("%s", e.msg);
        assert_int_equal(got.n, n_want);
        size_t at = 0;
        for (size_t i = 0; i < got.n; i++) {
            assert_int_equal(got.id[i], want[i]);
            assert_int_equal(got.span[i].begin, at);
            at = got.span[i].end;
        }
        assert_int_equal(at, n);
    }
    tok_ids_free(&got);
    tok_scratch_free(s);
}

#define EXPECT(t, text, flags, ...) \
    do { \
        static const int want_[] = {__VA_ARGS__}; \
        expect_ids(t, text, sizeof(text) - 1, flags, want_, COUNT_OF(want_)); \
    } while (0)

static void characters_are_tokens(void **state)
{
    (void)state;
    struct tokenizer *t = parse(char_level);
    EXPECT(t, "ab\nb\xc3\xa9", 0, 1, 2, 0, 2, 3);
    EXPECT(t, "a<|endoftext|>b", TOK_SPECIAL, 1, 4, 2);
    assert_int_equal(tok_eos(t), 4);
    assert_int_equal(tok_vocab_size(t), 5);
    tok_free(t);
}

static void an_unknown_character_is_named_with_its_offset(void **state)
{
    (void)state;
    struct err e = {0};
    struct tokenizer *t = parse(char_level);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_ids out = {0};
    assert_int_equal(tok_encode(t, s, "ab\xc3\xa9x", 5, 0, &out, &e), -1);
    assert_int_equal(e.code, ERR_DATA);
    assert_non_null(strstr(e.msg, "'x' (U+0078) at byte offset 4"));
    assert_int_equal(out.n, 0);
    assert_int_equal(tok_encode(t, s, "a\xff", 2, 0, &out, &e), -1);
    assert_non_null(strstr(e.msg, "(U+FFFD) at byte offset 1")); /* broken UTF-8 */
    tok_ids_free(&out);
    tok_scratch_free(s);
    tok_free(t);
}

static void bytes_merge_by_rank_within_words(void **state)
{
    (void)state;
    char *json = byte_level();
    struct tokenizer *t = parse(json);
    EXPECT(t, "abc ab a", 0, 257, ' ', 256, 258);
    EXPECT(t, "abab abcabcabcabcabcabcabcabcab", 0, 256, 256, ' ', 257, 257, 257, 257, 257, 257,
           257, 257, 256);
    EXPECT(t, "<|endoftext|>", TOK_SPECIAL, 259);
    EXPECT(t, "<|endoftext|>", 0, '<', '|', 'e', 'n', 'd', 'o', 'f', 't', 'e', 'x', 't', '|', '>');
    tok_free(t);
    free(json);
}

/* The long path (a heap) and the short one (a scan) must agree. */
static void long_words_merge_like_short_ones(void **state)
{
    (void)state;
    char *json = byte_level();
    struct tokenizer *t = parse(json);
    struct err e = {0};
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_ids out = {0};
    enum { N = 30000 };
    char *text = malloc(N);
    for (int i = 0; i < N; i++) text[i] = "abcabab"[i % 7];
    assert_int_equal(tok_encode(t, s, text, N, 0, &out, &e), 0);
    size_t pos = 0;
    for (size_t i = 0; i < out.n; i++) { /* greedy by rank here means: every ab, then abc */
        bool abc = pos + 2 < N && text[pos] == 'a' && text[pos + 2] == 'c';
        bool ab = pos + 1 < N && text[pos] == 'a';
        assert_int_equal(out.id[i], abc ? 257 : ab ? 256 : text[pos]);
        pos += abc ? 3 : ab ? 2 : 1;
    }
    assert_int_equal(pos, N);
    free(text);
    tok_ids_free(&out);
    tok_scratch_free(s);
    tok_free(t);
    free(json);
}

static void any_bytes_survive_the_round_trip(void **state)
{
    (void)state;
    char *json = byte_level();
    struct tokenizer *t = parse(json);
    struct err e = {0};
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct rng_key k = rng_key(7, RNG_TEST, 0, 0);
    struct tok_ids out = {0};
    struct buf back = {0};
    for (uint64_t trial = 0; trial < 200; trial++) {
        char text[300];
        size_t n = rng_below(&k, trial * 1000, sizeof text);
        for (size_t i = 0; i < n; i++)
            text[i] = trial % 2 ? (char)rng_u32(&k, trial * 1000 + i) : "ab c\xc3\xa9\n'\xe4"[rng_u32(&k, trial * 1000 + i) % 10];
        out.n = 0;
        buf_clear(&back);
        if (tok_encode(t, s, text, n, 0, &out, &e)) fail_msg("%s", e.msg);
        assert_int_equal(tok_decode(t, out.id, out.n, false, &back, &e), 0);
        assert_int_equal(back.len, n);
        if (n) assert_memory_equal(back.data, text, n);
    }
    assert_int_equal(tok_encode(t, s, "ab\xff", 3, TOK_STRICT, &out, &e), -1);
    assert_non_null(strstr(e.msg, "offset 2"));
    assert_int_equal(tok_encode(t, s, "ab\xff", 3, TOK_STRICT | TOK_UTF8, &out, &e), 0); /* who says so is believed */
    buf_free(&back);
    tok_ids_free(&out);
    tok_scratch_free(s);
    tok_free(t);
    free(json);
}

static void a_stream_never_tears_a_character(void **state)
{
    (void)state;
    char *json = byte_level();
    struct tokenizer *t = parse(json);
    struct err e = {0};
    struct tok_stream st;
    struct buf out = {0};
    tok_stream_init(&st, t, true);
    static const struct {
        int id;
        const char *text;
    } step[] = {{0xF0, ""}, {0x9F, ""}, {0x98, ""}, {0x80, "\xF0\x9F\x98\x80"}, {259, ""}, {257, "abc"},
                {0xE4, ""}, {0xB8, ""}, {'x', "\xEF\xBF\xBDx"}, {0xFF, "\xEF\xBF\xBD"}, {0xC3, ""}};
    for (size_t i = 0; i < COUNT_OF(step); i++) {
        buf_clear(&out);
        buf_add(&out, "", 0);
        assert_int_equal(tok_stream_add(&st, step[i].id, &out, &e), 0);
        assert_int_equal(out.len, strlen(step[i].text));
        if (out.len) assert_string_equal(out.data, step[i].text);
    }
    buf_clear(&out);
    tok_stream_end(&st, &out);
    assert_string_equal(out.data, "\xEF\xBF\xBD");
    assert_int_equal(tok_stream_add(&st, 260, &out, &e), -1);
    assert_int_equal(e.code, ERR_DATA);
    buf_free(&out);
    tok_free(t);
    free(json);
}

static void the_written_form_reads_back_equal(void **state)
{
    (void)state;
    char *bytes = byte_level();
    const char *const all[] = {char_level, bytes};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        struct err e = {0};
        struct buf one = {0}, two = {0};
        struct tokenizer *a = parse(all[i]);
        assert_int_equal(tok_to_json(a, &one, &e), 0);
        struct tokenizer *b = parse(one.data);
        assert_int_equal(tok_to_json(b, &two, &e), 0);
        assert_string_equal(one.data, two.data);
        assert_true(tok_hash(a) == tok_hash(b));
        tok_free(a);
        tok_free(b);
        buf_free(&one);
        buf_free(&two);
    }
    free(bytes);
}

static void added_tokens_have_the_ids_that_others_give_them(void **state)
{
    (void)state;
    static const struct {
        const char *added, *message; /* NULL: taken */
    } rows[] = {
        {"{\"id\":3,\"content\":\"x\"},{\"id\":4,\"content\":\"y\"}", NULL},
        {"{\"id\":0,\"content\":\"a\"},{\"id\":3,\"content\":\"y\"}", NULL},
        {"{\"id\":16,\"content\":\"x\"}", "'x' has id 16 here, but Hugging Face's programs give it 3,"},
        {"{\"id\":3,\"content\":\"x\"},{\"id\":5,\"content\":\"y\"}", "'y' has id 5 here, but Hugging Face's programs give it 4,"},
        {"{\"id\":4,\"content\":\"x\"},{\"id\":3,\"content\":\"y\"}", "'x' has id 4 here, but Hugging Face's programs give it 3,"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err e = {0};
        struct buf json = {0};
        buf_printf(&json, "{\"added_tokens\":[%s],\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"c\":2},\"merges\":[]}}", rows[i].added);
        struct tokenizer *t = tok_parse_file(json.data, json.len, "t.json", &e);
        assert_int_equal(!t, rows[i].message != NULL);
        if (!t && !strstr(e.msg, rows[i].message)) fail_msg("%s", e.msg);
        tok_free(t);
        buf_free(&json);
    }
}

static void what_cannot_be_represented_is_refused_with_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *json, *message;
    } bad[] = {
        {"", "1:1"},
        {"{}", "no object 'model'"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{}}}", "no 'merges'"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}", "empty"},
        {"{\"model\":{\"type\":\"Nope\",\"vocab\":{},\"merges\":[]}}", "'Nope'"},
        {"{\"model\":{\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}", "both have id 0"},
        {"{\"model\":{\"vocab\":{\"a\":0,\"a\":1},\"merges\":[]}}", "appears twice"},
        {"{\"model\":{\"vocab\":{\"a\":-1},\"merges\":[]}}", "id -1"},
        {"{\"model\":{\"vocab\":{\"a\":99999999},\"merges\":[]}}", "99999999"},
        {"{\"model\":{\"vocab\":{\"a\":1.5},\"merges\":[]}}", "integer"},
        {"{\"model\":{\"vocab\":{\"a\":0,},\"merges\":[]}}", "1:26"},
        {"{\"model\":{\"vocab\":{\"\\ud800\":0},\"merges\":[]}}", "surrogate"},
        {"{\"model\":{\"vocab\":{\"a\":0,\"b\":1},\"merges\":[\"a c\"]}}", "'c' is not in"},
        {"{\"model\":{\"vocab\":{\"a\":0,\"b\":1},\"merges\":[\"a b\"]}}", "'ab' is not in"},
        {"{\"model\":{\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[\"a a\",\"a a\"]}}", "same pair"},
        {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"aa\"]}}", "one space"},
        {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":1.1}}", "dropout"},
        {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"colour\":1}}", "colour"},
        {"{\"vocab_size\":1,\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}", "vocab_size"},
        {"{\"pre_tokenizer\":{\"type\":\"Nope\"},\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}", "'Nope'"},
        {"{\"added_tokens\":[{\"id\":3,\"content\":\"a\"}],\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}",
         "has id 3, but 0"},
        {"{\"added_tokens\":[{\"id\":0,\"content\":\"b\"}],\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}",
         "both have id 0"},
        {"{\"added_tokens\":[{\"id\":1,\"content\":\"b\"},{\"id\":2,\"content\":3}],\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}",
         "added_tokens[1].content must be"},
        {"{\"added_tokens\":[{\"id\":1,\"content\":\"\"}],\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}", "added_tokens[0]: id 1 has no text"},
        {"{\"added_tokens\":[[]],\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}", "added_tokens[0] is not an object"},
        {"\xff", "offset 0"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct err e = {0};
        struct tokenizer *t = tok_parse(bad[i].json, strlen(bad[i].json), "t.json", &e);
        if (t) fail_msg("accepted: %s", bad[i].json);
        assert_int_equal(e.code, ERR_DATA);
        if (!strstr(e.msg, bad[i].message)) fail_msg("%s gave: %s", bad[i].json, e.msg);
    }
}

/* One text, its pieces separated by '|'. */
static void expect_pieces(enum split_kind kind, const char *text, const char *want)
{
    struct buf got = {0};
    size_t ends[64], n = strlen(text);
    size_t count = split_function(kind)((const uint8_t *)text, n, 0, ends, COUNT_OF(ends));
    for (size_t i = 0, at = 0; i < count; at = ends[i++]) {
        if (i) buf_addc(&got, '|');
        buf_add(&got, text + at, ends[i] - at);
    }
    assert_string_equal(got.data, want);
    buf_free(&got);
}

static void splits_follow_the_regexes(void **state)
{
    (void)state;
    expect_pieces(SPLIT_GPT2, "I'm 12345 days  old...", "I|'m| 12345| days| | old|...");
    expect_pieces(SPLIT_GPT2, "x \n y  ", "x| \n| y|  ");
    expect_pieces(SPLIT_GPT2, "''s 'S", "''|s| '|S");
    expect_pieces(SPLIT_LLAMA3, "I'M 12345 days  old...\n\n x", "I|'M| |123|45| days| | old|...\n\n| x");
    expect_pieces(SPLIT_LLAMA3, "a \n \n  b(c)\td", "a| \n \n| | b|(c|)|\td");
    expect_pieces(SPLIT_LLAMA3, "it'\xc5\xbf", "it|'\xc5\xbf");
    expect_pieces(SPLIT_QWEN2, "a12", "a|1|2");
    expect_pieces(SPLIT_NONE, "a b", "a b");
    for (int k = 0; k < SPLIT_N; k++) {
        if (!split_regex((enum split_kind)k)) continue;
        assert_int_equal(split_from_regex(split_regex((enum split_kind)k)), k);
        assert_int_equal(split_from_name(split_name((enum split_kind)k)), k);
    }
}

/* Asked for one piece at a time, a split takes the loop over characters; for many,
 * masks in one place or in two. */
static void expect_same_pieces(enum split_kind kind, split_fn *split, const uint8_t *text, size_t n)
{
    size_t ends[SPLIT_TWO], one, at = 0, times = 0;
    for (size_t pos = 0; pos < n; pos = at) {
        size_t count = split(text, n, pos, ends, ++times % 4 ? SPLIT_TWO : 2 * SPLIT_BATCH);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++, at = one) {
            assert_int_equal(split(text, n, at, &one, 1), 1);
            if (ends[i] != one)
                fail_msg("%s: '%.*s' at %zu ends at %zu, not %zu", split_name(kind), 20, (const char *)text + at, at, ends[i], one);
        }
    }
}

/* With each set of instructions that there is here. */
static void expect_ways_agree(enum split_kind kind, const uint8_t *text, size_t n)
{
    split_fn *split;
    for (size_t way = 0; (split = split_function_of(way, kind)); way++) expect_same_pieces(kind, split, text, n);
}

static const char *const split_alphabet[] = {
    "a", "e", "Z", "./\n/\n", "1", "9", " ", " ", "\n", "\t", "'", "(", "s", ".", "\r", "/", "l", "re", "'s", "'LL",
    "\xc3\xa9", "\xc3\x89", "R", "3", ",", "\xc2\xa0", "\xe2\x80\x83", "0", "\xe3\x80\x80", "\xe4\xb8\xad", "\xe3\x81\x82",
    "\xe3\x82\xa0", "\xd0\x96", "\xd0\xb6", "\xcc\x81", "\xe0\xa4\x95", "\xe0\xa4\xbe", "\xd9\xa3", "\xf0\x9f\x98\x80",
    "\xf0\x9d\x94\xb8", "\xef\xb8\x8f", "\xff", "\xe4\xb8", "\xc5\xbf", "\xc7\x85", "\xe2\x80\x99", "\xed\xa0\x80", "\xe0\x80\x80"};

/* A word that fills windows of the masks. */
static size_t long_word(const struct rng_key *k, uint64_t at, uint8_t *text, size_t n)
{
    static const char *const letters[] = {"a", "\xe4\xb8\xad", "\xd0\xb6", "k", "\xe3\x81\x82", "\xe4\xb8\xad", "\xe0\xa4\xbe", "Q"};
    size_t len = 0, count = (size_t)rng_below(k, at, 200), some = 1 + (size_t)rng_below(k, at + 1, COUNT_OF(letters));
    for (size_t i = 0; i < count && len + 8 < n; i++) {
        const char *c = letters[rng_below(k, at + 2 + i, some)];
        memcpy(text + len, c, strlen(c));
        len += strlen(c);
    }
    return len;
}

static size_t random_text(uint32_t seed, size_t n_letters, uint8_t *text, size_t n)
{
    struct rng_key k = rng_key(11, RNG_TEST, seed, 0);
    size_t len = 0;
    for (uint64_t i = 0; len + 8 < n; i++) {
        if (rng_below(&k, i + 3000000, 64) == 0) len += long_word(&k, 4000000 + 300 * i, text + len, n - len);
        const char *c = split_alphabet[rng_below(&k, i, n_letters)];
        size_t times = rng_below(&k, i + 1000000, 16) ? 1 : 1 + rng_below(&k, i + 2000000, 30);
        for (; times && len + 8 < n; times--) {
            memcpy(text + len, c, strlen(c));
            len += strlen(c);
        }
    }
    return len;
}

static void masks_and_loop_agree(void **state)
{
    (void)state;
    enum { N = 40000 };
    uint8_t *text = malloc(N);
    for (int kind = SPLIT_GPT2; kind < SPLIT_N; kind++)
        for (uint32_t seed = 0; seed < 6; seed++) {
            size_t n = random_text(seed, seed % 2 ? COUNT_OF(split_alphabet) : seed % 4 ? 35 : 20, text, N);
            expect_ways_agree((enum split_kind)kind, text, n);
        }
    free(text);
}

/* Every character of Unicode, between others. */
static void masks_know_all_characters(void **state)
{
    (void)state;
    enum { N = 1 << 23 };
    char *text = malloc(N);
    size_t n = 0;
    for (uint32_t cp = 0x80; cp < 0x30000; cp++) {
        int len = utf8_encode(cp, text + n);
        if (len <= 0) continue;
        n += (size_t)len;
        memcpy(text + n, cp % 3 ? "a" : cp % 2 ? " " : "9B", 2);
        n += cp % 3 || cp % 2 ? 1 : 2;
    }
    for (int kind = SPLIT_GPT2; kind < SPLIT_N; kind++) expect_ways_agree((enum split_kind)kind, (const uint8_t *)text, n);
    free(text);
}

static void splits_and_regexes_agree(void **state)
{
    (void)state;
    enum { N = 6000 };
    uint8_t *text = malloc(N);
    struct err e = {0};
    struct regex_work *w = regex_work_new(&e);
    for (int kind = SPLIT_GPT2; kind < SPLIT_N; kind++) {
        const char *pattern = split_regex((enum split_kind)kind);
        struct regex *re = regex_new(pattern, strlen(pattern), &e);
        if (!re) fail_msg("%s: %s", split_name((enum split_kind)kind), e.msg);
        for (uint32_t seed = 10; seed < 30; seed++) {
            size_t n = random_text(seed, seed % 2 ? COUNT_OF(split_alphabet) : 35, text, N - (size_t)(seed * 190)), begin, end, at = 0, one;
            struct regex_iter it = {.last = SIZE_MAX};
            while (regex_next(re, w, text, n, &it, &begin, &end, &e) > 0) {
                assert_int_equal(begin, at);
                split_function((enum split_kind)kind)(text, n, at, &one, 1);
                if (one != end)
                    fail_msg("%s: '%.*s' at %zu ends at %zu, not %zu", split_name((enum split_kind)kind), 30, (const char *)text + at, at, one, end);
                at = end;
            }
            assert_int_equal(at, n);
        }
        regex_free(re);
    }
    regex_work_free(w);
    free(text);
}

static void nfc_keeps_offsets_into_the_original(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* out NULL: unchanged */
        size_t begin, end;    /* what out's first character came from */
    } t[] = {
        {"cafe", NULL, 0, 0},
        {"\xc3\xa9", NULL, 0, 0},
        {"e\xcc\x81", "\xc3\xa9", 0, 1},
        {"\xe1\x84\x80\xe1\x85\xa1", "\xea\xb0\x80", 0, 3},      /* Hangul */
        {"\xe2\x84\xab", "\xc3\x85", 0, 3},                        /* Angstrom sign */
        {"\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc", 0, 3},        /* excluded from composition */
        {"a\xcc\x81\xcc\xa7", "\xc3\xa1\xcc\xa7", 0, 1},           /* marks change places */
        {"\xffz\xcc\x8c\xff", "\xff\xc5\xbe\xff", 0, 1},            /* broken bytes stay */
    };
    struct norm w = {.want_origin = true};
    struct norm_chain c = {0};
    struct err e = {0};
    assert_non_null(norm_chain_add(&c, NORM_NFC, &e));
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        int changed = norm_run(&c, &w, t[i].in, strlen(t[i].in), &e);
        assert_int_equal(changed, t[i].out != NULL);
        if (!changed) continue;
        assert_string_equal(w.out->text.data, t[i].out);
        assert_int_equal(w.out->origin[0].begin, t[i].begin);
        assert_int_equal(w.out->origin[0].end, t[i].end);
        assert_int_equal(w.out->origin[w.out->text.len - 1].end <= strlen(t[i].in), 1);
    }
    norm_chain_free(&c);
    norm_free(&w);
}

/* A megabyte of marks on one letter must not take quadratic time. */
static void many_marks_are_ordered_in_linear_time(void **state)
{
    (void)state;
    enum { N = 1 << 19 };
    struct buf b = {0};
    struct norm w = {0};
    struct err e = {0};
    buf_addc(&b, 'q');
    for (int i = 0; i < N; i++) buf_adds(&b, i % 2 ? "\xcc\xa7" : "\xcc\x81"); /* classes 202, 230 */
    struct norm_chain c = {0};
    assert_non_null(norm_chain_add(&c, NORM_NFC, &e));
    assert_int_equal(norm_run(&c, &w, b.data, b.len, &e), 1);
    assert_int_equal(w.out->text.len, b.len);
    assert_true(w.list_cap < 3 * N); /* no room for the most that each might become */
    norm_chain_free(&c);
    assert_memory_equal(w.out->text.data + 1 + (N / 2 - 1) * 2, "\xcc\xa7\xcc\x81", 4);
    norm_free(&w);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_tokens),
        cmocka_unit_test(an_unknown_character_is_named_with_its_offset),
        cmocka_unit_test(bytes_merge_by_rank_within_words),
        cmocka_unit_test(long_words_merge_like_short_ones),
        cmocka_unit_test(any_bytes_survive_the_round_trip),
        cmocka_unit_test(a_stream_never_tears_a_character),
        cmocka_unit_test(the_written_form_reads_back_equal),
        cmocka_unit_test(added_tokens_have_the_ids_that_others_give_them),
        cmocka_unit_test(what_cannot_be_represented_is_refused_with_the_place),
        cmocka_unit_test(splits_follow_the_regexes),
        cmocka_unit_test(masks_and_loop_agree),
        cmocka_unit_test(masks_know_all_characters),
        cmocka_unit_test(splits_and_regexes_agree),
        cmocka_unit_test(nfc_keeps_offsets_into_the_original),
        cmocka_unit_test(many_marks_are_ordered_in_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
