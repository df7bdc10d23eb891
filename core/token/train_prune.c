#include "core/token/train_em.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/token/train_sort.h"

/* ---- where does each piece match?  Its own lattice is a part of that word's ---- */

/* The first match at a place: its chunk and 1 + its number there.  Threads may name
 * different places of a piece: all of them hold the same matches of its text. */
static uint64_t seen_at(size_t chunk, uint32_t first)
{
    return (uint64_t)chunk << 32 | (first + 1);
}

static bool is_seen(const struct em *m, uint32_t piece)
{
    return atomic_load_explicit(&m->seen[piece], memory_order_relaxed) != 0;
}

/* All pieces that match in a word. */
static void see_word(struct em *m, size_t word)
{
    size_t chunk = word / CHUNK_WORDS;
    uint32_t at = m->list[word].at, end = at + m->list[word].n, here = at;
    for (; at < end; at++) {
        uint32_t x = m->chunk[chunk].match[at];
        if (!is_seen(m, match_piece(x))) /* other threads may read the same line */
            atomic_store_explicit(&m->seen[match_piece(x)], seen_at(chunk, here), memory_order_relaxed);
        if (x & LAST_HERE) here = at + 1;
    }
}

static void see_chunk(void *arg, int slice, int thread)
{
    (void)thread;
    struct em *m = arg;
    size_t w = (size_t)slice * CHUNK_WORDS, end = w + em_chunk_words(m, (size_t)slice);
    for (; w < end; w++) see_word(m, w);
}

static int start_seeing(struct em *m, struct err *e)
{
    m->seen = mem_zalloc(m->p.n + 1, sizeof *m->seen);
    return m->seen ? 0 : err_oom(e, m->p.n * sizeof *m->seen, "pieces");
}

/* ---- how often the best segmentations use each piece ---- */

/* The best path's pieces are counted; if one of them has not been seen, the word is looked through. */
static void count_path(struct em *m, size_t word, const struct lattice *l, double *freq)
{
    double count = (double)m->c->word[word].count;
    bool all_seen = true;
    for (size_t i = l->places; i > 0;) {
        uint32_t x = lattice_came(l, i);
        freq[match_piece(x)] += count;
        all_seen = all_seen && is_seen(m, match_piece(x));
        i -= match_len(x);
    }
    if (!all_seen) see_word(m, word);
}

/* Counts are whole numbers: any order of adding them up gives the same sum. */
static void segment_chunk(void *arg, int slice, int thread)
{
    struct em *m = arg;
    struct lattice *l = &m->lattice[thread];
    double *freq = m->freq + (size_t)thread * (m->p.n + 1);
    size_t w = (size_t)slice * CHUNK_WORDS, end = w + em_chunk_words(m, (size_t)slice);
    for (; w < end && !sig_stop_requested(); w++) {
        if (!lattice_room(l, m->list[w].n)) {
            m->chunk[slice].oom = true;
            return;
        }
        lattice_best(m, w, l);
        count_path(m, w, l, freq);
    }
}

static int segment_words(struct em *m, struct err *e)
{
    size_t n = m->p.n + 1;
    memset(m->freq, 0, n * (size_t)m->n_threads * sizeof *m->freq);
    pool_run(m->pool, (int)m->n_chunks, segment_chunk, m);
    if (sig_check(e)) return -1;
    for (size_t i = 0; i < m->n_chunks; i++)
        if (m->chunk[i].oom) return err_oom(e, m->lattice[0].cap * 28, "segmentations");
    for (int k = 1; k < m->n_threads; k++)
        for (size_t i = 0; i < n; i++) m->freq[i] += m->freq[(size_t)k * n + i];
    m->freq[m->live[0]] += m->freq[m->p.n]; /* what has no piece, as in the original */
    return 0;
}

/* ---- what losing a piece costs ---- */

/* The best way to write a piece's own text without it. */
struct own {
    float best[2 * SP_MAX_LEN + 1];
    uint32_t piece[2 * SP_MAX_LEN + 1], len[2 * SP_MAX_LEN + 1]; /* that the best way to each place ends with */
};

static void write_apart(const struct em *m, uint32_t piece, struct own *o)
{
    uint64_t seen = atomic_load_explicit(&m->seen[piece], memory_order_relaxed);
    const uint32_t *match = m->chunk[seen >> 32].match + (uint32_t)seen - 1;
    size_t len = m->p.v[piece].len;
    for (size_t k = 1; k <= len; k++) o->best[k] = -INFINITY;
    o->best[0] = 0;
    for (size_t place = 0; place < len;) {
        uint32_t x = *match++, id = match_piece(x), n = match_len(x);
        size_t end = place + n;
        float sum = o->best[place] + m->score[id];
        if (end <= len && id != piece && sum > o->best[end]) {
            o->best[end] = sum;
            o->piece[end] = id;
            o->len[end] = n;
        }
        place += x >> 31;
    }
}

enum { PER_SLICE = 4096 };
#define KEEP INFINITY     /* there is no other way to write it */
#define DROP (-INFINITY)  /* never used, or better written in parts */

/* What the text's likelihood loses when a piece is written in its second best
 * way instead. */
