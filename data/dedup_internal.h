/* dedup_internal.h - shared by dedup*.c. */
#ifndef DATA_DEDUP_INTERNAL_H
#define DATA_DEDUP_INTERNAL_H

#include "core/base/hash.h"
#include "data/dedup.h"
#include "data/dedup_detail.h"
#include "data/dedup_store.h"
#include "data/doc_out.h"
#include "data/doc_run.h"
#include "data/minhash.h"
#include "data/shingle.h"

/* A document's number: those of an index count from 0; those of the input have
 * the top bit set, then the number of their file, then where they begin in it.
 * So numbers grow as the input goes on, and any shard knows those of its own. */
enum { DOC_OFFSET_BITS = 42, DOC_FILE_BITS = 21 };
#define DOC_NEW ((uint64_t)1 << 63)

/* Smaller is preferred; documents of an index before all others. */
#define RANK_NEW ((uint64_t)1 << 63)

enum fate_kind { FATE_EXACT, FATE_NEAR };

struct dindex;

struct dedup {
    const struct dedup_cfg *cfg;
    struct dedup_stats *stats; /* of the phase */
    const struct dedup_stats *before; /* of those before it */
    struct minhash minhash;
    struct dstore store;
    struct dindex *old;      /* or NULL */
    uint64_t lo, hi;         /* numbers of this shard's documents */
    uint64_t *shard_lo;      /* shards + 1: where those of each begin */
    struct doc_files part;   /* this shard's part of the input */
    struct dedup_worker {
        struct doc_iter it;
        struct shingles sh;
        struct buf a, b; /* sets, ids */
        struct dsources sources;
    } * workers;
    int n_workers;
    struct doc_out out[DOC_RUN_BUFS];
    struct doc_spool *spool; /* where the input is the copy of stdin, or NULL */
    bool in_place;           /* out[0] holds that copy, and nothing of it is settled yet */
    bool joined;             /* bands found the pairs already */
    /* documents that a pass is about, and how far it is */
    struct dmerge chosen, blocks;
    const uint64_t *next, *next_block; /* NULL: no more */
    uint64_t stamp; /* sizes and times of the input when the run began */
    struct dagain *again;                     /* the pass that reads blocks once more, or NULL */
    int (*chosen_fn)(struct dedup *d, struct dedup_worker *w, const struct doc *doc, uint64_t number,
                     struct doc_slot *s, struct err *e); /* of dedup_pass_chosen() */
};

static inline uint64_t dedup_doc_number(const struct dedup *d, const struct doc_file *f,
                                        uint64_t offset)
{
    return DOC_NEW | (uint64_t)(f - d->part.v) << DOC_OFFSET_BITS | offset;
}
/* Where shard i's range of all 64-bit hashes begins. */
static inline uint64_t dedup_range(const struct dedup *d, int i)
{
    return i == d->cfg->shards ? UINT64_MAX : UINT64_MAX / (unsigned)d->cfg->shards * (unsigned)i;
}
int dedup_shard_of(const struct dedup *d, uint64_t doc);
/* Sizes and times of the input as they are now. */
uint64_t dedup_stamp(const struct dedup_cfg *cfg);

/* dedup_once.c: the whole run where the first of equal texts stays and no more
 * is asked.  *full: it failed because the table outgrew cfg->mem. */
int dedup_once(const struct dedup_cfg *cfg, struct dedup_stats *s, bool *full, struct err *e);

/* dedup_pass.c: documents in order. */
int dedup_pass(struct dedup *d, const char *what, doc_run_fn *work, doc_run_fn *decide,
               doc_run_fn *emit, doc_run_fn *done, struct err *e);
/* The input once more, when all blocks are known (D_BLOCK): those that hold a document
 * of collection k, or all (D_KINDS); with d->in_place all from the first that does not
 * stay as it is.  Files of plain lines are read where the
 * blocks lie, by all threads. */
struct dedup_left { /* what was in blocks that were not read; in place: bytes before the first that was */
    uint64_t docs, text, front;
};
/* Can that be done by all threads? */
int dedup_all_plain(struct dedup *d, bool *yes, struct err *e);
/* dedup_left.front, from the first block that is read on. */
uint64_t dedup_front(const struct dedup *d);
int dedup_pass_again(struct dedup *d, const char *what, enum dkind k, doc_run_fn *decide, doc_run_fn *emit,
                     doc_run_fn *done, struct dedup_left *left, struct err *e); /* left: or NULL */
/* The records of a collection from this shard's documents on; *next: the first. */
int dedup_begin(struct dedup *d, enum dkind k, struct dmerge *m, const uint64_t **next, struct err *e);
/* Calls fn in parallel for the documents of collection k that are this shard's;
 * what it leaves in slot->out[0] goes to done(). */
typedef int dedup_doc_fn(struct dedup *d, struct dedup_worker *w, const struct doc *doc,
                         uint64_t number, struct doc_slot *s, struct err *e);
int dedup_pass_chosen(struct dedup *d, const char *what, enum dkind k, dedup_doc_fn *fn,
                      doc_run_fn *done, struct err *e);
