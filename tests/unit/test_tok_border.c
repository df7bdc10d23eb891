/* Words of byte-level BPE that are cut into pieces have the ids of the whole. */
#include "tests/unit/tok_util.h"

#include <stdio.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/bytemap.h"
#include "core/token/tok_border.h"

enum { CHARS = 40, ROOM = 40000 };

/* Some come often; behind a comma, any. */
static uint32_t some_char(const struct rng_key *k, uint64_t i)
{
    uint64_t x = rng_below(k, 2 * i, 100), y = rng_below(k, 2 * i + 1, CHARS);
    return x < 60 ? 0x3042 + (uint32_t)y % 12 : x < 96 ? 0x4E00 + (uint32_t)(y * y % 997) : 0xE01 + (uint32_t)y;
}

/* Words of one to 90 characters, a few of them of ASCII, two bytes, four bytes, or broken. */
static size_t make_text(uint32_t seed, char *text, size_t n)
{
    static const char *const other[] = {"a", "\xc3\xa9", "\xf0\xa0\x80\x80", "\xe4\xb8", "\xb8", "x=", "\xef\xbc\x8c",
                                        "1", "23", " 4", "  56 ", "\xc2\xbd", "\xd9\xa3", "\xe3\x80\x87", "\xe4\xb8\x80"};
    struct rng_key k = rng_key(12, RNG_TEST, seed, 0);
    size_t len = 0;
    for (uint64_t at = 0; len + 400 < n;) {
        uint64_t chars = 1 + rng_below(&k, at++, seed % 3 ? 9 : 90);
        for (; chars > 0; chars--) {
            const char *odd = rng_below(&k, at++, 24) ? NULL : other[rng_below(&k, at++, COUNT_OF(other))];
            bool comma = rng_below(&k, at++, 8) == 0;
            if (odd) len += (size_t)snprintf(text + len, 8, "%s", odd);
            else if (comma) len += (size_t)snprintf(text + len, 8, "\xef\xbc\x8c\xe4%c\x80", 0xB8 + (int)rng_below(&k, at++, 8));
            else len += (size_t)utf8_encode(some_char(&k, at++), text + len);
        }
        text[len++] = rng_below(&k, at++, 5) ? ' ' : '\n';
    }
    return len;
}

static void learn(struct buf *json)
{
    struct tok_train_opts o = {.type = TOK_TRAIN_BPE, .split = SPLIT_GPT2, .vocab_size = 900};
    char *text = malloc(ROOM);
    learn_file(&o, text, make_text(3, text, ROOM), json);
    buf_addc(json, 0);
    free(text);
}

