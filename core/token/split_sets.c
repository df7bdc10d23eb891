#include "core/token/split_sets.h"

#include <string.h>

#include "core/token/bytemap.h"
#include "core/token/unicode.h"

enum { PLANE = 0x10000 };

static bool same(const struct split_source *a, const struct split_source *b)
{
    return a->has == b->has && (a->arg == b->arg || (a->same && a->same(a->arg, b->arg)));
}

int split_sets_add(struct split_sets *t, struct split_source s)
{
    for (int k = 0; k < t->n; k++)
        if (same(&t->source[k], &s)) return k;
    if (t->n == SPLIT_SETS) return -1;
    for (uint32_t first = 0; first < SPLIT_TABLE; first += 64) {
        uint64_t bits = s.block(s.arg, first);
        for (uint32_t i = 0; bits && i < 64; i++) t->of[first + i] |= (uint8_t)((bits >> i & 1) << t->n);
    }
    t->source[t->n] = s;
    return t->n++;
}

uint8_t split_sets_beyond(const struct split_sets *t, uint32_t cp)
{
    unsigned in = 0;
    if (cp == UNI_BAD) return t->broken;
    for (int k = 0; k < t->n; k++) in |= (unsigned)t->source[k].has(t->source[k].arg, cp) << k;
    return (uint8_t)in;
}

void split_sets_finish(struct split_sets *t)
{
    t->broken = 0;
    for (int k = 0; k < t->n; k++) t->broken |= (uint8_t)((unsigned)t->source[k].has(t->source[k].arg, UNI_BAD) << k);
    for (unsigned b = 0; b < 256; b++) t->byte[b] = split_sets_get(t, bytemap_char((uint8_t)b));
    memset(t->pair, SPLIT_MIXED, sizeof t->pair);
    for (uint32_t cp = 0x80; cp < 0x800; cp++) t->pair[(cp >> 6 & 31) << 6 | (cp & 63)] = t->of[cp];
    for (uint32_t first = 0x800; first < PLANE; first += 64) {
        uint8_t *of = &t->of[first];
        bool one = (first < 0xD800 || first > 0xDFFF) && memcmp(of, of + 1, 63) == 0;
        if (one) t->pair[(0x20 | first >> 12) << 6 | (first >> 6 & 63)] = *of;
    }
    for (unsigned lead = 0; lead < 64; lead++) {
        const uint8_t *pair = &t->pair[lead << 6];
        t->lead[lead] = memcmp(pair, pair + 1, 63) == 0 ? *pair : SPLIT_MIXED;
    }
}
