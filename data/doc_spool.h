/* doc_spool.h - stdin for stages that read their input more than once.
 *
 * What comes is copied as it is, packed or not, to a file without a name in
 * $TMPDIR (or /tmp), 256 KiB at a time; it is gone when the process ends, how
 * ever that happens.  Where stdin is a file already, that is read instead. */
#ifndef DATA_DOC_SPOOL_H
#define DATA_DOC_SPOOL_H

#include "core/base/err.h"
#include "data/doc_files.h"

/* Lets `files` name the copy where they name stdin.  *fd is -1 before; the
 * caller closes it when it is not -1 afterwards. */
int doc_spool_stdin(struct doc_files *files, int *fd, struct err *e);

#endif
