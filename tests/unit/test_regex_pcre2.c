/* Binds our matcher to pcre2: the same spans on the splits' expressions, on many
 * written by hand and on random ones.
 *
 * The two syntaxes differ (a{1,2}+, ^, (?m), \h, \w, && ...), so a random
 * expression is a tree that is printed twice, and one written by hand has a
 * second spelling where it needs it.  What this pcre2 does not know, characters
 * younger than Unicode 14, is left out: characters_differ_by_age() says that it
 * is nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/base/json.h"
#include "core/token/regex_internal.h"
#include "core/token/split.h"
#include "tests/unit/regex_trees.h"

enum { MAX_SPANS = 400, PCRE2_LIMIT = 100000 };

struct spans {
    size_t at[2 * MAX_SPANS];
    int n; /* -1: a limit */
};

static pcre2_code *reference_new(const char *pattern, char *msg, size_t size)
{
    int code;
    PCRE2_SIZE at;
    pcre2_compile_context *c = pcre2_compile_context_create(NULL);
    pcre2_set_newline(c, PCRE2_NEWLINE_LF);
    pcre2_code *p = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &code,
                                  &at, c);
    if (!p && msg) pcre2_get_error_message(code, (PCRE2_UCHAR *)msg, size);
    pcre2_compile_context_free(c);
    return p;
}

