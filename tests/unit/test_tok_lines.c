/* Texts in parts: the same ids, the same count; texts cut to a number of tokens. */
#include "tests/unit/tok_util.h"

#include <stdio.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/gguf_pre.h"
#include "core/token/tok_load.h"
#include "core/token/tok_shorten.h"

static const char *const atoms[] = {
    "low", "Lower", "er", "s", " ", " ", "  ", "\n", "\n", "\n", "\r\n", "\t", ".", ",", "...", "(", "/", "'s", "'", "12", "7", "9999",
    "x=1;", "the", "\xc3\xa9t\xc3\xa9", "\xe4\xb8\xad\xe6\x96\x87", "\xe3\x80\x82", "\xe3\x81\x8b\xe3\x82\x99", "\xcc\x81", "\xff",
    "\xe2\x80\x89", "\xc2\xa8", "\xe1\x84\x80", "\xe1\x85\xa1", "\xef\xb7\xba", "\xf0\x9f\x98\x80", "\xe1\xbe\xbf", "<m>", "<s>", "\x01"};

static size_t make_text(uint32_t seed, char *text, size_t n)
{
    struct rng_key k = rng_key(6, RNG_TEST, seed, 0);
    size_t len = 0;
    for (uint64_t i = 0; len + 16 < n; i++) {
        const char *a = atoms[rng_below(&k, i, COUNT_OF(atoms))];
        memcpy(text + len, a, strlen(a));
        len += strlen(a);
    }
    return len;
}

static struct tokenizer *parse(const char *json)
{
    struct err e = {0};
    struct tokenizer *t = tok_parse(json, strlen(json), "learned", &e);
    if (!t) fail_msg("%s", e.msg);
    return t;
}

static struct tokenizer *learn(struct tok_train_opts o)
{
    enum { N = 20000 };
    static const char *const special[] = {"<s>"};
    char *text = malloc(N);
    size_t n = make_text(1, text, N);
    for (size_t i = 0; i < n; i++)
        if (text[i] == '\xff') text[i] = 'u'; /* WordPiece learns characters only */
    o.vocab_size = 330;
    o.special = special;
    o.n_special = 1;
    struct tokenizer *t = learn_from(&o, text, n);
    free(text);
    return t;
}

/* Both sides of every place that may be cut give the ids of the whole. */
static size_t expect_apart(const struct tokenizer *t, unsigned flags)
{
    enum { N = 300 };
    struct err e = {0};
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_ids whole = {0}, parts = {0};
    char text[N];
    size_t places = 0;
    for (uint32_t seed = 0; seed < 200; seed++) {
        size_t n = make_text(seed, text, N);
        whole.n = 0;
        assert_int_equal(tok_encode(t, s, text, n, flags, &whole, &e), 0);
        for (size_t at = 1; at < n; at++) {
            if (!tok_may_cut(t, text, n, at)) continue;
            places++;
            parts.n = 0;
            assert_int_equal(tok_encode(t, s, text, at, flags, &parts, &e), 0);
            assert_int_equal(tok_encode(t, s, text + at, n - at, flags, &parts, &e), 0);
            if (parts.n != whole.n || memcmp(parts.id, whole.id, whole.n * sizeof *whole.id))
                fail_msg("text %u cut at %zu: '%.*s' | '%.*s'", (unsigned)seed, at, at < 8 ? (int)at : 8,
                         text + at - (at < 8 ? at : 8), n - at < 8 ? (int)(n - at) : 8, text + at);
        }
    }
    tok_ids_free(&whole);
    tok_ids_free(&parts);
    tok_scratch_free(s);
    return places;
}

