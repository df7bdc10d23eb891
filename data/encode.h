/* encode.h - documents to token ids: into a shard, as text, or only counted. */
#ifndef DATA_ENCODE_H
#define DATA_ENCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/token/tokenizer.h"
#include "data/doc.h"

/* TABLE: a line a token with its offsets; JSON: an object a document. */
enum encode_to { ENCODE_SHARD, ENCODE_TEXT, ENCODE_COUNT, ENCODE_TABLE, ENCODE_JSON };

struct encode_opts {
    const struct tokenizer *t;
    enum encode_to to;
    const char *out;        /* shard: the path; else a path or "-" */
    const char *pair_field; /* JSONL: the member with a second text, or NULL; not for shards and counts */
    unsigned flags;         /* tok_flags; a shard adds bos and eos itself */
    bool strict;            /* a bad document is an error, not a warning; so is text that is not UTF-8 */
    const struct doc_files *files;
    struct doc_cfg docs;
    struct pool *pool;
};

struct encode_stats {
    uint64_t documents, bad, bytes, tokens;
    struct err first_bad; /* where and why */
};

int encode_run(const struct encode_opts *o, struct encode_stats *stats, struct err *e);

#endif
