#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/doc.h"
#include "data/doc_convert.h"
#include "data/doc_plain.h"
#include "data/doc_scan.h"
#include "data/doc_spool.h"
#include "data/doc_stream.h"

enum { BLOCK_BYTES = 1 << 20, READ_BYTES = 1 << 18, BAD_KEPT = 256, MOST_AHEAD = 32 };
enum { HALF_READ = 8 }; /* of a border and what decides about it, the last bytes */

struct doc_reader {
    const struct doc_files *files;
    struct doc_cfg cfg;
    size_t cur;                /* file */
    struct doc_stream *stream; /* of file cur, or NULL */
    enum doc_format format;
    bool eof, fresh;  /* fresh: nothing of the file has been looked at */
    bool begun;       /* a block of the file has been handed out */
    struct doc_convert *convert; /* of file cur, or NULL */
    struct doc_plain *plain;     /* of file cur, or NULL: its blocks may be handed out unread */
    bool passed;                 /* the stream is not where the carry ends */
    struct buf raw;   /* what convert eats */
    struct buf carry; /* read, not yet given out */
    size_t clear;     /* its first bytes hold no border */
    uint64_t line_no, offset, seq, stored_before;
    size_t n_damaged, damaged_before; /* before: when file cur was opened */
    char damaged[512];
    struct doc_at start; /* where to go on in the first file that is opened */
    bool started;
    size_t numbered;    /* file of the block that was numbered last */
    uint64_t not_known; /* of the lines of its unread blocks, to line_no */
    pthread_mutex_t help_lock;
    pthread_cond_t help_over;
    struct doc_stream *shared; /* that others may help with, or NULL */
    int helping;
};

struct doc_reader *doc_reader_open(const struct doc_files *files, const struct doc_cfg *cfg,
                                   struct err *e)
{
    struct doc_reader *r = mem_zalloc(1, sizeof *r);
    if (!r) {
        err_oom(e, sizeof *r, "a reader");
        return NULL;
    }
    r->files = files;
    r->cfg = *cfg;
    if (!r->cfg.max_line) r->cfg.max_line = DOC_LINE_MOST;
    if (!r->cfg.block_bytes) r->cfg.block_bytes = BLOCK_BYTES;
    pthread_mutex_init(&r->help_lock, NULL);
    pthread_cond_init(&r->help_over, NULL);
    return r;
}

/* What others may help with from now on; nobody is with the one before. */
static void share(struct doc_reader *r, struct doc_stream *s)
{
    pthread_mutex_lock(&r->help_lock);
    r->shared = s;
    while (r->helping)
        pthread_cond_wait(&r->help_over, &r->help_lock);
    pthread_mutex_unlock(&r->help_lock);
}

bool doc_reader_help(struct doc_reader *r)
{
    pthread_mutex_lock(&r->help_lock);
    struct doc_stream *s = r->shared;
    r->helping += s != NULL;
    pthread_mutex_unlock(&r->help_lock);
    if (!s) return false;
    bool did = doc_stream_help(s);
    pthread_mutex_lock(&r->help_lock);
    if (--r->helping == 0) pthread_cond_broadcast(&r->help_over);
    pthread_mutex_unlock(&r->help_lock);
    return did;
}

void doc_reader_close(struct doc_reader *r)
{
    if (!r) return;
    doc_stream_close(r->stream);
    doc_convert_free(r->convert);
    doc_plain_free(r->plain);
    buf_free(&r->raw);
    buf_free(&r->carry);
    pthread_cond_destroy(&r->help_over);
    pthread_mutex_destroy(&r->help_lock);
    free(r);
}

size_t doc_reader_damaged(const struct doc_reader *r, const char **first)
{
    *first = r->damaged;
    return r->n_damaged;
}

void doc_reader_go_on(struct doc_reader *r, const struct doc_at *at, const char *damaged)
{
    r->cur = at->file;
    r->seq = at->seq;
    r->stored_before = at->stored_before;
    r->n_damaged = at->n_damaged;
    snprintf(r->damaged, sizeof r->damaged, "%s", damaged ? damaged : "");
    r->start = *at;
    r->started = at->offset > 0;
}

static int fill(struct doc_reader *r, struct err *e);
static int start_convert(struct doc_reader *r, struct err *e);

static void drop_front(struct doc_reader *r, size_t n)
{
    if (n < r->carry.len) memmove(r->carry.data, r->carry.data + n, r->carry.len - n);
    r->carry.len -= n;
    r->offset += n;
    r->clear = 0;
}

