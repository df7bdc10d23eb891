/* mask_bits.h - what a comparison found, as a number; for files *_avx512*.c.
 *
 * GCC 12 takes `uint32_t bits = _mm512_cmpeq_epi32_mask(a, b)` for one step, and where the number has to be
 * kept in memory it writes the two bytes of the mask and reads four: the other bits are whatever was there.
 * (So it does for all comparisons of integers whose mask is narrower than the number; _mask_cmp, test and
 * testn are not concerned.  No number of ours was kept so but in one build with -fsanitize=thread.)
 * A step of its own makes a whole number, and costs what the other does. */
#ifndef CORE_BASE_MASK_BITS_H
#define CORE_BASE_MASK_BITS_H

#if defined(__AVX512BW__) && defined(__AVX512DQ__)
#include <immintrin.h>
#include <stdint.h>

static inline __attribute__((always_inline)) uint32_t mask_bits8(__mmask8 m)
{
    uint32_t bits;
    __asm__("kmovb\t%1, %k0" : "=r"(bits) : "k"(m));
    return bits;
}

static inline __attribute__((always_inline)) uint32_t mask_bits16(__mmask16 m)
{
    uint32_t bits;
    __asm__("kmovw\t%1, %k0" : "=r"(bits) : "k"(m));
    return bits;
}

/* As 64 bits. */
static inline __attribute__((always_inline)) uint64_t mask_bits32(__mmask32 m)
{
    uint64_t bits;
    __asm__("kmovd\t%1, %k0" : "=r"(bits) : "k"(m));
    return bits;
}

#endif
#endif
