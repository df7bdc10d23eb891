#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "core/base/rng.h"
#include "core/kernels/kernels.h"
#include "core/token/train_lanes.h"

enum { PLACES = 40, MATCHES = 4 * PLACES };

struct word {
    size_t places, n;
    uint32_t begin[MATCHES], end[MATCHES];
    float score[MATCHES];
};

static void random_word(struct word *w, size_t places, const struct rng_key *k, uint64_t *at)
{
    *w = (struct word){.places = places};
    for (size_t p = 0; p < places; p++) {
        for (uint32_t len = 4; len > 0; len--) {
            if (p + len > places || (len > 1 && rng_below(k, (*at)++, 3))) continue;
            w->begin[w->n] = (uint32_t)p;
            w->end[w->n] = (uint32_t)p + len;
            float score = -30 * rng_f32(k, (*at)++);
            if (rng_below(k, (*at)++, 20) == 0) score -= 70; /* too far for a sum to change */
            w->score[w->n++] = score;
        }
    }
}

/* The words' matches in a row, every one of a piece of its own; then lanes without a word. */
static void fill(struct lanes *l, const struct word *w, int n_words, double *value)
{
    static uint32_t match[MATCHES * LANES];
    static float score[MATCHES * LANES];
    uint32_t at = 0;
    l->steps = l->rows = 0;
    for (int i = 0; i < LANES; i++) {
        l->at[i] = at;
        l->n[i] = i < n_words ? (uint32_t)w[i].n : 0;
        l->places[i] = i < n_words ? (uint32_t)w[i].places : 0;
        l->times[i] = i + 1;
        if (l->n[i] > l->steps) l->steps = l->n[i];
        if (l->places[i] + 2 > l->rows) l->rows = l->places[i] + 2;
        for (uint32_t k = 0; k < l->n[i]; k++, at++) {
            bool last = k + 1 == w[i].n || w[i].begin[k + 1] != w[i].begin[k];
            match[at] = at | (w[i].end[k] - w[i].begin[k]) << MATCH_BITS | (last ? LAST_HERE : 0);
            score[at] = w[i].score[k];
        }
    }
    assert_true(lanes_room(l, l->steps, l->rows));
    l->match = match;
    l->score = score;
    l->value = value;
}

/* The chance of each match, in double precision. */
static void chances(const struct word *w, double *chance)
{
    double alpha[PLACES + 1], beta[PLACES + 1];
    for (size_t p = 0; p <= w->places; p++) alpha[p] = beta[p] = -HUGE_VAL;
    alpha[0] = beta[w->places] = 0;
    for (size_t k = 0; k < w->n; k++) {
        double x = alpha[w->begin[k]] + (double)w->score[k], y = alpha[w->end[k]], top = x > y ? x : y;
        alpha[w->end[k]] = top + log(exp(x - top) + exp(y - top));
    }
    for (size_t k = w->n; k-- > 0;) {
        double x = beta[w->end[k]] + (double)w->score[k], y = beta[w->begin[k]], top = x > y ? x : y;
        beta[w->begin[k]] = top + log(exp(x - top) + exp(y - top));
    }
    for (size_t k = 0; k < w->n; k++)
        chance[k] = exp(alpha[w->begin[k]] + (double)w->score[k] + beta[w->end[k]] - alpha[w->places]);
}

static void lanes_give_the_chances_and_the_same_bits_everywhere(void **state)
{
    (void)state;
    struct lanes l = {0};
    struct rng_key k = rng_key(4, RNG_TEST, 0, 0);
    uint64_t at = 0;
    const char *isa = kernels_get()->isa;
    bool has_avx512 = strncmp(isa, "avx512", 6) == 0, has_avx2 = has_avx512 || strcmp(isa, "avx2") == 0;
    for (int round = 0; round < 60; round++) {
        static struct word w[LANES];
        static double base[MATCHES * LANES], fast[MATCHES * LANES];
        int n_words = round % 3 ? LANES : 1 + round % LANES;
        for (int i = 0; i < n_words; i++) random_word(&w[i], 1 + (size_t)rng_below(&k, at++, PLACES), &k, &at);
        fill(&l, w, n_words, base);
        lanes_expect_base(&l);
        for (int i = 0; i < n_words; i++) {
            double chance[MATCHES];
            chances(&w[i], chance);
            /* Up to 160 roundings of sums below 2^12 to 24 bits: 160 * 2^-13 at worst, far less in practice. */
            for (size_t m = 0; m < w[i].n; m++)
                if (fabs(base[m * LANES + (size_t)i] / (i + 1) - chance[m]) > 1e-3)
                    fail_msg("round %d, lane %d, match %zu: %g, not %g", round, i, m,
                             base[m * LANES + (size_t)i] / (i + 1), chance[m]);
        }
        l.value = fast;
        for (int i = 0; i < 2; i++) {
            if (i ? !has_avx512 : !has_avx2) continue;
            memset(fast, 0, sizeof fast);
            (i ? lanes_expect_avx512 : lanes_expect_avx2)(&l);
            assert_memory_equal(base, fast, l.steps * LANES * sizeof *base);
        }
    }
    lanes_free(&l);
}

static void single_sums_are_as_exact(void **state)
{
    (void)state;
    double worst = 0;
    for (int i = 0; i <= 60000; i++) {
        float d = (float)i / 1000;
        float x = -1e-3f, y = x - d;
        double off = fabs((double)lanes_log_add(x, y) - ((double)x + log1p(exp((double)(y - x)))));
        if (off > worst) worst = off;
        assert_true(fabs(lanes_exp(-d) / exp((double)-d) - 1) < 2e-12);
    }
    assert_true(worst < 4e-8); /* half a unit of the last place below 1 is 3e-8 */
    assert_true(lanes_exp(-701) == 0);
    assert_true(lanes_log_add(-INFINITY, -3) == -3 && lanes_log_add(-3, -INFINITY) == -3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lanes_give_the_chances_and_the_same_bits_everywhere),
                                       cmocka_unit_test(single_sums_are_as_exact)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
