#include "core/token/train_em.h"

#include <float.h>
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/token/train_math.h"

/* Words with more matches go alone: sixteen of them would take much memory. */
enum { LONG_WORD = 1 << 15 };

int em_start(struct em *m, struct err *e)
{
    size_t n = m->p.n;
    m->n_threads = pool_threads(m->pool);
    m->expect_group = lanes_expect();
    m->score = mem_alloc_table(n + 1, sizeof *m->score);
    m->expected = mem_alloc_table(n * (size_t)m->r->lanes, sizeof *m->expected);
    m->freq = mem_alloc_table((n + 1) * (size_t)m->n_threads, sizeof *m->freq);
    m->live = mem_alloc(n, sizeof *m->live);
    m->lattice = mem_zalloc((size_t)m->n_threads, sizeof *m->lattice);
    m->lanes = mem_zalloc((size_t)m->n_threads, sizeof *m->lanes);
    /* One thread works on one chunk at a time: its sums stay in the cache. */
    m->n_sums = m->n_threads == 1 ? 1 : 4 * (size_t)m->n_threads;
    m->sums = mem_zalloc(m->n_sums, sizeof *m->sums);
    if (!m->score || !m->expected || !m->freq || !m->live || !m->lattice || !m->lanes ||
        !m->sums)
        return err_oom(e, n * 24, "pieces");
    for (size_t i = 0; i < n; i++) {
        m->live[i] = (uint32_t)i;
        m->score[i] = m->p.v[i].score;
    }
    m->n_live = n;
    em_min_score(m);
    return 0;
}

void em_free(struct em *m)
{
    for (int i = 0; m->lattice && i < m->n_threads; i++) lattice_free(&m->lattice[i]);
    for (int i = 0; m->lanes && i < m->n_threads; i++) lanes_free(&m->lanes[i]);
    for (size_t i = 0; m->chunk && i < m->n_chunks; i++) free(m->chunk[i].match);
    for (size_t i = 0; m->sums && i < m->n_sums; i++) free(m->sums[i].value);
    free(m->sums);
    free(m->lattice);
    free(m->lanes);
    free(m->chunk);
    free(m->list);
    mem_free_aligned(m->score);
    free(m->live);
    mem_free_aligned(m->expected);
    mem_free_aligned(m->freq);
    free(m->lost);
    free((void *)m->seen);
    sp_pieces_free(&m->p);
}

void em_gone(struct em *m, uint32_t piece)
{
    m->score[piece] = SCORE_GONE;
    m->n_gone++;
    m->char_gone = m->char_gone || m->p.v[piece].len == 1;
}

/* ---- E step ---- */

static bool sums_room(struct sums *s, size_t n)
{
    if (n <= s->cap) return true;
    if (!mem_renew(&s->value, n + n / 2, sizeof *s->value)) return false;
    s->cap = n + n / 2;
    return true;
}

/* One word by itself. */
static bool expect_long(struct em *m, size_t word, double *value, struct lattice *l)
{
    double times = (double)(float)m->c->word[word].count;
    if (!lattice_room(l, m->list[word].n)) return false;
    lattice_read(m, word, l);
    lattice_sums(l);
    float z = l->alpha[l->places];
    for (size_t k = 0; k < l->n; k++)
        value[k] = times * lanes_exp(l->alpha[l->begin[k]] + l->score[k] + l->beta[l->end[k]] - z);
    return true;
}

static int more_matches(const void *a, const void *b, void *list)
{
    const struct word_list *w = list;
    uint16_t i = *(const uint16_t *)a, k = *(const uint16_t *)b;
    if (w[i].n != w[k].n) return w[i].n > w[k].n ? -1 : 1;
    return i < k ? -1 : i > k;
}