/* To the first line that begins at `from` or later; earlier ones are counted. */
static int skip_lines(struct doc_reader *r, uint64_t from, struct err *e)
{
    r->fresh = false;
    for (;;) {
        size_t before = 0; /* bytes in front of the one before `from` */
        if (r->offset < from - 1) {
            uint64_t left = from - 1 - r->offset;
            before = left < r->carry.len ? (size_t)left : r->carry.len;
        }
        char *nl = before < r->carry.len
                       ? memchr(r->carry.data + before, '\n', r->carry.len - before)
                       : NULL;
        size_t gone = nl ? (size_t)(nl - r->carry.data) + 1 : r->carry.len;
        if (gone) {
            r->line_no += scan_count_byte(r->carry.data, gone, '\n');
            drop_front(r, gone);
        }
        if (nl || r->eof) return 0;
        if (fill(r, e)) return -1;
    }
}

/* To the place where an earlier reader was: converted formats anew from the
 * beginning of the file, since their offsets are those of what they become. */
static int go_on(struct doc_reader *r, struct err *e)
{
    uint64_t want = r->start.offset;
    r->started = r->fresh = false;
    r->format = r->start.format;
    r->line_no = r->start.line_no;
    if (!doc_convert_wanted(r->format)) {
        uint64_t got;
        if (doc_stream_skip(r->stream, want, &got, e)) return -1;
        r->offset = got;
    } else {
        if (start_convert(r, e)) return -1;
        while (r->offset < want && !r->eof) {
            if (fill(r, e)) return -1;
            uint64_t left = want - r->offset;
            drop_front(r, left < r->carry.len ? (size_t)left : r->carry.len);
        }
    }
    if (r->offset == want) return 0;
    return err_set(e, ERR_DATA, "'%s' is shorter than when it was read before", r->files->v[r->cur].name);
}

static int open_next(struct doc_reader *r, struct err *e)
{
    const struct doc_file *f = &r->files->v[r->cur];
    bool copied = f->spool && !f->spool->whole;
    r->stream = copied        ? doc_stream_open_stdin(f->spool, f->name, e)
                : r->cfg.live ? doc_stream_open_live(f->path, f->name, e)
                              : doc_stream_open(f->path, f->name, e);
    if (!r->stream) return -1;
    r->damaged_before = r->n_damaged;
    if (r->cfg.threads > 1) {
        int ahead = r->cfg.threads < MOST_AHEAD / 2 ? r->cfg.threads * 2 : MOST_AHEAD;
        if (doc_stream_ahead(r->stream, ahead, e)) return -1;
        share(r, r->stream);
    }
    r->format = r->cfg.format != DOC_AUTO ? r->cfg.format : f->format;
    r->eof = r->begun = r->passed = false;
    r->fresh = true;
    r->line_no = 1;
    r->offset = 0;
    int fd;
    bool plain = r->cfg.unread && r->cfg.max_line >= r->cfg.block_bytes && doc_stream_is_plain(r->stream, &fd);
    if (plain && !(r->plain = doc_plain_new(fd, f->name, e))) return -1;
    if (r->started) return go_on(r, e);
    return f->from ? skip_lines(r, f->from, e) : 0;
}

static int start_convert(struct doc_reader *r, struct err *e)
{
    const char *name = r->files->v[r->cur].name;
    r->convert = doc_convert_new(r->format, name, r->cfg.text_field, r->cfg.max_line, e);
    return r->convert ? 0 : -1;
}

static void close_file(struct doc_reader *r)
{
    const struct doc_file *f = &r->files->v[r->cur];
    share(r, NULL);
    doc_stream_close(r->stream);
    doc_convert_free(r->convert);
    doc_plain_free(r->plain);
    r->stream = NULL;
    r->convert = NULL;
    r->plain = NULL;
    buf_clear(&r->carry); /* what belongs to another shard */
    r->clear = 0;
    if (f->bytes > 0) r->stored_before += (uint64_t)f->bytes;
    r->cur++;
}