static void lines_are_apart_for_every_split(void **state)
{
    (void)state;
    static const char *const norms[] = {NULL, "{\"type\":\"NFC\"}", "{\"type\":\"NFKC\"}", "{\"type\":\"Lowercase\"}"};
    for (int k = SPLIT_NONE + 1; k < SPLIT_N; k++)
        for (size_t i = 0; i < COUNT_OF(norms); i++) {
            struct tok_train_opts o = {.type = TOK_TRAIN_BPE, .split = (enum split_kind)k};
            struct buf pre = {0};
            buf_adds(&pre, "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":");
            buf_add_json(&pre, split_regex(o.split), strlen(split_regex(o.split)));
            buf_adds(&pre, "},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                           "\"trim_offsets\":true,\"use_regex\":false}]}");
            if (norms[i]) {
                o.normalizer = norms[i];
                o.pre = pre.data;
            }
            struct tokenizer *t = learn(o);
            buf_free(&pre);
            assert_true(tok_lines_apart(t));
            assert_true(expect_apart(t, 0) > 100);
            expect_apart(t, TOK_SPECIAL);
            tok_free(t);
        }
    struct tok_train_opts o = {.type = TOK_TRAIN_WORDPIECE,
                               .normalizer = "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
                                             "\"strip_accents\":null,\"lowercase\":true}",
                               .pre = "{\"type\":\"BertPreTokenizer\"}"};
    struct tokenizer *t = learn(o);
    assert_true(tok_lines_apart(t));
    assert_true(expect_apart(t, 0) > 100);
    tok_free(t);
}

#define SPLIT(regex) "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\",\"invert\":false},"
#define LEVEL(use) "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":" use "}"

/* Steps by which a newline stays with what is behind it, before words or without any. */
static void steps_that_join_lines_keep_them_together(void **state)
{
    (void)state;
    static const struct { const char *chain; bool apart; } cases[] = {
        {SPLIT("[0-9]") LEVEL("false"), false}, {SPLIT("\\\\s?\\\\p{L}+") LEVEL("true"), false}, {SPLIT("[\\\\na]+") LEVEL("false"), false},
        {SPLIT("\\\\n") SPLIT("\\\\s?\\\\p{L}+") LEVEL("true"), true}, {SPLIT("[\\\\n.]") LEVEL("false"), true}};
    static const char two[] = "ab\ncdefgh";
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf pre = {0};
        buf_printf(&pre, "{\"type\":\"Sequence\",\"pretokenizers\":[%s]}", cases[i].chain);
        struct tokenizer *t = learn((struct tok_train_opts){.type = TOK_TRAIN_BPE, .pre = pre.data});
        assert_true(t->by_rule);
        assert_int_equal(tok_lines_apart(t), cases[i].apart);
        assert_int_equal(tok_counts_parts(t), cases[i].apart);
        assert_int_equal(tok_cut_from(t, two, sizeof two - 1, 1), cases[i].apart ? 3 : sizeof two - 1);
        assert_int_equal(tok_cut_upto(t, two, sizeof two - 1, 6), cases[i].apart ? 3 : 0);
        if (cases[i].apart) expect_apart(t, 0);
        tok_free(t);
        buf_free(&pre);
    }
}

/* Chains that GGUF files name: where lines are said to be apart, they are. */
static void lines_are_apart_for_chains(void **state)
{
    (void)state;
    size_t apart = 0;
    for (size_t i = 0; gguf_pre_at(i); i++) {
        const struct gguf_pre *p = gguf_pre_at(i);
        bool again = !p->chain;
        for (size_t k = 0; k < i; k++) again = again || gguf_pre_at(k)->chain == p->chain;
        if (again) continue;
        struct buf pre = {0};
        gguf_pre_chain(p, &pre);
        struct tok_train_opts o = {.type = TOK_TRAIN_BPE, .pre = buf_text(&pre)};
        struct tokenizer *t = learn(o);
        bool said = tok_lines_apart(t);
        apart += said;
        if (said) expect_apart(t, 0);
        tok_free(t);
        buf_free(&pre);
    }
    assert_true(apart >= 5);
}

static struct tokenizer *learn_sentencepiece(enum tok_train_type type)
{
    enum { N = 20000 };
    struct tok_train_opts o = {.type = type, .vocab_size = 360, .byte_fallback = true, .keep_spaces = true, .norm_name = "identity"};
    char *text = malloc(N);
    size_t n = make_text(1, text, N);
    sp_rules_default(&o.sp);
    struct tokenizer *t = learn_model(&o, text, n);
    free(text);
    return t;
}

/* SentencePiece puts a space in front of a text, and so it must not in front of its parts. */
static void parts_of_sentencepiece_are_counted_as_the_whole(void **state)
{
    (void)state;
    enum { N = 300 };
    struct err e = {0};
    struct tokenizer *t = learn_sentencepiece(TOK_TRAIN_SP_BPE);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_ids work = {0};
    char text[N];
    size_t places = 0, other = 0;
    assert_true(!tok_lines_apart(t) && tok_counts_parts(t));
    for (uint32_t seed = 0; seed < 200; seed++) {
        size_t n = make_text(seed, text, N);
        uint64_t whole, a, b, alone;
        assert_int_equal(tok_count(t, s, text, n, 0, &work, &whole, &e), 0);
        for (size_t at = 1; at < n; at++) {
            if (!tok_may_cut(t, text, n, at)) continue;
            assert_int_equal(tok_count(t, s, text, at, 0, &work, &a, &e), 0);
            assert_int_equal(tok_count(t, s, text + at, n - at, TOK_GOES_ON, &work, &b, &e), 0);
            assert_int_equal(tok_count(t, s, text + at, n - at, 0, &work, &alone, &e), 0);
            assert_int_equal(a + b, whole);
            places++;
            other += b != alone;
        }
    }
    assert_true(places > 200 && other > 10);
    tok_ids_free(&work);
    tok_scratch_free(s);
    tok_free(t);
}

