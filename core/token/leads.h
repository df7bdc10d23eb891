/* leads.h - a set of characters as ranges of second bytes, for vectors.
 *
 * By the low six bits of a first byte: a character whose second byte is at most `more` beyond
 * `low`, and is not `but`, is in the set, whatever its third byte is.  What the ranges leave
 * out has to be looked up elsewhere. */
#ifndef CORE_TOKEN_LEADS_H
#define CORE_TOKEN_LEADS_H

#include <stdbool.h>
#include <stdint.h>

struct leads {
    uint8_t low[64], more[64], but[64];
};

typedef bool leads_fn(uint32_t cp, const void *arg);

/* Whether all characters that begin with these two bytes are in the set. */
static inline bool leads_all(unsigned lead, unsigned second, leads_fn *has, const void *arg)
{
    uint32_t first = lead < 0xE0 ? (lead & 0x1F) << 6 | second : (lead & 0x0F) << 12 | second << 6;
    for (uint32_t i = 0; i < (lead < 0xE0 ? 1 : 64); i++)
        if (!has(first + i, arg)) return false;
    return true;
}

/* The longest range of second bytes with at most one exception. */
static inline void leads_range(struct leads *t, unsigned lead, leads_fn *has, const void *arg)
{
    bool good[64];
    unsigned best = 0;
    for (unsigned i = 0; i < 64; i++) good[i] = leads_all(lead, i, has, arg);
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

static inline void leads_build(struct leads *t, leads_fn *has, const void *arg)
{
    for (unsigned i = 0; i < 64; i++) { /* none: no byte is 0xFF and not 0xFF */
        t->low[i] = t->but[i] = 0xFF;
        t->more[i] = 0;
    }
    for (unsigned lead = 0xC2; lead < 0xF0; lead++)
        if (lead != 0xE0) leads_range(t, lead, has, arg); /* 80 to 9F may not follow E0 */
}

#endif