static struct tokenizer *read_json(const char *json)
{
    struct err e = {0};
    struct tokenizer *t = tok_parse(json, strlen(json), "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    return t;
}

/* The text with `from` replaced by `to`, once. */
static char *with(const char *json, const char *from, const char *to)
{
    const char *at = strstr(json, from);
    char *out = malloc(strlen(json) + strlen(to) + 1);
    assert_non_null(at);
    sprintf(out, "%.*s%s%s", (int)(at - json), json, to, at + strlen(from));
    return out;
}

/* In the chains words are merged whole. */
static void expect_same(const struct tokenizer *t)
{
    struct both both = both_new(t);
    char *text = malloc(ROOM);
    for (uint32_t seed = 0; seed < 12; seed++) both_same(&both, text, make_text(seed, text, seed < 9 ? 2000 : ROOM), 0);
    both_free(&both);
    free(text);
}

static void pieces_have_the_ids_of_the_word(void **state)
{
    (void)state;
    struct buf json = {0};
    learn(&json);
    struct tokenizer *t = read_json(json.data);
    assert_non_null(t->borders);
    char *text = malloc(ROOM);
    size_t n = make_text(0, text, ROOM), cuts = 0, meet = 0, partial = 0;
    for (size_t at = 0; at < n; at = tok_border_next(t->borders, (uint8_t *)text, n, at)) cuts++;
    for (size_t i = 3; i < n; i++) meet += ((uint8_t)text[i] & 0xF0) == 0xE0 && ((uint8_t)text[i - 3] & 0xF0) == 0xE0;
    for (size_t i = 0; i < COUNT_OF(t->borders->partial); i++) partial += t->borders->partial[i] != 0;
    assert_in_range(cuts, meet / 10, meet * 9 / 10); /* some places are, and some are not */
    assert_true(partial > 0);
    expect_same(t);
    free(text);
    tok_free(t);
    buf_free(&json);
}

/* ASCII in front of a word, however much, changes nothing. */
static void ascii_is_left_behind(void **state)
{
    (void)state;
    enum { MOST = 20, WORD = 50 };
    struct buf json = {0};
    learn(&json);
    struct tokenizer *t = read_json(json.data);
    char *text = malloc(ROOM);
    size_t n = make_text(0, text, ROOM), cuts = 0;
    for (size_t at = 0; at + WORD <= n; at += 7)
        for (size_t len = 0; len <= WORD; len++) {
            uint8_t word[MOST + WORD], *w = word + MOST;
            memset(word, 'x', MOST);
            memcpy(w, text + at, len);
            size_t next = tok_border_next(t->borders, w, len, 0);
            cuts += next < len;
            for (size_t k = 1; k <= MOST; k++) assert_int_equal(tok_border_next(t->borders, w - k, k + len, 0), k + next);
        }
    assert_true(cuts > 10000);
    free(text);
    tok_free(t);
    buf_free(&json);
}

/* A piece too long to wait beside one that the cache knows: nothing waits when the word is noted. */
static void words_in_pieces_of_which_none_waits(void **state)
{
    (void)state;
    enum { LONG = 70 };
    struct buf json = {0}, word = {0};
    learn(&json);
    struct tokenizer *t = read_json(json.data);
    struct both both = both_new(t);
    char *text = malloc(ROOM);
    size_t n = make_text(0, text, ROOM), at = 3;
    while ((uint8_t)text[at] != 0xE4 || (uint8_t)text[at + 3] != 0xE4 || tok_border_next(t->borders, (uint8_t *)text + at, n - at, 0) != 3)
        at++; /* two letters */
    for (int i = 0; i < LONG; i++) buf_addc(&word, 'q');
    buf_add(&word, text + at, 6);
    const struct { const char *text; size_t n; } texts[] = {{text + at + 3, 3}, {word.data, word.len}, {"x=1 23 x=", 9}, {word.data, word.len}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        both_same(&both, texts[i].text, texts[i].n, 0);
        assert_int_equal(both.fast->misses.n_whole, 0);
    }
    both_free(&both);
    free(text);
    tok_free(t);
    buf_free(&word);
    buf_free(&json);
}

/* Where words that are tokens are not merged, a piece that is one is merged all the same; so
 * all such tokens must be what merging gives. */
static void whole_words_that_no_merge_makes_are_not_taken_for_pieces(void **state)
{
    (void)state;
    struct buf json = {0};
    learn(&json);
    char *whole = with(json.data, "\"type\":\"BPE\",", "\"type\":\"BPE\",\"ignore_merges\":true,");
    struct tokenizer *t = read_json(whole);
    assert_non_null(t->borders);
    expect_same(t);
    tok_free(t);
    /* U+4E00 twice, which are two tokens or more otherwise */
    char *odd = with(whole, "\"vocab\":{", "\"vocab\":{\"\u00e4\u00b8\u0122\u00e4\u00b8\u0122\":900,");
    t = read_json(odd);
    assert_null(t->borders);
    expect_same(t);
    tok_free(t);
    free(whole);
    free(odd);
    buf_free(&json);
}

/* Digits, alone or in runs, before GPT-2's split: a space before one is a word. */
static void digits_are_cut_out_before_the_split(void **state)
{
    (void)state;
    static const char *const each[] = {"true", "false"};
    struct buf json = {0};
    learn(&json);
    for (int i = 0; i < 2; i++) {
        char to[256];
        snprintf(to, sizeof to, "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":%s},"
                                "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}]}", each[i]);
        char *digits = with(json.data, "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}", to);
        struct tokenizer *t = read_json(digits);
        assert_true(t->fast_split && t->by_rule && t->rule.n_before == 1 && t->rule.cut[0].how == (i ? CUT_RUNS : CUT_EACH));
        expect_same(t);
        tok_free(t);
        free(digits);
    }
    buf_free(&json);
}

