/* Input: a byte that picks the kind of file, a byte with the length of a text,
 * the text to encode, the file. */
#include <stdlib.h>
#include <string.h>

#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tok_same.h"

/* vocab.json and merges.txt, with a line "----" between. */
static struct tokenizer *two_files(const char *data, size_t n, struct err *e)
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

static struct tokenizer *load_gguf(const char *data, size_t n, struct err *e)
{
    struct buf template = {0};
    tok_gguf_template(data, n, "fuzz.gguf", &template, e);
    buf_free(&template);
    return tok_from_gguf(data, n, "fuzz.gguf", e);
}

static struct tokenizer *load(uint8_t kind, const char *data, size_t n, struct err *e)
{
    switch (kind & 7) {
    case 0: return tok_from_spm(data, n, "fuzz.model", e);
    case 1: return load_gguf(data, n, e);
    case 2: return tok_from_tiktoken(data, n, "cl100k", NULL, "fuzz.tiktoken", e);
    case 3: return tok_from_rwkv(data, n, "vocab.txt", e);
    case 4: return tok_from_tekken(data, n, "tekken.json", e);
    case 5: return tok_from_file(data, n, "fuzz", n & 1 ? NULL : "gpt2", e);
    case 6: return two_files(data, n, e);
    default: return tok_from_vocab_txt(data, n, true, "vocab.txt", e);
    }
}

/* Spans are in the text, and what is encoded can be decoded. */
static void encode(const struct tokenizer *t, const char *text, size_t n)
{
    struct err e;
    struct tok_ids ids = {.want_spans = true};
    struct buf back = {0};
    struct tok_scratch *s = tok_scratch_new(t, &e);
    if (!s) return;
    if (tok_encode(t, s, text, n, TOK_SPECIAL, &ids, &e) == 0) {
        for (size_t i = 0; i < ids.n; i++)
            if (ids.span[i].begin > ids.span[i].end || ids.span[i].end > n) abort();
        if (tok_decode(t, ids.id, ids.n, false, &back, &e)) abort();
    }
    buf_free(&back);
    tok_ids_free(&ids);
    tok_scratch_free(s);
    check_same(t, text, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    struct buf json = {0};
    if (size < 3) return 0;
    size_t n_text = data[1];
    if (n_text > size - 2) n_text = size - 2;
    struct tokenizer *t = load(data[0], (const char *)data + 2 + n_text, size - 2 - n_text, &e);
    if (!t) return 0;
    encode(t, (const char *)data + 2, n_text);
    if (tok_to_json(t, &json, &e)) abort();
    struct tokenizer *again = tok_parse(json.data, json.len, "written", &e);
    if (!again || tok_hash(again) != tok_hash(t)) abort();
    static const enum tok_format formats[] = {FORMAT_GGUF, FORMAT_TEKKEN, FORMAT_VOCAB_TXT, FORMAT_TIKTOKEN};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct buf out = {0};
        if (tok_export(t, formats[i], &out, NULL, &e) && !*e.msg) abort();
        buf_free(&out);
    }
    tok_free(again);
    tok_free(t);
    buf_free(&json);
    return 0;
}
