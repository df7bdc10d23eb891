/* Unigram: ways to write a word that are nearly as good are decided as by the chains, whatever is remembered of words. */
#include "tests/unit/spm_util.h"
#include "tests/unit/tok_util.h"

#include <math.h>
#include <stdio.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/token/tok_fast.h"
#include "core/token/unigram.h"

/* A model of SentencePiece's kind, without rules and pieces. */
static void begin_unigram(struct spm_model *m)
{
    spm_model_init(m);
    m->kind = SPM_UNIGRAM;
    m->unk_id = 0, m->bos_id = m->eos_id = -1;
    m->add_dummy_prefix = m->remove_extra_whitespaces = m->escape_whitespaces = true;
    buf_clear(&m->charsmap);
}

enum { PAIRS = 24, SINGLE = 4 /* the first letter's id */ };

/* Pieces: U+2581, letters of 24 pairs, each pair in one piece whose score is what
 * its letters have together, more or less by 2^-(k/2) for pair k; but that of the last, whose letters have more: the
 * sum between them is farther from 0 than behind them.  sign: of all scores.  steps: '!' and '?' go far up and down. */
static struct tokenizer *near_ties(float score[SINGLE + 3 * PAIRS], float sign, bool steps)
{
    struct err e = {0};
    struct spm_model m;
    struct rng_key k = rng_key(6, RNG_TEST, 0, 0);
    memset(score, 0, (SINGLE + 3 * PAIRS) * sizeof *score);
    begin_unigram(&m);
    m.bos_id = 1, m.eos_id = 2;
    score[3] = sign * 3.3f;
    int bad = spm_model_add(&m, "<unk>", 5, 0, SPM_UNKNOWN, &e) || spm_model_add(&m, "<s>", 3, 0, SPM_CONTROL, &e) ||
              spm_model_add(&m, "</s>", 4, 0, SPM_CONTROL, &e) ||
              spm_model_add(&m, "\xe2\x96\x81", 3, score[3], SPM_NORMAL, &e);
    for (int i = 0; i < 2 * PAIRS; i++) {
        char letter = (char)('A' + i);
        score[SINGLE + i] = sign * (i < 2 * PAIRS - 2 ? 6 + 6 * rng_f32(&k, (uint64_t)i) : 40);
        bad = bad || spm_model_add(&m, &letter, 1, score[SINGLE + i], SPM_NORMAL, &e);
    }
    for (int i = 0; i < PAIRS; i++) {
        char pair[2] = {(char)('A' + 2 * i), (char)('A' + 2 * i + 1)};
        float x = score[SINGLE + 2 * i] + score[SINGLE + 2 * i + 1] + ldexpf(i % 3 ? 1 : -1, -i);
        if (i == PAIRS - 1) x = sign * 5;
        score[SINGLE + 2 * PAIRS + i] = x;
        bad = bad || spm_model_add(&m, pair, 2, x, SPM_NORMAL, &e);
    }
    if (steps) bad = bad || spm_model_add(&m, "!", 1, 4096, SPM_NORMAL, &e) || spm_model_add(&m, "?", 1, -4096, SPM_NORMAL, &e);
    if (bad) fail_msg("%s", e.msg);
    return tokenizer_of(&m);
}

/* What SentencePiece does with such words, where '#' is unknown, ids to out: single precision over the
 * whole text, from 0 again beyond 100000 or -100000, together with what has been reached. */
static size_t decide(const float *score, const char *text, size_t n, int32_t *out)
{
    float best[3] = {0, 0, 0}; /* here, one and two letters on */
    bool reached[3] = {true, false, false};
    int32_t *id = malloc((n + 2) * sizeof *id);
    size_t n_out = 0;
    char before = ' '; /* the text begins with a space */
    for (size_t at = 0; at <= n; at++) { /* the symbol that begins at `at` is `before` */
        char c = before, next = at < n ? text[at] : ' ';
        if (fabsf(best[0]) > 100000) {
            if (reached[1]) best[1] = (float)((double)best[1] - (double)best[0]);
            best[0] = 0;
        }
        int32_t one = c == ' ' ? 3 : c == '#' ? 0 : SINGLE + (c - 'A'), two = SINGLE + 2 * PAIRS + (c - 'A') / 2;
        float x = score[one] + best[0];
        if (!reached[1] || x > best[1]) {
            best[1] = x;
            id[at + 1] = one;
        }
        reached[1] = true;
        reached[2] = c != ' ' && (c - 'A') % 2 == 0 && next == c + 1;
        if (reached[2]) {
            best[2] = score[two] + best[0];
            id[at + 2 > n + 1 ? n + 1 : at + 2] = two;
        }
        best[0] = best[1];
        best[1] = best[2];
        reached[1] = reached[2];
        before = next;
    }
    for (size_t at = n + 1; at > 0; at -= id[at] >= SINGLE + 2 * PAIRS ? 2 : 1)
        if (id[at] || !n_out || out[n_out - 1]) out[n_out++] = id[at]; /* unknown ones are one */
    for (size_t i = 0; i < n_out / 2; i++) {
        int32_t swap = out[i];
        out[i] = out[n_out - 1 - i];
        out[n_out - 1 - i] = swap;
    }
    free(id);
    return n_out;
}

