/* Comma-separated values (RFC 4180), and the same with tabs.  A field may be
 * quoted; then it may hold separators, line ends and doubled quotes. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/doc_convert.h"
#include "data/doc_json.h"

/* A quote that is never closed makes the rest of the file one record.  After
 * this many, a row ends with its line whatever its quotes say. */
enum { MAX_RUNAWAY = 64, MAX_COLUMNS = 4096 };

struct row {
    struct row_field {
        size_t begin, end; /* in the row */
        bool quoted;
    } field[MAX_COLUMNS];
    size_t n, bytes; /* bytes with the line end; 0 = not complete */
    const char *bad;
};

static size_t line_end(const char *s, size_t n, size_t i)
{
    const char *nl = memchr(s + i, '\n', n - i);
    return nl ? (size_t)(nl - s) + 1 : n;
}

/* The place behind the closing quote of a field that begins at i; 0: the row is bad, or needs more input. */
static size_t behind_quotes(const struct convert_in *c, const char *s, size_t n, size_t i, struct row *r)
{
    for (;; i++) {
        const char *q = i < n ? memchr(s + i, '"', n - i) : NULL;
        if (!q && (c->end || n > c->max_record)) {
            r->bad = "a quoted field does not end";
            r->bytes = line_end(s, n, 0);
        }
        if (!q) return 0;
        i = (size_t)(q - s) + 1;
        if (i >= n && !c->end) return 0; /* a second quote may follow */
        if (i >= n || s[i] != '"') return i;
    }
}

/* Cuts the row at s.  r->bytes 0: more is needed. */
static void cut(const struct convert_in *c, const char *s, size_t n, struct row *r)
{
    size_t i = 0;
    r->n = r->bytes = 0;
    r->bad = NULL;
    for (;;) {
        struct row_field f = {i, i, false};
        if (i < n && s[i] == '"') {
            f.quoted = true;
            f.begin = i + 1;
            if (!(i = behind_quotes(c, s, n, f.begin, r))) return;
            f.end = i - 1;
        } else {
            while (i < n && s[i] != c->separator && s[i] != '\n')
                i++;
            if (i >= n && !c->end) {
                if (n <= c->max_record) return;
                r->bad = "longer than --max-line";
            }
            f.end = i > f.begin && s[i - 1] == '\r' && (i >= n || s[i] == '\n') ? i - 1 : i;
        }
        if (r->n < MAX_COLUMNS) r->field[r->n] = f;
        r->n++;
        if (i < n && s[i] == c->separator) {
            i++;
            if (i >= n && !c->end) return;
            continue;
        }
        if (i < n && s[i] == '\r' && i + 1 < n && s[i + 1] == '\n') i++;
        if (i < n && s[i] != '\n') {
            if (s[i] == '\r' && i + 1 >= n && !c->end) return;
            r->bad = "text follows a closing quote";
            r->bytes = line_end(s, n, i);
            return;
        }
        r->bytes = i < n ? i + 1 : i;
        return;
    }
}

static void unquote(const char *s, struct row_field f, struct buf *out)
{
    if (!f.quoted) {
        buf_add(out, s + f.begin, f.end - f.begin);
        return;
    }
    for (size_t i = f.begin; i < f.end; i++) {
        buf_addc(out, s[i]);
        if (s[i] == '"') i++;
    }
}

