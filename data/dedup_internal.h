/* dedup_internal.h - shared by dedup*.c. */
#ifndef DATA_DEDUP_INTERNAL_H
#define DATA_DEDUP_INTERNAL_H

#include "core/base/hash.h"
#include "data/dedup.h"
#include "data/doc_out.h"
#include "data/doc_run.h"
#include "data/minhash.h"
#include "data/shingle.h"

struct dedup_rec {
    struct hash128 id;
    uint32_t len;   /* bytes of text, capped */
    uint32_t empty; /* has no words: takes no part in near */
};

struct dedup_pair {
    uint32_t a, b; /* a < b */
    float sim;
};

/* Decisions and what leads to them; indices are ordinals of good documents. */
struct dedup {
    const struct dedup_cfg *cfg;
    struct dedup_stats *stats;
    struct minhash minhash;
    struct dedup_worker {
        struct doc_iter it;
        struct shingles sh;
    } * workers;
    struct buf recs, keys;  /* struct dedup_rec; bands u64 each */
    struct buf block_first; /* u64: ordinal of the first document of each block */
    uint64_t n;             /* documents */
    uint32_t *match;        /* what each is a duplicate of, UINT32_MAX: it stays */
    float *sim;
    uint8_t *near; /* removed as near duplicate */
    struct dedup_pair *pairs;
    size_t n_pairs;
    uint8_t *wanted;  /* documents the next pass has to collect */
    struct buf sets;  /* u64: sets of shingles of candidates */
    uint64_t *set_at; /* n: where in sets, in u64; its length comes first */
    struct buf ids;   /* JSON values of ids, one after another */
    uint64_t *id_at;  /* n: begin in ids, or UINT64_MAX */
    uint32_t *id_len;
    struct doc_out out[DOC_RUN_BUFS];
};

static inline const struct dedup_rec *dedup_recs(const struct dedup *d)
{
    return (const struct dedup_rec *)(const void *)d->recs.data;
}

/* dedup_once.c: the whole run where the first of equal texts stays and no more
 * is asked. */
int dedup_once(const struct dedup_cfg *cfg, struct dedup_stats *s, struct err *e);
/* dedup_passes.c: each reads all documents once. */
int dedup_pass_hash(struct dedup *d, struct err *e);
int dedup_pass_sets(struct dedup *d, struct err *e);
int dedup_pass_ids(struct dedup *d, struct err *e);
int dedup_pass_write(struct dedup *d, struct err *e);
/* dedup_pairs.c */
int dedup_exact(struct dedup *d, struct err *e);
int dedup_candidates(struct dedup *d, struct err *e);
int dedup_choose(struct dedup *d, struct err *e); /* verifies pairs, decides */

#endif