static float loss_of(const struct em *m, uint32_t id, struct own *o)
{
    float sum = (float)m->freq_sum, log_sum = (float)log((double)sum), f = (float)m->freq[id], alt = 0;
    size_t len = m->p.v[id].len, parts = 0, part[SP_MAX_LEN];
    if (!(m->freq[id] > 0)) return DROP;
    if (len == 1 || !is_seen(m, id)) return KEEP;
    write_apart(m, id, o);
    if (o->best[len] > m->score[id]) return DROP;
    for (size_t k = len; k > 0; k -= o->len[k]) part[parts++] = o->piece[k];
    float log_alt = (float)log((double)(sum + f * (float)(parts - 1)));
    for (size_t k = parts; k-- > 0;) {
        float with = (float)m->freq[part[k] == m->p.n ? m->live[0] : part[k]] + f;
        alt = (float)((double)alt + (log((double)with) - (double)log_alt));
    }
    float own = (float)(log((double)f) - (double)log_sum);
    return f / sum * (own - alt);
}

static void weigh_pieces(void *arg, int slice, int thread)
{
    (void)thread;
    struct em *m = arg;
    struct own o;
    size_t from = (size_t)slice * PER_SLICE, to = from + PER_SLICE < m->n_live ? from + PER_SLICE : m->n_live;
    for (size_t i = from; i < to; i++) m->lost[i] = loss_of(m, m->live[i], &o);
}

/* Falling losses as rising keys. */
static uint64_t loss_key(float lost)
{
    float x = lost + 0.0f; /* no zero below zero */
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 31 ? bits : ~bits & 0x7FFFFFFF;
}

/* Keeps what must stay and, of the others, what would be missed most. */
static int keep_best(struct em *m, size_t wanted, struct err *e)
{
    size_t n = 0, n_kept = 0, old = m->n_live;
    struct sort_key *order = mem_alloc(old, 2 * sizeof *order);
    uint32_t *kept = mem_alloc(old, sizeof *kept);
    int ret = order && kept ? 0 : err_oom(e, old * 36, "pieces");
    for (size_t i = 0; ret == 0 && i < old; i++) {
        if (isinf(m->lost[i]) && m->lost[i] > 0) kept[n_kept++] = m->live[i];
        else if (isinf(m->lost[i])) em_gone(m, m->live[i]);
        else order[n++] = (struct sort_key){loss_key(m->lost[i]), (uint32_t)i};
    }
    if (ret == 0) sort_by_key(order, order + old, n);
    for (size_t i = 0; ret == 0 && i < n; i++) {
        if (n_kept < wanted) kept[n_kept++] = m->live[order[i].pos];
        else em_gone(m, m->live[order[i].pos]);
    }
    if (ret == 0 && n_kept == 0) ret = err_set(e, ERR_DATA, "no piece is left: there is too little text");
    if (ret == 0) {
        memcpy(m->live, kept, n_kept * sizeof *kept);
        m->n_live = n_kept;
        em_min_score(m);
    }
    free(order);
    free(kept);
    return ret;
}

static int weigh(struct em *m, pool_fn *fn, struct err *e)
{
    m->lost = mem_alloc(m->n_live, sizeof *m->lost);
    if (!m->lost) return err_oom(e, m->n_live * sizeof *m->lost, "pieces");
    pool_run(m->pool, (int)((m->n_live + PER_SLICE - 1) / PER_SLICE), fn, m);
    return 0;
}

static void weigh_done(struct em *m)
{
    free(m->lost);
    free((void *)m->seen);
    m->lost = NULL;
    m->seen = NULL;
}

int em_prune(struct em *m, size_t least, struct err *e)
{
    size_t wanted = (size_t)((double)m->r->shrink * (double)m->n_live);
    if (match_drop(m, e) || start_seeing(m, e) || segment_words(m, e)) return -1;
    m->freq_sum = 0;
    for (size_t i = 0; i < m->n_live; i++) m->freq_sum += (double)(float)m->freq[m->live[i]];
    int ret = weigh(m, weigh_pieces, e);
    if (ret == 0) ret = keep_best(m, wanted > least ? wanted : least, e);
    weigh_done(m);
    return ret;
}

/* No encoder would ever use such a piece. */
static void find_unreachable(void *arg, int slice, int thread)
{
    (void)thread;
    struct em *m = arg;
    struct own o;
    size_t from = (size_t)slice * PER_SLICE, to = from + PER_SLICE < m->n_live ? from + PER_SLICE : m->n_live;
    for (size_t i = from; i < to; i++) {
        uint32_t id = m->live[i];
        m->lost[i] = KEEP;
        if (m->p.v[id].len == 1 || !is_seen(m, id)) continue;
        write_apart(m, id, &o);
        if (o.best[m->p.v[id].len] > m->score[id]) m->lost[i] = DROP;
    }
}

int em_drop_unreachable(struct em *m, struct err *e)
{
    if (match_drop(m, e) || start_seeing(m, e)) return -1;
    pool_run(m->pool, (int)m->n_chunks, see_chunk, m);
    int ret = weigh(m, find_unreachable, e);
    if (ret == 0) ret = keep_best(m, m->n_live, e);
    weigh_done(m);
    return ret;
}
