/* doc_out.h - where documents go: a file (.gz and .zst are packed by name) or
 * stdout.  Blocks are packed by the threads that made them, each as a member
 * or frame of its own, and written in order; the file appears when whole. */
#ifndef DATA_DOC_OUT_H
#define DATA_DOC_OUT_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/file.h"

enum doc_packing { DOC_PLAIN, DOC_GZIP, DOC_ZSTD };

enum doc_packing doc_packing_of(const char *path);
/* Replaces the content of *b by its packed form; scratch is reused. */
int doc_pack(struct buf *b, enum doc_packing p, struct buf *scratch, struct err *e);

/* Appends to *name what shard i of n writes instead of path: of more than one it
 * has ".I-of-N" in front of its suffixes. */
int doc_out_shard_name(const char *path, int i, int n, struct buf *name, struct err *e);

struct doc_out {
    struct file_writer *file; /* NULL: nothing is written */
    const char *path;
    enum doc_packing packing;
    bool wrote;
};
/* NULL path: a sink.  "-": stdout. */
int doc_out_open(struct doc_out *o, const char *path, struct err *e);
/* Goes on with a file that is being made, which becomes its own. */
void doc_out_take(struct doc_out *o, const char *path, struct file_writer *file);
/* One that a later run can go on with: file_create_part(). */
int doc_out_open_part(struct doc_out *o, const char *path, uint64_t keep, struct err *e);
int doc_out_write(struct doc_out *o, const struct buf *packed, struct err *e);
int doc_out_commit(struct doc_out *o, struct err *e);
void doc_out_abort(struct doc_out *o);
void doc_out_keep(struct doc_out *o); /* leaves the part for a later run */

#endif
