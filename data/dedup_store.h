/* dedup_store.h - what the phases of a deduplication hand to each other.
 *
 * Sorted records of several kinds, and bytes by document.  Without a work
 * directory they stay in memory (or in temporary files) of this process.  With
 * one, every shard writes its own files to DIR/shard-NNNNN/, and readers merge
 * those of all shards; a range of first words is found in them by bisection.
 * A phase that is done leaves a mark with its counts, so that a run that was
 * interrupted goes on behind it. */
#ifndef DATA_DEDUP_STORE_H
#define DATA_DEDUP_STORE_H

#include "data/dedup.h"
#include "data/dedup_blobs.h"
#include "data/dedup_sort.h"

enum dkind {      /* words of a record */
    D_ID,         /* hash.hi, hash.lo, rank, doc */
    D_SIG,        /* doc, hash.hi, hash.lo, a key a band */
    D_GONE,       /* doc, leader: equal documents */
    D_KEY,        /* key of a band, doc */
    D_PAIR,       /* doc, earlier doc: share a key; unique */
    D_WANT,       /* doc: is in a pair; unique */
    D_EDGE,       /* rank and doc of the one that may go, ~similarity, the better doc */
    D_FATE,       /* doc, match, kind << 32 | bits of the similarity */
    D_NAME,       /* doc: its id is asked for; unique */
    D_GROUP,      /* first doc of the cluster, doc, match or UINT64_MAX, fate */
    D_STAY,       /* doc: of this shard, stays; unique; this and the next for dedup_index_write.c */
    D_NEW_ID,     /* as D_ID */
    D_NEW_KEY,    /* as D_KEY */
    D_PICK,       /* number, doc, match, fate: pairs of the report */
    D_SHOW,       /* doc: of those; unique */
    D_BLOCK,      /* number of its first byte, bytes, documents, bytes of text, number of its first line,
                   * flags: a block of the input */
    D_KINDS
};

/* Flags of a block: documents line by line and nothing else; can be read again where
 * it lies in its file. */
enum { BLOCK_LINES = 1, BLOCK_PLAIN = 2 };

enum dblob_kind { B_SETS, B_NAMES, B_NEW_NAMES, B_NEW_SETS, B_SOURCES, B_TEXTS, B_KINDS };

struct dstore {
    const char *dir; /* NULL: this process does all */
    int shard, shards;
    size_t mem; /* for each collection of records; 0 = no limit */
    struct run_lock *lock;
    struct dsort sort[D_KINDS];
    struct dblobs blobs[B_KINDS]; /* being made, or made, by this process */
    struct dblobs *read[B_KINDS]; /* with dir: those of all shards, opened */
};

/* `print` names inputs and options: a directory made for others is refused. */
int dstore_open(struct dstore *s, const struct dedup_cfg *cfg, const char *print, struct err *e);
void dstore_close(struct dstore *s);

/* The same of what shard `by` wrote for `shard`; an error is said. */
char *dstore_file(const struct dstore *s, int by, const char *what, int shard, struct err *e);
/* Sets the error of such a file; -1. */
int dstore_damaged(const char *path, struct err *e);

/* Begins a collection; fill it with dsort_add, then dstore_put. */
struct dsort *dstore_new(struct dstore *s, enum dkind k);
int dstore_put(struct dstore *s, enum dkind k, struct pool *pool, struct err *e);
/* Adds the records of all shards with first words in [lo, hi) to the merge. */
int dstore_read(const struct dstore *s, enum dkind k, uint64_t lo, uint64_t hi, struct dmerge *m,
                struct err *e);
void dstore_drop(struct dstore *s, enum dkind k); /* frees memory; files stay */

struct dblobs *dstore_new_blobs(struct dstore *s, enum dblob_kind k);
int dstore_put_blobs(struct dstore *s, enum dblob_kind k, struct err *e);
int dstore_open_blobs(struct dstore *s, enum dblob_kind k, struct err *e); /* before _get */
int dstore_get_blob(const struct dstore *s, enum dblob_kind k, int shard, uint64_t doc,
                    struct buf *scratch, const void **p, size_t *n, struct err *e);

/* All of a shard; after dstore_open_blobs. */
static inline const struct dblobs *dstore_blobs(const struct dstore *s, enum dblob_kind k, int shard)
{
    return s->dir ? &s->read[k][shard] : &s->blobs[k];
}

/* Marks.  1: there is one, *stats filled; 0: none; -1. */
int dstore_marked(const struct dstore *s, const char *phase, int shard, struct dedup_stats *stats,
                  struct err *e);
int dstore_mark(const struct dstore *s, const char *phase, const struct dedup_stats *stats,
                struct err *e);

#endif
