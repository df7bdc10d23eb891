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
        if (strcmp(got.data ? got.data : "", cases[i][1]) != 0)
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
    struct words w = {0};
    struct err e;
    double m[METRIC_N];
    assert_int_equal(words_split(&w, text, strlen(text), &e), 0);
    rules_metrics(text, strlen(text), &w, m);
    words_free(&w);
    return m[which];
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
}

static void limits_are_set_by_name(void **state)
{
    (void)state;
    struct rules_cfg c;
    struct err e;
    rules_preset(&c, RULES_NONE);
    assert_false(rules_any(&c));
    assert_int_equal(rules_set(&c, "gopher.min_words=3", &e), 0);
    assert_true(c.on[RULE_MIN_WORDS] && c.limit[RULE_MIN_WORDS] == 3);
    assert_int_equal(rules_set(&c, "gopher.min_words=off", &e), 0);
    assert_false(rules_any(&c));
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

/* Decisions and reasons of datatrove on the first documents of mixed10.jsonl. */
static void gopher_quality_agrees_with_datatrove(void **state)
{
    (void)state;
    struct buf golden = {0};
    struct err e;
    if (!read_lines("../shared/golden/data/gopher_quality.jsonl", &golden)) {
        buf_free(&golden);
        print_message("skip: no ../shared/golden/data\n");
        skip();
    }
    struct doc_files f;
    char *paths[] = {"../shared/corpus/mixed10.jsonl"};
    struct doc_cfg cfg = {0};
    struct rules_cfg rules;
    rules_preset(&rules, RULES_GOPHER);
    assert_int_equal(doc_files_find(&f, paths, 1, DOC_AUTO, &e), 0);
    struct doc_reader *r = doc_reader_open(&f, &cfg, &e);
    struct doc_block b = {0};
    struct doc_iter it = {0};
    struct words w = {0};
    const char *p = golden.data;
    int n = 0, wrong = 0;
    while (*p && doc_reader_next(r, &b, &e) == 1) {
        struct doc d;
        doc_iter_start(&it, &cfg, &b);
        while (*p && doc_iter_next(&it, &d) == DOC_GOOD) {
            size_t len = strcspn(p, "\n");
            struct cJSON *j = json_parse(p, len, "golden", NULL, &e);
            assert_non_null(j);
            const struct cJSON *reason = json_member(j, "reason");
            double m[METRIC_N];
            assert_int_equal(words_split(&w, d.text, d.text_len, &e), 0);
            rules_metrics(d.text, d.text_len, &w, m);
            unsigned failed = rules_apply(&rules, m);
            const char *got = failed ? rules_table[__builtin_ctz(failed)].reason : NULL;
            const char *want = reason && reason->valuestring ? reason->valuestring : NULL;
            if (!got != !want || (got && strcmp(got, want) != 0)) {
                wrong++;
                print_message("%.*s: got %s, want %s\n", (int)d.id_len, d.id, got ? got : "kept",
                              want ? want : "kept");
            }
            json_free(j);
            p += len + (p[len] == '\n');
            n++;
        }
    }
    print_message("%d documents, %d differ\n", n, wrong);
    assert_int_equal(wrong, 0);
    assert_true(n >= 1000);
    words_free(&w);
    doc_iter_free(&it);
    buf_free(&b.data);
    buf_free(&golden);
    doc_reader_close(r);
    doc_files_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut_as_spacy_cuts_them),
        cmocka_unit_test(words_know_what_they_are),
        cmocka_unit_test(metrics_count_as_documented),
        cmocka_unit_test(limits_are_set_by_name),
        cmocka_unit_test(gopher_quality_agrees_with_datatrove),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