/* One more read into the carry.  Sets eof.  A record may have no end: a signal ends it, too. */
static int fill(struct doc_reader *r, struct err *e)
{
    uint64_t at, want_at = r->offset + r->carry.len;
    if (sig_stop_requested()) return err_set(e, ERR_STOPPED, "stopped by a signal; nothing was written");
    if (r->passed && doc_stream_skip(r->stream, want_at, &at, e)) return -1;
    r->passed = false;
    struct buf *to = r->convert ? &r->raw : &r->carry;
    size_t block = r->cfg.block_bytes, want = to->len < block ? block - to->len : READ_BYTES; /* what a block needs */
    if (!buf_reserve(to, want)) return buf_ok(to, e);
    ptrdiff_t n = doc_stream_read(r->stream, to->data + to->len, want, e);
    if (n < 0) return -1;
    to->len += (size_t)n;
    if (r->convert) {
        if (doc_convert_feed(r->convert, to->data, to->len, n == 0, &r->carry, e)) return -1;
        buf_clear(to);
    }
    if (n == 0) {
        r->eof = true;
        const char *damage = doc_stream_damage(r->stream);
        if (damage && r->n_damaged++ == 0)
            snprintf(r->damaged, sizeof r->damaged, "'%s': %s", r->files->v[r->cur].name, damage);
    }
    return 0;
}

/* Byte order mark, files that are something else, and the kind of content when
 * the name did not tell it. */
static int look_at_start(struct doc_reader *r, struct err *e)
{
    r->fresh = false;
    const char *kind = r->carry.len ? file_kind(r->carry.data, r->carry.len) : NULL;
    if (kind && strcmp(kind, "JSON") != 0 && !strstr(kind, "HTML")) {
        const char *name = r->files->v[r->cur].name;
        err_set(e, ERR_DATA, "'%s' holds no documents, it is %s", name, kind);
        return strstr(kind, "Parquet") ? err_hint(e, "convert it: duckdb -c \"copy (from '%s') to "
                                                     "'%s.jsonl' (format json)\"", name, name)
                                       : -1;
    }
    bool warc = r->format == DOC_AUTO && r->carry.len >= 5 && memcmp(r->carry.data, "WARC/", 5) == 0;
    if (warc) r->format = DOC_WARC;
    if (doc_convert_wanted(r->format)) { /* what is there has not been through it */
        struct buf seen = r->carry;
        r->carry = (struct buf){0};
        int ret = start_convert(r, e);
        if (!ret) ret = doc_convert_feed(r->convert, seen.data, seen.len, r->eof, &r->carry, e);
        buf_free(&seen);
        return ret;
    }
    if (r->carry.len >= 3 && memcmp(r->carry.data, "\xef\xbb\xbf", 3) == 0) drop_front(r, 3);
    if (r->format != DOC_AUTO) return 0;
    size_t i = 0;
    while (i < r->carry.len &&
           (r->carry.data[i] == ' ' || r->carry.data[i] == '\n' || r->carry.data[i] == '\r'))
        i++;
    r->format = i < r->carry.len && r->carry.data[i] == '{' ? DOC_JSONL : DOC_TEXT;
    return 0;
}

/* Does a record end at `at`?  There is a newline before it. */
static bool is_border(const struct doc_reader *r, size_t at, size_t to)
{
    const char *s = r->carry.data;
    if (r->format != DOC_TEXT || r->cfg.split == DOC_SPLIT_LINE) return true;
    if (r->cfg.split == DOC_SPLIT_FILE) return r->cfg.cut && r->cfg.cut(r->cfg.cut_arg, s, to, at);
    return (at >= 2 && s[at - 2] == '\n') || (at >= 3 && s[at - 2] == '\r' && s[at - 3] == '\n');
}

static bool is_whole(const struct doc_reader *r)
{
    return r->format == DOC_TEXT && r->cfg.split == DOC_SPLIT_FILE && !r->cfg.cut;
}

/* The last border in carry(from, to], 0 if none. */
static size_t last_border(const struct doc_reader *r, size_t from, size_t to)
{
    if (is_whole(r)) return 0;
    for (size_t n = to; n > from;) {
        const char *p = memrchr(r->carry.data + from, '\n', n - from);
        if (!p) return 0;
        n = (size_t)(p - r->carry.data);
        if (is_border(r, n + 1, to)) return n + 1;
    }
    return 0;
}

static size_t first_border(const struct doc_reader *r, size_t from, size_t to)
{
    if (is_whole(r)) return 0;
    for (size_t i = from; i < to; i++) {
        const char *p = memchr(r->carry.data + i, '\n', to - i);
        if (!p) return 0;
        i = (size_t)(p - r->carry.data);
        if (is_border(r, i + 1, to)) return i + 1;
    }
    return 0;
}

static void describe(struct doc_reader *r, struct doc_block *b)
{
    b->file = &r->files->v[r->cur];
    b->format = r->format;
    b->line_no = r->line_no;
    b->offset = r->offset;
    b->seq = r->seq++;
    b->rest = r->begun && r->cfg.cut && r->format == DOC_TEXT && r->cfg.split == DOC_SPLIT_FILE;
    b->bad = NULL;
    b->bad_bytes = b->lines = 0;
    b->plain = NULL;
    b->line_no_known = b->checked = false;
    r->begun = true;
}

