#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/base/sig.h"
#include "core/token/charsmap.h"
#include "core/token/charsmap_build.h"
#include "core/token/spm_model.h"
#include "core/token/train.h"
#include "core/token/train_wordpiece.h"
#include "core/token/train_words.h"

static struct tokenizer *learn(const struct tok_train_opts *o, const char *const *docs, size_t n,
                               int threads, struct tok_train_stats *stats)
{
    struct err e = {0};
    struct tok_trainer *tr = tok_trainer_new(o, threads, &e);
    if (!tr) fail_msg("%s", e.msg);
    for (size_t i = 0; i < n; i++)
        if (tok_trainer_add(tr, (int)i % threads, docs[i], strlen(docs[i]), &e)) fail_msg("%s", e.msg);
    struct tokenizer *t = tok_trainer_finish(tr, stats, &e);
    if (!t) fail_msg("%s", e.msg);
    return t;
}

static void expect_piece(const struct tokenizer *t, int id, const char *want)
{
    size_t n;
    const char *p = tok_piece(t, id, &n);
    assert_non_null(p);
    if (n != strlen(want) || memcmp(p, want, n)) fail_msg("id %d is '%.*s', not '%s'", id, (int)n, p, want);
}

static const char *const special[] = {"<|endoftext|>"};

static void the_most_frequent_pair_merges_first(void **state)
{
    (void)state;
    /* " l", "lo", "ow" are seen 9 times each; the ids decide: l 76, o 79, w 87,
     * space 221, lo 257. */
    static const char *const docs[] = {" low low low low low", " lower lower lower lower"};
    struct tok_train_opts o = {.vocab_size = 262, .split = SPLIT_GPT2, .special = special, .n_special = 1};
    struct tok_train_stats stats;
    struct tokenizer *t = learn(&o, docs, 2, 1, &stats);
    assert_int_equal(tok_vocab_size(t), 262);
    assert_int_equal(tok_eos(t), 0);
    expect_piece(t, 0, "<|endoftext|>");
    expect_piece(t, 257, "lo");
    expect_piece(t, 258, " lo");
    expect_piece(t, 259, " low");
    expect_piece(t, 260, "er");
    expect_piece(t, 261, " lower");
    assert_int_equal(stats.words, 9);
    assert_int_equal(stats.distinct_words, 2);
    assert_int_equal(stats.last_count, 4);
    tok_free(t);
}

static void rare_pairs_are_left_alone(void **state)
{
    (void)state;
    static const char *const docs[] = {"aa aa ab"};
    struct tok_train_opts o = {.vocab_size = 1000, .min_count = 2, .split = SPLIT_GPT2};
    struct tokenizer *t = learn(&o, docs, 1, 1, NULL);
    assert_int_equal(tok_vocab_size(t), 256 + 1); /* aa takes the places of " a" */
    tok_free(t);
}

/* As Hugging Face's trainer, whose max_token_length is one more. */
static void no_token_is_longer_than_asked(void **state)
{
    (void)state;
    enum { MOST = 8 };
    static const char *const docs[] = {"abcabcabc abcabc xyzxyz xyz abcx ababab", "abcabcabc abcabc xyzxyz xyz abcx ababab"};
    static const struct { int max_len; const char *token[MOST]; } v[] = {
        {2, {"ab", "xy", "cx"}}, {3, {"ab", "abc", "xy", "xyz", " ab"}}, {4, {"ab", "abc", "xy", "xyz", " abc", " xyz", "abab"}}};
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct tok_train_opts o = {.vocab_size = 300, .split = SPLIT_GPT2, .max_len = v[i].max_len};
        struct tokenizer *t = learn(&o, docs, COUNT_OF(docs), 1, NULL);
        int n = 0;
        for (; n < MOST && v[i].token[n]; n++) expect_piece(t, 256 + n, v[i].token[n]);
        assert_int_equal(tok_vocab_size(t), 256 + n);
        tok_free(t);
    }
}

static void overlapping_pairs_count_once(void **state)
{
    (void)state;
    static const char *const docs[] = {"aaaaaaa"};
    struct tok_train_opts o = {.vocab_size = 258, .split = SPLIT_GPT2};
    struct tokenizer *t = learn(&o, docs, 1, 1, NULL);
    expect_piece(t, 256, "aa");
    expect_piece(t, 257, "aaaa"); /* (aa,aa) has two places, (aa,a) one */
    tok_free(t);
}

/* Documents made of random words, spread over threads in different ways. */
static void threads_do_not_change_the_result(void **state)
{
    (void)state;
    enum { N = 300 };
    char *docs[N];
    struct rng_key k = rng_key(3, RNG_TEST, 0, 0);
    for (uint64_t d = 0; d < N; d++) {
        struct buf b = {0};
        for (uint64_t i = 0; i < 40; i++) {
            uint64_t len = 1 + rng_below(&k, (d * 40 + i) * 2, 24);
            for (uint64_t c = 0; c < len; c++)
                buf_addc(&b, (char)('a' + rng_below(&k, (d * 40 + i) * 64 + c, 4)));
            buf_addc(&b, i % 7 ? ' ' : '\n');
        }
        docs[d] = buf_steal(&b);
    }
    struct tok_train_opts o = {.vocab_size = 700, .split = SPLIT_LLAMA3, .special = special, .n_special = 1};
    uint64_t hash = 0;
    for (int threads = 1; threads <= 4; threads++) {
        struct tok_train_stats stats;
        struct tokenizer *t = learn(&o, (const char *const *)docs, N, threads, &stats);
        assert_int_equal(stats.documents, N);
        if (threads > 1) assert_true(tok_hash(t) == hash);
        hash = tok_hash(t);
        tok_free(t);
    }
    for (int i = 0; i < N; i++) free(docs[i]);
}

