/* What the normalizer of a tokenizer.json makes of characters by themselves: which are
 * certain, and what symbols they become. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/unicode.h"
#include "core/token/unigram_map.h"

enum { CHARS = UNIGRAM_CHARS };

struct steps {
    struct unigram *u;
    struct norm_chain chain; /* those that look at each character */
    bool by_char, orders;    /* norm_by_char() */
    uint16_t *before;        /* [CHARS] the symbols of what comes out of the chain */
    size_t cap;              /* of u->many */
};

static bool is_form(enum norm_kind k)
{
    return k == NORM_NFC || k == NORM_NFD || k == NORM_NFKC || k == NORM_NFKD;
}

static bool at_chars(const struct norm_step *s)
{
    return is_form(s->kind) || s->kind == NORM_LOWERCASE || s->kind == NORM_STRIP_ACCENTS;
}

/* A text that is replaced, unless it is a space: what words begin with. */
static bool is_replaced(const struct norm_step *s)
{
    return s->kind == NORM_REPLACE && !s->re && !(s->n_from == 1 && *s->from == ' ');
}

/* Whether a step leaves the character alone, whatever such characters are around it. */
static bool keeps(const struct norm_step *s, uint32_t cp)
{
    enum norm_kind k = s->kind;
    uint32_t out[NORM_CHAR_MOST];
    if (is_form(k))
        return cp < 0x80 || norm_form_keeps(cp, k == NORM_NFKC || k == NORM_NFKD, k == NORM_NFC || k == NORM_NFKC);
    struct norm_step step = *s;
    return norm_char(&(struct norm_chain){&step, 1}, cp, out) == 1 && out[0] == cp;
}

/* What a step makes of a character, if it leaves all of that alone; else -1. */
static int one_step(const struct norm_step *s, uint32_t cp, uint32_t out[NORM_CHAR_MOST])
{
    int n = 1;
    out[0] = cp;
    if (keeps(s, cp)) return 1;
    struct norm_step step = *s;
    if (is_form(s->kind)) n = norm_decompose(cp, s->kind == NORM_NFKC || s->kind == NORM_NFKD, out);
    else n = norm_char(&(struct norm_chain){&step, 1}, cp, out);
    for (int i = 0; i < n; i++)
        if (!keeps(s, out[i])) return -1;
    return n;
}

/* ... and all steps, one after the other. */
static int all_steps(const struct norm_chain *c, uint32_t cp, uint32_t out[NORM_CHAR_MOST])
{
    int n = 1;
    out[0] = cp;
    for (size_t i = 0; i < c->n; i++) {
        bool alone = n == 1;
        if (alone) n = one_step(&c->step[i], out[0], out);
        for (int k = 0; !alone && k < n; k++)
            if (!keeps(&c->step[i], out[k])) return -1;
        if (n < 0) return -1;
    }
    return n;
}

/* The characters that this one becomes, or -1. */
static int after(const struct steps *x, uint32_t cp, uint32_t out[NORM_CHAR_MOST])
{
    out[0] = cp;
    if (unigram_settled(cp)) return 1;
    if (!x->by_char) return all_steps(&x->chain, cp, out);
    int n = x->orders && norm_is_mark(cp) ? -1 : norm_char(&x->chain, cp, out);
    for (int i = 0; x->orders && i < n; i++)
        if (norm_is_mark(out[i])) return -1;
    return n;
}

/* The symbol of what a character becomes, or the place of several; 0 if they are not certain. */
static int become(struct steps *x, uint32_t cp, uint16_t *to, struct err *e)
{
    struct unigram *u = x->u;
    uint32_t out[NORM_CHAR_MOST];
    int n = after(x, cp, out);
    size_t at = u->n_many;
    *to = 0;
    for (int i = 0; i < n; i++)
        if (out[i] >= CHARS || !x->before[out[i]]) return 0;
    if (n == 1) *to = x->before[out[0]];
    if (n < 2 || at + (size_t)n >= UNIGRAM_MANY) return 0;
    if (!mem_room(&u->many, &x->cap, at + (size_t)n + 1, sizeof *u->many))
        return err_oom(e, x->cap * sizeof *u->many, "a tokenizer");
    u->many[at] = (uint16_t)n;
    for (int i = 0; i < n; i++) u->many[at + 1 + (size_t)i] = x->before[out[i]];
    u->n_many = at + (size_t)n + 1;
    *to = (uint16_t)(UNIGRAM_MANY | at);
    return 0;
}

/* Characters of a text that is replaced are not certain; of one that is the same character
 * twice, only beside itself. */
static void leave_out(struct steps *x, const struct norm_step *s)
{
    const uint8_t *from = (const uint8_t *)s->from;
    if (s->n_from == 2 && from[0] == from[1] && from[0] < 0x80 && x->before[from[0]])
        x->u->single[from[0]] = x->before[from[0]];
    else
        for (size_t i = 0; i < s->n_from; i++)
            if (from[i] < 0x80) x->u->single[from[i]] = 0;
    for (size_t i = 0; i < s->n_from;) {
        struct uni_char c = uni_next(from + i, s->n_from - i);
        if (c.cp < CHARS) x->before[c.cp] = 0;
        i += c.len;
    }
}

static int follow(const struct tokenizer *t, struct steps *x, struct err *e)
{
    uint16_t *symbol = x->u->symbol;
    memcpy(x->before, symbol, CHARS * sizeof *symbol);
    for (uint32_t cp = 0; cp < CHARS; cp++)
        if (symbol[cp] & UNIGRAM_MANY) x->before[cp] = 0; /* other rules changed it first, or after */
    for (size_t i = 0; i < t->norm.n; i++)
        if (is_replaced(&t->norm.step[i])) leave_out(x, &t->norm.step[i]);
    x->by_char = norm_by_char(&x->chain, &x->orders);
    for (uint32_t cp = 0; cp < CHARS; cp++) {
        bool here = symbol[cp] && !(symbol[cp] & UNIGRAM_MANY);
        symbol[cp] = 0;
        if (here && become(x, cp, &symbol[cp], e)) return -1;
    }
    return 0;
}

int unigram_steps(const struct tokenizer *t, struct unigram *u, struct err *e)
{
    struct steps x = {.u = u, .cap = u->n_many};
    bool any = false;
    /* Where words are what stands between white space, no character of it is unknown. */
    for (uint32_t cp = 0; t->pre.n == 2 && cp < CHARS; cp++)
        if (uni_class(cp) & UNI_SPACE) u->symbol[cp] = 0;
    x.chain.step = mem_alloc(t->norm.n + 1, sizeof *x.chain.step);
    x.before = mem_alloc(CHARS, sizeof *x.before);
    int ret = x.chain.step && x.before ? 0 : err_oom(e, CHARS * sizeof *x.before, "a tokenizer");
    for (size_t i = 0; ret == 0 && i < t->norm.n; i++) {
        const struct norm_step *s = &t->norm.step[i];
        if (at_chars(s)) x.chain.step[x.chain.n++] = *s;
        any = any || at_chars(s) || is_replaced(s);
    }
    if (ret == 0 && any) ret = follow(t, &x, e);
    free(x.chain.step);
    free(x.before);
    return ret;
}
