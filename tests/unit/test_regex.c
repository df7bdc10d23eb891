/* The expected matches are Oniguruma's (6.9.8, by Hugging Face's tokenizers). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <utf8proc.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/token/regex_internal.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

/* All matches in [brackets], what is between as it is. */
static void show(const char *pattern, const char *text, struct buf *out)
{
    struct err e = {0};
    size_t n = strlen(text), begin, end, from = 0;
    struct regex *r = regex_new(pattern, strlen(pattern), &e);
    if (!r) fail_msg("%s: %s", pattern, e.msg);
    struct regex_work *w = regex_work_new(&e);
    struct regex_iter it = {.last = SIZE_MAX};
    out->len = 0;
    while (regex_next(r, w, (const uint8_t *)text, n, &it, &begin, &end, &e) > 0) {
        buf_printf(out, "%.*s[%.*s]", (int)(begin - from), text + from, (int)(end - begin), text + begin);
        from = end;
    }
    buf_printf(out, "%s", text + from);
    regex_work_free(w);
    regex_free(r);
}

struct example {
    const char *pattern, *text, *matches; /* the text, each match in brackets */
};

static void expect_matches(const struct example *v, size_t n)
{
    struct buf out = {0};
    for (size_t i = 0; i < n; i++) {
        show(v[i].pattern, v[i].text, &out);
        assert_string_equal(out.data, v[i].matches);
    }
    buf_free(&out);
}

static void matches_are_those_of_oniguruma(void **state)
{
    (void)state;
    static const struct example v[] = {
        {"\\p{N}{1,3}+", "1234567 1", "[1234567] [1]"}, /* {n,m}+ is not possessive */
        {"\\p{N}{1,3}", "12345", "[123][45]"},
        {"(?i:'s|'t)", "'S 't 'ſ", "['S] ['t] ['ſ]"},
        {"a++a|b", "aaab", "aaa[b]"},
        {"\\s+(?!\\S)|\\s", "x   y ", "x[  ][ ]y[ ]"},
        {"(?<=a)b|(?<!a)c", "abcb ac", "a[b][c]b ac"},
        {"(?<=ab|c|x)a", "aba ca", "ab[a] c[a]"}, /* each alternative has its length */
        {"(?<!b|ca)a", "baca caa a", "bac[a] c[a]a [a]"},
        {"(a*)*b", "aaab", "[aaab]"},
        {"[a-f&&[^bc]]+", "abdcf", "[a]b[d]c[f]"},
        {"(?i)\\p{Lu}", "aB", "a[B]"}, /* a property alone does not fold */
        {"(?i)[\\p{Lu}]", "aB", "[a][B]"},
        {"x*", "axx", "[]a[xx]"},
        {"a{2}?", "aaa", "[aa]a[]"}, /* an optional {2} */
        {"^.|$", "ab\nc", "[a]b[]\n[c]"},
        {"[^\\W\\d_]+", "a1_²", "[a]1_²"},
        {"\\w+", "a1_²", "[a1_²]"},
    };
    expect_matches(v, COUNT_OF(v));
}

