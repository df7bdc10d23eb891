/* Expectation-maximisation for a unigram vocabulary, and its pruning.
 *
 * Which pieces match where is looked up once; from then on pieces only
 * disappear, so each distinct word keeps its list of matches and drops the
 * dead ones the next time it is read.  The chance of what comes before a place
 * does not depend on the piece that begins there: one sum a place, not one a
 * pair of pieces.
 *
 * Sums are kept in single precision and in the order of the words, as in
 * SentencePiece (0.2.3): threads work on chunks of words and write down what to
 * add, one thread adds it up.  So results do not depend on the number of
 * threads.  SentencePiece's depend on its own: word i belongs to its thread
 * i mod n, and rules.lanes is that n.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/train_math.h"
#include "core/token/train_sp.h"
#include "core/token/train_trie.h"

/* A match: the piece, and whether it is the last that begins at its place, and
 * that place the last of the word. */
#define LAST_HERE 0x80000000u
#define LAST_PLACE 0x40000000u
#define NO_PIECE 0x3FFFFFFFu /* a character without a piece of its own */
#define PIECE(m) ((m) & NO_PIECE)

enum { CHUNK_WORDS = 1024, BATCH = 16 };

struct chunk {
    uint32_t *match;
    size_t n, cap;
    bool oom;
};

/* What a chunk adds to which piece. */
struct sums {
    uint32_t *id;
    double *value;
    size_t n, cap;
    uint32_t per_word[CHUNK_WORDS];
};

/* One word's lattice; work space of one thread. */
struct lattice {
    uint32_t *id, *end; /* [n] of each match */
    float *score;
    size_t *from;       /* [places + 1] first match at a place */
    float *alpha, *beta;
    uint32_t *best;     /* [places + 1] match that the best path ends with */
    size_t n, places, cap, places_cap;
};

struct em {
    const struct sp_corpus *c;
    const struct sp_rules *r;
    struct pool *pool;
    struct sp_pieces p;
    float min_score;
    struct chunk *chunk;
    size_t n_chunks, first;  /* first: of the batch at work */
    struct sums sums[BATCH];
    float *expected;    /* [lanes][seeds] */
    double *freq;       /* [seeds] how often the best segmentations use a piece */
    double freq_sum;
    size_t n_seeds;
    struct lattice *lattice; /* [threads] */
    int n_threads;
    /* By the ids that lists still have: the piece now (NO_PIECE = gone) and what
     * reading a match needs of it, in one place. */
    struct hot { uint32_t id, len; float score; } *hot;
    size_t n_hot;
    struct math_tables *math;
    const struct piece_trie *trie;
    float *lost;        /* pruning: what losing each piece costs, or how it fares */
    struct { size_t chunk, at; } *seen; /* a place where a piece matches */
};

static void lattice_free(struct lattice *l)
{
    free(l->id);
    free(l->end);
    free(l->score);
    free(l->from);
    free(l->alpha);
    free(l->beta);
    free(l->best);
}

static bool lattice_room(struct lattice *l, size_t matches, size_t places)
{
    if (matches > l->cap) {
        size_t cap = 2 * matches + 256;
        uint32_t *id = mem_resize(l->id, cap, sizeof *id);
        if (id) l->id = id;
        uint32_t *end = mem_resize(l->end, cap, sizeof *end);
        if (end) l->end = end;
        float *score = mem_resize(l->score, cap, sizeof *score);
        if (score) l->score = score;
        if (!id || !end || !score) return false;
        l->cap = cap;
    }
    if (places + 2 > l->places_cap) {
        size_t cap = 2 * places + 64;
        size_t *from = mem_resize(l->from, cap, sizeof *from);
        if (from) l->from = from;
        float *alpha = mem_resize(l->alpha, cap, sizeof *alpha);
        if (alpha) l->alpha = alpha;
        float *beta = mem_resize(l->beta, cap, sizeof *beta);
        if (beta) l->beta = beta;
        uint32_t *best = mem_resize(l->best, cap, sizeof *best);
        if (best) l->best = best;
        if (!from || !alpha || !beta || !best) return false;
        l->places_cap = cap;
    }
    return true;
}

static inline float unk_score(const struct em *m)
{
    return m->min_score - 10.0f;
}

static inline void put_match(struct lattice *l, uint32_t id, uint32_t len, float score)
{
    l->id[l->n] = id;
    l->end[l->n] = (uint32_t)l->places + len;
    l->score[l->n++] = score;
}

/* The next word of a chunk into *l; matches of pieces that are gone leave the
 * list.  False: out of memory. */
