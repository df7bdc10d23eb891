/* The splits with AVX-512 VBMI: 64 bytes are classified at once. */
#include "core/token/split_many.h"

#ifdef SPLIT_VBMI
#define TIMES10(x) x, x, x, x, x, x, x, x, x, x
#define TIMES26(x) TIMES10(x), TIMES10(x), x, x, x, x, x, x
const uint8_t split_ascii[128] = {
    ['\t'] = C_SPACE, C_SPACE | C_NEWLINE, C_SPACE, C_SPACE, C_SPACE | C_NEWLINE,
    [' '] = C_SPACE | C_BLANK, ['\''] = C_QUOTE, ['/'] = C_SLASH,
    ['0'] = TIMES10(C_DIGIT), ['A'] = TIMES26(C_LETTER | C_UPPER), ['a'] = TIMES26(C_LETTER),
};

SPLIT_MANY_ALL(&split_any_letter, &split_caseless)

split_fn *const split_many_avx512vbmi[SPLIT_N] = SPLIT_MANY_TABLE;

SPLIT_MANY_RULE(many_rule, &split_any_letter, &split_caseless)

split_rule_fn *const split_rule_avx512vbmi = many_rule;
#else
split_fn *const split_many_avx512vbmi[SPLIT_N];
split_rule_fn *const split_rule_avx512vbmi = NULL;
#endif