/* A tokenizer of bytes with one added token. */
static struct tokenizer *with_added(const char *text, const char *flags)
{
    struct buf b = {0};
    struct tok_train_opts o = {.type = TOK_TRAIN_BPE, .split = SPLIT_GPT2};
    struct tokenizer *t = learn(o);
    struct err e = {0};
    assert_int_equal(tok_to_json(t, &b, &e), 0);
    tok_free(t);
    const char *list = strstr(b.data, "\"added_tokens\":[");
    assert_non_null(list);
    list += strlen("\"added_tokens\":[");
    struct buf json = {0};
    buf_add(&json, b.data, (size_t)(list - b.data));
    buf_adds(&json, "{\"id\":999,\"content\":");
    buf_add_json(&json, text, strlen(text));
    buf_printf(&json, ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":false%s},", flags);
    buf_adds(&json, list);
    t = parse(json.data);
    buf_free(&b);
    buf_free(&json);
    return t;
}

static void an_added_token_that_reaches_over_lines_keeps_them_together(void **state)
{
    (void)state;
    struct tokenizer *t = with_added("low\nlow", "");
    assert_false(tok_lines_apart(t));
    tok_free(t);
    t = with_added("low\n", "");
    assert_true(tok_lines_apart(t));
    assert_true(expect_apart(t, 0) > 100);
    tok_free(t);
}

static void white_space_that_a_token_takes_is_not_cut_off(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err e = {0};
    struct tokenizer *t = with_added("<m>", "");
    assert_int_equal(tok_to_json(t, &b, &e), 0);
    tok_free(t);
    char *at = strstr(b.data, "\"lstrip\":false");
    assert_non_null(at);
    memcpy(at, "\"lstrip\": true", 14);
    t = parse(b.data);
    assert_true(tok_lines_apart(t));
    assert_true(expect_apart(t, 0) > 100);
    assert_false(tok_may_cut(t, "low\n<m>...", 10, 4));
    assert_true(tok_may_cut(t, "low\nlow...", 10, 4));
    tok_free(t);
    /* Found after normalization, its first byte may be another one in the text. */
    at = strstr(at, "\"normalized\":false");
    assert_non_null(at);
    memcpy(at, "\"normalized\": true", 18);
    t = parse(b.data);
    assert_false(tok_lines_apart(t));
    tok_free(t);
    buf_free(&b);
}

/* Metaspace may ask where a text begins, whatever stands before it in the chain. */
static void a_step_that_looks_at_the_beginning_keeps_lines_together(void **state)
{
    (void)state;
    static const char steps[] = "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"}%s]},"
                                "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"u\":0},\"unk_token\":\"u\"}}";
    static const char metaspace[] = ",{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"first\"}";
    for (int with = 0; with < 2; with++) {
        struct buf json = {0};
        buf_printf(&json, steps, with ? metaspace : "");
        struct tokenizer *t = parse(json.data);
        assert_int_equal(tok_lines_apart(t), !with);
        tok_free(t);
        buf_free(&json);
    }
}

static void a_count_is_that_of_the_ids(void **state)
{
    (void)state;
    enum { N = 600000 };
    struct err e = {0};
    char *text = malloc(N);
    size_t n = make_text(3, text, N);
    for (int k = 0; k < 4; k++) {
        struct tok_train_opts o = {.type = TOK_TRAIN_BPE, .split = k ? SPLIT_NONE : SPLIT_LLAMA3};
        struct tokenizer *t = k < 2 ? learn(o) : learn_sentencepiece(k == 2 ? TOK_TRAIN_SP_BPE : TOK_TRAIN_UNIGRAM);
        struct tok_scratch *s = tok_scratch_new(t, &e);
        struct tok_ids ids = {0}, work = {0};
        uint64_t count = 0;
        assert_int_equal(tok_encode(t, s, text, n, TOK_TEMPLATE, &ids, &e), 0);
        assert_int_equal(tok_count(t, s, text, n, TOK_TEMPLATE, &work, &count, &e), 0);
        assert_int_equal(count, ids.n);
        if (k != 1) assert_true(work.cap < ids.n); /* no array of all ids */
        tok_ids_free(&ids);
        tok_ids_free(&work);
        tok_scratch_free(s);
        tok_free(t);
    }
    free(text);
}

