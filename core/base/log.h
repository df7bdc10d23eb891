/* log.h - talk on stderr, and the progress line.
 *
 * The only sink for messages below cmd/.  On a terminal progress is one line,
 * redrawn at most 10 times a second; elsewhere a plain line every few seconds.
 * No ANSI codes unless stderr is a terminal and colour is on. */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum log_color { LOG_COLOR_AUTO, LOG_COLOR_ALWAYS, LOG_COLOR_NEVER };

/* quiet: only errors are shown. */
void log_setup(bool quiet, enum log_color color);
/* Also append every line, with a time stamp, to this file (NULL = stop). */
void log_to_file(const char *path);

void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* normal talk */
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* "warning: ..." */

/* Results on stdout: everything is written, or -1.  A closed pipe is not an
 * error of ours: it sets code ERR_NONE, with which main() ends quietly. */
int out_write(const void *p, size_t n, struct err *e);

/* Progress of a long piece of work; all calls are cheap. */
struct progress {
    const char *what;    /* "train", "clean" */
    const char *unit;    /* "step", "docs", "MB" */
    double total;        /* 0 = unknown */
    double start_s, last_s, start_done;
};
void progress_start(struct progress *p, const char *what, const char *unit, double total, double done);
/* `extra` is put before the ETA: "loss 3.214 | 18.4k tok/s". */
void progress_update(struct progress *p, double done, const char *extra);
void progress_end(struct progress *p);   /* clears the line on a terminal */

double time_now_s(void);                 /* monotonic */

/* ", 123 MB/s", for what is said at the end; nothing for less than 1 MB, which says nothing about speed. */
struct log_rate {
    char text[48];
};
struct log_rate log_rate(uint64_t bytes, double seconds);

#endif
