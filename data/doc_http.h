/* doc_http.h - the text of an HTTP response, as crawlers keep them: behind its
 * header the body, perhaps in chunks (RFC 9112, section 7.1), perhaps packed
 * (gzip, deflate), in UTF-8, Windows-1252 or Windows-1251.
 *
 * What header or page says of the encoding is believed only where the body is
 * not valid UTF-8: servers add a charset that they do not know. */
#ifndef DATA_DOC_HTTP_H
#define DATA_DOC_HTTP_H

#include <stddef.h>

#include "core/base/buf.h"

struct http_work {
    struct buf joined, unpacked, text;
};
void http_work_free(struct http_work *w);

/* Behind the empty line that ends a header, 0 if it is not there. */
size_t http_header_end(const char *s, size_t n);
/* The value of a field within head[0..n), without blanks; s NULL = absent. */
struct http_field {
    const char *s;
    size_t n;
};
struct http_field http_find(const char *head, size_t n, const char *name);
bool http_has(struct http_field f, const char *part); /* in any case */

/* *s, *n: the response, then its text there or in w; unpacked it may have `most`
 * bytes.  NULL, or why there is none. */
const char *http_text(const char **s, size_t *n, size_t most, struct http_work *w);

#endif
