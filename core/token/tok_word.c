/* Pieces to ids: the word caches and what happens when they miss. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/tok_internal.h"

struct tok_scratch *tok_scratch_new(const struct tokenizer *t, struct err *e)
{
    struct tok_scratch *s = mem_zalloc(1, sizeof *s);
    if (!s) {
        err_oom(e, sizeof *s, "encoder work space");
        return NULL;
    }
    s->t = t;
    if ((t->fast_split || t->fast || t->cache_words) && word_cache_init(&s->cache, e)) {
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
    pre_free(&s->pre);
    free(s->origin);
    free(s->lattice);
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

/* ---- with the cache ---- */

static int long_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word,
                     size_t n, size_t at, const struct word_key *key, struct tok_ids *out, struct err *e)
{
    size_t n_ids, before = out->n;
    uint32_t code;
    const int32_t *ids = n <= WORD_LONG_MAX ? word_cache_get_long(&s->cache, key, word, n, &n_ids, &code) : NULL;
    if (ids) {
        if (tok_ids_room(out, n_ids, e)) return -1;
        memcpy(out->id + out->n, ids, n_ids * sizeof *ids);
        out->n += n_ids;
        return 0;
    }
    if (tok_model_word(t, s, word, n, at, out, e)) return -1;
    if (n <= WORD_LONG_MAX) word_cache_add_long(&s->cache, key, word, n, out->id + before, out->n - before, 0);
    return 0;
}

static int short_miss(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word,
                      size_t n, size_t at, const struct word_key *key, struct tok_ids *out,
                      struct err *e)
{
    size_t before = out->n;
    if (tok_model_word(t, s, word, n, at, out, e)) return -1;
    word_cache_add(&s->cache, key, out->id + before, out->n - before);
    return 0;
}

static void ask_all(struct tok_scratch *s, const uint8_t *text, size_t n, size_t from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = s->ends[i] - from;
        if (len <= WORD_KEY_MAX) word_cache_ask(&s->cache, text + from, len, n - from, &s->keys[i]);
        else if (len <= WORD_LONG_MAX) word_cache_ask_long(&s->cache, text + from, len, &s->keys[i]);
        from = s->ends[i];
    }
}

/* One batch: all slots are asked for before the first is looked at, so that
 * the misses of the processor's caches overlap. */
static int cached_batch(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text,
                        size_t n, size_t pos, size_t count, size_t at, struct tok_ids *out,
                        struct err *e)
{
    ask_all(s, text, n, pos, count);
    if (tok_ids_room(out, BATCH * WORD_KEY_MAX, e)) return -1;
    for (size_t i = 0; i < count;) {
        int32_t *to = out->id + out->n; /* as long as nothing is missed */
        for (size_t found; i < count && s->ends[i] - pos <= WORD_KEY_MAX &&
                           (found = word_cache_get(&s->cache, &s->keys[i], to)); i++) {
            to += found;
            pos = s->ends[i];
        }
        out->n = (size_t)(to - out->id);
        if (i == count) break;
        size_t len = s->ends[i] - pos;
        if (len > WORD_KEY_MAX ? long_word(t, s, text + pos, len, at + pos, &s->keys[i], out, e)
                               : short_miss(t, s, text + pos, len, at + pos, &s->keys[i], out, e))
            return -1;
        if (tok_ids_room(out, BATCH * WORD_KEY_MAX, e)) return -1;
        pos = s->ends[i++];
    }
    return 0;
}

int tok_bytes_fast(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t n,
                   size_t at, struct tok_ids *out, struct err *e)
{
    split_fn *split = split_function(t->split);
    for (size_t pos = 0; pos < n; pos = s->ends[BATCH]) {
        size_t count = split(text, n, pos, s->ends, BATCH);
        if (cached_batch(t, s, text, n, pos, count, at, out, e)) return -1;
        s->ends[BATCH] = s->ends[count - 1];
    }
    return 0;
}
