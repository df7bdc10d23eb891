/* Decoding bit by bit: for every kind of decoder, rows of tokens that are difficult, cut
 * anywhere, give what tok_decode() gives for the whole; and what is ready comes at once. */
#include "tests/unit/spm_util.h"

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/char_index.h"
#include "core/token/tok_decode.h"
#include "core/token/tok_feed.h"
#include "core/token/tok_internal.h"

#define MARK "\xe2\x96\x81"

static const char *const tokens[] = {
    MARK, MARK "a", "a", "b" MARK, "##b", " ", "  c", ".", "n't", "<0xE6>", "<0x97>", "<0xA5>", "<0x41>", "<0xFF>", "<s>", "d</w>",
    MARK MARK, "\xc3\xa9", "\xc4\xa0x", "<pad>", "|", "<0x4", "1>", "##", "<0x00>"};
static const char *const decoders[] = {
    "null",
    "{\"type\":\"Fuse\"}",
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true}",
    "{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}",
    "{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":false}",
    "{\"type\":\"Metaspace\",\"replacement\":\"" MARK "\",\"prepend_scheme\":\"always\",\"split\":true}",
    "{\"type\":\"Metaspace\",\"replacement\":\"" MARK "\",\"prepend_scheme\":\"never\",\"split\":true}",
    "{\"type\":\"BPEDecoder\",\"suffix\":\"</w>\"}",
    "{\"type\":\"CTC\",\"pad_token\":\"<pad>\",\"word_delimiter_token\":\"|\",\"cleanup\":true}",
    "{\"type\":\"ByteFallback\"}",
    "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":1}",
    "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"" MARK "\"},\"content\":\" \"},"
    "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]}",
    "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"" MARK "\"},\"content\":\" \"},"
    "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":2,\"stop\":1}]}",
    "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"" MARK "\"},\"content\":\" \"},"
    "{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":3,\"stop\":0}]}",
    "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"<0x41>\"},"
    "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]}",
    "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Fuse\"},{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"b. \"},\"content\":\"\"}]}",
    "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"ByteFallback\"},{\"type\":\"Metaspace\",\"replacement\":\"" MARK
    "\",\"prepend_scheme\":\"always\",\"split\":true}]}",
    "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Metaspace\",\"replacement\":\"" MARK
    "\",\"prepend_scheme\":\"first\",\"split\":true},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]}",
    "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},{\"type\":\"Fuse\"},"
    "{\"type\":\"Strip\",\"content\":\"a\",\"start\":1,\"stop\":0}]}",
};

static struct tokenizer *with_decoder(const char *decoder)
{
    struct err e = {0};
    struct buf b = {0};
    buf_printf(&b, "{\"added_tokens\":[{\"id\":14,\"content\":\"<s>\",\"special\":true,\"single_word\":false,\"lstrip\":false,"
                   "\"rstrip\":false,\"normalized\":false}],\"decoder\":%s,\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"a\",\"vocab\":{",
               decoder);
    for (size_t i = 0; i < COUNT_OF(tokens); i++) buf_printf(&b, "%s\"%s\":%zu", i ? "," : "", tokens[i], i);
    buf_adds(&b, "}}}");
    struct tokenizer *t = tok_parse(b.data, b.len, "t.json", &e);
    if (!t) fail_msg("%s: %s", decoder, e.msg);
    buf_free(&b);
    return t;
}

/* SentencePiece's own, with what it makes of spaces in front. */
static struct tokenizer *sentencepiece(bool keep_first, bool trim_all)
{
    static const struct piece pieces[] = {
        {"<unk>", 0, SPM_UNKNOWN}, {"<s>", 0, SPM_CONTROL}, {MARK, 0, SPM_NORMAL}, {MARK "a", -1, SPM_NORMAL},
        {"a", -2, SPM_NORMAL}, {"b" MARK, -3, SPM_NORMAL}, {MARK MARK, -4, SPM_NORMAL}, {"\xc3\xa9", -5, SPM_NORMAL}};
    struct spm_model m;
    spm_model_init(&m);
    m.add_dummy_prefix = !keep_first;
    m.remove_extra_whitespaces = trim_all;
    m.byte_fallback = true;
    add_pieces(&m, pieces, COUNT_OF(pieces));
    add_byte_pieces(&m);
    return tokenizer_of(&m);
}

