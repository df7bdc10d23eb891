/* Chains of splits that are cut by a rule at once, against the chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/gguf_pre.h"
#include "core/token/split_rule.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"

#define SPLIT(regex) "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\",\"invert\":false}"
#define BYTES "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}"
#define GPT2 "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}"
#define WORDS "|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|"
#define PHRASES "|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?(?:\\\\p{L}\\\\p{M}*(?: \\\\p{L}\\\\p{M}*)*)+|"
#define BLANKS "\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define FOLDED "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define ALIGNED "\\\\d{1,3}(?=(?:\\\\d{3})*\\\\b)"
#define CASES(suffix) \
    "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]*[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]+" suffix \
    "|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]+[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]*" suffix "|"

static const char *const chains[] = {
    SPLIT("[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,2}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|" BLANKS) "," BYTES,
    SPLIT("'(?i:[sdmt]|ll|ve|re)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?+\\\\p{L}+|\\\\p{N}{1,2}| ?[^\\\\s\\\\p{L}\\\\p{N}]++[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES,
    SPLIT("'(?:[sdmt]|ll|ve|re)| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES,
    SPLIT(FOLDED "| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES,
    SPLIT(" ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES,
    SPLIT(FOLDED WORDS "\\\\p{N}{1}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|" BLANKS) "," BYTES,
    SPLIT(FOLDED WORDS "\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|" BLANKS) "," BYTES,
    SPLIT(CASES(FOLDED "?") "\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|" BLANKS) "," BYTES,
    SPLIT(CASES("") "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+|" BLANKS) "," BYTES,
    SPLIT("\\\\p{N}{1,3}") "," SPLIT(CASES(FOLDED "?") "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|" BLANKS) "," BYTES,
    SPLIT(FOLDED PHRASES "\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]?|\\\\s*[\\\\r\\\\n]|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES,
    SPLIT(ALIGNED) "," SPLIT(CASES(FOLDED "?") "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|" BLANKS) "," BYTES,
    SPLIT("\\\\t{2,3}") "," SPLIT("[0-9]{1,2}(?=(?:[0-9][0-9])*\\\\b)") "," SPLIT(FOLDED WORDS "\\\\p{N}{1,2}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|" BLANKS) "," BYTES,
    SPLIT("\\\\p{N}+") "," SPLIT("[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-\xE3\x83\xBF]+") "," SPLIT(FOLDED WORDS "\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|" BLANKS) "," BYTES,
    SPLIT("\\\\p{N}") "," GPT2,
    "{\"type\":\"Digits\",\"individual_digits\":true}," GPT2,
    "{\"type\":\"Digits\",\"individual_digits\":false}," GPT2,
    "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}," GPT2 ",{\"type\":\"Digits\",\"individual_digits\":false}," SPLIT("[0-9][0-9][0-9]"),
    "{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}," GPT2,
    SPLIT("[\\\\r\\\\n]") "," SPLIT("\\\\s?\\\\p{L}+") "," SPLIT("\\\\s?\\\\p{P}+") "," SPLIT("\\\\s+$") "," BYTES,
    SPLIT("\\\\p{N}{3}") "," SPLIT(FOLDED WORDS "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|" BLANKS) "," BYTES,
    SPLIT("[\\\\n/']") "," SPLIT("[a-e.]?[\\\\p{Lu}\\\\s]+") "," SPLIT(FOLDED WORDS "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|" BLANKS) "," BYTES,
    SPLIT("[\\\\p{M}a\\\\n]+") "," SPLIT(CASES(FOLDED "?") "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|" BLANKS) "," BYTES,
    SPLIT(" {2,5}") "," SPLIT("\\\\t{2,3}") "," GPT2, SPLIT(" {2,31}") "," SPLIT(CASES(FOLDED "?") "\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|" BLANKS) "," BYTES,
    SPLIT(" {2,24}") "," SPLIT("\\\\p{N}{1,3}") "," SPLIT(FOLDED WORDS "\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|" BLANKS) "," BYTES, SPLIT("\\\\p{N}{2,3}") "," GPT2,
    SPLIT("[\\\\s(.]{1}") "," SPLIT(FOLDED WORDS "\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|" BLANKS) "," BYTES,
    SPLIT("\\\\s?[^\\\\s0-9]+") "," SPLIT("[0-9]{2}") "," BYTES, SPLIT("[0-9]{1,2}") "," BYTES,
    "{\"type\":\"Digits\",\"individual_digits\":true}," SPLIT(FOLDED WORDS "\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|" BLANKS) "," BYTES,
    /* groups are counted anew behind what was cut out of a run */
    SPLIT("[5-9]+") "," SPLIT("[0-9]{2}") "," BYTES, SPLIT("[5-9]") "," SPLIT("\\\\p{N}{1,3}") "," GPT2, SPLIT("[1-4]+") "," SPLIT("\\\\p{N}{2,3}") "," BYTES,
    "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}," GPT2 "," SPLIT("\u00B2") "," SPLIT("\\\\p{N}{2}"), /* of bytes, inside of a character */
};

