/* Learning of SentencePiece's kinds, step by step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/token/spm_model.h"
#include "core/token/train.h"
#include "core/token/train_sp.h"

static void add(struct word_table *t, const char *word, uint64_t count)
{
    assert_true(word_table_add(t, (const uint8_t *)word, strlen(word), strlen(word), count));
}

/* `n` times the character, then `last`. */
static void add_run(struct word_table *t, char c, size_t n, const char *last)
{
    char word[200];
    memset(word, c, n);
    strcpy(word + n, last);
    add(t, word, 1);
}

/* For unigram, of words none of which ends the text. */
static struct sp_corpus corpus(struct word_table *t)
{
    struct sp_corpus c = {0};
    struct sp_rules r;
    struct sp_order order = {.n = 0};
    struct err e;
    sp_rules_default(&r);
    if (sp_corpus_make(&c, t, &r, NULL, &order, &e)) fail_msg("%s", e.msg);
    word_table_free(t);
    return c;
}

static void words_come_by_count_then_by_text(void **state)
{
    (void)state;
    struct word_table t = {0};
    add(&t, "often", 9);
    add(&t, "ab", 3);
    add(&t, "b\n", 1); /* the last of a sentence is the same word */
    add(&t, "b", 2);
    add(&t, "a", 3);
    for (size_t n = 120; n > 60; n -= 10) add_run(&t, 'z', n, ""); /* longer than what is compared at once */
    add_run(&t, 'z', 90, "y");
    struct sp_corpus c = corpus(&t);
    static const struct { uint64_t count; uint32_t len; } want[] = {{9, 5}, {3, 1}, {3, 2}, {3, 1}, {1, 70}, {1, 80}, {1, 90}, {1, 91}, {1, 100}, {1, 110}, {1, 120}};
    assert_int_equal(c.n_words, sizeof want / sizeof *want);
    for (size_t i = 0; i < c.n_words; i++) {
        if (c.word[i].count != want[i].count || c.word[i].len != want[i].len)
            fail_msg("word %zu: %llu times, %u characters", i, (unsigned long long)c.word[i].count, c.word[i].len);
    }
    assert_int_equal(c.n_parts, c.n_words + 1);
    sp_corpus_free(&c);
}

/* Of equally good seeds as many are taken as there is room for. */
static void seeds_are_as_many_as_are_wanted(void **state)
{
    (void)state;
    static const char *const words[] = {"abx", "aby", "cdx", "cdy", "efx", "efy", "ghx", "ghy"};
    for (size_t wanted = 1; wanted < 7; wanted++) {
        struct word_table t = {0};
        struct sp_rules r;
        struct sp_pieces p = {0};
        struct sp_starts starts = {0};
        struct err e;
        sp_rules_default(&r);
        r.n_seeds = wanted;
        for (size_t i = 0; i < 8; i++) add(&t, words[i], 5);
        struct sp_corpus c = corpus(&t);
        assert_int_equal(sp_seeds(&c, &r, NULL, &p, &starts, &e), 0);
        size_t n_chars = c.n_chars - 1, seeds = wanted < 4 ? wanted : 4; /* ab, cd, ef, gh */
        assert_int_equal(p.n, n_chars + seeds);
        for (size_t i = 0; i < seeds; i++) {
            struct buf text = {0};
            sp_piece_text(&c, &p, n_chars + i, &text);
            const char want[] = {(char)('a' + 2 * i), (char)('b' + 2 * i), 0};
            assert_string_equal(text.data, want);
            buf_free(&text);
        }
        sp_pieces_free(&p);
        sp_starts_free(&starts);
        sp_corpus_free(&c);
    }
}

/* Hundreds of last words, each followed by a sentence of its own kind. */
static void what_follows_each_sentence_is_known(void **state)
{
    (void)state;
    enum { N = 700 };
    static const uint32_t first[] = {'a', 0xE9, SP_SPACE, 0x1F600}; /* the last is no character of the text */
    static const uint8_t byte[] = {'a', 0xC3, 0xE2, 0xE2};
    static struct sentence v[N];
    struct word_table t = {0};
    struct sp_corpus c = {0};
    struct sp_rules r;
    struct err e;
    sp_rules_default(&r);
    r.coverage = 1;
    add(&t, "a\xC3\xA9\xE2\x96\x81", 1);
    for (size_t i = 0; i < N; i++) {
        char word[16];
        snprintf(word, sizeof word, "w%04zu\n", i);
        add(&t, word, 1);
        uint64_t hash = hash64(word, strlen(word));
        v[i] = (struct sentence){{(uint32_t)hash, (uint32_t)(hash >> 32)}, first[i % 4]};
    }
    struct sp_order order = {.v = v, .n = N, .all = true};
    assert_int_equal(sp_corpus_make(&c, &t, &r, NULL, &order, &e), 0);
    word_table_free(&t);
    assert_int_equal(c.n_parts, N + 1);
    assert_int_equal(c.follow[0], SP_FOLLOW_NONE); /* inside a sentence, and first by text */
    for (size_t i = 0; i < N; i++) {
        int want = i + 1 < N ? byte[(i + 1) % 4] : SP_FOLLOW_END;
        if (c.follow[i + 1] != want) fail_msg("behind sentence %zu: %d, not %d", i, c.follow[i + 1], want);
    }
    sp_corpus_free(&c);
}

