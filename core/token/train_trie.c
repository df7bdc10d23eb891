#include "core/token/train_trie.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

void piece_trie_free(struct piece_trie *t)
{
    free(t->edge);
    free(t->child);
    free(t->piece);
    memset(t, 0, sizeof *t);
}

static bool grow(struct piece_trie *t, size_t n_slots)
{
    struct piece_trie old = *t;
    t->edge = mem_alloc(n_slots, sizeof *t->edge);
    t->child = mem_alloc(n_slots, sizeof *t->child);
    t->piece = mem_zalloc(n_slots / 2 + 2, sizeof *t->piece);
    t->n_slots = n_slots;
    bool ok = t->edge && t->child && t->piece;
    if (ok) memset(t->edge, 0xFF, n_slots * sizeof *t->edge);
    if (ok && old.piece) memcpy(t->piece, old.piece, old.n_nodes * sizeof *t->piece);
    for (size_t i = 0; ok && i < old.n_slots; i++) {
        if (old.edge[i] == PIECE_TRIE_FREE) continue;
        size_t k = piece_trie_slot(t, old.edge[i]);
        while (t->edge[k] != PIECE_TRIE_FREE) k = (k + 1) & (n_slots - 1);
        t->edge[k] = old.edge[i];
        t->child[k] = old.child[i];
    }
    free(old.edge);
    free(old.child);
    free(old.piece);
    return ok;
}

/* The node at the end of an edge, made if absent. */
static bool add_edge(struct piece_trie *t, uint32_t *node, uint16_t symbol)
{
    if (piece_trie_step(t, node, symbol)) return true;
    if (2 * ((size_t)t->n_nodes + 1) > t->n_slots && !grow(t, 2 * t->n_slots)) return false;
    uint64_t edge = (uint64_t)*node << 16 | symbol;
    size_t k = piece_trie_slot(t, edge);
    while (t->edge[k] != PIECE_TRIE_FREE) k = (k + 1) & (t->n_slots - 1);
    t->edge[k] = edge;
    *node = t->child[k] = t->n_nodes++;
    return true;
}

int piece_trie_build(struct piece_trie *t, const struct sp_pieces *p, struct err *e)
{
    bool ok = grow(t, 1 << 16);
    t->n_nodes = 1;
    for (size_t i = 0; ok && i < p->n; i++) {
        uint32_t node = 0;
        for (uint32_t k = 0; ok && k < p->v[i].len; k++)
            ok = add_edge(t, &node, p->pool[p->v[i].at + k]);
        if (ok) t->piece[node] = (uint32_t)i + 1;
    }
    return ok ? 0 : err_oom(e, t->n_slots * 16, "looking pieces up");
}
