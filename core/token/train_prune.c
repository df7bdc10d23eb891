#include "core/token/train_em.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"

/* ---- how often the best segmentations use each piece ---- */

static bool segment_words(struct em *m, size_t chunk, struct sums *s, struct lattice *l)
{
    size_t first = chunk * CHUNK_WORDS, n_words = em_chunk_words(m, chunk);
    if (!em_sums_start(m, chunk, s)) return false;
    for (size_t w = 0; w < n_words; w++) {
        size_t at = s->from[w];
        double times = (double)m->c->word[first + w].count;
        if (w + 1 < n_words) lattice_prefetch(m, first + w + 1);
        if (!lattice_read(m, first + w, l)) return false;
        lattice_best(l);
        for (size_t i = l->places; i > 0; i = lattice_before(l, i)) {
            uint32_t id = l->id[l->best[i]];
            s->id[at] = id == NO_PIECE ? 0 : id; /* as in the original */
            s->value[at++] = times;
        }
        s->n[w] = (uint32_t)(at - s->from[w]);
    }
    return true;
}

static void segment_chunk(void *arg, int slice, int thread)
{
    struct em *m = arg;
    size_t chunk = m->first + (size_t)slice;
    m->chunk[chunk].oom = !segment_words(m, chunk, &m->sums[slice], &m->lattice[thread]);
}

static void add_freq(struct em *m, const struct sums *s, size_t chunk)
{
    size_t n_words = em_chunk_words(m, chunk);
    for (size_t i = 0; i < n_words; i++)
        for (size_t k = s->from[i]; k < s->from[i] + s->n[i]; k++) m->freq[s->id[k]] += s->value[k];
}

/* Only takes the dead matches out. */
static void read_chunk(void *arg, int slice, int thread)
{
    struct em *m = arg;
    size_t chunk = m->first + (size_t)slice, n_words = em_chunk_words(m, chunk);
    for (size_t w = 0; w < n_words; w++)
        if (!lattice_read(m, chunk * CHUNK_WORDS + w, &m->lattice[thread])) m->chunk[chunk].oom = true;
}

/* ---- what losing a piece costs ---- */

/* Where does each piece match?  Its own lattice is a part of that word's. */
static int find_places(struct em *m, struct err *e)
{
    m->seen = mem_zalloc(m->p.n, sizeof *m->seen);
    if (!m->seen) return err_oom(e, m->p.n * sizeof *m->seen, "pieces");
    for (size_t w = 0; w < m->c->n_words; w++) {
        size_t chunk = w / CHUNK_WORDS, end = m->list[w].at + (size_t)m->list[w].n;
        const uint32_t *match = m->chunk[chunk].match;
        for (size_t at = m->list[w].at, here = at; at < end; at++) {
            uint32_t id = PIECE(match[at]);
            if (id != NO_PIECE) {
                m->seen[id].chunk = chunk;
                m->seen[id].at = here + 1;
            }
            if (match[at] & LAST_HERE) here = at + 1;
        }
    }
    return 0;
}

/* The lattice of a piece's own text, without the piece. */
static bool own_lattice(const struct em *m, size_t piece, struct lattice *l)
{
    const uint32_t *match = m->chunk[m->seen[piece].chunk].match + m->seen[piece].at - 1;
    size_t len = m->p.v[piece].len;
    l->n = l->places = 0;
    for (; l->places < len; l->places++) {
        l->from[l->places] = l->n;
        uint32_t x;
        do {
            x = *match++;
            uint32_t id = PIECE(x);
            if (!lattice_room(l, l->n + 1, len + 1)) return false;
            if (id == NO_PIECE) lattice_put(l, id, 1, em_unk_score(m));
            else if (id != piece && l->places + m->p.v[id].len <= len)
                lattice_put(l, id, m->p.v[id].len, m->p.v[id].score);
        } while (!(x & LAST_HERE));
    }
    l->from[len] = l->n;
    return true;
}

enum { PER_SLICE = 4096 };
#define KEEP INFINITY     /* there is no other way to write it */
#define DROP (-INFINITY)  /* never used, or better written in parts */

/* What the text's likelihood loses when a piece is written in its second best
 * way instead. */
