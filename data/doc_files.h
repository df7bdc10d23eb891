/* doc_files.h - which files a data stage reads: operands may be files,
 * directories (searched to the bottom, in order of names) and "-" for stdin. */
#ifndef DATA_DOC_FILES_H
#define DATA_DOC_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum doc_format { DOC_AUTO, DOC_JSONL, DOC_TEXT, DOC_WARC, DOC_CSV, DOC_TSV };

struct doc_file {
    char *path;             /* "-" = stdin */
    char *name;             /* for messages and ids */
    enum doc_format format; /* DOC_AUTO: by the first byte */
    int64_t bytes;          /* as stored, -1 unknown */
    /* Of a shard (doc_files_part): whether nothing of it is read, or which lines:
     * those that begin in [from, to); to 0 = up to the end. */
    bool skip;
    uint64_t from, to;
    struct doc_spool *spool; /* or NULL: stdin, of which path is the copy (doc_spool.h) */
};

struct doc_files {
    struct doc_file *v;
    size_t n, cap;
};

/* Is it stored as it is, not packed? */
bool doc_file_is_plain(const struct doc_file *f);

/* No operands: stdin.  In directories *.jsonl, *.ndjson, *.json, *.txt, *.text,
 * *.md, *.warc, *.wet, *.csv and *.tsv are taken, each also with .gz or .zst; a
 * directory without any is an error. */
int doc_files_find(struct doc_files *f, char *const *paths, size_t n, enum doc_format format,
                   struct err *e);
void doc_files_free(struct doc_files *f);
uint64_t doc_files_bytes(const struct doc_files *f); /* as stored, of those that are known */
/* ERR_USAGE when an output (NULL and "-" are none) is one of the files: it
 * would take the place of what is read. */
int doc_files_spare(const struct doc_files *f, const char *const *outputs, size_t n, struct err *e);

/* The part of shard i of n: all files, with what it reads of each.  Shards are
 * about equal in stored bytes, follow each other in the order of the input and
 * miss nothing.  Files of plain lines are cut anywhere, others (packed, or text
 * that is no lines) belong to one shard as a whole.  `lines`: text files are
 * lines.  The names are those of f, which must live longer; release with
 * free(part->v). */
int doc_files_part(const struct doc_files *f, int i, int n, bool lines, struct doc_files *part,
                   struct err *e);

#endif