static size_t char_len(const char *s)
{
    uint8_t c = (uint8_t)*s;
    return c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* All matches, one after the other; an empty one right behind another does not count. */
static void reference_spans(const pcre2_code *p, const char *s, size_t n, struct spans *out)
{
    static pcre2_match_data *data;
    static pcre2_match_context *limits;
    if (!data) {
        data = pcre2_match_data_create(1, NULL);
        limits = pcre2_match_context_create(NULL);
        pcre2_set_match_limit(limits, PCRE2_LIMIT);
    }
    size_t from = 0, last = SIZE_MAX;
    out->n = 0;
    while (from <= n && out->n < MAX_SPANS) {
        int got = pcre2_match(p, (PCRE2_SPTR)s, n, from, PCRE2_NO_UTF_CHECK, data, limits);
        if (got == PCRE2_ERROR_NOMATCH) return;
        if (got < 0) {
            out->n = -1;
            return;
        }
        const PCRE2_SIZE *v = pcre2_get_ovector_pointer(data);
        if (v[0] == v[1] && v[1] == last) {
            from += from < n ? char_len(s + from) : 1;
            continue;
        }
        out->at[2 * out->n] = v[0];
        out->at[2 * out->n++ + 1] = from = last = v[1];
    }
}

static void our_spans(const struct regex *r, struct regex_work *w, const char *s, size_t n, struct spans *out)
{
    struct regex_iter it = {.last = SIZE_MAX};
    struct err e;
    int got = 0;
    out->n = 0;
    while (out->n < MAX_SPANS &&
           (got = regex_next(r, w, (const uint8_t *)s, n, &it, &out->at[2 * out->n], &out->at[2 * out->n + 1], &e)) > 0)
        out->n++;
    if (got < 0) out->n = -1;
}

static void print_spans(struct buf *b, const struct spans *v)
{
    if (v->n < 0) buf_adds(b, "a limit");
    for (int i = 0; i < v->n; i++) buf_printf(b, "%zu-%zu ", v->at[2 * i], v->at[2 * i + 1]);
}

/* Fails with all that is needed to see it again. */
static void differ(const char *ours, const char *theirs, const char *s, size_t n, const struct spans *a, const struct spans *b)
{
    struct buf msg = {0};
    buf_printf(&msg, "%s\nas pcre2 %s\ntext ", ours, theirs);
    buf_add_json(&msg, s, n);
    buf_adds(&msg, "\nours  ");
    print_spans(&msg, a);
    buf_adds(&msg, "\npcre2 ");
    print_spans(&msg, b);
    buf_addc(&msg, 0);
    fail_msg("%s", msg.data);
}

/* 1 compared, 0 one of them met its limit. */
static int compare(const struct regex *r, struct regex_work *w, const pcre2_code *p, const char *ours, const char *theirs,
                   const char *s, size_t n)
{
    struct spans a, b;
    reference_spans(p, s, n, &b);
    if (b.n < 0) return 0;
    our_spans(r, w, s, n, &a);
    if (a.n < 0) return 0;
    if (a.n != b.n || memcmp(a.at, b.at, 2 * (size_t)a.n * sizeof *a.at)) differ(ours, theirs, s, n, &a, &b);
    return 1;
}

/* ---- expressions ---- */

/* An expression whose program is as compiled, without what makes it quick. */
static struct regex *plain_new(const struct buf *pattern, struct err *e)
{
    struct regex *r = regex_new(pattern->data, pattern->len, e);
    if (r) atomic_store(&r->ready, true);
    return r;
}

/* The same matches as of the plain program, unless one of them met its limit. */
static void compare_plain(const struct regex *r, const struct regex *plain, struct regex_work *w, const char *pattern, const struct buf *text)
{
    struct spans a, b;
    our_spans(r, w, text->data, text->len, &a);
    our_spans(plain, w, text->data, text->len, &b);
    if (a.n >= 0 && b.n >= 0 && (a.n != b.n || memcmp(a.at, b.at, 2 * (size_t)a.n * sizeof *a.at)))
        differ(pattern, "not at all, but the plain program", text->data, text->len, &a, &b);
}

static void random_expressions_match_as_pcre2(void **state)
{
    (void)state;
    enum { TREES = 12000, TEXTS = 6 };
    struct draw d = {.key = rng_key(1, RNG_TEST, 1, 0)};
    struct buf ruby = {0}, perl = {0}, text = {0};
    struct err e;
    struct regex_work *w = regex_work_new(&e);
    static struct grow g;
    int both = 0, refused = 0, compared = 0, limits = 0;
    for (int k = 0; k < TREES; k++) {
        g.d = &d;
        g.n = 0;
        g.is_wide = k % 2;
        const struct tree *t = random_tree(&g, 2 + (int)below(&d, 4));
        buf_clear(&ruby);
        buf_clear(&perl);
        print_tree(&ruby, t, true);
        print_tree(&perl, t, false);
        pcre2_code *p = reference_new(perl.data, NULL, 0);
        struct regex *r = regex_new(ruby.data, ruby.len, &e), *plain = plain_new(&ruby, &e);
        if (!r && !strstr(e.msg, "not supported")) fail_msg("%s: %s", ruby.data, e.msg);
        refused += !r;
        both += r && p;
        for (int i = 0; i < TEXTS && r && p; i++) {
            random_text(&d, g.is_wide, 14, &text);
            compare_plain(r, plain, w, ruby.data, &text);
            if (compare(r, w, p, ruby.data, perl.data, text.data, text.len)) compared++;
            else limits++;
        }
        regex_free(r);
        regex_free(plain);
        pcre2_code_free(p);
    }
    print_message("%d expressions, %d refused; %d texts, %d over a limit\n", both, refused, compared, limits);
    assert_true(both > TREES / 2 && limits < compared / 20);
    regex_work_free(w);
    buf_free(&ruby);
    buf_free(&perl);
    buf_free(&text);
}

/* ours, pcre2's spelling where it is another one. */
static const char *const written[][2] = {
    {"\\p{N}{1,3}+", "(?:\\p{N}{1,3})+"},
    {"a{2}?b", "(?:a{2})?b"},
    {"a{,2}b", "a{0,2}b"},
    {"a{x", "a\\{x"},
    {"[a-z&&[^bc]]+", "(?:(?![bc])[a-z])+"},
    {"[^a-c&&b-z]", "(?!(?=[a-c])[b-z])(?s:.)"},
    {"[\\p{L}&&\\p{Latin}]+", "(?:(?=\\p{L})\\p{sc:Latin})+"},
    {"(?m)a.b", "(?s)a.b"},
    {"a(?i)b|k", "a(?:(?i)b|k)"},
    {"(?i:s)", NULL},
    {"(?i:k|Z)+", NULL},
    {"(?i)[a-c\xce\xb1-\xcf\x89]+", NULL},
    {"(?i)[^ab]+", NULL},
    {"(?i:'(?:[sdmt]|ll|ve|re))", NULL},
    {"a**", "(?:a*)*"},
    {"(?:a+)?+", NULL},
    {"\\h+", "[0-9a-fA-F]+"},
    {"\\x61\\u0062|\\x{3b1}", "a\\x{62}|\\x{3b1}"},
    {"[]a]+", NULL},
    {"[a\\]-]+", NULL},
    {"(?x) a b # end\n | c ", NULL},
    {"a(?#all)b", NULL},
    {"(?<name>a)(b)", NULL},
    {"(a+)+b", NULL},
    {"(a|aa)*c", NULL},
    {"(?:a|ab)(?:c|bcd)*", NULL},
    {"(a*?)*?b", NULL},
    {"(?:(?:a|b)*?c)+?", NULL},
    {"((?:ab?)*?b)*?c", NULL},
    {"(?:(a??b)*?a)+", NULL},
    {"(?>a+)ab|a", NULL},
    {"(?>a|ab)c|ab", NULL},
    {"a*+a|b++c", NULL},
    {"(?:a|b){2,3}?c", NULL},
    {"(?:ab|a){2}b", NULL},
    {"(?=(a+))a*b", NULL},
    {"(?=.*b)a+", NULL},
    {"(?!.*b)a+", NULL},
    {"(?=a(?!b(?=c)))\\w", "(?=a(?!b(?=c)))" WORD_OUTSIDE},
    {"(?<=a|bb|ccc).", NULL},
    {"(?<!a|bb)c", NULL},
    {"(?<=^|\\s)a+", NULL},
    {"(?<=(?<!a)b)c", NULL},
    {"(?<=a(?=b))b", NULL},
    {"^a|b$", NULL},
    {"^", NULL},
    {"$", NULL},
    {"\\A\\s*|\\s*\\z", NULL},
    {"a\\Z", NULL},
    {"x*", NULL},
    {"|a", NULL},
    {"a||b", NULL},
    {"()", NULL},
    {"(?:|a)+b", NULL},
    {"(?:a|)+b", NULL},
    {"(?:a?)*", NULL},
    {"(?:a*|b)*c", NULL},
    {"(?:(?=a)|b)*a", NULL},
    {"[^\\S\\n]+|\\n+", NULL},
    {"\\s+(?!\\S)|\\s+", NULL},
    {"\\d{1,3}(?=(?:\\d{3})*\\b)", "\\d{1,3}(?=(?:\\d{3})*" BORDER("!", "=") ")"},
    {"[\\p{Han}\\p{Hiragana}]+", "[\\p{sc:Han}\\p{sc:Hiragana}]+"},
    {"\\p{^L}+|\\P{^N}", NULL},
    {"[[:alpha:][:digit:]]+", "[\\p{Alphabetic}\\d]+"},
    {"[^[:space:]a]+", NULL},
    {"[^\\W\\d]+", "(?:(?![^" WORD "]|\\d)(?s:.))+"},
    {"\\t|\\r\\n?|\\v", "\\t|\\r\\n?|\\x0b"},
    {".+?(?:a|$)", NULL},
    {"(?:.(?!b))*", NULL},
    {"(?:(?<!a)b|a)*", NULL},
    /* DeepSeek, Falcon, Bloom, GPT-NeoX's cousins */
    {"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+", NULL},
    {"[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-\xE3\x83\xBF]+", NULL},
    {"[0-9][0-9][0-9]", NULL},
    {" ?[^(\\s|.,!?\xE2\x80\xA6\xE3\x80\x82\xEF\xBC\x8C\xE3\x80\x81\xE0\xA5\xA4\xDB\x94\xD8\x8C)]+", NULL},
    {"(?:^|\\s)\\S+", NULL},
};

static void bind(const char *ours, const char *theirs, struct draw *d, struct regex_work *w)
{
    enum { TEXTS = 200 };
    struct err e;
    char msg[200];
    struct buf text = {0};
    struct regex *r = regex_new(ours, strlen(ours), &e);
    if (!r) fail_msg("%s", e.msg);
    pcre2_code *p = reference_new(theirs, msg, sizeof msg);
    if (!p) fail_msg("pcre2: %s: %s", theirs, msg);
    int compared = 0;
    for (unsigned i = 0; i < TEXTS; i++) {
        random_text(d, i % 2, 4 + i / 4, &text);
        compared += compare(r, w, p, ours, theirs, text.data, text.len);
    }
    if (compared < TEXTS / 2) fail_msg("%s: %d texts only within limits", ours, compared);
    regex_free(r);
    pcre2_code_free(p);
    buf_free(&text);
}

static void written_expressions_match_as_pcre2(void **state)
{
    (void)state;
    struct draw d = {.key = rng_key(1, RNG_TEST, 2, 0)};
    struct err e;
    struct regex_work *w = regex_work_new(&e);
    for (size_t i = 0; i < COUNT_OF(written); i++) bind(written[i][0], written[i][1] ? written[i][1] : written[i][0], &d, w);
    regex_work_free(w);
}

/* The splits' own expressions, and what cuts by them without an expression. */
static void splits_match_as_pcre2(void **state)
{
    (void)state;
    struct draw d = {.key = rng_key(1, RNG_TEST, 3, 0)};
    struct err e;
    struct buf text = {0};
    struct regex_work *w = regex_work_new(&e);
    for (int k = 0; k < SPLIT_N; k++) {
        const char *regex = split_regex((enum split_kind)k);
        if (!regex) continue;
        bind(regex, regex, &d, w);
        pcre2_code *p = reference_new(regex, NULL, 0);
        for (unsigned i = 0; i < 400; i++) {
            struct spans a = {.n = 0}, b;
            size_t ends[MAX_SPANS];
            random_text(&d, true, 100, &text);
            reference_spans(p, text.data, text.len, &b);
            if (text.len) a.n = (int)split_function((enum split_kind)k)((const uint8_t *)text.data, text.len, 0, ends, MAX_SPANS);
            for (int j = 0; j < a.n; j++) a.at[2 * j] = j ? ends[j - 1] : 0, a.at[2 * j + 1] = ends[j];
            if (a.n != b.n || memcmp(a.at, b.at, 2 * (size_t)a.n * sizeof *a.at))
                differ(split_name((enum split_kind)k), regex, text.data, text.len, &a, &b);
        }
        pcre2_code_free(p);
    }
    buf_free(&text);
    regex_work_free(w);
}

/* ---- classes of characters ---- */

/* What else changed from Unicode 14 to 16: 1171E is a spacing mark, the others are
 * alphabetic.  To pcre2 180E is still white space. */
static bool changed(uint32_t cp)
{
    static const struct { uint32_t first, last; } v[] = {{0x363, 0x36F},   {0xC04, 0xC04},     {0xF82, 0xF83},    {0x180E, 0x180E},
                                                         {0x1DD3, 0x1DE6}, {0x11080, 0x11081}, {0x1171E, 0x1171E}};
    for (size_t i = 0; i < COUNT_OF(v); i++)
        if (cp >= v[i].first && cp <= v[i].last) return true;
    return false;
}

enum { LAST_CHAR = 0x323B0 }; /* what comes behind has no character but tags and private ones */

/* All characters up to LAST_CHAR, and where each stands. */
static void all_chars(struct buf *text, uint32_t *at)
{
    for (uint32_t cp = 0; cp <= LAST_CHAR; cp++) {
        char out[4];
        at[cp] = (uint32_t)text->len;
        if (cp < 0xD800 || cp > 0xDFFF) buf_add(text, out, (size_t)utf8_encode(cp, out));
    }
    at[LAST_CHAR + 1] = (uint32_t)text->len;
}

/* in[i] = 1 for the bytes that matches of the two take; bit 0 ours, bit 1 pcre2's. */
static void mark(const char *ours, const char *theirs, const struct buf *text, uint8_t *in)
{
    struct err e;
    size_t begin, end, from = 0;
    struct regex *r = regex_new(ours, strlen(ours), &e);
    pcre2_code *p = reference_new(theirs, NULL, 0);
    if (!r || !p) fail_msg("%s: %s", ours, r ? "pcre2 refuses it" : e.msg);
    struct regex_work *w = regex_work_new(&e);
    struct regex_iter it = {.last = SIZE_MAX};
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    memset(in, 0, text->len);
    while (regex_next(r, w, (const uint8_t *)text->data, text->len, &it, &begin, &end, &e) > 0)
        for (; begin < end; begin++) in[begin] |= 1;
    while (pcre2_match(p, (PCRE2_SPTR)text->data, text->len, from, PCRE2_NO_UTF_CHECK, data, NULL) > 0) {
        const PCRE2_SIZE *v = pcre2_get_ovector_pointer(data);
        for (size_t i = v[0]; i < v[1]; i++) in[i] |= 2;
        from = v[1];
    }
    pcre2_match_data_free(data);
    pcre2_code_free(p);
    regex_work_free(w);
    regex_free(r);
}

static void characters_differ_by_age(void **state)
{
    (void)state;
    static const char *const sets[][2] = {
        {"\\p{Lu}", NULL}, {"\\p{Ll}", NULL}, {"\\p{Lt}", NULL}, {"\\p{Lm}", NULL}, {"\\p{Lo}", NULL}, {"\\p{Mn}", NULL}, {"\\p{Mc}", NULL}, {"\\p{Me}", NULL},
        {"\\p{Nd}", NULL}, {"\\p{Nl}", NULL}, {"\\p{No}", NULL}, {"\\p{Pc}", NULL}, {"\\p{Pd}", NULL}, {"\\p{Ps}", NULL}, {"\\p{Pe}", NULL}, {"\\p{Pi}", NULL},
        {"\\p{Pf}", NULL}, {"\\p{Po}", NULL}, {"\\p{Sm}", NULL}, {"\\p{Sc}", NULL}, {"\\p{Sk}", NULL}, {"\\p{So}", NULL}, {"\\p{Z}", NULL}, {"\\p{C}", NULL},
        {"\\s", NULL}, {"\\d", NULL}, {"\\w", WORD_OUTSIDE}, {"[\\w]", "[" WORD "]"}, {"[[:alpha:]]", "\\p{Alphabetic}"}, {"\\p{Han}", "\\p{sc:Han}"},
        {"\\p{Latin}", "\\p{sc:Latin}"}, {"\\p{Cyrillic}", "\\p{sc:Cyrillic}"}, {"\\p{Arabic}", "\\p{sc:Arabic}"}, {"\\p{Hiragana}", "\\p{sc:Hiragana}"}};
    static uint32_t at[LAST_CHAR + 2];
    static uint8_t young[4 * LAST_CHAR + 8], in[4 * LAST_CHAR + 8];
    struct buf text = {0};
    all_chars(&text, at);
    mark("\\p{Cn}+", "\\p{Cn}+", &text, young);
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        char ours[64], theirs[300];
        snprintf(ours, sizeof ours, "%s+", sets[i][0]);
        snprintf(theirs, sizeof theirs, "%s+", sets[i][1] ? sets[i][1] : sets[i][0]);
        mark(ours, theirs, &text, in);
        for (uint32_t cp = 0; cp <= LAST_CHAR; cp++) {
            if (at[cp] == at[cp + 1] || young[at[cp]] || changed(cp)) continue;
            if (in[at[cp]] % 3) fail_msg("%s: U+%04X is in %s only", sets[i][0], cp, in[at[cp]] == 1 ? "ours" : "pcre2's");
        }
    }
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_differ_by_age),
        cmocka_unit_test(splits_match_as_pcre2),
        cmocka_unit_test(written_expressions_match_as_pcre2),
        cmocka_unit_test(random_expressions_match_as_pcre2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
