/* encode_batch.h - documents that are filled up to the longest of a batch.
 *
 * How long that is, is known only when all have been encoded, by any threads.
 * They print what they have, and note where it is to be filled up; in the order
 * of the documents it is put together here. */
#ifndef DATA_ENCODE_BATCH_H
#define DATA_ENCODE_BATCH_H

#include "core/base/file.h"
#include "data/encode.h"
#include "data/encode_print.h"

/* What was printed of a document, or of one of its windows. */
struct encode_item {
    size_t n_ids, end;        /* where it ends in the text */
    size_t at[ENCODE_LISTS];  /* places to fill up: one, or one a list */
    bool last;                /* of its document */
};

struct encode_batch;
/* Of o->batch documents; padding: as o->t has it. */
struct encode_batch *encode_batch_new(const struct encode_opts *o, struct err *e);
void encode_batch_free(struct encode_batch *b); /* NULL is fine */
/* Prints x, of a document or window, to *text; its place goes behind *items, an array of struct encode_item. */
void encode_batch_print(const struct encode_batch *b, const struct encode_view *v, bool last, struct buf *text, struct buf *items);
/* The next items; batches that are full go to the file. */
int encode_batch_add(struct encode_batch *b, const struct buf *text, const struct buf *items, struct file_writer *f, struct err *e);
/* What is left. */
int encode_batch_end(struct encode_batch *b, struct file_writer *f, struct err *e);

#endif