static bool next_word(const struct em *m, struct chunk *chunk, size_t *at, size_t *out,
                      struct lattice *l)
{
    l->n = l->places = 0;
    for (uint32_t end = 0; !(end & LAST_PLACE);) {
        if (!lattice_room(l, l->n + 2, l->places + 1)) return false;
        l->from[l->places] = l->n;
        bool single = false;
        do {
            end = chunk->match[(*at)++];
            if (PIECE(end) == NO_PIECE) continue;
            const struct hot *h = &m->hot[PIECE(end)];
            if (h->id == NO_PIECE) continue;
            if (l->n + 2 > l->cap && !lattice_room(l, l->n + 2, l->places + 1)) return false;
            single = single || h->len == 1;
            put_match(l, h->id, h->len, h->score);
            chunk->match[(*out)++] = h->id;
        } while (!(end & LAST_HERE));
        if (!single) {
            put_match(l, NO_PIECE, 1, unk_score(m));
            chunk->match[(*out)++] = NO_PIECE;
        }
        chunk->match[*out - 1] |= LAST_HERE | (end & LAST_PLACE);
        l->places++;
    }
    l->from[l->places] = l->n;
    return true;
}

/* ---- E step ---- */

/* Both ways in step: each waits for its own last sum, so two run in the time of
 * one. */
static void forward_backward(const struct em *m, struct lattice *l)
{
    const struct math_tables *t = m->math;
    const size_t *from = l->from;
    float *alpha = l->alpha, *beta = l->beta;
    size_t n = l->places;
    for (size_t i = 1; i <= n; i++) alpha[i] = INFINITY; /* nothing yet */
    alpha[0] = 0;
    beta[n] = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = n - 1 - i, k = from[i], k_end = from[i + 1], b = from[j], b_end = from[j + 1];
        float start = alpha[i], sum = l->score[b] + beta[l->end[b]];
        b++;
        for (; k < k_end || b < b_end; k++, b++) {
            if (k < k_end) {
                float *to = &alpha[l->end[k]], x = l->score[k] + start;
                *to = *to > FLT_MAX ? x : math_log_add(t, *to, x);
            }
            if (b < b_end) sum = math_log_add(t, sum, l->score[b] + beta[l->end[b]]);
        }
        beta[j] = sum;
    }
}

static bool sums_room(struct sums *s, size_t more)
{
    if (s->cap - s->n >= more) return true;
    size_t cap = s->cap + s->cap / 2 + more + 4096;
    uint32_t *id = mem_resize(s->id, cap, sizeof *id);
    if (id) s->id = id;
    double *value = mem_resize(s->value, cap, sizeof *value);
    if (value) s->value = value;
    if (!id || !value) return false;
    s->cap = cap;
    return true;
}

static inline void add_sum(struct sums *s, uint32_t id, double value)
{
    /* What has no piece counts for the first one, as in the original. */
    s->id[s->n] = id == NO_PIECE ? 0 : id;
    s->value[s->n++] = value;
}

typedef void word_fn(const struct em *m, struct lattice *l, struct sums *s, uint64_t count);

/* All words of a chunk through fn; what it adds goes into the chunk's sums. */
static void run_chunk(struct em *m, int slice, int thread, word_fn *fn)
{
    size_t k = m->first + (size_t)slice, at = 0, out = 0, w = k * CHUNK_WORDS;
    struct chunk *chunk = &m->chunk[k];
    struct sums *s = &m->sums[slice];
    struct lattice *l = &m->lattice[thread];
    s->n = 0;
    for (size_t i = 0; i < CHUNK_WORDS && w + i < m->c->n_words; i++) {
        size_t before = s->n;
        if (!next_word(m, chunk, &at, &out, l) || !sums_room(s, l->n + l->places)) {
            chunk->oom = true;
            return;
        }
        fn(m, l, s, m->c->word[w + i].count);
        s->per_word[i] = (uint32_t)(s->n - before);
    }
    chunk->n = out;
}

static void expect_word(const struct em *m, struct lattice *l, struct sums *s, uint64_t count)
{
    double times = (double)(float)count;
    forward_backward(m, l);
    float z = l->alpha[l->places];
    for (size_t i = 0; i < l->places; i++) {
        for (size_t k = l->from[i]; k < l->from[i + 1]; k++) {
            float x = l->alpha[i] + l->score[k] + l->beta[l->end[k]] - z;
            add_sum(s, l->id[k], times * math_exp(m->math, (double)x));
        }
    }
}

static void expect_chunk(void *arg, int slice, int thread)
{
    run_chunk(arg, slice, thread, expect_word);
}

