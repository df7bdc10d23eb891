/* The fast ways of the rules against the straightforward ones. */
#include "tests/unit/shard_fixture.h"

#include <math.h>

#include "core/base/mem.h"
#include "data/doc.h"
#include "data/rules_internal.h"
#include "data/text_masks.h"
#include "data/words_internal.h"
#include "data/words_uax29.h"

static uint64_t state64 = 88172645463325252u;
static uint32_t rnd(uint32_t n)
{
    state64 ^= state64 << 13;
    state64 ^= state64 >> 7;
    state64 ^= state64 << 17;
    return (uint32_t)(state64 >> 32) % n;
}

/* Text that meets the corners: marks, runs of letters of other scripts, white
 * space of all kinds, words that repeat, lines that repeat. */
static size_t random_text(char *s, size_t room)
{
    static const char *const parts[] = {
        " ", " ", " ", " ", "\n", "\n", "\n\n", "\t", "  ", ". ", ", ", ".", ",", "...", ". . .", "-", "--", "/", ":", "'", "\"",
        "(", ")", "[12]", "_", "%", "$", "+", "=", "{", "#", "1", "23", "4.5", "the", "of", "and", "be", "to", "word", "Word",
        "U.S.", "A", "xyz", "don't", "'s", "'ll", "Mr.", "p.", "e.g.", "Inc", "Calif.", "n't", "’t", "’re", "__", "a-b@c.de", "foo.Bar", "64-bit", "b~c", "---", "~", "n", "e\u0301", "é", "ß", "×", "ÿ", "ж", "Щука", "\u0483", "日本", "。", "…", "—", "“", "”", "’", "‘", "don’t", "“It", "us.”", "l’été’s", "rock’n’roll,’", "x’1", "\u00a0", "\u2003",
        "\u2028", "\xc2\x85", "😀", "👩‍👧", "•", "- ", "javascript", "items in cart", "Sign-in", "read more...", "3 likes\n", "MENU\n", "lorem ipsum", "privacy policy", "ing", "!", "?", "\u0300", "\u200d",
        "This is a line of five words.", "Another line, that repeats.\n", "http://a.b/c-d", "x@y.z", "std::string", "f(x)"};
    size_t n = 0, want = rnd(4) ? rnd(300) : rnd((uint32_t)room - 64);
    while (n < want) {
        const char *p = parts[rnd(COUNT_OF(parts))];
        memcpy(s + n, p, strlen(p));
        n += strlen(p);
    }
    return n;
}

static void same_words_of(const char *text, size_t n, bool tailored)
{
    static struct words a, b;
    static struct text_masks m[200];
    struct err e;
    assert_true(n / 64 + 2 < COUNT_OF(m));
    text_masks(text, n, m);
    m[(n + 63) / 64] = (struct text_masks){0};
    assert_int_equal(words_uax29_ref(&a, text, n, tailored, &e), 0);
    assert_int_equal(words_uax29_masked(&b, text, n, m, tailored, &e), 0);
    size_t k = 0;
    while (k < a.n && k < b.n && memcmp(&a.v[k], &b.v[k], sizeof *a.v) == 0)
        k++;
    if (k < a.n || k < b.n)
        fail_msg("word %zu of %zu, %zu: '%.*s', '%.*s' in\n%.*s", k, a.n, b.n,
                 k < a.n ? (int)a.v[k].len : 0, text + (k < a.n ? a.v[k].begin : 0),
                 k < b.n ? (int)b.v[k].len : 0, text + (k < b.n ? b.v[k].begin : 0), (int)n, text);
}

static void same_words(const char *text, size_t n)
{
    same_words_of(text, n, true);
    same_words_of(text, n, false);
}

static void words_by_masks_are_those_of_the_reference(void **state)
{
    (void)state;
    char text[8192];
    for (int round = 0; round < 4000; round++)
        same_words(text, random_text(text, sizeof text));
    for (size_t n = 0; n < 200; n++) { /* every border of a block */
        memset(text, 'a', n);
        same_words(text, n);
        if (n) text[n - 1] = '.';
        same_words(text, n);
        memset(text, ' ', n);
        same_words(text, n);
    }
}

