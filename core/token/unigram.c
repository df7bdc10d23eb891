/* The trie of symbols, made of sorted tokens; what characters become is unigram_map.c's,
 * where its nodes are unigram_nodes.c's. */
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
#include "core/token/unigram_nodes.h"
#include "core/token/isa.h"

enum { NO_ID = -1, MOST_NODES = 1 << 24 };

struct build {
    const struct tokenizer *t;
    struct unigram *u;
    const struct unigram_map *m;
    struct unigram_order o;
    size_t n_places;  /* in all rows */
    struct err *e;
};

/* ---- symbols side by side ---- */

static void note_pair(struct unigram *u, uint32_t a, uint32_t b)
{
    size_t at = unigram_pair(u, a, b);
    u->joined[at >> 6] |= (uint64_t)1 << (at & 63);
}

/* Nothing may be cut inside a user-defined piece, or another that the trie does not have. */
static void note_other(struct build *b, int id)
{
    size_t n;
    const uint8_t *s = (const uint8_t *)vocab_text(&b->t->vocab, id, &n);
    uint16_t before = 0;
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next(s + i, n - i);
        uint16_t symbol = unigram_char(b->m, c.cp);
        if (before && symbol) note_pair(b->u, before, symbol);
        before = symbol;
        i += c.len;
    }
}

static int note_pairs(struct build *b)
{
    struct unigram *u = b->u;
    const struct unigram_order *o = &b->o;
    size_t bits = 15;
    while ((size_t)1 << bits < 16 * b->m->n_joins && bits < 32) bits++;
    u->joined_shift = (unsigned)(64 - bits);
    u->joined = mem_zalloc((size_t)1 << (bits - 6), sizeof *u->joined);
    if (!u->joined) return err_oom(b->e, (size_t)1 << (bits - 3), "a trie");
    for (size_t k = 0; k < o->n; k++) { /* the others are those of the token before */
        size_t n = unigram_length(o, k);
        for (size_t i = o->common[k] ? o->common[k] : 1; i < n; i++)
            note_pair(u, unigram_symbol(o, k, i - 1), unigram_symbol(o, k, i));
    }
    if (u->unknown) note_pair(u, u->unknown, u->unknown); /* several are one <unk> */
    for (int id = 0; b->t->has_user && id < b->t->vocab.n; id++)
        if (unigram_is_long_user(b->t, id)) note_other(b, id);
    for (size_t k = 0; k < b->m->n_odd; k++) note_other(b, b->m->odd[k]);
    return 0;
}

/* ---- order ---- */

/* What the tokens have in common, and where their rows will be: those of a token that others go on from are
 * the beginnings of the next one's.  Ids stand before rows of floats, as many. */
static int measure(struct build *b)
{
    struct unigram_order *o = &b->o;
    unsigned wide = b->m->wide;
    size_t at = b->u->n_symbols;
    *o = (struct unigram_order){.token = b->m->token, .n = b->m->n_tokens, .wide = b->m->wide};
    uint8_t *common = mem_alloc(o->n + 1, 1);
    uint32_t *row = mem_alloc(o->n + 1, sizeof *row);
    o->common = common;
    o->row = row;
    if (!common || !row) return err_oom(b->e, o->n * 5, "a trie");
    common[0] = common[o->n] = 0;
    for (size_t k = 1; k < o->n; k++) common[k] = (uint8_t)(text_common(&o->token[k - 1], &o->token[k]) >> wide);
    for (size_t k = 0; k < o->n; k++) {
        size_t n = unigram_length(o, k);
        row[k] = (uint32_t)at;
        if (common[k + 1] < n) at += n;
        o->n_nodes += n - (common[k] ? common[k] : 1);
    }
    for (size_t k = o->n; b->u->turn && k-- > 0;) {
        size_t n = unigram_length(o, k);
        row[k] = common[k + 1] < n ? 2 * row[k] + (uint32_t)n : row[k + 1];
    }
    b->n_places = b->u->turn ? 2 * at + 1 : at; /* that of symbol 0 */
    return (2 * at + 1) >> (32 - UNIGRAM_DEPTH_BITS) ? err_set(b->e, ERR_DATA, "the vocabulary is too large") : 0;
}

/* ---- scores along the paths ---- */

/* Of a symbol alone, which may be unknown. */
static double single_score(const struct build *b, uint32_t symbol)
{
    int32_t id = b->m->single[symbol];
    uint32_t byte = symbol - b->u->first_byte;
    if (b->u->first_byte && byte < 256) return unigram_byte_score(byte, b->t->unk_score);
    return id == b->t->unk_id ? b->t->unk_score : unigram_score(b->t, id);
}

/* What is on the way to a token; room for as many behind it. */
struct path {
    int32_t id[UNIGRAM_LONGEST], turned[2 * UNIGRAM_LONGEST]; /* the first is the last of so many */
    float score[UNIGRAM_LONGEST];
    double score64[UNIGRAM_LONGEST];
};