static void add_expected(struct em *m, const struct sums *s, size_t word)
{
    size_t at = 0, n_words = m->c->n_words - word < CHUNK_WORDS ? m->c->n_words - word : CHUNK_WORDS;
    for (size_t i = 0; i < n_words; i++) {
        float *sum = m->expected + (word + i) % (size_t)m->r->lanes * m->n_seeds;
        for (uint32_t k = 0; k < s->per_word[i]; k++, at++)
            sum[s->id[at]] = (float)((double)sum[s->id[at]] + s->value[at]);
    }
}

static void add_freq(struct em *m, const struct sums *s, size_t word)
{
    (void)word;
    for (size_t i = 0; i < s->n; i++) m->freq[s->id[i]] += s->value[i];
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

/* A pass over all words. */
static int run_all(struct em *m, pool_fn *fn, void (*add)(struct em *, const struct sums *, size_t),
                   struct err *e)
{
    for (m->first = 0; m->first < m->n_chunks; m->first += BATCH) {
        size_t n = m->n_chunks - m->first < BATCH ? m->n_chunks - m->first : BATCH;
        pool_run(m->pool, (int)n, fn, m);
        for (size_t i = 0; i < n; i++) {
            if (m->chunk[m->first + i].oom)
                return err_oom(e, m->chunk[m->first + i].cap * sizeof(uint32_t), "matches");
            if (add) add(m, &m->sums[i], (m->first + i) * CHUNK_WORDS);
        }
    }
    return reset_hot(m, e);
}

static int expect(struct em *m, struct err *e)
{
    for (int i = 0; i < m->r->lanes; i++)
        memset(m->expected + (size_t)i * m->n_seeds, 0, m->p.n * sizeof *m->expected);
    if (run_all(m, expect_chunk, add_expected, e)) return -1;
    for (int k = 1; k < m->r->lanes; k++)
        for (size_t i = 0; i < m->p.n; i++) m->expected[i] += m->expected[(size_t)k * m->n_seeds + i];
    return 0;
}

/* ---- M step ---- */

static void find_min_score(struct em *m)
{
    m->min_score = FLT_MAX;
    for (size_t i = 0; i < m->p.n; i++)
        if (m->p.v[i].score < m->min_score) m->min_score = m->p.v[i].score;
}

/* Pieces that are expected less than half a time go; the others' scores follow
 * the variational estimate, a sparse prior. */
static int maximise(struct em *m, struct err *e)
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
    find_min_score(m);
    return 0;
}

/* ---- pruning ---- */

/* The best path; its last match is noted for each place. */
static void viterbi(struct lattice *l)
{
    for (size_t i = 1; i <= l->places; i++) l->best[i] = UINT32_MAX;
    l->alpha[0] = 0;
    for (size_t i = 0; i < l->places; i++) {
        for (size_t k = l->from[i]; k < l->from[i + 1]; k++) {
            uint32_t end = l->end[k];
            float x = l->alpha[i] + l->score[k];
            if (l->best[end] != UINT32_MAX && !(x > l->alpha[end])) continue;
            l->alpha[end] = x;
            l->best[end] = (uint32_t)k;
        }
    }
}

static inline size_t place_before(const struct em *m, const struct lattice *l, size_t place)
{
    uint32_t id = l->id[l->best[place]];
    return place - (id == NO_PIECE ? 1 : m->p.v[id].len);
}

static void segment_word(const struct em *m, struct lattice *l, struct sums *s, uint64_t count)
{
    viterbi(l);
    for (size_t i = l->places; i > 0; i = place_before(m, l, i))
        add_sum(s, l->id[l->best[i]], (double)count);
}

static void segment_chunk(void *arg, int slice, int thread)
{
    run_chunk(arg, slice, thread, segment_word);
}

static void read_word(const struct em *m, struct lattice *l, struct sums *s, uint64_t count)
{
    (void)m, (void)l, (void)s, (void)count;
}

/* Only takes the dead matches out. */
static void read_chunk(void *arg, int slice, int thread)
{
    run_chunk(arg, slice, thread, read_word);
}

