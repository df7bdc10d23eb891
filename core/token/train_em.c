#include "core/token/train_em.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/train_math.h"

/* Words with more matches go alone: sixteen of them would take much memory. */
enum { LONG_WORD = 4096 };

/* ---- sums of chunks ---- */

bool em_sums_start(struct em *m, size_t chunk, struct sums *s)
{
    size_t n = 0, first = chunk * CHUNK_WORDS, n_words = em_chunk_words(m, chunk);
    for (size_t i = 0; i < n_words; i++) {
        s->from[i] = n;
        s->n[i] = 0;
        n += m->list[first + i].n;
    }
    if (n <= s->cap) return true;
    size_t cap = n + n / 4;
    free(s->id);
    free(s->value);
    s->id = mem_alloc(cap, sizeof *s->id);
    s->value = mem_alloc(cap, sizeof *s->value);
    s->cap = s->id && s->value ? cap : 0;
    return s->cap > 0;
}

/* The lists have the ids of now. */
static int reset_hot(struct em *m, struct err *e)
{
    if (m->p.n > m->n_hot) {
        free(m->hot);
        m->n_hot = m->p.n;
        m->hot = mem_alloc(m->n_hot, sizeof *m->hot);
        if (!m->hot) return err_oom(e, m->n_hot * sizeof *m->hot, "pieces");
    }
    for (size_t i = 0; i < m->p.n; i++)
        m->hot[i] = (struct hot){(uint32_t)i, m->p.v[i].len, m->p.v[i].score};
    return 0;
}

int em_pass(struct em *m, pool_fn *fn, void (*add)(struct em *, const struct sums *, size_t), struct err *e)
{
    /* One thread works on one chunk at a time: its sums stay in the cache. */
    size_t batch = m->n_threads == 1 ? 1 : BATCH;
    for (m->first = 0; m->first < m->n_chunks; m->first += batch) {
        size_t n = m->n_chunks - m->first < batch ? m->n_chunks - m->first : batch;
        pool_run(m->pool, (int)n, fn, m);
        for (size_t i = 0; i < n; i++) {
            if (m->chunk[m->first + i].oom)
                return err_oom(e, m->chunk[m->first + i].cap * sizeof(uint32_t), "matches");
            if (add) add(m, &m->sums[i], m->first + i);
        }
    }
    return reset_hot(m, e);
}

/* ---- E step ---- */

/* Sixteen words of about the same length at work. */
struct group {
    size_t word[LANES]; /* in its chunk */
    uint32_t n[LANES], places[LANES];
    size_t top;         /* backward steps end there */
};

/* The lattice as a lane's steps; `top` steps at most. */
static void fill_lane(struct lanes *v, const struct lattice *l, int lane, size_t top)
{
    const size_t *from = l->from;
    for (size_t k = 0; k < l->n; k++) {
        uint32_t place = l->begin[k];
        struct lane_step *f = &v->forward[k], *b = &v->backward[top - from[place] - from[place + 1] + k];
        f->score[lane] = b->score[lane] = l->score[k];
        f->begin[lane] = b->begin[lane] = (int32_t)(place * LANES) + lane;
        f->end[lane] = b->end[lane] = (int32_t)(l->end[k] * LANES) + lane;
    }
}

static void idle(struct lane_step *s, int lane, size_t row)
{
    s->score[lane] = -INFINITY;
    s->begin[lane] = s->end[lane] = (int32_t)(row * LANES) + lane;
}

/* All lanes as long as the longest. */
static void even_out(struct lanes *v, const struct group *g)
{
    uint32_t places = 0, steps = 0;
    for (int i = 0; i < LANES; i++) {
        if (g->places[i] > places) places = g->places[i];
        if (g->n[i] > steps) steps = g->n[i];
    }
    v->rows = (size_t)places + 2;
    v->steps = steps;
    v->skip = g->top - steps;
    for (int i = 0; i < LANES; i++) {
        v->last[i] = (int32_t)(g->places[i] * LANES) + i;
        for (size_t k = g->n[i]; k < steps; k++) idle(&v->forward[k], i, v->rows - 1);
        for (size_t k = v->skip; k < g->top - g->n[i]; k++) idle(&v->backward[k], i, v->rows - 1);
    }
}

static bool read_lane(struct em *m, size_t chunk, struct group *g, int lane, struct sums *s, int thread)
{
    struct lattice *l = &m->lattice[thread];
    struct lanes *v = &m->lanes[thread];
    size_t i = g->word[lane], word = chunk * CHUNK_WORDS + i;
    if (!lattice_read(m, word, l)) return false;
    g->n[lane] = s->n[i] = (uint32_t)l->n;
    g->places[lane] = (uint32_t)l->places;
    v->times[lane] = (double)(float)m->c->word[word].count;
    memcpy(s->id + s->from[i], l->id, l->n * sizeof *s->id);
    fill_lane(v, l, lane, g->top);
    return true;
}

static void write_sums(const struct lanes *v, const struct group *g, int n, struct sums *s)
{
    for (int lane = 0; lane < n; lane++) {
        double *to = s->value + s->from[g->word[lane]];
        for (size_t k = 0; k < g->n[lane]; k++) to[k] = v->value[k * LANES + (size_t)lane];
    }
}

/* One word by itself. */
static bool expect_long(struct em *m, size_t chunk, size_t i, struct sums *s, struct lattice *l)
{
    size_t word = chunk * CHUNK_WORDS + i;
    double times = (double)(float)m->c->word[word].count;
    if (!lattice_read(m, word, l)) return false;
    lattice_sums(l);
    float z = l->alpha[l->places];
    s->n[i] = (uint32_t)l->n;
    memcpy(s->id + s->from[i], l->id, l->n * sizeof *s->id);
    for (size_t p = 0; p < l->places; p++)
        for (size_t k = l->from[p]; k < l->from[p + 1]; k++)
            s->value[s->from[i] + k] = times * lanes_exp(l->alpha[p] + l->score[k] + l->beta[l->end[k]] - z);
    return true;
}

