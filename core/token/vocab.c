#include "core/token/vocab.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/width.h"
#include "core/token/text_hash.h"

void vocab_free(struct vocab *v)
{
    free(v->v);
    free(v->slots);
    buf_free(&v->pool);
    memset(v, 0, sizeof *v);
}

/* What a slot says of the id's text beside the place where it is. */
enum { TAG_SHIFT = 21 };

static inline uint32_t tag_of(uint64_t h)
{
    return (uint32_t)(h >> 53) << TAG_SHIFT;
}

/* Room for so many; 1: it is new and empty, 0: it was there, -1: out of memory. */
static int new_slots(struct vocab *v, size_t n_tokens)
{
    size_t want = 64;
    while (want < 2 * n_tokens) want *= 2;
    if (want <= v->n_slots) return 0;
    uint32_t *slots = mem_zalloc(want, sizeof *slots);
    if (!slots) return -1;
    free(v->slots);
    v->slots = slots;
    v->n_slots = want;
    return 1;
}

static bool grow_slots(struct vocab *v, size_t n_tokens)
{
    int new = new_slots(v, n_tokens);
    if (new <= 0) return new == 0;
    size_t want = v->n_slots;
    uint32_t *slots = v->slots;
    for (int id = 0; id < v->n; id++) {
        if (!(v->v[id].flags & VOCAB_USED)) continue;
        uint64_t h = text_hash(v->pool.data + v->v[id].off, v->v[id].len);
        size_t i = h & (want - 1);
        while (slots[i]) i = (i + 1) & (want - 1);
        slots[i] = tag_of(h) | (uint32_t)(id + 1);
    }
    return true;
}

static bool grow_ids(struct vocab *v, size_t n)
{
    if (n <= (size_t)v->cap) return true;
    size_t twice = v->cap ? 2 * (size_t)v->cap : 256, cap = n > twice ? n : twice;
    struct vocab_entry *p = mem_resize(v->v, cap, sizeof *p);
    if (!p) return false;
    v->v = p;
    v->cap = (int)cap;
    return true;
}

bool vocab_reserve(struct vocab *v, size_t n_tokens, size_t bytes)
{
    if (n_tokens > VOCAB_MAX_ID) n_tokens = VOCAB_MAX_ID;
    return buf_reserve(&v->pool, bytes) && grow_slots(v, n_tokens + 1) && grow_ids(v, n_tokens);
}

/* The id, or -1 and, where *slot is not NULL, the free slot that was found instead. */
static inline int find(const struct vocab *v, uint64_t h, const char *text, size_t len, size_t *slot)
{
    size_t i = h & (v->n_slots - 1);
    for (; v->slots[i]; i = (i + 1) & (v->n_slots - 1)) {
        if ((v->slots[i] ^ tag_of(h)) >> TAG_SHIFT) continue;
        int id = (int)(v->slots[i] & ((1u << TAG_SHIFT) - 1)) - 1;
        if (v->v[id].len == len && memcmp(v->pool.data + v->v[id].off, text, len) == 0) return id;
    }
    if (slot) *slot = i;
    return -1;
}

int vocab_find(const struct vocab *v, const char *text, size_t len)
{
    return v->n_slots ? find(v, text_hash(text, len), text, len, NULL) : -1;
}

int vocab_sieve_init(struct vocab_sieve *q, const struct vocab *v, struct err *e)
{
    size_t bits = 1024;
    while (bits < 16 * (size_t)v->used) bits *= 2;
    q->mask = bits - 1;
    q->bit = mem_zalloc(bits / 64, sizeof *q->bit);
    if (!q->bit || !v->n_slots) return err_oom(e, bits / 8, "merges");
    for (int id = 0; id < v->n; id++) {
        if (!(v->v[id].flags & VOCAB_USED)) continue;
        size_t at = text_hash(v->pool.data + v->v[id].off, v->v[id].len) >> 20 & q->mask;
        q->bit[at >> 6] |= (uint64_t)1 << (at & 63);
    }
    return 0;
}

void vocab_sieve_free(struct vocab_sieve *q)
{
    free(q->bit);
}

static inline size_t passes(const struct vocab_sieve *q, uint64_t h)
{
    size_t at = h >> 20 & q->mask;
    return q->bit[at >> 6] >> (at & 63) & 1;
}

struct halves {
    uint64_t left[VOCAB_CUTS], right[VOCAB_CUTS];
    size_t at[VOCAB_CUTS], n;
};

static inline size_t begins_char(char c)
{
    return ((uint8_t)c & 0xC0) != 0x80;
}

/* All cuts of 2 to 16 bytes where both sides may be tokens, without a branch that depends on them. */
static void short_halves(const struct vocab_sieve *q, const char *text, size_t n, struct halves *h)
{
    uint64_t a, b;
    text_words(text, n, &a, &b);
    for (size_t k = 1; k < n; k++) {
        bool low = k < 8;
        unsigned shift = 8 * (unsigned)(k & 7);
        uint64_t kept = ((uint64_t)1 << shift) - 1, carry = b << (63 - shift) << 1;
        uint64_t left_a = low ? a & kept : a, left_b = low ? 0 : b & kept;
        uint64_t right_a = low ? a >> shift | (shift ? carry : 0) : b >> shift, right_b = low ? b >> shift : 0;
        h->left[h->n] = text_hash_words(left_a, left_b, k);
        h->right[h->n] = text_hash_words(right_a, right_b, n - k);
        h->at[h->n] = k;
        h->n += passes(q, h->left[h->n]) & passes(q, h->right[h->n]) & begins_char(text[k]);
    }
}