static inline void set(struct path *p, size_t i, int32_t id, double score)
{
    p->id[i] = p->turned[UNIGRAM_LONGEST - 1 - i] = id;
    p->score64[i] = score;
    p->score[i] = (float)p->score64[i];
}

/* A path of n symbols.  All of it, though it may be shorter: what comes next is written over it. */
static inline void put(const struct build *b, const struct path *p, size_t n, size_t at)
{
    struct unigram *u = b->u;
    if (u->score) {
        memcpy(u->id + at - n, p->turned + UNIGRAM_LONGEST - n, sizeof p->id);
        memcpy(u->score + at, p->score, sizeof p->score);
    } else {
        memcpy(u->id + at, p->id, sizeof p->id);
        memcpy(u->score64 + at, p->score64, sizeof p->score64);
    }
}

/* Symbols alone, then a row for each path that no other goes on from. */
static void fill_rows(struct build *b)
{
    const struct unigram_order *o = &b->o;
    struct path p = {.turned = {0}};
    const double none = -(double)INFINITY;
    enum { AHEAD = 16 };
    for (size_t i = 0; i < UNIGRAM_LONGEST; i++) set(&p, i, NO_ID, none);
    for (uint32_t s = 1; s <= b->u->n_symbols; s++) {
        set(&p, 0, b->m->single[s], single_score(b, s));
        put(b, &p, 1, unigram_symbol_row(b->u, s));
    }
    for (size_t k = 0; k < o->n; k++) {
        size_t n = unigram_length(o, k), same = o->common[k];
        __builtin_prefetch(&b->t->score[o->token[k + AHEAD < o->n ? k + AHEAD : k].value]);
        uint32_t first = unigram_symbol(o, k, 0);
        int32_t id = o->token[k].value;
        if (!same) set(&p, same++, b->m->single[first], single_score(b, first));
        while (same < n - 1) set(&p, same++, NO_ID, none);
        set(&p, n - 1, id, unigram_score(b->t, id));
        if (o->common[k + 1] < n) put(b, &p, n, o->row[k]);
    }
}

static int make_rows(struct build *b)
{
    struct unigram *u = b->u;
    size_t n = b->n_places;
    u->id = mem_alloc(n + UNIGRAM_LONGEST, sizeof *u->id);
    if (u->turn) u->score = (float *)(void *)u->id;
    else u->score64 = mem_alloc(n + UNIGRAM_LONGEST, sizeof *u->score64);
    if (!u->id || (!u->score && !u->score64)) return err_oom(b->e, n * 12, "scores");
    fill_rows(b);
    u->id[u->turn ? n - 1 : n] = UNIGRAM_BREAK;
    if (u->score) u->score[n] = 0;
    else u->score64[n] = 0;
    return 0;
}

/* ---- the whole ---- */

static void choose(struct unigram *u)
{
    u->walk = unigram_walk_base;
    u->relax = unigram_relax_base;
    if (token_has_vbmi()) {
        u->symbols = unigram_symbols_avx512vbmi;
        u->spell = unigram_spell_avx512vbmi;
    }
#if defined(__x86_64__)
    if (token_has_avx2()) {
        if (!u->symbols) u->symbols = unigram_symbols_avx2bmi;
        if (!u->spell) u->spell = unigram_spell_avx2bmi;
        u->walk = unigram_walk_avx2bmi;
        u->relax = unigram_relax_avx2bmi;
    }
    if (strncmp(kernels_get()->isa, "avx512", 6) != 0) return;
    u->walk = unigram_walk_avx512;
    u->relax = unigram_relax_avx512;
#endif
}

static int build(struct build *b, bool *done)
{
    int ret = measure(b) || note_pairs(b) || make_rows(b) || unigram_nodes(b->u, &b->o, (uint32_t)b->n_places, done, b->e) ? -1 : 0;
    choose(b->u);
    free(b->o.common);
    free(b->o.row);
    return ret;
}

int unigram_new(const struct tokenizer *t, const struct charsmap *map, bool graphemes, struct unigram **out,
                struct err *e)
{
    struct unigram *u = mem_zalloc(1, sizeof *u);
    struct unigram_map m = {0};
    bool done = false;
    *out = NULL;
    if (!u) return err_oom(e, sizeof *u, "a tokenizer");
    u->fused = -1;
    u->unk_id = t->unk_id;
    u->turn = t->spm_floats ? SIZE_MAX : 0;
    int ret = unigram_map(t, map, graphemes, u, &m, e);
    if (ret == 0 && m.fit && m.n_joins + UNIGRAM_MANY < MOST_NODES)
        ret = build(&(struct build){.t = t, .u = u, .m = &m, .e = e}, &done);
    u->own = m.symbol;
    m.symbol = NULL;
    if (ret == 0 && done) *out = u;
    else unigram_free(u);
    unigram_map_free(&m);
    return ret;
}

void unigram_free(struct unigram *u)
{
    if (!u) return;
    free(u->node);
    free(u->row);
    free(u->score64);
    free(u->id);
    free(u->symbol);
    free(u->own);
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
