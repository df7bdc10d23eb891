/* encode.h - documents to token ids: into a shard, as text, only counted, or back to shorter documents. */
#ifndef DATA_ENCODE_H
#define DATA_ENCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/token/tok_sample.h"
#include "core/token/tok_shorten.h"
#include "data/doc.h"

/* TEXT: ids, a line a document; PIECES: so the tokens' spellings; TABLE: a line a token with its
 * offsets; JSON: an object a document; SHORT: the documents as they came, each cut to a number of
 * tokens.  No documents at all are an error for shards only. */
enum encode_to { ENCODE_SHARD, ENCODE_TEXT, ENCODE_PIECES, ENCODE_COUNT, ENCODE_TABLE, ENCODE_JSON, ENCODE_SHORT };

struct encode_opts {
    const struct tokenizer *t;
    enum encode_to to;
    const char *out;        /* shard: the path; else a path or "-" */
    const char *pair_field; /* JSONL: the member with a second text, or NULL; not for shards and counts */
    const char *word_field; /* JSONL: the texts are lists of words; the member with the first, or NULL; likewise */
    uint64_t *tally;        /* counts: [tok_vocab_size] how often each token comes is added here; or NULL */
    unsigned flags;         /* tok_flags; a shard adds bos and eos itself */
    struct tok_shorten shorten; /* of ENCODE_SHORT; it takes `flags` */
    size_t batch;           /* documents are filled up to the longest of so many; 0 = each by itself; not for shards and counts */
    const struct tok_sampling *sampling; /* words are cut at random; or NULL */
    bool strict;            /* a bad document is an error, not a warning; so is text that is not UTF-8 */
    const struct doc_files *files;
    struct doc_cfg docs;
    struct pool *pool;
    struct tok_room **rooms; /* [threads of the pool], or NULL: what their scratches take (each may be NULL) */
};

struct encode_stats {
    uint64_t documents, bad, bytes, tokens;
    uint64_t pairs; /* documents with a second text */
    uint64_t shortened, bytes_left; /* ENCODE_SHORT */
    struct err first_bad; /* where and why */
};

int encode_run(const struct encode_opts *o, struct encode_stats *stats, struct err *e);

#endif