size_t vocab_cuts(const struct vocab *v, const struct vocab_sieve *q, const char *text, size_t n, size_t *from, struct vocab_cut out[VOCAB_CUTS])
{
    struct halves h = {.n = 0};
    size_t found = 0;
    if (n <= 16) {
        if (n > 1) short_halves(q, text, n, &h);
        *from = n;
    }
    for (; *from < n && h.n < VOCAB_CUTS; ++*from) {
        if (!begins_char(text[*from])) continue;
        h.left[h.n] = text_hash(text, *from);
        if (!passes(q, h.left[h.n])) continue;
        h.right[h.n] = text_hash(text + *from, n - *from);
        h.at[h.n] = *from;
        h.n += passes(q, h.right[h.n]);
    }
    for (size_t i = 0; i < h.n; i++) {
        __builtin_prefetch(&v->slots[h.left[i] & (v->n_slots - 1)]);
        __builtin_prefetch(&v->slots[h.right[i] & (v->n_slots - 1)]);
    }
    for (size_t i = 0; i < h.n; i++) {
        int x = find(v, h.left[i], text, h.at[i], NULL), y = x < 0 ? -1 : find(v, h.right[i], text + h.at[i], n - h.at[i], NULL);
        if (y >= 0) out[found++] = (struct vocab_cut){x, y};
    }
    return found;
}

/* Bytes of a token that a message names. */
static int shown(const char *text, size_t len)
{
    return (int)text_fit(text, len, 80);
}

int vocab_add(struct vocab *v, int64_t id, const char *text, size_t len, unsigned flags,
              struct err *e)
{
    if (id < 0 || id > VOCAB_MAX_ID)
        return err_set(e, ERR_DATA, "token '%.*s' has id %lld; ids go from 0 to %d", shown(text, len), text,
                       (long long)id, VOCAB_MAX_ID);
    if (id < v->n && (v->v[id].flags & VOCAB_USED)) {
        const struct vocab_entry *old = &v->v[id];
        return err_set(e, ERR_DATA, "tokens '%.*s' and '%.*s' both have id %lld",
                       shown(v->pool.data + old->off, old->len), v->pool.data + old->off, shown(text, len), text,
                       (long long)id);
    }
    if (!grow_ids(v, (size_t)id + 1) || !grow_slots(v, (size_t)v->used + 1))
        return err_oom(e, (unsigned long long)id * sizeof *v->v, "the vocabulary");
    uint64_t h = text_hash(text, len);
    size_t slot = 0, off = v->pool.len;
    int there = find(v, h, text, len, &slot);
    if (there >= 0)
        return err_set(e, ERR_DATA, "token '%.*s' appears twice, with ids %d and %lld", shown(text, len), text,
                       there, (long long)id);
    if (len > UINT32_MAX - off) return err_set(e, ERR_DATA, "the vocabulary's texts exceed 4 GiB");
    buf_add(&v->pool, text, len);
    if (buf_ok(&v->pool, e)) return -1;
    if (id >= v->n) {
        memset(v->v + v->n, 0, ((size_t)id - (size_t)v->n) * sizeof *v->v);
        v->n = (int)id + 1;
    }
    v->v[id] = (struct vocab_entry){(uint32_t)off, (uint32_t)len, flags | VOCAB_USED};
    v->slots[slot] = tag_of(h) | (uint32_t)(id + 1);
    v->used++;
    return 0;
}

/* ---- many at once ---- */

char *vocab_room(struct vocab *v, size_t len)
{
    return buf_reserve(&v->pool, len) ? v->pool.data + v->pool.len : NULL;
}

bool vocab_put(struct vocab *v, int64_t id, size_t len, unsigned flags)
{
    size_t off = v->pool.len;
    if (id < 0 || id > VOCAB_MAX_ID || len > UINT32_MAX - off || !grow_ids(v, (size_t)id + 1)) return false;
    if (id >= v->n) {
        memset(v->v + v->n, 0, ((size_t)id - (size_t)v->n) * sizeof *v->v);
        v->n = (int)id + 1;
    } else if (v->v[id].flags & VOCAB_USED) {
        return false;
    }
    v->v[id] = (struct vocab_entry){(uint32_t)off, (uint32_t)len, flags | VOCAB_USED};
    v->pool.len += len;
    v->pool.data[v->pool.len] = '\0';
    v->used++;
    return true;
}

/* Slots are asked for some tokens before they are looked at. */
bool vocab_index(struct vocab *v)
{
    enum { AHEAD = 16 };
    struct { uint64_t h; int id; } wait[AHEAD];
    size_t n = 0, slot = 0;
    if (new_slots(v, (size_t)v->used + 1) < 0) return false;
    for (int id = 0; id < v->n || n > 0; id++) {
        bool used = id < v->n && (v->v[id].flags & VOCAB_USED);
        if (used) {
            wait[n].h = text_hash(v->pool.data + v->v[id].off, v->v[id].len);
            wait[n].id = id;
            __builtin_prefetch(&v->slots[wait[n++].h & (v->n_slots - 1)], 1);
        }
        if (n < AHEAD && id < v->n) continue;
        for (size_t i = 0; i < n; i++) {
            const struct vocab_entry *x = &v->v[wait[i].id];
            if (find(v, wait[i].h, v->pool.data + x->off, x->len, &slot) >= 0) return false;
            v->slots[slot] = tag_of(wait[i].h) | (uint32_t)(wait[i].id + 1);
        }
        n = 0;
    }
    return true;
}
