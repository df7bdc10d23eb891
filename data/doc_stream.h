/* doc_stream.h - the bytes of a file or of stdin, unpacked.
 *
 * gzip (several members) and zstd (several frames) are recognised by their
 * first bytes, not by the name.  A stream that ends early or is corrupt gives
 * what could be unpacked and then ends; doc_stream_damage() tells. */
#ifndef DATA_DOC_STREAM_H
#define DATA_DOC_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct doc_stream;
struct doc_spool;

/* "-" is stdin.  `name` is for messages. */
struct doc_stream *doc_stream_open(const char *path, const char *name, struct err *e);
/* For who answers at once: the first read may give a byte, where the other's has enough to
 * see what kind of file it is (file_kind() in file.h). */
struct doc_stream *doc_stream_open_live(const char *path, const char *name, struct err *e);
/* stdin, copied as it is read; once that is whole, read it by the path of the copy. */
struct doc_stream *doc_stream_open_stdin(struct doc_spool *copy, const char *name, struct err *e);
/* Before the first read: so many frames of zstd may be held for doc_stream_help. */
int doc_stream_ahead(struct doc_stream *s, int frames, struct err *e);
/* From any thread, beside a reading one, after doc_stream_ahead: unpacks what will
 * be read soon.  false: there is nothing to do now. */
bool doc_stream_help(struct doc_stream *s);
/* Bytes put into `out` (> 0), 0 at the end, -1 on an I/O error. */
ptrdiff_t doc_stream_read(struct doc_stream *s, void *out, size_t n, struct err *e);
/* Is it a regular file that is not packed, read from its first byte on?  Then *fd is it. */
bool doc_stream_is_plain(const struct doc_stream *s, int *fd);
/* Goes to byte `to` of the unpacked stream, of which nothing has been read; a
 * plain file at any time, without reading it.  *at: where it is, less at an early end. */
int doc_stream_skip(struct doc_stream *s, uint64_t to, uint64_t *at, struct err *e);
/* NULL, or what is wrong with a compressed stream that has ended. */
const char *doc_stream_damage(const struct doc_stream *s);
void doc_stream_close(struct doc_stream *s); /* NULL is fine */

#endif