/* How much of n whole lines begins before the end of the shard's part. */
static size_t within_part(const struct doc_reader *r, size_t n)
{
    uint64_t to = r->files->v[r->cur].to;
    if (!to || r->offset + n <= to) return n;
    size_t last = (size_t)(to - 1 - r->offset);
    const char *nl = memchr(r->carry.data + last, '\n', n - last);
    return nl ? (size_t)(nl - r->carry.data) + 1 : n;
}

static void describe_end(const struct doc_reader *r, struct doc_block *b)
{
    b->stored_bytes = r->stored_before;
    if (b->file->bytes > 0) {
        uint64_t size = (uint64_t)b->file->bytes;
        b->stored_bytes += r->offset < size ? r->offset : size;
    }
    b->next = (struct doc_at){r->cur, r->format, r->offset, r->line_no, r->seq, r->stored_before, r->damaged_before};
    b->damaged = r->damaged_before ? r->damaged : NULL;
}

/* Lines of a block that is there, where its bytes are looked at anyway. */
static size_t look_over(struct doc_block *b)
{
    size_t lines, counted;
    b->valid = utf8_valid_lines(b->data.data, b->data.len, &lines, &counted);
    b->checked = true;
    return lines + scan_count_byte(b->data.data + counted, b->data.len - counted, '\n');
}

/* Hands out the first n bytes of the carry. */
static int give(struct doc_reader *r, struct doc_block *b, size_t n, struct err *e)
{
    describe(r, b);
    n = within_part(r, n);
    size_t rest = r->carry.len - n; /* usually part of a line */
    struct buf t = b->data;
    buf_clear(&t);
    buf_add(&t, r->carry.data + n, rest);
    if (buf_ok(&t, e)) {
        b->data = t;
        return -1;
    }
    b->data = r->carry;
    b->data.len = n;
    b->data.data[n] = '\0';
    r->carry = t;
    r->clear = 0;
    r->offset += n;
    /* UTF-8 is left to the others where they wait for what is read here. */
    r->line_no += r->cfg.threads > 1 ? scan_count_byte(b->data.data, n, '\n') : look_over(b);
    describe_end(r, b);
    return 1;
}

/* The record at the front is longer than allowed, or cut off: keeps its
 * beginning, swallows the rest up to the next border. */
static int give_bad(struct doc_reader *r, struct doc_block *b, const char *why, struct err *e)
{
    describe(r, b);
    b->bad = why;
    uint64_t from = r->offset;
    buf_clear(&b->data);
    buf_add(&b->data, r->carry.data, r->carry.len < BAD_KEPT ? r->carry.len : BAD_KEPT);
    if (buf_ok(&b->data, e)) return -1;
    for (;;) {
        size_t end = first_border(r, 0, r->carry.len);
        if (!end && r->eof) end = r->carry.len;
        size_t gone = end ? end : r->carry.len > HALF_READ ? r->carry.len - HALF_READ : 0;
        r->line_no += scan_count_byte(r->carry.data, gone, '\n');
        drop_front(r, gone);
        if (end || r->eof) break;
        if (fill(r, e)) return -1;
    }
    b->bad_bytes = r->offset - from;
    describe_end(r, b);
    return 1;
}

/* Where the block at the front of the carry ends, 0 when that is not known yet:
 * at the last border of cfg.block_bytes, else at the first one behind.  What of the
 * rest has been read already does not count. */
static size_t cut(struct doc_reader *r)
{
    size_t most = r->cfg.block_bytes, n = r->carry.len < most ? r->carry.len : most, end = 0;
    if (n > r->clear && (end = last_border(r, r->clear, n))) return end;
    if (n > r->clear) r->clear = n > HALF_READ ? n - HALF_READ : 0;
    end = first_border(r, r->clear, r->carry.len);
    if (!end) r->clear = r->carry.len > HALF_READ ? r->carry.len - HALF_READ : 0;
    return end;
}

/* The last bytes of a file, of which `end` are whole records. */
static int give_last(struct doc_reader *r, struct doc_block *b, size_t end, struct err *e)
{
    if (!end && doc_stream_damage(r->stream)) return give_bad(r, b, "cut off by the end of a damaged file", e);
    bool last_is_whole = !doc_stream_damage(r->stream) && r->carry.len - end <= r->cfg.max_line &&
                         (r->carry.len <= r->cfg.block_bytes || !end);
    return give(r, b, last_is_whole ? r->carry.len : end, e);
}

