/* Pieces to ids: the word caches and what happens when they miss. */
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/tok_internal.h"
#include "core/token/unicode.h"

/* 2 MiB of short words stay in the second- and third-level cache; longer words
 * are rarer and live in a pool that is emptied when it is full. */
enum {
    SHORT_SLOTS = 1 << 16,
    LONG_SLOTS = 1 << 13,
    LONG_POOL = 4 << 20,
    LONG_WORD = 256,
    ID_MASK = (1 << 24) - 1,
    NO_ID = -1
};

struct tok_scratch *tok_scratch_new(const struct tokenizer *t, struct err *e)
{
    struct tok_scratch *s = mem_zalloc(1, sizeof *s);
    if (!s) {
        err_oom(e, sizeof *s, "encoder work space");
        return NULL;
    }
    s->t = t;
    if (!t->byte_level) return s;
    s->n_slots = SHORT_SLOTS;
    s->n_longs = LONG_SLOTS;
    s->slots = mem_alloc_aligned(SHORT_SLOTS * sizeof *s->slots);
    s->longs = mem_zalloc(LONG_SLOTS, sizeof *s->longs);
    s->long_pool = mem_alloc(LONG_POOL, 1);
    if (!s->slots || !s->longs || !s->long_pool) {
        err_oom(e, SHORT_SLOTS * sizeof *s->slots, "the word cache");
        tok_scratch_free(s);
        return NULL;
    }
    memset(s->slots, 0, SHORT_SLOTS * sizeof *s->slots);
    return s;
}

void tok_scratch_free(struct tok_scratch *s)
{
    if (!s) return;
    if (s->slots) mem_free_aligned(s->slots);
    free(s->longs);
    free(s->long_pool);
    bpe_work_free(&s->work);
    buf_free(&s->text);
    free(s);
}

void tok_ids_free(struct tok_ids *ids)
{
    free(ids->id);
    free(ids->span);
    *ids = (struct tok_ids){.want_spans = ids->want_spans};
}

int tok_ids_room(struct tok_ids *out, size_t extra, struct err *e)
{
    size_t need, cap;
    if (ck_add(out->n, extra, &need) && need <= out->cap) return 0;
    if (!ck_add(out->n, extra, &need) || !ck_add(need, need / 2 + 256, &cap))
        return err_oom(e, SIZE_MAX, "token ids");
    int32_t *id = mem_resize(out->id, cap, sizeof *id);
    if (!id) return err_oom(e, cap * sizeof *id, "token ids");
    out->id = id;
    if (out->want_spans) {
        struct tok_span *span = mem_resize(out->span, cap, sizeof *span);
        if (!span) return err_oom(e, cap * sizeof *span, "token spans");
        out->span = span;
    }
    out->cap = cap;
    return 0;
}

/* ---- symbols ---- */

static int no_token(const uint8_t *p, struct uni_char c, size_t at, struct err *e)
{
    if (c.cp == UNI_BAD)
        return err_set(e, ERR_DATA, "byte 0x%02X at offset %zu has no token in the vocabulary", *p,
                       at);
    return err_set(e, ERR_DATA, "character '%.*s' (U+%04X) at byte offset %zu has no token in the "
                                "vocabulary, and there is no <unk>",
                   (int)c.len, (const char *)p, (unsigned)c.cp, at);
}

static int byte_symbols(const struct tokenizer *t, const uint8_t *word, size_t n, size_t at,
                        int32_t *ids, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        int id = t->byte_id[word[i]];
        if (id < 0 && (id = t->unk_id) < 0)
            return err_set(e, ERR_DATA, "byte 0x%02X at offset %zu has no token in the vocabulary",
                           word[i], at + i);
        ids[i] = id;
    }
    return 0;
}

static int char_id(const struct tokenizer *t, const uint8_t *p, struct uni_char c)
{
    if (c.cp < 128) return t->byte_id[c.cp];
    if (c.cp == UNI_BAD) return NO_ID;
    int id = vocab_find(&t->vocab, (const char *)p, c.len);
    return id >= 0 && (t->vocab.v[id].flags & VOCAB_MODEL) ? id : NO_ID;
}

