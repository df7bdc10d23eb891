#include "data/doc_lines.h"

#include <string.h>

#include "core/base/sig.h"
#include "data/doc_stream.h"

enum { READ = 1 << 18 };

int doc_lines_open(struct doc_lines *d, const char *path, struct err *e)
{
    d->in = d->live ? doc_stream_open_live(path, d->name, e) : doc_stream_open(path, d->name, e);
    return d->in ? 0 : -1;
}

void doc_lines_close(struct doc_lines *d)
{
    doc_stream_close(d->in);
    d->in = NULL;
    buf_free(&d->raw);
}

int doc_lines_more(struct doc_lines *d, struct err *e)
{
    size_t left;
    const char *rest = doc_lines_rest(d, &left);
    if (sig_stop_requested())
        return err_set(e, ERR_STOPPED, d->live ? "stopped by a signal" : "stopped by a signal; nothing was written");
    if (d->used && left) memmove(d->raw.data, rest, left);
    d->offset += d->used;
    d->used = 0;
    d->raw.len = left;
    if (!buf_reserve(&d->raw, READ)) return buf_ok(&d->raw, e);
    ptrdiff_t got = doc_stream_read(d->in, d->raw.data + left, READ, e);
    if (got < 0) return -1;
    d->raw.len += (size_t)got;
    d->eof = got == 0;
    const char *damage = d->eof ? doc_stream_damage(d->in) : NULL;
    return damage ? err_set(e, ERR_DATA, "'%s': %s", d->name, damage) : 0;
}

static int too_long(const struct doc_lines *d, struct err *e)
{
    bool mib = d->most >> 20 && d->most % (1 << 20) == 0;
    err_set(e, ERR_DATA, "%s:%llu: a line of more than %zu %s", d->name, (unsigned long long)d->no + 1,
            mib ? d->most >> 20 : d->most, mib ? "MiB" : "bytes");
    return d->hint ? err_hint(e, "%s", d->hint) : -1;
}

/* The next line, with its end and n bytes without it, is in front of what is not done with. */
static void take(struct doc_lines *d, size_t n, bool ended, struct doc_line *line)
{
    static const char mark[] = "\xEF\xBB\xBF";
    char *s = d->raw.data + d->used;
    d->used += n + ended;
    d->looked = 0;
    if (ended && n && s[n - 1] == '\r') n--;
    if (d->no == 0 && n >= 3 && memcmp(s, mark, 3) == 0) s += 3, n -= 3;
    s[n] = '\0';
    *line = (struct doc_line){s, n, ++d->no, ended};
}

int doc_lines_next(struct doc_lines *d, struct doc_line *line, struct err *e)
{
    for (;;) {
        size_t left;
        const char *rest = doc_lines_rest(d, &left), *nl = memchr(rest + d->looked, '\n', left - d->looked);
        size_t n = nl ? (size_t)(nl - rest) : left;
        if (n - (n && rest[n - 1] == '\r') > d->most) return too_long(d, e);
        if (nl || (d->eof && left)) {
            take(d, n, nl != NULL, line);
            return 1;
        }
        if (d->eof) return 0;
        d->looked = left;
        if (doc_lines_more(d, e)) return -1;
    }
}

bool doc_lines_wait(const struct doc_lines *d)
{
    size_t left;
    const char *rest = doc_lines_rest(d, &left);
    return !d->eof && !memchr(rest, '\n', left);
}
