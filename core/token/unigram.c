/* The trie of symbols; what characters become is unigram_map.c's. */
#include "core/token/unigram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/kernels/kernels.h"
#include "core/token/tok_internal.h"
#include "core/token/unicode.h"
#include "core/token/unigram_many.h"
#include "core/token/unigram_map.h"
#include "core/token/vbmi.h"

enum { NO_ID = -1, MOST_NODES = 1 << 24, TRIES = 16 };
#define FREE UINT32_MAX

/* A node while the trie is made, in the order of making: behind the one it hangs on. */
struct draft {
    uint32_t above;
    uint32_t row;     /* where its scores are; FREE = not known yet */
    int32_t id;       /* of the token that ends here */
    uint32_t place;   /* in the double array; and of what hangs on it, xor labels: */
    uint32_t base;
    uint16_t label, n_below;
    uint8_t depth;
};

struct build {
    const struct tokenizer *t;
    struct unigram *u;
    struct draft *v;
    size_t n;
    uint32_t *below, *beside; /* [n] the first draft that hangs on each, the next one that hangs on the same; 0 = none */
    uint32_t *order;
    struct err *e;
};

/* ---- nodes ---- */

static uint32_t add(struct build *b, uint32_t above, uint32_t label)
{
    uint32_t node = (uint32_t)b->n++;
    b->v[node] = (struct draft){.above = above, .label = (uint16_t)label, .depth = (uint8_t)(b->v[above].depth + 1), .row = FREE, .id = NO_ID};
    b->v[above].n_below++;
    return node;
}

static bool room(struct build *b, size_t nodes)
{
    b->v = mem_alloc(nodes, sizeof *b->v);
    b->below = mem_alloc(nodes, sizeof *b->below);
    b->beside = mem_alloc(nodes, sizeof *b->beside);
    b->order = mem_alloc(nodes, sizeof *b->order);
    return b->v && b->below && b->beside && b->order;
}

static void note_pair(struct unigram *u, uint32_t a, uint32_t b)
{
    size_t at = unigram_pair(u, a, b);
    u->joined[at >> 6] |= (uint64_t)1 << (at & 63);
}

/* Nothing may be cut inside a user-defined piece. */
static void note_user(struct build *b, const struct unigram_map *m, int id)
{
    size_t n;
    const uint8_t *s = (const uint8_t *)vocab_text(&b->t->vocab, id, &n);
    uint16_t before = 0;
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next(s + i, n - i);
        uint16_t symbol = unigram_char(m, c.cp);
        if (before && symbol) note_pair(b->u, before, symbol);
        before = symbol;
        i += c.len;
    }
}

/* Tokens in the order of their texts: what hangs on a node is made before the next one beside it. */
static void add_sorted(struct build *b, const struct unigram_map *m, const struct text_key *keys, size_t n_keys)
{
    uint16_t sym[2][UNIGRAM_LONGEST];
    uint32_t path[UNIGRAM_LONGEST]; /* of the token before */
    size_t n_before = 0, now = 0;
    for (size_t k = 0; k < n_keys; k++) {
        const uint16_t *before = sym[!now];
        size_t n = unigram_token(b->t, m, keys[k].value, sym[now]), same = 0;
        while (same < n && same < n_before && sym[now][same] == before[same]) same++;
        if (n && !same) path[same++] = sym[now][0];
        for (size_t i = same; i < n; i++) {
            path[i] = add(b, path[i - 1], sym[now][i]);
            note_pair(b->u, sym[now][i - 1], sym[now][i]);
        }
        if (n > 1) b->v[path[n - 1]].id = keys[k].value;
        if (!n) continue;
        n_before = n;
        now = !now;
    }
}

/* One node for each symbol, then the longer tokens. */
static int add_tokens(struct build *b, const struct unigram_map *m)
{
    const struct tokenizer *t = b->t;
    struct text_key *sorted;
    size_t n;
    if (tok_sort(t, VOCAB_MODEL, unigram_without(t), &sorted, &n, b->e)) return -1;
    b->v[0] = (struct draft){.row = FREE, .id = NO_ID};
    b->n = 1;
    for (uint32_t s = 1; s <= b->u->n_symbols; s++) b->v[add(b, 0, s)].id = m->single[s];
    if (b->u->unknown) note_pair(b->u, b->u->unknown, b->u->unknown); /* several are one <unk> */
    for (int id = 0; t->has_user && id < t->vocab.n; id++)
        if (t->vocab.v[id].flags & VOCAB_USER) note_user(b, m, id);
    add_sorted(b, m, sorted, n);
    free(sorted);
    return 0;
}

/* ---- scores along the paths ---- */

