/* train_seed.h - inside the seeds of a unigram vocabulary: substrings are found
 * (train_seed.c), the best of them become pieces (train_seed_best.c). */
#ifndef CORE_TOKEN_TRAIN_SEED_H
#define CORE_TOKEN_TRAIN_SEED_H

#include "core/token/train_sort.h"
#include "core/token/train_sp.h"

/* A substring; those with the same first symbol are a bucket. */
struct seed_node {
    uint64_t count;
    uint32_t pos;
    uint16_t len, bytes;
    uint32_t parent;  /* the next shorter one that begins like it, in the same bucket, or SP_NONE */
    uint32_t piece;   /* what it became, or SP_NONE */
};

struct seed_bucket {
    struct seed_node *v;
    size_t n, cap;
    bool oom;
};

struct seeds {
    const struct sp_corpus *c;
    const struct sp_rules *r;
    const uint16_t *text; /* the words, each with what follows it; then zeros */
    uint64_t *ends;      /* by position, one bit: what follows a word; behind the text all of them */
    uint32_t *before;    /* by 64 positions: words that end before them */
    uint64_t *count;     /* of each word */
    uint32_t *utf8;      /* of each symbol, the first byte highest */
    uint32_t *pos;       /* suffixes by first symbol */
    size_t *from;        /* [n_chars + 2] into pos */
    struct seed_bucket *bucket; /* by first symbol */
    struct sort_key *order; /* [n_chars] first symbols, those of most suffixes first */
    size_t most;         /* suffixes of a bucket */
    struct sort_key **work; /* [threads] room for two of each of these, or NULL */
    struct sp_starts *starts; /* longest: nodes of the bucket, while it is being made */
};

/* Suffixes lie all over the text: what will be looked at is fetched in time. */
enum { SEEDS_AHEAD = 16 };

/* The n_seeds best of all nodes behind the pieces of *out, best first; they are named in their nodes. */
int seeds_take_best(struct seeds *s, struct sp_pieces *out, struct err *e);
/* From nodes to pieces: s->starts, of n_pieces pieces. */
int seeds_name_starts(struct seeds *s, struct pool *pool, size_t n_pieces, struct err *e);

#endif
