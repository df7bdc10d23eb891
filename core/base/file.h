/* file.h - the one atomic writer, the one checked reader, mapped files.
 *
 * A file appears under its name whole or not at all: it is written under a
 * temporary name in the same directory (".NAME.tmp.PID.N"), every write and
 * the close are checked, then fsync, rename, fsync of the directory.  No file
 * is ever written in place, except append-only logs. */
#ifndef CORE_BASE_FILE_H
#define CORE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

/* ---- atomic writer ---- */
struct file_writer;

/* Opens a temporary beside `path`.  `path` "-" writes to stdout, and a device or
 * pipe is written as it is (then commit only flushes).  expected_bytes > 0 reserves space, so that a full disk shows
 * at once. */
struct file_writer *file_create(const char *path, uint64_t expected_bytes, struct err *e);
int file_write(struct file_writer *w, const void *p, size_t n, struct err *e);
/* To stdout, a device or a pipe all goes out now: somebody may wait for it. */
int file_flush(struct file_writer *w, struct err *e);
uint64_t file_offset(const struct file_writer *w); /* bytes written so far */
/* Replaces n bytes that were written at `offset` (a header that counts what followed); not on stdout. */
int file_rewrite(struct file_writer *w, uint64_t offset, const void *p, size_t n, struct err *e);
/* The file while it is being made, -1 for stdout, a device or a pipe; it stays the writer's. */
int file_fd(const struct file_writer *w);
/* Back to its beginning, over what was written, which can be read by way of file_fd() until
 * it is written anew; file_stay(): the next n bytes are right as they are.  What is behind
 * the last of both is cut off in the end.  Only where file_fd() is not -1. */
int file_again(struct file_writer *w, struct err *e);
int file_stay(struct file_writer *w, uint64_t n, struct err *e);
int file_commit(struct file_writer *w, struct err *e); /* frees w in any case */
void file_abort(struct file_writer *w); /* NULL is fine; removes the temporary */

/* A writer that an interrupted program can go on with: the temporary is
 * ".NAME.part", and its first `keep` bytes stay.  It is locked: ERR_CANTCREAT
 * while another process has it; ERR_DATA when it holds less than `keep`. */
struct file_writer *file_create_part(const char *path, uint64_t keep, struct err *e);
/* file_create() of a program that is given again after kill -9: where that makes a
 * temporary it is this ".NAME.part", so that the next run takes what the last one left. */
struct file_writer *file_create_again(const char *path, struct err *e);
int file_sync(struct file_writer *w, struct err *e); /* what was written survives a crash */
void file_keep(struct file_writer *w);               /* closes, the temporary stays; NULL is fine */
char *file_beside(const char *path, const char *suffix); /* ".NAMEsuffix" in its directory; caller frees */

/* Whole-file forms. */
int file_write_all(const char *path, const void *p, size_t n, struct err *e);
/* By file_create_again(). */
int file_write_again(const char *path, const void *p, size_t n, struct err *e);
/* Fails with ERR_DATA when the file exceeds max_bytes.  Appends to *out. */
int file_read_all(const char *path, size_t max_bytes, struct buf *out, struct err *e);

/* ---- append-only log: one write() a line, O_APPEND ---- */
int file_append_line(const char *path, const char *line, size_t n, struct err *e);

/* ---- read-only mapping ---- */
struct file_map {
    const uint8_t *data; /* NULL when the file is empty */
    size_t size;
    void *base;          /* private */
};
int file_map(struct file_map *m, const char *path, struct err *e); /* regular files only */
void file_unmap(struct file_map *m);

/* ---- checked reader over bytes in memory (binary headers) ----
 * Every getter checks what is left before it reads; after a failure it keeps
 * failing, so a parser may check once per record.  Offsets in the messages are
 * absolute.  Integers are little-endian. */
struct reader {
    const uint8_t *data;
    size_t size, pos;
    const char *name; /* for messages; not owned */
    bool failed;
};
void reader_init(struct reader *r, const void *data, size_t size, const char *name);
bool reader_u8(struct reader *r, uint8_t *out, struct err *e);
bool reader_u16(struct reader *r, uint16_t *out, struct err *e);
bool reader_u32(struct reader *r, uint32_t *out, struct err *e);
bool reader_u64(struct reader *r, uint64_t *out, struct err *e);
/* *out = pointer to n bytes inside the data. */
bool reader_bytes(struct reader *r, uint64_t n, const uint8_t **out, struct err *e);
/* Fails unless count records of at least min_bytes each can still follow. */
bool reader_count(struct reader *r, uint64_t count, uint64_t min_bytes, const char *what, struct err *e);
bool reader_seek(struct reader *r, uint64_t pos, struct err *e);
static inline size_t reader_left(const struct reader *r) { return r->size - r->pos; }

/* If fd is a pipe: makes it large, so that who writes and who reads it seldom waits. */
void file_widen_pipe(int fd);

/* ---- paths and directories ---- */
bool file_exists(const char *path);
bool file_is_dir(const char *path);
bool file_is_special(const char *path);             /* a device, a pipe, a socket */
bool file_same(const char *a, const char *b);       /* both are there, and one regular file */
int64_t file_size(const char *path, struct err *e); /* -1 on error */
/* Appends " of N bytes, changed YYYY-MM-DD HH:MM:SS.NANOSECONDS": by which a file that changed is known; nothing
 * when there is none. */
void file_describe(const char *path, struct buf *out);
int dir_make(const char *path, struct err *e);      /* mkdir -p */
int dir_sync(const char *path, struct err *e);
int dir_remove(const char *path, struct err *e);    /* recursive; only what is inside; absent is fine */
/* The directory `from` takes the name `to`; one that had it is removed after,
 * so that at no time there is none. */
int dir_replace(const char *from, const char *to, struct err *e);
/* Names (without . and ..) sorted bytewise; caller frees each and the array. */
int dir_list(const char *path, char ***names, size_t *n, struct err *e);
void dir_list_free(char **names, size_t n);
/* "dir/name"; caller frees; NULL when out of memory. */
char *path_join(const char *dir, const char *name);
const char *path_base(const char *path);            /* after the last '/' */

/* What a file is, from its first bytes, for messages: "a zip archive (PyTorch
 * .pt/.pth checkpoint)", "a Python pickle", "a safetensors file", "a GGUF
 * file", "a git-lfs pointer (run git lfs pull)", "gzip", "zstd", "an llmctl
 * checkpoint", "an llmctl token shard", "JSON", "empty"; NULL when unknown. */
const char *file_kind(const void *first, size_t n);

/* ---- run lock ----
 * flock on DIR/lock, with pid, host and start time inside.  ERR_CANTCREAT
 * naming the owner when another process holds it.  Released by run_unlock()
 * or by the end of the process. */
struct run_lock;
struct run_lock *run_lock(const char *dir, struct err *e);
void run_unlock(struct run_lock *l); /* NULL is fine */

#endif
