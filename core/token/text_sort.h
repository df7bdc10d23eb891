/* text_sort.h - many short texts in the order of their bytes.
 *
 * By eight bytes at a time: all texts by their first ones, then those that are
 * equal so far by the next.  Tries and the ways to cut tokens are made of it. */
#ifndef CORE_TOKEN_TEXT_SORT_H
#define CORE_TOKEN_TEXT_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_key {
    const char *text;
    uint32_t len;
    int32_t value;
};

/* A shorter text comes before those that it begins, equal ones by value.  false: out of memory. */
bool text_sort(struct text_key *keys, size_t n);
/* How many bytes two texts begin with in common. */
uint32_t text_common(const struct text_key *a, const struct text_key *b);

#endif
