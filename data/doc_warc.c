/* WARC records (ISO 28500:2017): a version line, named fields, an empty line,
 * Content-Length bytes, two empty lines. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "data/charset.h"
#include "data/doc_convert.h"
#include "data/doc_json.h"

enum { MAX_HEADER = 64 * 1024 };

struct field {
    const char *s;
    size_t n;
};

/* The value of a field within head[0..n), without blanks; s NULL = absent. */
static struct field find(const char *head, size_t n, const char *name)
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
            return (struct field){head + b, end - b};
        }
        i = next;
    }
    return (struct field){NULL, 0};
}

static bool has(struct field f, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; f.s && i + n <= f.n; i++)
        if (strncasecmp(f.s + i, part, n) == 0) return true;
    return false;
}

static bool parse_length(struct field f, uint64_t *v)
{
    *v = 0;
    for (size_t i = 0; i < f.n; i++) {
        if (f.s[i] < '0' || f.s[i] > '9' || *v > UINT64_MAX / 16) return false;
        *v = *v * 10 + (uint64_t)(f.s[i] - '0');
    }
    return f.s && f.n;
}

/* Behind the empty line that ends a header, 0 if it is not there. */
static size_t header_end(const char *s, size_t n)
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

/* Behind "\n" and in front of "WARC/": where to go on after rubbish. */
static size_t next_record(const struct convert_in *c)
{
    const char *s = c->in.data + c->pos;
    size_t n = c->in.len - c->pos;
    const char *p = n > 1 ? memmem(s + 1, n - 1, "\nWARC/", 6) : NULL;
    return p ? (size_t)(p - s) + 1 : c->end ? n : 0;
}

static void member(struct buf *out, const char *name, struct field f)
{
    if (!f.s || utf8_valid_prefix(f.s, f.n) < f.n) return;
    buf_printf(out, "\"%s\":", name);
    buf_add_json(out, f.s, f.n);
    buf_addc(out, ',');
}

/* Windows-1252, which is what web pages mean when they say ISO-8859-1. */
static void from_1252(const char *s, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char b = (unsigned char)s[i];
        char u[4];
        buf_add(out, u, (size_t)utf8_encode(b >= 0x80 && b < 0xA0 ? cp1252_upper[b - 0x80] : b, u));
    }
}

/* The content of a record, as text in `text` or where it lies; NULL, or why not. */
static const char *content(struct field type, const char **s, size_t *n, struct buf *text)
{
    if (has(type, "response")) {
        size_t end = header_end(*s, *n);
        if (!end) return "the HTTP header does not end";
        struct field encoding = find(*s, end, "Content-Encoding"), charset = find(*s, end, "Content-Type");
        if (has(find(*s, end, "Transfer-Encoding"), "chunked")) return "the HTTP body is chunked";
        if (encoding.n && !has(encoding, "identity")) return "the HTTP body is compressed";
        *s += end;
        *n -= end;
        if (has(charset, "iso-8859-1") || has(charset, "windows-1252")) {
            from_1252(*s, *n, text);
            *s = text->data ? text->data : "";
            *n = text->len;
        }
    }
    if (utf8_valid_prefix(*s, *n) < *n) return "invalid UTF-8";
    if (*n && memchr(*s, 0, *n)) return "contains a NUL character";
    return NULL;
}

static void emit(const char *head, size_t head_n, const char *s, size_t n, struct buf *out)
{
    buf_addc(out, '{');
    member(out, "id", find(head, head_n, "WARC-Record-ID"));
    member(out, "url", find(head, head_n, "WARC-Target-URI"));
    member(out, "date", find(head, head_n, "WARC-Date"));
    member(out, "language", find(head, head_n, "WARC-Identified-Content-Language"));
    buf_adds(out, "\"text\":\"");
    doc_json_escape(s, n, out);
    buf_adds(out, "\"}\n");
}

int doc_warc_next(struct convert_in *c, struct buf *out, struct err *e)
{
    (void)e;
    const char *s = c->in.data + c->pos;
    size_t n = c->in.len - c->pos, blank = 0;
    while (blank < n && (s[blank] == '\r' || s[blank] == '\n'))
        blank++;
    if (blank) {
        doc_convert_take(c, blank);
        return 1;
    }
    if (!n || (n < 5 && !c->end)) return 0;
    size_t head = n >= 5 && memcmp(s, "WARC/", 5) == 0 ? header_end(s, n < MAX_HEADER ? n : MAX_HEADER) : 0;
    if (!head && n >= 5 && memcmp(s, "WARC/", 5) == 0 && n < MAX_HEADER && !c->end) return 0;
    uint64_t length = 0;
    if (!head || !parse_length(find(s, head, "Content-Length"), &length)) {
        size_t to = next_record(c);
        if (!to && n <= c->max_record) return 0;
        doc_convert_put_bad(c, to ? to : n, "not a WARC record", out);
        c->line++;
        return 1;
    }
    struct field type = find(s, head, "WARC-Type");
    bool document = has(type, "response") || has(type, "resource") || has(type, "conversion");
    if (!document || length > c->max_record) {
        if (document) doc_convert_put_bad(c, head, "longer than --max-line", out);
        else doc_convert_take(c, head);
        c->skip = length;
    } else if (n - head < length) {
        if (!c->end) return 0;
        doc_convert_put_bad(c, n, "cut off by the end of the file", out);
    } else {
        struct buf text = {0};
        const char *body = s + head;
        size_t body_n = (size_t)length;
        const char *why = content(type, &body, &body_n, &text);
        if (why) {
            doc_convert_put_bad(c, head + (size_t)length, why, out);
        } else {
            emit(s, head, body, body_n, out);
            doc_convert_take(c, head + (size_t)length);
        }
        out->oom |= text.oom;
        buf_free(&text);
    }
    c->line++;
    return 1;
}
