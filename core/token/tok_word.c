/* Pieces to ids: the word caches and what happens when they miss. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/tok_internal.h"
#include "core/token/unicode.h"

enum { NO_ID = -1 };

struct tok_scratch *tok_scratch_new(const struct tokenizer *t, struct err *e)
{
    struct tok_scratch *s = mem_zalloc(1, sizeof *s);
    if (!s) {
        err_oom(e, sizeof *s, "encoder work space");
        return NULL;
    }
    s->t = t;
    if (t->byte_level && word_cache_init(&s->cache, e)) {
        tok_scratch_free(s);
        return NULL;
    }
    return s;
}

void tok_scratch_free(struct tok_scratch *s)
{
    if (!s) return;
    word_cache_free(&s->cache);
    bpe_work_free(&s->work);
    buf_free(&s->text);
    norm_free(&s->norm);
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
        count = bpe_merge_word(&t->bpe, &s->work, ids, count, t->byte_level ? word : NULL, NULL);
        if (count == 0) return err_oom(e, n, "merging a long word");
    }
    out->n += count;
    return 0;
}

/* ---- with the cache ---- */

static int long_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word,
                     size_t n, size_t at, struct tok_ids *out, struct err *e)
{
    struct word_hit hit = word_cache_long(&s->cache, word, n);
    if (hit.ids) {
        if (tok_ids_room(out, hit.n, e)) return -1;
        memcpy(out->id + out->n, hit.ids, hit.n * sizeof *hit.ids);
        out->n += hit.n;
        return 0;
    }
    size_t before = out->n;
    if (merge_word(t, s, word, n, at, out, e)) return -1;
    word_cache_add_long(&s->cache, &hit, word, n, out->id + before, out->n - before);
    return 0;
}

static int short_miss(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word,
                      size_t n, size_t at, const struct word_key *key, struct tok_ids *out,
                      struct err *e)
{
    size_t before = out->n;
    if (merge_word(t, s, word, n, at, out, e)) return -1;
    word_cache_add(&s->cache, key, out->id + before, out->n - before);
    return 0;
}

/* One batch: all slots are asked for before the first is looked at, so that
 * the misses of the processor's caches overlap. */
static int cached_batch(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text,
                        size_t n, size_t pos, size_t count, size_t at, struct tok_ids *out,
                        struct err *e)
{
    size_t from = pos;
    for (size_t i = 0; i < count; i++) {
        size_t len = s->ends[i] - from;
        if (len <= WORD_KEY_MAX) word_cache_ask(&s->cache, text + from, len, n - from, &s->keys[i]);
        from = s->ends[i];
    }
    if (tok_ids_room(out, BATCH * WORD_KEY_MAX, e)) return -1;
    for (size_t i = 0; i < count; i++) {
        size_t len = s->ends[i] - pos;
        if (len > WORD_KEY_MAX) {
            if (long_word(t, s, text + pos, len, at + pos, out, e) ||
                tok_ids_room(out, BATCH * WORD_KEY_MAX, e))
                return -1;
        } else {
            size_t found = word_cache_get(&s->cache, &s->keys[i], out->id + out->n);
            out->n += found;
            if (!found && short_miss(t, s, text + pos, len, at + pos, &s->keys[i], out, e)) return -1;
        }
        pos = s->ends[i];
    }
    return 0;
}

static int cached_pieces(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text,
                         size_t n, size_t at, struct tok_ids *out, struct err *e)
{
    split_fn *split = split_function(t->split);
    for (size_t pos = 0; pos < n; pos = s->ends[BATCH]) {
        size_t count = split(text, n, pos, s->ends, BATCH);
        if (cached_batch(t, s, text, n, pos, count, at, out, e)) return -1;
        s->ends[BATCH] = s->ends[count - 1];
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
