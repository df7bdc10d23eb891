/* doc_lines.h - the lines of a file or of stdin, one after the other, as they come.
 *
 *     struct doc_lines in = {.name = path, .most = 64 << 20};
 *     struct doc_line line;
 *     int got = doc_lines_open(&in, path, e);
 *     while (got >= 0 && (got = doc_lines_next(&in, &line, e)) > 0) ... line.s, line.n, line.no
 *     doc_lines_close(&in);
 *
 * For lists and records that one thread reads; documents are read by doc_reader.c, in
 * blocks and by many.  The file may be packed (doc_stream.h); where the packed data is
 * damaged its whole lines come first, then the error.  A line ends with \n or \r\n, the
 * last one also with the file.  A byte order mark in front of the first line is none of
 * it.  NUL is a byte as any other. */
#ifndef DATA_DOC_LINES_H
#define DATA_DOC_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct doc_stream;

/* Set the first four, the rest to zero. */
struct doc_lines {
    const char *name;      /* for messages; the caller's */
    size_t most;           /* bytes of a line without its end; a longer one is an error */
    const char *hint;      /* goes behind that error; or NULL */
    bool live;             /* what has come is handed out before more is waited for */
    struct doc_stream *in;
    struct buf raw;        /* what has been read: */
    size_t used, looked;   /* bytes of it that are done with; those behind them without a line's end */
    uint64_t offset;       /* of its first byte in the unpacked file */
    uint64_t no;           /* lines that are done with */
    bool eof;              /* nothing comes behind it */
};

struct doc_line {
    char *s;    /* [n], then a NUL; until the next call, and may be written to */
    size_t n;   /* without its end */
    uint64_t no; /* from 1 on */
    bool ended; /* with a line's end; false: with the file */
};

/* "-" is stdin. */
int doc_lines_open(struct doc_lines *d, const char *path, struct err *e);
void doc_lines_close(struct doc_lines *d); /* also if it was never opened */
/* 1 with *line, 0 at the end, -1: the file cannot be read or is damaged, the line is too
 * long, or a signal asked to stop. */
int doc_lines_next(struct doc_lines *d, struct doc_line *line, struct err *e);
/* Whether the next line has not come yet. */
bool doc_lines_wait(const struct doc_lines *d);

/* For who reads bytes: what has come and is not done with, and how much of it. */
static inline const char *doc_lines_rest(const struct doc_lines *d, size_t *n)
{
    *n = d->raw.len - d->used;
    return d->raw.data ? d->raw.data + d->used : "";
}
/* Reads more behind that, or finds eof. */
int doc_lines_more(struct doc_lines *d, struct err *e);

#endif
