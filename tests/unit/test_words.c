#include "tests/unit/shard_fixture.h"

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/doc.h"
#include "data/rules.h"
#include "data/words.h"

#include <cjson/cJSON.h>

/* Words joined by '|', as spaCy 3.8 (blank "en") cuts them. */
static const char *const cases[][2] = {
    {"", ""},
    {" \n\t ", ""},
    {"Hello, world!", "Hello|,|world|!"},
    {"Don't can't he's we'll I'm", "Do|n't|ca|n't|he|'s|we|'ll|I|'m"},
    {"3.5% of $10.99, 20km", "3.5|%|of|$|10.99|,|20|km"},
    {"U.S. and e.g. i.e., Dr. Who.", "U.S.|and|e.g.|i.e.|,|Dr.|Who|."},
    {"well-known e-mail a/b c:d x=y", "well|-|known|e|-|mail|a|/|b|c|:|d|x|=|y"},
    {"http://example.com/a?b=c, see www.x.org.", "http://example.com/a?b=c|,|see|www.x.org|."},
    {"(\"quoted\") [see: it]", "(|\"|quoted|\"|)|[|see|:|it|]"},
    {":) foo:) :-(", ":)|foo|:)|:-("},
    {"wait... what..no …", "wait|...|what|..|no|…"},
    {"end.Start lower.case 1.2.3", "end|.|Start|lower.case|1.2.3"},
    {"9am 10p.m. 2nd", "9|am|10|p.m.|2nd"},
    {"日本語。テスト", "日本語。テスト"},
    {"a\u00a0b\u2003c", "a|b|c"},
    {"x😀y ☃", "x|😀|y|☃"},
    {"C++ -- a--b —dash—", "C++|--|a|--|b|—|dash|—"},
    {"5+3 a+b 10-20 x^2", "5|+|3|a+b|10|-|20|x^2"},
    {"user@host.com 192.168.1.1:80", "user@host.com|192.168.1.1:80"},
};

static void words_are_cut_as_spacy_cuts_them(void **state)
{
    (void)state;
    struct words w = {0};
    struct err e;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf got = {0};
        const char *text = cases[i][0];
        assert_int_equal(words_split(&w, text, strlen(text), &e), 0);
        for (size_t k = 0; k < w.n; k++) {
            if (k) buf_addc(&got, '|');
            buf_add(&got, text + w.v[k].begin, w.v[k].len);
        }
        if (strcmp(buf_text(&got), cases[i][1]) != 0)
            fail_msg("'%s' gave '%s'", text, got.data);
        buf_free(&got);
    }
    words_free(&w);
}

static void words_know_what_they_are(void **state)
{
    (void)state;
    struct words w = {0};
    struct err e;
    static const char text[] = "abc ... é1 ++";
    assert_int_equal(words_split(&w, text, sizeof text - 1, &e), 0);
    assert_int_equal(w.n, 5);
    assert_int_equal(w.v[0].info, WORD_LETTER | WORD_SUBSTANCE | WORD_ASCII);
    assert_int_equal(w.v[1].info, WORD_ASCII);
    assert_int_equal(w.v[2].info, WORD_LETTER | WORD_SUBSTANCE);
    assert_int_equal(w.v[2].chars, 2);
    words_free(&w);
}

static double metric(const char *text, enum rules_metric which)
{
    struct rules_work w = {0};
    struct rules_cfg c;
    struct err e;
    const char *out;
    size_t n;
    struct rule_set failed;
    rules_preset(&c, RULES_FINEWEB);
    c.words = WORDS_SPACY_EN;
    assert_int_equal(rules_judge(&c, &w, text, strlen(text), &out, &n, &failed, &e), 0);
    double m = w.m[which];
    rules_work_free(&w);
    return m;
}

static void metrics_count_as_documented(void **state)
{
    (void)state;
    assert_true(metric("one, two three!", METRIC_WORDS) == 3);
    assert_true(metric("ab abcd ...", METRIC_MEAN_LENGTH) == 3);
    assert_true(metric("# a b #", METRIC_HASHES) == 0.5);
    assert_true(metric("a...... b…", METRIC_ELLIPSES) == 3.0 / 4);
    assert_true(metric("- a\n  • b\nc\r\n\xe2\x80\xa8", METRIC_BULLET_LINES) == 0.5);
    assert_true(metric("a...\nb… \nc", METRIC_ELLIPSIS_LINES) == 2.0 / 3);
    assert_true(metric("a 1 2 b3", METRIC_ALPHA_WORDS) == 0.5);
    assert_true(metric("the The of the and", METRIC_STOP_WORDS) == 3);
    assert_true(metric("", METRIC_HASHES) == 0);
    assert_true(metric("aé\n", METRIC_CHARS) == 3);
    assert_true(metric("a\n\nb\n\n\na", METRIC_DUP_PARAS) == 1.0 / 3);
    assert_true(metric("ab\ncd\nab\n", METRIC_DUP_LINES) == 1.0 / 4); /* the last is empty */
    assert_true(metric("ab\ncd\nab", METRIC_DUP_LINE_CHARS) == 2.0 / 8);
    assert_true(metric("x y z x y", METRIC_TOP_2) == 2 * 3.0 / 9);
    assert_true(metric("aa b c", METRIC_TOP_2) == 4.0 / 6); /* none repeats: the first */
    assert_true(metric("a b c d e a b c d e", METRIC_DUP_5) == 5.0 / 19);
    assert_true(metric("a b c d e f", METRIC_DUP_5) == 0);
    assert_true(metric("One two three. And four five!\nand more words\n", METRIC_SENTENCES) == 3);
    assert_true(metric("a line with lorem Ipsum.\n", METRIC_LOREM_IPSUM) == 1);
    assert_true(metric("a line with { in it.\n", METRIC_CURLY_BRACKET) == 1);
    assert_true(metric("{\nshort {.\n", METRIC_CURLY_BRACKET) == 0);
    assert_true(metric("one two three.\nfour five six\n\n", METRIC_END_PUNCTUATION) == 0.5);
}