/* The score of an unknown character. */
static float unknown_score(const float *score)
{
    float least = score[3];
    for (int i = SINGLE; i < SINGLE + 3 * PAIRS; i++) least = score[i] < least ? score[i] : least;
    return least - 10;
}

/* 400,000 letters: the sum comes to 100000 or -100000 thirty times, and what it is rounded
 * to decides about every word now and then. */
static void decide_near_ties(float sign)
{
    enum { N = 800000, STRETCH = 12000 };
    float score[SINGLE + 3 * PAIRS];
    struct tokenizer *t = near_ties(score, sign, false);
    struct both both = both_new(t);
    struct rng_key k = rng_key(7, RNG_TEST, 0, 0);
    char *text = malloc(N);
    int32_t *want = malloc((N + 1) * sizeof *want);
    size_t n = 0, pairs[2] = {0, 0};
    score[0] = unknown_score(score);
    for (uint64_t at = 0; n + 18 < N; text[n++] = ' ') {
        bool steep = n / STRETCH % 3 == 2; /* sums fall many times as fast */
        for (int letters = 1 + (int)rng_below(&k, at++, 3); letters > 0; letters--) {
            char pair = (char)('A' + 2 * (steep && rng_below(&k, at++, 4) ? PAIRS - 1 : rng_below(&k, at++, PAIRS - !steep)));
            text[n++] = pair;
            text[n++] = (char)(pair + 1);
            if (steep && rng_below(&k, at++, 4) == 0) text[n++] = '#';
        }
        if (!steep) continue;
        for (int unknown = (int)rng_below(&k, at++, 50) - 43; unknown > 0; unknown--) text[n++] = '#';
        if (n + 120 > N || rng_below(&k, at++, 20)) continue;
        text[n++] = ' '; /* nothing else in a word, which may be longer than those that are looked up */
        if (rng_below(&k, at++, 2)) text[n++] = 'C'; /* but for its beginning */
        for (int unknown = 1 + (int)rng_below(&k, at++, 100); unknown > 0; unknown--) text[n++] = '#';
        if (rng_below(&k, at++, 2)) text[n++] = 'C'; /* or its end */
    }
    n--;
    assert_non_null(t->fast);
    assert_true(t->fast_carry);
    both_same(&both, text, n, 0);
    size_t n_want = decide(score, text, n, want);
    for (size_t i = 0; i < n_want && i < both.want.n; i++)
        if (both.want.id[i] != want[i]) fail_msg("token %zu: %d, not %d", i, (int)both.want.id[i], (int)want[i]);
    assert_int_equal(both.want.n, n_want);
    for (size_t i = 0; i < n_want; i++) pairs[want[i] >= SINGLE + 2 * PAIRS]++;
    assert_true(pairs[0] > N / 10 && pairs[1] > N / 10);
    both_free(&both);
    tok_free(t);
    free(text);
    free(want);
}

static void near_ties_are_decided_as_without_a_cache(void **state)
{
    (void)state;
    decide_near_ties(-1);
    decide_near_ties(1);
}

/* Where sums come beyond 100000 and back between two places at which they are looked at, they begin again there, too. */
static void sums_that_rise_and_fall_begin_again(void **state)
{
    (void)state;
    enum { N = 400000, TIES = 1500, STEPS = 26 };
    float score[SINGLE + 3 * PAIRS];
    struct tokenizer *t = near_ties(score, -1, true);
    struct both both = both_new(t);
    struct rng_key k = rng_key(12, RNG_TEST, 0, 0);
    char *text = malloc(N);
    size_t n = 0;
    for (uint64_t at = 0; n + 2 * (2 * STEPS) + 3 * TIES < N;) {
        for (int i = 0; i < TIES; i++) {
            char pair = (char)('A' + 2 * rng_below(&k, at++, PAIRS - 1));
            memcpy(text + n, (char[]){pair, (char)(pair + 1), ' '}, 3);
            n += 3;
        }
        for (int i = 0; i < 2 * STEPS; i++) memcpy(text + n + 2 * i, i < STEPS ? "! " : "? ", 2);
        n += 2 * (2 * STEPS);
    }
    assert_true(t->fast_carry);
    both_same(&both, text, n - 1, 0);
    both_free(&both);
    tok_free(t);
    free(text);
}

