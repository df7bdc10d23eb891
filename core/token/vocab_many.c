/* Many texts looked up together.  One look-up is three reads that miss the processor's caches, each of which says
 * where the next one is; those of some dozens are waited for at the same time. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/token/text_hash.h"
#include "core/token/vocab_slots.h"

/* gcc leaves calls out that only ask for memory; these are none. */
static inline __attribute__((always_inline)) void ask_for_entry(const struct vocab *v, int id)
{
    if (id >= 0) __builtin_prefetch(&v->v[id]);
}

static inline __attribute__((always_inline)) void ask_for_text(const struct vocab *v, int id)
{
    if (id >= 0) __builtin_prefetch(v->pool.data + v->v[id].off);
}

void vocab_find_many(const struct vocab *v, const struct vocab_text *text, size_t n, int32_t *id)
{
    enum { AT_ONCE = 64 };
    uint64_t h[AT_ONCE];
    for (size_t k; n > 0; n -= k, text += k, id += k) {
        k = n < AT_ONCE ? n : AT_ONCE;
        for (size_t i = 0; i < k; i++) {
            h[i] = text_hash(text[i].s, text[i].n);
            if (v->n_slots) __builtin_prefetch(&v->slots[h[i] & (v->n_slots - 1)]);
        }
        for (size_t i = 0; i < k; i++) ask_for_entry(v, id[i] = v->n_slots ? vocab_guess(v, h[i]) : -1);
        for (size_t i = 0; i < k; i++) ask_for_text(v, id[i]);
        for (size_t i = 0; i < k; i++) id[i] = vocab_check(v, id[i], h[i], text[i].s, text[i].n);
    }
}

/* ---- cuts ---- */

enum { WAITING = 96, SHORT = 16 };

/* A cut whose sides may both be tokens. */
struct cut {
    uint64_t left, right; /* hashes */
    uint32_t k, at;
};

/* Bits by the hashes of all texts: most texts that are no token are told without looking one up. */
struct cutting {
    const struct vocab *v;
    const int32_t *id;
    uint64_t *bit;
    size_t mask;
    struct cut cut[WAITING + SHORT];
    int l[WAITING + SHORT], r[WAITING + SHORT]; /* ids, perhaps */
    size_t n;
    vocab_cut_fn *each;
    void *arg;
};

static int sieve(struct cutting *c, struct err *e)
{
    const struct vocab *v = c->v;
    size_t bits = 1024;
    while (bits < 16 * (size_t)v->used) bits *= 2;
    c->mask = bits - 1;
    c->bit = mem_zalloc(bits / 64, sizeof *c->bit);
    if (!c->bit) return err_oom(e, bits / 8, "merges");
    for (int id = 0; id < v->n; id++) {
        if (!(v->v[id].flags & VOCAB_USED)) continue;
        size_t at = text_hash(v->pool.data + v->v[id].off, v->v[id].len) >> 20 & c->mask;
        c->bit[at >> 6] |= (uint64_t)1 << (at & 63);
    }
    return 0;
}

static inline size_t passes(const struct cutting *c, uint64_t h)
{
    size_t at = h >> 20 & c->mask;
    return c->bit[at >> 6] >> (at & 63) & 1;
}

static inline size_t begins_char(char c)
{
    return ((uint8_t)c & 0xC0) != 0x80;
}

static inline void take(struct cutting *c, size_t k, size_t at, uint64_t left, uint64_t right, size_t yes)
{
    c->cut[c->n] = (struct cut){left, right, (uint32_t)k, (uint32_t)at};
    c->n += yes;
}

/* All cuts of 2 to 8 bytes, without a branch that depends on them. */
static void cut_word(struct cutting *c, size_t k, const char *text, size_t n)
{
    uint64_t a, none;
    text_words(text, n, &a, &none);
    for (size_t i = 1; i < n; i++) {
        uint64_t right_a = a >> 8 * i;
        uint64_t left = text_hash_words(a ^ right_a << 8 * i, 0, i), right = text_hash_words(right_a, 0, n - i);
        take(c, k, i, left, right, passes(c, left) & passes(c, right) & begins_char((char)right_a));
    }
}