/* A space in front, and normal forms, which join characters: "e" and a mark, half a kana and its. */
static void spans_lead_to_the_original_text(void **state)
{
    (void)state;
    static const char *const forms[] = {"null", "{\"type\":\"NFC\"}", "{\"type\":\"NFKC\"}", "{\"type\":\"Lowercase\"}"};
    static const char *const texts[] = {"e\u0301\u0301 x", "\uff76\uff9e\u4e2d e\u0301", " a", "\u00e9", "\u3042\u4e00", "A\u0130b", "x"};
    struct buf json = {0};
    learn(&json);
    for (int i = 0; i < 8; i++) {
        char norm[128];
        snprintf(norm, sizeof norm, "\"normalizer\":%s,\"pre_tokenizer\":", forms[i / 2]);
        char *with_form = with(json.data, "\"pre_tokenizer\":", norm);
        char *spaced = with(with_form, "\"add_prefix_space\":false", i % 2 ? "\"add_prefix_space\":true" : "\"add_prefix_space\":false");
        struct tokenizer *t = read_json(spaced);
        assert_true(t->fast_split && t->space_first == i % 2);
        expect_same(t);
        struct both both = both_new(t);
        for (size_t k = 0; k < COUNT_OF(texts); k++) both_same(&both, texts[k], strlen(texts[k]), 0);
        both_free(&both);
        tok_free(t);
        free(with_form);
        free(spaced);
    }
    buf_free(&json);
}

#define PHRASES \
    "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":" \
    "\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?(?:\\\\p{L}\\\\p{M}*(?: \\\\p{L}\\\\p{M}*)*)+|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]?|" \
    "\\\\s*[\\\\r\\\\n]|\\\\s+(?!\\\\S)|\\\\s+\"},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\"," \
    "\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}]}"

/* Words with spaces between: some merges go over a space behind "a" or in front of "b". */
static void phrases_are_cut_where_no_merge_goes_over_the_space(void **state)
{
    (void)state;
    static const char *const words[] = {"a", "b", "ab", "ba", "aba", "bcb", "c", "\xc3\xa9", "c\xcc\x81", "\xe3\x81\x82\xe3\x81\x84", "'s", "1", ".\n", "x"};
    struct buf json = {0};
    learn(&json);
    char *split = with(json.data, "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}", PHRASES);
    char *vocab = with(split, "\"vocab\":{", "\"vocab\":{\"a\u0120\":900,\"\u0120b\":901,\"c\u0120b\":902,");
    char *merges = with(vocab, "\"merges\":[", "\"merges\":[[\"a\",\"\u0120\"],[\"\u0120\",\"b\"],[\"c\",\"\u0120b\"],");
    struct tokenizer *t = read_json(merges);
    assert_true(t->by_rule && t->rule.phrases && t->joints);
    assert_true(split_joint(t->joints, 'a', 'c') && split_joint(t->joints, 'c', 'b') && !split_joint(t->joints, 'c', 'c') && !split_joint(t->joints, 'b', 'b'));
    expect_same(t);
    struct both both = both_new(t);
    for (uint32_t seed = 0; seed < 400; seed++) {
        struct rng_key k = rng_key(13, RNG_TEST, seed, 0);
        char text[3000];
        size_t n = 0;
        for (uint64_t i = 0; n + 20 < 5 + 7 * (seed % 400); i += 3) {
            n += (size_t)sprintf(text + n, "%s", words[rng_below(&k, i, COUNT_OF(words))]);
            if (rng_below(&k, i + 1, 8)) text[n++] = ' ';
            if (!rng_below(&k, i + 2, 20)) text[n++] = ' ';
        }
        both_same(&both, text, n, 0);
    }
    both_free(&both);
    tok_free(t);
    free(split);
    free(vocab);
    free(merges);
    buf_free(&json);
}

