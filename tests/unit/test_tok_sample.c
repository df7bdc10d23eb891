/* Encoding at random: how often each way comes, against probabilities that are counted out; scripts/check-sampling.py
 * does the same with other programs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/mem.h"
#include "core/token/spm_model.h"
#include "core/token/tok_files.h"
#include "core/token/tok_sample.h"
#include "core/token/unigram_nbest.h"

enum { DRAWS = 40000, WAYS = 256 };

/* Ways, as their tokens with spaces between them, and how likely they are. */
struct ways {
    struct { char text[64]; double p; size_t seen; } v[WAYS];
    size_t n;
};

static size_t way(struct ways *w, const char *text)
{
    size_t i = 0;
    while (i < w->n && strcmp(w->v[i].text, text) != 0) i++;
    assert_in_range(i, 0, WAYS - 1);
    if (i == w->n) snprintf(w->v[w->n++].text, sizeof w->v[0].text, "%s", text);
    return i;
}

static void add_token(char text[64], const char *token, size_t len)
{
    size_t n = strlen(text);
    snprintf(text + n, 64 - n, "%s%.*s", n ? " " : "", (int)len, token);
}

/* ---- what merging with dropout comes to, counted out ---- */

static const int *level; /* of each merge: the least is the first to be made */

/* For SentencePiece, which leaves pairs out for good, any two parts make the token. */
static const char *const merges[][2] = {{"a", "b"}, {"b", "c"}, {"ab", "c"}, {"c", "a"}, {"bc", "a"}, {"abc", "ab"}};

static int rank_of(const char *a, const char *b, bool any_parts)
{
    char both[32], want[32];
    snprintf(both, sizeof both, "%s%s", a, b);
    for (size_t i = 0; i < COUNT_OF(merges); i++) {
        snprintf(want, sizeof want, "%s%s", merges[i][0], merges[i][1]);
        if (strcmp(want, both) == 0 && (any_parts || strcmp(merges[i][0], a) == 0)) return (int)i;
    }
    return -1;
}

struct state {
    char sym[8][16]; /* "" = gone */
    struct { int rank, at; bool out; } pair[24];
    size_t n, n_pairs;
    bool for_good;
};

static size_t after(const struct state *s, size_t i)
{
    for (i++; i < s->n && !s->sym[i][0];) i++;
    return i;
}

static void add_pair(struct state *s, size_t i)
{
    size_t k = after(s, i);
    int rank = k < s->n ? rank_of(s->sym[i], s->sym[k], s->for_good) : -1;
    if (rank < 0) return;
    assert_in_range(s->n_pairs, 0, COUNT_OF(s->pair) - 1);
    s->pair[s->n_pairs].rank = rank;
    s->pair[s->n_pairs].at = (int)i;
    s->pair[s->n_pairs++].out = false;
}

static void merge(struct state *s, size_t i)
{
    char both[32];
    size_t k = after(s, i), before = i;
    snprintf(both, sizeof both, "%s%s", s->sym[i], s->sym[k]);
    memcpy(s->sym[i], both, sizeof s->sym[i]);
    s->sym[k][0] = '\0';
    while (before && !s->sym[--before][0]) {}
    if (before < i) add_pair(s, before);
    add_pair(s, i);
}

static void count_out(struct state s, double drop, double p, struct ways *w)
{
    size_t best = s.n_pairs;
    for (size_t i = 0; i < s.n_pairs; i++)
        if (!s.pair[i].out && (best == s.n_pairs || level[s.pair[i].rank] < level[s.pair[best].rank] ||
                               (level[s.pair[i].rank] == level[s.pair[best].rank] && s.pair[i].at < s.pair[best].at)))
            best = i;
    if (best == s.n_pairs) {
        char text[64] = "";
        for (size_t i = 0; i < s.n; i++)
            if (s.sym[i][0]) add_token(text, s.sym[i], strlen(s.sym[i]));
        size_t i = way(w, text);
        w->v[i].p += p;
        return;
    }
    size_t at = (size_t)s.pair[best].at, k = after(&s, at);
    bool stale = !s.sym[at][0] || k == s.n || rank_of(s.sym[at], s.sym[k], s.for_good) != s.pair[best].rank;
    struct state dropped = s;
    if (s.for_good) dropped.pair[best] = dropped.pair[--dropped.n_pairs];
    else dropped.pair[best].out = true;
    if (!stale || !s.for_good) count_out(dropped, drop, p * drop, w);
    s.pair[best] = s.pair[--s.n_pairs];
    for (size_t i = 0; i < s.n_pairs; i++) s.pair[i].out = false;
    if (!stale) merge(&s, at);
    count_out(s, drop, stale && s.for_good ? p : p * (1 - drop), w);
}