static double score_of(const struct build *b, int32_t id)
{
    return id < 0 ? -(double)INFINITY : id == b->t->unk_id ? b->t->unk_score : b->t->score[id];
}

/* A row for each path that no other goes on from; the others are beginnings of these. */
static void fill_rows(struct build *b)
{
    struct unigram *u = b->u;
    uint32_t at = 0;
    for (size_t i = b->n; i-- > 1;) {
        struct draft *v = &b->v[i];
        if (v->row == FREE) {
            v->row = at;
            at += v->depth;
            for (size_t k = i; k; k = b->v[k].above) {
                size_t to = v->row + b->v[k].depth - 1;
                u->id[to] = b->v[k].id;
                if (u->score) u->score[to] = (float)score_of(b, b->v[k].id);
                else u->score64[to] = score_of(b, b->v[k].id);
            }
        }
        b->v[v->above].row = v->row;
    }
}

static int make_rows(struct build *b)
{
    struct unigram *u = b->u;
    size_t n = 0;
    for (size_t i = 1; i < b->n; i++) n += b->v[i].n_below ? 0 : b->v[i].depth;
    if ((n + 1) >> (32 - UNIGRAM_DEPTH_BITS)) return err_set(b->e, ERR_DATA, "the vocabulary is too large");
    u->id = mem_alloc(n + 1, sizeof *u->id);
    if (b->t->spm_floats) u->score = mem_alloc(n + UNIGRAM_LONGEST, sizeof *u->score);
    else u->score64 = mem_alloc(n + UNIGRAM_LONGEST, sizeof *u->score64);
    if (!u->id || (!u->score && !u->score64)) return err_oom(b->e, n * 12, "scores");
    fill_rows(b);
    b->v[0].row = (uint32_t)n;
    u->id[n] = UNIGRAM_BREAK;
    if (u->score) u->score[n] = 0;
    else u->score64[n] = 0;
    return 0;
}

/* ---- the double array ---- */

/* Drafts on which others hang, but for the root, those with most first; their number. */
static size_t find_families(struct build *b)
{
    uint32_t from[UNIGRAM_MANY + 1];
    size_t many = 0;
    memset(from, 0, (b->u->n_symbols + 1) * sizeof *from);
    memset(b->below, 0, b->n * sizeof *b->below);
    for (uint32_t i = (uint32_t)b->n; --i > 0;) {
        b->beside[i] = b->below[b->v[i].above];
        b->below[b->v[i].above] = i;
        from[b->v[i].n_below]++;
    }
    for (size_t size = b->u->n_symbols; size > 0; size--) {
        size_t count = from[size];
        from[size] = (uint32_t)many;
        many += count;
    }
    for (uint32_t i = 1; i < b->n; i++)
        if (b->v[i].n_below) b->order[from[b->v[i].n_below]++] = i;
    return many;
}

/* Free nodes form a list; those that many families did not fit at are given up. */
struct places {
    uint32_t *next, *before;
    uint8_t *missed;
    uint32_t first;
};

static void take_off(struct places *p, uint32_t i)
{
    if (p->before[i] == FREE) p->first = p->next[i];
    else p->next[p->before[i]] = p->next[i];
    if (p->next[i] != FREE) p->before[p->next[i]] = p->before[i];
}

static void settle(struct build *b, struct places *p, uint32_t draft, uint32_t place)
{
    b->v[draft].place = place;
    b->u->node[place].above = 0;
    if (p->missed[place] < TRIES) take_off(p, place);
}

static bool place_family(struct build *b, struct places *p, uint32_t draft)
{
    uint32_t first = b->below[draft], k;
    for (uint32_t i = p->first, next; i != FREE; i = next) {
        uint32_t base = i ^ b->v[first].label;
        next = p->next[i];
        for (k = b->beside[first]; k && b->u->node[base ^ b->v[k].label].above == FREE; k = b->beside[k]) {}
        if (!k) {
            b->v[draft].base = base;
            for (k = first; k; k = b->beside[k]) settle(b, p, k, base ^ b->v[k].label);
            return true;
        }
        if (++p->missed[i] == TRIES) take_off(p, i);
    }
    return false;
}

/* All nodes among n places, if they find room: largest families first, so that a
 * node may be placed after what hangs on it. */
static bool place_all(struct build *b, struct places *p, size_t n, size_t many)
{
    for (size_t i = 0; i < n; i++) {
        b->u->node[i] = (struct unigram_node){.above = FREE};
        p->next[i] = i + 1 < n ? (uint32_t)i + 1 : FREE;
        p->before[i] = (uint32_t)i - 1; /* of the first: FREE */
        p->missed[i] = 0;
    }
    p->first = 0;
    b->v[0].place = 0;
    take_off(p, 0);
    b->u->node[0].above = 0;
    for (uint32_t s = 1; s <= b->u->n_symbols; s++) settle(b, p, s, s);
    for (size_t i = 0; i < many; i++)
        if (!place_family(b, p, b->order[i])) return false;
    return true;
}

