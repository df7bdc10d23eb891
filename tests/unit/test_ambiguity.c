#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/ambiguity.h"
#include "data/prompt_norm.h"
#include "data/shingle.h"

static void normal_forms(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"What is  the Capital of France?", "what is the capital of france"},
        {" \"it's\" (well-known)... ", "its well known"},
        {"5 - 3 = ?", "5 - 3 ="},
        {"5+3", "5 + 3"},
        {"3.5 vs 35, ok.", "3.5 vs 35 ok"},
        {"a/b 50% C++", "a / b 50 % c ++"},
        {"\xc3\x9c" "BER na\xc3\xafve", "\xc3\xbc" "ber na\xc3\xafve"},
        {"?!", "?!"},
        {"", ""},
    };
    struct buf b = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&b);
        prompt_norm(cases[i][0], strlen(cases[i][0]), &b);
        if (b.len != strlen(cases[i][1]) || (b.len && memcmp(b.data, cases[i][1], b.len)))
            fail_msg("'%s' gives '%.*s'", cases[i][0], (int)b.len, b.data);
    }
    buf_free(&b);
}

/* prompt, answer, rank; judged by a policy: which stay, as "1011". */
struct example {
    const char *prompt;
    uint64_t answer;
    double rank;
};

static void judge(const struct example *x, size_t n, double near, enum ambiguity_policy policy, uint64_t groups,
                  const char *stay)
{
    struct err e;
    struct ambiguity_item v[16] = {0};
    struct buf norm = {0}, pairs[16] = {0};
    uint64_t got;
    for (size_t i = 0; i < n; i++) {
        buf_clear(&norm);
        prompt_norm(x[i].prompt, strlen(x[i].prompt), &norm);
        v[i].prompt = hash128(norm.data, norm.len);
        prompt_pairs(norm.data, norm.len, &pairs[i], &v[i].digits);
        v[i].pairs = (const uint64_t *)(void *)pairs[i].data;
        v[i].n_pairs = shingles_to_set((uint64_t *)(void *)pairs[i].data, pairs[i].len / 8);
        v[i].answer = x[i].answer;
        v[i].rank = x[i].rank;
    }
    assert_int_equal(ambiguity_resolve(v, n, near, policy, &got, NULL, &e), 0);
    assert_int_equal(got, groups);
    for (size_t i = 0; i < n; i++)
        if (v[i].lost != (stay[i] == '0')) fail_msg("policy %d, example %zu", policy, i);
    for (size_t i = 0; i < n; i++)
        buf_free(&pairs[i]);
    buf_free(&norm);
}

static void policies(void **state)
{
    (void)state;
    const double none = (double)NAN;
    const struct example x[] = {
        {"Is it safe?", 7, 1}, {"other", 1, 9}, {"is it safe", 7, 2},
        {"IS IT SAFE!", 8, 3}, {"other", 1, 1}, {"Is it safe 2", 9, 0},
    };
    judge(x, 6, 1, AMBIGUITY_DROP, 1, "010011");
    judge(x, 6, 1, AMBIGUITY_MAJORITY, 1, "111011");
    judge(x, 6, 1, AMBIGUITY_NEWEST, 1, "010111");
    judge(x, 6, 1, AMBIGUITY_BEST, 1, "010111");
    const struct example tie[] = {{"p", 1, 5}, {"p", 2, 5}, {"p", 3, none}};
    judge(tie, 3, 1, AMBIGUITY_MAJORITY, 1, "000");
    judge(tie, 3, 1, AMBIGUITY_BEST, 1, "000");
    judge(tie + 1, 2, 1, AMBIGUITY_BEST, 1, "10");
    const struct example unranked[] = {{"p", 1, none}, {"p", 2, none}};
    judge(unranked, 2, 1, AMBIGUITY_NEWEST, 1, "00");
    judge(x, 0, 1, AMBIGUITY_DROP, 0, "");
}

static void similar_prompts(void **state)
{
    (void)state;
    const struct example x[] = {
        {"please tell me what the capital of the old kingdom of France was in the year 1500", 1, 0},
        {"Please, tell me what the capital of the old kingdom of france was in that year 1500", 2, 0},
        {"please tell me what the capital of the old kingdom of France was in the year 1600", 3, 0},
        {"tell me a joke about cats and dogs in the garden", 4, 0},
    };
    judge(x, 4, 1, AMBIGUITY_DROP, 0, "1111");
    judge(x, 4, 0.7, AMBIGUITY_DROP, 1, "0011"); /* another number is another question */
    judge(x, 4, 0.95, AMBIGUITY_DROP, 0, "1111");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(normal_forms), cmocka_unit_test(policies),
                                       cmocka_unit_test(similar_prompts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