/* The chunk's words by falling number of matches. */
static void by_length(const struct em *m, size_t chunk, uint16_t order[CHUNK_WORDS])
{
    enum { MOST = 256 };
    uint32_t start[MOST + 1] = {0};
    const struct word_list *w = &m->list[chunk * CHUNK_WORDS];
    size_t n = em_chunk_words(m, chunk);
    for (size_t i = 0; i < n; i++) start[w[i].n < MOST ? MOST - w[i].n : 0]++;
    for (uint32_t k = 0, at = 0; k <= MOST; k++) {
        uint32_t here = start[k];
        start[k] = at;
        at += here;
    }
    for (size_t i = 0; i < n; i++) order[start[w[i].n < MOST ? MOST - w[i].n : 0]++] = (uint16_t)i;
}

static bool expect_words(struct em *m, size_t chunk, struct sums *s, int thread)
{
    uint16_t order[CHUNK_WORDS];
    size_t first = chunk * CHUNK_WORDS, n_words = em_chunk_words(m, chunk);
    struct lanes *v = &m->lanes[thread];
    if (!em_sums_start(m, chunk, s)) return false;
    if (chunk + 1 < m->n_chunks) /* what comes next is not read in order */
        for (size_t i = 0; i < m->chunk[chunk + 1].n; i += 16) __builtin_prefetch(m->chunk[chunk + 1].match + i, 1, 2);
    by_length(m, chunk, order);
    for (size_t at = 0; at < n_words;) {
        struct group g = {.top = 0};
        int n = 0;
        size_t next = at;
        for (; next < n_words && n < LANES; next++) {
            uint32_t len = m->list[first + order[next]].n;
            if (len > LONG_WORD) {
                if (!expect_long(m, chunk, order[next], s, &m->lattice[thread])) return false;
                continue;
            }
            if (len > g.top) g.top = len;
            g.word[n++] = order[next];
        }
        at = next;
        if (!lanes_room(v, g.top, g.top + 2)) return false;
        for (int i = 0; i < LANES; i++) v->times[i] = 0;
        for (int i = 0; i < n; i++) {
            if (i + 1 < n) lattice_prefetch(m, first + g.word[i + 1]);
            else if (at < n_words) lattice_prefetch(m, first + order[at]);
            if (!read_lane(m, chunk, &g, i, s, thread)) return false;
        }
        even_out(v, &g);
        m->expect_group(v);
        write_sums(v, &g, n, s);
    }
    return true;
}

static void expect_chunk(void *arg, int slice, int thread)
{
    struct em *m = arg;
    size_t chunk = m->first + (size_t)slice;
    m->chunk[chunk].oom = !expect_words(m, chunk, &m->sums[slice], thread);
}

static void add_expected(struct em *m, const struct sums *s, size_t chunk)
{
    size_t n_words = em_chunk_words(m, chunk);
    for (size_t i = 0; i < n_words; i++) {
        size_t lane = (chunk * CHUNK_WORDS + i) % (size_t)m->r->lanes;
        float *sum = m->expected + lane * m->n_seeds;
        const uint32_t *id = s->id + s->from[i];
        const double *value = s->value + s->from[i];
        for (uint32_t k = 0; k < s->n[i]; k++) {
            /* What has no piece counts for the first one, as in the original. */
            float *to = &sum[id[k] == NO_PIECE ? 0 : id[k]];
            *to = (float)((double)*to + value[k]);
        }
    }
}

int em_expect(struct em *m, struct err *e)
{
    for (int i = 0; i < m->r->lanes; i++)
        memset(m->expected + (size_t)i * m->n_seeds, 0, m->p.n * sizeof *m->expected);
    if (em_pass(m, expect_chunk, add_expected, e)) return -1;
    for (int k = 1; k < m->r->lanes; k++)
        for (size_t i = 0; i < m->p.n; i++) m->expected[i] += m->expected[(size_t)k * m->n_seeds + i];
    return 0;
}

/* ---- M step ---- */

void em_min_score(struct em *m)
{
    m->min_score = FLT_MAX;
    for (size_t i = 0; i < m->p.n; i++)
        if (m->p.v[i].score < m->min_score) m->min_score = m->p.v[i].score;
}

/* Pieces that are expected less than half a time go; the others' scores follow
 * the variational estimate, a sparse prior. */
int em_maximise(struct em *m, struct err *e)
{
    const float *sum = m->expected;
    float total = 0;
    size_t n = 0, old = m->p.n;
    for (size_t i = 0; i < old; i++) {
        m->hot[i].id = NO_PIECE;
        if (sum[i] < 0.5f) continue;
        m->hot[i].id = (uint32_t)n;
        m->p.v[n] = m->p.v[i];
        m->p.v[n++].score = sum[i];
        total += sum[i];
    }
    if (n == 0) return err_set(e, ERR_DATA, "no piece is left: there is too little text");
    m->p.n = n;
    float log_sum = (float)math_digamma((double)total);
    for (size_t i = 0; i < n; i++)
        m->p.v[i].score = (float)(math_digamma((double)m->p.v[i].score) - (double)log_sum);
    for (size_t i = 0; i < old; i++)
        if (m->hot[i].id != NO_PIECE) m->hot[i].score = m->p.v[m->hot[i].id].score;
    em_min_score(m);
    return 0;
}