/* A tokenizer of all bytes and of these merges: "left right left right ...", bytes as two digits. */
static struct tokenizer *merging(const char *merges)
{
    struct buf json = {0}, list = {0};
    uint8_t text[2][32];
    size_t len[2];
    buf_adds(&json, "{\"model\":{\"type\":\"BPE\",\"vocab\":{");
    for (int b = 0; b < 256; b++) {
        uint8_t byte = (uint8_t)b;
        struct buf one = {0};
        bytemap_spell(&one, &byte, 1);
        buf_add_json(&json, one.data, one.len);
        buf_printf(&json, ":%d,", b);
        buf_free(&one);
    }
    for (int id = 256; *merges; id++) {
        for (int k = 0; k < 2; k++) {
            for (len[k] = 0; *merges && *merges != ' '; merges += 2)
                text[k][len[k]++] = (uint8_t)(hex_digit(merges[0]) << 4 | hex_digit(merges[1]));
            merges += *merges == ' ';
        }
        struct buf left = {0}, both = {0};
        bytemap_spell(&left, text[0], len[0]);
        buf_add(&both, left.data, left.len);
        bytemap_spell(&both, text[1], len[1]);
        buf_add_json(&json, both.data, both.len);
        buf_printf(&json, ":%d%s", id, *merges ? "," : "");
        buf_printf(&list, "%s\"%.*s %.*s\"", id > 256 ? "," : "", (int)left.len, left.data, (int)(both.len - left.len), both.data + left.len);
        buf_free(&left);
        buf_free(&both);
    }
    buf_printf(&json, "},\"merges\":[%.*s]},\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}}",
               (int)list.len, list.data);
    buf_addc(&json, 0);
    struct tokenizer *t = read_json(json.data);
    buf_free(&json);
    buf_free(&list);
    return t;
}

/* Each way in which a merge can go over a border between letters: the tokens on its sides are characters, or parts of them. */
static void merges_over_a_border_are_seen_whatever_they_join(void **state)
{
    (void)state;
    static const char *const merges[] = {
        "EF BC EFBC A1 EFBCA1 E4", "EF BC EFBC A1 E4 B8 EFBCA1 E4B8", "A1 E4", "A1 E4 A1E4 B8", "BC A1 BCA1 E4", "E4 B8 A1 E4B8", "E4 B8 E4B8 80 A1 E4B880",
        "BC A1 E4 B8 E4B8 80 BCA1 E4B880", "EF BC EFBC A1 E4 B8 E4B8 80 EFBCA1 E4B880", "E4 B8 E4B8 80 EF BC EFBC A1 E4B880 EF E4B880EF BC",
        "EF BC EFBC A1 E4 B8 E4B8 80 E4B880 E4 E4B880 EFBCA1 EFBCA1 E4B880E4",
        "E4 B8 E4B8 80 EF BC EFBC A1 E4B880 EFBCA1 E4B880EFBCA1 E4B880", "80 E0 80 EF", "A1 EF BC A1EF", "E0 B8 80 E0B8 E0B8 81", "B8 80 B880 E4 E4 B8 80 E4B8"};
    static const char *const chars[] = {"\xEF\xBC\xA1", "\xE4\xB8\x80", "\xE4\xB8\x81", "\xE0\xB8\x81", "\xE4\xB8\xA1", "\xEF\xBC\xA2", "\xE4\xB8", "a"};
    for (size_t i = 0; i < COUNT_OF(merges); i++) {
        struct tokenizer *t = merging(merges[i]);
        struct both both = both_new(t);
        assert_non_null(t->borders);
        for (uint32_t seed = 0; seed < 200; seed++) {
            struct rng_key k = rng_key(14, RNG_TEST, seed, 0);
            char text[300] = "";
            for (uint64_t at = 0; strlen(text) + 4 < sizeof text; at++) {
                bool odd = rng_below(&k, 2 * at, 12) == 0;
                strcat(text, odd ? chars[6 + rng_below(&k, 2 * at + 1, 2)] : chars[rng_below(&k, 2 * at + 1, 6)]);
                if (odd) strcat(text, " ");
            }
            both_same(&both, text, strlen(text), 0);
        }
        both_free(&both);
        tok_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_have_the_ids_of_the_word),
        cmocka_unit_test(merges_over_a_border_are_seen_whatever_they_join),
                                       cmocka_unit_test(ascii_is_left_behind),
        cmocka_unit_test(words_in_pieces_of_which_none_waits),
        cmocka_unit_test(digits_are_cut_out_before_the_split),
        cmocka_unit_test(spans_lead_to_the_original_text),
        cmocka_unit_test(phrases_are_cut_where_no_merge_goes_over_the_space),
        cmocka_unit_test(whole_words_that_no_merge_makes_are_not_taken_for_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