/* For it: {document, bytes, data} of its set of shingles, of its id. */
dedup_doc_fn dedup_set_doc, dedup_name_doc;
/* The documents of the collection in this block, for decide(): records of
 * `words` words into slot->scratch. */
int dedup_choose_block(struct dedup *d, struct doc_slot *s, int words, struct err *e);

/* The phases.  Each reads collections of the store and puts others there. */
typedef int dedup_phase_fn(struct dedup *d, struct err *e);
dedup_phase_fn dedup_sign;   /* dedup_sign.c */
uint64_t dedup_rank(const struct dedup *d, const struct doc *doc);
dedup_phase_fn dedup_equal;  /* dedup_equal.c */
dedup_phase_fn dedup_bands;  /* dedup_bands.c */
dedup_phase_fn dedup_pairs;
/* The documents of one key as they come.  Each makes a pair with the first and
 * with the last of those before: all pairs of up to FIRST + LAST documents, and
 * never more than that for each of a large bucket. */
enum { DBUCKET_FIRST = 6, DBUCKET_LAST = 10 };
struct dbucket {
    uint64_t key, n;
    uint64_t first[DBUCKET_FIRST], last[DBUCKET_LAST]; /* last: document i in i % LAST */
};
typedef int dbucket_fn(void *arg, uint64_t earlier, uint64_t later, struct err *e);
int dbucket_add(struct dbucket *b, uint64_t key, uint64_t doc, dbucket_fn *pair, void *arg, struct err *e);
/* dedup_join.c: both phases at once, from signatures in memory; `rows` are those
 * that take part.  Makes D_PAIR and D_WANT. */
bool dedup_join_fits(const struct dedup *d);
int dedup_join(struct dedup *d, const uint32_t *rows, size_t n, struct err *e);
dedup_phase_fn dedup_sets;   /* dedup_verify.c */
dedup_phase_fn dedup_verify;
dedup_phase_fn dedup_choose; dedup_phase_fn dedup_texts; /* dedup_report.c */
dedup_phase_fn dedup_report;

/* dedup_report.c: with cfg->html.  What one document adds to its source; after
 * the last; pairs to look at, from D_FATE. */
enum { DEDUP_SOURCE = 1 }; /* which of doc.extra */
int dedup_count_source(struct dedup_worker *w, const struct doc *doc, const struct dsource *x,
                       struct err *e);
int dedup_put_sources(struct dedup *d, struct err *e);
int dedup_pick(struct dedup *d, struct err *e);
int dedup_write_page(const struct dedup_cfg *cfg, const struct dedup_stats *s,
                     const struct dedup_detail *x, struct err *e);
/* dedup.c: the counts of all shards and phases that are done. */
int dedup_total(const struct dedup *d, struct dedup_stats *all, struct err *e);

/* dedup_choose.c */
dedup_phase_fn dedup_names;  /* dedup_write.c */
dedup_phase_fn dedup_write;
/* The output of this shard: the third of seven writes out.00003-of-00007.jsonl. */
int dedup_own_name(const struct dedup *d, const char *path, struct buf *name, struct err *e);
dedup_phase_fn dindex_collect; /* dedup_index_write.c */
dedup_phase_fn dindex_join;
dedup_phase_fn dedup_parts_sign; /* dedup_parts_shard.c */
dedup_phase_fn dedup_parts_choose;
dedup_phase_fn dedup_parts_write;
dedup_phase_fn dedup_strings_sign; /* dedup_substring_shard.c */
dedup_phase_fn dedup_strings_choose;
dedup_phase_fn dedup_strings_write;

/* dedup_choose.c */
static inline float dedup_similarity(uint64_t fate)
{
    union {
        uint32_t u;
        float f;
    } x = {.u = (uint32_t)fate};
    return x.f;
}
static inline uint64_t dedup_fate(enum fate_kind kind, float similarity)
{
    union {
        float f;
        uint32_t u;
    } x = {.f = similarity};
    return (uint64_t)kind << 32 | x.u;
}
/* dedup_clusters.c: from edges and equal documents; then the file of them. */
int dedup_groups(struct dedup *d, struct err *e);
int dedup_write_clusters(struct dedup *d, struct err *e);
/* dedup_write.c: the id of a document as a JSON value. */
int dedup_name_of(const struct dedup *d, uint64_t doc, struct buf *scratch, const void **p,
                  size_t *n, struct err *e);

/* dedup_index.c */
struct dindex *dindex_open(const struct dedup_cfg *cfg, struct err *e);
void dindex_free(struct dindex *x); /* NULL is fine */
uint64_t dindex_docs(const struct dindex *x);
/* Records of D_ID or D_KEY, as dstore_read. */
int dindex_read(const struct dindex *x, enum dkind k, uint64_t lo, uint64_t hi, struct dmerge *m,
                struct err *e);
int dindex_get(const struct dindex *x, enum dblob_kind k, uint64_t doc, struct buf *scratch,
               const void **p, size_t *n, struct err *e);

#endif
