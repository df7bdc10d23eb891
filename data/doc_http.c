#include "data/doc_http.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/charset.h"

void http_work_free(struct http_work *w)
{
    buf_free(&w->joined);
    buf_free(&w->unpacked);
    buf_free(&w->text);
}

struct http_field http_find(const char *head, size_t n, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < n;) {
        const char *nl = memchr(head + i, '\n', n - i);
        size_t end = nl ? (size_t)(nl - head) : n, next = end + 1;
        if (end > i && head[end - 1] == '\r') end--;
        if (end - i > len && head[i + len] == ':' && strncasecmp(head + i, name, len) == 0) {
            size_t b = i + len + 1;
            while (b < end && (head[b] == ' ' || head[b] == '\t'))
                b++;
            return (struct http_field){head + b, end - b};
        }
        i = next;
    }
    return (struct http_field){NULL, 0};
}

bool http_has(struct http_field f, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; f.s && i + n <= f.n; i++)
        if (strncasecmp(f.s + i, part, n) == 0) return true;
    return false;
}

size_t http_header_end(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        const char *nl = memchr(s + i, '\n', n - i);
        if (!nl) return 0;
        i = (size_t)(nl - s) + 1;
        if (i < n && s[i] == '\n') return i + 1;
        if (i + 1 < n && s[i] == '\r' && s[i + 1] == '\n') return i + 2;
    }
    return 0;
}

/* A chunk is its length in hexadecimal, perhaps "; more", a line end, so many
 * bytes, a line end; the last has none.  false: it is not that. */
static bool join_chunks(const char *s, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n;) {
        uint64_t len = 0;
        size_t digits = 0;
        for (; i < n && digits < 15 && hex_digit(s[i]) >= 0; i++, digits++)
            len = len << 4 | (uint64_t)hex_digit(s[i]);
        const char *nl = i < n ? memchr(s + i, '\n', n - i) : NULL;
        if (!digits || !nl) return false;
        i = (size_t)(nl - s) + 1;
        if (!len) return true;
        if (len > n - i) return false;
        buf_add(out, s + i, (size_t)len);
        i += (size_t)len;
        if (i < n && s[i] == '\r') i++;
        if (i >= n || s[i] != '\n') return false;
        i++;
    }
    return false;
}

/* bits: as of inflateInit2(). */
static bool unpack(const char *s, size_t n, size_t most, int bits, struct buf *out)
{
    enum { STEP = 64 << 10 };
    z_stream z = {0};
    if (n > UINT32_MAX || inflateInit2(&z, bits) != Z_OK) return false;
    z.next_in = (Bytef *)(uintptr_t)s;
    z.avail_in = (uInt)n;
    int ret = Z_OK;
    buf_clear(out);
    while (ret == Z_OK && out->len <= most && buf_reserve(out, STEP)) {
        z.next_out = (Bytef *)(out->data + out->len);
        z.avail_out = STEP;
        ret = inflate(&z, Z_NO_FLUSH);
        out->len += STEP - z.avail_out;
    }
    inflateEnd(&z);
    return ret == Z_STREAM_END && out->len <= most;
}

/* Pages, and what else is read as text. */
static bool is_text(struct http_field type)
{
    static const char *const kinds[] = {"text/", "html", "xml", "json", "javascript"};
    if (!type.n) return true;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (http_has(type, kinds[i])) return true;
    return false;
}

static void from_1252(const char *s, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char b = (unsigned char)s[i];
        char u[4];
        buf_add(out, u, (size_t)utf8_encode(b >= 0x80 && b < 0xA0 ? cp1252_upper[b - 0x80] : b, u));
    }
}

static void from_1251(const char *s, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char b = (unsigned char)s[i];
        char u[4];
        buf_add(out, u, (size_t)utf8_encode(b < 0x80 ? b : b < 0xC0 ? cp1251_upper[b - 0x80] : b - 0xC0u + 0x410u, u));
    }
}

/* From what the header says, else from what the page does at its beginning. */
static const char *to_utf8(struct http_field type, const char **s, size_t *n, struct http_work *w)
{
    enum { META = 1024 }; /* within so many bytes a page must name its encoding (HTML, 4.2.5.4) */
    if (utf8_valid_prefix(*s, *n) == *n) return NULL;
    struct http_field page = {*s, *n < META ? *n : META}, by = http_has(type, "charset") ? type : page;
    if (!http_has(by, "charset")) return "invalid UTF-8";
    if (http_has(by, "iso-8859-1") || http_has(by, "windows-1252")) /* browsers take both for the latter */
        from_1252(*s, *n, &w->text);
    else if (http_has(by, "windows-1251"))
        from_1251(*s, *n, &w->text);
    else
        return http_has(by, "utf-8") ? "invalid UTF-8" : "the page is neither in UTF-8 nor in Windows-1252 or -1251";
    *s = buf_text(&w->text);
    *n = w->text.len;
    return NULL;
}

const char *http_text(const char **s, size_t *n, size_t most, struct http_work *w)
{
    const char *head = *s;
    size_t end = http_header_end(head, *n);
    if (!end) return "the HTTP header does not end";
    struct http_field encoding = http_find(head, end, "Content-Encoding"), type = http_find(head, end, "Content-Type");
    if (!is_text(type)) return "the HTTP body is of a type that is no text";
    *s += end;
    *n -= end;
    if (http_has(http_find(head, end, "Transfer-Encoding"), "chunked") && join_chunks(*s, *n, &w->joined)) {
        *s = buf_text(&w->joined); /* else a crawler has joined them and left the header */
        *n = w->joined.len;
    }
    bool gzip = http_has(encoding, "gzip"), deflate = http_has(encoding, "deflate");
    if (encoding.n && !gzip && !deflate && !http_has(encoding, "identity"))
        return "the HTTP body is compressed in a way that is not supported";
    bool packed = gzip ? *n >= 2 && memcmp(*s, "\x1f\x8b", 2) == 0 : deflate && utf8_valid_prefix(*s, *n) < *n;
    if (packed) { /* else a crawler has unpacked it and left the header */
        bool ok = unpack(*s, *n, most, 15 + 32, &w->unpacked) ||
                  (deflate && unpack(*s, *n, most, -15, &w->unpacked)); /* many servers leave out zlib's frame */
        if (!ok) return "the HTTP body cannot be unpacked, or is longer than --max-line";
        *s = buf_text(&w->unpacked);
        *n = w->unpacked.len;
    }
    return to_utf8(type, s, n, w);
}
