#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/train_em.h"

void lattice_free(struct lattice *l)
{
    free(l->id);
    free(l->begin);
    free(l->end);
    free(l->score);
    free(l->alpha);
    free(l->beta);
    free(l->way);
}

bool lattice_room(struct lattice *l, size_t matches)
{
    if (matches <= l->cap) return true;
    size_t cap = 2 * matches + 1024; /* there are not more places than matches */
    if (!mem_renew(&l->id, cap + 1, sizeof *l->id) || !mem_renew(&l->begin, cap + 1, sizeof *l->begin) ||
        !mem_renew(&l->end, cap, sizeof *l->end) || !mem_renew(&l->score, cap, sizeof *l->score) ||
        !mem_renew(&l->way, cap + 1, sizeof *l->way) ||
        !mem_renew(&l->alpha, cap + 1, sizeof *l->alpha) || !mem_renew(&l->beta, cap + 1, sizeof *l->beta))
        return false;
    l->cap = cap;
    return true;
}

void lattice_read(const struct em *m, size_t word, struct lattice *l)
{
    const struct word_list *w = &m->list[word];
    const uint32_t *match = m->chunk[word / CHUNK_WORDS].match + w->at;
    uint32_t place = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        uint32_t x = match[i];
        l->id[i] = match_piece(x);
        l->begin[i] = place;
        l->end[i] = place + match_len(x);
        l->score[i] = m->score[match_piece(x)];
        place += x >> 31;
    }
    l->n = w->n;
    l->places = place;
}

void lattice_sums(struct lattice *l)
{
    float *alpha = l->alpha, *beta = l->beta;
    for (size_t i = 0; i <= l->places; i++) alpha[i] = beta[i] = -INFINITY;
    alpha[0] = beta[l->places] = 0;
    for (size_t k = 0; k < l->n; k++)
        alpha[l->end[k]] = lanes_log_add(alpha[l->end[k]], l->score[k] + alpha[l->begin[k]]);
    for (size_t k = l->n; k-- > 0;)
        beta[l->begin[k]] = lanes_log_add(beta[l->begin[k]], l->score[k] + beta[l->end[k]]);
}

/* The bits of a sum, and what led to it, are stored at once; which way is better is hard
 * to foretell, so it is no branch. */
static inline uint64_t way_bits(float sum, uint32_t match)
{
    uint32_t bits;
    memcpy(&bits, &sum, sizeof bits);
    return (uint64_t)match << 32 | bits;
}

static inline float way_sum(uint64_t way)
{
    uint32_t bits = (uint32_t)way;
    float sum;
    memcpy(&sum, &bits, sizeof sum);
    return sum;
}

void lattice_best(const struct em *m, size_t word, struct lattice *l)
{
    const struct word_list *w = &m->list[word];
    const uint32_t *match = m->chunk[word / CHUNK_WORDS].match + w->at, *end = match + w->n;
    const float *score = m->score;
    uint64_t *way = l->way;
    size_t len = m->c->word[word].len;
    for (size_t i = 1; i <= len; i++) way[i] = way_bits(-INFINITY, 0);
    way[0] = 0;
    for (; match < end; match++) {
        uint32_t x = *match;
        float sum = way_sum(*way) + score[match_piece(x)];
        uint64_t *to = way + match_len(x), old = *to, other = old ^ way_bits(sum, x);
        *to = old ^ (other & -(uint64_t)(sum > way_sum(old)));
        way += x >> 31;
    }
    l->places = len;
}

/* ---- the lists of matches ---- */

struct finder {
    struct em *m;
    const struct sp_starts *starts;
    uint32_t *of_char; /* [n_chars + 1] piece of a symbol, or SP_NONE */
};

/* The pieces that begin at a symbol, of which `left` belong to its word: others follow where a
 * long word was cut. */
static uint32_t *matches_at(const struct finder *f, size_t pos, uint32_t left, uint32_t *to)
{
    const struct sp_piece *v = f->m->p.v;
    uint32_t single = f->of_char[f->m->c->sym[pos]];
    if (single == SP_NONE) *to++ = (uint32_t)f->m->p.n | 1u << MATCH_BITS;
    for (uint32_t k = f->starts->longest[pos]; k != SP_NONE; k = f->starts->shorter[k])
        if (v[k].len <= left) *to++ = k | v[k].len << MATCH_BITS;
    if (single != SP_NONE) *to++ = single | 1u << MATCH_BITS;
    to[-1] |= LAST_HERE;
    return to;
}

/* Room for the matches at one more place. */
static bool chunk_room(struct chunk *c)
{
    if (c->cap >= c->n + SP_MAX_LEN + 1) return true;
    size_t cap = c->cap + c->cap / 2 + 8192;
    if (!mem_renew(&c->match, cap, sizeof *c->match)) return false;
    c->cap = cap;
    return true;
}

