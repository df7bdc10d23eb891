/* unigram_nodes.h - inside unigram.c: the nodes of a trie of sorted tokens, and where they are. */
#ifndef CORE_TOKEN_UNIGRAM_NODES_H
#define CORE_TOKEN_UNIGRAM_NODES_H

#include "core/token/text_sort.h"
#include "core/token/unigram.h"

/* Tokens of several symbols, as unigram_map.h has them. */
struct unigram_order {
    const struct text_key *token; /* [n] */
    size_t n;
    bool wide;
    uint8_t *common;  /* [n + 1] symbols that each begins with as the one before; behind the last 0 */
    uint32_t *row;    /* [n] where the row of the next token is that no other goes on from */
    size_t n_nodes;   /* but for the root and those of symbols alone */
};

static inline size_t unigram_length(const struct unigram_order *o, size_t k)
{
    return o->token[k].len >> o->wide;
}

static inline uint32_t unigram_symbol(const struct unigram_order *o, size_t k, size_t i)
{
    const uint8_t *s = (const uint8_t *)o->token[k].text;
    return o->wide ? (uint32_t)s[2 * i] << 8 | s[2 * i + 1] : s[i];
}

/* The row of a symbol that no token goes on from. */
static inline uint32_t unigram_symbol_row(const struct unigram *u, uint32_t symbol)
{
    return u->turn ? 2 * symbol - 1 : symbol - 1;
}

/* Fills u->node and u->row; break_row: that of symbol 0.  *done stays false where the nodes find no room. */
int unigram_nodes(struct unigram *u, const struct unigram_order *o, uint32_t break_row, bool *done, struct err *e);

#endif
