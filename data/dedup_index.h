/* dedup_index.h - what --save-index writes and --against reads.
 *
 * One file: records of identities {hash.hi, hash.lo, 0, document} and of band
 * keys {key, document}, both sorted; the ids of the documents and their sets of
 * shingles (dedup_blobs.h); then this footer.  Documents count from 0.  All words are u64, little-endian. */
#ifndef DATA_DEDUP_INDEX_H
#define DATA_DEDUP_INDEX_H

#include <stdint.h>

#define DINDEX_MAGIC 0x7864696c6d6c6cu /* "llmlidx" */
enum { DINDEX_VERSION = 1 };

struct dindex_foot {
    uint64_t magic, version;
    uint64_t exact, near, width, bands, rows; /* as the run that wrote it */
    uint64_t docs;
    uint64_t ids_at, n_ids, keys_at, n_keys; /* bytes, records */
    uint64_t names_end, sets_end;            /* where their trailers end */
    uint64_t content; /* XXH3 of all in front of the footer */
    uint64_t hash;    /* XXH3 of the footer up to here */
};

#endif