/* Pieces of text[0..n), their ends moved by `at`, appended to ends; how many. */
static size_t pieces(enum split_kind kind, const char *text, size_t n, size_t at, size_t *ends)
{
    size_t count = 0;
    for (size_t pos = 0; pos < n; pos = ends[count - 1] - at) {
        size_t got = split_function(kind)((const uint8_t *)text, n, pos, ends + count, SPLIT_BATCH);
        for (size_t i = 0; i < got; i++) ends[count + i] += at;
        count += got;
    }
    return count;
}

static void where_a_text_may_be_cut_no_word_is(void **state)
{
    (void)state;
    static const char *const atoms[] = {"a", "Zq", "'s", "'", "7", "1234", " ", "  ", "\t", "\n", "\n", "\n", "\n\n",
                                        "\r\n", ".", "/", "!?", "\xC3\xA9", "\xE5\xAD\x97", "\xCC\x81",
                                        "\xE2\x80\x83", "\xC2\xA0", "\xFF", "\xE3\x80\x82", "\xD9\xA3", "\x01"};
    struct rng_key k = rng_key(3, RNG_TEST, 0, 0);
    uint64_t draw = 0;
    size_t n_cuts = 0;
    for (int round = 0; round < 20000; round++) {
        char text[256];
        size_t n = 0, whole[256 + SPLIT_BATCH], parts[256 + SPLIT_BATCH];
        while (n < 40 + (size_t)round % 150) {
            const char *atom = atoms[rng_below(&k, draw++, COUNT_OF(atoms))];
            memcpy(text + n, atom, strlen(atom));
            n += strlen(atom);
        }
        struct tok_train_opts o = {.type = TOK_TRAIN_BPE,
                                   .split = (enum split_kind)(SPLIT_GPT2 + round % (SPLIT_N - SPLIT_GPT2))};
        assert_true(tok_train_cuts(&o));
        size_t n_whole = pieces(o.split, text, n, 0, whole);
        for (size_t at = 1; at < n; at++) {
            if (text[at - 1] != '\n' || !tok_train_may_cut(&o, text, n, at)) continue;
            size_t n_parts = pieces(o.split, text, at, 0, parts);
            n_parts += pieces(o.split, text + at, n - at, at, parts + n_parts);
            if (n_parts != n_whole || memcmp(parts, whole, n_whole * sizeof *whole))
                fail_msg("round %d, %s: not the same pieces when cut at %zu", round, split_name(o.split), at);
            n_cuts++;
        }
    }
    assert_true(n_cuts > 1000);
    struct tok_train_opts lines = {.type = TOK_TRAIN_UNIGRAM};
    assert_true(tok_train_cuts(&lines) && tok_train_may_cut(&lines, "a\nb", 3, 2));
    struct tok_train_opts none = {.type = TOK_TRAIN_BPE, .split = SPLIT_NONE};
    assert_false(tok_train_cuts(&none));
}

static void characters_sort_by_code_point(void **state)
{
    (void)state;
    static const char *const docs[] = {"b\xc3\xa9\n", "a\xf0\x9f\x98\x80" "b"};
    static const char *const two[] = {"<|endoftext|>", "<|pad|>"};
    struct tok_train_opts o = {.type = TOK_TRAIN_CHAR, .special = two, .n_special = 2};
    struct tokenizer *t = learn(&o, docs, 2, 2, NULL);
    static const char *const want[] = {"\n", "a", "b", "\xc3\xa9", "\xf0\x9f\x98\x80", "<|endoftext|>", "<|pad|>"};
    assert_int_equal(tok_vocab_size(t), COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++) expect_piece(t, (int)i, want[i]);
    tok_free(t);
    static const char *const broken[] = {"a\xff\xe6\x97" "b"}; /* what is no UTF-8 is U+FFFD */
    t = learn(&o, broken, 1, 1, NULL);
    assert_int_equal(tok_vocab_size(t), 5);
    expect_piece(t, 2, "\xEF\xBF\xBD");
    tok_free(t);
}

static void too_small_a_vocabulary_is_a_usage_error(void **state)
{
    (void)state;
    struct err e = {0};
    struct tok_train_opts o = {.vocab_size = 256, .split = SPLIT_GPT2, .special = special, .n_special = 1};
    assert_null(tok_trainer_new(&o, 1, &e));
    assert_int_equal(e.code, ERR_USAGE);
}

