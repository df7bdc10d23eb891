#include "data/doc.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/doc_convert.h"
#include "data/doc_json.h"
#include "data/doc_scan.h"

enum { RAW_KEPT = 4096 };

void doc_iter_start(struct doc_iter *it, const struct doc_cfg *cfg, const struct doc_block *b)
{
    it->block = b;
    it->field = cfg->text_field ? cfg->text_field : "text";
    it->extra = cfg->extra;
    it->split = cfg->split;
    it->lazy = cfg->lazy;
    it->any_bytes = cfg->any_bytes;
    it->no_text = cfg->no_text;
    it->max_line = cfg->max_line ? cfg->max_line : DOC_LINE_MOST;
    it->pos = 0;
    it->line_no = b->line_no;
    it->valid = b->bad ? 0 : b->checked ? b->valid : utf8_valid_prefix(b->data.data, b->data.len);
}

void doc_iter_seek(struct doc_iter *it, size_t pos)
{
    const struct buf *b = &it->block->data;
    if (pos > b->len) pos = b->len;
    if (pos <= it->pos) return;
    it->line_no += scan_count_byte(b->data + it->pos, pos - it->pos, '\n');
    it->pos = pos;
}

void doc_iter_free(struct doc_iter *it)
{
    buf_free(&it->scratch);
    buf_free(&it->canonical);
}

int doc_canonical(struct doc_iter *it, const struct doc *d, const char **s, size_t *n,
                  struct err *e)
{
    bool as_written = d->line && d->text == d->line + d->text_begin;
    *s = d->text;
    *n = d->text_len;
    if (as_written || scan_json_string(d->text, 0, d->text_len) == d->text_len) return 0;
    buf_clear(&it->canonical);
    doc_json_escape(d->text, d->text_len, &it->canonical);
    *s = it->canonical.data;
    *n = it->canonical.len;
    return buf_ok(&it->canonical, e);
}

static enum doc_next bad(struct doc_iter *it, const char *reason, uint64_t bytes)
{
    it->reason = reason;
    it->bad_bytes = bytes;
    return DOC_BAD;
}

/* Is [from, to) valid?  The mark moves on behind a bad stretch. */
static bool valid_utf8(struct doc_iter *it, size_t from, size_t to)
{
    const struct buf *b = &it->block->data;
    if (it->valid >= to) return true;
    if (it->valid < from) it->valid = from + utf8_valid_prefix(b->data + from, b->len - from);
    return it->valid >= to;
}

/* What of a line of JSONL makes the document, which `f` tells. */
static enum doc_next use_fields(struct doc_iter *it, struct doc *d, const struct doc_fields *f)
{
    d->text_begin = f->text_begin;
    d->text_end = f->text_end;
    d->text = d->line + f->text_begin;
    d->text_len = f->text_end - f->text_begin;
    if (f->id_end > f->id_begin) {
        d->id = d->line + f->id_begin;
        d->id_len = f->id_end - f->id_begin;
    }
    for (int k = 0; k < DOC_EXTRA; k++) {
        if (!f->extra_end[k]) continue;
        d->extra[k] = d->line + f->extra_begin[k];
        d->extra_len[k] = f->extra_end[k] - f->extra_begin[k];
    }
    d->escapes = f->escapes;
    if (f->taken || (f->escapes && (f->unusual || !it->lazy))) {
        d->escapes = 0;
        const char *why = f->taken ? f->refused : doc_json_unescape(d->text, d->text_len, &it->scratch);
        if (!why && it->scratch.oom) why = "out of memory";
        if (why) return bad(it, why, d->line_len);
        d->text = it->scratch.data;
        d->text_len = it->scratch.len;
    }
    return DOC_GOOD;
}

static enum doc_next find_fields(struct doc_iter *it, struct doc *d)
{
    struct doc_fields f;
    buf_clear(&it->scratch);
    const char *why = doc_json_take(d->line, d->line_len, it->field, it->extra, &f, it->lazy ? NULL : &it->scratch);
    d->no_text = why == doc_json_no_text && it->no_text;
    return why && !d->no_text ? bad(it, why, d->line_len) : use_fields(it, d, &f);
}