static void letters_of_either_case_match(void **state)
{
    (void)state;
    static const struct example v[] = {
        {"(?i)[A-Z]", "aB1", "[a][B]1"},
        {"(?i)[Ａ-Ｚ]", "aａbＡ", "a[ａ]b[Ａ]"},
        {"(?i)[Ꭰ-Ᏼ]", "ꭰxᎠ", "[ꭰ]x[Ꭰ]"},
        {"(?i)[𐐀-𐐧]", "𐐨x𐐀", "[𐐨]x[𐐀]"},
        {"(?i)[Ⴀ-Ⴥ]", "ⴀxႠ", "[ⴀ]x[Ⴀ]"},
        {"(?i)[Ω]", "Ωω Ω", "[Ω][ω] [Ω]"},
        {"(?i)[ſ]", "sSſ", "[s][S][ſ]"},
        {"(?i)[^a]", "AaBb", "Aa[B][b]"},
        {"(?i)\\p{Lu}", "aA", "a[A]"},
        {"(?i)[\\p{Lu}]", "aA", "[a][A]"},
        {"(?i)[\\p{Lu}&&[a-z]]", "aAb", "aAb"}, /* only the outermost brackets fold */
        {"(?i)[[^a]]", "aA", "[a][A]"},
        {"(?i)i", "iIıİ", "[i][I]ıİ"},
        {"(?i)ı", "iIıİ", "iI[ı]İ"},
        {"(?i)\\x{16EA0}", "\xF0\x96\xBA\xBB", "\xF0\x96\xBA\xBB"}, /* U+16EBB: of Unicode 17 */
        {"[[b]-z]", "b-yz", "[b][-]y[z]"},
        {"\\p{LC}+", "aǅB1ª", "[aǅB]1ª"},
        {"[\\b]", "a\bb", "a[\b]b"},
        {"[[:blank:]]+", "a \u00A0\t\nb\u3000", "a[ \u00A0\t]\nb[\u3000]"},
    };
    expect_matches(v, COUNT_OF(v));
}

static void a_class_matches_what_its_letters_fold_to(void **state)
{
    (void)state;
    static const struct example v[] = {
        {"(?i)[ß]", "ss sS ſs SS s ßẞ", "[ss] [sS] [ſs] [SS] s [ß][ẞ]"},
        {"(?i)[ﬃ]", "ffi FFI fﬁ", "[ffi] [FFI] fﬁ"},
        {"(?i)[À-ÿ]", "xssÀà", "x[ss][À][à]"},
        {"(?i)[ﬀﬃ]i", "ffii ffi", "[ffi]i [ffi]"},
        {"(?i)[\\p{L}]x", "ssx sx", "[ssx] [sx]"},
        {"(?i)\\p{L}x", "ssx", "s[sx]"},
        {"(?i)[^a]x", "ssx", "s[sx]"},
        {"(?i)[^ß]", "ssaß", "[s][s][a]ß"},
        {"[ß]", "ssß", "ss[ß]"},
    };
    expect_matches(v, COUNT_OF(v));
}

static void texts_that_fold_to_one_letter_match_it(void **state)
{
    (void)state;
    static const struct example v[] = {
        {"(?i)straße", "STRASSE straßE ſtraſse", "[STRASSE] [straßE] [ſtraſse]"},
        {"(?i)ss", "ss ß SſẞsS s", "[ss] [ß] [Sſ][ẞ][sS] s"},
        {"(?i)sss", "ßs sß sss", "[ßs] sß [sss]"}, /* the engine looks from the left only */
        {"(?i)ss+", "ßs sss", "ßs [sss]"},
        {"(?i)ß+", "ssßẞa", "[ssßẞ]a"},
        {"(?i)first", "ﬁrst firﬆ fiRﬅ", "[ﬁrst] [firﬆ] [fiRﬅ]"},
        {"(?i)ffi", "ﬃ fﬁ ﬀi ffI", "[ﬃ] fﬁ ﬀi [ffI]"},
        {"(?i)\u0390", "\u0390\u1FD3\u03B9\u0308\u0301", "[\u0390][\u1FD3][\u03B9\u0308\u0301]"},
        {"(?i)j\\x{30C}", "ǰJ\u030C", "[ǰ][J\u030C]"},
    };
    expect_matches(v, COUNT_OF(v));
}

static void lines_clusters_and_any_characters_match(void **state)
{
    (void)state;
    static const struct example v[] = {
        {"\\R", "a\r\nb\n\r\u2028\xC2\x85", "a[\r\n]b[\n][\r][\u2028][\xC2\x85]"},
        {"\\R\n", "\r\n\r\n\n", "\r\n[\r\n\n]"}, /* not cut in two */
        {"\\N+|\\O", "ab\nc", "[ab][\n][c]"},
        {"\\X", "a\u0301b\r\n👨\u200D👩x🇩🇪🇩각ᄀ\u1161", "[a\u0301][b][\r\n][👨\u200D👩][x][🇩🇪][🇩][각][ᄀ\u1161]"},
        {"\\X", "क्त\u0600a\u0903\n\u0301", "[क्][त][\u0600a\u0903][\n][\u0301]"}, /* no conjuncts */
        {"🇩\\X", "🇩🇪🇫🇷", "[🇩🇪]🇫🇷"},
        {"\\Ga", "aaba", "[a][a]ba"},
        {"\\0|\\012", "a\nb", "a[\n]b"},
    };
    expect_matches(v, COUNT_OF(v));
}