static void limits_are_set_by_name(void **state)
{
    (void)state;
    struct rules_cfg c;
    struct err e;
    rules_preset(&c, RULES_NONE);
    assert_false(c.on[RULE_MIN_WORDS]);
    assert_int_equal(rules_set(&c, "gopher.min_words=3", &e), 0);
    assert_true(c.on[RULE_MIN_WORDS] && c.limit[RULE_MIN_WORDS] == 3);
    assert_int_equal(rules_set(&c, "gopher.min_words=off", &e), 0);
    assert_false(c.on[RULE_MIN_WORDS]);
    static const char *const bad[] = {"gopher.min_words",
                                      "gopher.min_words=",
                                      "gopher.min_words=x",
                                      "x=1",
                                      "gopher.min_words=-1",
                                      "gopher.min_words=nan",
                                      "=",
                                      ""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(rules_set(&c, bad[i], &e), -1);
        assert_int_equal(e.code, ERR_USAGE);
    }
}

static bool read_lines(const char *path, struct buf *out)
{
    struct err e;
    return file_read_all(path, 64 << 20, out, &e) == 0;
}

struct golden {
    struct rules_cfg rules;
    struct rules_work work;
    const char *p; /* lines of expected decisions not yet compared */
    int n, wrong;
    bool quiet;
};

static void compare(struct golden *g, const struct doc *d)
{
    struct err e;
    const char *out, *want = NULL;
    size_t out_n, len = strcspn(g->p, "\n");
    struct rule_set failed;
    struct cJSON *j = json_parse(g->p, len, "golden", NULL, &e);
    assert_non_null(j);
    const struct cJSON *reason = json_member(j, "reason");
    if (reason && reason->valuestring) want = reason->valuestring;
    assert_int_equal(
        rules_judge(&g->rules, &g->work, d->text, d->text_len, &out, &out_n, &failed, &e), 0);
    const char *got = rule_set_any(&failed) ? rules_table[rules_reason(g->work.m, &failed)].reason : NULL;
    if (!got != !want || (got && strcmp(got, want) != 0)) {
        g->wrong++;
        if (!g->quiet || getenv("VERBOSE"))
            print_message("%.*s: got %s, want %s\n", (int)d->id_len, d->id, got ? got : "kept", want ? want : "kept");
    }
    json_free(j);
    g->p += len + (g->p[len] == '\n');
    g->n++;
}

/* Decisions and reasons of datatrove on the first documents of mixed10.jsonl. */
static void agrees_with(const char *path, enum rules_preset preset, enum words_mode words,
                        double share)
{
    struct buf golden = {0};
    struct err e;
    if (!read_lines(path, &golden)) {
        buf_free(&golden);
        print_message("skip: no %s\n", path);
        skip();
    }
    struct golden g = {.p = golden.data};
    struct doc_files f;
    char *paths[] = {"../shared/corpus/mixed10.jsonl"};
    struct doc_cfg cfg = {0};
    rules_preset(&g.rules, preset);
    g.rules.words = words;
    g.quiet = share < 1;
    assert_int_equal(doc_files_find(&f, paths, 1, DOC_AUTO, &e), 0);
    struct doc_reader *r = doc_reader_open(&f, &cfg, &e);
    struct doc_block b = {0};
    struct doc_iter it = {0};
    while (*g.p && doc_reader_next(r, &b, &e) == 1) {
        struct doc d;
        doc_iter_start(&it, &cfg, &b);
        while (*g.p && doc_iter_next(&it, &d) == DOC_GOOD)
            compare(&g, &d);
    }
    print_message("%s: %d documents, %d differ\n", path_base(path), g.n, g.wrong);
    assert_true((double)g.wrong <= (1 - share) * g.n);
    assert_true(g.n >= 1000);
    rules_work_free(&g.work);
    doc_iter_free(&it);
    buf_free(&b.data);
    buf_free(&golden);
    doc_reader_close(r);
    doc_files_free(&f);
}

/* All of them word for word as datatrove cuts, almost all as Unicode does. */
static void agrees(const char *path, enum rules_preset preset)
{
    agrees_with(path, preset, WORDS_SPACY_EN, 1);
    agrees_with(path, preset, WORDS_UAX29, 0.99);
}

static void gopher_quality_agrees_with_datatrove(void **state)
{
    (void)state;
    agrees("../shared/golden/data/gopher_quality.jsonl", RULES_GOPHER);
}

static void gopher_repetition_agrees_with_datatrove(void **state)
{
    (void)state;
    agrees("../shared/golden/data/gopher_repetition.jsonl", RULES_REPETITION);
}

static void c4_agrees_with_datatrove(void **state)
{
    (void)state;
    agrees("../shared/golden/data/c4_quality.jsonl", RULES_C4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut_as_spacy_cuts_them),
        cmocka_unit_test(words_know_what_they_are),
        cmocka_unit_test(metrics_count_as_documented),
        cmocka_unit_test(limits_are_set_by_name),
        cmocka_unit_test(gopher_quality_agrees_with_datatrove),
        cmocka_unit_test(gopher_repetition_agrees_with_datatrove),
        cmocka_unit_test(c4_agrees_with_datatrove),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