static void learning_fails(const struct tok_train_opts *o, const char *text, enum err_code code, const char *why)
{
    struct err e = {0};
    struct buf file = {0};
    struct tok_trainer *tr = tok_trainer_new(o, 1, &e);
    if (tr && tok_trainer_add(tr, 0, text, strlen(text), &e)) fail_msg("%s", e.msg);
    if (tr) assert_int_equal(tok_trainer_learn(tr, &file, NULL, &e), -1);
    if (!strstr(e.msg, why)) fail_msg("'%s' without '%s'", e.msg, why);
    assert_int_equal(e.code, code);
    buf_free(&file);
}

static void more_characters_than_there_may_be_are_an_error(void **state)
{
    (void)state;
    static const char *const docs[] = {"abc"};
    struct tok_train_opts o = {.type = TOK_TRAIN_CHAR, .special = special, .n_special = 1, .vocab_size = 4};
    tok_free(learn(&o, docs, 1, 1, NULL));
    o.vocab_size = 3;
    learning_fails(&o, docs[0], ERR_USAGE, "vocab size 3 is too small: the characters of the text and special tokens are 4");
}

static void special_tokens_that_cannot_be_are_usage_errors(void **state)
{
    (void)state;
    static const char *const empty[] = {"<a>", ""}, *const twice[] = {"<a>", "<b>", "<a>"}, *const one[] = {"h"};
    static const enum tok_train_type types[] = {TOK_TRAIN_BPE, TOK_TRAIN_CHAR, TOK_TRAIN_WORDPIECE, TOK_TRAIN_UNIGRAM, TOK_TRAIN_SP_BPE,
                                                 TOK_TRAIN_CHAR_BPE};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct tok_train_opts o = {.type = types[i], .vocab_size = 300, .split = SPLIT_GPT2};
        sp_rules_default(&o.sp);
        o.special = empty;
        o.n_special = 2;
        learning_fails(&o, "hello", ERR_USAGE, "a special token is empty");
        o.special = twice;
        o.n_special = 3;
        learning_fails(&o, "hello", ERR_USAGE, "special token '<a>' is given twice");
        o.special = one;
        o.n_special = 1;
        if (types[i] == TOK_TRAIN_BPE) learning_fails(&o, "hello", ERR_USAGE, "special token 'h' is the token of a byte, too");
        if (types[i] == TOK_TRAIN_CHAR) learning_fails(&o, "hello", ERR_USAGE, "special token 'h' is a character of the text, too");
        o.user = one;
        o.n_user = 1;
        learning_fails(&o, "hello", ERR_USAGE, "special token 'h' is given twice");
    }
}

static void there_are_fewer_symbols_than_characters(void **state)
{
    (void)state;
    struct buf text = {0};
    struct tok_train_opts o = {.type = TOK_TRAIN_SP_BPE, .vocab_size = 100000};
    sp_rules_default(&o.sp);
    o.sp.coverage = 1;
    for (uint32_t cp = 0x20000, n = 0; n < 65533; cp++, n++) {
        char bytes[4];
        buf_add(&text, bytes, (size_t)utf8_encode(cp, bytes));
    }
    /* With U+2581 and the symbol of all others they are one more than there may be. */
    learning_fails(&o, text.data, ERR_DATA, "65534 different characters to keep, at most 65533 can be");
    buf_free(&text);
}

/* Where a sentence is empty the last one comes. */
static void empty_sentences_change_the_order(void **state)
{
    (void)state;
    struct sentence_log a = {0}, b = {0};
    const struct sentence_log *const logs[] = {&a, &b};
    struct sentence *v;
    struct err e = {0};
    size_t n;
    for (uint32_t i = 0; i < 4; i++) assert_true(sentence_log_add(&a, 7, i, i == 1 ? SENTENCE_EMPTY : i));
    assert_true(sentence_log_add(&b, 3, 10, 10));
    assert_true(sentence_log_add(&b, 9, 11, 11));
    assert_true(sentence_log_add(&b, 9, 12, SENTENCE_EMPTY));
    assert_int_equal(sentence_log_join(logs, 2, &v, &n, &e), 0);
    assert_int_equal(n, 7);
    assert_int_equal(v[sentences_last(v, n, 5, 2)].first, 3);
    assert_int_equal(sentences_last(v, n, 105, 2), 4);      /* only the end of a text */
    assert_int_equal(sentences_last(v, n, 102, 105), n);    /* farther from it than is known */
    static const uint32_t want[] = {10, 0, 11, 2, 3};
    n = sentences_fill(v, n);
    assert_int_equal(n, COUNT_OF(want));
    for (size_t i = 0; i < n; i++) assert_int_equal(v[i].first, want[i]);
    free(v);
    sentence_log_free(&a);
    sentence_log_free(&b);
}

/* Of each of two logs the end is kept, and with it the end of the text. */
static void only_the_last_sentences_are_kept(void **state)
{
    (void)state;
    enum { N = 5 * SENTENCE_TAIL };
    struct sentence_log l[2] = {{0}, {0}};
    const struct sentence_log *const logs[] = {&l[0], &l[1]};
    struct sentence *v;
    struct err e = {0};
    size_t n;
    for (uint32_t i = 0; i < N; i++) {
        struct sentence_log *to = &l[i / 1000 % 2]; /* runs of a thousand */
        sentence_log_trim(to);
        assert_true(sentence_log_add(to, i / 1000, i, i));
    }
    assert_true(l[0].n < 2 * SENTENCE_TAIL + 1 && l[1].n < 2 * SENTENCE_TAIL + 1);
    assert_int_equal(sentence_log_join(logs, 2, &v, &n, &e), 0);
    assert_true(n >= SENTENCE_TAIL);
    for (size_t i = 1; i <= SENTENCE_TAIL; i++) assert_int_equal(v[n - i].first, N - i);
    free(v);
    for (int i = 0; i < 2; i++) sentence_log_free(&l[i]);
}

