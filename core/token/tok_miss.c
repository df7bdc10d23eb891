/* Words that the cache does not know: they wait until there are enough of them to
 * be merged side by side.  Each has one job, however often it comes (but for few whose
 * hashes meet); its place among the ids is kept free. */
#include <string.h>

#include "core/token/tok_internal.h"
#include "core/token/tok_scratch.h"

void tok_misses_drop(struct tok_misses *m)
{
    m->n = m->n_jobs = m->n_symbols = m->n_whole = 0;
    m->rounds++;
    memset(m->last, 0, sizeof m->last);
}

/* Words in pieces stand where the words before them will let them. */
static void move_wholes(struct tok_misses *m, const struct bpe_job *jobs)
{
    size_t gone = 0, from_next = 0, end_next = 0;
    for (size_t i = 0; i <= m->n; i++) { /* those before gap i */
        size_t at = i < m->n ? m->gap[i].at : SIZE_MAX;
        for (; from_next < m->n_whole && m->whole[from_next].from <= at; from_next++) m->whole[from_next].from -= gone;
        for (; end_next < m->n_whole && m->whole[end_next].end <= at; end_next++) m->whole[end_next].end -= gone;
        if (i < m->n) gone += m->gap[i].n - jobs[m->gap[i].job].n;
    }
}

/* What the words need less than was kept free is closed up. */
static void close_up(struct tok_scratch *s, const struct bpe_job *jobs, struct tok_ids *out)
{
    struct tok_misses *m = &s->misses;
    const struct word_batch *batch = out->cap - out->n < WORD_BATCH_MORE ? &word_batch_base : s->batch; /* reads more */
    int32_t *to = out->id + m->gap[0].at;
    if (m->n_whole) move_wholes(m, jobs);
    for (size_t i = 0; i < m->n; i++) {
        const struct tok_gap *g = &m->gap[i];
        const struct bpe_job *j = &jobs[g->job];
        size_t from = g->at + g->n, end = i + 1 < m->n ? g[1].at : out->n;
        batch->put_and_move(to, j->ids, j->n, out->id + from, end - from);
        to += j->n + (end - from);
    }
    out->n = (size_t)(to - out->id);
}

void tok_misses_whole(struct tok_scratch *s, const struct word_key *key, const uint8_t *word, size_t n, size_t from,
                      size_t rounds, const struct tok_ids *out)
{
    struct tok_misses *m = &s->misses;
    if (m->rounds != rounds || m->n_whole == MISSES) return;
    m->whole[m->n_whole++] = (struct tok_whole){*key, word, n, from, out->n};
}

static void learn(struct tok_misses *m, struct word_cache *c, const struct bpe_job *jobs)
{
    size_t n_ids = 0;
    for (size_t i = 0; i < m->n_jobs; i++)
        n_ids += m->waiting[i].n <= WORD_KEY_MAX ? jobs[i].n : word_long_room(m->waiting[i].n, jobs[i].n);
    bool room = word_cache_room(c, m->n_jobs, n_ids + WORD_KEY_MAX);
    /* Merging has taken these lines out of the first cache; words whose line is full go to the next one. */
    for (size_t i = 0; i < m->n_jobs; i++) __builtin_prefetch(&c->lines[word_cache_line(c, m->waiting[i].key.hash)], 1);
    for (size_t i = 0; i < m->n_jobs; i++) {
        const struct word_line *l = &c->lines[word_cache_line(c, m->waiting[i].key.hash)];
        __builtin_prefetch(l + ((l->slot[0].k[1] != 0) & (l->slot[1].k[1] != 0)), 1);
    }
    for (size_t i = 0; i < m->n_jobs; i++) {
        const struct tok_waiting *w = &m->waiting[i];
        struct word_slot *slot;
        if (w->n > WORD_KEY_MAX || !room) {
            word_cache_learn(c, &w->key, w->word, w->n, jobs[i].ids, jobs[i].n);
        } else if (jobs[i].n && !(slot = word_cache_seek(c, &w->key))->k[1]) {
            word_cache_claim_slot(c, slot, &w->key);
            word_cache_fill(c, slot, jobs[i].ids, jobs[i].n);
        }
    }
}

