/* file_behind.h - writing behind: a thread that asks the system to put a growing
 * file on the disk while more of it is being made, so that the fsync at the end
 * finds little left to do.  It only waits for the disk; it computes nothing and
 * changes no byte. */
#ifndef CORE_BASE_FILE_BEHIND_H
#define CORE_BASE_FILE_BEHIND_H

#include <stdint.h>

struct file_behind;

/* fd stays the caller's and open until the end.  NULL where threads or the system
 * call are not to be had: then everything is left to fsync. */
struct file_behind *file_behind_new(int fd);
/* The bytes up to `end` have been written; never waits for the disk. */
void file_behind_reached(struct file_behind *b, uint64_t end);
void file_behind_free(struct file_behind *b); /* NULL is fine */

#endif
