/* A unigram vocabulary: seeds, rounds of expectation-maximisation and pruning,
 * the characters (train_em.h says how). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/train_em.h"

/* ---- the first look-up ---- */

static void match_chunk(void *arg, int slice, int thread)
{
    (void)thread;
    struct em *m = arg;
    struct chunk *chunk = &m->chunk[m->first + (size_t)slice];
    chunk->n = 1;
    size_t w = (m->first + (size_t)slice) * CHUNK_WORDS, end = w + CHUNK_WORDS;
    for (; w < end && w < m->c->n_words; w++) {
        const struct sp_word *word = &m->c->word[w];
        size_t from = chunk->n;
        for (uint32_t i = 0; i < word->len; i++) {
            if (chunk->cap < chunk->n + SP_MAX_LEN + 2) {
                size_t cap = chunk->cap + chunk->cap / 2 + 8192;
                uint32_t *v = mem_resize(chunk->match, cap, sizeof *v);
                if (!v) {
                    chunk->oom = true;
                    return;
                }
                v[0] = 0;
                chunk->match = v;
                chunk->cap = cap;
            }
            const uint16_t *s = m->c->sym + word->off + i;
            size_t before = chunk->n;
            uint32_t node = 0, left = word->len - i;
            for (uint32_t k = 0; k < left; k++) {
                const struct piece_edge *to = piece_trie_step(m->trie, node, s[k]);
                if (!to) break;
                node = to->child;
                if (to->piece) chunk->match[chunk->n++] = to->piece - 1;
            }
            if (chunk->n == before || m->p.v[chunk->match[before]].len != 1)
                chunk->match[chunk->n++] = NO_PIECE;
            chunk->match[chunk->n - 1] |= LAST_HERE | (i + 1 == word->len ? LAST_PLACE : 0);
        }
        if (chunk->n > UINT32_MAX) {
            chunk->oom = true;
            return;
        }
        m->list[w] = (struct word_list){(uint32_t)from, (uint32_t)(chunk->n - from)};
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
    m->list = mem_zalloc(m->c->n_words, sizeof *m->list);
    m->expected = mem_alloc(m->n_seeds * (size_t)m->r->lanes, sizeof *m->expected);
    m->freq = mem_alloc(m->n_seeds, sizeof *m->freq);
    if (!m->chunk || !m->list || !m->expected || !m->freq) return err_oom(e, m->p.n * 12, "pieces");
    int ret = piece_trie_build(&trie, &m->p, e);
    m->trie = &trie;
    if (ret == 0) ret = em_pass(m, match_chunk, NULL, e);
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
    em_min_score(m);
    if (find_matches(m, e)) return -1;
    do {
        for (int i = 0; i < m->r->sub_iterations; i++)
            if (em_expect(m, e) || em_maximise(m, e)) return -1;
        if (em_prune(m, enough, e)) return -1;
    } while (m->p.n > enough);
    return em_drop_unreachable(m, e);
}

int sp_unigram(const struct sp_corpus *c, const struct sp_rules *r, size_t n_meta, struct pool *pool,
               struct sp_pieces *out, struct err *e)
{
    struct em m = {.c = c, .r = r, .pool = pool, .n_threads = pool_threads(pool)};
    size_t enough = (size_t)((double)((size_t)r->n_pieces + n_meta) * 1.1);
    int ret = -1;
    m.lattice = mem_zalloc((size_t)m.n_threads, sizeof *m.lattice);
    m.lanes = mem_zalloc((size_t)m.n_threads, sizeof *m.lanes);
    m.expect_group = lanes_expect();
    bool ok = m.lattice && m.lanes;
    for (int i = 0; ok && i < m.n_threads; i++) ok = lattice_room(&m.lattice[i], 1024, SP_MAX_LEN + 2);
    if (!ok) err_oom(e, (size_t)m.n_threads * sizeof *m.lanes, "learning");
    else ret = learn(&m, enough, e) || finish(&m, out, e) ? -1 : 0;
    for (int i = 0; m.lattice && i < m.n_threads; i++) lattice_free(&m.lattice[i]);
    for (int i = 0; m.lanes && i < m.n_threads; i++) lanes_free(&m.lanes[i]);
    for (size_t i = 0; m.chunk && i < m.n_chunks; i++) free(m.chunk[i].match);
    for (int i = 0; i < BATCH; i++) {
        free(m.sums[i].id);
        free(m.sums[i].value);
    }
    free(m.chunk);
    free(m.expected);
    free(m.freq);
    free(m.lattice);
    free(m.lanes);
    free(m.list);
    free(m.hot);
    free(m.lost);
    free(m.seen);
    sp_pieces_free(&m.p);
    return ret;
}