static int read_header(struct convert_in *c, const struct row *r, struct err *e)
{
    const char *s = c->in.data + c->pos;
    struct buf names = {0};
    int ret = 0;
    if (r->bad || r->n > MAX_COLUMNS)
        return err_set(e, ERR_DATA, "'%s': the first row, which names the columns, cannot be read: %s", c->name,
                       r->bad ? r->bad : "too many columns");
    if (utf8_valid_prefix(s, r->bytes) < r->bytes)
        return err_set(e, ERR_DATA, "'%s': the first row, which names the columns, is not UTF-8", c->name);
    c->column = mem_zalloc(r->n, sizeof *c->column);
    if (!c->column) return err_oom(e, r->n * sizeof *c->column, "the columns");
    c->text_column = r->n;
    for (; c->n_columns < r->n && !ret; c->n_columns++) {
        size_t k = c->n_columns;
        struct buf name = {0};
        unquote(s, r->field[k], &name);
        buf_addc(&name, 0);
        c->column[k] = buf_steal(&name);
        if (!c->column[k]) ret = err_oom(e, r->bytes, "the columns");
        for (size_t i = 0; i < k && !ret; i++)
            if (strcmp(c->column[i], c->column[k]) == 0)
                ret = err_set(e, ERR_DATA, "'%s': two columns are named '%s'", c->name, c->column[k]);
        if (ret) continue;
        if (strcmp(c->column[k], c->field) == 0) c->text_column = k;
        buf_printf(&names, "%s%s", k ? ", " : "", c->column[k]);
    }
    if (!ret && c->text_column == r->n)
        ret = err_set(e, ERR_DATA, "'%s' has no column '%s', only %.200s; --text-field names another", c->name, c->field,
                      buf_text(&names));
    buf_free(&names);
    return ret;
}

static void emit(const struct convert_in *c, const char *s, const struct row *r, struct buf *out)
{
    struct buf v = {0};
    for (size_t k = 0; k < r->n; k++) {
        buf_addc(out, k ? ',' : '{');
        buf_adds_json(out, c->column[k]);
        buf_addc(out, ':');
        buf_clear(&v);
        unquote(s, r->field[k], &v);
        buf_addc(out, '"');
        doc_json_escape(buf_text(&v), v.len, out);
        buf_addc(out, '"');
    }
    buf_adds(out, "}\n");
    out->oom |= v.oom;
    buf_free(&v);
}

static uint64_t newlines(const char *s, size_t n)
{
    uint64_t k = 0;
    for (size_t i = 0; i < n; i++)
        k += s[i] == '\n';
    return k;
}

static int next_row(struct convert_in *c, struct row *r, struct buf *out, struct err *e)
{
    const char *s = c->in.data + c->pos;
    size_t n = c->in.len - c->pos;
    if (!c->started && n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0) {
        doc_convert_take(c, 3);
        s += 3;
        n -= 3;
    }
    if (n < 3 && !c->end) return 0;
    if (!n) {
        if (c->end && !c->started)
            return err_set(e, ERR_DATA, "'%s' is empty; a CSV file begins with the names of its columns", c->name);
        return 0;
    }
    if (c->runaway >= MAX_RUNAWAY) { /* lines are rows now */
        struct convert_in one = *c;
        size_t end = line_end(s, n, 0);
        if (s[end - 1] != '\n' && !c->end && n <= c->max_record) return 0;
        one.end = true;
        cut(&one, s, end, r);
    } else {
        cut(c, s, n, r);
    }
    if (!r->bytes) return 0;
    if (!c->started) {
        c->started = true;
        if (read_header(c, r, e)) return -1;
        c->line += newlines(s, r->bytes);
        doc_convert_take(c, r->bytes);
        return 1;
    }
    if (r->bad && s[0] && strcmp(r->bad, "a quoted field does not end") == 0) c->runaway++;
    bool blank = r->n == 1 && r->field[0].begin == r->field[0].end && !r->field[0].quoted;
    if (!r->bad && !blank && r->n < c->n_columns) r->bad = "the row has too few fields";
    if (!r->bad && r->n > c->n_columns) r->bad = "the row has too many fields";
    if (!r->bad && utf8_valid_prefix(s, r->bytes) < r->bytes) r->bad = "invalid UTF-8";
    if (!r->bad && memchr(s, 0, r->bytes)) r->bad = "contains a NUL character";
    uint64_t lines = newlines(s, r->bytes);
    if (r->bad) {
        doc_convert_put_bad(c, r->bytes, r->bad, out);
    } else {
        if (!blank) emit(c, s, r, out);
        doc_convert_take(c, r->bytes);
    }
    c->line += lines;
    return 1;
}

int doc_csv_next(struct convert_in *c, struct buf *out, struct err *e)
{
    struct row *r = mem_alloc(1, sizeof *r); /* too large for a stack */
    if (!r) return err_oom(e, sizeof *r, "a row");
    int ret = next_row(c, r, out, e);
    free(r);
    return ret;
}
