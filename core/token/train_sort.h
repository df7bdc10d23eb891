/* train_sort.h - sorting by 64-bit keys: four symbols of a text, a score or a count. */
#ifndef CORE_TOKEN_TRAIN_SORT_H
#define CORE_TOKEN_TRAIN_SORT_H

#include <stddef.h>
#include <stdint.h>

struct sort_key {
    uint64_t key;
    uint32_t pos; /* what it is the key of */
};

/* Equal ones stay in the order they had.  tmp: room for n more. */
void sort_by_key(struct sort_key *v, struct sort_key *tmp, size_t n);

/* For qsort() of pairs of a count and a code point, uint64_t[2]: by falling count, then by code point. */
int sort_by_count(const void *a, const void *b);

#endif
