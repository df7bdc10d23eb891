/* buf.h - a growing byte string.
 *
 * Zero-initialise, append, read .data/.len, buf_free().  The bytes are always
 * followed by a NUL that .len does not count.  Appending never fails loudly in
 * the middle of a report: on lack of memory the buffer is marked `oom`, later
 * appends do nothing, and the owner checks once with buf_ok() at the end. */
#ifndef CORE_BASE_BUF_H
#define CORE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct buf {
    char *data;
    size_t len, cap;
    bool oom;
};

void buf_free(struct buf *b);                       /* leaves an empty buffer */
void buf_clear(struct buf *b);                      /* keeps the memory */
bool buf_reserve(struct buf *b, size_t extra);      /* room for `extra` more bytes */
bool buf_renew(struct buf *b, size_t n);            /* empty, with room for n bytes: growing copies nothing */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap);
void buf_add_json(struct buf *b, const char *s, size_t n);  /* quoted, escaped JSON string; s is UTF-8 */
void buf_adds_json(struct buf *b, const char *s);           /* the same of a text that a NUL ends; NULL: null */
void buf_add_html(struct buf *b, const char *s, size_t n);  /* & < > " ' escaped */
char *buf_steal(struct buf *b);                     /* caller frees; NULL on oom; buffer left empty */
int buf_ok(const struct buf *b, struct err *e);     /* 0, or -1 with ERR_OS */
/* Its text, "" before anything was appended; valid until the next change. */
static inline const char *buf_text(const struct buf *b)
{
    return b->data ? b->data : "";
}

#endif
