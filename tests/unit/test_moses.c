/* Words as sacremoses 0.2.0 cuts and joins them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/moses.h"

// clang-format off
static const struct row {
    enum moses_language language;
    unsigned flags;
    const char *text, *want;
} words[] = {
    {MOSES_FR, MOSES_PUNCT, "L'éd. de l'auteur (cf. p.ex. 3\302\240000 «\302\240oui,\302\240» dit-il\302\240?) 'a' 5'x",
     "L' éd. de l' auteur ( cf. p.ex. 3,000 \" oui \" , dit-il ? ) ' a ' 5 ' x"},
    {MOSES_FR, 0, "a. b. M. Dupont",
     "a. b. M. Dupont"},
    {MOSES_EN, 0, "Hello,  world! It's 1,000 (or so).",
     "Hello , world ! It 's 1,000 ( or so ) ."},
    {MOSES_EN, MOSES_DASHES | MOSES_ESCAPE, "a-b & c|d <e> \"f\" [g] don't 'tis 1990's",
     "a @-@ b &amp; c &#124; d &lt; e &gt; &quot; f &quot; &#91; g &#93; don &apos;t &apos; tis 1990 &apos;s"},
    {MOSES_EN, MOSES_PUNCT | MOSES_DASHES | MOSES_ESCAPE, "He said: “No.” – then ‘yes’ … « ok »",
     "He said : &quot; No . &quot; - then &apos; yes &apos; ... &quot; ok &quot;"},
    {MOSES_EN, 0, "Mr. Smith went to Washington. No. 5 is alive. No. we won't. U.S. troops.",
     "Mr. Smith went to Washington . No. 5 is alive . No. we won 't . U.S. troops ."},
    {MOSES_EN, 0, "wait... what.. DOTMULTI DOTDOTMULTI .",
     "wait ... what .. . .. ."},
    {MOSES_EN, 0, "the end.'",
     "the end . '"},
    {MOSES_EN, 0, "x,y 1,2 1,x y,1 5,",
     "x , y 1,2 1 , x y , 1 5 ,"},
    {MOSES_EN, MOSES_PUNCT, "5 % , 7\302\240% 3\302\240000 nº\302\240 4 \302\240cm \"a\",.",
     "5 % , 7 % 3.000 nº 4 cm \" a , . \""},
    {MOSES_DE, MOSES_PUNCT, "Er sagt \"ja,\" und \"nein.\" \"gut.\"<x 3\302\240000",
     "Er sagt \" ja \" , und \" nein \" . \" gut . \" < x 3,000"},
    {MOSES_DE, MOSES_DASHES | MOSES_ESCAPE, "z.B. am 3. Mai, XIV. Jh., Nr. 7 usw. Das ist's.",
     "z.B. am 3. Mai , XIV. Jh . , Nr. 7 usw. Das ist &apos; s."},
    {MOSES_RU, MOSES_PUNCT | MOSES_DASHES | MOSES_ESCAPE, "В 1990г. было 5км. и т.д. А. С. Пушкин",
     "В 1990г. было 5км. и т.д. А. С. Пушкин"},
    {MOSES_OTHER, MOSES_ESCAPE, "Ali'nin No. 5 evi.",
     "Ali &apos; nin No. 5 evi ."},
    {MOSES_EN, 0, "日本語 한국어 क\340\245\215 café naïve",
     "日 本 語 한 국 어 क\340\245\215 café naïve"},
    {MOSES_EN, MOSES_PUNCT, "全角，。  「テスト」１２３４５６７８９０～％\342\200\213\007",
     "全 角 , . \" テスト \" 1234567890 ~ %"},
    {MOSES_EN, 0, "\011 a\001b\034 c\342\200\250d \302\240",
     "ab c d"},
    {MOSES_EN, 0, "a @ b # c ~ d^e",
     "a @ b # c ~ d ^ e"},
    {MOSES_EN, MOSES_PUNCT, "x (y) ; z : w ? ( v ) .",
     "x ( y ) ; z : w ? ( v ) ."},
    {MOSES_EN, MOSES_DASHES, "--a - b-c-d e--f",
     "--a - b @-@ c @-@ d e--f"},
    {MOSES_EN, 0, "''quoted'' ``back``",
     "' ' quoted ' ' ``back``"},
    {MOSES_EN, MOSES_PUNCT, "''quoted'' ``back`` `one'",
     "\" quoted \" \" back \" ' one'"},
    {MOSES_EN, 0, "",
     ""},
    {MOSES_EN, 0, "   ",
     ""},
},
joined[] = {
    {MOSES_EN, 0, "Hello , world ! It &apos;s 1,000 ( or so ) .",
     "Hello, world! It's 1,000 (or so)."},
    {MOSES_EN, 0, "a @-@ b @-@ c &amp;amp; &lt; &gt; &#91; &#93; &quot; q &quot; &#124;",
     "a-b-c &amp; < > [] \"q\" |"},
    {MOSES_EN, 0, "the Jones &apos; house &apos; s",
     "the Jones' house 's"},
    {MOSES_EN, 0, "\" one \" \" two \" 'a ' b '",
     "\"one\" \"two\"'a 'b'"},
    {MOSES_EN, 0, "$ 5 ¿ que ? ( [ x ] )",
     "$5 ¿que? ([x])"},
    {MOSES_EN, 0, "日本 語 x 日 한국 어",
     "日本語 x 日한국어"},
    {MOSES_DE, 0, "das &apos;s &apos; ist &apos; gut",
     "das 's 'ist' gut"},
    {MOSES_RU, 0, "„ да “ нет",
     "„да“ нет"},
    {MOSES_EN, 0, "`` a '' b ` c",
     "``a ''b `c"},
    {MOSES_EN, 0, "",
     ""},
    {MOSES_EN, 0, "  , x",
     ", x"},
};
// clang-format on

static void words_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct moses m = {.language = words[i].language, .flags = words[i].flags};
        struct buf out = {0};
        struct err e;
        char bytes[4];
        assert_int_equal(moses_words(&m, words[i].text, strlen(words[i].text), &e), 0);
        for (size_t k = 0; k < m.n; k++) {
            buf_add(&out, bytes, (size_t)utf8_encode(m.v[k].cp, bytes));
            assert_true(m.v[k].at < strlen(words[i].text));
        }
        buf_addc(&out, 0);
        assert_string_equal(out.data, words[i].want);
        buf_free(&out);
        moses_free(&m);
    }
}

static void words_are_joined(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(joined); i++) {
        struct buf out = {0};
        struct err e;
        assert_int_equal(moses_join(joined[i].text, strlen(joined[i].text), joined[i].language, &out, &e), 0);
        buf_addc(&out, 0);
        assert_string_equal(out.data, joined[i].want);
        buf_free(&out);
    }
}

static void lack_of_memory_is_an_error(void **state)
{
    (void)state;
    const char *text = words[0].text;
    int failed = 0;
    for (int n = 0; n < 200; n++) {
        struct moses m = {.flags = MOSES_PUNCT | MOSES_ESCAPE};
        struct buf out = {0};
        struct err e;
        mem_fail_after(n);
        int cut = moses_words(&m, text, strlen(text), &e), join = moses_join(joined[4].text, strlen(joined[4].text), MOSES_EN, &out, &e);
        mem_fail_after(-1);
        failed += cut != 0 || join != 0;
        buf_free(&out);
        moses_free(&m);
    }
    assert_true(failed > 3);
}

static void languages_with_rules_of_their_own_are_refused(void **state)
{
    (void)state;
    enum moses_language l;
    assert_true(moses_language("ru", false, &l) && l == MOSES_RU);
    assert_true(moses_language("tr", false, &l) && l == MOSES_OTHER);
    assert_true(moses_language("pl", true, &l) && l == MOSES_OTHER);
    assert_false(moses_language("pl", false, &l));
    assert_true(moses_language("fr", false, &l) && l == MOSES_FR);
    assert_false(moses_language("fr", true, &l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words_are_cut), cmocka_unit_test(words_are_joined), cmocka_unit_test(lack_of_memory_is_an_error),
                                       cmocka_unit_test(languages_with_rules_of_their_own_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