static void words_are_counted_whatever_their_length(void **state)
{
    (void)state;
    struct word_table t = {0};
    char word[4096];
    memset(word, 'x', sizeof word);
    for (size_t n = 1; n < 2000; n++)
        for (int twice = 0; twice < 2; twice++)
            assert_true(word_table_add(&t, (const uint8_t *)word, n, twice ? n : sizeof word, n));
    size_t seen = 0, n;
    char tmp[16];
    const char *w;
    uint64_t count;
    for (size_t at = 0; word_table_next(&t, &at, tmp, &w, &n, &count); seen++) {
        assert_int_equal(count, 2 * n);
        assert_memory_equal(w, word, n);
    }
    assert_int_equal(seen, 1999);
    word_table_free(&t);
}

/* ---- SentencePiece's kinds ---- */

static void learn_sp(enum tok_train_type type, int vocab_size, bool bytes, int threads, const char *const *docs,
                     size_t n, struct pool *pool, struct spm_model *m)
{
    struct err e = {0};
    struct buf file = {0};
    struct tok_train_opts o = {.type = type, .vocab_size = vocab_size, .byte_fallback = bytes, .pool = pool,
                               .special = special, .n_special = 1};
    sp_rules_default(&o.sp);
    struct tok_trainer *tr = tok_trainer_new(&o, threads, &e);
    for (size_t i = 0; tr && i < n; i++) {
        tok_trainer_order(tr, (int)i % threads, i);
        if (tok_trainer_add(tr, (int)i % threads, docs[i], strlen(docs[i]), &e)) fail_msg("%s", e.msg);
    }
    if (!tr || tok_trainer_learn(tr, &file, NULL, &e) || spm_model_read(m, file.data, file.len, "learned", &e))
        fail_msg("%s", e.msg);
    buf_free(&file);
}

static void expect_sp(const struct spm_model *m, size_t id, const char *want, enum spm_type type)
{
    const struct spm_piece *p = &m->piece[id];
    assert_true(id < m->n);
    if (p->len != strlen(want) || memcmp(m->text.data + p->off, want, p->len) || p->type != type)
        fail_msg("piece %zu is '%.*s', not '%s'", id, (int)p->len, m->text.data + p->off, want);
}

/* As spm_train --model_type=bpe gives for these lines. */
static void sp_bpe_takes_the_shorter_pair_first(void **state)
{
    (void)state;
    static const char *const docs[] = {"low low low lower\nlow  lower"};
    struct spm_model m;
    spm_model_init(&m);
    learn_sp(TOK_TRAIN_SP_BPE, 4 + 12, false, 1, docs, 1, NULL, &m);
    expect_sp(&m, 0, "<unk>", SPM_UNKNOWN);
    expect_sp(&m, 3, "<|endoftext|>", SPM_CONTROL);
    expect_sp(&m, 4, "lo", SPM_NORMAL); /* lo, ow, \u2581l: 6 each */
    expect_sp(&m, 5, "low", SPM_NORMAL);
    expect_sp(&m, 6, "\xE2\x96\x81low", SPM_NORMAL);
    expect_sp(&m, 7, "er", SPM_NORMAL);
    expect_sp(&m, 8, "\xE2\x96\x81lower", SPM_NORMAL);
    assert_true(m.remove_extra_whitespaces && m.kind == SPM_BPE);
    spm_model_free(&m);
    learn_sp(TOK_TRAIN_SP_BPE, 4 + 256 + 12, true, 1, docs, 1, NULL, &m);
    expect_sp(&m, 4, "<0x00>", SPM_BYTE);
    expect_sp(&m, 4 + 255, "<0xFF>", SPM_BYTE);
    expect_sp(&m, 4 + 256, "lo", SPM_NORMAL);
    assert_true(m.byte_fallback);
    spm_model_free(&m);
}

#define S "\xE2\x96\x81"

/* As spm_train --model_type=bpe gives for this line: pairs that are not there any more fill it up. */
static void sp_bpe_fills_up_with_pairs_that_were_there(void **state)
{
    (void)state;
    static const char *const docs[] = {"abc"};
    static const char *const want[] = {"ab", "abc", S "abc", "bc", S "a", S "ab", "a", "b", "c", S};
    struct spm_model m;
    spm_model_init(&m);
    learn_sp(TOK_TRAIN_SP_BPE, 200, false, 1, docs, 1, NULL, &m);
    assert_int_equal(m.n, 4 + COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++) expect_sp(&m, 4 + i, want[i], SPM_NORMAL);
    spm_model_free(&m);
    learn_sp(TOK_TRAIN_SP_BPE, 4 + 8, false, 1, docs, 1, NULL, &m); /* as far as there is room */
    assert_int_equal(m.n, 4 + 8);
    expect_sp(&m, 4 + 3, "bc", SPM_NORMAL);
    expect_sp(&m, 4 + 4, "a", SPM_NORMAL);
    spm_model_free(&m);
}

