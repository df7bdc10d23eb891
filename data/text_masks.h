/* text_masks.h - what the bytes of a text are, 64 at a time as bit masks.
 *
 * Bit i of a mask of block k is about byte 64 k + i; bits behind the end of
 * the text are clear.  The text is valid UTF-8.  Letters of two bytes that are
 * letters whatever surrounds them (Latin, Cyrillic: U+00C0...027F without the
 * signs for times and division, U+0400...047F) count as letters, so that most
 * European text needs no decoding. */
#ifndef DATA_TEXT_MASKS_H
#define DATA_TEXT_MASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_masks {
    uint64_t space;   /* ASCII white space as Python's str.isspace() has it */
    uint64_t newline; /* \n */
    uint64_t letter;  /* ASCII letters and both bytes of the letters above */
    uint64_t digit;   /* 0-9 */
    uint64_t second;  /* the second bytes of the letters above */
    uint64_t wide;    /* bytes of all other characters that are not ASCII */
    uint64_t hash, dot, vertical; /* #  .  and \v \f \r 1c 1d 1e, which may end lines */
    uint64_t lower;   /* a-z */
    uint64_t edge;    /* marks that are words of their own at both ends of a word: , " ( ... */
};

/* Bits that are set: without the instruction for it, which not every x86-64 has, the
 * compiler calls a function that reads a table. */
static inline unsigned text_count_bits(uint64_t x)
{
    x -= x >> 1 & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned)(x * 0x0101010101010101u >> 56);
}

/* The bits of block k that belong to [b, e). */
static inline uint64_t text_part_of_block(size_t k, size_t b, size_t e)
{
    uint64_t here = ~(uint64_t)0;
    if (k == b / 64) here <<= b % 64;
    if (e - k * 64 < 64) here &= ((uint64_t)1 << (e - k * 64)) - 1;
    return here;
}

/* What a kernel finds; text_masks() makes masks of it. */
struct text_bytes {
    uint64_t space, newline, letter, digit;
    uint64_t high;  /* >= 0x80 */
    uint64_t lead;  /* c3...c9, d0, d1 */
    uint64_t c3;
    uint64_t sign;  /* 97, b7: behind c3 they are no letters */
    uint64_t hash, dot, vertical, lower, edge;
};

/* Whole blocks of 64 bytes. */
typedef void text_bytes_fn(const char *s, size_t n_blocks, struct text_bytes *out);
text_bytes_fn text_bytes_ref, text_bytes_avx2, text_bytes_avx512;
text_bytes_fn *text_bytes_best(void);

/* Masks of all of the text: out has (n + 63) / 64 elements. */
void text_masks(const char *s, size_t n, struct text_masks *out);

/* Does the text hold, in any case of its letters, one of the phrases that C4's
 * rules look for (rules_c4.c)?  May say yes when it does not. */
typedef bool text_phrases_fn(const char *s, size_t n);
text_phrases_fn text_phrases_ref, text_phrases_avx2, text_phrases_avx512;
text_phrases_fn *text_phrases_best(void);

#endif
