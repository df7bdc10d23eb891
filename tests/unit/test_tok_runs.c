/* Added tokens that are runs of spaces: words of a rule, or looked for. */
#include "tests/unit/tok_util.h"

#include <stdio.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/tok_runs.h"

#define SPLIT(regex) "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\",\"invert\":false},"
#define LEVEL(use, space) "{\"type\":\"ByteLevel\",\"add_prefix_space\":" space ",\"trim_offsets\":true,\"use_regex\":" use "}"

enum { N = 3000 };

static const char *const atoms[] = {" ", " ", "  ", "    ", "      ", "\t", "\t\t", "\n", "a", "the", "x1", "'s", ".", "(", "<e>", "\xc3\xa9", "\xe4\xb8\xad", "\xcc\x81", "\xff", "\r", "\xc2\xa0"};

static size_t make_text(uint32_t seed, char *text, size_t most)
{
    struct rng_key k = rng_key(13, RNG_TEST, seed, 0);
    size_t n = 0;
    for (uint64_t i = 0; n + 64 < most; i++) {
        const char *s = atoms[rng_below(&k, 3 * i, COUNT_OF(atoms))];
        uint64_t times = rng_below(&k, 3 * i + 1, 9) ? 1 : 1 + rng_below(&k, 3 * i + 2, 10);
        for (; times && n + 8 < most; times--) {
            memcpy(text + n, s, strlen(s));
            n += strlen(s);
        }
    }
    return n;
}

/* 300 tokens by the steps `pre`, and behind them `added`, elements of a list. */
static struct tokenizer *make(const char *normalizer, const char *pre, const char *added)
{
    struct err e = {0};
    struct buf chain = {0}, learned = {0}, json = {0};
    char text[N];
    buf_printf(&chain, "{\"type\":\"Sequence\",\"pretokenizers\":[%s]}", pre);
    struct tok_train_opts o = {.type = TOK_TRAIN_BPE, .vocab_size = 300, .pre = chain.data, .normalizer = normalizer};
    learn_file(&o, text, make_text(1, text, N), &learned);
    buf_addc(&learned, 0);
    const char *list = strstr(learned.data, "\"added_tokens\":[");
    assert_non_null(list);
    list += strlen("\"added_tokens\":[");
    buf_printf(&json, "%.*s%s%s", (int)(list - learned.data), learned.data, added, list);
    struct tokenizer *t = tok_parse(json.data, json.len, "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    buf_free(&chain);
    buf_free(&learned);
    buf_free(&json);
    return t;
}

/* Tokens of `least` to `most` blanks. */
static void add_runs(struct buf *out, char blank, int least, int most, int id, bool normalized)
{
    for (int n = least; n <= most; n++) {
        buf_printf(out, "%s{\"id\":%d,\"content\":\"", out->len ? "," : "", id + n);
        for (int i = 0; i < n; i++) buf_adds(out, blank == '\t' ? "\\t" : " ");
        buf_printf(out, "\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":%s,\"special\":false}", normalized ? "true" : "false");
    }
}

static void add_token(struct buf *out, const char *text, int id, const char *lstrip, const char *special)
{
    buf_printf(out, "%s{\"id\":%d,\"content\":\"%s\",\"single_word\":false,\"lstrip\":%s,\"rstrip\":false,\"normalized\":false,\"special\":%s}",
               out->len ? "," : "", id, text, lstrip, special);
}

/* With spans and in the chains a text is taken apart at the tokens; where they are guarded the
 * runs are words of the model. */
static void expect_same(const struct tokenizer *t)
{
    struct err e = {0};
    struct tok_ids marked = {.want_spans = true};
    struct both both = both_new(t);
    char text[N];
    uint8_t *marks = calloc(N, 1), guard[64];
    memset(guard, 1, sizeof guard);
    for (uint32_t seed = 0; seed < 60; seed++) {
        size_t n = make_text(seed, text, seed % 3 ? 100 : N);
        marked.n = 0;
        assert_int_equal(tok_encode_marked(t, both.fast, text, n, marks, guard, &marked, &e), 0);
        both_same(&both, text, n, TOK_SPECIAL);
    }
    free(marks);
    both_free(&both);
    tok_ids_free(&marked);
}

static const char *const chains[] = {
    LEVEL("true", "false"),
    SPLIT("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+")
        LEVEL("false", "false"),
    "{\"type\":\"Digits\",\"individual_digits\":true}," LEVEL("true", "false"),
    SPLIT("[\\\\r\\\\n]") SPLIT("\\\\s?\\\\p{L}+") SPLIT("\\\\s?\\\\p{P}+") LEVEL("false", "false"),
};

static void runs_are_found_by_the_split(void **state)
{
    (void)state;
    static const char *const norms[] = {NULL, "{\"type\":\"NFC\"}"};
    for (size_t i = 0; i < COUNT_OF(chains); i++)
        for (size_t k = 0; k < COUNT_OF(norms); k++) {
            struct buf added = {0};
            add_runs(&added, ' ', 2, k ? 24 : 5, 400, true);
            if (i % 2) add_runs(&added, '\t', 2, 3, 500, true);
            add_token(&added, "<e>", 600, "false", "true");
            struct tokenizer *t = make(norms[k], chains[i], added.data);
            assert_non_null(t->runs);
            assert_int_equal(t->runs->n, 1 + i % 2);
            expect_same(t);
            tok_free(t);
            buf_free(&added);
        }
}

/* What makes a difference leaves them to be looked for. */
static void others_are_looked_for(void **state)
{
    (void)state;
    enum { WAYS = 9 };
    for (int way = 0; way < WAYS; way++) {
        struct buf added = {0};
        if (way == 0) add_runs(&added, ' ', 3, 5, 400, true);                  /* none of two spaces */
        if (way == 1) add_runs(&added, ' ', 1, 5, 400, true);                  /* one of one */
        if (way > 1 && way < 7) add_runs(&added, ' ', 2, 5, 400, way != 2);
        if (way == 7 || way == 8) { /* of five spaces four are found first, or three, then two */
            add_runs(&added, ' ', 2, 3, 400, way == 7);
            add_runs(&added, ' ', 4, 5 - way % 2, 400, way == 8);
        }
        if (way == 3) add_token(&added, "a b", 600, "false", "false");         /* others have spaces */
        if (way == 4) add_token(&added, "<e>", 600, "true", "false");          /* or take them */
        if (way == 5) add_token(&added, "\\t\\t", 600, "false", "true");       /* a special one */
        bool normal = way == 2;                                                /* before a normal form */
        struct tokenizer *t = make(normal ? "{\"type\":\"NFC\"}" : NULL, way == 6 ? LEVEL("true", "true") : chains[0], added.data);
        assert_null(t->runs);
        expect_same(t);
        tok_free(t);
        buf_free(&added);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_found_by_the_split),
        cmocka_unit_test(others_are_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
