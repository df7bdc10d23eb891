/* docs_opts.h - the options of commands that read documents. */
#ifndef CMD_DOCS_OPTS_H
#define CMD_DOCS_OPTS_H

#include "core/base/opt.h"
#include "data/doc.h"

struct docs_in_opts {
    const char *text_field;
    int format, documents;
    int64_t max_line;
};

#define OPT_DOCS_IN(S, f)                                                                          \
    OPT_GROUP("Reading"),                                                                          \
        OPT_ENUM(0, "format", S, f.format, "auto|jsonl|text|warc|csv|tsv", "auto",                              \
                 "What the files are; auto looks at the name, then at the content"),               \
        OPT_STR(0, "text-field", S, f.text_field, "NAME", "text",                                  \
                "JSONL: the member that holds the text"),                                          \
        OPT_ENUM(0, "documents", S, f.documents, "file|paragraph|line", "file",                    \
                 "Text files: what one document is"),                                              \
        OPT_SIZE(0, "max-line", S, f.max_line, "SIZE", "64M", 1024, 4.0e9,                         \
                 "Longest line or text document; longer ones go to the quarantine")

static inline struct doc_cfg docs_in_cfg(const struct docs_in_opts *o)
{
    return (struct doc_cfg){.text_field = o->text_field,
                            .format = (enum doc_format)o->format,
                            .split = (enum doc_split)o->documents,
                            .max_line = (size_t)o->max_line};
}

/* --mem: what was given, or half of the machine's memory. */
size_t docs_mem(int64_t given);

/* Where a command that filters documents writes; NULL = not asked for. */
struct docs_outputs {
    const char *out, *removed, *quarantine, *report;
    bool dry_run, json;
};
/* ERR_USAGE when two outputs are one file, or when --json and documents would share stdout. */
int docs_outputs_check(const struct docs_outputs *o, struct err *e);
/* The report to its file and, with --json, to stdout; frees b. */
int docs_outputs_report(const struct docs_outputs *o, struct buf *b, struct err *e);

#endif