/* ---- ignore_merges: words that are tokens as a whole ---- */

/* The key of the word that the token is; false: it has none, or is no word. */
static bool whole_key(const struct tokenizer *t, int id, struct word_key *key)
{
    const struct tok_bytes *b = &t->bytes[id];
    uint8_t own[2 * WORD_KEY_MAX + 16];
    size_t n;
    if (b->off == TOK_HOLE || !b->covers || b->covers > WORD_KEY_MAX) return false;
    const uint8_t *bytes = (const uint8_t *)t->byte_pool + b->off;
    if (!t->decoder.bytes || t->vocab.v[id].flags & VOCAB_ADDED) { /* what decoders get may be another text */
        const char *text = vocab_text(&t->vocab, id, &n);
        if (bytemap_unspell(text, n, own) < 0) return false;
        bytes = own;
    }
    *key = word_key_of(bytes, b->covers, 16);
    return true;
}

/* Most words are none, which is seen without looking them up. */
int tok_wholes_new(struct tokenizer *t, struct err *e)
{
    enum { BITS = 8 }; /* of a token, at least */
    unsigned log = 10;
    if (!t->ignore_merges || !t->byte_level || !t->fast_split) return 0;
    while ((size_t)1 << log < BITS * (size_t)t->vocab.n) log++;
    t->wholes = mem_zalloc((size_t)1 << (log - 6), sizeof *t->wholes);
    if (!t->wholes) return err_oom(e, (size_t)1 << (log - 3), "token texts");
    t->wholes_shift = 64 - log;
    for (int id = 0; id < t->vocab.n; id++) {
        struct word_key key;
        if (!whole_key(t, id, &key)) continue;
        size_t bit = (size_t)(key.hash >> t->wholes_shift);
        t->wholes[bit / 64] |= (uint64_t)1 << (bit & 63);
    }
    return 0;
}

static bool may_be_whole(const struct tokenizer *t, const struct tok_waiting *w)
{
    size_t bit = (size_t)(w->key.hash >> t->wholes_shift);
    return w->n > WORD_KEY_MAX || t->wholes[bit / 64] >> (bit & 63) & 1;
}

/* Many are asked sooner than one after the other.  Sets whole[i] of jobs that are done so. */
static void take_wholes(const struct tokenizer *t, struct tok_misses *m, struct bpe_job *jobs, bool *whole)
{
    struct vocab_text text[MISSES];
    size_t job[MISSES], n = 0;
    int32_t id[MISSES];
    char spelled[2 * MISSES * BPE_JOB_MAX], *to = spelled;
    if (!m->spelling.len[0]) bytemap_spellings(&m->spelling);
    for (size_t i = 0; i < m->n_jobs; i++) {
        if (!may_be_whole(t, &m->waiting[i])) continue;
        text[n].s = to;
        for (size_t k = 0; k < m->waiting[i].n; k++) {
            uint8_t byte = m->waiting[i].word[k];
            to[0] = (char)m->spelling.text[byte];
            to[1] = (char)(m->spelling.text[byte] >> 8);
            to += m->spelling.len[byte];
        }
        text[n].n = (size_t)(to - text[n].s);
        job[n++] = i;
    }
    vocab_find_many(&t->vocab, text, n, id);
    for (size_t i = 0; i < n; i++) {
        if (!tok_in_model(t, id[i])) continue;
        jobs[job[i]].ids[0] = id[i];
        jobs[job[i]].n = 1;
        whole[job[i]] = true;
    }
}

