#include "core/token/split_leads.h"

#include <pthread.h>

#include "core/token/unicode.h"

struct split_leads split_any_letter, split_caseless;

static bool is_letter(uint32_t cp, const void *table)
{
    unsigned class = uni_class(cp);
    return (class & UNI_L) && !(table == &split_caseless && (class & (UNI_UPPER | UNI_LOWER)));
}

static bool is_upper(uint32_t cp, const void *table)
{
    (void)table;
    return uni_class(cp) & UNI_UPPER;
}

static bool is_lower(uint32_t cp, const void *table)
{
    (void)table;
    return uni_class(cp) & UNI_LOWER;
}

static uint8_t kind_of(uint32_t cp, const struct split_leads *t)
{
    unsigned class = uni_class(cp);
    if (is_letter(cp, t)) return 1 << SPLIT_LETTER;
    if (class & UNI_UPPER) return 1 << SPLIT_UPPER;
    if (class & UNI_LOWER) return 1 << SPLIT_LOWER;
    return class & (UNI_P | UNI_S) && !(class & (UNI_L | UNI_N | UNI_M | UNI_SPACE)) ? 1 << SPLIT_SIGN : 0;
}

static void build_one(struct split_leads *t)
{
    leads_build(&t->letter, is_letter, t);
    leads_build(&t->upper, is_upper, t);
    leads_build(&t->lower, is_lower, t);
    for (uint32_t i = 0; i < 64; i++) {
        t->c2[i] = kind_of(0x80 | i, t);
        t->c4[i] = kind_of(0x100 | i, t);
        t->c5[i] = kind_of(0x140 | i, t);
        t->e2[i] = 1 << SPLIT_SIGN;
        for (uint32_t k = 0; k < 64; k++) t->e2[i] &= kind_of(0x2000 | i << 6 | k, t);
        for (int k = 0; k < SPLIT_THIRDS; k++)
            t->third[k][i] = kind_of((split_third_behind[k][0] & 15u) << 12 | (split_third_behind[k][1] & 63u) << 6 | i, t);
    }
}

static void build(void)
{
    build_one(&split_any_letter);
    build_one(&split_caseless);
}

void split_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build);
}