/* Pieces whose characters are no pieces, among unknown ones, in words short and long. */
static void characters_that_are_no_pieces_are_walked(void **state)
{
    (void)state;
    static const char *const pieces[] = {"\xe2\x96\x81", "a", "b", "xy", "axb", "\xd0\xb9\xd0\xb6", "\xe2\x96\x81x", "a\xd0\xb6", "ab"};
    static const char *const parts[] = {"a", "b", "x", "y", "xy", "\xd0\xb9", "\xd0\xb6", "q", "\xe4\xb8\xad",
                                        "\xe3\x80\x82", "\xef\xbc\x81", "\xe3\x80\x80", " ", "\xc2\xad", "\n"};
    enum { N = 30000, AB = COUNT_OF(pieces) - 1 /* as good as its letters, but for what is rounded */ };
    struct err e = {0};
    struct spm_model m;
    struct rng_key k = rng_key(8, RNG_TEST, 0, 0);
    begin_unigram(&m);
    m.bos_id = 1, m.eos_id = 2;
    int bad = spm_model_add(&m, "<unk>", 5, 0, SPM_UNKNOWN, &e);
    for (size_t i = 0; i < COUNT_OF(pieces); i++)
        bad = bad || spm_model_add(&m, pieces[i], strlen(pieces[i]), i < AB ? -2 - 0.37f * (float)i : -5.11f, SPM_NORMAL, &e);
    if (bad) fail_msg("%s", e.msg);
    struct tokenizer *t = tokenizer_of(&m);
    assert_true(t->fast_carry && t->fast->walk && t->fast->walk->n_symbols == 8); /* 3 pieces, the unknown ones, 4 in pieces */
    char *text = malloc(N);
    uint64_t at = 0;
    for (uint32_t spaces = 0; spaces < 40; spaces++) {
        size_t n = 0;
        while (n + 8 < N) {
            const char *p = parts[rng_below(&k, at++, spaces % 8 ? COUNT_OF(parts) : COUNT_OF(parts) - 2)];
            if (*p == ' ' && spaces > 20 && rng_below(&k, at++, 20)) continue;
            memcpy(text + n, p, strlen(p));
            n += strlen(p);
        }
        struct both both = both_new(t);
        both_same(&both, text, n, 0);
        both_free(&both);
    }
    free(text);
    tok_free(t);
}

/* Three ways to the end of a word, the last of them far behind: how near the
 * other two are must not be forgotten. */
static void the_nearest_of_three_ways_counts(void **state)
{
    (void)state;
    enum { N = 120000 };
    struct err e = {0};
    struct spm_model m;
    struct rng_key k = rng_key(8, RNG_TEST, 0, 0);
    begin_unigram(&m);
    int bad = spm_model_add(&m, "<unk>", 5, 0, SPM_UNKNOWN, &e) || spm_model_add(&m, "\xe2\x96\x81", 3, -3.3f, SPM_NORMAL, &e);
    for (int i = 0; i < PAIRS; i++) {
        char word[] = {'\xe2', '\x96', '\x81', (char)('A' + 2 * i), (char)('A' + 2 * i + 1)};
        float pair = -8 - 4 * rng_f32(&k, (uint64_t)i), whole = pair - 3.3f + ldexpf(i % 3 ? 1 : -1, -i);
        bad = bad || spm_model_add(&m, word + 3, 1, -11, SPM_NORMAL, &e) || spm_model_add(&m, word + 4, 1, -12, SPM_NORMAL, &e) ||
              spm_model_add(&m, word + 3, 2, pair, SPM_NORMAL, &e) || spm_model_add(&m, word, 5, whole, SPM_NORMAL, &e);
    }
    if (bad) fail_msg("%s", e.msg);
    struct tokenizer *t = tokenizer_of(&m);
    struct both both = both_new(t);
    char *text = malloc(N);
    for (size_t n = 0; n < N; n += 3) {
        char first = (char)('A' + 2 * rng_below(&k, PAIRS + n, PAIRS));
        memcpy(text + n, (char[]){first, (char)(first + 1), ' '}, 3);
    }
    assert_true(t->fast_carry);
    both_same(&both, text, N - 1, 0);
    both_free(&both);
    tok_free(t);
    free(text);
}

/* Words with sums from 0, cut where no token is: pair k is better together, or apart, by about
 * 2^-(25 + k), so that what a word came to before decides about many of them. */