/* Where does each piece match?  Its own lattice is a part of that word's. */
static int find_places(struct em *m, struct err *e)
{
    m->seen = mem_zalloc(m->p.n, sizeof *m->seen);
    if (!m->seen) return err_oom(e, m->p.n * sizeof *m->seen, "pieces");
    for (size_t n = 0; n < m->n_chunks; n++) {
        const struct chunk *chunk = &m->chunk[n];
        for (size_t at = 0, here = 0; at < chunk->n; at++) {
            uint32_t id = PIECE(chunk->match[at]);
            if (id != NO_PIECE) {
                m->seen[id].chunk = n;
                m->seen[id].at = here + 1;
            }
            if (chunk->match[at] & LAST_HERE) here = at + 1;
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
            if (id == NO_PIECE) put_match(l, id, 1, unk_score(m));
            else if (id != piece && l->places + m->p.v[id].len <= len)
                put_match(l, id, m->p.v[id].len, m->p.v[id].score);
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
        viterbi(l);
        size_t len = m->p.v[i].len, parts = 0;
        if (l->alpha[len] > m->p.v[i].score) {
            m->lost[i] = DROP;
            continue;
        }
        for (size_t k = len; k > 0; k = place_before(m, l, k)) l->from[parts++] = l->best[k];
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
        find_min_score(m);
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

static int prune(struct em *m, size_t least, struct err *e)
{
    size_t wanted = (size_t)((double)m->r->shrink * (double)m->p.n);
    memset(m->freq, 0, m->p.n * sizeof *m->freq);
    if (run_all(m, segment_chunk, add_freq, e)) return -1;
    m->freq_sum = 0;
    for (size_t i = 0; i < m->p.n; i++) m->freq_sum += (double)(float)m->freq[i];
    int ret = weigh(m, weigh_pieces, e);
    if (ret == 0) ret = keep_best(m, wanted > least ? wanted : least, e);
    weigh_done(m);
    return ret;
}

/* Drops pieces whose own text is better written in parts: no encoder would
 * ever use them. */
static void find_unreachable(void *arg, int slice, int thread)
{
    struct em *m = arg;
    struct lattice *l = &m->lattice[thread];
    size_t from = (size_t)slice * PER_SLICE, to = from + PER_SLICE < m->p.n ? from + PER_SLICE : m->p.n;
    for (size_t i = from; i < to; i++) {
        m->lost[i] = KEEP;
        if (m->p.v[i].len == 1 || !m->seen[i].at || !own_lattice(m, i, l)) continue;
        viterbi(l);
        if (l->alpha[m->p.v[i].len] > m->p.v[i].score) m->lost[i] = DROP;
    }
}

static int drop_unreachable(struct em *m, struct err *e)
{
    if (run_all(m, read_chunk, NULL, e)) return -1;
    int ret = weigh(m, find_unreachable, e);
    if (ret == 0) ret = keep_best(m, m->p.n, e);
    weigh_done(m);
    return ret;
}

/* ---- the first look-up ---- */

static void match_chunk(void *arg, int slice, int thread)
{
    (void)thread;
    struct em *m = arg;
    struct chunk *chunk = &m->chunk[m->first + (size_t)slice];
    size_t w = (m->first + (size_t)slice) * CHUNK_WORDS, end = w + CHUNK_WORDS;
    for (; w < end && w < m->c->n_words; w++) {
        const struct sp_word *word = &m->c->word[w];
        for (uint32_t i = 0; i < word->len; i++) {
            if (chunk->cap - chunk->n < SP_MAX_LEN + 2) {
                size_t cap = chunk->cap + chunk->cap / 2 + 8192;
                uint32_t *v = mem_resize(chunk->match, cap, sizeof *v);
                if (!v) {
                    chunk->oom = true;
                    return;
                }
                chunk->match = v;
                chunk->cap = cap;
            }
            const uint16_t *s = m->c->sym + word->off + i;
            size_t before = chunk->n;
            uint32_t node = 0, left = word->len - i;
            for (uint32_t k = 0; k < left && piece_trie_step(m->trie, &node, s[k]); k++)
                if (m->trie->piece[node]) chunk->match[chunk->n++] = m->trie->piece[node] - 1;
            if (chunk->n == before || m->p.v[chunk->match[before]].len != 1)
                chunk->match[chunk->n++] = NO_PIECE;
            chunk->match[chunk->n - 1] |= LAST_HERE | (i + 1 == word->len ? LAST_PLACE : 0);
        }
    }
    uint32_t *v = mem_resize(chunk->match, chunk->n, sizeof *v);
    if (v) chunk->match = v;
}

static int find_matches(struct em *m, struct err *e)
{
    struct piece_trie trie = {0};
    m->n_seeds = m->p.n;
    m->n_chunks = (m->c->n_words + CHUNK_WORDS - 1) / CHUNK_WORDS;
    m->chunk = mem_zalloc(m->n_chunks, sizeof *m->chunk);
    m->expected = mem_alloc(m->n_seeds * (size_t)m->r->lanes, sizeof *m->expected);
    m->freq = mem_alloc(m->n_seeds, sizeof *m->freq);
    if (!m->chunk || !m->expected || !m->freq) return err_oom(e, m->p.n * 12, "pieces");
    int ret = piece_trie_build(&trie, &m->p, e);
    m->trie = &trie;
    if (ret == 0) ret = run_all(m, match_chunk, NULL, e);
    piece_trie_free(&trie);
    return ret;
}

/* ---- the result ---- */

static int by_score(const void *a, const void *b, void *pool)
{
    const struct sp_piece *x = a, *y = b;
    const uint16_t *sym = pool;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    size_t n = x->len < y->len ? x->len : y->len;
    for (size_t i = 0; i < n; i++)
        if (sym[x->at + i] != sym[y->at + i]) return sym[x->at + i] < sym[y->at + i] ? -1 : 1;
    return x->len < y->len ? -1 : x->len > y->len;
}

/* All characters, then the best pieces as far as there is room. */
static int finish(struct em *m, struct sp_pieces *out, struct err *e)
{
    uint32_t n_chars = m->c->n_chars;
    uint16_t *chars = sp_chars_by_count(m->c);
    float *score = mem_alloc((size_t)n_chars + 1, sizeof *score), penalty = 0;
    int ret = chars && score ? 0 : err_oom(e, n_chars * 8u, "characters");
    for (uint32_t i = 0; ret == 0 && i <= n_chars; i++) score[i] = 1; /* no piece */
    for (size_t i = 0; ret == 0 && i < m->p.n; i++)
        if (m->p.v[i].len == 1) score[m->p.pool[m->p.v[i].at]] = m->p.v[i].score;
    for (uint32_t i = 0; ret == 0 && i + 1 < n_chars; i++) {
        float s = score[chars[i]];
        if (s > 0) {
            s = m->min_score + penalty;
            penalty += 0.0001f;
        }
        if (!sp_pieces_add(out, &chars[i], 1, s)) ret = err_oom(e, n_chars, "pieces");
    }
    if (ret == 0) qsort_r(m->p.v, m->p.n, sizeof *m->p.v, by_score, m->p.pool);
    for (size_t i = 0; ret == 0 && i < m->p.n && out->n < (size_t)m->r->n_pieces; i++) {
        const struct sp_piece *p = &m->p.v[i];
        if (p->len > 1 && !sp_pieces_add(out, m->p.pool + p->at, p->len, p->score))
            ret = err_oom(e, out->n, "pieces");
    }
    if (ret == 0) qsort_r(out->v, out->n, sizeof *out->v, by_score, out->pool);
    free(chars);
    free(score);
    return ret;
}

static int learn(struct em *m, size_t enough, struct err *e)
{
    if (sp_seeds(m->c, m->r, m->pool, &m->p, e)) return -1;
    if (m->p.n >= NO_PIECE) return err_set(e, ERR_USAGE, "too many seeds");
    find_min_score(m);
    if (find_matches(m, e)) return -1;
    do {
        for (int i = 0; i < m->r->sub_iterations; i++)
            if (expect(m, e) || maximise(m, e)) return -1;
        if (prune(m, enough, e)) return -1;
    } while (m->p.n > enough);
    return drop_unreachable(m, e);
}

int sp_unigram(const struct sp_corpus *c, const struct sp_rules *r, size_t n_meta, struct pool *pool,
               struct sp_pieces *out, struct err *e)
{
    struct em m = {.c = c, .r = r, .pool = pool, .n_threads = pool_threads(pool)};
    size_t enough = (size_t)((double)((size_t)r->n_pieces + n_meta) * 1.1);
    int ret = -1;
    m.lattice = mem_zalloc((size_t)m.n_threads, sizeof *m.lattice);
    m.math = mem_alloc(1, sizeof *m.math);
    bool ok = m.lattice && m.math;
    for (int i = 0; ok && i < m.n_threads; i++) ok = lattice_room(&m.lattice[i], 1024, SP_MAX_LEN + 2);
    if (ok) math_tables_init(m.math);
    if (!ok) err_oom(e, sizeof *m.math, "learning");
    else ret = learn(&m, enough, e) || finish(&m, out, e) ? -1 : 0;
    for (int i = 0; m.lattice && i < m.n_threads; i++) lattice_free(&m.lattice[i]);
    for (size_t i = 0; m.chunk && i < m.n_chunks; i++) free(m.chunk[i].match);
    for (int i = 0; i < BATCH; i++) {
        free(m.sums[i].id);
        free(m.sums[i].value);
    }
    free(m.chunk);
    free(m.expected);
    free(m.freq);
    free(m.lattice);
    free(m.math);
    free(m.hot);
    free(m.lost);
    free(m.seen);
    sp_pieces_free(&m.p);
    return ret;
}