static void weigh_pieces(void *arg, int slice, int thread)
{
    struct em *m = arg;
    struct lattice *l = &m->lattice[thread];
    const double *freq = m->freq;
    float sum = (float)m->freq_sum, log_sum = (float)log((double)sum);
    size_t from = (size_t)slice * PER_SLICE, to = from + PER_SLICE < m->p.n ? from + PER_SLICE : m->p.n;
    for (size_t i = from; i < to; i++) {
        float f = (float)freq[i];
        m->lost[i] = DROP;
        if (!(freq[i] > 0)) continue;
        m->lost[i] = KEEP;
        if (m->p.v[i].len == 1) continue;
        if (!m->seen[i].at || !own_lattice(m, i, l)) continue;
        lattice_best(l);
        size_t len = m->p.v[i].len, parts = 0;
        if (l->alpha[len] > m->p.v[i].score) {
            m->lost[i] = DROP;
            continue;
        }
        for (size_t k = len; k > 0; k = lattice_before(l, k)) l->from[parts++] = l->best[k];
        float log_alt = (float)log((double)(sum + f * (float)(parts - 1))), alt = 0;
        for (size_t k = parts; k-- > 0;) {
            uint32_t id = l->id[l->from[k]];
            float with = (float)freq[id == NO_PIECE ? 0 : id] + f;
            alt = (float)((double)alt + (log((double)with) - (double)log_alt));
        }
        float own = (float)(log((double)f) - (double)log_sum);
        m->lost[i] = f / sum * (own - alt);
    }
}

static int by_loss(const void *a, const void *b, void *lost)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const float *v = lost;
    if (v[x] != v[y]) return v[x] < v[y] ? 1 : -1;
    return x < y ? -1 : x > y;
}

/* Keeps what must stay and, of the others, what would be missed most. */
static int keep_best(struct em *m, size_t wanted, struct err *e)
{
    size_t n = 0, n_kept = 0, old = m->p.n;
    uint32_t *order = mem_alloc(old, sizeof *order);
    struct sp_piece *v = mem_alloc(old, sizeof *v);
    int ret = order && v ? 0 : err_oom(e, old * sizeof *v, "pieces");
    for (size_t i = 0; ret == 0 && i < old; i++) {
        m->hot[i].id = NO_PIECE;
        if (isinf(m->lost[i]) && m->lost[i] > 0) {
            m->hot[i].id = (uint32_t)n_kept;
            v[n_kept++] = m->p.v[i];
        } else if (!isinf(m->lost[i])) {
            order[n++] = (uint32_t)i;
        }
    }
    if (ret == 0) qsort_r(order, n, sizeof *order, by_loss, m->lost);
    for (size_t i = 0; ret == 0 && i < n && n_kept < wanted; i++) {
        m->hot[order[i]].id = (uint32_t)n_kept;
        v[n_kept++] = m->p.v[order[i]];
    }
    if (ret == 0 && n_kept == 0) ret = err_set(e, ERR_DATA, "no piece is left: there is too little text");
    if (ret == 0) {
        memcpy(m->p.v, v, n_kept * sizeof *v);
        m->p.n = n_kept;
        em_min_score(m);
    }
    free(order);
    free(v);
    return ret;
}

static int weigh(struct em *m, pool_fn *fn, struct err *e)
{
    if (find_places(m, e)) return -1;
    m->lost = mem_alloc(m->p.n, sizeof *m->lost);
    if (!m->lost) return err_oom(e, m->p.n * sizeof *m->lost, "pieces");
    pool_run(m->pool, (int)((m->p.n + PER_SLICE - 1) / PER_SLICE), fn, m);
    return 0;
}

static void weigh_done(struct em *m)
{
    free(m->lost);
    free(m->seen);
    m->lost = NULL;
    m->seen = NULL;
}

int em_prune(struct em *m, size_t least, struct err *e)
{
    size_t wanted = (size_t)((double)m->r->shrink * (double)m->p.n);
    memset(m->freq, 0, m->p.n * sizeof *m->freq);
    if (em_pass(m, segment_chunk, add_freq, e)) return -1;
    m->freq_sum = 0;
    for (size_t i = 0; i < m->p.n; i++) m->freq_sum += (double)(float)m->freq[i];
    int ret = weigh(m, weigh_pieces, e);
    if (ret == 0) ret = keep_best(m, wanted > least ? wanted : least, e);
    weigh_done(m);
    return ret;
}

/* No encoder would ever use such a piece. */
static void find_unreachable(void *arg, int slice, int thread)
{
    struct em *m = arg;
    struct lattice *l = &m->lattice[thread];
    size_t from = (size_t)slice * PER_SLICE, to = from + PER_SLICE < m->p.n ? from + PER_SLICE : m->p.n;
    for (size_t i = from; i < to; i++) {
        m->lost[i] = KEEP;
        if (m->p.v[i].len == 1 || !m->seen[i].at || !own_lattice(m, i, l)) continue;
        lattice_best(l);
        if (l->alpha[m->p.v[i].len] > m->p.v[i].score) m->lost[i] = DROP;
    }
}

int em_drop_unreachable(struct em *m, struct err *e)
{
    if (em_pass(m, read_chunk, NULL, e)) return -1;
    int ret = weigh(m, find_unreachable, e);
    if (ret == 0) ret = keep_best(m, m->p.n, e);
    weigh_done(m);
    return ret;
}
