#include "core/token/unigram_many.h"

#include <math.h>
#include <string.h>

#include "core/token/unigram_walk.h"

/* ---- the longest paths ---- */

/* Places whose paths go on, in the upper half; and the nodes that they go to. */
struct going {
    uint64_t at[UNIGRAM_ROOM];
};
enum { FEW = 16 }; /* whose ends are found one by one */

/* last: the node that the path from each place has come to. */
static size_t first_level(const struct unigram *u, const uint16_t *symbols, size_t n, uint32_t *last, struct going *g)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t next = u->node[symbols[i]].base ^ symbols[i + 1];
        last[i] = symbols[i];
        g->at[count] = (uint64_t)i << 32 | next;
        count += u->node[next].above == symbols[i];
    }
    return count;
}

void unigram_rows_by_level(const struct unigram *u, const uint16_t *symbols, size_t n, uint32_t *row)
{
    struct going g;
    size_t count = first_level(u, symbols, n, row, &g), depth = 2;
    for (; count > FEW; depth++) {
        size_t n_before = count;
        count = 0;
        for (size_t k = 0; k < n_before; k++) {
            size_t i = g.at[k] >> 32;
            uint32_t at = (uint32_t)g.at[k], next = u->node[at].base ^ symbols[i + depth];
            row[i] = at;
            g.at[count] = (uint64_t)i << 32 | next;
            count += u->node[next].above == at;
        }
    }
    for (size_t k = 0; k < count; k++) {
        size_t i = g.at[k] >> 32;
        row[i] = unigram_last_node(u, symbols + i + depth, (uint32_t)g.at[k]);
    }
    for (size_t i = 0; i < n; i++) row[i] = u->row[row[i]];
}

/* What is read of them next, here and there, would be waited for one by one.  (A call that only asks for memory is left out by
 * gcc, unless it is no call.) */
static inline __attribute__((always_inline)) void ask_rows(const struct unigram *u, const uint32_t *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = row[i] >> UNIGRAM_DEPTH_BITS, depth = row[i] & UNIGRAM_DEPTH;
        const void *first = u->score ? (const void *)(u->score + at + depth - 1) : (const void *)(u->score64 + at);
        __builtin_prefetch(first);
        __builtin_prefetch(u->id + at - (depth & u->turn));
    }
}

/* ---- the best way to each place ---- */

#define RELAX_REAL float
#define RELAX_NAME relax_floats
#define RELAX_SCORE score
#include "core/token/unigram_many_body.h"

#define RELAX_REAL double
#define RELAX_NAME relax_doubles
#define RELAX_SCORE score64
#include "core/token/unigram_many_body.h"

void unigram_relax_base(const struct unigram *u, size_t n, struct unigram_places *p)
{
    if (u->score) relax_floats(u, n, p);
    else relax_doubles(u, n, p);
}

/* ---- the ids ---- */

#define UNIGRAM_NO_GAP_BITS 0x7149F2CAu /* of (float)UNIGRAM_NO_GAP */

/* All words in one loop without branches but its end: how many tokens a word has
 * cannot be guessed.  Gaps are not negative, so their bits are in the same order. */
static void go_back(const struct unigram *u, const struct unigram_places *p, struct unigram_words *w)
{
    const uint32_t none = UNIGRAM_NO_GAP_BITS, row_between = u->row[0];
    size_t id = UNIGRAM_ROOM, word = w->n_words;
    uint32_t gap = none, apart, gaps[UNIGRAM_WORDS + 1];
    bool unknown = false;
    for (size_t end = w->n; end > 0;) {
        size_t begin = (size_t)p->from[end];
        uint32_t row = p->row[begin], between = row == row_between;
        w->ids[--id] = unigram_id(u, row, end - begin);
        unknown |= w->ids[id] == u->unk_id;
        gaps[word] = gap; /* of the word behind it, if this is the 0 between them */
        w->begin[word] = (uint16_t)(id + 1);
        word -= between;
        memcpy(&apart, &p->apart[end], sizeof apart);
        gap = ((apart < gap ? apart : gap) & (between - 1)) | (none & -between);
        end = begin;
    }
    gaps[0] = gap;
    w->unknown = unknown;
    w->begin[0] = (uint16_t)id;
    memcpy(w->gap, gaps, w->n_words * sizeof *gaps);
}

void unigram_walk_words(const struct unigram *u, struct unigram_words *w)
{
    struct unigram_places p;
    w->symbols[w->n] = 0;
    unigram_rows_by_level(u, w->symbols, w->n, p.row);
    ask_rows(u, p.row, w->n);
    u->relax(u, w->n, &p);
    go_back(u, &p, w);
}
