/* metrics.h - metrics.jsonl: one JSON object a line, numbers with 17 digits.
 *
 *   {"step":12,"loss":2.1…,"nll":…,"grad_norm":…,"lr":…,"tokens":…,"tok_s":…}
 *   {"step":250,"val_loss":…,"val_bpb":…,"val_accuracy":…}
 *   {"step":77,"event":"skip","why":"the loss spiked"}
 *
 * The file only grows, except on resume and roll back of an interrupted run:
 * then it is cut to the lines that belong to the checkpoint. */
#ifndef CORE_TRAIN_METRICS_H
#define CORE_TRAIN_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct metrics;
/* Keeps the first `lines` lines of the file and opens it for appending. */
struct metrics *metrics_open(const char *path, int64_t lines, struct err *e);
void metrics_close(struct metrics *m); /* NULL is fine */
int64_t metrics_lines(const struct metrics *m);
/* Appends `{"step":N` + body + "}\n", in one write.  body starts with a comma. */
int metrics_add(struct metrics *m, int64_t step, const struct buf *body, struct err *e);
int metrics_sync(struct metrics *m, struct err *e);

/* ,"key":value with 17 digits; null when not finite. */
void metrics_num(struct buf *b, const char *key, double v);
void metrics_str(struct buf *b, const char *key, const char *v);

/* One curve read back, for the report: the last value logged for each step,
 * in order of steps. */
struct series {
    double *x, *y;
    size_t n, cap;
};
void series_free(struct series *s);
/* names[i] -> out[i], all in one pass. Lines that cannot be read are passed over. */
int metrics_read(const char *path, const char *const *names, struct series *out, size_t n_names, struct err *e);

#endif
