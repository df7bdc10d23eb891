/* split_leads.h - what characters beyond ASCII are by their first bytes, for the splits with tables. */
#ifndef CORE_TOKEN_SPLIT_LEADS_H
#define CORE_TOKEN_SPLIT_LEADS_H

#include "core/token/leads.h"

/* What all characters are that begin with a byte or two, by the one behind; else 0.  Bits: of no class but punctuation
 * or symbols; a letter of the table; letters of a case, where the table is of those without. */
enum { SPLIT_SIGN, SPLIT_LETTER, SPLIT_UPPER, SPLIT_LOWER };
enum { SPLIT_THIRDS = 3 };
struct split_leads {
    struct leads letter, upper, lower;
    uint8_t c2[64], c4[64], c5[64], e2[64]; /* by the second byte, */
    uint8_t third[SPLIT_THIRDS][64];        /* by the third, behind these: */
};
static const uint8_t split_third_behind[SPLIT_THIRDS][2] = {{0xE2, 0x80}, {0xE3, 0x80}, {0xEF, 0xBC}};

/* Of any letter, and of those without a case; made by split_prepare(). */
extern struct split_leads split_any_letter, split_caseless;
void split_prepare(void);

#endif
