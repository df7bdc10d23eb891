/* SentencePiece's files whose words end with a space, whose unknown characters are bytes, and that have user-defined pieces:
 * ways that cut a text and remember its parts give the ids and spans of the chains. */
#include "tests/unit/spm_util.h"
#include "tests/unit/tok_util.h"

#include <stdio.h>

#include "core/base/rng.h"
#include "core/token/charsmap_build.h"
#include "core/token/tok_fast.h"
#include "core/token/unigram.h"

#define MARK "\xE2\x96\x81"

/* EXTRA: extra spaces go; BARE: nothing is put around a text; OTHER: words are not as the file says. */
enum { SUFFIX = 1, BYTES = 2, USER = 4, EXTRA = 8, BARE = 16, OTHER = 32, ALL = 64 };
enum rules { NO_RULES, NFKC, SHOUTS, N_RULES };

/* As Microsoft's: capitals become 'U' and the small letter, signs 'P' and themselves. */
static void shouts(struct charsmap_rules *r)
{
    struct err e = {0};
    static const char signs[] = "(),.!<";
    for (uint32_t c = 'A'; c <= 'Z'; c++) assert_int_equal(charsmap_rules_set(r, &c, 1, (uint32_t[]){'U', c | 0x20}, 2, &e), 0);
    for (const char *p = signs; *p; p++) {
        uint32_t c = (uint8_t)*p;
        assert_int_equal(charsmap_rules_set(r, &c, 1, (uint32_t[]){'P', c}, 2, &e), 0);
    }
}

static struct buf compiled[N_RULES];

static void give_rules(struct spm_model *m, enum rules rules)
{
    struct err e = {0};
    struct charsmap_rules r = {0};
    if (!compiled[rules].len && rules != NO_RULES) {
        if (rules == SHOUTS) shouts(&r);
        else assert_int_equal(charsmap_rules_named(&r, "nmt_nfkc", &e), 0);
        assert_int_equal(charsmap_compile(&r, &compiled[rules], &e), 0);
        charsmap_rules_free(&r);
    }
    buf_clear(&m->charsmap);
    buf_add(&m->charsmap, compiled[rules].data, compiled[rules].len);
}

/* Words with the mark behind them, or in front. */
static void add_words(struct spm_model *m, bool suffix)
{
    static const char *const words[] = {"ab", "the", "cat", "s", ".", "P.", "P,", "Uth", "Ua", "\xE4\xB8\xAD\xE6\x96\x87", "\xC3\xA9t"};
    static const char *const singles[] = {MARK, "a", "b", "c", "t", "h", "e", "s", "U", "P", ".", "\xC3\xA9", "\xE4\xB8\xAD", "\xE6\x96\x87",
                                          "ab", "the", "abc", MARK MARK};
    for (size_t i = 0; i < COUNT_OF(singles); i++) /* "ab" is nearly as good as its letters */
        add_pieces(m, &(struct piece){singles[i], strcmp(singles[i], "ab") == 0 ? -5.44001f : -2.5f - 0.11f * (float)i, SPM_NORMAL}, 1);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        char text[32];
        snprintf(text, sizeof text, "%s%s%s", suffix ? "" : MARK, words[i], suffix ? MARK : "");
        add_pieces(m, &(struct piece){text, -3.3f - 0.17f * (float)i, SPM_NORMAL}, 1);
    }
}

static bool words_end_with_spaces(unsigned how)
{
    return (bool)(how & SUFFIX) != (bool)(how & OTHER);
}

static struct tokenizer *model_of(enum spm_kind kind, unsigned how, enum rules rules)
{
    static const struct piece control[] = {{"<unk>", 0, SPM_UNKNOWN}, {"<s>", 0, SPM_CONTROL}, {"</s>", 0, SPM_CONTROL}};
    static const struct piece user[] = {{"<sep>", 0, SPM_USER}, {"(#1)", 0, SPM_USER}, {"cab", 0, SPM_USER}, {"(PHRASE)", 0, SPM_USER}, {"Q", 0, SPM_USER},
                                        {"<a-user-defined-piece>", 0, SPM_USER}};
    struct spm_model m;
    spm_model_init(&m);
    m.kind = kind;
    m.unk_id = 0, m.bos_id = 1, m.eos_id = 2;
    m.suffix = how & SUFFIX, m.byte_fallback = how & BYTES, m.remove_extra_whitespaces = how & EXTRA;
    m.add_dummy_prefix = !(how & BARE), m.escape_whitespaces = true;
    give_rules(&m, rules);
    add_pieces(&m, control, COUNT_OF(control));
    if (how & BYTES) add_byte_pieces(&m);
    if (how & USER) add_pieces(&m, user, COUNT_OF(user));
    add_words(&m, words_end_with_spaces(how));
    return tokenizer_of(&m);
}