/* As spm_train --remove_extra_whitespaces=false --allow_whitespace_only_pieces gives for these lines. */
static void runs_of_spaces_become_pieces(void **state)
{
    (void)state;
    static const char *const first[] = {"if", "do", "go", "no", "so"}, *const second[] = {"", "la", "li", "lu"};
    static const char *const want[] = {S, S S S, S S, S S S S, S "dola", S "dolu", S "no", S "go", S "do"};
    struct err e = {0};
    struct buf text = {0}, file = {0};
    for (int i = 0; i < 600; i++) {
        buf_printf(&text, "%*s", i * 7 % 10, "");
        for (int k = 1; k <= 3; k++) buf_printf(&text, "%s%s%s", k > 1 ? " " : "", first[(i * k + k) % 5], second[(i + k) % 4]);
        buf_addc(&text, '\n');
    }
    struct tok_train_opts o = {.type = TOK_TRAIN_UNIGRAM, .vocab_size = 35, .norm_name = "identity", .keep_spaces = true,
                               .special = special, .n_special = 1};
    sp_rules_default(&o.sp);
    o.sp.space_only = true;
    struct spm_model m;
    spm_model_init(&m);
    struct tok_trainer *tr = tok_trainer_new(&o, 1, &e);
    if (!tr || tok_trainer_add(tr, 0, text.data, text.len, &e) || tok_trainer_learn(tr, &file, NULL, &e) ||
        spm_model_read(&m, file.data, file.len, "learned", &e))
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < COUNT_OF(want); i++) expect_sp(&m, 4 + i, want[i], SPM_NORMAL);
    spm_model_free(&m);
    buf_free(&file);
    buf_free(&text);
}

/* Scores as spm_train 0.2.3 --model_type=unigram gives them for these lines with --add_dummy_prefix=false (what
 * follows a line counts) and --split_by_whitespace=false (lines are words, in their order). */
static void unigram_follows_the_order_of_sentences(void **state)
{
    (void)state;
    static const char *const docs[] = {"low lower\nnew low", "low new\nnewer\nlower low", "low", "new lower low\nlower new",
                                       "low new\nnewest low"};
    static const struct { bool no_prefix; const char *text[4]; float score[4]; } want[] = {
        {true, {S "low", "low", "new", S "new"}, {-0x1.c64218p+0f, -0x1.c71f52p+0f, -0x1.14e7e6p+1f, -0x1.14e7fep+1f}},
        {false, {S "low", S "new", S "lower", "er"}, {-0x1.0925ecp+0f, -0x1.67c016p+0f, -0x1.e5f308p+0f, -0x1.985204p+1f}}};
    for (size_t i = 0; i < 2 * COUNT_OF(want); i++) {
        int threads = i < COUNT_OF(want) ? 1 : 3;
        struct err e = {0};
        struct buf file = {0};
        struct spm_model m;
        struct tok_train_opts o = {.type = TOK_TRAIN_UNIGRAM, .vocab_size = 18, .norm_name = "identity", .special = special,
                                   .n_special = 1, .no_prefix = want[i % 2].no_prefix};
        sp_rules_default(&o.sp);
        o.sp.coverage = 1;
        o.sp.split_space = o.no_prefix;
        struct tok_trainer *tr = tok_trainer_new(&o, threads, &e);
        for (size_t d = COUNT_OF(docs); tr && d-- > 0;) { /* not in their order, which threads do not keep */
            tok_trainer_order(tr, (int)d % threads, d);
            if (tok_trainer_add(tr, (int)d % threads, docs[d], strlen(docs[d]), &e)) fail_msg("%s", e.msg);
        }
        spm_model_init(&m);
        if (!tr || tok_trainer_learn(tr, &file, NULL, &e) || spm_model_read(&m, file.data, file.len, "learned", &e))
            fail_msg("%s", e.msg);
        for (size_t k = 0; k < 4; k++) {
            expect_sp(&m, 4 + k, want[i % 2].text[k], SPM_NORMAL);
            if (m.piece[4 + k].score != want[i % 2].score[k])
                fail_msg("score %zu is %a, not %a", k, (double)m.piece[4 + k].score, (double)want[i % 2].score[k]);
        }
        spm_model_free(&m);
        buf_free(&file);
    }
}