/* block: more than all symbols; there are twice as many nodes at least. */
static void fill_nodes(const struct build *b, size_t block)
{
    /* Symbol 0 leads nowhere, not even there, and nothing hangs on it. */
    b->u->node[0] = (struct unigram_node){FREE, (uint32_t)block};
    b->u->row[0] = b->v[0].row << UNIGRAM_DEPTH_BITS | 1;
    for (size_t i = 1; i < b->n; i++) {
        const struct draft *v = &b->v[i];
        b->u->node[v->place] = (struct unigram_node){b->v[v->above].place, v->base};
        b->u->row[v->place] = v->row << UNIGRAM_DEPTH_BITS | v->depth;
    }
}

static int make_nodes(struct build *b, bool *placed)
{
    size_t many = find_families(b), block = 64;
    while (block <= b->u->n_symbols) block *= 2;
    size_t least = (b->n + b->n / 8 + 2 * block) / block * block;
    for (size_t n = least; !*placed && n < 16 * least; n += (n / 2 / block + 1) * block) {
        struct places p = {mem_alloc(n, sizeof *p.next), mem_alloc(n, sizeof *p.before), mem_alloc(n, 1), 0};
        free(b->u->node);
        free(b->u->row);
        b->u->node = mem_alloc_table(n, sizeof *b->u->node);
        b->u->row = mem_alloc_table(n, sizeof *b->u->row);
        bool ok = p.next && p.before && p.missed && b->u->node && b->u->row;
        *placed = ok && place_all(b, &p, n, many);
        free(p.next);
        free(p.before);
        free(p.missed);
        if (!ok) return err_oom(b->e, n * sizeof *b->u->node, "a trie");
    }
    if (*placed) fill_nodes(b, block);
    return 0;
}

/* ---- the whole ---- */

static void choose(struct unigram *u)
{
    u->walk = unigram_walk_base;
    u->relax = unigram_relax_base;
    if (token_has_vbmi()) u->symbols = unigram_symbols_avx512vbmi;
#if defined(__x86_64__)
    if (strncmp(kernels_get()->isa, "avx512", 6) != 0) return;
    u->walk = unigram_walk_avx512;
    u->relax = unigram_relax_avx512;
#endif
}

static int build(struct build *b, const struct unigram_map *m, bool *done)
{
    struct unigram *u = b->u;
    size_t bits = 15;
    while ((size_t)1 << bits < 16 * m->n_joins && bits < 32) bits++;
    u->joined_shift = (unsigned)(64 - bits);
    u->joined = mem_zalloc((size_t)1 << (bits - 6), sizeof *u->joined);
    if (!u->joined || !room(b, u->n_symbols + m->n_joins + 2)) return err_oom(b->e, m->n_joins * 60, "a trie");
    if (add_tokens(b, m) || make_rows(b)) return -1;
    choose(u);
    return make_nodes(b, done);
}

int unigram_new(const struct tokenizer *t, const struct charsmap *map, bool graphemes, struct unigram **out,
                struct err *e)
{
    struct build b = {.t = t, .u = mem_zalloc(1, sizeof *b.u), .e = e};
    if (b.u) b.u->fused = -1;
    if (b.u) b.u->unk_id = t->unk_id;
    struct unigram_map m = {0};
    bool done = false;
    *out = NULL;
    int ret = b.u ? unigram_map(t, map, graphemes, b.u, &m, e) : err_oom(e, sizeof *b.u, "a tokenizer");
    if (ret == 0 && m.fit && m.n_joins + UNIGRAM_MANY < MOST_NODES) ret = build(&b, &m, &done);
    if (ret == 0 && done) *out = b.u;
    else unigram_free(b.u);
    free(m.symbol);
    free(m.single);
    free(b.v);
    free(b.below);
    free(b.beside);
    free(b.order);
    return ret;
}

void unigram_free(struct unigram *u)
{
    if (!u) return;
    free(u->node);
    free(u->row);
    free(u->score);
    free(u->score64);
    free(u->id);
    free(u->symbol);
    free(u->many);
    free(u->joined);
    free(u);
}

uint32_t unigram_code_far(const struct unigram *u, const uint8_t *s, size_t n, size_t *len)
{
    struct uni_char c = uni_next(s, n);
    if (c.len != 4 || c.cp >= UNIGRAM_CHARS) return 0;
    *len = 4;
    return u->symbol[c.cp];
}
