/* Input: a byte that picks the kind of file, a byte with the length of a text,
 * the text to encode, the file. */
#include <stdlib.h>

#include "core/token/tok_internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tok_read.h"
#include "tests/fuzz/tok_same.h"

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
    struct tokenizer *t = read_kind(data[0] % READ_FILES, (const char *)data + 2 + n_text, size - 2 - n_text, &e);
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
