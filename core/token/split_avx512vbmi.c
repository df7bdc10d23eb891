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

static struct leads any_letter, caseless;

static bool is_letter(uint32_t cp, const void *table)
{
    unsigned class = uni_class(cp);
    return (class & UNI_L) && !(table == &caseless && (class & (UNI_UPPER | UNI_LOWER)));
}

static void build(void)
{
    leads_build(&any_letter, is_letter, &any_letter);
    leads_build(&caseless, is_letter, &caseless);
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
