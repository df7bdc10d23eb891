#include "core/base/width.h"

#include <string.h>
#include <utf8proc.h>

#include "core/base/json.h"

/* Bytes of the character at s (n > 0), and its columns. */
static size_t next(const char *s, size_t n, size_t *columns)
{
    uint32_t cp;
    int len = utf8_decode(s, n, &cp);
    *columns = 1;
    if (len == 0) return 1;
    *columns = (size_t)utf8proc_charwidth((utf8proc_int32_t)cp);
    return (size_t)len;
}

size_t text_width(const char *s, size_t n)
{
    size_t width = 0, columns;
    for (size_t i = 0; i < n; width += columns) i += next(s + i, n - i, &columns);
    return width;
}

size_t text_fit(const char *s, size_t n, size_t columns)
{
    size_t i = 0, wide;
    while (i < n) {
        size_t len = next(s + i, n - i, &wide);
        if (wide > columns) break;
        columns -= wide;
        i += len;
    }
    return i;
}

size_t text_fit_end(const char *s, size_t n, size_t columns)
{
    size_t i = 0, width = text_width(s, n), wide;
    while (width > columns) {
        i += next(s + i, n - i, &wide);
        width -= wide;
    }
    return i;
}

int text_fill(const char *s, size_t columns)
{
    size_t width = text_width(s, strlen(s));
    return width < columns ? (int)(columns - width) : 0;
}

void buf_add_column(struct buf *out, const char *s, size_t columns, bool right)
{
    size_t n = text_fit(s, strlen(s), columns), fill = columns - text_width(s, n);
    if (right) buf_printf(out, "%*s", (int)fill, "");
    buf_add(out, s, n);
    if (!right) buf_printf(out, "%*s", (int)fill, "");
}