static void properties_are_those_of_the_engine(void **state)
{
    (void)state;
    static const struct example v[] = {
        {"[[:upper:]]", "aAⅣⒶǅ", "a[A][Ⅳ][Ⓐ]ǅ"},
        {"[[:lower:]]", "aAªⅳ", "[a]A[ª][ⅳ]"},
        {"[[:graph:]]+", "a b\u3000é\x01", "[a] [b]\u3000[é]\x01"},
        {"[[:print:]]+", "a b\tc", "[a b]\t[c]"},
        {"[[:punct:]]", "$.", "[$][.]"},
        {"[[:punct:]]", "_-([\u00ab\u00bb!\u00b7+$^\u00a9\u20ac\u00a6 a1\u0301\u00b2\u2028", "[_][-][(][[][\u00ab][\u00bb][!][\u00b7][+][$][^][\u00a9][\u20ac][\u00a6] a1\u0301\u00b2\u2028"},
        {"\\p{Punct}", "_-()[\u00ab\u00bb!\u00b7\u203f\u2e3a\u201e", "[_][-][(][)][[][\u00ab][\u00bb][!][\u00b7][\u203f][\u2e3a][\u201e]"},
        {"\\p{Punctuation}|\\p{P}", "_-()\u00ab\u00bb!", "[_][-][(][)][\u00ab][\u00bb][!]"},
        {"\\p{Punct}|\\p{Punctuation}|\\p{P}", "+<=>|~$\u20ac^`\u00a8\u00a9\u00a6\u2192 a1\u0301\u00b2\u2028\x01", "+<=>|~$\u20ac^`\u00a8\u00a9\u00a6\u2192 a1\u0301\u00b2\u2028\x01"},
        {"\\P{Punct}+", "a+._b", "[a+]._[b]"},
        {"[^\\p{Punct}]+", "a+._b", "[a+]._[b]"},
        {"\\p{Symbol}|\\p{S}", "+$^\u00a9._-a", "[+][$][^][\u00a9]._-a"},
        {"\\p{Emoji}", "a1😀#", "a[1][😀][#]"},
        {"\\p{ExtPict}", "1©😀", "1[©][😀]"},
        {"\\p{Emoji_Presentation}", "©😀", "©[😀]"},
        {"\\P{Ideographic}", "a日〆b", "[a]日〆[b]"},
        {"\\p{^Upper}", "aA", "[a]A"},
        {"(?i)[[:upper:]]", "aA1", "[a][A]1"},
        {"[\\p{ID_Start}&&\\p{Lu}]", "aA1", "a[A]1"},
    };
    expect_matches(v, COUNT_OF(v));
}

static void groups_can_be_referred_to(void **state)
{
    (void)state;
    static const struct example v[] = {
        {"(.)\\1+", "aabcccd", "[aa]b[ccc]d"},
        {"(?<q>['\"]).*?\\k<q>", "'a\"b' \"c'", "['a\"b'] \"c'"},
        {"(?'q'a)(b)\\k'q'", "aba", "[aba]"}, /* names: brackets without are no groups */
        {"(?=(a+))\\1b", "aab", "[aab]"},
        {"(?>(a+))\\1", "aaa", "aaa"},
        {"(a)|b\\1", "abb", "[a]bb"}, /* what did not match is not matched again */
        {"(?:(a)|(b))+\\2", "abab abb", "[abab] [abb]"},
        {"(?:(a)|(b))+\\1c", "abac aac", "[abac] [aac]"},
        {"(a*)b\\1", "aabaaa", "[aabaa]a"},
        {"(?x)(a)#[\n\\1b", "xaabab", "x[aab]ab"}, /* a bracket in a comment opens nothing */
        {"(?#[)(a)\\1b", "xaabab", "x[aab]ab"},
        {"a(?#b){2}", "aaa", "[aa]a"}, /* what is repeated is in front of the comment, */
        {"(?x)a # b\n +b", "aab", "[aab]"},
        {"(?i)s(?#)s|x", "\u00DFxs", "[\u00DF][x]s"}, /* and letters are side by side */
        {"(?x: a\t) b", "a b", "[a b]"},
        {"a(?#\\)*)b", "aab", "a[ab]"},
        {"(?x)(a)?#[\n(?(1)b|c)", "abc", "[ab][c]"},
    };
    expect_matches(v, COUNT_OF(v));
}

