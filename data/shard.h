/* shard.h - token shards (.tok): documents as ids, ready to be mapped.
 *
 * All integers little-endian; every section starts at a multiple of 8 and is
 * padded with zero bytes.  Sizes follow from the counts in the footer, and the
 * sum must be the size of the file.
 *
 *   header, 64 bytes
 *     0   8  magic "LLMCTLTK"
 *     8   4  version, 1
 *     12  4  bytes per token, 2 or 4
 *     16  4  vocab: every id is below it
 *     20  4  bos id, 0xFFFFFFFF = none
 *     24  4  eos id, 0xFFFFFFFF = none
 *     28  4  zero
 *     32  8  XXH3-64 of the canonical tokenizer.json
 *     40  16 zero
 *     56  8  XXH3-64 of bytes 0..55
 *   tokens     n_tokens ids
 *   documents  n_docs + 1 u64: index of the first token of each document; the
 *              last is the end of the last document
 *   hashes     one XXH3-64 for each 2^20 bytes of the tokens section
 *   lengths    vocab u16: bytes of text behind an id (0 for special tokens)
 *   tokenizer  the tokenizer.json as a zstd frame (may be empty)
 *   footer, 96 bytes
 *     0   8  n_tokens        8   8  n_docs       16  8  text_bytes of all documents
 *     24  8  bytes of the compressed tokenizer   32  8  ... uncompressed
 *     40  8  XXH3-64 of documents, 48 of hashes, 56 of lengths, 64 of tokenizer
 *     72  8  size of the file
 *     80  8  XXH3-64 of header and footer bytes 0..79
 *     88  8  end magic "TOKSEND1"
 *
 * How documents are stored:
 *   - eos without bos, or bos == eos: a document is [eos, ids...], and one eos
 *     ends the file.  The end-of-text token thus starts each document and is
 *     what its last token has to predict, at no extra position.
 *   - bos and another eos: [bos, ids..., eos];  only bos: [bos, ids...]
 *   - neither: [ids...].
 *
 * Opening checks everything but the tokens; those are checked (hash, and each
 * id against vocab) a chunk at a time when first read.  One thread at a time
 * may use a struct shard. */
#ifndef DATA_SHARD_H
#define DATA_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/token/tokenizer.h"

enum { SHARD_HEADER = 64, SHARD_FOOTER = 96, SHARD_CHUNK = 1 << 20 };

struct shard_info {
    int token_bytes; /* 2 or 4 */
    int vocab;
    int bos, eos; /* -1 = none */
    uint64_t tok_hash;
    uint64_t n_tokens, n_docs;
    uint64_t text_bytes;
};

struct shard;

struct shard *shard_open(const char *path, struct err *e);
/* The same on bytes in memory, which must stay until shard_close(). */
struct shard *shard_open_mem(const void *data, size_t size, const char *name, struct err *e);
void shard_close(struct shard *s); /* NULL is fine */

const struct shard_info *shard_get_info(const struct shard *s);
const uint64_t *shard_docs(const struct shard *s);    /* n_docs + 1 */
const uint16_t *shard_lengths(const struct shard *s); /* vocab */
const char *shard_name(const struct shard *s);
/* ids [pos, pos + n); the range must lie inside the shard. */
int shard_read(struct shard *s, uint64_t pos, size_t n, int32_t *out, struct err *e);
int shard_check_all(struct shard *s, struct err *e); /* every chunk */
/* Appends the tokenizer.json; ERR_DATA when the shard carries none. */
int shard_tokenizer(const struct shard *s, struct buf *json, struct err *e);
/* XXH3 over the footer: changes whenever anything in the file does. */
uint64_t shard_id(const struct shard *s);

/* True if [eos, ids...] with the eos shared between neighbours is the layout. */
static inline bool shard_shared_eos(int bos, int eos)
{
    return eos >= 0 && (bos < 0 || bos == eos);
}

/* ---- writing ---- */
struct shard_writer;

/* What the documents share; made once from a tokenizer. */
struct shard_meta {
    int vocab, bos, eos;
    uint64_t tok_hash;
    uint16_t *lengths;      /* vocab, owned */
    struct buf tokenizer;   /* zstd frame, owned */
    size_t tokenizer_bytes; /* uncompressed */
};
/* In two steps: vocab, bos and eos, enough for shard_part_add() and
 * shard_create(); and what takes milliseconds, before anything else is asked. */
int shard_meta_begin(struct shard_meta *m, const struct tokenizer *t, struct err *e);
int shard_meta_fill(struct shard_meta *m, const struct tokenizer *t, struct err *e);
void shard_meta_free(struct shard_meta *m);

/* Documents as they stand in a shard, made by any thread; zeroed, it is empty. */
struct shard_part {
    struct buf tokens;
    uint64_t *docs; /* where each begins, in tokens of the part */
    size_t n_docs, cap;
    uint64_t n_tokens, text_bytes;
};
/* Empty again, which keeps the memory, with room for what so many bytes of text usually become. */
int shard_part_begin(struct shard_part *p, const struct shard_meta *m, size_t text_bytes, struct err *e);
void shard_part_free(struct shard_part *p);
/* ids without bos and eos; a document without tokens is left out.  ERR_DATA: an id is
 * not below the vocabulary, nothing was added. */
int shard_part_add(struct shard_part *p, const struct shard_meta *m, const int32_t *ids, size_t n, uint64_t text_bytes,
                   struct err *e);

/* `m` must stay until commit or abort. */
struct shard_writer *shard_create(const char *path, const struct shard_meta *m, struct err *e);
/* All documents of a part that was made with the writer's meta. */
int shard_add_part(struct shard_writer *w, const struct shard_part *p, struct err *e);
/* One document. */
int shard_add(struct shard_writer *w, const int32_t *ids, size_t n, uint64_t text_bytes,
              struct err *e);
int shard_commit(struct shard_writer *w, struct err *e); /* frees w in any case */
void shard_abort(struct shard_writer *w);                /* NULL is fine */

#endif
