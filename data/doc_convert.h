/* doc_convert.h - formats that are no JSONL, turned into it while they are read.
 *
 * WARC and WET (ISO 28500): each response, resource or conversion record is a
 * document {"id","text","url","date"}; the rest is passed over.
 * CSV and TSV (RFC 4180): the first row names the columns, each other row is a
 * document, all members strings.
 *
 * A record that is no document comes out as a line of its own that no JSON
 * begins like: 0x01, then offset, line, bytes and reason parted by tabs, then
 * the record's beginning.  doc_iter reports it as bad, where it really stood. */
#ifndef DATA_DOC_CONVERT_H
#define DATA_DOC_CONVERT_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "data/doc.h"

struct doc_convert;

/* Does this format need one? */
bool doc_convert_wanted(enum doc_format f);
/* `name` is of the file, for messages; max_record as doc_cfg.max_line. */
struct doc_convert *doc_convert_new(enum doc_format f, const char *name, const char *text_field, size_t max_record,
                                    struct err *e);
/* Takes n more bytes and appends the lines that are complete; `end`: there are no more. */
int doc_convert_feed(struct doc_convert *c, const char *s, size_t n, bool end, struct buf *out, struct err *e);
void doc_convert_free(struct doc_convert *c); /* NULL is fine */

/* The parts of a line that stands for a bad record, or false. */
bool doc_convert_bad(const char *line, size_t n, struct doc *d, const char **reason, uint64_t *bytes);

/* ---- inside: one parser a format ---- */
struct convert_in {
    const char *name, *field;
    size_t max_record;
    struct buf in;       /* not yet used */
    size_t pos;          /* in `in` */
    uint64_t offset;     /* of in.data[pos] in the file */
    uint64_t line;       /* CSV: of in.data[pos]; WARC: records, from 1 */
    bool end;
    uint64_t skip;       /* WARC: bytes to pass over */
    char **column;       /* CSV */
    size_t n_columns, text_column, runaway;
    char separator;
    bool started;
};
/* 1: took a record, 0: needs more, -1: error. */
int doc_warc_next(struct convert_in *c, struct buf *out, struct err *e);
int doc_csv_next(struct convert_in *c, struct buf *out, struct err *e);
/* The n bytes at pos are a bad record: says so, and takes them. */
void doc_convert_put_bad(struct convert_in *c, size_t n, const char *reason, struct buf *out);
void doc_convert_take(struct convert_in *c, size_t n);

#endif