static void a_match_can_begin_later(void **state)
{
    (void)state;
    static const struct example v[] = {
        {"a\\Kb|ab", "aabxab", "aa[b]xa[b]"},
        {"(?:a\\Kb)+x", "ababx", "aba[bx]"},
        {"(a\\Kb|a)c", "acabc", "[ac]a[bc]"},  /* what is taken back counts no more */
        {"(?>a\\Kb)", "abx", "a[b]x"},
        {"(?=a\\Kb)ab", "abx", "a[b]x"},
        {"(?=ab\\K)a", "ab", "a[]b"},          /* but not behind its end */
        {"(?!a\\Kb)a", "aab", "[a]ab"},
        {"a\\K", "aab", "a[]a[]b"},
    };
    expect_matches(v, COUNT_OF(v));
}

static void a_group_can_be_a_condition(void **state)
{
    (void)state;
    static const struct example v[] = {
        {"(a)?(?(1)b|c)x", "abxcxbx acx", "[abx][cx]bx a[cx]"},
        {"(?<n>a)?(?(<n>)b|c)(?('n')d)e", "abde ce ade", "[abde] [ce] ade"},
        {"(?:(a)|b)*(?(1)x|y)", "abxbybax", "[abx][by][bax]"},
        {"(?(1)x|y)(a)", "yaxa", "[ya]xa"},
        {"(a)?(?(1)(?:b|bc)|c)d", "abd abcd cd", "[abd] [abcd] [cd]"},
        {"(?(1)(?i:b)|c)(a)", "ca", "[ca]"},
    };
    expect_matches(v, COUNT_OF(v));
}

static void look_behinds_of_any_length_match(void **state)
{
    (void)state;
    static const struct example v[] = {
        {"(?<=a+)b", "aab b", "aa[b] b"},
        {"(?<!a*)b", "aab b", "aab b"},
        {"(?<!^a+)b", "aab cab", "aab ca[b]"},
        {"(?<=(?:a|bb)c?)d", "acd bbd bd", "ac[d] bb[d] bd"},
        {"(?<=^\\s*)a", "  a\n\ta ba", "  [a]\n\t[a] ba"},
        {"(?<=(?:aa?)++)a", "aaa", "a[a][a]"}, /* nothing behind the place is taken */
    };
    expect_matches(v, COUNT_OF(v));
}

