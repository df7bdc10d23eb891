/* dedup_seen.h - which 64-bit hashes have been seen: exactly, or by a Bloom
 * filter of fixed size that sometimes says yes to one that has not. */
#ifndef DATA_DEDUP_SEEN_H
#define DATA_DEDUP_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct dseen {
    uint64_t *v; /* table, or blocks of 512 bits */
    size_t slots, used, max_bytes;
    bool bloom, zero; /* zero: the hash 0 is in the table */
};

/* bloom_bytes 0: exact, up to max_bytes (0: no limit).  The filter sets 8 bits of
 * one cache line a hash (Putze, Sanders, Singler 2007): with 16 bits a hash about
 * 0.1 % of the new ones are taken for seen, with 10 bits 1.5 %. */
int dseen_init(struct dseen *s, size_t bloom_bytes, size_t max_bytes, struct err *e);
void dseen_free(struct dseen *s);
/* Room for n more; before dseen_add. */
int dseen_reserve(struct dseen *s, size_t n, struct err *e);
void dseen_prefetch(const struct dseen *s, uint64_t hash);
bool dseen_has(const struct dseen *s, uint64_t hash);
void dseen_add(struct dseen *s, uint64_t hash);

#endif
