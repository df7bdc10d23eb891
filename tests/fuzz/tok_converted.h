/* tok_converted.h - for fuzz targets with a tokenizer: in every kind of file it is the same, or refused. */
#ifndef TESTS_FUZZ_TOK_CONVERTED_H
#define TESTS_FUZZ_TOK_CONVERTED_H

#include <stdlib.h>
#include <string.h>

#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"

struct converted {
    const struct tokenizer *t;
    struct tok_scratch *s;
    const char *text;
    size_t n;
};

/* A text of one, or two: ids, types and what they are decoded to.  Where the tokenizer has no template for two, the file may. */
static inline void same_encoding(const struct converted *c, const struct tokenizer *back, struct tok_scratch *s, size_t half, unsigned flags)
{
    struct err e;
    struct tok_encoding x = {.cap = 0}, y = {.cap = 0};
    struct buf one = {0}, two = {0};
    const char *second = half < c->n ? c->text + half : NULL;
    bool good = tok_encode_pair(c->t, c->s, c->text, half, second, c->n - half, flags, &x, &e) == 0;
    bool there = tok_encode_pair(back, s, c->text, half, second, c->n - half, flags, &y, &e) == 0;
    if (there != good && (good || !second || c->t->pair.n)) abort();
    if (good && (x.ids.n != y.ids.n || (x.ids.n && memcmp(x.ids.id, y.ids.id, x.ids.n * sizeof *x.ids.id)))) abort();
    for (size_t i = 0; good && i < x.ids.n; i++)
        if (x.of[i].type != y.of[i].type) abort();
    for (int skip = 0; good && skip < 2; skip++) {
        buf_clear(&one);
        buf_clear(&two);
        if (tok_decode(c->t, x.ids.id, x.ids.n, skip, &one, &e) || tok_decode(back, x.ids.id, x.ids.n, skip, &two, &e)) abort();
        if (one.len != two.len || (one.len && memcmp(one.data, two.data, one.len))) abort();
    }
    buf_free(&one);
    buf_free(&two);
    tok_encoding_free(&x);
    tok_encoding_free(&y);
}

static inline void same_tokenizer(const struct converted *c, const struct tokenizer *back)
{
    struct err e;
    struct tok_scratch *s = tok_scratch_new(back, &e);
    if (!s || tok_vocab_size(c->t) != tok_vocab_size(back)) abort();
    for (unsigned flags = 0; flags < 4; flags++) {
        same_encoding(c, back, s, c->n, flags);
        same_encoding(c, back, s, c->n / 2, flags);
    }
    tok_scratch_free(s);
}

/* As `convert` would find it, by its content. */
static inline struct tokenizer *read_back(const struct tokenizer *t, enum tok_format format, const struct buf *out, const struct buf *beside,
                                          struct err *e)
{
    static const struct { const char *name; enum tok_kind kind; } files[] = {
        [FORMAT_JSON] = {"tokenizer.json", KIND_JSON},   [FORMAT_SPM] = {"out.model", KIND_SPM},   [FORMAT_TIKTOKEN] = {"out.tiktoken", KIND_TIKTOKEN},
        [FORMAT_VOCAB_TXT] = {"vocab.txt", KIND_VOCAB_TXT}, [FORMAT_MERGES] = {"vocab.json", KIND_VOCAB_JSON},
        [FORMAT_TEKKEN] = {"tekken.json", KIND_TEKKEN},  [FORMAT_GGUF] = {"out.gguf", KIND_GGUF}};
    const char *text = out->data ? out->data : "", *name = files[format].name;
    if (tok_kind_of(text, out->len, name) != files[format].kind) abort();
    if (format == FORMAT_MERGES) return tok_from_vocab_merges(out, beside, name, "merges.txt", e);
    if (format == FORMAT_VOCAB_TXT) return tok_from_vocab_txt(text, out->len, tok_bert_of(t), name, e);
    if (format != FORMAT_TIKTOKEN) return tok_from_file(text, out->len, name, NULL, e);
    struct tokenizer *ranks = t->source == SOURCE_TIKTOKEN ? NULL : tok_as_ranks(t, e);
    struct tokenizer *back = tok_from_file(text, out->len, name, (ranks ? ranks : t)->source_split, e);
    tok_free(ranks);
    return back;
}

static inline void check_converted(const struct tokenizer *t, const char *text, size_t n)
{
    struct err e;
    struct converted c = {t, tok_scratch_new(t, &e), text, n};
    for (int format = FORMAT_JSON; c.s && format <= FORMAT_GGUF; format++) {
        struct buf out = {0}, beside = {0};
        e.msg[0] = 0;
        if (tok_export(t, (enum tok_format)format, &out, &beside, &e) == 0) {
            struct tokenizer *back = read_back(t, (enum tok_format)format, &out, &beside, &e);
            if (!back) abort();
            same_tokenizer(&c, back);
            tok_free(back);
        } else if (!*e.msg) {
            abort(); /* no reason */
        }
        buf_free(&out);
        buf_free(&beside);
    }
    tok_scratch_free(c.s);
}

#endif