static void runs_of_a_block_are_those_of_the_reference(void **state)
{
    (void)state;
    static struct word a[64 + WORDS_RUNS_MORE], b[64 + WORDS_RUNS_MORE];
    words_runs_fn *best = words_runs_best();
    for (int round = 0; round < 20000; round++) {
        uint64_t starts = 0, ends = 0, core = 0, letter = 0;
        unsigned at = rnd(3);
        while (at < 64) { /* words and marks, some of them side by side */
            unsigned len = rnd(4) ? 1 + rnd(round % 2 ? 3 : 12) : 1;
            bool mark = len == 1 && rnd(2);
            starts |= (uint64_t)1 << at;
            for (unsigned i = at; i < at + len && i < 64 && !mark; i++) {
                core |= (uint64_t)1 << i;
                if (rnd(3) == 0) letter |= (uint64_t)1 << i;
            }
            at += len;
            if (at < 64) ends |= (uint64_t)1 << at;
            if (!mark || rnd(2)) at += 1 + rnd(2);
        }
        size_t base = (size_t)rnd(1u << 26) * 64, n = words_runs_ref(a, base, starts, ends, core, letter);
        assert_int_equal(n, __builtin_popcountll(ends));
        assert_int_equal(best(b, base, starts, ends, core, letter), n);
        assert_memory_equal(a, b, n * sizeof *a);
    }
}

/* Marks and words of every length, at the end of the text too. */
static void words_are_counted_as_by_the_reference(void **state)
{
    (void)state;
    enum { MOST = 600 };
    static const char *const parts[] = {"the", "be", "of", "with", "that", "have", "and", "to", "The", "t", ",", "a1", "seven", "12345678", "ninechars",
                                        "sixteen_sixteen_", "seventeen_or_more_letters"};
    static char text[16 * 1024];
    static struct word v[MOST];
    uint64_t ha[MOST + GRAMS_BEHIND] = {0}, hb[MOST + GRAMS_BEHIND] = {0};
    uint32_t ca[MOST + GRAMS_BEHIND] = {0}, cb[MOST + GRAMS_BEHIND] = {0};
    for (int round = 0; round < 500; round++) {
        struct words w = {.v = v};
        size_t n = 0, want = rnd(MOST);
        while (w.n < want) {
            const char *p = parts[rnd(COUNT_OF(parts))];
            uint32_t len = (uint32_t)strlen(p);
            memcpy(text + n, p, len);
            v[w.n++] = (struct word){(uint32_t)n, len, rnd(2) ? len : len / 2 + 1, rnd(8)};
            n += len;
            if (rnd(3)) text[n++] = ' ';
        }
        struct word_counts a = {0}, b = {0};
        char *tight = mem_alloc(n + 1, 1); /* nothing behind it may be read */
        memcpy(tight, text, n);
        assert_int_equal(rules_count_words_ref(&w, 0, text, n, ha, ca, &a), w.n);
        rules_count_words(&w, tight, n, hb, cb, &b);
        free(tight);
        assert_memory_equal(&a, &b, sizeof a);
        assert_memory_equal(ha, hb, w.n * 8);
        assert_memory_equal(ca, cb, w.n * 4);
        if (a.words > 100) assert_true(a.stops > 0);
#if defined(__x86_64__)
        if (text_bytes_best() != text_bytes_avx512) continue;
        static struct gram_steps x, y;
        unsigned s = 52 + rnd(7), t = 40 + rnd(19);
        rules_gram_steps_ref(ha, ca, s, t, &x);
        rules_gram_steps_avx512(ha, ca, s, t, &y);
        assert_memory_equal(&x, &y, sizeof x);
        size_t sixteens = w.n / 16 * 16;
        assert_int_equal(rules_most_ref(ca, sixteens), rules_most_avx512(ca, sixteens));
#endif
    }
}