/* A good line of JSONL, whose end is found on the way.  false: something is unusual with it, it has been left alone. */
static bool take_line(struct doc_iter *it, struct doc *d)
{
    const struct buf *b = &it->block->data;
    const char *line = b->data + it->pos;
    struct doc_fields f;
    size_t n;
    buf_clear(&it->scratch);
    const char *why = doc_json_take_line(line, b->len - it->pos, it->field, it->extra, &f, it->lazy ? NULL : &it->scratch, &n);
    bool no_text = why == doc_json_no_text && it->no_text;
    if ((why && !no_text) || n > it->max_line || !valid_utf8(it, it->pos, it->pos + n)) return false;
    *d = (struct doc){.line = line,
                      .line_len = n - (line[n - 1] == '\r'),
                      .file = it->block->file,
                      .line_no = it->line_no,
                      .offset = it->block->offset + it->pos,
                      .no_text = no_text};
    if (use_fields(it, d, &f) != DOC_GOOD) return false;
    it->pos += n + (it->pos + n < b->len);
    it->line_no++;
    return true;
}

/* The line at pos, which moves on behind it; false: it is blank. */
static bool cut_line(struct doc_iter *it, struct doc *d)
{
    const struct buf *b = &it->block->data;
    const char *s = b->data + it->pos, *nl = memchr(s, '\n', b->len - it->pos);
    size_t n = nl ? (size_t)(nl - s) : b->len - it->pos, i = 0;
    *d = (struct doc){.line = s,
                      .line_len = n - (n && s[n - 1] == '\r'),
                      .file = it->block->file,
                      .line_no = it->line_no++,
                      .offset = it->block->offset + it->pos};
    it->pos += n + (nl != NULL);
    while (i < d->line_len && (s[i] == ' ' || s[i] == '\t')) i++;
    return i < d->line_len;
}

/* The document of a line that was cut. */
static enum doc_next read_line(struct doc_iter *it, struct doc *d)
{
    enum doc_format format = it->block->format;
    size_t from = (size_t)(d->line - it->block->data.data), to = from + d->line_len;
    const char *why;
    uint64_t bytes;
    if (d->line_len > it->max_line) return bad(it, "longer than --max-line", d->line_len);
    if (doc_convert_wanted(format) && doc_convert_bad(d->line, d->line_len, d, &why, &bytes)) {
        it->valid = to;
        return bad(it, why, bytes);
    }
    bool any = it->any_bytes && format == DOC_TEXT;
    if (!any && !valid_utf8(it, from, to)) return bad(it, "invalid UTF-8", d->line_len);
    if (format != DOC_TEXT) return find_fields(it, d);
    d->text = d->line;
    d->text_len = d->line_len;
    d->line = NULL;
    return DOC_GOOD;
}

static enum doc_next next_line(struct doc_iter *it, struct doc *d)
{
    while (it->pos < it->block->data.len) {
        if (it->block->format == DOC_JSONL && take_line(it, d)) return DOC_GOOD;
        if (cut_line(it, d)) return read_line(it, d);
    }
    return DOC_END;
}

enum doc_next doc_iter_replace(struct doc_iter *it, struct doc *d, const char *line, size_t n)
{
    *d = (struct doc){.line = line, .line_len = n, .file = d->file, .line_no = d->line_no, .offset = d->offset};
    return find_fields(it, d);
}

/* A text file as a whole, or the next of its paragraphs (up to a blank line). */
static enum doc_next next_text(struct doc_iter *it, struct doc *d)
{
    const struct buf *b = &it->block->data;
    size_t from = it->pos, to = b->len;
    if (it->split == DOC_SPLIT_PARAGRAPH) {
        while (from < b->len && (b->data[from] == '\n' || b->data[from] == '\r'))
            it->line_no += b->data[from++] == '\n';
        for (size_t i = from; i < b->len; i++) {
            if (b->data[i] != '\n') continue;
            size_t j = i + 1 < b->len && b->data[i + 1] == '\r' ? i + 2 : i + 1;
            if (j < b->len && b->data[j] == '\n') {
                to = i;
                break;
            }
        }
    }
    if (from >= to) {
        it->pos = b->len;
        return DOC_END;
    }
    it->pos = to;
    if (it->split == DOC_SPLIT_PARAGRAPH && b->data[to - 1] == '\r' && to - from > 1) to--;
    *d = (struct doc){.text = b->data + from,
                      .text_len = to - from,
                      .file = it->block->file,
                      .line_no = it->line_no,
                      .offset = it->block->offset + from,
                      .only = it->split == DOC_SPLIT_FILE};
    it->line_no += scan_count_byte(b->data + from, to - from, '\n');
    if (to - from > it->max_line || (!it->any_bytes && !valid_utf8(it, from, to))) {
        d->line = d->text;
        d->line_len = d->text_len;
        return bad(it, to - from > it->max_line ? "longer than --max-line" : "invalid UTF-8",
                   to - from);
    }
    return DOC_GOOD;
}