/* By tables, token by token, or all at once by the steps. */
static void expect_steps(const struct tokenizer *t, const int32_t *id, size_t n, bool skip, const struct buf *whole)
{
    struct buf want = {0};
    struct err e = {0};
    if (!tok_by_token(t)) return;
    assert_int_equal(tok_decode_steps(t, id, n, skip, true, &want, &e), 0);
    assert_int_equal(want.len, whole->len);
    if (want.len) assert_memory_equal(want.data, whole->data, want.len);
    buf_free(&want);
}

/* One by one, where that is possible; what is no character is not the same there. */
static void expect_stream(const struct tokenizer *t, const int32_t *id, size_t n, bool skip, const struct buf *whole, const char *what)
{
    struct buf got = {0};
    struct err e = {0};
    struct tok_stream s;
    bool can = !whole->len || (utf8_valid_prefix(whole->data, whole->len) == whole->len && !memmem(whole->data, whole->len, "\xef\xbf\xbd", 3));
    tok_stream_init(&s, t, skip);
    for (size_t i = 0; i < n && can; i++) can = tok_stream_add(&s, id[i], &got, &e) == 0;
    tok_stream_end(&s, &got);
    if (can && (got.len != whole->len || (got.len && memcmp(got.data, whole->data, got.len))))
        fail_msg("%s, one by one: '%.*s', not '%.*s'", what, (int)got.len, got.data, (int)whole->len, whole->data);
    buf_free(&got);
}

/* Rows of ids below n, cut by chance, some ids at a time: never another text than the whole. */
static void compare(const struct tokenizer *t, int n, const char *what)
{
    struct rng_key key = rng_key(7, RNG_TEST, 0, 0);
    struct tok_feed f = {0};
    struct err e = {0};
    uint64_t draw = 0;
    for (int round = 0; round < 600; round++) {
        int32_t id[24];
        size_t n_ids = rng_below(&key, draw++, COUNT_OF(id) + 1);
        bool skip = round & 1;
        struct buf whole = {0}, parts = {0};
        for (size_t i = 0; i < n_ids; i++) id[i] = (int32_t)rng_below(&key, draw++, (uint64_t)n);
        assert_int_equal(tok_decode(t, id, n_ids, skip, &whole, &e), 0);
        expect_steps(t, id, n_ids, skip, &whole);
        expect_stream(t, id, n_ids, skip, &whole, what);
        if (round < 2) tok_feed_init(&f, t, skip);
        f.skip_special = skip; /* an end leaves it ready for the next text */
        for (size_t i = 0; i < n_ids;) {
            size_t some = 1 + rng_below(&key, draw++, round % 3 ? 3 : 1);
            if (some > n_ids - i) some = n_ids - i;
            assert_int_equal(tok_feed_add(&f, id + i, some, &parts, &e), 0);
            i += some;
            if (parts.len > whole.len || (parts.len && memcmp(parts.data, whole.data, parts.len)))
                fail_msg("%s, round %d: '%s' is no beginning of '%s'", what, round, parts.data, whole.data);
        }
        assert_int_equal(tok_feed_end(&f, &parts, &e), 0);
        if (parts.len != whole.len || (parts.len && memcmp(parts.data, whole.data, parts.len)))
            fail_msg("%s, round %d: '%s' and '%s'", what, round, parts.data, whole.data);
        buf_free(&whole);
        buf_free(&parts);
    }
    tok_feed_free(&f);
}

static void parts_give_what_the_whole_gives(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(decoders); i++) {
        struct tokenizer *t = with_decoder(decoders[i]);
        compare(t, COUNT_OF(tokens), decoders[i]);
        tok_free(t);
    }
    for (int k = 0; k < 4; k++) {
        struct tokenizer *t = sentencepiece(k & 1, k & 2);
        compare(t, 8 + 256, "SentencePiece");
        tok_free(t);
    }
}

