/* llmz.h - the checkpoint format (FORMAT.md): writer and checked reader.
 *
 * The whole file is a legal zstd stream.  Bytes do not depend on the number
 * of threads.  The reader validates everything before use and verifies the
 * hashes of every chunk it reads. */
#ifndef CORE_CKPT_LLMZ_H
#define CORE_CKPT_LLMZ_H

#include <stdint.h>

#include "core/base/dtype.h"
#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/pool.h"

struct cJSON;

/* ---- writing ---- */
struct llmz_writer;
struct llmz_writer *llmz_create(const char *path, struct pool *pool, struct err *e);
/* Memory that a writer takes for tensors of at most n elements of `size` bytes. */
size_t llmz_writer_bytes(int threads, size_t n, size_t size);
/* Data is row-major little-endian; it is read before the call returns. */
int llmz_add(struct llmz_writer *w, const char *name, enum dtype dt, int ndim, const int64_t *dim,
             const void *data, struct err *e);
/* `manifest`: JSON object text with the keys of FORMAT.md except "tensors",
 * which the writer adds.  Commits atomically and frees w in any case. */
int llmz_finish(struct llmz_writer *w, const char *manifest, struct err *e);
void llmz_abort(struct llmz_writer *w);

/* ---- reading ---- */
struct llmz;
struct llmz_tensor {
    const char *name;
    enum dtype dtype;
    int ndim;
    int64_t dim[4], n;        /* n elements */
    uint64_t bytes_raw, bytes_stored;
    struct hash128 hash;      /* of the raw little-endian bytes */
};
/* Opens a .llmz file and checks preamble, footer, manifest and index: after
 * it only the data of chunks can still turn out to be bad.  A reader serves
 * one call at a time. */
struct llmz *llmz_open(const char *path, struct err *e);
/* The same over bytes in memory, which must outlive the reader. */
struct llmz *llmz_open_memory(const void *data, size_t size, const char *name, struct err *e);
void llmz_close(struct llmz *z);
const struct cJSON *llmz_manifest(const struct llmz *z);
/* Identity of the content: equal files have equal hashes. */
struct hash128 llmz_hash(const struct llmz *z);
uint64_t llmz_file_size(const struct llmz *z);
int llmz_n_tensors(const struct llmz *z);
const struct llmz_tensor *llmz_tensor(const struct llmz *z, int i);
int llmz_find(const struct llmz *z, const char *name);   /* index or -1 */
/* Reads a whole tensor into dst (n elements of its own dtype), verified, in parallel. */
int llmz_read(struct llmz *z, int i, void *dst, struct pool *pool, struct err *e);
/* Elements [first, first + count) only; reads no more chunks than they touch. */
int llmz_read_range(struct llmz *z, int i, int64_t first, int64_t count, void *dst,
                    struct pool *pool, struct err *e);
/* Verifies every chunk and tensor hash without keeping the data; stops at the
 * first bad one. */
int llmz_verify(struct llmz *z, struct pool *pool, struct err *e);
/* The same to the end: `bad` is told of each damaged chunk. */
typedef void llmz_bad(void *arg, const struct llmz_tensor *t, const char *message);
int llmz_verify_all(struct llmz *z, struct pool *pool, llmz_bad *bad, void *arg, struct err *e);

#endif
