/* hash.h - XXH3 for checksums and content identity (not cryptographic). */
#ifndef CORE_BASE_HASH_H
#define CORE_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash128 {
    uint64_t hi, lo;
};

uint64_t hash64(const void *p, size_t n);                      /* XXH3_64bits */
uint64_t hash64_seed(const void *p, size_t n, uint64_t seed);
struct hash128 hash128(const void *p, size_t n);               /* XXH3_128bits */

static inline bool hash128_eq(struct hash128 a, struct hash128 b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

/* Streaming form; new returns NULL when out of memory. */
struct hash_stream;
struct hash_stream *hash_stream_new(void);
void hash_stream_add(struct hash_stream *h, const void *p, size_t n);
uint64_t hash_stream_64(const struct hash_stream *h);
struct hash128 hash_stream_128(const struct hash_stream *h);
void hash_stream_free(struct hash_stream *h);

/* Lower-case hex, hi first; `out` takes 33 (or 17) bytes. */
void hash128_hex(struct hash128 h, char out[33]);
void hash64_hex(uint64_t h, char out[17]);
bool hash128_parse(const char *hex, struct hash128 *out);      /* exactly 32 hex digits */

#endif
