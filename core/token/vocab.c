#include "core/token/vocab.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/width.h"
#include "core/token/text_hash.h"
#include "core/token/vocab_slots.h"

void vocab_free(struct vocab *v)
{
    free(v->v);
    free(v->slots);
    buf_free(&v->pool);
    memset(v, 0, sizeof *v);
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
        if ((v->v[id].flags & (VOCAB_USED | VOCAB_LATER)) != VOCAB_USED) continue;
        uint64_t h = text_hash(v->pool.data + v->v[id].off, v->v[id].len);
        size_t i = h & (want - 1);
        while (slots[i]) i = (i + 1) & (want - 1);
        slots[i] = vocab_tag(h) | (uint32_t)(id + 1);
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

int vocab_find(const struct vocab *v, const char *text, size_t len)
{
    return v->n_slots ? vocab_slot(v, text_hash(text, len), text, len, NULL) : -1;
}

/* Bytes of a token that a message names. */
static int shown(const char *text, size_t len)
{
    return (int)text_fit(text, len, 80);
}

/* The text of an id that is none yet, behind those of the pool, and of ids that there is room for. */
static void put_entry(struct vocab *v, int64_t id, size_t off, size_t len, unsigned flags)
{
    if (id >= v->n) {
        memset(v->v + v->n, 0, ((size_t)id - (size_t)v->n) * sizeof *v->v);
        v->n = (int)id + 1;
    }
    v->v[id] = (struct vocab_entry){(uint32_t)off, (uint32_t)len, flags | VOCAB_USED};
    v->used++;
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
    int there = vocab_slot(v, h, text, len, &slot);
    if (there >= 0)
        return err_set(e, ERR_DATA, "token '%.*s' appears twice, with ids %d and %lld", shown(text, len), text,
                       there, (long long)id);
    if (len > UINT32_MAX - off) return err_set(e, ERR_DATA, "the vocabulary's texts exceed 4 GiB");
    buf_add(&v->pool, text, len);
    if (buf_ok(&v->pool, e)) return -1;
    put_entry(v, id, off, len, flags);
    v->slots[slot] = vocab_tag(h) | (uint32_t)(id + 1);
    return 0;
}

int vocab_add_again(struct vocab *v, int64_t id, const char *text, size_t len, unsigned flags, struct err *e)
{
    int old = vocab_find(v, text, len);
    size_t off = v->pool.len;
    if (old < 0 || id != v->n || id > VOCAB_MAX_ID || len > UINT32_MAX - off) return vocab_add(v, id, text, len, flags, e);
    if (!grow_ids(v, (size_t)id + 1)) return err_oom(e, (unsigned long long)id * sizeof *v->v, "the vocabulary");
    buf_add(&v->pool, text, len);
    if (buf_ok(&v->pool, e)) return -1;
    size_t i = text_hash(text, len) & (v->n_slots - 1);
    while ((v->slots[i] & ((1u << VOCAB_TAG_SHIFT) - 1)) != (uint32_t)old + 1) i = (i + 1) & (v->n_slots - 1);
    v->slots[i] += (uint32_t)(id - old);
    v->v[old].flags = VOCAB_USED | VOCAB_LATER;
    put_entry(v, id, off, len, flags);
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
    if (id < v->n && (v->v[id].flags & VOCAB_USED)) return false;
    put_entry(v, id, off, len, flags);
    v->pool.len += len;
    v->pool.data[v->pool.len] = '\0';
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
            if (vocab_slot(v, wait[i].h, v->pool.data + x->off, x->len, &slot) >= 0) return false;
            v->slots[slot] = vocab_tag(wait[i].h) | (uint32_t)(wait[i].id + 1);
        }
        n = 0;
    }
    return true;
}
