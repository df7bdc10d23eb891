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
    s->batch = word_batch();
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

static void remember(struct tok_scratch *s, const uint8_t *word, size_t n, const struct word_key *key, const int32_t *ids,
                     size_t n_ids)
{
    if (n <= WORD_KEY_MAX) {
        if (!word_cache_find(&s->cache, key)) word_cache_add(&s->cache, key, ids, n_ids);
    } else if (n <= WORD_LONG_MAX) {
        word_cache_add_long(&s->cache, key, word, n, ids, n_ids, 0);
    }
}

/* Merges the words that were missed and closes up what they need less than was
 * kept free. */
static void merge_misses(const struct tokenizer *t, struct tok_scratch *s, struct tok_ids *out)
{
    size_t n = s->n_misses, n_jobs = s->n_jobs, to = n ? s->miss[0].gap : 0;
    s->n_misses = s->n_jobs = 0;
    if (!n) return;
    bpe_merge_many(&t->bpe, s->jobs, n_jobs);
    for (size_t i = 0, seen = 0; i < n; i++) {
        struct tok_miss m = s->miss[i];
        struct bpe_job *j = &s->jobs[m.job];
        size_t from = m.gap + m.n, end = i + 1 < n ? s->miss[i + 1].gap : out->n;
        if (m.job == seen) {
            remember(s, j->bytes, m.n, &s->keys[m.word], j->ids, j->n);
            seen++;
        }
        memmove(out->id + to, j->ids, j->n * sizeof *j->ids);
        j->ids = out->id + to;
        memmove(out->id + to + j->n, out->id + from, (end - from) * sizeof *j->ids);
        to += j->n + end - from;
    }
    out->n = to;
}

/* The job of a short word that was missed before in this batch, or n_jobs. */
static size_t same_miss(const struct tok_scratch *s, const struct word_key *key)
{
    for (size_t i = s->n_misses; i-- > 0;) {
        const struct word_key *k = &s->keys[s->miss[i].word];
        if (k->hash == key->hash && k->k[0] == key->k[0] && k->k[1] == key->k[1]) return s->miss[i].job;
    }
    return s->n_jobs;
}

/* Puts the word's symbols where its ids will be; false: it is not to be merged
 * with others. */
static bool put_off(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n, size_t i,
                    struct tok_ids *out)
{
    int32_t *ids = out->id + out->n;
    if (n > BPE_JOB_MAX || !t->bpe.n_merges || (t->ignore_merges && tok_whole_word(t, word, n) >= 0)) return false;
    size_t job = n <= WORD_KEY_MAX ? same_miss(s, &s->keys[i]) : s->n_jobs;
    if (job == s->n_jobs) {
        for (size_t k = 0; k < n; k++) {
            ids[k] = t->byte_id[word[k]];
            if (ids[k] < 0) return false;
        }
        s->jobs[s->n_jobs++] = (struct bpe_job){ids, word, n};
    }
    s->miss[s->n_misses++] = (struct tok_miss){out->n, n, i, job};
    out->n += n;
    if (s->n_misses == MISSES) merge_misses(t, s, out);
    return true;
}

/* Word i of a batch, which is long, or not in the cache. */
static int other_word(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n, size_t at,
                      size_t i, struct tok_ids *out, struct err *e)
{
    size_t n_ids, before = out->n;
    uint32_t code;
    const int32_t *ids = NULL;
    if (n > WORD_KEY_MAX && n <= WORD_LONG_MAX) ids = word_cache_get_long(&s->cache, &s->keys[i], word, n, &n_ids, &code);
    if (ids) {
        memcpy(out->id + out->n, ids, n_ids * sizeof *ids);
        out->n += n_ids;
        return 0;
    }
    if (put_off(t, s, word, n, i, out)) return 0;
    if (tok_model_word(t, s, word, n, at, out, e)) return -1;
    remember(s, word, n, &s->keys[i], out->id + before, out->n - before);
    return 0;
}

/* One batch: all slots are asked for before the first is looked at, so that the
 * misses of the processor's caches overlap; and what is not known is merged
 * together at the end. */
static int cached_batch(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text,
                        size_t n, size_t pos, size_t count, size_t at, struct tok_ids *out,
                        struct err *e)
{
    s->batch->ask(&s->cache, text, n, pos, s->ends, count, s->keys);
    s->n_misses = s->n_jobs = 0;
    /* A word has at most as many ids as bytes; a few more are written of some.  So
     * out->id stays where it is. */
    if (tok_ids_room(out, s->ends[count - 1] - pos + WORD_INLINE, e)) return -1;
    for (size_t i = 0; i < count; i++) {
        int32_t *to = out->id + out->n;
        size_t from = i;
        i = s->batch->get(&s->cache, s->keys, i, count, &to);
        out->n = (size_t)(to - out->id);
        if (i > from) pos = s->ends[i - 1];
        if (i == count) break;
        if (other_word(t, s, text + pos, s->ends[i] - pos, at + pos, i, out, e)) return -1;
        pos = s->ends[i];
    }
    merge_misses(t, s, out);
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