static void what_cannot_be_matched_is_refused(void **state)
{
    (void)state;
    static const struct { const char *pattern, *why; } v[] = {
        {"(?i)s(?:s)", "letters under (?i) that fold to a single character, some of them in brackets, at offset 10 is not supported"},
        {"(?i)(?<=ss)a", "in a look-behind under (?i) what folds to several letters, or is the fold of one, at offset 10 is not supported"},
        {"(?i)(?<=ß)a", "what folds to several letters, or is the fold of one, at offset 10 is not supported"},
        {"(?<=\\X)a", "\\X in a look-behind at offset 7 is not supported"},
        {"(?<=\\R)a", "\\R in a look-behind at offset 7 is not supported"},
        {"(?<=a+(?=b))b", "a look-ahead in a look-behind of variable length at offset 12 is not supported"},
        {"(a)(?i)\\1", "a reference to a group under (?i) at offset 7 is not supported"},
        {"(a\\1)", "a reference to a group inside that group at offset 2 is not supported"},
        {"(?:(a)|b?)*\\1", "a reference to a group in a repetition of what can be empty at offset 11 is not supported"},
        {"(?!(a)b)\\1", "a reference to a group in a look-behind or a negative look-ahead at offset 8 is not supported"},
        {"(a)\\12", "a number of a group above 9, or of a character, at offset 3 is not supported"},
        {"(a)\\k<-1>", "a relative reference to a group at offset 3 is not supported"},
        {"(?<x>a)(?<x>b)\\k<x>", "a reference to one of two groups at offset 14 is not supported"},
        {"(?<x>a)\\1", "a number of a group where groups have names at offset 7"},
        {"(a)\\2", "a reference to a group that is not there at offset 3"},
        {"\\k<x>(a)", "a reference to a group that is not there at offset 0"},
        {"(?<x>a)\\g<x>", "this escape at offset 8 is not supported"},
        {"(?<=a\\K)b", "\\K in a look-behind at offset 5 is not supported"},
        {"\\K+a", "a repeated assertion at offset 3 is not supported"},
        {"(?(a)b|c)", "a condition that is not a group at offset 0 is not supported"},
        {"(a)(?(0)b|c)", "a condition that is not a group at offset 3 is not supported"},
        {"(a)(?(1))", "a condition without branches at offset 3 is not supported"},
        {"(a)(?(1)b|c|d)", "a third branch of a condition at offset 11 is not supported"},
        {"(a)(?(1)(?i)b|c)", "options for the rest of a branch of a condition at offset 11 is not supported"},
        {"(a)(?(2)b|c)", "a reference to a group that is not there at offset 3"},
        {"(a)(?(1)b|c", "a ( without ) at offset 11"},
        {"(?<n>a)(?(<-1>)b)", "a condition that is not a group at offset 7 is not supported"},
        {"(?~a)", "this kind of group at offset 2 is not supported"},
        {"\\p{InCyrillic}", "a block of characters at offset 2 is not supported"},
        {"[[:upper_case:]]", "an unknown [:name:] at offset 1"},
        {"[a-\\d]", "a range that ends with a class at offset 5"},
        {"[a-[b]]", "a range that ends with a class at offset 6"},
        {"[\\w-.]", "a range that begins with a class at offset 3"},
        {"[[:alpha:]-z]", "a range that begins with a class at offset 10"},
        {"(?<=(?:a{300}){300})c", "a look-behind at more than 65535 characters at offset 20 is not supported"},
        {"a{2}{2}{2}{2}{2}", "so many repetitions of a repetition at offset 16 is not supported"},
        {"\\xE9", "a raw byte \\x80 or above at offset 4 is not supported"},
        {"b(", "a ( without ) at offset 2"},
        {"b)", "a ) without ( at offset 1"},
    };
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct err e = {0};
        assert_null(regex_new(v[i].pattern, strlen(v[i].pattern), &e));
        assert_int_equal(e.code, ERR_DATA);
        size_t n = strlen(e.msg), m = strlen(v[i].why);
        if (n < m || strcmp(e.msg + n - m, v[i].why) != 0) fail_msg("%s: %s", v[i].pattern, e.msg);
    }
}

static void refused(const char *what, size_t times, const char *why)
{
    struct buf pattern = {0};
    struct err e = {0};
    for (size_t i = 0; i < times; i++) buf_adds(&pattern, what);
    assert_null(regex_new(pattern.data, pattern.len, &e));
    assert_int_equal(e.code, ERR_DATA);
    assert_non_null(strstr(e.msg, why));
    buf_free(&pattern);
}

static void what_is_too_large_is_refused(void **state)
{
    (void)state;
    refused("(", 50, "nesting deeper than 50 at offset 50 is not supported");
    refused("[", 51, "nesting deeper than 50 at offset 49 is not supported");
    refused("a", (1 << 16) + 1, "more than 64 KiB");
    refused("(?:ab|c){1000}", 40, "too large");
    refused("a", 1 << 16, "so long a row, or so many parts inside each other, at offset 2002 is not supported");
    refused("a?", 1 << 15, "so long a row");
    refused("(?:a|b)", 9000, "so long a row");
}

