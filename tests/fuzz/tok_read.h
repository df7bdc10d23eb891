/* tok_read.h - for fuzz targets: a tokenizer from a file of any kind, without a file. */
#ifndef TESTS_FUZZ_TOK_READ_H
#define TESTS_FUZZ_TOK_READ_H

#include <string.h>

#include "core/token/tok_files.h"
#include "core/token/tok_load.h"

enum { READ_FILES = 8, READ_KINDS }; /* all but tokenizer.json, and all */

/* vocab.json and merges.txt, with a line "----" between. */
static inline struct tokenizer *read_two_files(const char *data, size_t n, struct err *e)
{
    const char *line = memmem(data, n, "----\n", 5);
    size_t first = line ? (size_t)(line - data) : n;
    struct buf vocab = {0}, merges = {0};
    buf_add(&vocab, data, first);
    if (line) buf_add(&merges, line + 5, n - first - 5);
    struct tokenizer *t = vocab.oom || merges.oom ? NULL : tok_from_vocab_merges(&vocab, &merges, "vocab.json", "merges.txt", e);
    buf_free(&vocab);
    buf_free(&merges);
    return t;
}

static inline struct tokenizer *read_gguf(const char *data, size_t n, struct err *e)
{
    struct buf template = {0};
    tok_gguf_template(data, n, "fuzz.gguf", &template, e);
    buf_free(&template);
    return tok_from_gguf(data, n, "fuzz.gguf", e);
}

static inline struct tokenizer *read_kind(int kind, const char *data, size_t n, struct err *e)
{
    switch (kind) {
    case 0: return tok_from_spm(data, n, "fuzz.model", e);
    case 1: return read_gguf(data, n, e);
    case 2: return tok_from_tiktoken(data, n, "cl100k", NULL, "fuzz.tiktoken", e);
    case 3: return tok_from_rwkv(data, n, "vocab.txt", e);
    case 4: return tok_from_tekken(data, n, "tekken.json", e);
    case 5: return tok_from_file(data, n, "fuzz", n & 1 ? NULL : "gpt2", e);
    case 6: return read_two_files(data, n, e);
    case 7: return tok_from_vocab_txt(data, n, TOK_BERT, "vocab.txt", e);
    default: return tok_parse_file(data, n, "tokenizer.json", e);
    }
}

#endif