/* The chunk's words by falling number of matches. */
static void by_length(const struct em *m, size_t chunk, uint16_t order[CHUNK_WORDS])
{
    enum { MOST = 256 };
    uint32_t start[MOST + 1] = {0};
    struct word_list *w = &m->list[chunk * CHUNK_WORDS];
    size_t n = em_chunk_words(m, chunk);
    for (size_t i = 0; i < n; i++) start[w[i].n < MOST ? MOST - w[i].n : 0]++;
    for (uint32_t k = 0, at = 0; k <= MOST; k++) {
        uint32_t here = start[k];
        start[k] = at;
        at += here;
    }
    for (size_t i = 0; i < n; i++) order[start[w[i].n < MOST ? MOST - w[i].n : 0]++] = (uint16_t)i;
    if (start[0]) qsort_r(order, start[0], sizeof *order, more_matches, w);
}

/* The word becomes the next lane's. */
static void take_lane(const struct em *m, size_t word, struct lanes *v, int lane)
{
    const struct word_list *w = &m->list[word];
    uint32_t len = m->c->word[word].len; /* every character is matched, if only by itself */
    v->at[lane] = w->at;
    v->n[lane] = w->n;
    v->places[lane] = len;
    v->times[lane] = (double)(float)m->c->word[word].count;
    if (w->n > v->steps) v->steps = w->n;
    if (len + 2 > v->rows) v->rows = len + 2;
}

/* The matches of n words of the chunk that begins with word `first`, and of a whole chunk: asked for in time, as words
 * are not gone through in the order in which they lie. */
static void ask_words(const struct em *m, const uint32_t *match, size_t first, const uint16_t *word, size_t n)
{
    enum { LINE = 64 / sizeof *match };
    for (size_t k = 0; k < n; k++) {
        const struct word_list *w = &m->list[first + word[k]];
        for (uint32_t j = 0; j < w->n + LINE - 1; j += LINE) __builtin_prefetch(match + w->at + j);
    }
}

static void ask_chunk(const struct chunk *c)
{
    enum { LINE = 64 / sizeof *c->match, L2 = 2 };
    for (size_t i = 0; i < c->n; i += LINE) __builtin_prefetch(c->match + i, 0, L2);
}

static bool expect_words(struct em *m, size_t chunk, struct sums *s, int thread)
{
    uint16_t order[CHUNK_WORDS];
    size_t first = chunk * CHUNK_WORDS, n_words = em_chunk_words(m, chunk), used = 0;
    struct lanes *v = &m->lanes[thread];
    if (chunk + 1 < m->n_chunks) ask_chunk(&m->chunk[chunk + 1]);
    by_length(m, chunk, order);
    v->match = m->chunk[chunk].match;
    v->score = m->score;
    for (size_t at = 0; at < n_words;) {
        uint16_t here[LANES];
        int n = 0;
        v->steps = v->rows = 0;
        for (; at < n_words && n < LANES; at++) {
            size_t i = order[at], len = m->list[first + i].n;
            if (len > LONG_WORD) {
                if (!sums_room(s, used + len) || !expect_long(m, first + i, s->value + used, &m->lattice[thread]))
                    return false;
                s->from[i] = used;
                s->step[i] = 1;
                used += len;
                continue;
            }
            here[n] = (uint16_t)i;
            take_lane(m, first + i, v, n++);
        }
        for (int k = 0; k < n; k++) {
            s->from[here[k]] = used + (size_t)k;
            s->step[here[k]] = LANES;
        }
        if (n == 0) break; /* only long ones */
        for (; n < LANES; n++) v->n[n] = v->at[n] = v->places[n] = 0;
        ask_words(m, v->match, first, order + at, n_words - at < LANES ? n_words - at : LANES);
        if (!lanes_room(v, v->steps, v->rows) || !sums_room(s, used + v->steps * LANES)) return false;
        v->value = s->value + used;
        m->expect_group(v);
        used += v->steps * LANES;
    }
    return true;
}

