#include "core/token/train_em.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"

void lattice_free(struct lattice *l)
{
    free(l->id);
    free(l->begin);
    free(l->end);
    free(l->score);
    free(l->from);
    free(l->alpha);
    free(l->beta);
    free(l->best);
}

bool lattice_room(struct lattice *l, size_t matches, size_t places)
{
    if (matches > l->cap) {
        size_t cap = 2 * matches + 256;
        if (!mem_renew(&l->id, cap, sizeof *l->id) ||
            !mem_renew(&l->begin, cap, sizeof *l->begin) ||
            !mem_renew(&l->end, cap, sizeof *l->end) ||
            !mem_renew(&l->score, cap, sizeof *l->score))
            return false;
        l->cap = cap;
    }
    if (places + 2 > l->places_cap) {
        size_t cap = 2 * places + 64;
        if (!mem_renew(&l->from, cap, sizeof *l->from) ||
            !mem_renew(&l->alpha, cap, sizeof *l->alpha) ||
            !mem_renew(&l->beta, cap, sizeof *l->beta) ||
            !mem_renew(&l->best, cap, sizeof *l->best))
            return false;
        l->places_cap = cap;
    }
    return true;
}

void lattice_prefetch(const struct em *m, size_t word)
{
    const struct word_list *w = &m->list[word];
    const uint32_t *match = m->chunk[word / CHUNK_WORDS].match + w->at;
    for (uint32_t i = 0; i < w->n && i < 256; i++)
        if (PIECE(match[i]) != NO_PIECE) __builtin_prefetch(&m->hot[PIECE(match[i])]);
}

/* Without branches that depend on the text, but one: they would be guessed wrong
 * at every place. */
bool lattice_read(const struct em *m, size_t word, struct lattice *l)
{
    struct word_list *w = &m->list[word];
    uint32_t *match = m->chunk[word / CHUNK_WORDS].match + w->at, place = 0, n = 0, single = 0;
    const struct hot *hot = m->hot;
    const float unk = em_unk_score(m);
    if (!lattice_room(l, (size_t)w->n + 1, (size_t)w->n + 1)) return false; /* more leave than come */
    uint32_t *id = l->id, *begin = l->begin, *end = l->end;
    float *score = l->score;
    size_t *from = l->from;
    from[0] = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        uint32_t x = match[i], known = PIECE(x) != NO_PIECE, last = x >> 31;
        struct hot h = hot[known ? PIECE(x) : 0];
        uint32_t alive = known & (h.id != NO_PIECE);
        id[n] = match[n] = h.id;
        begin[n] = place;
        end[n] = place + h.len;
        score[n] = h.score;
        n += alive;
        single |= alive & (h.len == 1);
        if (last & !single) {
            id[n] = match[n] = NO_PIECE;
            begin[n] = place;
            end[n] = place + 1;
            score[n++] = unk;
        }
        match[(ptrdiff_t)n - 1] |= x & (LAST_HERE | LAST_PLACE);
        from[place + 1] = n;
        place += last;
        single &= ~last;
    }
    l->n = w->n = n;
    l->places = place;
    return true;
}

void lattice_sums(struct lattice *l)
{
    const size_t *from = l->from;
    float *alpha = l->alpha, *beta = l->beta;
    size_t n = l->places;
    for (size_t i = 0; i <= n; i++) alpha[i] = beta[i] = -INFINITY;
    alpha[0] = beta[n] = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = from[i]; k < from[i + 1]; k++)
            alpha[l->end[k]] = lanes_log_add(alpha[l->end[k]], l->score[k] + alpha[i]);
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t k = from[i]; k < from[i + 1]; k++)
            beta[i] = lanes_log_add(beta[i], l->score[k] + beta[l->end[k]]);
    }
}

/* The last match of the best path to each place is noted. */
void lattice_best(struct lattice *l)
{
    float *alpha = l->alpha;
    uint32_t *best = l->best;
    for (size_t i = 1; i <= l->places; i++) alpha[i] = -INFINITY;
    alpha[0] = 0;
    for (uint32_t k = 0; k < l->n; k++) {
        uint32_t end = l->end[k];
        float x = alpha[l->begin[k]] + l->score[k], old = alpha[end];
        bool better = x > old;
        alpha[end] = better ? x : old;
        best[end] = better ? k : best[end];
    }
}