/* ---- blocks that others read ---- */

/* The end of a line that is longer than a block, as cut() finds it; 0: of none that is short enough. */
static int long_line(const struct doc_reader *r, size_t *n, struct err *e)
{
    size_t block = r->cfg.block_bytes;
    if (doc_plain_behind(r->plain, r->offset + block, r->cfg.max_line + 1 - block, n, e)) return -1;
    if (*n) *n += block;
    return 0;
}

/* The next block, without its data, where lines end as give() would have it: 1, or 0
 * where only reading tells (the ends of a file and of a shard's part, a line that is too long). */
static int next_unread(struct doc_reader *r, struct doc_block *b, struct err *e)
{
    uint64_t end = r->offset + r->cfg.block_bytes, to = r->files->v[r->cur].to;
    bool lines = r->format == DOC_JSONL || (r->format == DOC_TEXT && r->cfg.split == DOC_SPLIT_LINE);
    if (!r->plain || r->fresh || !lines || end > doc_plain_bytes(r->plain) || (to && end > to)) return 0;
    size_t n;
    if (doc_plain_border(r->plain, r->offset, r->cfg.block_bytes, &n, e)) return -1;
    if (!n && long_line(r, &n, e)) return -1;
    if (!n) return 0;
    describe(r, b);
    b->plain = doc_plain_share(r->plain);
    b->unread = n;
    buf_clear(&r->carry);
    r->clear = 0;
    r->passed = true;
    r->eof = false;
    r->offset += n;
    describe_end(r, b);
    return 1;
}

int doc_block_read(struct doc_block *b, struct err *e)
{
    if (!b->plain) return 0;
    int ret = doc_plain_read(b->plain, b->offset, b->unread, &b->data, e);
    if (!ret && !b->line_no_known) b->lines = look_over(b);
    doc_block_drop(b);
    return ret;
}

void doc_block_drop(struct doc_block *b)
{
    doc_plain_free(b->plain);
    b->plain = NULL;
}

void doc_reader_number(struct doc_reader *r, struct doc_block *b)
{
    if (r->numbered != b->next.file) r->not_known = 0;
    r->numbered = b->next.file;
    b->line_no += r->not_known;
    r->not_known += b->lines;
    b->next.line_no += r->not_known;
}

/* Whether there is enough to see what the file is. */
static bool can_look(const struct doc_reader *r)
{
    if (r->carry.len >= 4096 || r->eof) return true;
    bool line = r->cfg.live && r->carry.len && memchr(r->carry.data, '\n', r->carry.len);
    size_t i = 0;
    while (line && i < r->carry.len && strchr(" \r\n", r->carry.data[i]) && r->carry.data[i]) i++;
    return line && i < r->carry.len; /* a line that says something, or the beginning of one */
}

/* What is read next goes to where the last block was, which is in a cache still. */
static void use_again(struct doc_reader *r, struct doc_block *b)
{
    struct buf t = b->data;
    if (t.cap <= r->carry.cap || t.cap <= r->carry.len) return;
    if (r->carry.len) memcpy(t.data, r->carry.data, r->carry.len);
    t.len = r->carry.len;
    b->data = r->carry;
    r->carry = t;
}

static int next_in_file(struct doc_reader *r, struct doc_block *b, struct err *e)
{
    const struct doc_file *f = &r->files->v[r->cur];
    int got = next_unread(r, b, e);
    if (got) return got;
    use_again(r, b);
    for (;;) {
        if (f->to && !r->fresh && r->offset >= f->to) return 0;
        if (r->fresh && can_look(r) && look_at_start(r, e)) return -1;
        if (!r->fresh && (r->carry.len >= r->cfg.block_bytes || r->eof || (r->cfg.live && r->carry.len))) {
            if (!r->carry.len) return 0; /* only at the end */
            size_t end = cut(r);
            if (r->carry.len > r->cfg.max_line && first_border(r, 0, r->cfg.max_line + 1) == 0)
                return give_bad(r, b, "longer than --max-line", e);
            if (r->eof) return give_last(r, b, end, e);
            if (end) return give(r, b, end, e);
        }
        if (fill(r, e)) return -1;
    }
}

int doc_reader_next(struct doc_reader *r, struct doc_block *b, struct err *e)
{
    while (r->cur < r->files->n) {
        if (r->files->v[r->cur].skip) {
            r->cur++;
            continue;
        }
        if (!r->stream && open_next(r, e)) return -1;
        int got = next_in_file(r, b, e);
        if (got) return got;
        close_file(r);
    }
    return 0;
}
