/* doc_plain.h - a file of plain lines that several threads read at once, each at
 * its own place.  It stays open until the last of its users has let go of it. */
#ifndef DATA_DOC_PLAIN_H
#define DATA_DOC_PLAIN_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct doc_plain;

/* Of a regular file, of which the caller is the first user.  fd stays the
 * caller's; `name` is for messages and must live longer. */
struct doc_plain *doc_plain_new(int fd, const char *name, struct err *e);
struct doc_plain *doc_plain_share(struct doc_plain *p); /* one user more */
void doc_plain_free(struct doc_plain *p);               /* one less; NULL is fine */
uint64_t doc_plain_bytes(const struct doc_plain *p);    /* when it was opened */

/* *end: how many of the n bytes at `from` come up to the last newline among them,
 * and with it; 0: there is none. */
int doc_plain_border(const struct doc_plain *p, uint64_t from, size_t n, size_t *end, struct err *e);
/* The same up to the first newline, of `most` bytes or those that are left. */
int doc_plain_behind(const struct doc_plain *p, uint64_t from, size_t most, size_t *end, struct err *e);
/* The n bytes at `from` become the content of *b. */
int doc_plain_read(const struct doc_plain *p, uint64_t from, size_t n, struct buf *b, struct err *e);

#endif