static void a_shortened_text_has_no_more_tokens_than_asked(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct err e = {0};
    struct tok_train_opts o = {.type = TOK_TRAIN_BPE, .split = SPLIT_LLAMA3};
    struct tokenizer *t = learn(o);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_short x = {.cut = false};
    struct tok_ids ids = {0};
    char text[N];
    for (uint32_t seed = 0; seed < 60; seed++) {
        size_t n = make_text(seed, text, seed < 50 ? 60 + seed : N), whole;
        ids.n = 0;
        assert_int_equal(tok_encode(t, s, text, n, 0, &ids, &e), 0);
        whole = ids.n;
        for (int keep = 0; keep < 4; keep++)
            for (size_t max = 1; max < 40; max += 3) {
                struct tok_shorten how = {.max = max, .keep = (enum tok_keep)keep, .between = "", .flags = 0};
                assert_int_equal(tok_shorten(t, s, text, n, &how, &x, &e), 0);
                assert_int_equal(x.cut, whole > max);
                if (!x.cut) assert_int_equal(x.tokens, whole);
                if (!x.cut) continue;
                assert_int_equal(utf8_valid_prefix(buf_text(&x.text), x.text.len) == x.text.len ||
                                 utf8_valid_prefix(text, n) < n, 1);
                ids.n = 0;
                assert_int_equal(tok_encode(t, s, x.text.len ? x.text.data : "", x.text.len, 0, &ids, &e), 0);
                assert_true(ids.n <= max && ids.n == x.tokens);
                if (keep == TOK_KEEP_HEAD && x.text.len) assert_memory_equal(x.text.data, text, x.text.len);
                if (keep == TOK_KEEP_TAIL && x.text.len) assert_memory_equal(x.text.data, text + n - x.text.len, x.text.len);
                if (keep == TOK_KEEP_MIDDLE && x.text.len) assert_non_null(memmem(text, n, x.text.data, x.text.len));
            }
    }
    struct tok_shorten how = {.max = 1, .keep = TOK_KEEP_ENDS, .between = " the the the ", .n_between = 13};
    assert_int_equal(tok_shorten(t, s, "low low low low", 15, &how, &x, &e), -1);
    assert_non_null(strstr(e.msg, "between the ends"));
    tok_short_free(&x);
    tok_ids_free(&ids);
    tok_scratch_free(s);
    tok_free(t);
}

/* Between tokens k - 1 and k of the whole text: where the first ends, or the second begins, if nothing is torn there. */
static bool clean_cut(const char *text, size_t n, const struct tok_ids *ids, size_t k, bool head)
{
    if (k == 0 || k == ids->n) return true;
    size_t end = ids->span[k - 1].end, begin = ids->span[k].begin, at = head ? end : begin;
    return end <= begin && (at == n || (text[at] & 0xC0) != 0x80);
}

static size_t head_of(const char *text, size_t n, const struct tok_ids *ids, size_t k)
{
    while (!clean_cut(text, n, ids, k, true)) k--;
    return k ? ids->span[k - 1].end : 0;
}

static size_t tail_of(const char *text, size_t n, const struct tok_ids *ids, size_t k)
{
    while (!clean_cut(text, n, ids, k, false)) k++;
    return k < ids->n ? ids->span[k].begin : n;
}

/* What tok_shorten() has to come to, from all ids of a text of characters. */
static void shorten_by_all(const char *text, size_t n, const struct tok_ids *ids, enum tok_keep keep, size_t left, const char *between, struct buf *out)
{
    size_t first = (ids->n - left) / 2, head = head_of(text, n, ids, left - left / 2), tail = tail_of(text, n, ids, ids->n - left / 2);
    buf_clear(out);
    if (keep == TOK_KEEP_HEAD) buf_add(out, text, head_of(text, n, ids, left));
    if (keep == TOK_KEEP_ENDS) buf_add(out, text, head);
    if (keep == TOK_KEEP_ENDS) buf_adds(out, between);
    if (keep == TOK_KEEP_TAIL) head = 0, tail = tail_of(text, n, ids, ids->n - left);
    if (keep == TOK_KEEP_TAIL || keep == TOK_KEEP_ENDS) buf_add(out, text + (head > tail ? head : tail), n - (head > tail ? head : tail));
    if (keep != TOK_KEEP_MIDDLE) return;
    head = tail_of(text, n, ids, first);
    tail = head_of(text, n, ids, first + left);
    if (tail > head) buf_add(out, text + head, tail - head);
}

