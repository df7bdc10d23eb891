/* The double array of unigram's trie.  What hangs on a node is a family, which needs places
 * that differ as its symbols do.  Families of several come first, level by level: those that
 * texts meet most lie together.  The rest of each token that no other shares, one node below
 * the other, fills what is left between them. */
#include "core/token/unigram_nodes.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { CLASSES = 12, AHEAD = 8 };
#define FREE UINT32_MAX

/* A node and the tokens that go through it, or end there: two at least. */
struct range {
    uint32_t begin, end, place, depth;
};

struct places {
    struct unigram *u;
    const struct unigram_order *o;
    uint64_t *open;           /* a bit for each free place */
    size_t n_words;           /* of it */
    size_t low;               /* no place is free in words before it */
    size_t from[CLASSES];     /* the word where the last family of this size found places: none looks before it */
    struct range *queue;
    size_t n_queue;
    uint32_t *tail;           /* [o->n] the place of the node from which on a token is alone */
    uint16_t *label;          /* of the family at hand */
    uint32_t *start;          /* ... the first token of each, and the end */
};

/* Bit i of the result is bit i ^ by of v. */
static inline uint64_t exchange(uint64_t v, uint32_t by)
{
    static const uint64_t low[6] = {0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F,
                                    0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF, 0x00000000FFFFFFFF};
    for (unsigned k = 0; k < 6; k++) { /* without branches: labels are as they are */
        uint64_t other = (v >> (1u << k) & low[k]) | (v & low[k]) << (1u << k);
        v = by >> k & 1 ? other : v;
    }
    return v;
}

/* The bases among 64 of them that have a free place for each label. */
static uint64_t bases_at(const struct places *p, size_t word, size_t n)
{
    uint64_t all = UINT64_MAX;
    for (size_t k = 0; k < n && all; k++) {
        uint64_t open = p->open[word ^ p->label[k] >> 6];
        if (open != UINT64_MAX) all &= exchange(open, p->label[k] & 63);
    }
    return all;
}

/* A base for p->label[0..n); false: there is none. */
static bool find_base(struct places *p, size_t n, uint32_t *base)
{
    size_t class = n < 8 ? n : n < 16 ? 8 : n < 64 ? 9 : n < 256 ? 10 : 11;
    for (size_t word = p->from[class]; word < p->n_words; word++) {
        uint64_t all = bases_at(p, word, n);
        if (!all) continue;
        *base = (uint32_t)(64 * word) + (uint32_t)__builtin_ctzll(all);
        p->from[class] = word;
        return true;
    }
    return false;
}

/* The node at a place that is taken by it. */
static inline void put_node(struct places *p, uint32_t place, uint32_t above, uint32_t row, uint32_t depth)
{
    p->open[place >> 6] &= ~((uint64_t)1 << (place & 63));
    p->u->node[place] = (struct unigram_node){above, 0};
    p->u->row[place] = row << UNIGRAM_DEPTH_BITS | depth;
}

/* One more below `above`, wherever there is a place; FREE: nowhere. */
static uint32_t put_only(struct places *p, uint32_t above, uint32_t label, uint32_t row, uint32_t depth)
{
    while (p->low < p->n_words && !p->open[p->low]) p->low++;
    if (p->low == p->n_words) return FREE;
    uint32_t place = (uint32_t)(64 * p->low) + (uint32_t)__builtin_ctzll(p->open[p->low]);
    p->u->node[above].base = place ^ label;
    put_node(p, place, above, row, depth);
    return place;
}

static void wait(struct places *p, struct range r)
{
    if (r.end - r.begin > 1) p->queue[p->n_queue++] = r;
    else p->tail[r.begin] = r.place;
}

/* The labels of a node's family: tokens at which what is in common ends at its depth begin one. */
static size_t find_family(struct places *p, struct range r)
{
    const struct unigram_order *o = p->o;
    const uint8_t *common = o->common;
    size_t n = 0;
    uint32_t i = r.begin + (unigram_length(o, r.begin) == r.depth);
    while (i < r.end) {
        p->label[n] = (uint16_t)unigram_symbol(o, i, r.depth);
        p->start[n++] = i++;
        const uint8_t *next = memchr(common + i, (int)r.depth, r.end - i);
        i = next ? (uint32_t)(next - common) : r.end;
    }
    p->start[n] = r.end;
    return n;
}