/* Steps that take each other's runs apart, or look at more than a rule does. */
static const char *const no_rules[] = {
    SPLIT("\\\\p{N}{1,3}") "," SPLIT(FOLDED WORDS "\\\\p{N}{1,2}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|" BLANKS) "," BYTES,
    SPLIT("[0-9]{2}") "," SPLIT("[5-9]+") "," BYTES, SPLIT("[a-z]{1,3}") "," GPT2, SPLIT("\\\\s?\\\\p{L}+") "," SPLIT("\\\\s+$") "," BYTES,
    GPT2 ",{\"type\":\"Digits\",\"individual_digits\":true}", SPLIT("\\\\s+?") "," GPT2, SPLIT("(?i)k+") "," GPT2, SPLIT("\\\\s??\\\\p{L}+") "," GPT2,
    SPLIT(ALIGNED) "," SPLIT(FOLDED WORDS "\\\\p{N}{1,2}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|" BLANKS) "," BYTES, SPLIT(ALIGNED) "," BYTES,
    SPLIT("[a-z]+") "," SPLIT(ALIGNED) "," SPLIT(FOLDED WORDS "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|" BLANKS) "," BYTES,
    SPLIT("\\\\p{N}{1,3}(?=(?:\\\\p{N}{3})*\\\\b)") "," SPLIT(FOLDED WORDS "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|" BLANKS) "," BYTES,
    SPLIT("[ab]{2,3}") "," GPT2, SPLIT("[a-c][a-d]") "," GPT2,
    /* a word may begin inside of a group of the first step, where the second one cut it */
    SPLIT("\\\\p{N}{1,3}") "," SPLIT("\\\\p{N}{1,2}") "," GPT2, SPLIT("\\\\p{N}{3}") "," SPLIT("\\\\p{N}{2}") "," GPT2,
    "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}," SPLIT("[0-9]{5}") "," GPT2 "," SPLIT("[0-9][0-9][0-9]"),
};

static const char *const alphabet[] = {
    "    ", "\t\t", "a", "e", "Z", "./\n/\n", "1", "9", " ", " ", "\n", "\t", "'", "(", "s", ".", "\r", "/", "l", "re", "'s", "'LL", "12345",
    "\xc3\xa9", "\xc3\x89", "R", "3", ",", "\xc2\xa0", "\xe2\x80\x83", "0", "\xe3\x80\x80", "\xe4\xb8\xad", "\xe3\x81\x82",
    "\xe3\x82\xa0", "\xd0\x96", "\xd0\xb6", "\xcc\x81", "\xe0\xa4\x95", "\xe0\xa4\xbe", "\xd9\xa3", "\xd9\xa3\xd9\xa3\xc2\xb2" "333", "\xc2\xbd" "4567", "\xf0\x9f\x98\x80",
    "\xf0\x9d\x94\xb8", "\xef\xb8\x8f", "\xc5\xbf", "\xc7\x85", "\xe2\x80\x99", "\xe9\xbe\xa5", "\xe9\xbe\xa6", "\xe4\xb7\xbf",
    "\xe2\x80\xa6", "\xd8\x8c", "!", "\xe3\x80\xbf", "\xe3\x83\xbb", "\xe3\x82\x99", "\xe3\x84\x80", "\x01", "\xe2\x80\x8d", "\xc2\xad", "\xf0\x91\xb7\xa0", "\x7f", "^", "\xff", "\xe4\xb8", "\xc3", "\xb2", "\xf0\x9f\x98", "\xed\xa0\x80", "\xc2\xb2", "\xe3\x80\x87", "\xe2\xba\x80",
    "\xe3\x80\x85", "\xf0\xa0\x80\x80", "\xf0\x96\xbf\xb0", "\xe2\x88\xb2", "\xf0\xb2\xb3\xb9"};