/* An id that is none behind each of these, which may leave it waiting: its place is told. */
static void expect_bad(const struct tokenizer *t, int32_t bad, bool skip, const char *what)
{
    const int32_t before[] = {1, 9, 14, 10, 0};
    for (size_t n = 0; n <= COUNT_OF(before); n++) {
        int32_t id[COUNT_OF(before) + 3];
        char want[40];
        struct err e = {0};
        struct buf out = {0};
        struct tok_feed f = {0};
        memcpy(id, before, n * sizeof *id);
        id[n] = bad;
        id[n + 1] = 1;
        id[n + 2] = 9;
        snprintf(want, sizeof want, "token id %d at position %zu is", (int)bad, n);
        assert_int_equal(tok_decode(t, id, n + 3, skip, &out, &e), -1);
        if (!strstr(e.msg, want)) fail_msg("%s: %s, not %s", what, e.msg, want);
        tok_feed_init(&f, t, skip);
        assert_true(tok_feed_add(&f, id, n + 3, &out, &e) || tok_feed_end(&f, &out, &e));
        if (!strstr(e.msg, want)) fail_msg("%s, fed: %s, not %s", what, e.msg, want);
        tok_feed_free(&f);
        buf_free(&out);
    }
}

static void ids_that_are_none_are_told_by_every_decoder(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(decoders); i++) {
        struct tokenizer *t = with_decoder(decoders[i]);
        const int32_t bad[] = {-1, INT32_MIN, COUNT_OF(tokens), INT32_MAX};
        for (size_t k = 0; k < 2 * COUNT_OF(bad); k++) expect_bad(t, bad[k / 2], k & 1, decoders[i]);
        tok_free(t);
    }
}

static void says(struct tok_feed *f, int32_t id, const char *want)
{
    struct buf out = {0};
    struct err e = {0};
    assert_int_equal(tok_feed_add(f, &id, 1, &out, &e), 0);
    assert_string_equal(buf_text(&out), want);
    buf_free(&out);
}

static void what_is_sure_comes_at_once(void **state)
{
    (void)state;
    struct tokenizer *t = with_decoder(decoders[11]);
    struct tok_feed f = {0};
    struct buf out = {0};
    struct err e = {0};
    tok_feed_init(&f, t, true);
    says(&f, 14, "");    /* left out */
    says(&f, 1, "a");    /* "▁a" begins */
    says(&f, 1, " a");
    says(&f, 9, "");     /* a byte, which may be part of a run that is no text */
    says(&f, 10, "");
    says(&f, 11, "");
    says(&f, 14, "");    /* does not end it: it is not there */
    says(&f, 2, "\xe6\x97\xa5" "a");
    says(&f, 13, "");
    assert_int_equal(tok_feed_end(&f, &out, &e), 0);
    assert_string_equal(out.data, "\xef\xbf\xbd");
    says(&f, 1, "a"); /* another text */
    int32_t bad[] = {2, 99};
    f.at = 40;
    assert_int_equal(tok_feed_add(&f, bad, 2, &out, &e), -1);
    assert_non_null(strstr(e.msg, "token id 99 at position 41 is out of range"));
    tok_feed_free(&f);
    tok_free(t);
    buf_free(&out);
}

static void what_a_stream_cannot_know_is_refused(void **state)
{
    (void)state;
    static const struct { int decoder; int32_t id; const char *why; } v[] = {
        {12, 2, "a Strip of what is at the end, or of several characters, needs the whole text"},
        {13, 2, "a Strip of what is at the end, or of several characters, needs the whole text"},
        {15, 2, "a Replace behind Fuse needs the whole text"},
        {7, 99, "out of range"}};
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct tokenizer *t = with_decoder(decoders[v[i].decoder]);
        struct tok_stream s;
        struct buf out = {0};
        struct err e = {0};
        tok_stream_init(&s, t, false);
        assert_int_equal(tok_stream_add(&s, v[i].id, &out, &e), -1);
        if (e.code != ERR_DATA || !strstr(e.msg, v[i].why)) fail_msg("%s", e.msg);
        tok_free(t);
        buf_free(&out);
    }
    struct tokenizer *t = with_decoder("{\"type\":\"BPEDecoder\",\"suffix\":\"#\"}");
    struct tok_stream s;
    struct buf out = {0};
    struct err e = {0};
    tok_stream_init(&s, t, false);
    assert_int_equal(tok_stream_add(&s, 4, &out, &e), -1); /* "##b" */
    assert_non_null(strstr(e.msg, "token 4 has the suffix '#' inside"));
    tok_free(t);
    buf_free(&out);
}

