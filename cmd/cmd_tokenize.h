/* cmd_tokenize.h - what the subcommands of `llmctl tokenize` share. */
#ifndef CMD_CMD_TOKENIZE_H
#define CMD_CMD_TOKENIZE_H

#include "core/base/opt.h"
#include "core/base/pool.h"
#include "core/token/tok_files.h"
#include "core/token/tokenizer.h"
#include "data/doc.h"

extern const struct cmd cmd_tokenize_train, cmd_tokenize_chat, cmd_tokenize_encode, cmd_tokenize_count,
    cmd_tokenize_truncate, cmd_tokenize_decode, cmd_tokenize_inspect, cmd_tokenize_convert;

/* cmd_tokenize_others.c: what other programs call the options. */
extern const struct opt_other tokenize_train_others[], tokenize_encode_others[], tokenize_count_others[],
    tokenize_truncate_others[], tokenize_decode_others[], tokenize_chat_others[], tokenize_inspect_others[],
    tokenize_convert_others[];

/* How documents are read. */
struct docs_opts {
    const char *text_field;
    int format, documents;
    int64_t max_line;
    bool strict;
};
#define OPT_DOCS(S, f) \
    OPT_GROUP("Documents"), \
    OPT_ENUM(0, "format", S, f.format, "auto|jsonl|text", "auto", "What the files are; auto looks at name and content"), \
    OPT_STR(0, "text-field", S, f.text_field, "NAME", "text", "JSONL: the member that holds the text"), \
    OPT_ENUM(0, "documents", S, f.documents, "file|paragraph|line", "file", "Text files: what one document is"), \
    OPT_SIZE(0, "max-line", S, f.max_line, "BYTES", "1G", 1, 1e12, "A longer line or text document is bad"), \
    OPT_BOOL(0, "strict", S, f.strict, NULL, "Fail at the first bad document instead of leaving it out")

struct doc_cfg docs_config(const struct docs_opts *o);

/* Files and threads, opened together. */
struct docs_input {
    struct doc_files files;
    struct pool *pool;
};
int docs_open(struct docs_input *in, const struct docs_opts *o, const struct opt_result *r, const char *out,
              int64_t threads, struct err *e);
void docs_close(struct docs_input *in);
/* A warning, if there were any: how many, and what was wrong with the first. */
void warn_left_out(uint64_t bad, const char *first);

/* The kind of file that a name stands for; false if it is none. */
bool tokenizer_format(const char *path, enum tok_format *format);
/* tok_export() into a file, and what stands beside it. */
int tokenizer_write(const struct tokenizer *t, enum tok_format format, const char *path, struct err *e);

/* --tokenizer, required: whatever tok_load() takes, a .llmz file or a run directory. */
struct tokenizer *tokenizer_option(const char *path, struct err *e);
struct tokenizer *tokenizer_open(const char *path, struct err *e); /* the same, without a word about it */
/* The chat template of a model or directory; 1 = there is none.  *found: the
 * caller's, the file in a directory, or NULL. */
int template_option(const char *path, struct buf *out, char **found, struct err *e);
/* --template NAME: a built-in one, a file, or as above; a directory or model without one gives 1. */
int template_named(const char *name, struct buf *out, char **found, struct err *e);

#endif
