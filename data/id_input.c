#include "data/id_input.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/doc_json.h"
#include "data/doc_stream.h"
#include "data/id_npy.h"

enum { PART = 4096, READ = 1 << 16, LONGEST = 1 << 12 };

struct id_input {
    bool by_text;
    char *name;
    struct shard *shard;
    uint64_t doc;        /* of the shard */
    struct doc_stream *in;
    enum { TEXT, JSON, NPY } kind;
    struct buf raw;      /* read; */
    size_t used, looked; /* its bytes that are done with; those behind them without a line's end */
    uint64_t offset;     /* of its first byte in the input */
    uint64_t line;       /* lines that have ended */
    bool eof, open;      /* open: a text has begun and not ended */
    struct id_npy npy;
    uint64_t row_left;
    int32_t *ids;
    size_t n, cap;
    uint64_t at;         /* of ids[0] */
};

struct shard *id_input_shard(const struct id_input *in)
{
    return in->shard;
}

void id_input_close(struct id_input *in)
{
    if (!in) return;
    shard_close(in->shard);
    doc_stream_close(in->in);
    buf_free(&in->raw);
    free(in->ids);
    free(in->name);
    free(in);
}

static size_t unread(const struct id_input *in)
{
    return in->raw.len - in->used;
}

static const char *next_byte(const struct id_input *in)
{
    return in->raw.data + in->used;
}

static int read_more(struct id_input *in, struct err *e)
{
    size_t rest = unread(in);
    if (in->used) memmove(in->raw.data, in->raw.data + in->used, rest);
    in->offset += in->used;
    in->used = 0;
    in->raw.len = rest;
    if (!buf_reserve(&in->raw, READ)) return buf_ok(&in->raw, e);
    ptrdiff_t got = doc_stream_read(in->in, in->raw.data + in->raw.len, READ, e);
    if (got < 0) return -1;
    in->raw.len += (size_t)got;
    in->eof = got == 0;
    if (in->eof && doc_stream_damage(in->in)) return err_set(e, ERR_DATA, "'%s': %s", in->name, doc_stream_damage(in->in));
    return 0;
}

/* Digits begin no other kind of file. */
static int no_other(const struct id_input *in, struct err *e)
{
    const char *kind = in->raw.len ? file_kind(in->raw.data, in->raw.len) : NULL;
    if (!kind || strcmp(kind, "JSON") == 0) return 0;
    err_set(e, ERR_DATA, "'%s' holds no ids, it is %s", in->name, kind);
    return strstr(kind, "shard") ? err_hint(e, "give it as a file whose name ends in .tok") : -1;
}

/* What kind of input it is, from its first bytes. */
static int recognise(struct id_input *in, struct err *e)
{
    size_t at = 0;
    for (;;) {
        if (read_more(in, e)) return -1;
        while (at < in->raw.len && strchr(" \t\r\n", in->raw.data[at]) && in->raw.data[at]) at++;
        if (in->eof || at < in->raw.len) break;
    }
    if (at < in->raw.len && in->raw.data[at] == '{') in->kind = JSON;
    while (id_npy_begins(in->raw.data, in->raw.len) && !in->eof) {
        size_t size = id_npy_header_size(in->raw.data, in->raw.len);
        if (size && in->raw.len >= size) break;
        if (read_more(in, e)) return -1;
    }
    if (!id_npy_begins(in->raw.data, in->raw.len)) return in->kind == JSON ? 0 : no_other(in, e);
    in->kind = NPY;
    if (id_npy_read(&in->npy, in->raw.data, in->raw.len, in->name, e)) return -1;
    in->used = in->npy.header;
    in->row_left = in->npy.columns;
    return 0;
}

struct id_input *id_input_open(const char *path, bool by_text, struct err *e)
{
    bool in_pipe = strcmp(path, "-") == 0;
    struct id_input *in = mem_zalloc(1, sizeof *in);
    if (!in || !(in->name = mem_strdup(in_pipe ? "stdin" : path))) {
        err_oom(e, sizeof *in, "an input");
        goto fail;
    }
    in->by_text = by_text;
    if (!in_pipe && str_ends_with(path, ".tok")) {
        if (!(in->shard = shard_open(path, e))) goto fail;
        return in;
    }
    if (!in_pipe && file_is_dir(path)) {
        err_set(e, ERR_NOINPUT, "reading '%s': it is a directory", path);
        goto fail;
    }
    in->in = doc_stream_open_live(path, in->name, e);
    if (in->in && recognise(in, e) == 0) return in;
fail:
    id_input_close(in);
    return NULL;
}

