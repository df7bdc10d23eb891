/* unicode.h - character classes for splitting text into words.
 *
 * The tables are Unicode 16.0, as in the regex engine that tokenizer.json files
 * are written for: a newer table would move word borders and change ids. */
#ifndef CORE_TOKEN_UNICODE_H
#define CORE_TOKEN_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum uni_class {
    UNI_L = 1,      /* \p{L} */
    UNI_N = 2,      /* \p{N} */
    UNI_SPACE = 4,  /* \s */
    UNI_P = 8,      /* \p{P} */
    UNI_S = 16,     /* \p{S} */
    UNI_M = 32,     /* \p{M} */
    UNI_UPPER = 64, /* \p{Lu} \p{Lt} */
    UNI_LOWER = 128 /* \p{Ll}; a letter that is neither is \p{Lm} or \p{Lo} */
};

/* flags[index[cp / 128] * 128 + cp % 128]; the first block is ASCII. */
extern const uint8_t uni_index[8704];
extern const uint8_t uni_flags[253 * 128];

static inline unsigned uni_class(uint32_t cp)
{
    return uni_flags[(uint32_t)uni_index[cp >> 7] * 128 + (cp & 127)];
}

struct uni_char {
    uint32_t cp;    /* UNI_BAD for a byte that is not part of a character */
    unsigned len;   /* 1..4 bytes */
    unsigned class; /* uni_class flags, 0 for UNI_BAD */
};
#define UNI_BAD 0xFFFFFFFFu
enum { UNI_CODES = 0x110000 }; /* code points are below */

static inline struct uni_char uni_found(uint32_t cp, unsigned len)
{
    return (struct uni_char){cp, len, uni_class(cp)};
}

static inline bool uni_cont(uint8_t b)
{
    return (b & 0xC0) == 0x80;
}

/* Bytes of the character that begins with this one, in text that is known to be UTF-8. */
static inline unsigned uni_len(uint8_t first)
{
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* uni_next() without a call. */
static inline struct uni_char uni_next_inline(const uint8_t *s, size_t n)
{
    uint32_t b = s[0];
    if (b < 0x80) return uni_found(b, 1);
    if (b >= 0xC2 && b < 0xE0 && n >= 2 && uni_cont(s[1])) return uni_found((b & 0x1F) << 6 | (s[1] & 0x3Fu), 2);
    if (b >= 0xE0 && b < 0xF0 && n >= 3 && uni_cont(s[1]) && uni_cont(s[2])) {
        uint32_t cp = (b & 0x0F) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
        if (cp >= 0x800 && (cp < 0xD800 || cp > 0xDFFF)) return uni_found(cp, 3);
    }
    if (b >= 0xF0 && b < 0xF5 && n >= 4 && uni_cont(s[1]) && uni_cont(s[2]) && uni_cont(s[3])) {
        uint32_t cp = (b & 7) << 18 | (s[1] & 0x3Fu) << 12 | (s[2] & 0x3Fu) << 6 | (s[3] & 0x3Fu);
        if (cp >= 0x10000 && cp <= 0x10FFFF) return uni_found(cp, 4);
    }
    return (struct uni_char){UNI_BAD, 1, 0};
}

struct uni_char uni_decode_slow(const uint8_t *s, size_t n);

/* The character at s, n > 0.  A byte of broken UTF-8 is a character of no
 * class of its own, so that any bytes can be split and nothing is lost. */
static inline struct uni_char uni_next(const uint8_t *s, size_t n)
{
    if (s[0] < 0x80) return (struct uni_char){s[0], 1, uni_flags[s[0]]};
    return uni_decode_slow(s, n);
}

/* The code point at s, n > 0, of text that is known to be UTF-8, and its length; without a branch that
 * depends on the text. */
static inline uint32_t uni_point(const uint8_t *s, size_t n, unsigned *len)
{
    uint32_t v = (uint32_t)s[0] << 24;
    if (n >= 4) v |= (uint32_t)s[1] << 16 | (uint32_t)s[2] << 8 | s[3];
    else v |= (n > 1 ? (uint32_t)s[1] << 16 : 0) | (n > 2 ? (uint32_t)s[2] << 8 : 0);
    unsigned ones = (unsigned)__builtin_clz(~v | 1), k = ones > 1 ? ones : 1; /* of the first byte; 0, 2, 3 or 4 */
    *len = k < n ? k : (unsigned)n;
    return ((v >> 24 & 0x7Fu >> ones) << 18 | (v >> 16 & 63) << 12 | (v >> 8 & 63) << 6 | (v & 63)) >> (24 - 6 * (k & 3 ? k & 3 : 4));
}

/* The character that ends just before s + at (at > 0). */
struct uni_char uni_prev(const uint8_t *s, size_t at);

#endif
