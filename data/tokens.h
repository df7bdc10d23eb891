/* tokens.h - a read-only sequence of tokens with document borders: one shard,
 * a directory of shards, several of either, or a text encoded in memory.
 *
 * Where documents share their end-of-text token (shard.h), the one that ends a
 * shard is left out when another shard follows, so the sequence looks as if
 * it had been written as one shard.  One thread at a time may use it. */
#ifndef DATA_TOKENS_H
#define DATA_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/token/tokenizer.h"

struct tokset;

struct tokset_info {
    int vocab, bos, eos;
    bool shared_eos; /* a document starts with eos and predicts the next one */
    uint64_t tok_hash;
    uint64_t n_tokens, n_docs, text_bytes;
    uint64_t id;     /* names the content: resumed runs must match it */
    size_t n_shards; /* 0 for a text in memory */
};

/* Each path is a .tok file or a directory of them (sorted by name).  All must
 * come from the same tokenizer. */
struct tokset *tokset_open(const char *const *paths, size_t n, struct err *e);
/* One document of text. */
struct tokset *tokset_text(const struct tokenizer *t, const char *text, size_t n, struct err *e);
/* The same from ids (without bos and eos), for callers that have them. */
struct shard_meta;
struct tokset *tokset_ids(const int32_t *ids, size_t n, uint64_t text_bytes,
                          const struct shard_meta *m, struct err *e);
void tokset_free(struct tokset *s); /* NULL is fine */

const struct tokset_info *tokset_get_info(const struct tokset *s);
/* The tokenizer.json that the shards carry; ERR_DATA when they carry none. */
int tokset_tokenizer(const struct tokset *s, struct buf *json, struct err *e);
const uint16_t *tokset_lengths(const struct tokset *s); /* bytes of text behind each id */

/* ids [pos, pos + n), which must exist. */
int tokset_read(struct tokset *s, uint64_t pos, size_t n, int32_t *out, struct err *e);

struct tokset_doc {
    uint64_t index, begin, end; /* tokens [begin, end) */
};
/* The document that token `pos` belongs to; the closing eos of the sequence
 * counts as a document of its own with index n_docs. */
struct tokset_doc tokset_doc_at(const struct tokset *s, uint64_t pos);
struct tokset_doc tokset_doc(const struct tokset *s, uint64_t index); /* index < n_docs */

#endif