/* The stack is enough for what is not refused, even that of a thread with sanitizers. */
static void long_rows_match(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf pattern = {0};
    size_t begin, end;
    struct regex_work *w = regex_work_new(&e);
    buf_adds(&pattern, "(?<=(");
    for (int i = 0; i < 1990; i++) buf_addc(&pattern, 'a');
    buf_adds(&pattern, "))");
    struct regex *r = regex_new(pattern.data, pattern.len, &e);
    if (!r) fail_msg("%s", e.msg);
    memset(pattern.data, 'a', pattern.len);
    struct regex_iter it = {.last = SIZE_MAX};
    assert_int_equal(regex_next(r, w, (const uint8_t *)pattern.data, pattern.len, &it, &begin, &end, &e), 1);
    assert_int_equal(begin, 1990);
    regex_work_free(w);
    regex_free(r);
    buf_free(&pattern);
}

static void copies_of_nothing_take_no_time(void **state)
{
    (void)state;
    struct buf out = {0};
    show("(?:(?:(?:(?:(?:){1000}){1000}){1000}){1000}){1000}a", "ba", &out);
    assert_string_equal(out.data, "b[a]");
    show("(?:(?:(?:(?:ab){0}){1000}){1000}){1000}a", "ba", &out);
    assert_string_equal(out.data, "b[a]");
    buf_free(&out);
}

static int first_match(const struct regex *r, struct regex_work *w, const uint8_t *text, size_t n, struct err *e)
{
    size_t begin, end;
    return regex_next(r, w, text, n, &(struct regex_iter){.last = SIZE_MAX}, &begin, &end, e);
}

static void search_fails(const char *pattern, size_t n, enum err_code code, const char *why)
{
    struct err e = {0};
    struct regex *r = regex_new(pattern, strlen(pattern), &e);
    struct regex_work *w = regex_work_new(&e);
    uint8_t *text = mem_alloc(n, 1);
    assert_non_null(text);
    memset(text, 'a', n);
    assert_int_equal(first_match(r, w, text, 0, &e), 0); /* makes it ready */
    if (code == ERR_OS) mem_fail_after(1);
    int found = first_match(r, w, text, n, &e);
    mem_fail_after(-1);
    assert_int_equal(found, -1);
    assert_int_equal(e.code, code);
    assert_non_null(strstr(e.msg, why));
    free(text);
    regex_work_free(w);
    regex_free(r);
}

static void limits_are_named(void **state)
{
    (void)state;
    search_fails("(?:a|aa)+a\\zb", 100, ERR_DATA, "tries too many ways: more than 20 million steps at byte offset 0");
    search_fails("(?:\\w|\\p{L})*a\\zb", 5 << 20, ERR_DATA, "more than 4194304 choices at byte offset 0");
    search_fails("(?:\\w|\\p{L})*a\\zb", 5, ERR_OS, "out of memory");
}

/* What a set says by its map it says without. */
static void maps_say_what_the_sets_say(void **state)
{
    (void)state;
    static const char *const sets[] = {"[\\p{L}]", "\\s", "\\S", "\\w", "[^\\s\\p{L}\\p{N}]", "[a-z]", "[^\\r\\n]", "[\\p{Han}]", "[\\x{1F600}-\\x{1F64F}a]", "[\\p{Lu}&&[^A-F]]",
                                       "(?i)[a-z]", "(?i)[^\\p{Lu}]", "\\p{Emoji}", "[^\\p{Upper}]", "[\\u3042-\\u3044&&\\S]", "[^\\x{20000}]", "\\p{Cn}", "\\P{Any}"};
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        struct err e = {0};
        struct regex *r = regex_new(sets[i], strlen(sets[i]), &e);
        struct regex_work *w = regex_work_new(&e);
        assert_true(first_match(r, w, (const uint8_t *)"", 0, &e) >= 0);
        const struct re_set *set = NULL;
        for (int pc = 0; pc < r->n_prog && !set; pc++) set = r->prog[pc].set;
        assert_non_null(set);
        assert_true(set->map.n_pages > 0);
        for (uint32_t cp = 0; cp <= 0x110000; cp++) {
            uint32_t c = cp <= 0x10FFFF ? cp : UNI_BAD;
            if (re_set_in(set, c) != re_set_has(set, c)) fail_msg("%s: U+%X", sets[i], c);
        }
        regex_work_free(w);
        regex_free(r);
    }
}