static void find_chunk(void *arg, int slice, int thread)
{
    (void)thread;
    const struct finder *f = arg;
    struct em *m = f->m;
    struct chunk *chunk = &m->chunk[slice];
    size_t w = (size_t)slice * CHUNK_WORDS, end = w + em_chunk_words(m, (size_t)slice);
    for (; w < end; w++) {
        const struct sp_word *word = &m->c->word[w];
        size_t from = chunk->n;
        if (w + 2 < end) __builtin_prefetch(&f->starts->longest[word[2].off]);
        for (uint32_t i = 0; i < word->len; i++) {
            if (!chunk_room(chunk)) {
                chunk->oom = true;
                return;
            }
            chunk->n = (size_t)(matches_at(f, word->off + i, word->len - i, chunk->match + chunk->n) - chunk->match);
        }
        if (chunk->n > INT32_MAX) {
            chunk->oom = true;
            return;
        }
        m->list[w] = (struct word_list){(uint32_t)from, (uint32_t)(chunk->n - from)};
    }
    uint32_t *v = mem_resize(chunk->match, chunk->n, sizeof *v);
    if (v) chunk->match = v;
}

int match_find(struct em *m, const struct sp_starts *starts, struct err *e)
{
    struct finder f = {.m = m, .starts = starts};
    size_t n_of = (size_t)m->c->n_chars + 1;
    m->n_chunks = (m->c->n_words + CHUNK_WORDS - 1) / CHUNK_WORDS;
    m->chunk = mem_zalloc(m->n_chunks, sizeof *m->chunk);
    m->list = mem_zalloc(m->c->n_words, sizeof *m->list);
    f.of_char = mem_alloc(n_of, sizeof *f.of_char);
    if (!m->chunk || !m->list || !f.of_char) {
        free(f.of_char);
        return err_oom(e, m->c->n_words * sizeof *m->list, "words");
    }
    for (size_t i = 0; i < n_of; i++) f.of_char[i] = SP_NONE;
    for (size_t i = 0; i < m->p.n; i++)
        if (m->p.v[i].len == 1) f.of_char[m->p.pool[m->p.v[i].at]] = (uint32_t)i;
    pool_run(m->pool, (int)m->n_chunks, find_chunk, &f);
    free(f.of_char);
    for (size_t i = 0; i < m->n_chunks; i++)
        if (m->chunk[i].oom) return err_oom(e, m->chunk[i].cap * sizeof(uint32_t), "matches");
    return 0;
}

struct dropper {
    struct em *m;
    const uint32_t *number; /* [pieces + 1] what each is called from now on, or SP_NONE */
};

/* The last match of a place is gone; n: behind those that are left of the word, which
 * begin at `from`.  A character is an unknown one from now on, first of its place;
 * what else is left of the place ends it. */
static uint32_t drop_last(const struct dropper *d, uint32_t *match, uint32_t from, uint32_t n, bool is_char)
{
    if (is_char) {
        uint32_t here = n;
        while (here > from && !(match[here - 1] & LAST_HERE)) here--;
        memmove(match + here + 1, match + here, (n - here) * sizeof *match);
        match[here] = (uint32_t)d->m->n_live | 1u << MATCH_BITS;
        n++;
    }
    match[n - 1] |= LAST_HERE;
    return n;
}

/* A word's matches [at, to) to place n and on; returns what is behind them. */
static uint32_t drop_word(const struct dropper *d, uint32_t *match, uint32_t at, uint32_t to, uint32_t n)
{
    uint32_t from = n;
    for (; at < to; at++) {
        uint32_t x = match[at], id = d->number[match_piece(x)];
        bool gone = id == SP_NONE;
        match[n] = id | (x & ~MATCH_PIECE);
        n += !gone;
        if (gone && x & LAST_HERE) n = drop_last(d, match, from, n, match_len(x) == 1);
    }
    return n;
}

static void drop_chunk(void *arg, int slice, int thread)
{
    (void)thread;
    const struct dropper *d = arg;
    struct em *m = d->m;
    struct chunk *chunk = &m->chunk[slice];
    struct word_list *list = &m->list[(size_t)slice * CHUNK_WORDS];
    uint32_t n = 0;
    size_t n_words = em_chunk_words(m, (size_t)slice);
    for (size_t w = 0; w < n_words; w++) {
        uint32_t from = list[w].at, to = from + list[w].n;
        list[w].at = n;
        n = drop_word(d, chunk->match, from, to, n);
        list[w].n = n - list[w].at;
    }
    chunk->n = n;
}

int match_drop(struct em *m, struct err *e)
{
    size_t n = m->n_live;
    if (!m->char_gone && 32 * m->n_gone <= n) return 0;
    struct dropper d = {.m = m};
    uint32_t *number = mem_alloc_table(m->p.n + 1, sizeof *number);
    struct sp_piece *v = mem_alloc(n, sizeof *v);
    float *score = mem_alloc(n + 1, sizeof *score);
    int ret = number && v && score ? 0 : err_oom(e, n * 24, "pieces");
    for (size_t i = 0; ret == 0 && i <= m->p.n; i++) number[i] = SP_NONE;
    for (size_t i = 0; ret == 0 && i < n; i++) {
        number[m->live[i]] = (uint32_t)i;
        v[i] = m->p.v[m->live[i]];
        score[i] = m->score[m->live[i]];
        m->live[i] = (uint32_t)i;
    }
    if (ret == 0) {
        number[m->p.n] = (uint32_t)n; /* what has no piece */
        score[n] = m->score[m->p.n];
        memcpy(m->p.v, v, n * sizeof *v);
        memcpy(m->score, score, (n + 1) * sizeof *score);
        d.number = number;
        pool_run(m->pool, (int)m->n_chunks, drop_chunk, &d);
        m->p.n = n;
        m->n_gone = 0;
        m->char_gone = false;
    }
    mem_free_aligned(number);
    free(v);
    free(score);
    return ret;
}
