/* shingle_internal.h - the hash of a word, shared by shingle*.c and decontam.c,
 * and the kernels of shingle*.c. */
#ifndef DATA_SHINGLE_INTERNAL_H
#define DATA_SHINGLE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "data/shingle.h"

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

/* The same for n bytes at p; the 8 bytes behind them may be read. */
static inline uint64_t shingle_word(const char *p, size_t n)
{
    struct shingle_reading r = {.n = (unsigned)n};
    uint64_t x;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&x, p, 8);
        r.h = (r.h ^ shingle_mix(__builtin_bswap64(x))) * shingle_prime;
    }
    memcpy(&x, p, 8);
    if (n) r.acc = __builtin_bswap64(x) >> (64 - 8 * n);
    return shingle_end(&r);
}

/* Text is first made plain: bytes of words, lower case and without marks, and one
 * or more blanks between words. */

/* Appends text[i..n) up to the first digit or byte above 127, or near the end;
 * returns where that is.  64 bytes more than it appends may be written. */
typedef size_t shingle_plain_fn(const char *text, size_t i, size_t n, char *out, size_t *n_out);
/* Appends the hashes of the words of plain text; returns where the first one begins
 * that may go on behind n, or is near it: behind 64 blanks or more all are there.
 * 64 bytes behind n may be read, and 8 hashes more than there are words written. */
typedef size_t shingle_hash_fn(const char *plain, size_t n, uint64_t *word, size_t *n_words);
/* The n shingles of n + width - 1 words. */
typedef void shingle_join_fn(const uint64_t *word, size_t n, size_t width, uint64_t *v);

/* How many numbers two sorted sets share. */
typedef size_t shingle_common_fn(const uint32_t *a, size_t na, const uint32_t *b, size_t nb);

struct shingle_kernels {
    shingle_plain_fn *plain;
    shingle_hash_fn *hash;
    shingle_join_fn *join;
    shingle_common_fn *common;
};
extern const struct shingle_kernels shingle_kernels_ref;
shingle_common_fn shingle_common_ref;
/* What this CPU can do, NULL if not (the first never is), best last: SHINGLE_KERNELS of them. */
enum { SHINGLE_KERNELS = 3 };
const struct shingle_kernels *shingle_kernels(int i);
const struct shingle_kernels *shingle_best(void); /* capped by LLMCTL_ISA */
/* shingles_words() with kernels of one's choice. */
int shingles_words_by(const struct shingle_kernels *k, struct shingles *s, const char *text, size_t n, struct err *e);

#if defined(__x86_64__)
shingle_plain_fn shingle_plain_avx2, shingle_plain_avx512vbmi;
shingle_hash_fn shingle_hash_avx2, shingle_hash_avx512vbmi;
shingle_join_fn shingle_join_avx512vbmi;
shingle_common_fn shingle_common_avx512vbmi;
#endif

#endif
