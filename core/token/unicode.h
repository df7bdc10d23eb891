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

struct uni_char uni_decode_slow(const uint8_t *s, size_t n);

/* The character at s, n > 0.  A byte of broken UTF-8 is a character of no
 * class of its own, so that any bytes can be split and nothing is lost. */
static inline struct uni_char uni_next(const uint8_t *s, size_t n)
{
    if (s[0] < 0x80) return (struct uni_char){s[0], 1, uni_flags[s[0]]};
    return uni_decode_slow(s, n);
}

/* The character that ends just before s + at (at > 0). */
struct uni_char uni_prev(const uint8_t *s, size_t at);

#endif