static int push(struct id_input *in, int64_t id, struct err *e)
{
    if (!mem_room(&in->ids, &in->cap, in->n + 1, sizeof *in->ids)) return err_oom(e, (in->n + 1) * sizeof *in->ids, "ids");
    in->ids[in->n++] = (int32_t)id;
    return 0;
}

/* ---- shards ---- */

static int next_of_shard(struct id_input *in, struct id_part *part, struct err *e)
{
    const struct shard_info *info = shard_get_info(in->shard);
    const uint64_t *docs = shard_docs(in->shard);
    bool shared = shard_shared_eos(info->bos, info->eos), mark = in->by_text && (shared || info->bos >= 0);
    uint64_t end;
    if (in->by_text) { /* at: in the document `doc` */
        if (in->doc == info->n_docs) return 0;
        if (!in->open) in->at = docs[in->doc] + mark;
        end = docs[in->doc + 1] - (!shared && info->eos >= 0);
    } else {
        if (in->at == info->n_tokens) return 0;
        while (in->doc < info->n_docs && docs[in->doc] <= in->at) in->doc++;
        end = docs[in->doc] > in->at ? docs[in->doc] : info->n_tokens;
    }
    size_t n = end - in->at < PART ? (size_t)(end - in->at) : PART;
    if (!mem_room(&in->ids, &in->cap, n, sizeof *in->ids)) return err_oom(e, n * sizeof *in->ids, "ids");
    if (n && shard_read(in->shard, in->at, n, in->ids, e)) return -1;
    *part = (struct id_part){.id = in->ids, .n = n, .at = in->at, .end = in->at + n == end};
    in->at += n;
    in->open = !part->end;
    if (part->end && in->by_text) in->doc++;
    return 1;
}

/* ---- numbers as text ---- */