static void count_word(const char *word, bool for_good, double drop, struct ways *w)
{
    struct state s = {.n = strlen(word), .for_good = for_good};
    for (size_t i = 0; i < s.n; i++) s.sym[i][0] = word[i];
    for (size_t i = 0; i < s.n; i++) add_pair(&s, i);
    count_out(s, drop, 1, w);
}

/* ---- drawing ---- */

static void encode(const struct tokenizer *t, struct tok_scratch *s, const char *text, char out[64])
{
    struct err e = {0};
    struct tok_ids ids = {0};
    assert_int_equal(tok_encode(t, s, text, strlen(text), 0, &ids, &e), 0);
    *out = '\0';
    for (size_t i = 0; i < ids.n; i++) {
        size_t n;
        const char *token = tok_spelling(t, ids.id[i], &n);
        add_token(out, token, n);
    }
    tok_ids_free(&ids);
}

/* Chi-square with n - 1 degrees of freedom; five standard deviations are enough for a fixed seed. */
static void agrees(const struct tokenizer *t, const struct tok_sampling *o, const char *text, struct ways *w)
{
    struct err e = {0};
    struct tok_scratch *s = tok_scratch_new(t, &e);
    double chi = 0, all = 0;
    char got[64];
    assert_non_null(s);
    tok_sample(s, o);
    for (uint64_t i = 0; i < DRAWS; i++) {
        tok_sample_at(s, (uint32_t)(i & 1), i << 20);
        encode(t, s, text, got);
        size_t k = 0;
        while (k < w->n && strcmp(w->v[k].text, got) != 0) k++;
        if (k == w->n) fail_msg("'%s' is no way", got);
        w->v[k].seen++;
    }
    for (size_t i = 0; i < w->n; i++) {
        double want = w->v[i].p * DRAWS;
        chi += want > 0 ? ((double)w->v[i].seen - want) * ((double)w->v[i].seen - want) / want : 0;
        all += w->v[i].p;
    }
    assert_float_equal(all, 1, 1e-9);
    double free_ways = (double)(w->n - 1);
    if (chi > free_ways + 5 * sqrt(2 * free_ways)) fail_msg("'%s': chi-square %g of %g", text, chi, free_ways);
    tok_scratch_free(s);
}

static struct tokenizer *hf_bpe(void)
{
    struct err e = {0};
    const char json[] = "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[],\"normalizer\":null,"
                        "\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"post_processor\":null,\"decoder\":null,\"model\":{"
                        "\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,\"continuing_subword_prefix\":null,"
                        "\"end_of_word_suffix\":null,\"fuse_unk\":false,\"byte_fallback\":false,\"ignore_merges\":true,"
                        "\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"bc\":4,\"abc\":5,\"ca\":6,\"bca\":7,\"abcab\":8},"
                        "\"merges\":[[\"a\",\"b\"],[\"b\",\"c\"],[\"ab\",\"c\"],[\"c\",\"a\"],[\"bc\",\"a\"],[\"abc\",\"ab\"]]}}";
    struct tokenizer *t = tok_parse(json, sizeof json - 1, "t.json", &e);
    if (!t) fail_msg("%s", e.msg);
    return t;
}

struct piece { const char *text; float score; enum spm_type type; };

static struct tokenizer *spm(enum spm_kind kind, const struct piece *piece, size_t n)
{
    struct err e = {0};
    struct spm_model m;
    struct buf bytes = {0};
    spm_model_init(&m);
    m.kind = kind;
    m.add_dummy_prefix = m.remove_extra_whitespaces = false;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(spm_model_add(&m, piece[i].text, strlen(piece[i].text), piece[i].score, piece[i].type, &e), 0);
    assert_int_equal(spm_model_write(&m, &bytes, &e), 0);
    struct tokenizer *t = tok_from_spm(bytes.data, bytes.len, "t.model", &e);
    if (!t) fail_msg("%s", e.msg);
    spm_model_free(&m);
    buf_free(&bytes);
    return t;
}

