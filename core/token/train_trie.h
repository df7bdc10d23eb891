/* train_trie.h - which pieces begin here?  A trie over symbols whose edges lie
 * in one hash table. */
#ifndef CORE_TOKEN_TRAIN_TRIE_H
#define CORE_TOKEN_TRAIN_TRIE_H

#include "core/token/train_sp.h"

/* Zero-initialise. */
struct piece_trie {
    struct piece_edge {
        uint64_t edge;  /* node << 16 | symbol; PIECE_TRIE_FREE */
        uint32_t child;
        uint32_t piece; /* piece + 1 that ends at the child, or 0 */
    } *slot;
    size_t n_slots;
    uint32_t n_nodes;
};
#define PIECE_TRIE_FREE UINT64_MAX

int piece_trie_build(struct piece_trie *t, const struct sp_pieces *p, struct err *e);
void piece_trie_free(struct piece_trie *t);

static inline size_t piece_trie_slot(const struct piece_trie *t, uint64_t edge)
{
    uint64_t h = edge * 0x9E3779B97F4A7C15ull;
    return (size_t)(h ^ h >> 32) & (t->n_slots - 1);
}

/* From a node (0 = root) along a symbol; NULL when there is no way. */
static inline struct piece_edge *piece_trie_step(const struct piece_trie *t, uint32_t node, uint16_t symbol)
{
    uint64_t edge = (uint64_t)node << 16 | symbol;
    for (size_t k = piece_trie_slot(t, edge); t->slot[k].edge != PIECE_TRIE_FREE; k = (k + 1) & (t->n_slots - 1))
        if (t->slot[k].edge == edge) return &t->slot[k];
    return NULL;
}

#endif