/* Bytes one at a time: U+FFFD for each part that can become no character. */
static void broken_utf8_is_replaced_by_its_parts(void **state)
{
    (void)state;
    static const uint8_t first[] = {0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF},
                         last[] = {'a', 0x80, 0xBF, 0xC2};
    struct err e = {0};
    struct buf json = {0}, want = {0}, got = {0};
    buf_adds(&json, "{\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]},\"model\":"
                    "{\"type\":\"BPE\",\"byte_fallback\":true,\"merges\":[],\"vocab\":{");
    for (int i = 0; i < 256; i++) buf_printf(&json, "%s\"<0x%02X>\":%d", i ? "," : "", i, i);
    buf_adds(&json, "}}}");
    struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    for (size_t i = 0; i < COUNT_OF(first) * 256 * COUNT_OF(last); i++) {
        uint8_t byte[4] = {first[i / 256 / COUNT_OF(last)], (uint8_t)(i / COUNT_OF(last)), last[i % COUNT_OF(last)], 'x'};
        struct tok_stream s;
        buf_clear(&want);
        buf_clear(&got);
        tok_stream_init(&s, t, false);
        for (size_t k = 0; k < sizeof byte; k++) {
            assert_int_equal(tok_stream_add(&s, byte[k], &got, &e), 0);
        }
        tok_stream_end(&s, &got);
        utf8_add_lossy(&want, (char *)byte, sizeof byte);
        if (want.len != got.len || memcmp(want.data, got.data, got.len)) fail_msg("%02X %02X %02X: %.*s", byte[0], byte[1], byte[2], (int)got.len, got.data);
    }
    tok_free(t);
    buf_free(&json);
    buf_free(&want);
    buf_free(&got);
}

/* Tokens of all lengths: some are copied as a vector. */
static void tokens_of_any_length_are_joined(void **state)
{
    (void)state;
    enum { LONGEST = 60, TIMES = 4 };
    struct err e = {0};
    struct buf json = {0}, want = {0}, got = {0};
    int32_t ids[LONGEST * TIMES];
    buf_adds(&json, "{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"a\",\"vocab\":{");
    for (int n = 1; n <= LONGEST; n++) {
        buf_printf(&json, "%s\"", n > 1 ? "," : "");
        for (int i = 0; i < n; i++) buf_addc(&json, (char)('a' + (n + i) % 26));
        buf_printf(&json, "\":%d", n - 1);
    }
    buf_adds(&json, "}}}");
    struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    for (int i = 0; i < LONGEST * TIMES; i++) {
        size_t n;
        ids[i] = i * 7 % LONGEST;
        const char *s = tok_piece(t, ids[i], &n);
        buf_add(&want, s, n);
    }
    assert_int_equal(tok_decode(t, ids, COUNT_OF(ids), false, &got, &e), 0);
    assert_int_equal(got.len, want.len);
    assert_memory_equal(got.data, want.data, want.len);
    tok_free(t);
    buf_free(&json);
    buf_free(&want);
    buf_free(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_give_what_the_whole_gives),
        cmocka_unit_test(ids_that_are_none_are_told_by_every_decoder),
        cmocka_unit_test(what_is_sure_comes_at_once),
        cmocka_unit_test(what_a_stream_cannot_know_is_refused),
        cmocka_unit_test(broken_utf8_is_replaced_by_its_parts),
        cmocka_unit_test(tokens_of_any_length_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
