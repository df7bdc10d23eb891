#include "core/token/train_trie.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

void piece_trie_free(struct piece_trie *t)
{
    free(t->slot);
    memset(t, 0, sizeof *t);
}

static struct piece_edge *free_slot(struct piece_trie *t, uint64_t edge)
{
    size_t k = piece_trie_slot(t, edge);
    while (t->slot[k].edge != PIECE_TRIE_FREE) k = (k + 1) & (t->n_slots - 1);
    return &t->slot[k];
}

static bool grow(struct piece_trie *t, size_t n_slots)
{
    struct piece_trie old = *t;
    t->slot = mem_alloc(n_slots, sizeof *t->slot);
    t->n_slots = n_slots;
    if (t->slot) memset(t->slot, 0xFF, n_slots * sizeof *t->slot);
    for (size_t i = 0; t->slot && i < old.n_slots; i++)
        if (old.slot[i].edge != PIECE_TRIE_FREE) *free_slot(t, old.slot[i].edge) = old.slot[i];
    free(old.slot);
    return t->slot != NULL;
}

/* The edge from a node, made if absent; NULL when out of memory. */
static struct piece_edge *add_edge(struct piece_trie *t, uint32_t node, uint16_t symbol)
{
    struct piece_edge *found = piece_trie_step(t, node, symbol);
    if (found) return found;
    if (2 * ((size_t)t->n_nodes + 1) > t->n_slots && !grow(t, 2 * t->n_slots)) return NULL;
    uint64_t edge = (uint64_t)node << 16 | symbol;
    found = free_slot(t, edge);
    *found = (struct piece_edge){edge, t->n_nodes++, 0};
    return found;
}

int piece_trie_build(struct piece_trie *t, const struct sp_pieces *p, struct err *e)
{
    bool ok = grow(t, 1 << 16);
    t->n_nodes = 1;
    for (size_t i = 0; ok && i < p->n; i++) {
        uint32_t node = 0;
        for (uint32_t k = 0; ok && k < p->v[i].len; k++) {
            struct piece_edge *to = add_edge(t, node, p->pool[p->v[i].at + k]);
            ok = to != NULL;
            if (ok && k + 1 == p->v[i].len) to->piece = (uint32_t)i + 1;
            node = ok ? to->child : 0;
        }
    }
    return ok ? 0 : err_oom(e, t->n_slots * sizeof *t->slot, "looking pieces up");
}
