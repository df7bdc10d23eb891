#include "core/token/score_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One more digit, unless there is no room. */
static bool add_digit(uint64_t *digits, char c)
{
    uint64_t d = (uint64_t)(c - '0'), most = UINT64_MAX / 10;
    if (*digits >= most && (*digits > most || d > UINT64_MAX % 10)) return false;
    *digits = *digits * 10 + d;
    return true;
}

static double power_of_ten(int k)
{
    static const double exact[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    char text[16];
    if (k < (int)(sizeof exact / sizeof *exact)) return exact[k];
    snprintf(text, sizeof text, "1e%d", k);
    return strtod(text, NULL);
}

static double scale(uint64_t digits, long exponent)
{
    double v = (double)digits;
    for (; exponent < -308 && v != 0; exponent += 308) v /= 1e308;
    if (v == 0) return 0;
    if (exponent > 308) return HUGE_VAL;
    return exponent < 0 ? v / power_of_ten((int)-exponent) : v * power_of_ten((int)exponent);
}

double score_parse(const char *text)
{
    const char *p = text + (*text == '-');
    uint64_t digits = 0;
    long exponent = 0, more = 0;
    bool full = false;
    for (; is_digit(*p); p++) { /* what has no room is not looked at */
        full = full || !add_digit(&digits, *p);
        exponent += full;
    }
    if (*p == '.')
        for (p++; is_digit(*p); p++) {
            full = full || !add_digit(&digits, *p);
            exponent -= !full;
        }
    if (*p == 'e' || *p == 'E') more = strtol(p + 1, NULL, 10);
    if (more > 100000 || more < -100000) more = more > 0 ? 100000 : -100000;
    double v = scale(digits, exponent + more);
    return *text == '-' ? -v : v;
}

static const char *take_digits(const char *p, const char *end, uint64_t *digits)
{
    for (; p < end && is_digit(*p); p++) *digits = *digits * 10 + (uint64_t)(*p - '0');
    return p;
}

bool score_short(const char **p, const char *end, double *out)
{
    enum { MOST = 18 }; /* they fit in 64 bits */
    const char *first = *p + (*p < end && **p == '-'), *stop = end - first > MOST + 2 ? first + MOST + 2 : end, *point, *last;
    uint64_t digits = 0;
    point = last = take_digits(first, stop, &digits);
    if (point == first || (*first == '0' && point > first + 1)) return false;
    if (point < stop && *point == '.' && (last = take_digits(point + 1, stop, &digits)) == point + 1) return false;
    bool goes_on = last == stop || *last == '.' || *last == '-' || *last == '+' || *last == 'e' || *last == 'E';
    if (goes_on || last - first > MOST + (last > point)) return false;
    double v = scale(digits, last > point ? -(long)(last - point - 1) : 0);
    *out = **p == '-' ? -v : v;
    *p = last;
    return true;
}

/* With so many digits: v, or the double beside it that is read as v. */
static bool print_near(double v, int digits, char *out, size_t size)
{
    double near[] = {v, nextafter(v, HUGE_VAL), nextafter(v, -HUGE_VAL)};
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        snprintf(out, size, "%.*g", digits, near[i]);
        if (score_parse(out) == v) return true;
    }
    return false;
}

void score_print(double v, char *out, size_t size)
{
    static const int digits[] = {17, 16, 15, 18, 19, 20}; /* other digits are rounded in another way */
    for (size_t i = 0; i < sizeof digits / sizeof *digits; i++)
        if (print_near(v, digits[i], out, size)) return;
    snprintf(out, size, "%.17g", v);
}
