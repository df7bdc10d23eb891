/* unigram_walk.h - what the ways to walk have in common. */
#ifndef CORE_TOKEN_UNIGRAM_WALK_H
#define CORE_TOKEN_UNIGRAM_WALK_H

#include "core/token/unigram.h"

#define UNIGRAM_NO_GAP 1e30 /* there is no second best */

/* Where the path of these symbols from a node on ends. */
static inline uint32_t unigram_last_node(const struct unigram *u, const uint16_t *symbols, uint32_t at)
{
    const struct unigram_node *node = u->node;
    uint32_t base = node[at].base, next;
    while (node[next = base ^ *symbols].above == at) {
        at = next;
        base = node[at].base;
        symbols++;
    }
    return at;
}

/* The rows of the longest paths from each place. */
static inline void unigram_rows(const struct unigram *u, const uint16_t *symbols, size_t n, uint32_t *row)
{
    for (size_t i = 0; i < n; i++) row[i] = u->row[unigram_last_node(u, symbols + i + 1, symbols[i])];
}

/* The same of up to UNIGRAM_ROOM places. */
void unigram_rows_by_level(const struct unigram *u, const uint16_t *symbols, size_t n, uint32_t *row);

/* Goes back from the end: from[i] is where the best way to i comes from, row[i] that
 * of the longest path that begins at i. */
static inline void unigram_back(const struct unigram *u, const int32_t *from, const uint32_t *row, size_t n,
                                struct unigram_path *to)
{
    size_t at = UNIGRAM_MOST;
    for (size_t end = n; end > 0;) {
        size_t begin = (size_t)from[end];
        to->buf[--at] = unigram_id(u, row[begin], end - begin);
        end = begin;
    }
    to->ids = to->buf + at;
    to->n = UNIGRAM_MOST - at;
}

#endif
