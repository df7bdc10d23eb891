/* doc_files.h - which files a data stage reads: operands may be files,
 * directories (searched to the bottom, in order of names) and "-" for stdin. */
#ifndef DATA_DOC_FILES_H
#define DATA_DOC_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum doc_format { DOC_AUTO, DOC_JSONL, DOC_TEXT, DOC_WARC, DOC_CSV, DOC_TSV };

struct doc_file {
    char *path;             /* "-" = stdin */
    char *name;             /* for messages and ids */
    enum doc_format format; /* DOC_AUTO: by the first byte */
    int64_t bytes;          /* as stored, -1 unknown */
};

struct doc_files {
    struct doc_file *v;
    size_t n, cap;
};

/* No operands: stdin.  In directories *.jsonl, *.ndjson, *.json, *.txt, *.text,
 * *.md, *.warc, *.wet, *.csv and *.tsv are taken, each also with .gz or .zst; a
 * directory without any is an error. */
int doc_files_find(struct doc_files *f, char *const *paths, size_t n, enum doc_format format,
                   struct err *e);
void doc_files_free(struct doc_files *f);

#endif