static void unigram_is_the_same_for_any_threads(void **state)
{
    (void)state;
    enum { N = 60 };
    char *docs[N];
    struct rng_key k = rng_key(4, RNG_TEST, 0, 0);
    for (uint64_t d = 0; d < N; d++) {
        struct buf b = {0};
        for (uint64_t i = 0; i < 200; i++) {
            uint64_t word = rng_below(&k, d * 200 + i, 20000); /* more chunks of words than sums at a time */
            for (word = word * word + 1; word; word /= 7) buf_addc(&b, (char)('a' + word % 7));
            buf_addc(&b, i % 9 ? ' ' : '\n');
        }
        docs[d] = buf_steal(&b);
    }
    struct spm_model first = {0};
    for (int threads = 1; threads <= 3; threads++) {
        struct err e;
        struct pool *pool = pool_new(threads, &e);
        struct spm_model m;
        spm_model_init(&m);
        learn_sp(TOK_TRAIN_UNIGRAM, 120, false, threads, (const char *const *)docs, N, pool, &m);
        assert_int_equal(m.n, 120);
        for (size_t i = 5; i < m.n; i++) assert_true(m.piece[i].score <= m.piece[i - 1].score);
        if (threads == 1) {
            first = m;
        } else {
            assert_int_equal(m.text.len, first.text.len);
            assert_memory_equal(m.text.data, first.text.data, m.text.len);
            for (size_t i = 0; i < m.n; i++) assert_memory_equal(&m.piece[i].score, &first.piece[i].score, sizeof(float));
            spm_model_free(&m);
        }
        pool_free(pool);
    }
    spm_model_free(&first);
    for (size_t d = 0; d < N; d++) free(docs[d]);
}

/* Without blanks, and longer than sums in single precision bear. */
static void a_line_of_any_length_is_learned(void **state)
{
    (void)state;
    enum { WORDS = 600 };
    struct buf b = {0};
    struct rng_key k = rng_key(9, RNG_TEST, 0, 0);
    struct spm_model m;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t word = rng_below(&k, i, 1 + rng_below(&k, 300000 + i, WORDS)), len = 1 + rng_below(&k, 100000 + word, 8);
        for (uint64_t c = 0; c < len; c++) { /* some 300 characters of three bytes */
            char bytes[4];
            buf_add(&b, bytes, (size_t)utf8_encode(0x4E00 + (uint32_t)rng_below(&k, 200000 + 8 * word + c, 300), bytes));
        }
    }
    buf_addc(&b, '\0');
    for (int threads = 1; threads <= 2; threads++) {
        spm_model_init(&m);
        learn_sp(TOK_TRAIN_UNIGRAM, 800, false, threads, (const char *const *)&b.data, 1, NULL, &m);
        assert_true(m.n >= 300);
        for (size_t i = 4; i < m.n; i++) assert_true(m.piece[i].score < -1 && m.piece[i].score > -20);
        spm_model_free(&m);
    }
    buf_free(&b);
}

static void a_signal_ends_the_learning(void **state)
{
    (void)state;
    static const enum tok_train_type types[] = {TOK_TRAIN_BPE, TOK_TRAIN_WORDPIECE, TOK_TRAIN_UNIGRAM, TOK_TRAIN_SP_BPE};
    sig_install();
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct err e = {0};
        struct buf file = {0};
        struct tok_train_opts o = {.type = types[i], .vocab_size = 300, .split = SPLIT_GPT2};
        sp_rules_default(&o.sp);
        if (types[i] == TOK_TRAIN_WORDPIECE) o.pre = "{\"type\":\"BertPreTokenizer\"}";
        struct tok_trainer *tr = tok_trainer_new(&o, 1, &e);
        if (!tr || tok_trainer_add(tr, 0, "low lower lowest\nlow lower", 26, &e)) fail_msg("%s", e.msg);
        sig_reset();
        raise(SIGTERM);
        assert_int_equal(tok_trainer_learn(tr, &file, NULL, &e), -1);
        assert_int_equal(e.code, ERR_STOPPED);
        buf_free(&file);
    }
    sig_reset();
}

/* What a chain of steps cuts is what the split of the same name cuts. */
static void a_pre_tokenizer_gives_the_words_of_its_split(void **state)
{
    (void)state;
    static const char *const docs[] = {"Hello there, it's 2024!\n\n  caf\xC3\xA9 cafe\xCC\x81 hello Hello there",
                                       "The the then 123456 ab12 \xE4\xB8\x96\xE7\x95\x8C hello's 's"};
    struct tok_train_opts plain = {.vocab_size = 290, .split = SPLIT_GPT2};
    struct tok_train_opts chain = {.vocab_size = 290, .split = SPLIT_N, .normalizer = "{\"type\":\"NFC\"}",
                                   .pre = "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                                          "\"trim_offsets\":true,\"use_regex\":true}"};
    struct tok_train_stats a, b;
    struct tokenizer *x = learn(&plain, docs, 2, 1, &a), *y = learn(&chain, docs, 2, 1, &b);
    assert_int_equal(a.words, b.words + 1); /* the acute alone is no letter */
    assert_int_equal(a.distinct_words, b.distinct_words + 2);
    tok_free(x);
    tok_free(y);
    /* Falcon's chain goes on after the bytes were spelled out. */
    chain.normalizer = NULL;
    chain.pre = "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                "\"trim_offsets\":true,\"use_regex\":true},{\"type\":\"Digits\",\"individual_digits\":true}]}";
    y = learn(&chain, docs, 2, 1, &b);
    assert_int_equal(tok_id(y, "12"), -1);
    assert_true(tok_id(y, "he") >= 0 || tok_id(y, "el") >= 0);
    tok_free(y);
}