enum doc_next doc_iter_next(struct doc_iter *it, struct doc *d)
{
    const struct doc_block *b = it->block;
    if (b->bad) {
        if (it->pos) return DOC_END;
        it->pos = 1;
        *d = (struct doc){.line = b->data.data,
                          .line_len = b->data.len,
                          .file = b->file,
                          .line_no = b->line_no,
                          .offset = b->offset};
        return bad(it, b->bad, b->bad_bytes);
    }
    if (b->format == DOC_TEXT && it->split != DOC_SPLIT_LINE) return next_text(it, d);
    return next_line(it, d);
}

/* A name need not be UTF-8, JSON is. */
static void emit_name(const struct doc *d, struct buf *out)
{
    doc_json_escape(d->file->name, utf8_valid_prefix(d->file->name, strlen(d->file->name)), out);
}

void doc_emit_id(const struct doc *d, struct buf *out)
{
    if (d->id) {
        buf_add(out, d->id, d->id_len);
        return;
    }
    buf_addc(out, '"');
    emit_name(d, out);
    if (!d->only) buf_printf(out, ":%llu", (unsigned long long)d->line_no);
    buf_addc(out, '"');
}

/* Whether the line says this text as it stands. */
static bool is_own(const struct doc *d, const char *text, size_t n)
{
    return d->line && text == d->text && n == d->text_len;
}

/* The object with that text, up to its last brace. */
static void emit_open(const struct doc *d, const char *text, size_t n, struct buf *out)
{
    if (!d->line) {
        buf_adds(out, "{\"id\":");
        doc_emit_id(d, out);
        buf_adds(out, ",\"text\":\"");
        doc_json_escape(text, n, out);
        buf_addc(out, '"');
        return;
    }
    size_t from = 0, end = d->line_len;
    while (d->line[end - 1] != '}') end--;
    if (!is_own(d, text, n)) {
        buf_add(out, d->line, d->text_begin);
        doc_json_escape(text, n, out);
        from = d->text_end;
    }
    buf_add(out, d->line + from, end - 1 - from);
}

void doc_emit(const struct doc *d, const char *text, size_t n, struct buf *out)
{
    if (is_own(d, text, n)) {
        buf_add(out, d->line, d->line_len);
        buf_addc(out, '\n');
        return;
    }
    emit_open(d, text, n, out);
    buf_adds(out, "}\n");
}

void doc_emit_with(const struct doc *d, const char *members, struct buf *out)
{
    emit_open(d, d->text, d->text_len, out);
    buf_adds(out, members);
    buf_adds(out, "}\n");
}

void doc_emit_bad(const struct doc *d, const char *reason, uint64_t bytes, struct buf *out)
{
    buf_adds(out, "{\"file\":\"");
    emit_name(d, out);
    buf_printf(out, "\",\"line\":%llu,\"offset\":%llu,\"bytes\":%llu,\"reason\":\"%s\",\"raw\":\"",
               (unsigned long long)d->line_no, (unsigned long long)d->offset,
               (unsigned long long)bytes, reason);
    size_t n = d->line_len < RAW_KEPT ? d->line_len : RAW_KEPT;
    for (size_t i = 0; i < n;) { /* an invalid byte is written \\xNN */
        size_t good = utf8_valid_prefix(d->line + i, n - i);
        doc_json_escape(d->line + i, good, out);
        i += good;
        if (i < n) buf_printf(out, "\\\\x%02x", (unsigned char)d->line[i++]);
    }
    buf_adds(out, "\"}\n");
}