static void add_expected(struct em *m, const struct sums *s, size_t chunk)
{
    size_t n_words = em_chunk_words(m, chunk), word = chunk * CHUNK_WORDS;
    uint32_t none = (uint32_t)m->p.n, instead = m->live[0];
    for (size_t i = 0; i < n_words; i++, word++) {
        float *sum = m->expected + word % (size_t)m->r->lanes * m->p.n;
        const uint32_t *match = m->chunk[chunk].match + m->list[word].at;
        const double *value = s->value + s->from[i];
        for (uint32_t k = 0; k < m->list[word].n; k++, value += s->step[i]) {
            /* What has no piece counts for the first one, as in the original. */
            uint32_t id = match_piece(match[k]);
            float *to = &sum[id == none ? instead : id];
            *to = (float)((double)*to + *value);
        }
    }
}

/* Adds what is there of the chunks whose turn it is, unless another thread is at it: that
 * one looks again when it has let go. */
static void add_ready(struct em *m)
{
    struct turns *t = &m->turns;
    for (;;) {
        size_t at = t->added;
        if (at == m->n_chunks || m->sums[at % m->n_sums].of != at + 1 || atomic_exchange(&t->adding, true)) return;
        for (at = t->added; at < m->n_chunks && m->sums[at % m->n_sums].of == at + 1; t->added = ++at)
            add_expected(m, &m->sums[at % m->n_sums], at);
        t->adding = false;
    }
}

/* Takes chunks as long as there are any. */
static void expect_chunks(void *arg, int slice, int thread)
{
    (void)slice;
    struct em *m = arg;
    struct turns *t = &m->turns;
    for (size_t chunk; !t->oom && !sig_stop_requested() && (chunk = atomic_fetch_add(&t->taken, 1)) < m->n_chunks;) {
        struct sums *s = &m->sums[chunk % m->n_sums];
        while (chunk - t->added >= m->n_sums && !t->oom && !sig_stop_requested())
            sched_yield(); /* threads with older chunks add theirs */
        if (sig_stop_requested()) return;
        if (!t->oom && expect_words(m, chunk, s, thread)) s->of = chunk + 1;
        else t->oom = true;
        add_ready(m);
    }
}

int em_expect(struct em *m, struct err *e)
{
    if (match_drop(m, e)) return -1;
    memset(m->expected, 0, m->p.n * (size_t)m->r->lanes * sizeof *m->expected);
    for (size_t i = 0; i < m->n_sums; i++) m->sums[i].of = 0;
    m->turns.taken = m->turns.added = 0;
    pool_run(m->pool, m->n_threads, expect_chunks, m);
    if (sig_check(e)) return -1;
    if (m->turns.oom) return err_oom(e, m->sums[0].cap * sizeof(double), "expectations");
    for (int k = 1; k < m->r->lanes; k++)
        for (size_t i = 0; i < m->p.n; i++) m->expected[i] += m->expected[(size_t)k * m->p.n + i];
    return 0;
}

/* ---- M step ---- */

void em_min_score(struct em *m)
{
    m->min_score = FLT_MAX;
    for (size_t i = 0; i < m->n_live; i++)
        if (m->score[m->live[i]] < m->min_score) m->min_score = m->score[m->live[i]];
    m->score[m->p.n] = m->min_score - 10.0f;
}

/* Pieces that are expected less than half a time go; the others' scores follow
 * the variational estimate, a sparse prior. */
int em_maximise(struct em *m, struct err *e)
{
    const float *sum = m->expected;
    float total = 0;
    size_t n = 0;
    for (size_t i = 0; i < m->n_live; i++) {
        uint32_t id = m->live[i];
        if (sum[id] < 0.5f) {
            em_gone(m, id);
            continue;
        }
        m->live[n++] = id;
        total += sum[id];
    }
    if (n == 0) return err_set(e, ERR_DATA, "no piece is left: there is too little text");
    m->n_live = n;
    if (!isfinite(total)) return err_set(e, ERR_DATA, "the text's counts are too large to be summed");
    float log_sum = (float)math_digamma((double)total);
    for (size_t i = 0; i < n; i++)
        m->score[m->live[i]] = (float)(math_digamma((double)sum[m->live[i]]) - (double)log_sum);
    em_min_score(m);
    return 0;
}
