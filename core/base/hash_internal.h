/* hash_internal.h - between hash.c and hash_avx2.c. */
#ifndef CORE_BASE_HASH_INTERNAL_H
#define CORE_BASE_HASH_INTERNAL_H

#include "core/base/hash.h"

#if defined(__x86_64__)
#define HASH_HAVE_AVX2 1
uint64_t hash64_avx2(const void *p, size_t n);
struct hash128 hash128_avx2(const void *p, size_t n);
void hash_update_avx2(void *state, const void *p, size_t n); /* an XXH3_state_t */
#endif

#endif
