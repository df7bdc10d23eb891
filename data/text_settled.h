/* text_settled.h - how much of a text is in normal form C for sure.
 *
 * Bytes from the start that stay as they are: ASCII without control characters
 * but tab and newline, and characters that are their own normal form, never
 * join what precedes them and are no control characters: most letters of Latin,
 * Greek and Cyrillic, Han, kana, Hangul, punctuation and symbols.  The count
 * ends before a character.  The text is valid UTF-8. */
#ifndef DATA_TEXT_SETTLED_H
#define DATA_TEXT_SETTLED_H

#include <stddef.h>
#include <stdint.h>

size_t text_settled(const char *s, size_t n);

/* ---- kernels, for text_settled() and tests ---- */

typedef size_t text_settled_fn(const char *s, size_t n);
text_settled_fn text_settled_ref, text_settled_avx2, text_settled_avx512;

/* What 64 bytes are, one mask a question.  xNN: bytes of that value. */
struct settled_bytes {
    uint64_t lead;                    /* >= 0xc0 */
    uint64_t two;                     /* c3...c9, cf, d0, d1: letters, but for: */
    uint64_t xc3, x97_b7;             /* the signs for times and division */
    uint64_t xce, x87;                /* ce: letters, but for U+0387 */
    uint64_t three;                   /* e4...e9, eb, ec: Han and Hangul */
    uint64_t xc2, xe1, xe2, xe3, xea, xed, xef; /* depend on what follows: */
    uint64_t x80, x81, x82, x83, x85_8b, x8d_aa, xb8_bb, xbc_bd, from_a0, from_b0, to_9d, x80_81, x99_9a, xaa_af;
};

/* Length of the character at s (n > 0) if it is settled, else 0. */
size_t text_settled_char(const char *s, size_t n);

/* The bytes of a block that belong to settled characters; *whole: how many bytes
 * are known, up to a character that goes on behind the block. */
static inline uint64_t settled_wide(const struct settled_bytes *m, unsigned *whole)
{
    uint64_t two = (m->two & ~(m->xc3 & m->x97_b7 >> 1)) | (m->xce & ~(m->x87 >> 1)) |
                   (m->xc2 & m->from_a0 >> 1);
    uint64_t three = m->three | (m->xe1 & m->xb8_bb >> 1) |
                     (m->xe2 & ((m->x80 >> 1 & ~(m->x80_81 >> 2)) |
                                (m->x81 | m->x82 | m->x85_8b | m->x8d_aa) >> 1)) |
                     (m->xe3 & ((m->x81 | m->x83) >> 1 | (m->x82 >> 1 & ~(m->x99_9a >> 2)) |
                                (m->x80 >> 1 & ~(m->xaa_af >> 2)))) |
                     (m->xea & m->from_b0 >> 1) | (m->xed & m->to_9d >> 1) | (m->xef & m->xbc_bd >> 1);
    uint64_t last = m->lead & (uint64_t)7 << 61;
    *whole = 64;
    if (last) { /* of the last three bytes the one that leads: two bytes need one more, ... */
        unsigned at = 63 - (unsigned)__builtin_clzll(last);
        if (at == 63 || (at == 62 && !(two >> 62)) || (at == 61 && !((two | three) >> 61))) *whole = at;
    }
    return two | two << 1 | three | three << 1 | three << 2;
}

#endif