static void merge(const struct tokenizer *t, struct tok_misses *m, struct bpe_job *jobs)
{
    struct bpe_job rest[MISSES];
    bool whole[MISSES] = {false};
    size_t job[MISSES], n = 0;
    if (!t->wholes) {
        bpe_merge_many(&t->bpe, jobs, m->n_jobs);
        return;
    }
    take_wholes(t, m, jobs, whole);
    for (size_t i = 0; i < m->n_jobs; i++) {
        rest[n] = jobs[i];
        job[n] = i;
        n += !whole[i];
    }
    bpe_merge_many(&t->bpe, rest, n);
    for (size_t i = 0; i < n; i++) jobs[job[i]].n = rest[i].n;
}

void tok_misses_merge(const struct tokenizer *t, struct tok_scratch *s, struct tok_ids *out)
{
    struct tok_misses *m = &s->misses;
    struct bpe_job jobs[MISSES];
    if (!m->n && !m->n_whole) return; /* words in pieces may have none that waits */
    for (size_t i = 0; i < m->n_jobs; i++) jobs[i] = m->waiting[i].job;
    merge(t, m, jobs);
    learn(m, &s->cache, jobs);
    if (m->n) close_up(s, jobs, out);
    for (size_t i = 0; i < m->n_whole; i++) {
        const struct tok_whole *w = &m->whole[i];
        word_cache_learn(&s->cache, &w->key, w->word, w->n, out->id + w->from, w->end - w->from);
    }
    tok_misses_drop(m);
}

static uint8_t *last_of(struct tok_misses *m, const struct word_key *key)
{
    return &m->last[key->hash >> 32 & (MISS_HASH - 1)];
}

static bool same_key(const struct tok_waiting *w, const struct word_key *key)
{
    return ((w->key.k[0] ^ key->k[0]) | (w->key.k[1] ^ key->k[1])) == 0;
}

static void keep_free(const struct tokenizer *t, struct tok_scratch *s, size_t job, size_t n, struct tok_ids *out)
{
    struct tok_misses *m = &s->misses;
    m->gap[m->n++] = (struct tok_gap){out->n, n, job};
    out->n += n;
    if (m->n == MISSES) tok_misses_merge(t, s, out);
}

bool tok_misses_again(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                      size_t n, struct tok_ids *out)
{
    size_t last = *last_of(&s->misses, key);
    if (!last) return false;
    const struct tok_waiting *w = &s->misses.waiting[last - 1];
    if (!same_key(w, key) || (n > WORD_KEY_MAX && memcmp(w->word, word, n) != 0)) return false;
    keep_free(t, s, last - 1, w->job.n, out);
    return true;
}

int32_t *tok_misses_symbols(struct tok_scratch *s)
{
    return s->misses.symbols + s->misses.n_symbols;
}

void tok_misses_add(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                    size_t n, size_t n_symbols, struct tok_ids *out)
{
    struct tok_misses *m = &s->misses;
    struct bpe_job job = {m->symbols + m->n_symbols, t->byte_level ? word : NULL, n_symbols};
    m->waiting[m->n_jobs] = (struct tok_waiting){*key, word, n, job};
    m->n_symbols += n_symbols;
    *last_of(m, key) = (uint8_t)++m->n_jobs;
    keep_free(t, s, m->n_jobs - 1, n_symbols, out);
}

/* Whether it waits already, as every third does, cannot be guessed: a new job is written down, and stays if it
 * does not. */
void tok_misses_bytes(const struct tokenizer *t, struct tok_scratch *s, const struct word_key *key, const uint8_t *word,
                      size_t n, struct tok_ids *out)
{
    struct tok_misses *m = &s->misses;
    uint8_t *last = last_of(m, key);
    size_t some = *last != 0, old = *last - some;
    size_t again = some & (size_t)same_key(&m->waiting[old], key), job = m->n_jobs + ((old - m->n_jobs) & -again);
    m->waiting[m->n_jobs] = (struct tok_waiting){*key, word, n, {m->symbols + m->n_symbols, word, n}};
    *last = (uint8_t)(job + 1);
    m->n_symbols += n & (again - 1);
    m->n_jobs += again ^ 1;
    keep_free(t, s, job, n, out);
}
