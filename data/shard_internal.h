/* shard_internal.h - what the reader, the writer and the tests of token shards
 * share.  The layout is described in shard.h. */
#ifndef DATA_SHARD_INTERNAL_H
#define DATA_SHARD_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/hash.h"
#include "data/shard.h"

static const uint8_t shard_magic[8] = {'L', 'L', 'M', 'C', 'T', 'L', 'T', 'K'};
static const uint8_t shard_end_magic[8] = {'T', 'O', 'K', 'S', 'E', 'N', 'D', '1'};

/* The low halves of ids[0..n) to p; true: all of them are below the vocabulary. */
bool shard_narrow(char *p, const int32_t *ids, size_t n, int vocab);
bool shard_narrow_ref(char *p, const int32_t *ids, size_t n, int vocab);
#if defined(__x86_64__)
bool shard_narrow_avx2(char *p, const int32_t *ids, size_t n, int vocab);
bool shard_narrow_avx512(char *p, const int32_t *ids, size_t n, int vocab);
#endif

static inline uint64_t shard_footer_hash(const uint8_t *header, const uint8_t *footer)
{
    uint8_t both[SHARD_HEADER + 80];
    memcpy(both, header, SHARD_HEADER);
    memcpy(both + SHARD_HEADER, footer, 80);
    return hash64(both, sizeof both);
}

#endif