static void wordpiece_marks_what_is_inside_words(void **state)
{
    (void)state;
    static const char *const docs[] = {"abab abab ab Cab", "abab, b"};
    struct tok_train_opts o = {.type = TOK_TRAIN_WORDPIECE, .vocab_size = 14, .special = wordpiece_special, .n_special = 5,
                               .normalizer = "{\"type\":\"BertNormalizer\",\"clean_text\":true,"
                                             "\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":true}",
                               .pre = "{\"type\":\"BertPreTokenizer\"}"};
    struct tok_train_stats stats;
    struct tokenizer *t = learn(&o, docs, 2, 1, &stats);
    /* , a b c ##a ##b, then "##a ##b" (3 + 1 times), "a ##b" (4) ... */
    assert_int_equal(tok_id(t, "[MASK]"), 4);
    assert_int_equal(tok_id(t, ","), 5);
    assert_int_equal(tok_id(t, "##a"), 9);
    assert_int_equal(tok_id(t, "##b"), 10);
    assert_int_equal(tok_id(t, "ab"), 11);
    assert_int_equal(tok_id(t, "##ab"), 12);
    assert_int_equal(tok_id(t, "abab"), 13);
    assert_int_equal(stats.vocab_size, 14);
    tok_free(t);
    o.alphabet = 2;
    t = learn(&o, docs, 2, 1, &stats);
    assert_int_equal(tok_id(t, "c"), -1);
    assert_true(tok_id(t, "a") >= 0);
    tok_free(t);
    static const char *const equal[] = {"za za az"};
    o.alphabet = 1;
    t = learn(&o, equal, 1, 1, &stats);
    assert_true(tok_id(t, "a") >= 0); /* of equally frequent ones the lower */
    assert_int_equal(tok_id(t, "z"), -1);
    tok_free(t);
    static const char *const swapped[] = {"[SEP]", "[UNK]", "[CLS]"};
    struct buf json = {0};
    struct err e;
    o.special = swapped;
    o.n_special = 3;
    t = learn(&o, docs, 2, 1, &stats);
    assert_int_equal(tok_to_json(t, &json, &e), 0);
    assert_non_null(strstr(json.data, "\"sep\":[\"[SEP]\",0],\"cls\":[\"[CLS]\",2]"));
    buf_free(&json);
    tok_free(t);
}

/* "#" and "###" give "##", which with "##a" is spelled "##a": a token of another length, which is no merge's. */
static void wordpiece_leaves_a_pair_alone_that_spells_another_token(void **state)
{
    static const char *const docs[] = {"##a ##a ##a ##ab ##ab"};
    struct tok_train_opts o = {.type = TOK_TRAIN_WORDPIECE, .vocab_size = 30, .special = wordpiece_special, .n_special = 5,
                               .pre = "{\"type\":\"WhitespaceSplit\"}"};
    struct tok_train_stats stats;
    (void)state;
    struct tokenizer *t = learn(&o, docs, 1, 1, &stats);
    assert_int_equal(stats.vocab_size, 13); /* # a b ### ##a ##b ## ##ab, as of HF tokenizers */
    assert_int_equal(tok_id(t, "##b"), 10);
    assert_int_equal(tok_id(t, "##"), 11);
    assert_int_equal(tok_id(t, "##ab"), 12);
    tok_free(t);
}

/* As HF tokenizers' BpeTrainer has them, but for the order of characters with affixes. */
static void characters_have_a_prefix_inside_and_a_suffix_at_the_end(void **state)
{
    (void)state;
    static const char *const docs[] = {"abab abab ab ca", "abab, b"}, *const unknown[] = {"<unk>"};
    struct tok_train_opts o = {.type = TOK_TRAIN_CHAR_BPE, .vocab_size = 100, .min_count = 2, .special = unknown, .n_special = 1,
                               .prefix = "@", .suffix = "$", .pre = "{\"type\":\"BertPreTokenizer\"}"};
    /* "a @b" 3 times, "@a @b$" 3, "a @b$" once; those by the ids decide, then what they leave. */
    static const char *const want[] = {"<unk>", ",", "a", "b", "c", "@a", "@b", ",$", "b$", "@a$", "@b$", "ab", "@ab$", "abab$"};
    struct tok_train_stats stats;
    struct err e = {0};
    struct tokenizer *t = learn(&o, docs, 2, 1, &stats);
    assert_int_equal(stats.vocab_size, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++)
        if (tok_id(t, want[i]) != (int)i) fail_msg("%s: %d, not %zu", want[i], tok_id(t, want[i]), i);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_ids ids = {0};
    struct buf text = {0};
    assert_int_equal(tok_encode(t, s, "abab cab", 8, 0, &ids, &e), 0);
    assert_int_equal(tok_decode(t, ids.id, ids.n, false, &text, &e), 0);
    assert_string_equal(text.data, "abab cab");
    buf_clear(&text);
    tok_ids_free(&ids);
    tok_scratch_free(s);
    tok_free(t);
    /* Bytes: all 256, those that ended a word with the suffix, too. */
    o = (struct tok_train_opts){.vocab_size = 300, .split = SPLIT_GPT2, .suffix = "</w>", .min_count = 3};
    t = learn(&o, docs, 2, 1, &stats);
    expect_piece(t, 256, ",</w>");
    expect_piece(t, 257, "a</w>");
    expect_piece(t, 258, "b</w>");
    expect_piece(t, 259, "ab</w>");
    ids = (struct tok_ids){0};
    s = tok_scratch_new(t, &e);
    assert_int_equal(tok_encode(t, s, "\xC3\xA9 aba", 6, 0, &ids, &e), 0);
    assert_int_equal(tok_decode(t, ids.id, ids.n, false, &text, &e), 0);
    assert_string_equal(text.data, "\xC3 aba"); /* nothing ended with the other byte */
    buf_free(&text);
    tok_ids_free(&ids);
    tok_scratch_free(s);
    tok_free(t);
    o.prefix = "\xE2\x96\x81";
    assert_null(tok_trainer_new(&o, 1, &e));
    assert_non_null(strstr(e.msg, "ASCII"));
}

