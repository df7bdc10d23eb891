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

/* Whether all characters that begin with these two bytes are letters (without
 * case). */
static bool all_letters(unsigned lead, unsigned second, bool without_case)
{
    uint32_t first = lead < 0xE0 ? (lead & 0x1F) << 6 | second : (lead & 0x0F) << 12 | second << 6;
    for (uint32_t i = 0; i < (lead < 0xE0 ? 1 : 64); i++) {
        unsigned class = uni_class(first + i);
        if (!(class & UNI_L) || (without_case && (class & (UNI_UPPER | UNI_LOWER)))) return false;
    }
    return true;
}

/* The longest range of second bytes with at most one exception. */
static void find_range(struct split_leads *t, unsigned lead, bool without_case)
{
    bool good[64];
    unsigned best = 0;
    for (unsigned i = 0; i < 64; i++) good[i] = all_letters(lead, i, without_case);
    for (unsigned from = 0; from < 64; from++) {
        unsigned but = 0xFF, last = from, count = 0;
        if (!good[from]) continue;
        for (unsigned i = from; i < 64; i++) {
            if (good[i]) {
                last = i;
                if (++count <= best) continue;
                best = count;
                t->low[lead & 63] = (uint8_t)(0x80 + from);
                t->more[lead & 63] = (uint8_t)(last - from);
                t->but[lead & 63] = (uint8_t)but;
            } else if (but != 0xFF) {
                break;
            } else {
                but = 0x80 + i;
            }
        }
    }
}

static void build(void)
{
    for (int without_case = 0; without_case < 2; without_case++) {
        struct split_leads *t = without_case ? &caseless : &any_letter;
        for (unsigned i = 0; i < 64; i++) { /* none: no byte is 0xFF and not 0xFF */
            t->low[i] = t->but[i] = 0xFF;
            t->more[i] = 0;
        }
        for (unsigned lead = 0xC2; lead < 0xF0; lead++)
            if (lead != 0xE0) find_range(t, lead, without_case); /* 80 to 9F may not follow E0 */
    }
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