static void kernels_agree_on_all_bytes(void **state)
{
    (void)state;
    char s[640];
    struct text_bytes a[10], b[10];
    text_bytes_fn *const fn[] = {
#if defined(__x86_64__)
        text_bytes_avx2, text_bytes_avx512,
#endif
        text_bytes_ref};
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof s; i++)
            s[i] = (char)(round ? rnd(256) : i % 256);
        text_bytes_ref(s, 10, a);
        for (size_t k = 0; k < COUNT_OF(fn); k++) {
#if defined(__x86_64__)
            if (k == 0 && !__builtin_cpu_supports("avx2")) continue;
            if (k == 1 && !__builtin_cpu_supports("avx512bw")) continue;
#endif
            fn[k](s, 10, b);
            assert_memory_equal(a, b, sizeof a);
        }
    }
    for (size_t n = 0; n < 200; n++)
        assert_int_equal(rules_chars(s + n % 7, n), rules_chars_ref(s + n % 7, n));
}

static void phrases_are_found_wherever_they_stand(void **state)
{
    (void)state;
    char s[640];
    text_phrases_fn *const fn[] = {text_phrases_ref, text_phrases_best(),
#if defined(__x86_64__)
                                   __builtin_cpu_supports("avx2") ? text_phrases_avx2 : text_phrases_ref
#endif
    };
    static const char *const found[] = {"Lorem IPSUM", "JavaScript", "policy", "COOKIES", "Terms of Use"};
    for (size_t k = 0; k < COUNT_OF(fn); k++)
        for (size_t at = 0; at < 150; at++)
            for (size_t p = 0; p < COUNT_OF(found); p++) {
                memset(s, 'p', sizeof s);
                assert_false(fn[k](s, 200));
                memcpy(s + at, found[p], strlen(found[p]));
                assert_true(fn[k](s, at + strlen(found[p])));
                assert_false(fn[k](s, at + strlen(found[p]) - 1));
            }
}

static struct rules_work fast, plain;
static struct rules_cfg cfg;

static void same_judgement(const char *text, size_t n, const char *where)
{
    const char *a, *b;
    size_t an, bn;
    struct rule_set fa, fb;
    struct err e;
    cfg.plain = false;
    if (rules_judge(&cfg, &fast, text, n, &a, &an, &fa, &e)) fail_msg("%s", e.msg);
    cfg.plain = true;
    if (rules_judge(&cfg, &plain, text, n, &b, &bn, &fb, &e)) fail_msg("%s", e.msg);
    for (int m = 0; m < METRIC_N; m++)
        if (memcmp(&fast.m[m], &plain.m[m], sizeof(double)) != 0 &&
            !(isnan(fast.m[m]) && isnan(plain.m[m])))
            fail_msg("%s: %s is %.17g, want %.17g in\n%.*s", where, rules_metric_names[m], fast.m[m],
                     plain.m[m], (int)(n < 2000 ? n : 2000), text);
    assert_memory_equal(&fa, &fb, sizeof fa);
    if (an != bn || (an && memcmp(a, b, an) != 0))
        fail_msg("%s: another text:\n%.*s\n----\n%.*s", where, (int)an, a, (int)bn, b);
    assert_int_equal(fast.n_cuts, plain.n_cuts);
    for (size_t i = 0; i < fast.n_cuts; i++) {
        assert_int_equal(fast.cut[i].begin, plain.cut[i].begin);
        assert_int_equal(fast.cut[i].end, plain.cut[i].end);
        assert_int_equal(fast.cut[i].rule, plain.cut[i].rule);
    }
    assert_memory_equal(fast.lines_removed, plain.lines_removed, sizeof fast.lines_removed);
}