int tok_symbols(const struct tokenizer *t, const uint8_t *word, size_t n, size_t at, int32_t *ids,
                size_t *n_out, struct err *e)
{
    *n_out = n;
    if (t->byte_level) return byte_symbols(t, word, n, at, ids, e);
    size_t count = 0;
    bool after_unk = false;
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next(word + i, n - i);
        int id = char_id(t, word + i, c);
        bool unk = id < 0;
        if (unk && t->unk_id < 0) return no_token(word + i, c, at + i, e);
        if (!unk || !after_unk || !t->fuse_unk) ids[count++] = unk ? t->unk_id : id;
        after_unk = unk;
        i += c.len;
    }
    *n_out = count;
    return 0;
}

/* ---- one word ---- */

/* With ignore_merges a piece that is a token as a whole needs no merging. */
static int whole_word(const struct tokenizer *t, const uint8_t *word, size_t n)
{
    if (!t->ignore_merges) return NO_ID;
    struct buf spelled = {0};
    if (t->byte_level) bytemap_spell(&spelled, word, n);
    else buf_add(&spelled, word, n);
    int id = spelled.oom ? NO_ID : vocab_find(&t->vocab, spelled.data, spelled.len);
    buf_free(&spelled);
    return id >= 0 && (t->vocab.v[id].flags & VOCAB_MODEL) ? id : NO_ID;
}

/* Appends the ids of one word by merging. */
static int merge_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word,
                      size_t n, size_t at, struct tok_ids *out, struct err *e)
{
    if (tok_ids_room(out, n, e)) return -1;
    int whole = whole_word(t, word, n);
    if (whole >= 0) {
        out->id[out->n++] = whole;
        return 0;
    }
    int32_t *ids = out->id + out->n;
    size_t count;
    if (tok_symbols(t, word, n, at, ids, &count, e)) return -1;
    if (t->bpe.n_merges && count > 1) {
        count = bpe_merge_word(&t->bpe, &s->work, ids, count, NULL);
        if (count == 0) return err_oom(e, n, "merging a long word");
    }
    out->n += count;
    return 0;
}

/* ---- caches ---- */

static const uint64_t keep_low[9] = {0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF, 0xFFFFFFFFFF,
                                     0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFF, UINT64_MAX};

/* The word's bytes, zero-filled, with its length (1..15) in the last byte.
 * `left` = readable bytes from word on. */
static inline void make_key(const uint8_t *word, size_t n, size_t left, uint64_t key[2])
{
    if (left >= 16) {
        memcpy(key, word, 16);
        key[0] &= keep_low[n < 8 ? n : 8];
        key[1] &= keep_low[n > 8 ? n - 8 : 0];
    } else {
        key[0] = key[1] = 0;
        memcpy(key, word, n);
    }
    key[1] |= (uint64_t)n << 56;
}

static inline size_t key_slot(const uint64_t key[2])
{
    uint64_t h = (key[0] ^ (key[1] * 0x9E3779B97F4A7C15ull)) * 0xD6E8FEB86659FD93ull;
    return (size_t)((h ^ (h >> 32)) * 2) & (SHORT_SLOTS - 2); /* the first of a pair */
}

/* The newcomer takes the first place of the pair, its owner moves to the second. */
static void remember_short(struct tok_slot *pair, const uint64_t key[2], const int32_t *ids,
                           size_t n)
{
    if (n > SHORT_IDS) return;
    pair[1] = pair[0];
    pair[0].key[0] = key[0];
    pair[0].key[1] = key[1];
    for (size_t i = 0; i < n; i++) pair[0].id[i] = (uint32_t)ids[i];
    pair[0].id[0] |= (uint32_t)n << 24;
}

static inline void copy_slot(const struct tok_slot *slot, struct tok_ids *out)
{
    uint32_t id[SHORT_IDS];
    memcpy(id, slot->id, sizeof id);
    size_t n = id[0] >> 24;
    id[0] &= ID_MASK;
    memcpy(out->id + out->n, id, sizeof id);
    out->n += n;
}

static void remember_long(struct tok_scratch *s, struct tok_long *l, uint64_t hash,
                          const uint8_t *word, size_t n, const int32_t *ids, size_t n_ids)
{
    size_t bytes = (n + 3) / 4 * 4 + n_ids * sizeof *ids;
    if (s->long_used + bytes > LONG_POOL) {
        memset(s->longs, 0, LONG_SLOTS * sizeof *s->longs);
        s->long_used = 0;
    }
    char *to = s->long_pool + s->long_used;
    memcpy(to, ids, n_ids * sizeof *ids);
    memcpy(to + n_ids * sizeof *ids, word, n);
    *l = (struct tok_long){hash, (uint32_t)s->long_used, (uint32_t)n_ids, (uint32_t)n};
    s->long_used += bytes;
}

