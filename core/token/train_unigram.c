/* A unigram vocabulary: seeds, rounds of expectation-maximisation and pruning,
 * the characters (train_em.h says how). */
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/token/train_em.h"

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
    struct sp_starts starts = {0};
    int ret = sp_seeds(m->c, m->r, m->pool, &m->p, &starts, e);
    if (ret == 0 && m->p.n >> MATCH_BITS) ret = err_set(e, ERR_USAGE, "too many seeds");
    if (ret == 0) ret = match_find(m, &starts, e);
    sp_starts_free(&starts);
    if (ret || em_start(m, e)) return -1;
    do {
        for (int i = 0; i < m->r->sub_iterations; i++)
            if (sig_check(e) || em_expect(m, e) || em_maximise(m, e)) return -1;
        if (sig_check(e) || em_prune(m, enough, e)) return -1;
    } while (m->n_live > enough);
    return em_drop_unreachable(m, e);
}

/* The pieces that are left, with their scores. */
static int take_live(struct em *m, struct err *e)
{
    struct sp_piece *v = mem_alloc(m->n_live, sizeof *v);
    if (!v) return err_oom(e, m->n_live * sizeof *v, "pieces");
    for (size_t i = 0; i < m->n_live; i++) {
        v[i] = m->p.v[m->live[i]];
        v[i].score = m->score[m->live[i]];
    }
    free(m->p.v);
    m->p.v = v;
    m->p.n = m->p.cap = m->n_live;
    return 0;
}

int sp_unigram(const struct sp_corpus *c, const struct sp_rules *r, size_t n_meta, struct pool *pool,
               struct sp_pieces *out, struct err *e)
{
    struct em m = {.c = c, .r = r, .pool = pool};
    size_t enough = (size_t)((double)((size_t)r->n_pieces + n_meta) * 1.1);
    int ret = learn(&m, enough, e) || take_live(&m, e) || finish(&m, out, e) ? -1 : 0;
    em_free(&m);
    return ret;
}
