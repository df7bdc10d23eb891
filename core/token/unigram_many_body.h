/* unigram_many_body.h - the best ways through many words: included by unigram_many.c once for each precision of sums:
 * RELAX_REAL, RELAX_NAME, RELAX_SCORE. */

static void RELAX_NAME(const struct unigram *u, size_t n, struct unigram_places *p)
{
    RELAX_REAL best[UNIGRAM_ROOM + UNIGRAM_LONGEST + 1], second[UNIGRAM_ROOM + UNIGRAM_LONGEST + 1];
    const uint32_t between = u->row[0];
    for (size_t i = 0; i < n + UNIGRAM_LONGEST; i++) {
        best[i] = second[i] = -(RELAX_REAL)INFINITY;
        p->from[i] = 0;
    }
    best[0] = 0;
    for (size_t at = 0; at < n; at++) {
        const RELAX_REAL *score = u->RELAX_SCORE + (p->row[at] >> UNIGRAM_DEPTH_BITS);
        p->apart[at] = (float)(best[at] - second[at]);
        for (size_t k = 0; k < (p->row[at] & UNIGRAM_DEPTH); k++) {
            RELAX_REAL x = best[at] + score[k], *b = &best[at + 1 + k], *s = &second[at + 1 + k];
            bool better = x > *b;
            RELAX_REAL less = better ? *b : x;
            *s = less > *s ? less : *s;
            *b = better ? x : *b;
            p->from[at + 1 + k] = better ? (int32_t)at : p->from[at + 1 + k];
        }
        if (p->row[at] == between) best[at + 1] = 0;
    }
    p->apart[n] = (float)(best[n] - second[n]);
}

#undef RELAX_REAL
#undef RELAX_NAME
#undef RELAX_SCORE