static void rules_become_a_charsmap(void **state)
{
    (void)state;
    static const char file[] = "# comment\n61 62\t58\n61\t59 5A\n7A\t\nC4\t41\n";
    struct err e = {0};
    struct charsmap_rules r = {0};
    struct buf map = {0};
    const char *to;
    if (charsmap_rules_read(&r, file, strlen(file), "f", &e) || charsmap_compile(&r, &map, &e)) fail_msg("%s", e.msg);
    struct charsmap *m = charsmap_new(map.data, map.len, &e);
    assert_non_null(m);
    assert_int_equal(charsmap_match(m, "abc", 3, false, &to), 2);
    assert_string_equal(to, "X");
    assert_int_equal(charsmap_match(m, "ac", 2, false, &to), 1);
    assert_string_equal(to, "YZ");
    assert_int_equal(charsmap_match(m, "z", 1, false, &to), 1);
    assert_string_equal(to, "");
    assert_int_equal(charsmap_match(m, "\xC3\x84", 2, false, &to), 2);
    assert_string_equal(to, "A");
    assert_int_equal(charsmap_match(m, "b", 1, false, &to), 0);
    charsmap_free(m);
    charsmap_rules_free(&r);
    buf_free(&map);
    assert_int_equal(charsmap_rules_read(&r, "61\t62\n6x\t7\n", 11, "f", &e), -1);
    assert_non_null(strstr(e.msg, "f:2"));
    charsmap_rules_free(&r);
}

static void nmt_nfkc_does_what_it_should(void **state)
{
    (void)state;
    struct err e = {0};
    struct charsmap_rules r = {0};
    struct buf map = {0};
    const char *to;
    if (charsmap_rules_named(&r, "nmt_nfkc_cf", &e) || charsmap_compile(&r, &map, &e)) fail_msg("%s", e.msg);
    struct charsmap *m = charsmap_new(map.data, map.len, &e);
    assert_non_null(m);
    assert_int_equal(charsmap_match(m, "\xEF\xBC\xA1", 3, false, &to), 3); /* fullwidth A */
    assert_string_equal(to, "a");
    assert_int_equal(charsmap_match(m, "\t", 1, false, &to), 1);
    assert_string_equal(to, " ");
    assert_int_equal(charsmap_match(m, "e\xCC\x81", 3, false, &to), 3); /* e and acute */
    assert_string_equal(to, "\xC3\xA9");
    assert_int_equal(charsmap_match(m, "\xEF\xBD\x9E", 3, false, &to), 0); /* fullwidth tilde stays */
    charsmap_free(m);
    charsmap_rules_free(&r);
    buf_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_frequent_pair_merges_first),
        cmocka_unit_test(rare_pairs_are_left_alone),
        cmocka_unit_test(no_token_is_longer_than_asked),
        cmocka_unit_test(overlapping_pairs_count_once),
        cmocka_unit_test(threads_do_not_change_the_result),
        cmocka_unit_test(where_a_text_may_be_cut_no_word_is),
        cmocka_unit_test(characters_sort_by_code_point),
        cmocka_unit_test(too_small_a_vocabulary_is_a_usage_error),
        cmocka_unit_test(words_are_counted_whatever_their_length),
        cmocka_unit_test(sp_bpe_takes_the_shorter_pair_first),
        cmocka_unit_test(sp_bpe_fills_up_with_pairs_that_were_there),
        cmocka_unit_test(runs_of_spaces_become_pieces),
        cmocka_unit_test(unigram_is_the_same_for_any_threads),
        cmocka_unit_test(unigram_follows_the_order_of_sentences),
        cmocka_unit_test(a_line_of_any_length_is_learned),
        cmocka_unit_test(a_signal_ends_the_learning),
        cmocka_unit_test(a_pre_tokenizer_gives_the_words_of_its_split),
        cmocka_unit_test(more_characters_than_there_may_be_are_an_error),
        cmocka_unit_test(special_tokens_that_cannot_be_are_usage_errors),
        cmocka_unit_test(there_are_fewer_symbols_than_characters),
        cmocka_unit_test(empty_sentences_change_the_order), cmocka_unit_test(only_the_last_sentences_are_kept),
        cmocka_unit_test(wordpiece_marks_what_is_inside_words), cmocka_unit_test(wordpiece_leaves_a_pair_alone_that_spells_another_token),
        cmocka_unit_test(characters_have_a_prefix_inside_and_a_suffix_at_the_end),
        cmocka_unit_test(rules_become_a_charsmap),
        cmocka_unit_test(nmt_nfkc_does_what_it_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
