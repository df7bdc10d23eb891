/* trie.h - a double-array trie over byte strings.
 *
 * The child of node s by byte c is at base(s) ^ c and carries c as its label;
 * no two nodes share a base.  Built once from keys with values >= 0, then
 * read by any number of threads.  A node is a number; the root is 0. */
#ifndef CORE_TOKEN_TRIE_H
#define CORE_TOKEN_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/token/text_sort.h"

struct trie_unit {
    uint32_t link;   /* base << 9 | label; label 256 = not used */
    int32_t value;   /* -1 = no key ends here */
};

struct trie {
    struct trie_unit *unit; /* [n], n a multiple of 256 */
    size_t n;
    size_t longest;  /* bytes of the longest key */
};

/* Sorts the keys.  Empty ones are left out; of equal ones that with the highest value wins. */
int trie_build(struct trie *t, struct text_key *keys, size_t n, struct err *e);
void trie_free(struct trie *t);

/* The child, or 0. */
static inline uint32_t trie_step(const struct trie *t, uint32_t node, uint8_t c)
{
    uint32_t to = (t->unit[node].link >> 9) ^ c;
    return (t->unit[to].link & 511) == c && to ? to : 0;
}

/* Longest key that s begins with: its length and value, or 0. */
size_t trie_longest(const struct trie *t, const char *s, size_t n, int32_t *value);

#endif