struct learned {
    const char *text;
    double score;
};

static void learn_model(struct tok_train_opts *o, const char *text, size_t n, struct spm_model *m)
{
    struct err e = {0};
    struct buf file = {0};
    struct tok_trainer *tr = tok_trainer_new(o, 1, &e);
    if (!tr || tok_trainer_add(tr, 0, text, n, &e) || tok_trainer_learn(tr, &file, NULL, &e) ||
        spm_model_read(m, file.data, file.len, "learned", &e))
        fail_msg("%s", e.msg);
    buf_free(&file);
}

/* As spm_train 0.2.3 gives: characters without a piece of their own are one ten-thousandth apart, behind all
 * others; pieces of the same score come by their text. */
static void rare_characters_follow_each_other(void **state)
{
    (void)state;
    static const struct learned want[] = {
        {"▁", -1.298948049545288}, {"x", -2.106288194656372}, {"y", -2.106288194656372}, {"z", -2.106288194656372},
        {"m", -2.3319504261016846}, {"▁n", -2.3649418354034424}, {"u", -3.037752866744995}, {"v", -3.0377538204193115},
        {"w", -3.0377538204193115}, {"c", -4.337934970855713}, {"b", -4.3380351066589355}, {"a", -4.338134765625},
        {"n", -4.338234901428223}, {"▁abc", -4.338234901428223}};
    static const struct { const char *line; int times; } lines[] = {{"xyz\n", 30}, {"uvw xyz\n", 20}, {"abc abc\n", 3}, {"m\n", 40}, {"n\n", 40}};
    struct buf text = {0};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        for (int k = 0; k < lines[i].times; k++) buf_adds(&text, lines[i].line);
    struct spm_model m;
    struct tok_train_opts o = {.type = TOK_TRAIN_UNIGRAM, .vocab_size = 40};
    sp_rules_default(&o.sp);
    learn_model(&o, text.data, text.len, &m);
    buf_free(&text);
    assert_int_equal(m.n, sizeof want / sizeof *want + 3);
    assert_int_equal(m.unk_id, 0);
    assert_int_equal(m.bos_id, 1);
    assert_int_equal(m.eos_id, 2);
    for (size_t i = 3; i < m.n; i++) {
        const struct spm_piece *p = &m.piece[i];
        const struct learned *w = &want[i - 3];
        const char *s = m.text.data + p->off;
        if (p->len != strlen(w->text) || memcmp(s, w->text, p->len) || fabs((double)p->score - w->score) > 3e-6)
            fail_msg("piece %zu: '%.*s' %.7f, not '%s' %.7f", i, (int)p->len, s, (double)p->score, w->text, w->score);
    }
    spm_model_free(&m);
}

/* The pieces of spm_train 0.2.3, in its order: what is pruned in each round depends on all sums. */
static void many_rounds_leave_the_pieces_that_are_missed_most(void **state)
{
    (void)state;
    static const char text[] =
        "Shall I compare thee to a summer's day?\n"
        "Thou art more lovely and more temperate:\n"
        "Rough winds do shake the darling buds of May,\n"
        "And summer's lease hath all too short a date:\n"
        "Sometime too hot the eye of heaven shines,\n"
        "And often is his gold complexion dimm'd;\n"
        "And every fair from fair sometime declines,\n"
        "By chance, or nature's changing course, untrimm'd;\n"
        "But thy eternal summer shall not fade\n"
        "Nor lose possession of that fair thou owest;\n"
        "Nor shall Death brag thou wander'st in his shade,\n"
        "When in eternal lines to time thou growest:\n"
        "So long as men can breathe or eyes can see,\n"
        "So long lives this and this gives life to thee.\n";
    static const char want[] = " ▁ s e i l r t n ▁th o , or ' ou d ve ▁to y ▁of nd ▁lo ▁fa ng se al u ▁a er me h ▁sha : ; A"
                               " ▁summer ▁So te ▁sh and at a ▁da g c et N owest ▁chan ▁comp ▁eye de ▁br eath lines f p T . ? I M W k x D R B b w S v m";
    struct spm_model m;
    struct buf got = {0};
    struct tok_train_opts o = {.type = TOK_TRAIN_UNIGRAM, .vocab_size = 75};
    sp_rules_default(&o.sp);
    o.sp.coverage = 1;
    learn_model(&o, text, sizeof text - 1, &m);
    for (size_t i = 3; i < m.n; i++) {
        buf_addc(&got, ' ');
        buf_add(&got, m.text.data + m.piece[i].off, m.piece[i].len);
    }
    assert_string_equal(got.data, want);
    buf_free(&got);
    spm_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_come_by_count_then_by_text),
        cmocka_unit_test(seeds_are_as_many_as_are_wanted),
        cmocka_unit_test(what_follows_each_sentence_is_known),
        cmocka_unit_test(rare_characters_follow_each_other),
        cmocka_unit_test(many_rounds_leave_the_pieces_that_are_missed_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
