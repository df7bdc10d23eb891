/* train_em.h - inside the learning of a unigram vocabulary: expectation-
 * maximisation (train_em.c), pruning (train_prune.c), matches
 * (train_lattice.c).
 *
 * Which pieces match where is looked up once; from then on pieces only
 * disappear, so each distinct word keeps its list of matches.  The chance of
 * what comes before a place does not depend on the piece that begins there: one
 * sum a place, not one a pair of pieces.
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

enum { CHUNK_WORDS = 512 };

struct chunk {
    uint32_t *match; /* [n] */
    size_t n, cap;
    bool oom;
};

/* The matches of a word, in its chunk's. */
struct word_list {
    uint32_t at, n;
};

/* What a chunk adds to which piece: match k of word i has value[from[i] + k * step[i]]. */
struct sums {
    _Atomic size_t of; /* 1 + the chunk, when all is there */
    double *value;
    size_t cap;
    size_t from[CHUNK_WORDS];
    uint8_t step[CHUNK_WORDS];
};

/* One word's lattice; work space of one thread. */
struct lattice {
    uint32_t *id, *begin, *end; /* [n] of each match */
    float *score;
    float *alpha, *beta;
    uint64_t *way;              /* [places + 1] */
    size_t n, places, cap;
};

struct em {
    const struct sp_corpus *c;
    const struct sp_rules *r;
    struct pool *pool;
    struct sp_pieces p;   /* the seeds, later those of them that are left */
    float *score;         /* [p.n + 1] log probability now, SCORE_GONE; the last: of what has no piece */
    uint32_t *live;       /* [n_live] the pieces that are left, in order */
    size_t n_live, n_gone;/* n_gone: that still have matches */
    bool char_gone;       /* a single character among them */
    float min_score;
    struct chunk *chunk;
    struct word_list *list;  /* [words] */
    size_t n_chunks;
    struct sums *sums;       /* [n_sums] chunk i's are at i mod n_sums */
    size_t n_sums;
    struct turns {           /* chunks that were taken and that were added, in order; by one thread at a time */
        _Atomic size_t taken, added;
        _Atomic bool adding, oom;
    } turns;
    float *expected;      /* [lanes][p.n] */
    double *freq;         /* [threads][p.n + 1] how often the best segmentations use a piece */
    double freq_sum;
    struct lattice *lattice; /* [threads] */
    struct lanes *lanes;     /* [threads] */
    lanes_fn *expect_group;
    int n_threads;
    float *lost;          /* [n_live] pruning: what losing each piece costs, or how it fares */
    _Atomic uint64_t *seen; /* [p.n + 1] pruning: a place where each piece matches (train_prune.c) */
};
#define SCORE_GONE (-1e30f) /* nothing after it counts, and sums of it are finite */

/* ---- train_lattice.c ---- */

void lattice_free(struct lattice *l);
bool lattice_room(struct lattice *l, size_t matches);
/* A word into *l, in which there must be room for its matches. */
void lattice_read(const struct em *m, size_t word, struct lattice *l);
/* The best path of a word, in way. */
void lattice_best(const struct em *m, size_t word, struct lattice *l);
/* The last match of the best path to a place. */
static inline uint32_t lattice_came(const struct lattice *l, size_t place)
{
    return (uint32_t)(l->way[place] >> 32);
}
/* Log of the chances of all ways to each place (alpha) and from it (beta). */
void lattice_sums(struct lattice *l);
/* Looks up which seeds match where. */
int match_find(struct em *m, const struct sp_starts *starts, struct err *e);
/* Takes out the matches of pieces that are gone, if that is worth it; then pieces
 * are called by their place in live. */
int match_drop(struct em *m, struct err *e);

/* ---- train_em.c ---- */

/* The words of a chunk. */
static inline size_t em_chunk_words(const struct em *m, size_t chunk)
{
    size_t left = m->c->n_words - chunk * CHUNK_WORDS;
    return left < CHUNK_WORDS ? left : CHUNK_WORDS;
}
int em_start(struct em *m, struct err *e); /* when there are seeds */
void em_free(struct em *m);
void em_gone(struct em *m, uint32_t piece);
void em_min_score(struct em *m); /* after the scores changed */
int em_expect(struct em *m, struct err *e);
int em_maximise(struct em *m, struct err *e);

/* ---- train_prune.c ---- */

int em_prune(struct em *m, size_t least, struct err *e);
/* Drops pieces whose own text is better written in parts. */
int em_drop_unreachable(struct em *m, struct err *e);

#endif