/* uni_same_fold() is the other way round of uni_fold(). */
static void all_that_fold_alike_are_found(void **state)
{
    (void)state;
    uint32_t same[UNI_SAME_FOLD];
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        uint32_t fold = uni_fold(cp);
        int n = uni_same_fold(cp, same);
        bool itself = false;
        assert_int_equal(uni_fold(fold), fold);
        assert_int_equal(same[0], fold);
        for (int i = 0; i < n; i++) {
            assert_int_equal(uni_fold(same[i]), fold);
            itself = itself || same[i] == cp;
            for (int j = 0; j < i; j++) assert_int_not_equal(same[i], same[j]);
        }
        if (!itself) fail_msg("U+%X is not among those that fold to U+%X", cp, fold);
    }
}

static void all_that_fold_to_several_are_found(void **state)
{
    (void)state;
    uint32_t next = 0, out[3];
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        utf8proc_int32_t want[4];
        int boundary = 0;
        long n = utf8proc_codepoint_valid((utf8proc_int32_t)cp)
                     ? utf8proc_decompose_char((utf8proc_int32_t)cp, want, 4, UTF8PROC_CASEFOLD, &boundary) : 1;
        assert_int_equal(uni_folds_to_many(cp), n > 1);
        if (n < 2) continue;
        assert_int_equal(uni_next_fold_to_many(&next, out), n);
        assert_int_equal(next++, cp);
        for (long i = 0; i < n; i++) assert_int_equal(out[i], want[i]);
    }
    assert_int_equal(uni_next_fold_to_many(&next, out), 0);
}

static void expressions_are_refused_or_stopped(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "(",          "a)",  "[a",           "\\",          "*",          "(?<=\\X)b", "(?<!a|\\R)c",
        "[a-z--[b]]", "\\1", "(?~a)",        "\\p{Nope}",   "a{9999}",    "(?i)s(s)", "[b-a]",
        "(?i",        "\\y", "(?:a??b?){2}", "(?:^|a){2,}", "(?:|a){0,3}"}; /* the engine counts empty rounds or not */
    struct err e = {0};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (regex_new(bad[i], strlen(bad[i]), &e)) fail_msg("accepted: %s", bad[i]);
    struct regex *r = regex_new("(x+x+)+y", 8, &e);
    struct regex_work *w = regex_work_new(&e);
    size_t begin, end;
    struct regex_iter it = {.last = SIZE_MAX};
    static const char text[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    assert_int_equal(regex_next(r, w, (const uint8_t *)text, strlen(text), &it, &begin, &end, &e), -1);
    assert_non_null(strstr(e.msg, "million steps at byte offset 0"));
    regex_work_free(w);
    regex_free(r);
}

/* Matches of pattern in a text; -1: stopped, with *e. */
static int matches_in(const char *pattern, const char *text, size_t n, struct err *e)
{
    struct regex *r = regex_new(pattern, strlen(pattern), e);
    if (!r) fail_msg("%s: %s", pattern, e->msg);
    struct regex_work *w = regex_work_new(e);
    struct regex_iter it = {.last = SIZE_MAX};
    size_t from, to;
    int count = 0, got;
    while ((got = regex_next(r, w, (const uint8_t *)text, n, &it, &from, &to, e)) > 0) count++;
    regex_work_free(w);
    regex_free(r);
    return got < 0 ? -1 : count;
}

/* Of n times `of` with `end` behind. */
static int matches(const char *pattern, char of, size_t n, char end, struct err *e)
{
    char *text = malloc(n + 1);
    memset(text, of, n);
    text[n] = end;
    int count = matches_in(pattern, text, n + 1, e);
    free(text);
    return count;
}

