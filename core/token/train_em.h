/* train_em.h - inside the learning of a unigram vocabulary: expectation-
 * maximisation (train_em.c), pruning (train_prune.c), lattices
 * (train_lattice.c).
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
 * i mod n, and rules.lanes is that n. */
#ifndef CORE_TOKEN_TRAIN_EM_H
#define CORE_TOKEN_TRAIN_EM_H

#include "core/token/train_lanes.h"
#include "core/token/train_sp.h"
#include "core/token/train_trie.h"

/* A match: the piece, and whether it is the last that begins at its place, and
 * that place the last of the word. */
#define LAST_HERE 0x80000000u
#define LAST_PLACE 0x40000000u
#define NO_PIECE 0x3FFFFFFFu /* a character without a piece of its own */
#define PIECE(m) ((m) & NO_PIECE)

enum { CHUNK_WORDS = 512, BATCH = 16 };

struct chunk {
    uint32_t *match; /* [n]; the first is not one: see lattice_read() */
    size_t n, cap;
    bool oom;
};

/* The matches of a word, in its chunk's. */
struct word_list {
    uint32_t at, n;
};

/* What a chunk adds to which piece: word i from[i] .. from[i] + n[i]. */
struct sums {
    uint32_t *id;
    double *value;
    size_t cap;
    size_t from[CHUNK_WORDS];
    uint32_t n[CHUNK_WORDS];
};

/* One word's lattice; work space of one thread. */
struct lattice {
    uint32_t *id, *begin, *end; /* [n] of each match */
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
    struct word_list *list;  /* [words] */
    size_t n_chunks, first;  /* first: of the batch at work */
    struct sums sums[BATCH];
    float *expected;    /* [lanes][seeds] */
    double *freq;       /* [seeds] how often the best segmentations use a piece */
    double freq_sum;
    size_t n_seeds;
    struct lattice *lattice; /* [threads] */
    struct lanes *lanes;     /* [threads] */
    lanes_fn *expect_group;
    int n_threads;
    /* By the ids that lists still have: the piece now (NO_PIECE = gone) and what
     * reading a match needs of it, in one place. */
    struct hot { uint32_t id, len; float score; } *hot;
    size_t n_hot;
    const struct piece_trie *trie;
    float *lost;        /* pruning: what losing each piece costs, or how it fares */
    struct { size_t chunk, at; } *seen; /* a place where a piece matches */
};

static inline float em_unk_score(const struct em *m)
{
    return m->min_score - 10.0f;
}
void em_min_score(struct em *m); /* after the scores changed */

/* ---- train_lattice.c ---- */

void lattice_free(struct lattice *l);
bool lattice_room(struct lattice *l, size_t matches, size_t places);
/* Appends a match that begins at l->places; there must be room. */
static inline void lattice_put(struct lattice *l, uint32_t id, uint32_t len, float score)
{
    l->id[l->n] = id;
    l->begin[l->n] = (uint32_t)l->places;
    l->end[l->n] = (uint32_t)l->places + len;
    l->score[l->n++] = score;
}
/* A word into *l; matches of pieces that are gone leave its list.  False: out of
 * memory. */
bool lattice_read(const struct em *m, size_t word, struct lattice *l);
/* What reading it will look at is fetched meanwhile. */
void lattice_prefetch(const struct em *m, size_t word);
/* The best path; its last match is noted for each place. */
void lattice_best(struct lattice *l);
static inline size_t lattice_before(const struct lattice *l, size_t place) /* on that path */
{
    return l->begin[l->best[place]];
}
/* Log of the chances of all ways to each place (alpha) and from it (beta). */
void lattice_sums(struct lattice *l);

/* ---- train_em.c ---- */

/* The words of chunk m->first + slice; the sums are empty. */
static inline size_t em_chunk_words(const struct em *m, size_t chunk)
{
    size_t left = m->c->n_words - chunk * CHUNK_WORDS;
    return left < CHUNK_WORDS ? left : CHUNK_WORDS;
}
/* Room for what the words of a chunk may add, one sum a match. */
bool em_sums_start(struct em *m, size_t chunk, struct sums *s);
/* A pass over all words: fn is called for each chunk (m->first + slice), then
 * add, in order.  Afterwards lists have the ids of now. */
int em_pass(struct em *m, pool_fn *fn, void (*add)(struct em *, const struct sums *, size_t chunk),
            struct err *e);
int em_expect(struct em *m, struct err *e);
int em_maximise(struct em *m, struct err *e);

/* ---- train_prune.c ---- */

int em_prune(struct em *m, size_t least, struct err *e);
/* Drops pieces whose own text is better written in parts. */
int em_drop_unreachable(struct em *m, struct err *e);

#endif
