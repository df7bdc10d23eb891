/* dedup.h - llmctl dedup: keeps one of each group of equal or similar documents.
 *
 *   exact  by hash of the text, or of its normalised words (shingle.h)
 *   near   MinHash signatures cut into bands name candidate pairs; each is
 *          verified by the true Jaccard similarity of the sets of shingles
 *
 * A document goes when it is equal to, or at least `verify` similar to, one
 * that stays, and the one named in the report is the most similar that stays.
 * In a chain A~B~C where A and C differ, B goes and both others stay.  Which
 * one stays of a pair is said by `keep`; with DEDUP_NO_ONE both go.
 *
 * The work is cut into phases that pass sorted records on (dedup_store.h):
 *
 *   sign    documents -> identities and band keys        each its part of the input
 *   exact   identities -> equal documents                each its range of hashes
 *   bands   band keys of what is left                    each its part of the input
 *   pairs   band keys -> candidate pairs                 each its range of keys
 *   sets    candidates -> sets of shingles               each its part of the input
 *   verify  pairs, sets -> edges                         each its part of the input
 *   choose  edges, equal documents -> fates              the first shard
 *   names   ids of documents that fates name             each its part of the input
 *   index   signatures of what stays (--save-index)      each its part of the input
 *   write   documents and fates -> outputs               each its part of the input
 *   join    those of index -> the index                  the first shard
 *   texts   of pairs to show (HTML report)               each its part of the input
 *   report  the page                                     the first shard
 *
 * Where all signatures are in memory, bands finds the pairs itself, a band at a
 * time with all threads (dedup_join.c).
 *
 * The outputs of the shards, one after another, are the output of one process;
 * the result depends on the input and the options only.  The input is read two
 * to four times (stdin is copied to a temporary file); where the first of equal
 * texts stays and no more is asked, once.  Memory: `mem` for records and sets,
 * and 16 bytes a document that others are compared with or named after. */
#ifndef DATA_DEDUP_H
#define DATA_DEDUP_H

#include "core/base/pool.h"
#include "data/doc.h"

enum dedup_exact { DEDUP_NONE, DEDUP_TEXT, DEDUP_NORM };
enum dedup_keep { DEDUP_FIRST, DEDUP_LONGEST, DEDUP_BEST, DEDUP_NO_ONE };

enum dedup_unit { DEDUP_DOCS, DEDUP_LINES, DEDUP_PARAGRAPHS, DEDUP_NGRAMS, DEDUP_SUBSTRINGS };

struct dedup_cfg {
    enum dedup_unit unit; /* others than DEDUP_DOCS: dedup_parts.h, dedup_substring.h */
    int ngram;            /* DEDUP_NGRAMS: words, and the share above which a part goes */
    double share;
    size_t bloom;     /* bytes of a Bloom filter; 0: exact */
    int min_words;    /* DEDUP_LINES, DEDUP_PARAGRAPHS */
    size_t substring; /* DEDUP_SUBSTRINGS: least bytes */
    struct doc_files *files;
    struct doc_cfg docs; /* DEDUP_BEST: extra[0] is the member that counts */
    struct pool *pool;
    enum dedup_exact exact;
    bool near;
    int width, bands, rows; /* words a shingle, MinHash */
    double verify;          /* least similarity, 0: every candidate pair */
    enum dedup_keep keep;
    bool annotate;                          /* write all, say what would go */
    const char *out, *removed, *quarantine; /* or NULL */
    const char *clusters;                   /* or NULL: who belongs together */
    const char *html;                       /* or NULL: a page; extra[1] is then the member of sources */
    const char *against, *save_index;       /* or NULL: dedup_index.h */
    size_t mem;                             /* bytes that tables may take; 0: no limit */
    const char *workdir;                    /* or NULL: keeps what is done */
    int shard, shards;                      /* 0, 1: all; else needs workdir */
    const char *phase;                      /* or NULL: all, waiting for the other shards */
    bool progress;
};

struct dedup_stats {
    uint64_t docs_in, docs_out, docs_exact, docs_near, docs_bad;
    uint64_t docs_old;              /* of docs_exact and docs_near: match a document of the index */
    uint64_t bytes_in, bytes_out;   /* of text */
    uint64_t candidates, confirmed; /* pairs */
    uint64_t clusters, largest;     /* with cfg.clusters */
    uint64_t parts_in, parts_out;   /* lines, paragraphs; of documents that stay: out */
    uint64_t docs_changed;          /* stay without some of their parts */
    uint64_t docs_unranked;         /* DEDUP_BEST: have no number there */
    char first_bad[256];
    uint64_t n_damaged;
    char damaged[512];
};

int dedup_run(const struct dedup_cfg *cfg, struct dedup_stats *s, struct err *e);
void dedup_report_json(const struct dedup_cfg *cfg, const struct dedup_stats *s, struct buf *out);
/* NULL, or a list of the names for messages when there is no such phase. */
const char *dedup_phase_unknown(const char *name);

#endif
