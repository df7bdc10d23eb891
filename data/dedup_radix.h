/* dedup_radix.h - sorting records of u64 words in place. */
#ifndef DATA_DEDUP_RADIX_H
#define DATA_DEDUP_RADIX_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/pool.h"

/* By all words, the first first. */
void dedup_radix_sort(uint64_t *v, size_t n, int words, struct pool *pool);

#endif
