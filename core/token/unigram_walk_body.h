/* unigram_walk_body.h - the best way through one word: included by unigram_walk.c once for each precision of sums:
 * WALK_REAL, WALK_NAME, WALK_SCORE. */
#include "core/token/unigram_walk.h"

static void WALK_NAME(const struct unigram *u, const uint16_t *symbols, size_t n, double sum, struct unigram_path *to)
{
    WALK_REAL best[UNIGRAM_MOST + UNIGRAM_LONGEST + 1], second[UNIGRAM_MOST + UNIGRAM_LONGEST + 1];
    int32_t from[UNIGRAM_MOST + UNIGRAM_LONGEST + 1];
    uint32_t row[UNIGRAM_MOST];
    unigram_rows(u, symbols, n, row);
    for (size_t i = 0; i < n + UNIGRAM_LONGEST; i++) {
        best[i] = second[i] = -(WALK_REAL)INFINITY;
        from[i] = 0;
    }
    best[0] = (WALK_REAL)sum;
    double farthest = 0;
    for (size_t at = 0; at < n; at++) {
        double far = fabs((double)best[at]);
        farthest = far > farthest ? far : farthest;
        const WALK_REAL *score = u->WALK_SCORE + (row[at] >> UNIGRAM_DEPTH_BITS);
        for (size_t k = 0; k < (row[at] & UNIGRAM_DEPTH); k++) {
            WALK_REAL x = best[at] + score[k], *b = &best[at + 1 + k], *s = &second[at + 1 + k];
            bool better = x > *b;
            WALK_REAL less = better ? *b : x;
            *s = less > *s ? less : *s;
            *b = better ? x : *b;
            from[at + 1 + k] = better ? (int32_t)at : from[at + 1 + k];
        }
    }
    double gap = UNIGRAM_NO_GAP;
    for (size_t end = n; end > 0; end = (size_t)from[end]) {
        double apart = (double)best[end] - (double)second[end];
        if (apart < gap) gap = apart;
    }
    to->gap = gap;
    to->farthest = farthest;
    to->sum = (double)best[n];
    unigram_back(u, from, row, n, to);
}

#undef WALK_REAL
#undef WALK_NAME
#undef WALK_SCORE
