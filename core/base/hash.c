#include "core/base/hash.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/hash_internal.h"

#ifdef HASH_HAVE_AVX2
/* Worth a call through another file; XXH3 takes its long path above 240. */
enum { LONG_INPUT = 241 };

static bool use_avx2(size_t n)
{
    return n >= LONG_INPUT && __builtin_cpu_supports("avx2");
}
#endif

uint64_t hash64(const void *p, size_t n)
{
#ifdef HASH_HAVE_AVX2
    if (use_avx2(n)) return hash64_avx2(p, n);
#endif
    return XXH3_64bits(p, n);
}

uint64_t hash64_seed(const void *p, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(p, n, seed);
}

struct hash128 hash128(const void *p, size_t n)
{
#ifdef HASH_HAVE_AVX2
    if (use_avx2(n)) return hash128_avx2(p, n);
#endif
    XXH128_hash_t h = XXH3_128bits(p, n);
    return (struct hash128){h.high64, h.low64};
}

/* struct hash_stream is an XXH3_state_t under another name. */
struct hash_stream *hash_stream_new(void)
{
    XXH3_state_t *s = XXH3_createState();
    if (s) XXH3_128bits_reset(s);
    return (struct hash_stream *)s;
}

void hash_stream_add(struct hash_stream *h, const void *p, size_t n)
{
#ifdef HASH_HAVE_AVX2
    if (use_avx2(n)) {
        hash_update_avx2(h, p, n);
        return;
    }
#endif
    if (n) XXH3_128bits_update((XXH3_state_t *)h, p, n);
}

uint64_t hash_stream_64(const struct hash_stream *h)
{
    return XXH3_64bits_digest((const XXH3_state_t *)h);
}

struct hash128 hash_stream_128(const struct hash_stream *h)
{
    XXH128_hash_t d = XXH3_128bits_digest((const XXH3_state_t *)h);
    return (struct hash128){d.high64, d.low64};
}

void hash_stream_free(struct hash_stream *h)
{
    XXH3_freeState((XXH3_state_t *)h);
}

void hash64_hex(uint64_t h, char out[17])
{
    snprintf(out, 17, "%016llx", (unsigned long long)h);
}

void hash128_hex(struct hash128 h, char out[33])
{
    hash64_hex(h.hi, out);
    hash64_hex(h.lo, out + 16);
}

static bool parse16(const char *s, uint64_t *out)
{
    uint64_t v = 0;
    for (int i = 0; i < 16; i++) {
        char c = s[i];
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (d < 0) return false;
        v = v << 4 | (uint64_t)d;
    }
    *out = v;
    return true;
}

bool hash128_parse(const char *hex, struct hash128 *out)
{
    return strlen(hex) == 32 && parse16(hex, &out->hi) && parse16(hex + 16, &out->lo);
}
