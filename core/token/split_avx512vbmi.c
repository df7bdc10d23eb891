/* The splits with AVX-512 VBMI: 64 bytes are classified at once. */
#include "core/token/split_many.h"

#ifdef SPLIT_VBMI
#include <pthread.h>

#define TIMES10(x) x, x, x, x, x, x, x, x, x, x
#define TIMES26(x) TIMES10(x), TIMES10(x), x, x, x, x, x, x
const uint8_t split_ascii[128] = {
    ['\t'] = C_SPACE, C_SPACE | C_NEWLINE, C_SPACE, C_SPACE, C_SPACE | C_NEWLINE,
    [' '] = C_SPACE | C_BLANK, ['\''] = C_QUOTE, ['/'] = C_SLASH,
    ['0'] = TIMES10(C_DIGIT), ['A'] = TIMES26(C_LETTER | C_UPPER), ['a'] = TIMES26(C_LETTER),
};

static struct split_leads any_letter, caseless;

static bool is_letter(uint32_t cp, const void *table)
{
    unsigned class = uni_class(cp);
    return (class & UNI_L) && !(table == &caseless && (class & (UNI_UPPER | UNI_LOWER)));
}

static uint8_t kind_of(uint32_t cp, const struct split_leads *t)
{
    unsigned class = uni_class(cp);
    if (is_letter(cp, t)) return SPLIT_LETTER;
    return class & (UNI_P | UNI_S) && !(class & (UNI_L | UNI_N | UNI_M | UNI_SPACE)) ? SPLIT_SIGN : 0;
}

static void build_one(struct split_leads *t)
{
    leads_build(&t->letter, is_letter, t);
    for (uint32_t i = 0; i < 64; i++) {
        t->c2[i] = kind_of(0x80 | i, t);
        t->e2[i] = SPLIT_SIGN;
        for (uint32_t k = 0; k < 64; k++) t->e2[i] &= kind_of(0x2000 | i << 6 | k, t);
        for (int k = 0; k < SPLIT_THIRDS; k++)
            t->third[k][i] = kind_of((split_third_behind[k][0] & 15u) << 12 | (split_third_behind[k][1] & 63u) << 6 | i, t);
    }
}

static void build(void)
{
    build_one(&any_letter);
    build_one(&caseless);
}

SPLIT_MANY_ALL(&any_letter, &caseless)

split_fn *const split_many_avx512vbmi[SPLIT_N] = SPLIT_MANY_TABLE;

SPLIT_MANY_RULE(many_rule, &any_letter, &caseless)

split_rule_fn *const split_rule_avx512vbmi = many_rule;

void split_prepare_avx512vbmi(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build);
}
#else
split_fn *const split_many_avx512vbmi[SPLIT_N];
split_rule_fn *const split_rule_avx512vbmi = NULL;

void split_prepare_avx512vbmi(void)
{
}
#endif
