/* doc_spool.h - stdin for stages that read their input more than once.
 *
 * What comes is copied as it is to a file without a name in $TMPDIR (or /tmp),
 * while it is read for the first time, so that a stage works beside the one that
 * feeds it; what is packed, before that.  The file is gone when the process ends,
 * how ever that happens.  Where stdin is a file already, that is read instead.
 *
 * A stage that writes nothing but what comes, in its order, can let the copy be
 * made where its output will be: then what stays need not be written again. */
#ifndef DATA_DOC_SPOOL_H
#define DATA_DOC_SPOOL_H

#include <stdbool.h>

#include "core/base/err.h"
#include "data/doc_files.h"

struct doc_spool {
    int fd;         /* of the copy, -1: none */
    bool whole;     /* stdin has been read to its end */
    const char *dir; /* where the copy is */
    const char *out; /* or NULL: this output may begin as the copy of what is not packed */
    struct file_writer *into; /* or NULL: it does, and here it is; file_again() when whole.  Who takes it sets NULL */
};

/* Whether what it gives is gone when it has been read: stdin, a pipe. */
bool doc_spool_only_once(const struct doc_file *f);
/* Lets `files` name the copy where they name stdin; other pipes are refused.  *s is {.fd = -1},
 * and perhaps .out, before, must outlive the files, and is released with doc_spool_close(). */
int doc_spool_stdin(struct doc_files *files, struct doc_spool *s, struct err *e);
void doc_spool_close(struct doc_spool *s);

/* For the stream that reads stdin.  n bytes more have come. */
int doc_spool_add(struct doc_spool *s, const void *p, size_t n, struct err *e);
int doc_spool_end(struct doc_spool *s, struct err *e); /* no more will come */
/* Before the first bytes: they are packed. */
int doc_spool_packed(struct doc_spool *s, struct err *e);

#endif