static void long_runs_end_soon(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(matches("(a+)+$", 'a', 100000, 'a', &e), 1);
    assert_int_equal(matches("\\s+(?!\\S)|\\s+", ' ', 100000, 'x', &e), 2);
    assert_int_equal(matches("\\s+(?!\\S)|\\s+|x{1,}y?", ' ', 30000000, 'x', &e), 3); /* one match that is longer than a search may usually take */
    assert_int_equal(matches("(?:a?b?){2}", 'a', 100000, 'a', &e), 50001);
    assert_int_equal(matches("a*b|a", 'a', 3000, 'a', &e), 3001); /* each looks at the rest */
    static const char *const endless[] = {"(a+)+$", "(a|aa)+$", "(?:a*)*b", "(?:a|b|ab)*c"};
    for (size_t i = 0; i < COUNT_OF(endless); i++) {
        assert_int_equal(matches(endless[i], 'a', 100000, 'x', &e), -1);
        assert_non_null(strstr(e.msg, "million steps"));
    }
    /* Looks at all digits that follow: what one has found out serves the next. */
    assert_int_equal(matches("\\d{1,3}(?=(?:\\d{3})*(?:\\D|$))", '1', 500000, 'x', &e), 166667);
    assert_int_equal(matches("\\d(?=(?:\\d{3})+(?!\\d))", '1', 160000, '1', &e), 53333);
    assert_int_equal(matches("\\d(?=(?:\\d\\d)*?$)", '1', 160000, 'x', &e), 0);
    assert_int_equal(matches("\\d(?!(?:\\d|xx)*x)", '1', 160000, 'x', &e), 0);
    assert_int_equal(matches("a*b|a", 'a', 12000, 'x', &e), -1);
    assert_non_null(strstr(e.msg, "million steps up to byte offset"));
}

/* However many steps it takes at all places together; each has its own limit, and all have one. */
static void a_text_without_a_match_is_looked_at_to_its_end(void **state)
{
    (void)state;
    enum { DIGITS = 40, RUNS = 25000, N = (DIGITS + 1) * RUNS };
    struct err e = {0};
    char *text = malloc(N);
    memset(text, '1', N);
    for (size_t i = 1; i <= RUNS; i++) text[i * (DIGITS + 1) - 1] = 'a';
    assert_int_equal(matches_in("\\d{1,3}(?=(?:\\d{3})*\\b)", text, N, &e), 0);
    assert_int_equal(matches_in("[0-9]+$", text, N, &e), 0);
    assert_int_equal(matches_in("(?:\\w\\w?)+\\W|a", text, N, &e), -1);
    assert_non_null(strstr(e.msg, "more than 24 million steps at byte offset 0 of a text"));
    assert_int_equal(matches("a*b", 'a', 40000, 'x', &e), -1);
    assert_non_null(strstr(e.msg, "more than 180 million steps up to byte offset"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_are_those_of_oniguruma),
        cmocka_unit_test(letters_of_either_case_match),
        cmocka_unit_test(a_class_matches_what_its_letters_fold_to),
        cmocka_unit_test(texts_that_fold_to_one_letter_match_it),
        cmocka_unit_test(lines_clusters_and_any_characters_match),
        cmocka_unit_test(properties_are_those_of_the_engine),
        cmocka_unit_test(groups_can_be_referred_to),
        cmocka_unit_test(a_match_can_begin_later),
        cmocka_unit_test(a_group_can_be_a_condition),
        cmocka_unit_test(look_behinds_of_any_length_match),
        cmocka_unit_test(what_cannot_be_matched_is_refused),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(long_rows_match),
        cmocka_unit_test(copies_of_nothing_take_no_time),
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(expressions_are_refused_or_stopped),
        cmocka_unit_test(long_runs_end_soon), cmocka_unit_test(a_text_without_a_match_is_looked_at_to_its_end),
        cmocka_unit_test(maps_say_what_the_sets_say),
        cmocka_unit_test(all_that_fold_alike_are_found),
        cmocka_unit_test(all_that_fold_to_several_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