/* Of at most so many bytes, more than 60. */
static size_t make_text(uint32_t seed, uint32_t n_parts, char *text, size_t most)
{
    static const char *const parts[] = {
        " ", " ", " ", "the ", "ab", "cat", "abc ", "abab", "s. ", ".", ", ", "The ", "CAB", "e", "\n", "  ", "\n\n", " \n", "\t", "(", ")", "<", "#", "Q",
        "cab", "(#1)", "<sep>", "(PHRASE)", "(PH", "\xC3\xA9", "e\xCC\x81", "\xE4\xB8\xAD", "\xE6\x96\x87 ", "\xE5\xAD\x97", "\xF0\x9F\x98\x80", MARK, "\xD0\xB6",
        "\xD0\xB6\xD0\xB9 ", "\xEF\xBC\x9Csep\xEF\xBC\x9E", "\xEF\xBD\x83""ab", "<a-user-defined-piece>", "\xE3\x80\x80", "\xFF", "\xED\xA0\x80", "\xC2\xAD",
        "\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97\xE5\xAD\x97",
        "CABCABCABCABCABCABCAB", "\xE3\x8C\x96\xE3\x8C\x96\xE3\x8C\x96"}; /* more symbols than are spread at once */
    struct rng_key k = rng_key(21, RNG_TEST, seed, 0);
    size_t n = 0;
    if (n_parts > COUNT_OF(parts)) n_parts = COUNT_OF(parts);
    for (uint64_t i = 0; n + 60 < most; i++) {
        const char *p = parts[rng_below(&k, i, n_parts)];
        memcpy(text + n, p, strlen(p));
        n += strlen(p);
    }
    return n;
}

static void expect_same(struct tokenizer *t)
{
    enum { LONG = 30000 };
    static char text[LONG];
    struct both both = both_new(t);
    static const char over[] = "the abcab the abcab s"; /* "abc" goes into a user-defined piece */
    both_same(&both, over, strlen(over), 0);
    for (uint32_t seed = 0; seed < 14; seed++) both_same(&both, text, make_text(seed, 12 + 3 * seed, text, 61 + 50 * seed), 0);
    both_same(&both, text, make_text(100, 60, text, LONG), 0); /* sums begin again */
    t->fast->windows = NULL; /* as without AVX-512 */
    both_same(&both, text, make_text(101, 60, text, 3000), 0);
    both_free(&both);
}

static void parts_of_all_kinds_are_independent(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++)
        for (unsigned how = 0; how < ALL; how++)
            for (int rules = 0; rules < N_RULES; rules++) {
                if ((how & (BARE | OTHER)) && rules == NFKC) continue;
                struct tokenizer *t = model_of(kind ? SPM_BPE : SPM_UNIGRAM, how, (enum rules)rules);
                bool behind = words_end_with_spaces(how), in_front = !(how & (SUFFIX | BARE));
                if (behind && in_front) { /* a part of spaces alone would have one put in front of it */
                    assert_null(t->fast);
                    tok_free(t);
                    continue;
                }
                assert_true(t->fast && t->fast->behind == behind);
                assert_false((how & SUFFIX) && !(how & BARE) && tok_fast_newlines(t)); /* a line by itself would get a space */
                assert_true(kind || (t->fast->walk && (t->fast->walk->first_byte != 0) == (bool)(how & BYTES)));
                assert_true(kind || (t->fast->walk->kept != NULL) == ((how & USER) && rules == SHOUTS));
                expect_same(t);
                tok_free(t);
            }
    for (int rules = 0; rules < N_RULES; rules++) buf_free(&compiled[rules]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_all_kinds_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
