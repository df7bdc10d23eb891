/* WARC records (ISO 28500:2017): a version line, named fields, an empty line,
 * Content-Length bytes, two empty lines. */
#include <string.h>

#include "core/base/json.h"
#include "data/doc_convert.h"
#include "data/doc_http.h"
#include "data/doc_json.h"

enum { MAX_HEADER = 64 * 1024 };

static bool parse_length(struct http_field f, uint64_t *v)
{
    *v = 0;
    for (size_t i = 0; i < f.n; i++) {
        if (f.s[i] < '0' || f.s[i] > '9' || *v > UINT64_MAX / 16) return false;
        *v = *v * 10 + (uint64_t)(f.s[i] - '0');
    }
    return f.s && f.n;
}

/* Behind "\n" and in front of "WARC/": where to go on after rubbish. */
static size_t next_record(const struct convert_in *c)
{
    const char *s = c->in.data + c->pos;
    size_t n = c->in.len - c->pos;
    const char *p = n > 1 ? memmem(s + 1, n - 1, "\nWARC/", 6) : NULL;
    return p ? (size_t)(p - s) + 1 : c->end ? n : 0;
}

static void member(struct buf *out, const char *name, struct http_field f)
{
    if (!f.s || utf8_valid_prefix(f.s, f.n) < f.n) return;
    buf_printf(out, "\"%s\":", name);
    buf_add_json(out, f.s, f.n);
    buf_addc(out, ',');
}

/* The content of a record, as text in w or where it lies; NULL, or why not. */
static const char *content(struct http_field type, const char **s, size_t *n, size_t most, struct http_work *w)
{
    const char *why = http_has(type, "response") ? http_text(s, n, most, w) : NULL;
    if (why) return why;
    if (utf8_valid_prefix(*s, *n) < *n) return "invalid UTF-8";
    if (*n && memchr(*s, 0, *n)) return "contains a NUL character";
    return NULL;
}

static void emit(const char *head, size_t head_n, const char *s, size_t n, struct buf *out)
{
    buf_addc(out, '{');
    member(out, "id", http_find(head, head_n, "WARC-Record-ID"));
    member(out, "url", http_find(head, head_n, "WARC-Target-URI"));
    member(out, "date", http_find(head, head_n, "WARC-Date"));
    member(out, "language", http_find(head, head_n, "WARC-Identified-Content-Language"));
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
    size_t head = n >= 5 && memcmp(s, "WARC/", 5) == 0 ? http_header_end(s, n < MAX_HEADER ? n : MAX_HEADER) : 0;
    if (!head && n >= 5 && memcmp(s, "WARC/", 5) == 0 && n < MAX_HEADER && !c->end) return 0;
    uint64_t length = 0;
    if (!head || !parse_length(http_find(s, head, "Content-Length"), &length)) {
        size_t to = next_record(c);
        if (!to && n <= c->max_record) return 0;
        doc_convert_put_bad(c, to ? to : n, "not a WARC record", out);
        c->line++;
        return 1;
    }
    struct http_field type = http_find(s, head, "WARC-Type");
    bool document = http_has(type, "response") || http_has(type, "resource") || http_has(type, "conversion");
    if (!document || length > c->max_record) {
        if (document) doc_convert_put_bad(c, head, "longer than --max-line", out);
        else doc_convert_take(c, head);
        c->skip = length;
    } else if (n - head < length) {
        if (!c->end) return 0;
        doc_convert_put_bad(c, n, "cut off by the end of the file", out);
    } else {
        struct http_work w = {0};
        const char *body = s + head;
        size_t body_n = (size_t)length;
        const char *why = content(type, &body, &body_n, c->max_record, &w);
        if (why) {
            doc_convert_put_bad(c, head + (size_t)length, why, out);
        } else {
            emit(s, head, body, body_n, out);
            doc_convert_take(c, head + (size_t)length);
        }
        out->oom |= w.joined.oom | w.unpacked.oom | w.text.oom;
        http_work_free(&w);
    }
    c->line++;
    return 1;
}