static bool separates(char c)
{
    static const bool table[256] = {[' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true, [','] = true, ['['] = true, [']'] = true};
    return table[(unsigned char)c];
}

/* Bytes of what stands at p, as far as an error shows them. */
static int shown(const char *p, const char *end)
{
    int n = 0;
    while (n < 12 && p + n < end && !strchr(" \t\r\n", p[n])) n++;
    return n;
}

static int no_id(const struct id_input *in, const char *p, struct err *e)
{
    return err_set(e, ERR_DATA, "'%s':%llu: '%.*s' at offset %llu is not a token id", in->name,
                   (unsigned long long)in->line + 1, shown(p, in->raw.data + in->raw.len), p,
                   (unsigned long long)(in->offset + (uint64_t)(p - in->raw.data)));
}

/* A number at *p, which is left behind it; 1: it may go on behind the end. */
static int read_number(const struct id_input *in, const char **p, const char *end, bool more, int64_t *id, struct err *e)
{
    const char *from = *p, *q = from;
    int64_t v = 0;
    while (q < end && *q >= '0' && *q <= '9' && v <= INT32_MAX) v = v * 10 + (*q++ - '0');
    if (q == end && more && q - from < LONGEST) return 1;
    if (q == from || v > INT32_MAX || (q < end && !separates(*q))) return no_id(in, from, e);
    *p = q;
    *id = v;
    return 0;
}

/* What is there, up to the end of a text or to enough of it: > 0, it has ended. */
static int read_numbers(struct id_input *in, struct err *e)
{
    const char *p = next_byte(in), *end = in->raw.data + in->raw.len;
    int ret = 0;
    if (!mem_room(&in->ids, &in->cap, PART, sizeof *in->ids)) return err_oom(e, PART * sizeof *in->ids, "ids");
    while (p < end && in->n < PART && ret == 0) {
        int64_t id;
        if (!separates(*p)) {
            if ((ret = read_number(in, &p, end, !in->eof, &id, e))) break;
            in->ids[in->n++] = (int32_t)id;
            in->open = true;
        } else if (*p++ == '\n') {
            in->line++;
            ret = in->by_text ? 2 : 0;
        }
    }
    in->used = (size_t)(p - in->raw.data);
    return ret == 1 ? 0 : ret;
}

static int next_numbers(struct id_input *in, struct id_part *part, struct err *e)
{
    int ended;
    while ((ended = read_numbers(in, e)) == 0 && !in->n && !in->eof)
        if (read_more(in, e)) return -1;
    if (ended < 0) return -1;
    bool last = !ended && !in->n;
    if (last && !in->open) return 0;
    part->end = ended || last;
    if (part->end) in->open = false;
    part->wait = !in->eof && (ended ? unread(in) == 0 : in->n < PART);
    return 1;
}

/* ---- JSON lines ---- */

/* NULL, or what is wrong with the line. */
static const char *ids_of(const char *s, size_t n, const char **list, size_t *n_list)
{
    static const char *const extra[DOC_EXTRA] = {"ids", "input_ids"};
    struct doc_fields f;
    if (utf8_valid_prefix(s, n) < n) return "invalid UTF-8";
    const char *why = doc_json_find_more(s, n, "", extra, &f);
    if (why && why != doc_json_no_text) return why;
    int at = f.extra_end[0] > f.extra_begin[0] ? 0 : 1;
    *list = s + f.extra_begin[at];
    *n_list = f.extra_end[at] - f.extra_begin[at];
    return *n_list && **list == '[' ? NULL : "there is no list of ids in it, 'ids' or 'input_ids'";
}

static int read_object(struct id_input *in, const char *line, size_t n, struct err *e)
{
    size_t n_list = 0;
    const char *list = NULL, *why = ids_of(line, n, &list, &n_list);
    if (why) return err_set(e, ERR_DATA, "'%s':%llu: %s", in->name, (unsigned long long)in->line + 1, why);
    for (const char *p = list, *end = list + n_list; p < end;) {
        int64_t id;
        if (separates(*p)) p++;
        else if (read_number(in, &p, end, false, &id, e) || push(in, id, e)) return -1;
    }
    return 0;
}

static int next_object(struct id_input *in, struct id_part *part, struct err *e)
{
    for (;;) {
        const char *p = next_byte(in), *nl = memchr(p + in->looked, '\n', unread(in) - in->looked);
        in->looked = nl ? 0 : unread(in);
        if (!nl && !in->eof) {
            if (read_more(in, e)) return -1;
            continue;
        }
        size_t n = nl ? (size_t)(nl - p) : unread(in), blank = 0;
        if (!nl && n == 0) return 0;
        while (blank < n && strchr(" \t\r", p[blank])) blank++;
        if (blank < n && read_object(in, p, n, e)) return -1;
        in->looked = 0;
        in->used += n + (nl != NULL);
        in->line++;
        if (blank == n) continue;
        part->end = true;
        part->wait = !in->eof && !memchr(next_byte(in), '\n', unread(in));
        return 1;
    }
}

/* ---- .npy ---- */

static int next_of_npy(struct id_input *in, struct id_part *part, struct err *e)
{
    if (in->npy.rows == 0) return 0;
    while (in->n < PART && in->row_left) {
        if (unread(in) < in->npy.width) {
            if (in->n) break;
            if (in->eof)
                return err_set(e, ERR_DATA, "'%s' ends within its %llu numbers", in->name,
                               (unsigned long long)in->npy.total);
            if (read_more(in, e)) return -1;
            continue;
        }
        int64_t id = id_npy_item(&in->npy, next_byte(in));
        if (id < 0 || id > INT32_MAX)
            return err_set(e, ERR_DATA, "'%s': the number at position %llu is not a token id", in->name,
                           (unsigned long long)(in->at + in->n));
        if (push(in, id, e)) return -1;
        in->used += in->npy.width;
        in->row_left--;
    }
    part->end = in->row_left == 0;
    part->wait = !in->eof && unread(in) < in->npy.width;
    if (part->end) in->npy.rows--, in->row_left = in->npy.columns;
    return 1;
}

int id_input_next(struct id_input *in, struct id_part *part, struct err *e)
{
    static int (*const next[])(struct id_input *, struct id_part *, struct err *) = {next_numbers, next_object, next_of_npy};
    if (in->shard) return next_of_shard(in, part, e);
    in->at += in->n;
    in->n = 0;
    *part = (struct id_part){.at = in->at};
    int ret = next[in->kind](in, part, e);
    part->id = in->ids;
    part->n = in->n;
    return ret;
}
