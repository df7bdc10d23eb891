#include "data/doc_convert.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { BAD_MARK = 1, RAW_KEPT = 4096 };

struct doc_convert {
    struct convert_in c;
    int (*next)(struct convert_in *c, struct buf *out, struct err *e);
    char *name, *field;
};

bool doc_convert_wanted(enum doc_format f)
{
    return f == DOC_WARC || f == DOC_CSV || f == DOC_TSV;
}

struct doc_convert *doc_convert_new(enum doc_format f, const char *name, const char *text_field, size_t max_record,
                                    struct err *e)
{
    struct doc_convert *d = mem_zalloc(1, sizeof *d);
    if (!d || !(d->name = mem_strdup(name)) || !(d->field = mem_strdup(text_field ? text_field : "text"))) {
        doc_convert_free(d);
        err_oom(e, sizeof *d, "a reader");
        return NULL;
    }
    d->next = f == DOC_WARC ? doc_warc_next : doc_csv_next;
    d->c = (struct convert_in){.name = d->name, .field = d->field, .max_record = max_record, .line = 1,
                               .separator = f == DOC_TSV ? '\t' : ','};
    return d;
}

void doc_convert_free(struct doc_convert *d)
{
    if (!d) return;
    for (size_t i = 0; i < d->c.n_columns; i++)
        free(d->c.column[i]);
    free(d->c.column);
    buf_free(&d->c.in);
    free(d->name);
    free(d->field);
    free(d);
}

int doc_convert_feed(struct doc_convert *d, const char *s, size_t n, bool end, struct buf *out, struct err *e)
{
    struct convert_in *c = &d->c;
    if (c->pos) { /* what is used makes room */
        memmove(c->in.data, c->in.data + c->pos, c->in.len - c->pos);
        c->in.len -= c->pos;
        c->pos = 0;
    }
    buf_add(&c->in, s, n);
    if (buf_ok(&c->in, e)) return -1;
    c->end = end;
    int got;
    do {
        if (c->skip) {
            size_t left = c->in.len - c->pos, take = c->skip < left ? (size_t)c->skip : left;
            c->skip -= take;
            doc_convert_take(c, take);
            if (c->skip) break;
        }
        got = d->next(c, out, e);
    } while (got > 0);
    if (got < 0) return -1;
    return buf_ok(out, e);
}

void doc_convert_take(struct convert_in *c, size_t n)
{
    c->pos += n;
    c->offset += n;
}

void doc_convert_put_bad(struct convert_in *c, size_t n, const char *reason, struct buf *out)
{
    const char *s = c->in.data + c->pos;
    buf_addc(out, BAD_MARK);
    buf_printf(out, "%llu\t%llu\t%zu\t%s\t", (unsigned long long)c->offset, (unsigned long long)c->line, n, reason);
    for (size_t i = 0; i < n && i < RAW_KEPT; i++)
        buf_addc(out, s[i] == '\n' ? ' ' : s[i]);
    buf_addc(out, '\n');
    doc_convert_take(c, n);
}

static bool number(const char **s, const char *end, uint64_t *v)
{
    const char *from = *s;
    *v = 0;
    while (*s < end && **s >= '0' && **s <= '9')
        *v = *v * 10 + (uint64_t)(*(*s)++ - '0');
    return *s > from && *s < end && *(*s)++ == '\t';
}

bool doc_convert_bad(const char *line, size_t n, struct doc *d, const char **reason, uint64_t *bytes)
{
    static const char *const reasons[] = {
        "invalid UTF-8", "longer than --max-line", "a quoted field does not end", "the row has too few fields",
        "the row has too many fields", "text follows a closing quote", "cut off by the end of the file",
        "not a WARC record", "the HTTP header does not end",
        "the HTTP body is of a type that is no text",
        "the HTTP body is compressed in a way that is not supported",
        "the HTTP body cannot be unpacked, or is longer than --max-line",
        "the page is neither in UTF-8 nor in Windows-1252 or -1251",
        "no text", "contains a NUL character"};
    const char *s = line + 1, *end = line + n;
    if (n < 2 || line[0] != BAD_MARK) return false;
    if (!number(&s, end, &d->offset) || !number(&s, end, &d->line_no) || !number(&s, end, bytes)) return false;
    const char *tab = memchr(s, '\t', (size_t)(end - s));
    if (!tab) return false;
    *reason = "no document";
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (strlen(reasons[i]) == (size_t)(tab - s) && memcmp(reasons[i], s, (size_t)(tab - s)) == 0) *reason = reasons[i];
    d->line = tab + 1;
    d->line_len = (size_t)(end - tab) - 1;
    return true;
}