static int long_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word,
                     size_t n, size_t at, struct tok_ids *out, struct err *e)
{
    if (n > LONG_WORD) return merge_word(t, s, word, n, at, out, e);
    uint64_t hash = hash64(word, n);
    struct tok_long *l = &s->longs[hash & (LONG_SLOTS - 1)];
    const char *have = s->long_pool + l->off;
    if (l->len == n && l->hash == hash && memcmp(have + l->n_ids * 4, word, n) == 0) {
        if (tok_ids_room(out, l->n_ids, e)) return -1;
        memcpy(out->id + out->n, have, l->n_ids * 4);
        out->n += l->n_ids;
        return 0;
    }
    size_t before = out->n;
    if (merge_word(t, s, word, n, at, out, e)) return -1;
    remember_long(s, l, hash, word, n, out->id + before, out->n - before);
    return 0;
}

static int short_miss(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word,
                      size_t n, size_t at, const uint64_t key[2], struct tok_slot *pair,
                      struct tok_ids *out, struct err *e)
{
    size_t before = out->n;
    if (merge_word(t, s, word, n, at, out, e)) return -1;
    remember_short(pair, key, out->id + before, out->n - before);
    return 0;
}

static int cached_pieces(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text,
                         size_t n, size_t at, struct tok_ids *out, struct err *e)
{
    split_fn *split = split_function(t->split);
    for (size_t pos = 0; pos < n;) {
        size_t count = split(text, n, pos, s->ends, BATCH);
        if (tok_ids_room(out, (size_t)BATCH * SHORT_IDS, e)) return -1;
        for (size_t i = 0; i < count; i++) {
            size_t len = s->ends[i] - pos;
            const uint8_t *word = text + pos;
            if (len > SHORT_KEY) {
                if (long_word(t, s, word, len, at + pos, out, e) ||
                    tok_ids_room(out, (size_t)BATCH * SHORT_IDS, e))
                    return -1;
            } else {
                uint64_t key[2];
                make_key(word, len, n - pos, key);
                struct tok_slot *pair = s->slots + key_slot(key);
                if (pair[0].key[0] == key[0] && pair[0].key[1] == key[1])
                    copy_slot(&pair[0], out);
                else if (pair[1].key[0] == key[0] && pair[1].key[1] == key[1])
                    copy_slot(&pair[1], out);
                else if (short_miss(t, s, word, len, at + pos, key, pair, out, e) ||
                         tok_ids_room(out, (size_t)BATCH * SHORT_IDS, e))
                    return -1;
            }
            pos = s->ends[i];
        }
    }
    return 0;
}

/* Characters without merges need neither words nor caches. */
static int char_pieces(const struct tokenizer *t, const uint8_t *text, size_t n, size_t at,
                       struct tok_ids *out, struct err *e)
{
    for (size_t pos = 0; pos < n;) {
        size_t end = n - pos > 4096 ? pos + 4096 : n;
        while (end < n && end > pos + 4090 && (text[end] & 0xC0) == 0x80) end--;
        size_t count;
        if (tok_ids_room(out, end - pos, e)) return -1;
        if (tok_symbols(t, text + pos, end - pos, at + pos, out->id + out->n, &count, e)) return -1;
        out->n += count;
        pos = end;
    }
    return 0;
}

static int plain_pieces(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text,
                        size_t n, size_t at, struct tok_ids *out, struct err *e)
{
    split_fn *split = split_function(t->split);
    for (size_t pos = 0; pos < n;) {
        size_t count = split(text, n, pos, s->ends, BATCH);
        for (size_t i = 0; i < count; i++) {
            if (merge_word(t, s, text + pos, s->ends[i] - pos, at + pos, out, e)) return -1;
            pos = s->ends[i];
        }
    }
    return 0;
}

int tok_pieces(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t n,
               size_t at, struct tok_ids *out, struct err *e)
{
    if (t->byte_level) return cached_pieces(t, s, text, n, at, out, e);
    bool chars = t->bpe.n_merges == 0 && t->split == SPLIT_NONE && !t->ignore_merges && !t->fuse_unk;
    if (chars) return char_pieces(t, text, n, at, out, e);
    return plain_pieces(t, s, text, n, at, out, e);
}
