/* Spans come from the fast way of each kind, not from the chains, which give the same. */
#include "tests/unit/tok_util.h"

#include <stdio.h>

#include "core/base/rng.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_load.h"

static const char *const words[] = {"low", "lower", "The", "wide", "river", "flows", "to", "towers", ",", ".", "12", "\u00e9t\u00e9", "\u0440\u0435\u043a\u0430", "\u4e2d\u6587", "A"};

/* Words with one space or newline between, most of ASCII. */
static size_t make_text(uint32_t seed, char *text, size_t n)
{
    struct rng_key k = rng_key(23, RNG_TEST, seed, 0);
    size_t len = 0;
    for (uint64_t i = 0; len + 32 < n; i++)
        len += (size_t)snprintf(text + len, 32, "%s%c", words[rng_below(&k, i, COUNT_OF(words))], i % 9 == 8 ? '\n' : ' ');
    return len;
}

/* The pieces of unigram words, as a tokenizer.json with these rules before white space is split at: T5's kind. */
static struct tokenizer *t5(const char *rules)
{
    struct err e = {0};
    struct buf json = {0};
    buf_adds(&json, "{\"added_tokens\":[{\"id\":0,\"content\":\"<unk>\",\"normalized\":false,\"special\":true}],\"normalizer\":");
    add_rules(&json, rules);
    buf_adds(&json, ",\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"},{\"type\":\"Metaspace\","
                    "\"replacement\":\"\u2581\",\"prepend_scheme\":\"always\",\"split\":true}]},"
                    "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"\u2581\",-3]");
    for (int c = '!'; c < 0x7F; c++)
        if (c != '"' && c != '\\') buf_printf(&json, ",[\"%c\",%d]", c, -6 - c % 3);
    for (size_t i = 0; i < COUNT_OF(words); i++) buf_printf(&json, ",[\"\u2581%s\",%d]", words[i], -8 - (int)i);
    buf_adds(&json, ",[\"low\",-7],[\"er\",-7]]}}");
    struct tokenizer *t = tok_parse(json.data, json.len, "made.json", &e);
    if (!t) fail_msg("%s", e.msg);
    buf_free(&json);
    return t;
}

/* A pass that has seen it all goes around the chains, but for what stands at its ends; and from the steps before
 * comes at most `puts` of its characters one by one. */
static void expect_fast(const char *name, struct tokenizer *t, const char *text, size_t n, size_t puts)
{
    enum { ENDS = 8 };
    struct err e = {0};
    struct both both = both_new(t);
    struct tok_scratch *s = both.fast;
    both_same(&both, text, n, 0);
    size_t slow = s->by_chains, put = s->norm.n_put;
    both.spans.n = 0;
    assert_int_equal(tok_encode(t, s, text, n, 0, &both.spans, &e), 0);
    if (s->by_chains - slow > ENDS) fail_msg("%s: %zu words of %zu bytes went through the chains", name, s->by_chains - slow, n);
    if (s->norm.n_put - put > puts) fail_msg("%s: %zu characters of %zu bytes were normalised one by one", name, s->norm.n_put - put, n);
    both_free(&both);
    tok_free(t);
}

#define BYTES "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_regex\":true}"

static void spans_of_each_kind_are_found_without_the_chains(void **state)
{
    (void)state;
    enum { N = 80000 };
    char *text = malloc(N);
    size_t n = make_text(1, text, N);
    struct tok_train_opts bytes = {.vocab_size = 300, .split = SPLIT_LLAMA3}, nfc = {.vocab_size = 300, .normalizer = "{\"type\":\"NFC\"}", .pre = BYTES},
                          lower = {.vocab_size = 300, .normalizer = "{\"type\":\"Lowercase\"}", .pre = BYTES},
                          bert = {.type = TOK_TRAIN_WORDPIECE, .vocab_size = 80, .pre = "{\"type\":\"BertPreTokenizer\"}",
                                  .normalizer = "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
                                                "\"strip_accents\":null,\"lowercase\":true}"},
                          bpe = {.type = TOK_TRAIN_SP_BPE, .vocab_size = 90, .norm_name = "identity"},
                          unigram = {.type = TOK_TRAIN_UNIGRAM, .vocab_size = 45, .norm_name = "identity"};
    sp_rules_default(&bpe.sp);
    sp_rules_default(&unigram.sp);
    expect_fast("byte pairs", learn_from(&bytes, text, n), text, n, 0);
    expect_fast("NFC", learn_from(&nfc, text, n), text, n, 0);
    expect_fast("lower case", learn_from(&lower, text, n), text, n, 0);
    expect_fast("WordPiece", learn_from(&bert, text, n), text, n, 0);
    expect_fast("SentencePiece BPE", learn_model(&bpe, text, n), text, n, 0);
    expect_fast("unigram", learn_model(&unigram, text, n), text, n, 0);
    expect_fast("T5's kind", t5("nmt_nfkc"), text, n, 0);
    text[0] = '\x1b'; /* which rules remove */
    expect_fast("T5's kind behind a control character", t5("nmt_nfkc"), text, n, 0);
    memcpy(text, "\u2212", 3); /* not one of those of which it is known without tables */
    expect_fast("T5's kind behind a sign", t5("nmt_nfkc"), text, n, 0);
    free(text);
}

/* All spans are as many characters too early as rules remove at the beginning: HF tokenizers. */
static void what_rules_remove_at_the_beginning_moves_all_spans(void **state)
{
    (void)state;
    static const char *const parts[] = {"\x01", "\x1b", "\x7f", "\n", "\r", "\t", " ", " ", "low", "er", "wide", "\u00e9t\u00e9", "\u4e2d\u6587", "\u0301",
                                        "\u300a", "\u200b", "\u3000", "\ufb01", "\U0001F600"};
    struct tokenizer *t = t5("nmt_nfkc");
    struct both both = both_new(t);
    struct buf got = {0};
    assert_true(t->fast && t->fast->walk);
    both_same(&both, "\x01\x02low \u4e2d\u6587\x03 wide", 18, 0);
    both_print(&both, &got);
    char want[80];
    snprintf(want, sizeof want, "%d@0-3 %d@4-6 %d@12-16", (int)both.want.id[0], (int)both.want.id[1], (int)both.want.id[2]);
    assert_string_equal(got.data, want);
    for (uint32_t seed = 0; seed < 2000; seed++) {
        struct rng_key k = rng_key(24, RNG_TEST, seed, 0);
        char text[200];
        size_t n = 0, first = seed % 12;
        for (uint64_t i = 0; n < 100; i++) n += (size_t)snprintf(text + n, 20, "%s", parts[rng_below(&k, i, i < first ? 4 : COUNT_OF(parts))]);
        both_same(&both, text, n, 0);
    }
    buf_free(&got);
    both_free(&both);
    tok_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_of_each_kind_are_found_without_the_chains),
        cmocka_unit_test(what_rules_remove_at_the_beginning_moves_all_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
