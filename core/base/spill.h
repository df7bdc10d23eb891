/* spill.h - growing arrays that go to disk when memory is short.
 *
 * The arrays of a space share a limit.  One that would grow beyond it moves to
 * a file without a name in $TMPDIR (or /tmp) and is written there; when it is
 * read it is mapped, so that the system holds in memory what there is room for.
 * Used by one thread at a time, but arrays of one space by several. */
#ifndef CORE_BASE_SPILL_H
#define CORE_BASE_SPILL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct spill_space {
    size_t limit;        /* bytes in memory for all arrays; 0: no limit */
    _Atomic size_t used;
    _Atomic size_t files; /* arrays that went to disk */
};

struct spill { /* set .space (NULL: no limit), the rest zero */
    struct spill_space *space;
    size_t len;
    char *data; /* while in memory, or mapped */
    size_t cap;
    int fd;     /* of the file + 1; 0: in memory */
    char *out;  /* what waits to be written */
    size_t n_out;
    bool mapped;
};

/* Appends.  Not after spill_data() or spill_room() of this array. */
int spill_add(struct spill *s, const void *p, size_t n, struct err *e);
/* All of it, to be read and changed; lives until spill_free(). */
void *spill_data(struct spill *s, struct err *e);
/* Makes an empty one an array of count times size zero bytes. */
void *spill_room(struct spill *s, size_t count, size_t size, struct err *e);
/* qsort() that takes no memory, which glibc's does: for arrays that may lie on
 * disk.  Items of at most SPILL_ITEM_MAX bytes; equal ones may change places. */
enum { SPILL_ITEM_MAX = 256 };
void spill_sort(void *v, size_t n, size_t size, int (*compare)(const void *, const void *));
void spill_free(struct spill *s); /* leaves an empty one of the same space */

#endif