/* A long text, of which only a part is encoded, is cut where its ids say; the template's tokens count. */
static void a_shortened_text_is_as_long_as_it_may_be(void **state)
{
    (void)state;
    enum { N = 6000 };
    struct err e = {0};
    static const char *const special[] = {"<s>"};
    struct tok_train_opts o = {.type = TOK_TRAIN_BPE, .split = SPLIT_LLAMA3, .vocab_size = 262, .special = special, .n_special = 1};
    struct tokenizer *t = learn_from(&o, "lower low", 9); /* other characters are several tokens */
    if (tok_add_ends(t, true, false, &e)) fail_msg("%s", e.msg);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_short x = {.cut = false};
    struct tok_ids ids = {.want_spans = true}, again = {0};
    struct buf want = {0};
    char text[N];
    for (uint32_t seed = 0; seed < 60; seed++) {
        size_t n = make_text(seed, text, seed % 2 ? N : 300);
        for (size_t i = 0; i < n; i++)
            if (text[i] == '\xff' || (seed % 3 == 0 && text[i] == '\n')) text[i] = '-'; /* lines, or none */
        ids.n = 0;
        assert_int_equal(tok_encode(t, s, text, n, 0, &ids, &e), 0);
        for (unsigned k = 0; k < 4 * 20; k++) {
            const char *between = k % 3 ? "" : " ... ";
            size_t round = k / 4, most = round < 19 ? round * round : ids.n - 1, left = most < ids.n ? most : ids.n;
            struct tok_shorten how = {.max = most + 1, .keep = (enum tok_keep)(k % 4), .flags = TOK_TEMPLATE, .between = between, .n_between = strlen(between)};
            int ret = tok_shorten(t, s, text, n, &how, &x, &e);
            again.n = 0;
            assert_int_equal(tok_encode(t, s, between, strlen(between), 0, &again, &e), 0);
            assert_int_equal(ret, ids.n > most && again.n > most && how.keep == TOK_KEEP_ENDS ? -1 : 0);
            if (ret) continue;
            assert_int_equal(x.cut, ids.n > most);
            if (!x.cut) assert_int_equal(x.tokens, ids.n + 1);
            if (!x.cut) continue;
            for (;; left -= again.n - most < left ? again.n - most : left) {
                shorten_by_all(text, n, &ids, how.keep, left, between, &want);
                again.n = 0;
                assert_int_equal(tok_encode(t, s, buf_text(&want), want.len, 0, &again, &e), 0);
                if (again.n <= most) break;
            }
            if (x.text.len != want.len || (want.len && memcmp(x.text.data, want.data, want.len)))
                fail_msg("text %u, way %d, %zu: '%.*s', not '%.*s'", seed, (int)how.keep, most, (int)x.text.len, buf_text(&x.text), (int)want.len, buf_text(&want));
            assert_int_equal(x.tokens, again.n + 1);
        }
    }
    tok_short_free(&x);
    tok_ids_free(&ids);
    tok_ids_free(&again);
    buf_free(&want);
    tok_scratch_free(s);
    tok_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_apart_for_every_split),
        cmocka_unit_test(lines_are_apart_for_chains),
        cmocka_unit_test(steps_that_join_lines_keep_them_together),
        cmocka_unit_test(parts_of_sentencepiece_are_counted_as_the_whole),
        cmocka_unit_test(an_added_token_that_reaches_over_lines_keeps_them_together),
        cmocka_unit_test(white_space_that_a_token_takes_is_not_cut_off),
        cmocka_unit_test(a_step_that_looks_at_the_beginning_keeps_lines_together),
        cmocka_unit_test(a_count_is_that_of_the_ids),
        cmocka_unit_test(a_shortened_text_has_no_more_tokens_than_asked),
        cmocka_unit_test(a_shortened_text_is_as_long_as_it_may_be),
    };
    return cmocka_run_group_tests_name("tok_lines", tests, NULL, NULL);
}
