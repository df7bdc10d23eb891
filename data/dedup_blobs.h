/* dedup_blobs.h - bytes by document number: ids, sets of shingles.
 *
 * Added in order of the numbers; beyond `mem` bytes the data lies in a temporary
 * file without a name and is read piece by piece.  In memory stay 16 bytes a
 * document.  Reading is safe from several threads. */
#ifndef DATA_DEDUP_BLOBS_H
#define DATA_DEDUP_BLOBS_H

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/base/hash.h"

struct dblob {
    uint64_t doc, end; /* its bytes end here; they begin where those before end */
};

struct dblobs {
    size_t mem;
    const char *dir; /* for the temporary file */
    struct buf data; /* all, or what is not yet written */
    struct buf index; /* struct dblob */
    int fd;           /* -1: all is in data */
    uint64_t base;    /* of the data in fd */
    uint64_t flushed, bytes;
};

/* dir NULL: $TMPDIR.  Zeroing alone makes an empty one for dblobs_free. */
void dblobs_init(struct dblobs *b, size_t mem, const char *dir);
int dblobs_add(struct dblobs *b, uint64_t doc, const void *p, size_t n, struct err *e);
/* Adds what a buffer holds: document, number of bytes (u64 both), bytes, ... */
int dblobs_take(struct dblobs *to, const struct buf *from, struct err *e);
/* No more is added. */
int dblobs_finish(struct dblobs *b, struct err *e);
/* Writes data, index and a trailer to w; the place where the trailer ends is
 * all that dblobs_open needs.  What is written is added to the hash, if not NULL. */
int dblobs_write(struct dblobs *b, struct file_writer *w, struct hash_stream *hash, struct err *e);
int dblobs_open(struct dblobs *b, const char *path, uint64_t end, struct err *e);
void dblobs_free(struct dblobs *b);

static inline uint64_t dblobs_count(const struct dblobs *b)
{
    return b->index.len / sizeof(struct dblob);
}
/* 1: *p, valid until scratch or b change; 0: there is none of this document; -1. */
int dblobs_get(const struct dblobs *b, uint64_t doc, struct buf *scratch, const void **p, size_t *n,
               struct err *e);
/* The i-th, in order. */
int dblobs_at(const struct dblobs *b, uint64_t i, struct buf *scratch, const void **p, size_t *n,
              struct err *e);

#endif