/* The quick way may tell another reason and other values, but no other verdict. */
static void same_verdict(const char *text, size_t n, const char *where)
{
    static struct rules_work quick, whole;
    const char *a, *b;
    size_t an, bn;
    struct rule_set fa, fb;
    struct err e;
    bool all = cfg.all;
    cfg.plain = cfg.all = false;
    cfg.quick = true;
    if (rules_judge(&cfg, &quick, text, n, &a, &an, &fa, &e)) fail_msg("%s", e.msg);
    cfg.quick = false;
    if (rules_judge(&cfg, &whole, text, n, &b, &bn, &fb, &e)) fail_msg("%s", e.msg);
    cfg.all = all;
    if (rule_set_any(&fa) != rule_set_any(&fb))
        fail_msg("%s: the quick way %s\n%.*s", where, rule_set_any(&fa) ? "removes" : "keeps",
                 (int)(n < 2000 ? n : 2000), text);
    if (rule_set_any(&fa)) return;
    if (an != bn || (an && memcmp(a, b, an) != 0))
        fail_msg("%s: another text:\n%.*s\n----\n%.*s", where, (int)an, a, (int)bn, b);
}

static void judgements_are_those_of_the_plain_way(void **state)
{
    (void)state;
    char text[8192];
    for (int round = 0; round < 3000; round++) {
        rules_preset(&cfg, (enum rules_preset)(1 + round % 7));
        if (round % 11 == 0) cfg.dialect = RULES_DOLMA;
        cfg.all = round % 3 == 0;
        if (round % 5 == 0) cfg.on[RULE_LINE_PUNCTUATION] = true;
        size_t n = random_text(text, sizeof text);
        same_judgement(text, n, "random");
        if (round % 2) { /* so that some stay */
            cfg.limit[RULE_MIN_WORDS] = 3;
            cfg.limit[RULE_ALPHA] = 0.3;
            cfg.limit[RULE_STOP_WORDS] = 1;
            for (int r = RULE_TOP_2; r <= RULE_DUP_10; r++)
                cfg.limit[r] = 0.01 * (double)rnd(60);
        }
        same_verdict(text, n, "random");
    }
}

static void judgements_of_real_text_are_those_of_the_plain_way(void **state)
{
    (void)state;
    static const char path[] = "../shared/corpus/mixed10.jsonl";
    if (!file_exists(path)) {
        print_message("skip: no %s\n", path);
        skip();
    }
    struct doc_files f;
    char *paths[] = {(char *)path};
    struct doc_cfg docs = {0};
    struct err e;
    assert_int_equal(doc_files_find(&f, paths, 1, DOC_AUTO, &e), 0);
    struct doc_reader *r = doc_reader_open(&f, &docs, &e);
    struct doc_block b = {0};
    struct doc_iter it = {0};
    int n = 0;
    while (doc_reader_next(r, &b, &e) == 1) {
        struct doc d;
        doc_iter_start(&it, &docs, &b);
        while (doc_iter_next(&it, &d) == DOC_GOOD) {
            char id[128];
            if (n++ % 4) continue;
            snprintf(id, sizeof id, "%.*s", (int)d.id_len, d.id);
            rules_preset(&cfg, n % 3 ? RULES_FINEWEB : RULES_DCLM);
            if (n % 5 == 0) cfg.dialect = RULES_DOLMA;
            cfg.all = n % 8 == 1;
            same_judgement(d.text, d.text_len, id);
            same_verdict(d.text, d.text_len, id);
        }
    }
    assert_true(n > 1000);
    doc_iter_free(&it);
    buf_free(&b.data);
    doc_reader_close(r);
    doc_files_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_a_block_are_those_of_the_reference),
        cmocka_unit_test(words_are_counted_as_by_the_reference),
        cmocka_unit_test(kernels_agree_on_all_bytes),
        cmocka_unit_test(phrases_are_found_wherever_they_stand),
        cmocka_unit_test(words_by_masks_are_those_of_the_reference),
        cmocka_unit_test(judgements_are_those_of_the_plain_way),
        cmocka_unit_test(judgements_of_real_text_are_those_of_the_plain_way),
    };
    return cmocka_run_group_tests_name("rules_fast", tests, NULL, NULL);
}
