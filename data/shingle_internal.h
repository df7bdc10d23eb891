/* shingle_internal.h - the hash of a word, shared by shingle*.c and decontam.c. */
#ifndef DATA_SHINGLE_INTERNAL_H
#define DATA_SHINGLE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static const uint64_t shingle_prime = 0x9E3779B97F4A7C15u, shingle_factor = 0xD6E8FEB86659FD93u;

static inline uint64_t shingle_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= shingle_factor;
    x ^= x >> 32;
    return x;
}

/* A word being read: bytes go into `acc` eight at a time. */
struct shingle_reading {
    uint64_t h, acc;
    unsigned n;
};

static inline void shingle_feed(struct shingle_reading *r, unsigned char c)
{
    r->acc = r->acc << 8 | c;
    if ((++r->n & 7) == 0) {
        r->h = (r->h ^ shingle_mix(r->acc)) * shingle_prime;
        r->acc = 0;
    }
}

static inline uint64_t shingle_end(const struct shingle_reading *r)
{
    return shingle_mix((r->h ^ shingle_mix(r->acc + r->n)) * shingle_prime);
}

/* Scripts written without blanks between words. */
static inline bool shingle_unparted(uint32_t cp)
{
    return (cp >= 0x3040 && cp < 0x3100) || (cp >= 0x3400 && cp < 0xa000) ||
           (cp >= 0xe00 && cp < 0xf00) || (cp >= 0x1000 && cp < 0x10a0) ||
           (cp >= 0x1780 && cp < 0x1800) || (cp >= 0x20000 && cp < 0x32000);
}

/* The same for n letters at p, case ignored; the 8 bytes behind them may be read. */
static inline uint64_t shingle_word(const char *p, size_t n)
{
    struct shingle_reading r = {.n = (unsigned)n};
    uint64_t x;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&x, p, 8);
        x = __builtin_bswap64(x | 0x2020202020202020u);
        r.h = (r.h ^ shingle_mix(x)) * shingle_prime;
    }
    memcpy(&x, p, 8);
    if (n) r.acc = __builtin_bswap64(x | 0x2020202020202020u) >> (64 - 8 * n);
    return shingle_end(&r);
}

/* The n shingles of n + width - 1 words. */
typedef void shingles_join_fn(const uint64_t *word, size_t n, size_t width, uint64_t *v);
shingles_join_fn shingles_join_ref;

#if defined(__x86_64__)
#define SHINGLE_HAVE_AVX2 1
/* Appends the words of text[i..n) up to the first that is not of ASCII letters
 * alone, or near the end; returns where that begins.  No word may be under way at
 * i.  `word` has room for (n - i) / 2 + 1 more. */
typedef size_t shingles_ascii_fn(const char *text, size_t i, size_t n, uint64_t *word, size_t *n_words);
shingles_ascii_fn shingles_ascii_avx2, shingles_ascii_avx512vbmi;
shingles_join_fn shingles_join_avx512vbmi;
#endif

#endif