static struct tokenizer *near_ties_by_words(void)
{
    struct err e = {0};
    struct buf json = {0};
    struct rng_key k = rng_key(9, RNG_TEST, 0, 0);
    buf_adds(&json, "{\"added_tokens\":[{\"id\":0,\"content\":\"<unk>\",\"normalized\":false,\"special\":true}],"
                    "\"normalizer\":{\"type\":\"NFKC\"},\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\u2581\","
                    "\"prepend_scheme\":\"always\",\"split\":true},\"model\":{\"type\":\"Unigram\",\"unk_id\":0,"
                    "\"vocab\":[[\"<unk>\",0],[\"\u2581\",-4],[\"\u00e9\",-7]");
    for (int i = 0; i < PAIRS; i++) {
        double a = -6 - 6 * (double)rng_f32(&k, (uint64_t)(2 * i)), b = -6 - 6 * (double)rng_f32(&k, (uint64_t)(2 * i + 1)) / 3;
        char first = (char)('A' + 2 * i), second = (char)(first + 1);
        if (first == '\\' || second == '\\') continue;
        buf_printf(&json, ",[\"%c\",%.17g],[\"%c\",%.17g],[\"%c%c\",%.17g]", first, a, second, b, first, second,
                   a + b + ldexp(i % 3 ? 1 : -1, -25 - i));
    }
    buf_adds(&json, "]}}");
    struct tokenizer *t = tok_parse(json.data, json.len, "ties.json", &e);
    if (!t) fail_msg("%s", e.msg);
    buf_free(&json);
    assert_true(t->fast && t->fast->inside);
    return t;
}

static void near_ties_inside_of_words_are_decided_as_by_the_chains(void **state)
{
    (void)state;
    enum { N = 100000 };
    struct tokenizer *t = near_ties_by_words();
    struct both both = both_new(t);
    struct rng_key k = rng_key(10, RNG_TEST, 0, 0);
    char *text = malloc(N);
    size_t n = 0;
    for (uint64_t at = 0; n + 12 < N;) {
        char pair = (char)('A' + 2 * rng_below(&k, at++, PAIRS));
        bool broken = rng_below(&k, at++, 40) == 0, last = rng_below(&k, at++, 60) == 0;
        if (pair == '[' || pair == ']') continue; /* beside the backslash, which no token has */
        text[n++] = pair;
        text[n++] = (char)(pair + 1);
        if (broken) n += (size_t)snprintf(text + n, 4, "e\u0301"); /* goes through the chains */
        if (last && n < N / 2) n += (size_t)snprintf(text + n, 4, at % 2 ? " " : "  "); /* then one long word */
    }
    both_same(&both, text, n, 0);
    both_free(&both);
    tok_free(t);
    free(text);
}

/* Sums of n scores, one after the other. */
static float sum_from(float sum, const float *score, size_t n)
{
    for (size_t i = 0; i < n; i++) sum += score[i];
    return sum;
}

/* Two ways whose sums are close: which is better from 0 is better from every sum for whose
 * last place the gap is wide, and sometimes not from others. */
static void a_wide_gap_holds_from_every_sum(void **state)
{
    (void)state;
    enum { MOST = 12, STEP = 15 };
    static const float sums[] = {-20, -500.5f, -4096, -9000, -65536, -99000};
    struct rng_key k = rng_key(11, RNG_TEST, 0, 0);
    uint64_t at = 0;
    size_t wide = 0, other = 0;
    for (int tries = 0; tries < 200000; tries++) {
        size_t n = 1 + rng_below(&k, at++, MOST);
        float a[MOST], b[MOST], from = sums[rng_below(&k, at++, COUNT_OF(sums))];
        for (size_t i = 0; i < n; i++) a[i] = -(float)rng_below(&k, at++, (STEP - 1) << 20) * 0x1p-20f;
        for (size_t i = 0; i < n; i++) b[i] = a[n - 1 - i] + ((float)rng_below(&k, at++, 2001) - 1000) * 0x1p-17f;
        float a0 = sum_from(0, a, n), b0 = sum_from(0, b, n), x = sum_from(from, a, n), y = sum_from(from, b, n);
        if (a0 == b0) continue;
        float width = tok_gap_width(fabs((double)a0 - (double)b0), n, STEP, true);
        bool holds = (double)width > tok_last_place(fabs((double)from) + (double)n * STEP, true), same = a0 > b0 ? x > y : y > x;
        if (holds) assert_true(same);
        wide += holds;
        other += !same;
    }
    assert_true(wide > 10000 && other > 1000);
    assert_true((double)tok_gap_width(1e30, MOST, STEP, true) > tok_last_place(1e9, true)); /* there is one way only */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_ties_are_decided_as_without_a_cache),
        cmocka_unit_test(sums_that_rise_and_fall_begin_again),
        cmocka_unit_test(characters_that_are_no_pieces_are_walked),
        cmocka_unit_test(the_nearest_of_three_ways_counts),
        cmocka_unit_test(near_ties_inside_of_words_are_decided_as_by_the_chains),
        cmocka_unit_test(a_wide_gap_holds_from_every_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
