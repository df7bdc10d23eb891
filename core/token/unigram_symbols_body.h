/* unigram_symbols_body.h - what the files unigram_symbols_*.c have in common: cases that are rare, one character at a time. */
#ifndef CORE_TOKEN_UNIGRAM_SYMBOLS_BODY_H
#define CORE_TOKEN_UNIGRAM_SYMBOLS_BODY_H

#if defined(__BMI2__) && defined(__LZCNT__) && defined(__POPCNT__)
#include <immintrin.h>
#include <string.h>

#include "core/token/unicode.h"
#include "core/token/unigram.h"

/* Whether the blanks are a run at the beginning, and none of them stands for itself. */
static inline bool is_run(const struct unigram *u, const uint8_t blank[4], uint32_t marks)
{
    return !(marks & (marks + 1)) && !(u->symbol[blank[0]] | u->symbol[blank[1]] | u->symbol[blank[2]] | u->symbol[blank[3]]);
}

/* Where few are of another script, p[0..n) without more than one blank. */
static __attribute__((noinline)) size_t mostly_strange(const struct unigram *u, const uint8_t *p, size_t n, uint64_t first, uint64_t others,
                                                       uint64_t blank, uint16_t *to, uint64_t *unknown)
{
    size_t count = (size_t)_mm_popcnt_u64(first);
    for (size_t i = 0; i < UNIGRAM_SLACK; i++) to[i] = u->unknown;
    *unknown = _bzhi_u64(~(uint64_t)0, (unsigned)count);
    for (; others; others &= others - 1) {
        size_t i = (size_t)_tzcnt_u64(others), at = (size_t)_mm_popcnt_u64(_bzhi_u64(first, (unsigned)i)), len;
        uint32_t s = unigram_code(u, p + i, n - i, &len);
        if (!s && blank >> i & 1) s = u->mark;
        if (!s || (s & UNIGRAM_MANY)) return 0;
        to[at] = (uint16_t)s;
        *unknown &= ~((uint64_t)(s != u->unknown) << at);
    }
    return count;
}

/* What characters become that become several, `odd` ones of to[0..count), which begin at first; 0: they are too many, or one is
 * nothing. */
static __attribute__((noinline)) size_t spread(const struct unigram *u, const uint8_t *p, uint64_t first, uint32_t odd, size_t count,
                                               uint16_t *to, uint64_t *unknown)
{
    uint16_t code[UNIGRAM_SLACK];
    size_t k = 0;
    memcpy(code, to, count * sizeof *code);
    for (size_t i = 0; i < count; i++, odd >>= 1, first &= first - 1) {
        uint32_t c = code[i], from = c & ~UNIGRAM_MANY;
        const uint8_t *s = p + _tzcnt_u64(first);
        bool bytes = c == UNIGRAM_BYTES;
        size_t len = !(odd & 1) ? 1 : bytes ? uni_len(*s) : u->many[from];
        if (len == 0 || k + len > UNIGRAM_SLACK) return 0;
        to[k] = code[i];
        for (size_t j = 0; (odd & 1) && j < len; j++) to[k + j] = bytes ? (uint16_t)(u->first_byte + s[j]) : u->many[from + 1 + j];
        k += len;
    }
    *unknown = 0;
    for (size_t i = 0; u->unknown && i < k; i++) *unknown |= (uint64_t)(to[i] == u->unknown) << i;
    return k;
}

/* So many symbols, and up to UNIGRAM_SLACK - 1 more, which may be those that are there. */
static inline size_t copy_some(uint16_t *to, const uint16_t *from, size_t n)
{
    for (size_t i = 0; i < n; i += UNIGRAM_SLACK) memmove(to + i, from + i, UNIGRAM_SLACK * sizeof *to);
    return n;
}

/* What the `many` of a word's symbols become, behind all others; n is 0 if they are too many, one is nothing, or bytes. */
static __attribute__((noinline)) void spread_word(const struct unigram *u, uint64_t many, uint16_t *all, size_t *used, struct unigram_spelled *w)
{
    uint16_t *from = all + w->at, *to = all + *used;
    size_t n = 0, i = 0, most = w->n;
    w->n = 0;
    if (*used + 2 * UNIGRAM_SPELL_MOST > UNIGRAM_SPELL_ROOM) return; /* one by itself has room, too */
    for (; many; many &= many - 1) {
        size_t at = (size_t)_tzcnt_u64(many);
        if (from[at] == UNIGRAM_BYTES) return;
        const uint16_t *become = u->many + (from[at] & ~UNIGRAM_MANY);
        if (*become == 0 || n + *become + most - i > UNIGRAM_SPELL_MOST + 1u) return;
        n += copy_some(to + n, from + i, at - i);
        for (size_t k = 1; k <= *become; k++) to[n++] = become[k];
        i = at + 1;
    }
    n += copy_some(to + n, from + i, most - i);
    w->at = (uint16_t)*used;
    w->n = (uint16_t)n;
    w->unknown = 0;
    for (size_t k = 0; k < n; k++) w->unknown |= (uint64_t)(to[k] == u->unknown) << k;
    *used += n;
}

#endif
#endif