static const int one_by_one[] = {0, 1, 2, 3, 4, 5}, ties[] = {2, 1, 2, 3, 3, 4};

static void pairs_are_left_out_as_in_hf(void **state)
{
    (void)state;
    level = one_by_one;
    struct tokenizer *t = hf_bpe();
    static const double p[] = {0.05, 0.4, 0.8};
    for (size_t i = 0; i < COUNT_OF(p); i++) {
        struct ways w = {.n = 0};
        struct tok_sampling o = {.dropout = p[i], .seed = 7};
        count_word("ababcab", false, p[i], &w);
        agrees(t, &o, "ababcab", &w);
    }
    tok_free(t);
}

/* unused: with such a piece merging goes another way. */
static void leaves_out_as_sentencepiece(const int *levels, bool unused)
{
    struct piece piece[] = {
        {"<unk>", 0, SPM_UNKNOWN}, {"ab", 0, SPM_NORMAL}, {"bc", 0, SPM_NORMAL}, {"abc", 0, SPM_NORMAL}, {"ca", 0, SPM_NORMAL},
        {"bca", 0, SPM_NORMAL}, {"abcab", 0, SPM_NORMAL}, {"a", -7, SPM_NORMAL}, {"b", -8, SPM_NORMAL}, {"c", -9, SPM_NORMAL},
        {"x", -10, SPM_UNUSED}};
    static const double p[] = {0.05, 0.4, 0.8};
    for (size_t i = 0; i < COUNT_OF(merges); i++) piece[i + 1].score = (float)-levels[i];
    struct tokenizer *t = spm(SPM_BPE, piece, COUNT_OF(piece) - !unused);
    level = levels;
    for (size_t i = 0; i < COUNT_OF(p); i++) {
        struct ways w = {.n = 0};
        struct tok_sampling o = {.dropout = p[i], .seed = 8};
        count_word("ababcab", true, p[i], &w);
        agrees(t, &o, "ababcab", &w);
    }
    tok_free(t);
}

static void pairs_are_left_out_as_in_sentencepiece(void **state)
{
    (void)state;
    leaves_out_as_sentencepiece(one_by_one, false);
    leaves_out_as_sentencepiece(one_by_one, true);
    leaves_out_as_sentencepiece(ties, false);
    leaves_out_as_sentencepiece(ties, true);
}

static void unigram_draws_by_probability(void **state)
{
    (void)state;
    static const struct piece piece[] = {
        {"<unk>", 0, SPM_UNKNOWN}, {"a", -1, SPM_NORMAL}, {"b", -1.5f, SPM_NORMAL}, {"ab", -2, SPM_NORMAL}, {"ba", -2.2f, SPM_NORMAL},
        {"aab", -3, SPM_NORMAL}, {"bab", -2.9f, SPM_NORMAL}};
    static const struct tok_sampling how[] = {{.alpha = 1, .seed = 3}, {.alpha = 0.2, .seed = 4}, {.alpha = 0.5, .nbest = 5, .seed = 5}};
    struct tokenizer *t = spm(SPM_UNIGRAM, piece, COUNT_OF(piece));
    for (size_t i = 0; i < COUNT_OF(how); i++) {
        struct ways w = {.n = 0};
        struct nbest all = {0};
        struct err e = {0};
        double sum = 0;
        assert_int_equal(unigram_nbest(t, (const uint8_t *)"aababab", 7, how[i].nbest ? how[i].nbest : WAYS, &all, &e), 0);
        for (size_t k = 0; k < all.n; k++) sum += exp(how[i].alpha * all.way[k].sum);
        for (size_t k = 0; k < all.n; k++) {
            char text[64] = "";
            for (size_t j = 0; j < all.way[k].n; j++) {
                const char *token = piece[all.ids.id[all.way[k].first + j]].text;
                add_token(text, token, strlen(token));
            }
            size_t at = way(&w, text);
            w.v[at].p = exp(how[i].alpha * all.way[k].sum) / sum;
        }
        assert_true(w.n > 4);
        agrees(t, &how[i], "aababab", &w);
        nbest_free(&all);
    }
    tok_free(t);
}

