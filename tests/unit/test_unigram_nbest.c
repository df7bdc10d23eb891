/* The best ways to cut a word: SentencePiece's, in its order; scripts/check-sp-nbest.py does the same with its library. */
#include "tests/unit/spm_util.h"

#include "core/base/mem.h"
#include "core/token/unigram_nbest.h"

static struct tokenizer *make(void)
{
    static const struct piece pieces[] = {
        {"<unk>", 0, SPM_UNKNOWN},  {"a", -1, SPM_NORMAL},    {"b", -1, SPM_NORMAL},
        {"ab", -2, SPM_NORMAL},     {"ba", -2, SPM_NORMAL},   {"aa", -1.7f, SPM_NORMAL},
        {"aab", -3, SPM_NORMAL},    {"\xC3\xA9\xC3\xA9", 0, SPM_USER}, {"\xC3\xA9", 0.1f, SPM_NORMAL},
        {"bab", -3, SPM_NORMAL},    {"abab", -4, SPM_NORMAL}};
    struct spm_model m;
    spm_model_init(&m);
    m.kind = SPM_UNIGRAM;
    m.add_dummy_prefix = m.remove_extra_whitespaces = false;
    add_pieces(&m, pieces, COUNT_OF(pieces));
    return tokenizer_of(&m);
}

static void ways_are(const struct tokenizer *t, const char *word, size_t most, const char *want)
{
    struct err e = {0};
    struct nbest v = {0};
    struct buf got = {0};
    if (unigram_nbest(t, (const uint8_t *)word, strlen(word), most, &v, &e)) fail_msg("%s", e.msg);
    assert_false(v.unfinished);
    for (size_t i = 0; i < v.n; i++) {
        if (i) buf_adds(&got, "; ");
        for (size_t k = 0; k < v.way[i].n; k++) buf_printf(&got, "%s%d", k ? " " : "", (int)v.ids.id[v.way[i].first + k]);
    }
    if (strcmp(buf_text(&got), want) != 0) fail_msg("'%s': %s, not %s", word, got.data, want);
    buf_free(&got);
    nbest_free(&v);
}

/* Most sums are equal: what decides is the order in which ways come out of the heap. */
static void ways_of_equal_sums_come_as_in_sentencepiece(void **state)
{
    (void)state;
    struct tokenizer *t = make();
    ways_are(t, "aabab", 30,
             "5 2 3; 5 9; 5 2 1 2; 5 4 2; 6 1 2; 1 10; 1 3 1 2; 1 1 9; 1 1 2 3; 1 3 3; 6 3; 1 1 2 1 2; 1 1 4 2");
    ways_are(t, "ababab", 8, "1 2 10; 1 2 3 3; 3 1 2 3; 1 4 2 1 2; 3 1 2 1 2; 1 2 1 2 3; 1 2 1 2 1 2; 10 1 2");
    tok_free(t);
}

/* A user-defined piece counts by its characters; sums are rounded to f32 at every step, which shows in their order. */
static void scores_are_those_of_sentencepiece(void **state)
{
    (void)state;
    struct tokenizer *t = make();
    ways_are(t, "ab\xC3\xA9\xC3\xA9" "b", 9, "3 8 8 2; 1 2 8 8 2; 3 7 2; 1 2 7 2");
    ways_are(t, "aaba\xC3\xA9\xC3\xA9", 12, "5 4 8 8; 5 2 1 8 8; 5 4 7; 5 2 1 7; 6 1 8 8; 1 1 4 8 8; 1 3 1 8 8; 1 1 2 1 8 8; 6 1 7; 1 1 4 7; 1 3 1 7; 1 1 2 1 7");
    tok_free(t);
}

static void a_run_of_unknown_characters_is_one_token(void **state)
{
    (void)state;
    struct tokenizer *t = make();
    ways_are(t, "axxb", 5, "1 0 2");
    ways_are(t, "", 5, "");
    tok_free(t);
}

/* The sum of each way is that of its tokens, and none comes twice. */
static void all_ways_are_there(void **state)
{
    (void)state;
    struct tokenizer *t = make();
    struct err e = {0};
    struct nbest v = {0};
    char word[33] = "";
    for (size_t i = 0; i < 16; i++) strcat(word, "ab");
    assert_int_equal(unigram_nbest(t, (const uint8_t *)word, 12, NBEST_MOST, &v, &e), 0);
    assert_int_equal(v.n, 733);
    nbest_free(&v);
    assert_int_equal(unigram_nbest(t, (const uint8_t *)word, 32, 1000, &v, &e), 0);
    assert_int_equal(v.n, 1000);
    for (size_t i = 0; i < v.n; i++) assert_true(v.way[i].sum == -32);
    nbest_free(&v);
    tok_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ways_of_equal_sums_come_as_in_sentencepiece),
        cmocka_unit_test(scores_are_those_of_sentencepiece),
        cmocka_unit_test(a_run_of_unknown_characters_is_one_token),
        cmocka_unit_test(all_ways_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