static size_t random_text(uint32_t seed, uint8_t *text, size_t n)
{
    struct rng_key k = rng_key(11, RNG_TEST, seed, 0);
    size_t len = 0, n_letters = seed % 3 ? COUNT_OF(alphabet) : 23;
    for (uint64_t i = 0; len + 8 < n; i++) {
        const char *c = alphabet[rng_below(&k, i, n_letters)];
        size_t times = rng_below(&k, i + 1000000, 16) ? 1 : 1 + rng_below(&k, i + 2000000, rng_below(&k, i + 3000000, 12) ? 9 : 200);
        for (; times && len + 8 < n; times--) {
            memcpy(text + len, c, strlen(c));
            len += strlen(c);
        }
    }
    return len;
}

static void expect_chain(const char *name, const struct pre_chain *c, const struct split_rule *r, split_rule_fn *fn,
                         const uint8_t *text, size_t n, size_t max)
{
    struct pre p = {0};
    struct err e = {0};
    size_t ends[SPLIT_TWO], at = 0, piece = 0;
    assert_int_equal(pre_run(c, &p, (const char *)text, n, NULL, false, 0, &e), 0);
    while (at < n) {
        size_t count = fn(r, text, n, at, ends, max);
        assert_true(count > 0);
        for (size_t i = 0; i < count; at = ends[i++], piece++)
            if (piece >= p.n_pieces || p.piece[piece].end != ends[i])
                fail_msg("%.80s: at %zu '%.*s' ends at %zu, not %zu", name, at, n - at < 20 ? (int)(n - at) : 20, (const char *)text + at, ends[i],
                         piece < p.n_pieces ? p.piece[piece].end : 0);
    }
    pre_free(&p);
}

/* Any text of all, one piece at a time and many. */
static bool try_chain(const char *name, const char *json, const uint8_t *const *texts, const size_t *lens, size_t n_texts)
{
    struct buf b = {0};
    struct err e = {0};
    struct tokenizer t = {0};
    struct split_rule r;
    buf_printf(&b, "{\"type\":\"Sequence\",\"pretokenizers\":[%s]}", json);
    cJSON *j = cJSON_Parse(b.data);
    assert_non_null(j);
    if (tok_read_pre(&t, j, &e)) fail_msg("%s", e.msg);
    for (size_t i = 0; i + 1 < t.pre.n; i++)
        if (t.pre.step[i].kind == PRE_BYTE_LEVEL) assert_true(pre_see_bytes(&t.pre, i + 1));
    bool known = pre_rule(&t.pre, NULL, 0, &r, &t.pre.sets, &e) > 0;
    for (size_t i = 0; known && i < n_texts; i++) {
        split_rule_fn *cut;
        for (size_t way = 0; (cut = split_rule_function_of(way)); way++) expect_chain(name, &t.pre, &r, cut, texts[i], lens[i], SPLIT_TWO);
        if (i % 2) expect_chain(name, &t.pre, &r, split_rule_base, texts[i], lens[i], 1);
    }
    cJSON_Delete(j);
    pre_chain_free(&t.pre);
    buf_free(&b);
    return known;
}