static void nothing_and_all_left_out(void **state)
{
    (void)state;
    struct tokenizer *t = hf_bpe();
    struct err e = {0};
    char got[64];
    static const struct { double p; const char *want; } of[] = {{0, "ab abcab"}, {1, "a b a b c a b"}};
    for (size_t i = 0; i < COUNT_OF(of); i++) {
        struct tok_scratch *s = tok_scratch_new(t, &e);
        struct tok_sampling o = {.dropout = of[i].p};
        tok_sample(s, &o);
        encode(t, s, "ababcab", got);
        assert_string_equal(got, of[i].want);
        tok_scratch_free(s);
    }
    tok_free(t);
}

/* The same tokens with spans as without, and what they span is theirs. */
static void spans_are_those_of_the_tokens(void **state)
{
    (void)state;
    struct tokenizer *t = hf_bpe();
    struct err e = {0};
    struct tok_scratch *s = tok_scratch_new(t, &e);
    struct tok_sampling o = {.dropout = 0.5, .seed = 1};
    const char *text = "abcab cab ababcab";
    tok_sample(s, &o);
    for (uint64_t i = 0; i < 50; i++) {
        struct tok_ids plain = {0}, spans = {.want_spans = true};
        tok_sample_at(s, 0, i);
        assert_int_equal(tok_encode(t, s, text, strlen(text), 0, &plain, &e), 0);
        tok_sample_at(s, 0, i);
        assert_int_equal(tok_encode(t, s, text, strlen(text), 0, &spans, &e), 0);
        assert_int_equal(plain.n, spans.n);
        assert_memory_equal(plain.id, spans.id, plain.n * sizeof *plain.id);
        for (size_t k = 0; k < spans.n; k++) {
            size_t n;
            const char *token = tok_spelling(t, spans.id[k], &n);
            assert_int_equal(spans.span[k].end - spans.span[k].begin, n);
            assert_memory_equal(text + spans.span[k].begin, token, n);
        }
        tok_ids_free(&plain);
        tok_ids_free(&spans);
    }
    tok_scratch_free(s);
    tok_free(t);
}

/* The same text at the same place twice, and at others. */
static void draws_follow_from_seed_and_place(void **state)
{
    (void)state;
    static const struct { uint64_t seed, offset; uint32_t file; } at[] = {
        {1, 0, 0}, {1, 0, 0}, {2, 0, 0}, {1, 1, 0}, {1, 0, 1}, {1, 1ULL << 40, 0}, {1ULL << 40, 0, 0}};
    struct tokenizer *t = hf_bpe();
    struct err e = {0};
    struct tok_ids first = {0};
    const char *text = "abcababcababcababcababcababcababcababcababcababcababcababcababcababcab";
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        struct tok_scratch *s = tok_scratch_new(t, &e);
        struct tok_sampling o = {.dropout = 0.5, .seed = at[i].seed};
        struct tok_ids ids = {0};
        tok_sample(s, &o);
        for (size_t k = 0; k < i; k++) assert_int_equal(tok_encode(t, s, text, 9, 0, &ids, &e), 0); /* what was before does not matter */
        ids.n = 0;
        tok_sample_at(s, at[i].file, at[i].offset);
        assert_int_equal(tok_encode(t, s, text, strlen(text), 0, i ? &ids : &first, &e), 0);
        bool same = ids.n == first.n && memcmp(ids.id, first.id, ids.n * sizeof *ids.id) == 0;
        if (i) assert_int_equal(same, i == 1);
        tok_ids_free(&ids);
        tok_scratch_free(s);
    }
    tok_ids_free(&first);
    tok_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_left_out_as_in_hf),
        cmocka_unit_test(pairs_are_left_out_as_in_sentencepiece),
        cmocka_unit_test(unigram_draws_by_probability),
        cmocka_unit_test(nothing_and_all_left_out),
        cmocka_unit_test(spans_are_those_of_the_tokens),
        cmocka_unit_test(draws_follow_from_seed_and_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
