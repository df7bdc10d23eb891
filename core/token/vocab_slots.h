/* vocab_slots.h - inside vocab*.c: ids by the hash of their texts. */
#ifndef CORE_TOKEN_VOCAB_SLOTS_H
#define CORE_TOKEN_VOCAB_SLOTS_H

#include "core/token/vocab.h"

/* What a slot says of the id's text beside the place where it is. */
enum { VOCAB_TAG_SHIFT = 21 };

static inline uint32_t vocab_tag(uint64_t h)
{
    return (uint32_t)(h >> 53) << VOCAB_TAG_SHIFT;
}

/* The id that has this text most likely, or -1: none has. */
static inline int vocab_guess(const struct vocab *v, uint64_t h)
{
    size_t i = h & (v->n_slots - 1);
    for (; v->slots[i]; i = (i + 1) & (v->n_slots - 1))
        if ((v->slots[i] ^ vocab_tag(h)) >> VOCAB_TAG_SHIFT == 0) return (int)(v->slots[i] & ((1u << VOCAB_TAG_SHIFT) - 1)) - 1;
    return -1;
}

static inline bool vocab_same(const char *a, const char *b, size_t n)
{
    uint64_t x, y;
    uint32_t u, w;
    for (; n > 8; n -= 8, a += 8, b += 8) {
        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        if (x != y) return false;
    }
    if (n < 4) return (n < 1 || *a == *b) && (n < 2 || a[1] == b[1]) && (n < 3 || a[2] == b[2]);
    memcpy(&u, a, 4);
    memcpy(&w, b, 4);
    if (u != w) return false;
    memcpy(&u, a + n - 4, 4);
    memcpy(&w, b + n - 4, 4);
    return u == w;
}

/* The id, or -1 and, where slot is not NULL, the free slot that was found instead. */
static inline int vocab_slot(const struct vocab *v, uint64_t h, const char *text, size_t len, size_t *slot)
{
    size_t i = h & (v->n_slots - 1);
    for (; v->slots[i]; i = (i + 1) & (v->n_slots - 1)) {
        if ((v->slots[i] ^ vocab_tag(h)) >> VOCAB_TAG_SHIFT) continue;
        int id = (int)(v->slots[i] & ((1u << VOCAB_TAG_SHIFT) - 1)) - 1;
        if (v->v[id].len == len && vocab_same(v->pool.data + v->v[id].off, text, len)) return id;
    }
    if (slot) *slot = i;
    return -1;
}

/* The same behind vocab_guess(). */
static inline int vocab_check(const struct vocab *v, int guess, uint64_t h, const char *text, size_t len)
{
    if (guess < 0 || (v->v[guess].len == len && vocab_same(v->pool.data + v->v[guess].off, text, len))) return guess;
    return vocab_slot(v, h, text, len, NULL);
}

#endif