/* ... of 2 to 16. */
static void cut_short(struct cutting *c, size_t k, const char *text, size_t n)
{
    uint64_t a, b;
    text_words(text, n, &a, &b);
    for (size_t i = 1; i < n; i++) {
        bool low = i < 8;
        unsigned shift = 8 * (unsigned)(i & 7);
        uint64_t kept = ((uint64_t)1 << shift) - 1, carry = b << (63 - shift) << 1;
        uint64_t left_a = low ? a & kept : a, left_b = low ? 0 : b & kept;
        uint64_t right_a = low ? a >> shift | (shift ? carry : 0) : b >> shift, right_b = low ? b >> shift : 0;
        uint64_t left = text_hash_words(left_a, left_b, i), right = text_hash_words(right_a, right_b, n - i);
        take(c, k, i, left, right, passes(c, left) & passes(c, right) & begins_char(text[i]));
    }
}

/* Looks up both sides of all that wait. */
static int look(struct cutting *c)
{
    const struct vocab *v = c->v;
    int ret = 0;
    for (size_t i = 0; i < c->n; i++) {
        __builtin_prefetch(&v->slots[c->cut[i].left & (v->n_slots - 1)]);
        __builtin_prefetch(&v->slots[c->cut[i].right & (v->n_slots - 1)]);
    }
    for (size_t i = 0; i < c->n; i++) {
        c->l[i] = vocab_guess(v, c->cut[i].left);
        c->r[i] = c->l[i] < 0 ? -1 : vocab_guess(v, c->cut[i].right);
        if (c->r[i] < 0) continue;
        ask_for_entry(v, c->l[i]);
        ask_for_entry(v, c->r[i]);
    }
    for (size_t i = 0; i < c->n; i++) {
        if (c->r[i] < 0) continue;
        ask_for_text(v, c->l[i]);
        ask_for_text(v, c->r[i]);
    }
    for (size_t i = 0; i < c->n && ret == 0; i++) {
        const struct cut *x = &c->cut[i];
        size_t n;
        if (c->r[i] < 0) continue;
        const char *text = vocab_text(v, c->id[x->k], &n);
        int l = vocab_check(v, c->l[i], x->left, text, x->at);
        int r = l < 0 ? -1 : vocab_check(v, c->r[i], x->right, text + x->at, n - x->at);
        if (r >= 0) ret = c->each(c->arg, x->k, l, r);
    }
    c->n = 0;
    return ret;
}

static int cut(struct cutting *c, size_t k)
{
    size_t n;
    const char *text = vocab_text(c->v, c->id[k], &n);
    if (n <= SHORT) {
        if (n <= SHORT / 2) cut_word(c, k, text, n);
        else cut_short(c, k, text, n);
        return c->n >= WAITING ? look(c) : 0;
    }
    for (size_t i = 1; i < n; i++) {
        if (!begins_char(text[i])) continue;
        uint64_t left = text_hash(text, i);
        if (!passes(c, left)) continue;
        uint64_t right = text_hash(text + i, n - i);
        take(c, k, i, left, right, passes(c, right));
        if (c->n >= WAITING && look(c)) return -1;
    }
    return 0;
}

int vocab_cuts(const struct vocab *v, const int32_t *id, size_t n, vocab_cut_fn *each, void *arg, struct err *e)
{
    struct cutting c = {.v = v, .id = id, .each = each, .arg = arg};
    if (!n) return 0;
    int ret = sieve(&c, e);
    for (size_t k = 0; k < n && ret == 0; k++) ret = cut(&c, k);
    if (ret == 0) ret = look(&c);
    free(c.bit);
    return ret;
}
