/* err.h - errors that collect context on their way up.
 *
 * A function that can fail takes `struct err *e` last and returns 0, or -1
 * after filling *e (functions returning a pointer return NULL).  The
 * innermost call says what failed (err_set); a caller that knows more puts it
 * in front (err_wrap); an advice for the user goes last (err_hint).  Only
 * main() prints.  `e` is never NULL. */
#ifndef CORE_BASE_ERR_H
#define CORE_BASE_ERR_H

/* The code of an error is the exit status of the process (DESIGN.md 5). */
enum err_code {
    ERR_NONE = 0,
    ERR_RESULT = 1,       /* ran, but the result is bad: diverged, check failed */
    ERR_USAGE = 2,        /* command line */
    ERR_DATA = 65,        /* bad input data */
    ERR_NOINPUT = 66,     /* no such input */
    ERR_UNAVAILABLE = 69, /* service unavailable */
    ERR_INTERNAL = 70,    /* a bug of ours */
    ERR_OS = 71,          /* out of memory, system limits */
    ERR_CANTCREAT = 73,   /* cannot create output, run is locked */
    ERR_IO = 74,          /* I/O error, disk full */
    ERR_STOPPED = 75,     /* stopped by a signal after a checkpoint */
    ERR_CONFIG = 78,      /* bad configuration */
};

struct err {
    enum err_code code;
    char msg[1024]; /* one line, no newline, not ended by a full stop */
};

/* All three return -1, so that a failing path is one line:
 *     return err_set(e, ERR_DATA, "'%s': ...", path);
 * Control characters in the text are replaced by '?', so a hostile file name
 * cannot break the line. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "out of memory allocating N bytes for WHAT", ERR_OS. */
int err_oom(struct err *e, unsigned long long bytes, const char *what);

/* Sets "WHAT 'path': strerror(errnum)" with the status that errnum deserves:
 * ENOENT 66, EACCES/EROFS/EEXIST on creation 73, ENOMEM 71, the rest 74. */
int err_errno(struct err *e, int errnum, const char *what, const char *path);
/* The same of an input that cannot be opened: what may not be read is 66 too. */
int err_open(struct err *e, int errnum, const char *path);

#endif
