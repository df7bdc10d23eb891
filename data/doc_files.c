#include "data/doc_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"

enum { MAX_DIR_DEPTH = 64 };

static bool ends_with(const char *s, size_t n, const char *suffix, size_t *rest)
{
    size_t m = strlen(suffix);
    if (n <= m || memcmp(s + n - m, suffix, m) != 0) return false;
    *rest = n - m;
    return true;
}

/* By the name; DOC_AUTO when it says nothing. */
static enum doc_format format_of(const char *path)
{
    static const struct {
        const char *suffix;
        enum doc_format format;
    } table[] = {{".jsonl", DOC_JSONL}, {".ndjson", DOC_JSONL}, {".json", DOC_JSONL},
                 {".txt", DOC_TEXT},    {".text", DOC_TEXT},    {".md", DOC_TEXT},
                 {".warc", DOC_WARC},   {".wet", DOC_WARC},     {".csv", DOC_CSV},
                 {".tsv", DOC_TSV}};
    size_t n = strlen(path), rest;
    if (!ends_with(path, n, ".gz", &n)) ends_with(path, n, ".zst", &n);
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (ends_with(path, n, table[i].suffix, &rest)) return table[i].format;
    return DOC_AUTO;
}

static int add(struct doc_files *f, const char *path, const char *name, enum doc_format format,
               struct err *e)
{
    if (!mem_room(&f->v, &f->cap, f->n + 1, sizeof *f->v))
        return err_oom(e, (f->n + 1) * sizeof *f->v, "a list of files");
    struct doc_file *d = &f->v[f->n];
    struct err ignored;
    *d = (struct doc_file){mem_strdup(path), mem_strdup(name), format, .bytes = -1};
    f->n++;
    if (!d->path || !d->name) return err_oom(e, strlen(path), "a file name");
    if (format == DOC_AUTO) d->format = format_of(path);
    if (strcmp(path, "-") != 0) d->bytes = file_size(path, &ignored);
    return 0;
}

static int add_dir(struct doc_files *f, const char *dir, enum doc_format format, int depth,
                   struct err *e)
{
    char **names;
    size_t n;
    int ret = 0;
    if (depth > MAX_DIR_DEPTH)
        return err_set(e, ERR_DATA, "'%s': directories nested too deeply", dir);
    if (dir_list(dir, &names, &n, e)) return -1;
    for (size_t i = 0; i < n && !ret; i++) {
        if (names[i][0] == '.') continue;
        char *path = path_join(dir, names[i]);
        if (!path)
            ret = err_oom(e, strlen(dir), "a path");
        else if (file_is_dir(path))
            ret = add_dir(f, path, format, depth + 1, e);
        else if (format_of(names[i]) != DOC_AUTO)
            ret = add(f, path, path, format, e);
        free(path);
    }
    dir_list_free(names, n);
    return ret;
}

int doc_files_find(struct doc_files *f, char *const *paths, size_t n, enum doc_format format,
                   struct err *e)
{
    *f = (struct doc_files){0};
    if (!n && add(f, "-", "stdin", format, e)) goto fail;
    for (size_t i = 0; i < n; i++) {
        size_t before = f->n;
        if (strcmp(paths[i], "-") == 0) {
            if (add(f, "-", "stdin", format, e)) goto fail;
        } else if (!file_is_dir(paths[i])) {
            if (!file_exists(paths[i])) {
                err_set(e, ERR_NOINPUT, "'%s': no such file or directory", paths[i]);
                goto fail;
            }
            if (add(f, paths[i], paths[i], format, e)) goto fail;
        } else {
            if (add_dir(f, paths[i], format, 0, e)) goto fail;
            if (f->n == before) {
                err_set(e, ERR_NOINPUT,
                        "'%s' holds no documents (*.jsonl, *.txt, *.md, *.warc, *.wet, *.csv, *.tsv, also .gz or "
                        ".zst); name "
                        "files to read others",
                        paths[i]);
                goto fail;
            }
        }
    }
    return 0;
fail:
    doc_files_free(f);
    return -1;
}

void doc_files_free(struct doc_files *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->v[i].path);
        free(f->v[i].name);
    }
    free(f->v);
    *f = (struct doc_files){0};
}

bool doc_file_is_plain(const struct doc_file *f)
{
    unsigned char b[4] = {0};
    FILE *in = fopen(f->path, "rb");
    if (!in) return false;
    size_t n = fread(b, 1, sizeof b, in);
    fclose(in);
    bool gzip = n >= 2 && b[0] == 0x1f && b[1] == 0x8b;
    bool zstd = n == 4 && ((b[0] == 0x28 && b[1] == 0xb5) || (b[0] & 0xf0) == 0x50) && b[3] < 0xfe &&
                (b[2] == 0x2f || b[2] == 0x4d);
    return !gzip && !zstd;
}

int doc_files_spare(const struct doc_files *f, const char *const *outputs, size_t n, struct err *e)
{
    for (size_t k = 0; k < n; k++) {
        if (!outputs[k] || strcmp(outputs[k], "-") == 0) continue;
        for (size_t i = 0; i < f->n; i++) {
            if (!file_same(outputs[k], f->v[i].path)) continue;
            err_set(e, ERR_USAGE, "'%s' is an input, and would be replaced by the output", f->v[i].path);
            return err_hint(e, "write to another file");
        }
    }
    return 0;
}

/* Is it plain lines, which can be cut anywhere? */
static bool can_cut(const struct doc_file *f, bool lines)
{
    return (f->format == DOC_JSONL || (f->format == DOC_TEXT && lines)) && doc_file_is_plain(f);
}

/* Bytes before the part of shard i of n of all. */
static uint64_t share(uint64_t total, int i, int n)
{
    uint64_t k = (unsigned)n;
    return total / k * (unsigned)i + total % k * (unsigned)i / k;
}

uint64_t doc_files_bytes(const struct doc_files *f)
{
    uint64_t total = 0;
    for (size_t i = 0; i < f->n; i++) total += f->v[i].bytes > 0 ? (uint64_t)f->v[i].bytes : 0;
    return total;
}

int doc_files_part(const struct doc_files *f, int i, int n, bool lines, struct doc_files *part,
                   struct err *e)
{
    uint64_t total = 0, at = 0;
    *part = (struct doc_files){.n = f->n, .cap = f->n};
    part->v = mem_alloc(f->n, sizeof *part->v);
    if (!part->v) return err_oom(e, f->n * sizeof *part->v, "a list of files");
    /* An empty file, or one of unknown size, counts one byte. */
    for (size_t k = 0; k < f->n; k++)
        total += f->v[k].bytes > 0 ? (uint64_t)f->v[k].bytes : 1;
    uint64_t lo = share(total, i, n), hi = share(total, i + 1, n);
    for (size_t k = 0; k < f->n; k++) {
        struct doc_file *p = &part->v[k];
        uint64_t size = f->v[k].bytes > 0 ? (uint64_t)f->v[k].bytes : 1;
        *p = f->v[k];
        if (at + size <= lo || at >= hi) {
            p->skip = true;
        } else if (n > 1 && can_cut(p, lines)) {
            p->from = lo > at ? lo - at : 0;
            p->to = hi < at + size ? hi - at : 0;
        } else {
            p->skip = at < lo;
        }
        at += size;
    }
    return 0;
}
