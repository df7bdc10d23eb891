/* utf8_tables.h - mistakes that a byte and the one before it may be part of, and which of
 * them each half of a byte allows, for the kernels of utf8.c: see utf8_avx2.c. */
#ifndef CORE_BASE_UTF8_TABLES_H
#define CORE_BASE_UTF8_TABLES_H

enum {
    TOO_SHORT = 1 << 0,  /* a lead byte, then no continuation */
    TOO_LONG = 1 << 1,   /* ASCII, then a continuation */
    OVERLONG3 = 1 << 2,  /* E0 80..9F */
    TOO_LARGE = 1 << 3,  /* F4 90.., F5.. */
    SURROGATE = 1 << 4,  /* ED A0.. */
    OVERLONG2 = 1 << 5,  /* C0, C1 */
    OVERLONG4 = 1 << 6,  /* F0 80..8F; also F5.. 80..8F */
    TWO_CONTS = 1 << 7,  /* two continuations: right only inside long ones */
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS,
};

#define C(x) ((char)(x))
#define UTF8_HIGH_BEFORE \
    TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, \
    C(TWO_CONTS), C(TWO_CONTS), C(TWO_CONTS), C(TWO_CONTS), TOO_SHORT | OVERLONG2, TOO_SHORT, \
    TOO_SHORT | OVERLONG3 | SURROGATE, TOO_SHORT | TOO_LARGE | OVERLONG4
#define UTF8_LOW_BEFORE \
    C(CARRY | OVERLONG3 | OVERLONG2 | OVERLONG4), C(CARRY | OVERLONG2), C(CARRY), C(CARRY), \
    C(CARRY | TOO_LARGE), C(CARRY | TOO_LARGE | OVERLONG4), C(CARRY | TOO_LARGE | OVERLONG4), \
    C(CARRY | TOO_LARGE | OVERLONG4), C(CARRY | TOO_LARGE | OVERLONG4), \
    C(CARRY | TOO_LARGE | OVERLONG4), C(CARRY | TOO_LARGE | OVERLONG4), \
    C(CARRY | TOO_LARGE | OVERLONG4), C(CARRY | TOO_LARGE | OVERLONG4), \
    C(CARRY | TOO_LARGE | OVERLONG4 | SURROGATE), C(CARRY | TOO_LARGE | OVERLONG4), \
    C(CARRY | TOO_LARGE | OVERLONG4)
#define UTF8_HIGH_NOW \
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, \
    C(TOO_LONG | OVERLONG2 | TWO_CONTS | OVERLONG3 | OVERLONG4), \
    C(TOO_LONG | OVERLONG2 | TWO_CONTS | OVERLONG3 | TOO_LARGE), \
    C(TOO_LONG | OVERLONG2 | TWO_CONTS | SURROGATE | TOO_LARGE), \
    C(TOO_LONG | OVERLONG2 | TWO_CONTS | SURROGATE | TOO_LARGE), TOO_SHORT, TOO_SHORT, \
    TOO_SHORT, TOO_SHORT

#endif