static void rules_cut_as_the_chains(void **state)
{
    (void)state;
    enum { TEXTS = 200, LONG = 8, N = 5000, ALL = 1 << 20 }; /* many are shorter than a window of the masks */
    uint8_t *text[TEXTS + 1];
    size_t len[TEXTS + 1], n = 0, known = 0;
    for (uint32_t i = 0; i < TEXTS; i++) {
        text[i] = malloc(N + 16);
        size_t letters = i < TEXTS / 2 ? 0 : i - TEXTS / 2; /* a word of all lengths around a window */
        memset(text[i], 'a', letters);
        len[i] = letters + random_text(i, text[i] + letters, i < LONG ? N : 9 + i % 90);
        memcpy(text[i] + len[i], i % 2 ? "\n\n" : "a1", 2); /* what is behind the end does not matter */
    }
    text[TEXTS] = malloc(ALL); /* characters of all scripts between others */
    for (uint32_t cp = 0x80; cp < 0x20000 && n + 16 < ALL; cp += cp < 0x3200 ? 1 : 7) {
        int k = utf8_encode(cp, (char *)text[TEXTS] + n);
        if (k <= 0) continue;
        n += (size_t)k;
        memcpy(text[TEXTS] + n, cp % 3 ? "a" : cp % 2 ? " " : "9B", 2);
        n += cp % 3 || cp % 2 ? 1 : 2;
    }
    len[TEXTS] = n;
    for (size_t i = 0; i < COUNT_OF(chains); i++)
        if (!try_chain(chains[i], chains[i], (const uint8_t *const *)text, len, TEXTS + 1)) fail_msg("no rule: %s", chains[i]);
    for (size_t i = 0; i < COUNT_OF(no_rules); i++)
        if (try_chain(no_rules[i], no_rules[i], (const uint8_t *const *)text, len, TEXTS + 1)) fail_msg("a rule: %s", no_rules[i]);
    for (size_t i = 0; gguf_pre_at(i); i++) {
        struct buf chain = {0};
        gguf_pre_chain(gguf_pre_at(i), &chain);
        bool first = true;
        for (size_t k = 0; k < i && first; k++)
            first = gguf_pre_at(k)->chain != gguf_pre_at(i)->chain || gguf_pre_at(k)->split != gguf_pre_at(i)->split;
        if (first) known += try_chain(gguf_pre_at(i)->name, chain.data, (const uint8_t *const *)text, len, TEXTS + 1);
        buf_free(&chain);
    }
    assert_int_equal(known, 20); /* one that is none any more is as right, and slow */
    for (int i = 0; i <= TEXTS; i++) free(text[i]);
}

/* What the kinds of split.h are known by makes the same rule. */
static void the_known_expressions_are_rules(void **state)
{
    (void)state;
    static const struct split_rule rules[SPLIT_N] = {
        [SPLIT_GPT2] = SPLIT_RULE_GPT2, [SPLIT_LLAMA3] = SPLIT_RULE_LLAMA3, [SPLIT_QWEN2] = SPLIT_RULE_QWEN2, [SPLIT_CL100K] = SPLIT_RULE_CL100K,
        [SPLIT_O200K] = SPLIT_RULE_O200K, [SPLIT_TEKKEN] = SPLIT_RULE_TEKKEN, [SPLIT_QWEN35] = SPLIT_RULE_QWEN35};
    for (int k = SPLIT_GPT2; k < SPLIT_N; k++) {
        struct split_rule r = {0};
        assert_true(split_words_of(split_regex((enum split_kind)k), &r));
        assert_memory_equal(&r, &rules[k], sizeof r);
    }
}

/* One that is a little different is none of the family. */
static void others_are_left_to_the_expression(void **state)
{
    (void)state;
    static const char *const other[] = {"", "\\p{L}+", "\\s+", "\\p{N}{1,4}",
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)",
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+|x"};
    struct split_rule r;
    for (size_t i = 0; i < COUNT_OF(other); i++) assert_false(split_words_of(other[i], &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_known_expressions_are_rules),
        cmocka_unit_test(others_are_left_to_the_expression),
        cmocka_unit_test(rules_cut_as_the_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
