/* doc.h - documents out of files, a block at a time.
 *
 * A doc_reader cuts its files into blocks that end where a document ends
 * (at most cfg.block_bytes, more for a long line).  Blocks depend on the input only, not
 * on how many bytes a read gives, so work done per block gives the same bytes
 * for any number of threads, from a pipe, and after an interruption.  A
 * doc_iter walks the documents of one block; several threads may each walk
 * their own.
 *
 * Bad lines cost only themselves: the iterator hands them out as such, with
 * the reason, and goes on. */
#ifndef DATA_DOC_H
#define DATA_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "data/doc_files.h"
#include "data/doc_json.h"

/* How a text file becomes documents. */
enum doc_split { DOC_SPLIT_FILE, DOC_SPLIT_PARAGRAPH, DOC_SPLIT_LINE };

enum { DOC_LINE_MOST = 64 << 20 };

struct doc_cfg {
    const char *text_field; /* NULL = "text" */
    enum doc_format format; /* DOC_AUTO: by name, then by the first byte */
    enum doc_split split;
    /* DOC_SPLIT_FILE: may s[0..n) be handed out in parts, cut at `at` (behind a
     * newline)?  Looks at 8 bytes around it at most.  NULL = never. */
    bool (*cut)(const void *arg, const char *s, size_t n, size_t at);
    const void *cut_arg;
    size_t max_line; /* bytes of a line or text document; 0 = DOC_LINE_MOST */
    size_t block_bytes; /* whole lines up to that, or a longer one, are a block; 0 = 1 MiB */
    bool any_bytes;  /* text files: what is not UTF-8 is a document, too */
    bool lazy;       /* leave escapes in texts of JSONL: see struct doc, doc_canonical() */
    bool no_text;    /* JSONL: records without the text field are documents too: struct doc.no_text */
    bool live;       /* a block is what has come of a pipe, if it holds a document, be it less than a MiB */
    const char *extra[DOC_EXTRA]; /* JSONL: members to note for every document; NULL = none */
    /* The next two are doc_run's.  threads: that call doc_reader_help; 0 = none.
     * unread: blocks of plain lines may come without their data: doc_block_read(),
     * doc_reader_number(). */
    int threads;
    bool unread;
};

/* A place between two blocks, from where reading can go on. */
struct doc_at {
    size_t file;            /* index in the list of files */
    enum doc_format format; /* of that file, as found out */
    uint64_t offset, line_no, seq, stored_before;
    size_t n_damaged;       /* files before this one */
};

struct doc_block {
    struct buf data;
    const struct doc_file *file;
    enum doc_format format;
    uint64_t seq;          /* 0, 1, ... over all files */
    uint64_t line_no;      /* of the first line, from 1; documents of a text file count alike */
    uint64_t offset;       /* in the unpacked file */
    uint64_t stored_bytes; /* read so far from all files, for progress (0 unknown) */
    bool rest;             /* goes on with the text file of the block before (cfg.cut) */
    const char *bad;       /* the whole block is one bad record: why */
    uint64_t bad_bytes;    /* how long that record was (data holds its beginning) */
    struct doc_at next;    /* the place behind it */
    const char *damaged;   /* describes the first of next.n_damaged files; memory of the reader */
    struct doc_plain *plain; /* or NULL: where the data is that was not read yet */
    size_t unread;           /* bytes of it, at `offset` */
    uint64_t lines;          /* of a block that came unread, where line_no is not yet known */
    bool line_no_known;
    bool checked;            /* data[0..valid) is UTF-8, what follows is not: no longer when data is other data */
    size_t valid;
};

struct doc_reader;

struct doc_reader *doc_reader_open(const struct doc_files *files, const struct doc_cfg *cfg,
                                   struct err *e);
/* Before the first block: goes on at a place that an earlier reader of the same
 * files gave.  `damaged` as in the block; NULL is fine. */
void doc_reader_go_on(struct doc_reader *r, const struct doc_at *at, const char *damaged);
/* 1: *b filled (its buffer is reused), 0: end of all files, -1: I/O error. */
int doc_reader_next(struct doc_reader *r, struct doc_block *b, struct err *e);
/* From any thread: the data of a block that came unread. */
int doc_block_read(struct doc_block *b, struct err *e);
void doc_block_drop(struct doc_block *b); /* instead of it */
/* With cfg.unread, one block at a time in order, all data is there: numbers of
 * lines, which the reader did not know. */
void doc_reader_number(struct doc_reader *r, struct doc_block *b);
/* Damaged or truncated files seen so far; *first describes the first. */
size_t doc_reader_damaged(const struct doc_reader *r, const char **first);
/* From any thread, beside one that reads: unpacks what will be read soon.  false:
 * there is nothing to do now. */
bool doc_reader_help(struct doc_reader *r);
void doc_reader_close(struct doc_reader *r); /* NULL is fine; no thread is in it */

struct doc {
    const char *text;
    size_t text_len;
    const char *line; /* JSONL: as in the file, without its end; text: NULL */
    size_t line_len;
    size_t text_begin, text_end; /* of the string's inside, within line */
    size_t escapes;              /* left in text (cfg.lazy): each is two bytes for one */
    const char *id;              /* JSON value as written, or NULL */
    size_t id_len;
    const char *extra[DOC_EXTRA]; /* JSON values as written, or NULL */
    size_t extra_len[DOC_EXTRA];
    const struct doc_file *file;
    uint64_t line_no, offset;
    bool only;    /* the only document of its (text) file */
    bool no_text; /* text is empty and stands nowhere in the line: only to be written as it came */
};

enum doc_next { DOC_END, DOC_GOOD, DOC_BAD };

struct doc_iter {
    const struct doc_block *block;
    const char *field;
    const char *const *extra;
    enum doc_split split;
    size_t max_line, pos, valid; /* valid: UTF-8 checked up to here */
    uint64_t line_no;
    bool lazy, no_text, any_bytes;
    struct buf scratch, canonical;
    const char *reason; /* after DOC_BAD; then doc.line is the raw record */
    uint64_t bad_bytes;
};

/* The scratch memory of *it is kept: zero it once, free with doc_iter_free. */
void doc_iter_start(struct doc_iter *it, const struct doc_cfg *cfg, const struct doc_block *b);
enum doc_next doc_iter_next(struct doc_iter *it, struct doc *d);
/* Goes on with the document that begins at data[pos], not before where it is. */
void doc_iter_seek(struct doc_iter *it, size_t pos);
/* The document (of JSONL) becomes the one that this line holds, which is the same but for
 * what its strings say and outlives *d.  DOC_BAD, as from doc_iter_next(). */
enum doc_next doc_iter_replace(struct doc_iter *it, struct doc *d, const char *line, size_t n);
void doc_iter_free(struct doc_iter *it);
/* The text as a JSON string would hold it, escaped in one way only: equal for
 * equal texts, and usually what the line has already.  Needs cfg.lazy.  Memory
 * of *it or of the document. */
int doc_canonical(struct doc_iter *it, const struct doc *d, const char **s, size_t *n,
                  struct err *e);

/* Appends one line of JSONL: the original with its text replaced, byte for
 * byte the same when `text` is the document's own. */
void doc_emit(const struct doc *d, const char *text, size_t n, struct buf *out);
/* The same with members (JSON, beginning with a comma) added at the end. */
void doc_emit_with(const struct doc *d, const char *members, struct buf *out);
/* The id as a JSON value: the document's, or "file:line". */
void doc_emit_id(const struct doc *d, struct buf *out);
/* Appends one line for the quarantine. */
void doc_emit_bad(const struct doc *d, const char *reason, uint64_t bytes, struct buf *out);

#endif
