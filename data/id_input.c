#include "data/id_input.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/doc_json.h"
#include "data/doc_lines.h"
#include "data/id_npy.h"

enum { PART = 4096, LONGEST = 1 << 12, LONGEST_LINE = 1 << 30 };

struct id_input {
    bool by_text;
    char *name;
    struct shard *shard;
    uint64_t doc;        /* of the shard */
    enum { TEXT, JSON, NPY } kind;
    struct doc_lines in; /* all but shards, by lines or by bytes */
    bool open;           /* a text has begun and not ended */
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

const char *id_input_name(const struct id_input *in)
{
    return in->name;
}

void id_input_close(struct id_input *in)
{
    if (!in) return;
    shard_close(in->shard);
    doc_lines_close(&in->in);
    free(in->ids);
    free(in->name);
    free(in);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Digits begin no other kind of file. */
static int no_other(const struct id_input *in, const char *p, size_t n, struct err *e)
{
    const char *kind = n ? file_kind(p, n) : NULL;
    if (!kind || strcmp(kind, "JSON") == 0) return 0;
    err_set(e, ERR_DATA, "'%s' holds no ids, it is %s", in->name, kind);
    return strstr(kind, "shard") ? err_hint(e, "give it as a file whose name ends in .tok") : -1;
}

/* Reads until there is a byte that is not white space: byte *at of what there is.  A byte order
 * mark is passed over. */
static int first_byte(struct id_input *in, size_t *at, struct err *e)
{
    static const char mark[] = "\xEF\xBB\xBF";
    struct doc_lines *d = &in->in;
    const char *p;
    size_t n;
    do { /* it may come byte by byte */
        if (doc_lines_more(d, e)) return -1;
        p = doc_lines_rest(d, &n);
    } while (!d->eof && n < 3 && memcmp(p, mark, n) == 0);
    if (n >= 3 && memcmp(p, mark, 3) == 0) d->used = 3;
    for (*at = 0;;) {
        p = doc_lines_rest(d, &n);
        while (*at < n && is_blank(p[*at])) ++*at;
        if (*at < n || d->eof) return 0;
        if (doc_lines_more(d, e)) return -1;
    }
}

/* What kind of input it is, from its first bytes. */
static int recognise(struct id_input *in, struct err *e)
{
    size_t n, at;
    if (first_byte(in, &at, e)) return -1;
    const char *p = doc_lines_rest(&in->in, &n);
    while (id_npy_begins(p, n) && !in->in.eof) {
        size_t size = id_npy_header_size(p, n);
        if (size && n >= size) break;
        if (doc_lines_more(&in->in, e)) return -1;
        p = doc_lines_rest(&in->in, &n);
    }
    if (at < n && p[at] == '{') in->kind = JSON;
    if (!id_npy_begins(p, n)) return in->kind == JSON ? 0 : no_other(in, p, n, e);
    in->kind = NPY;
    if (id_npy_read(&in->npy, p, n, in->name, e)) return -1;
    in->in.used += in->npy.header;
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
    in->in = (struct doc_lines){.name = in->name, .most = LONGEST_LINE, .live = true};
    if (doc_lines_open(&in->in, path, e) == 0 && recognise(in, e) == 0) return in;
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
    const struct buf *raw = &in->in.raw;
    uint64_t line = in->in.no + (in->kind == TEXT); /* of a line of JSON all has been taken */
    return err_set(e, ERR_DATA, "'%s':%llu: '%.*s' at offset %llu is not a token id", in->name, (unsigned long long)line,
                   shown(p, raw->data + raw->len), p, (unsigned long long)(in->in.offset + (uint64_t)(p - raw->data)));
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
    size_t left;
    const char *p = doc_lines_rest(&in->in, &left), *end = p + left;
    int ret = 0;
    if (!mem_room(&in->ids, &in->cap, PART, sizeof *in->ids)) return err_oom(e, PART * sizeof *in->ids, "ids");
    while (p < end && in->n < PART && ret == 0) {
        int64_t id;
        if (!separates(*p)) {
            if ((ret = read_number(in, &p, end, !in->in.eof, &id, e))) break;
            in->ids[in->n++] = (int32_t)id;
            in->open = true;
        } else if (*p++ == '\n') {
            in->in.no++;
            ret = in->by_text ? 2 : 0;
        }
    }
    in->in.used = in->in.raw.len - (size_t)(end - p);
    return ret == 1 ? 0 : ret;
}

static int next_numbers(struct id_input *in, struct id_part *part, struct err *e)
{
    int ended;
    size_t left;
    while ((ended = read_numbers(in, e)) == 0 && !in->n && !in->in.eof)
        if (doc_lines_more(&in->in, e)) return -1;
    if (ended < 0) return -1;
    bool last = !ended && !in->n;
    if (last && !in->open) return 0;
    part->end = ended || last;
    part->line = in->by_text ? in->in.no + !ended : 0;
    if (part->end) in->open = false;
    doc_lines_rest(&in->in, &left);
    part->wait = !in->in.eof && (ended ? left == 0 : in->n < PART);
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

static int read_object(struct id_input *in, const struct doc_line *line, struct err *e)
{
    size_t n_list = 0;
    const char *list = NULL, *why = ids_of(line->s, line->n, &list, &n_list);
    if (why) return err_set(e, ERR_DATA, "'%s':%llu: %s", in->name, (unsigned long long)line->no, why);
    for (const char *p = list, *end = list + n_list; p < end;) {
        int64_t id;
        if (separates(*p)) p++;
        else if (read_number(in, &p, end, false, &id, e) || push(in, id, e)) return -1;
    }
    return 0;
}

static int next_object(struct id_input *in, struct id_part *part, struct err *e)
{
    struct doc_line line;
    int got;
    while ((got = doc_lines_next(&in->in, &line, e)) > 0) {
        size_t blank = 0;
        while (blank < line.n && is_blank(line.s[blank])) blank++;
        if (blank == line.n) continue;
        part->end = true;
        part->line = line.no;
        part->wait = doc_lines_wait(&in->in);
        return read_object(in, &line, e) ? -1 : 1;
    }
    return got;
}

/* ---- .npy ---- */

static int next_of_npy(struct id_input *in, struct id_part *part, struct err *e)
{
    size_t left;
    const char *p = doc_lines_rest(&in->in, &left);
    if (in->npy.rows == 0) return 0;
    while (in->n < PART && in->row_left) {
        if (left < in->npy.width) {
            if (in->n) break;
            if (in->in.eof)
                return err_set(e, ERR_DATA, "'%s' ends within its %llu numbers", in->name,
                               (unsigned long long)in->npy.total);
            if (doc_lines_more(&in->in, e)) return -1;
            p = doc_lines_rest(&in->in, &left);
            continue;
        }
        int64_t id = id_npy_item(&in->npy, p);
        if (id < 0 || id > INT32_MAX)
            return err_set(e, ERR_DATA, "'%s': the number at position %llu is not a token id", in->name,
                           (unsigned long long)(in->at + in->n));
        if (push(in, id, e)) return -1;
        in->in.used += in->npy.width;
        p += in->npy.width;
        left -= in->npy.width;
        in->row_left--;
    }
    part->end = in->row_left == 0;
    part->wait = !in->in.eof && left < in->npy.width;
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