static bool put_family(struct places *p, struct range r)
{
    size_t n = find_family(p, r);
    uint32_t base, depth = r.depth + 1;
    if (n == 1) {
        uint32_t place = put_only(p, r.place, p->label[0], p->o->row[p->start[0]], depth);
        if (place != FREE) wait(p, (struct range){p->start[0], r.end, place, depth});
        return place != FREE;
    }
    if (!find_base(p, n, &base)) return false;
    p->u->node[r.place].base = base;
    for (size_t k = 0; k < n; k++) {
        uint32_t place = base ^ p->label[k];
        put_node(p, place, r.place, p->o->row[p->start[k]], depth);
        wait(p, (struct range){p->start[k], p->start[k + 1], place, depth});
    }
    return true;
}

static bool put_tail(struct places *p, uint32_t token)
{
    const struct unigram_order *o = p->o;
    uint8_t before = o->common[token], behind = o->common[token + 1];
    uint32_t place = p->tail[token], n = (uint32_t)unigram_length(o, token);
    /* The last node that others share, but for the symbol's own, which is there anyway, is that of the longer
     * beginning; one below it is the first that is the token's alone. */
    uint32_t depth = (before > behind ? before : behind) + 1u;
    for (; depth < n; depth++)
        if ((place = put_only(p, place, unigram_symbol(o, token, depth), o->row[token], depth + 1)) == FREE) return false;
    return true;
}

static void put_symbols(struct places *p, uint32_t break_row, size_t block)
{
    const struct unigram_order *o = p->o;
    put_node(p, 0, FREE, break_row, 1);
    for (uint32_t s = 1; s <= p->u->n_symbols; s++) put_node(p, s, 0, unigram_symbol_row(p->u, s), 1);
    for (uint32_t i = 0, end; i < o->n; i = end) {
        uint32_t s = unigram_symbol(o, i, 0);
        const uint8_t *next = memchr(o->common + i + 1, 0, o->n - i);
        end = (uint32_t)(next - o->common);
        p->u->row[s] = o->row[i] << UNIGRAM_DEPTH_BITS | 1;
        wait(p, (struct range){i, end, s, 1});
    }
    /* Symbol 0 leads nowhere, not even there, and nothing hangs on it. */
    p->u->node[0].base = (uint32_t)block;
}

/* All nodes, if they find room among 64 * n_words places. */
static bool put_all(struct places *p, uint32_t break_row, size_t block)
{
    size_t n = 64 * p->n_words;
    p->low = p->n_queue = 0;
    memset(p->from, 0, sizeof p->from);
    memset(p->open, 0xFF, n / 8);
    for (size_t i = 0; i < n; i++) p->u->node[i].above = FREE;
    memset(p->tail, 0xFF, p->o->n * sizeof *p->tail);
    put_symbols(p, break_row, block);
    for (size_t i = 0; i < p->n_queue; i++) {
        size_t later = i + AHEAD < p->n_queue ? i + AHEAD : i;
        __builtin_prefetch(p->o->token[p->queue[later].begin].text);
        if (!put_family(p, p->queue[i])) return false;
    }
    for (uint32_t k = 0; k < p->o->n; k++)
        if (p->tail[k] != FREE && !put_tail(p, k)) return false;
    return true;
}

int unigram_nodes(struct unigram *u, const struct unigram_order *o, uint32_t break_row, bool *done, struct err *e)
{
    struct places p = {.u = u, .o = o};
    size_t block = 64, nodes = u->n_symbols + 1 + o->n_nodes;
    while (block <= u->n_symbols) block *= 2;
    size_t least = (nodes + nodes / 8 + 2 * block) / block * block;
    p.queue = mem_alloc(o->n_nodes + 1, sizeof *p.queue);
    p.tail = mem_alloc(o->n + 1, sizeof *p.tail);
    p.label = mem_alloc(block, sizeof *p.label);
    p.start = mem_alloc(block + 1, sizeof *p.start);
    bool ok = p.queue && p.tail && p.label && p.start;
    for (size_t n = least; ok && !*done && n < 16 * least; n += (n / 2 / block + 1) * block) {
        free(u->node);
        free(u->row);
        free(p.open);
        p.n_words = n / 64;
        u->node = mem_alloc_table(n, sizeof *u->node);
        u->row = mem_alloc_table(n, sizeof *u->row);
        p.open = mem_alloc(p.n_words, sizeof *p.open);
        ok = u->node && u->row && p.open;
        *done = ok && put_all(&p, break_row, block);
    }
    free(p.queue);
    free(p.tail);
    free(p.label);
    free(p.start);
    free(p.open);
    return ok ? 0 : err_oom(e, o->n_nodes * sizeof *u->node, "a trie");
}
