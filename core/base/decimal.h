/* decimal.h - integers as digits, where there are so many of them that printf() would cost more than all else. */
#ifndef CORE_BASE_DECIMAL_H
#define CORE_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { DECIMAL_MOST = 20 }; /* bytes of any number, with its sign */

/* Digits at `to`, which has room for DECIMAL_MOST bytes: to their end, with no NUL behind. */
static inline char *decimal_put(char *to, uint64_t v)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char text[DECIMAL_MOST], *p = text + sizeof text;
    for (; v >= 100; v /= 100) memcpy(p -= 2, pairs + v % 100 * 2, 2);
    if (v >= 10) memcpy(p -= 2, pairs + v * 2, 2);
    else *--p = (char)('0' + v);
    size_t n = (size_t)(text + sizeof text - p);
    memcpy(to, p, n);
    return to + n;
}

/* The same of what may be negative. */
static inline char *decimal_put_signed(char *to, int64_t v)
{
    if (v < 0) *to++ = '-';
    return decimal_put(to, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

#endif
