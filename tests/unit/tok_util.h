/* tok_util.h - for tests of tokenizers: one is learned from a text, and every faster way gives what the chains give. */
#ifndef TESTS_UNIT_TOK_UTIL_H
#define TESTS_UNIT_TOK_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/token/charsmap_build.h"
#include "core/token/tok_base64.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_lines.h"
#include "core/token/tok_scratch.h"
#include "core/token/train.h"

/* What is written of it is added to *file: a tokenizer.json or a .model. */
static inline void learn_file(const struct tok_train_opts *o, const char *text, size_t n, struct buf *file)
{
    struct err e = {0};
    struct tok_trainer *tr = tok_trainer_new(o, 1, &e);
    if (!tr || tok_trainer_add(tr, 0, text, n, &e) || tok_trainer_learn(tr, file, NULL, &e)) fail_msg("%s", e.msg);
}

static inline struct tokenizer *learn_model(const struct tok_train_opts *o, const char *text, size_t n)
{
    struct err e = {0};
    struct buf file = {0};
    learn_file(o, text, n, &file);
    struct tokenizer *t = tok_from_spm(file.data, file.len, "learned", &e);
    if (!t) fail_msg("%s", e.msg);
    buf_free(&file);
    return t;
}

static inline struct tokenizer *learn_from(const struct tok_train_opts *o, const char *text, size_t n)
{
    struct err e = {0};
    struct tok_trainer *tr = tok_trainer_new(o, 1, &e);
    if (!tr || tok_trainer_add(tr, 0, text, n, &e)) fail_msg("%s", e.msg);
    struct tokenizer *t = tok_trainer_finish(tr, NULL, &e);
    if (!t) fail_msg("%s", e.msg);
    return t;
}

/* A tokenizer with what encodes by its chains, and what encodes by whatever is faster and remembers words. */
struct both {
    const struct tokenizer *t; /* not owned */
    struct tok_scratch *chains, *fast;
    struct tok_ids want, ids, spans; /* of the last text */
};

static inline struct both both_new(const struct tokenizer *t)
{
    struct err e = {0};
    struct both b = {.t = t, .chains = tok_scratch_new(t, &e), .fast = tok_scratch_new(t, &e), .want.want_spans = true, .spans.want_spans = true};
    assert_true(b.chains && b.fast);
    b.chains->chains = true;
    return b;
}

static inline void both_free(struct both *b)
{
    tok_scratch_free(b->chains);
    tok_scratch_free(b->fast);
    tok_ids_free(&b->want);
    tok_ids_free(&b->ids);
    tok_ids_free(&b->spans);
}

static inline void expect_want(const struct both *b, const struct tok_ids *got, const char *text, size_t n)
{
    const struct tok_ids *want = &b->want;
    size_t k = 0, at;
    while (k < got->n && k < want->n && got->id[k] == want->id[k] &&
           (!got->want_spans || memcmp(&got->span[k], &want->span[k], sizeof *want->span) == 0))
        k++;
    if (k == got->n && k == want->n) return;
    at = k < want->n ? want->span[k].begin : n;
    fail_msg("%s spans token %zu is %d, not %d, at byte %zu of %zu: '%.*s'", got->want_spans ? "with" : "without", k,
             k < got->n ? (int)got->id[k] : -1, k < want->n ? (int)want->id[k] : -1, at, n, n - at < 30 ? (int)(n - at) : 30, text + at);
}

/* Without spans and with them, each from what was remembered before and once more; the count. */
static inline void both_same(struct both *b, const char *text, size_t n, unsigned flags)
{
    struct err e = {0};
    uint64_t count = 0;
    b->want.n = 0;
    if (tok_encode(b->t, b->chains, text, n, flags, &b->want, &e)) fail_msg("%s", e.msg);
    for (int round = 0; round < 4; round++) {
        struct tok_ids *x = round / 2 ? &b->spans : &b->ids;
        x->n = 0;
        if (tok_encode(b->t, b->fast, text, n, flags, x, &e)) fail_msg("%s", e.msg);
        expect_want(b, x, text, n);
    }
    if (flags & TOK_LIMITS) return;
    if (tok_count(b->t, b->fast, text, n, flags, &b->ids, &count, &e)) fail_msg("%s", e.msg);
    assert_int_equal(count, b->want.n);
}

/* "id@begin-end id@..." of the last text. */
static inline void both_print(const struct both *b, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < b->want.n; i++)
        buf_printf(out, "%s%d@%zu-%zu", i ? " " : "", (int)b->want.id[i], b->want.span[i].begin, b->want.span[i].end);
    buf_addc(out, 0);
}

/* want: "id id ..." */
static inline void check_ids(const struct tokenizer *t, const char *text, unsigned flags, const char *want)
{
    struct both both = both_new(t);
    struct buf got = {0};
    both_same(&both, text, strlen(text), flags);
    for (size_t i = 0; i < both.want.n; i++) buf_printf(&got, "%s%d", i ? " " : "", (int)both.want.id[i]);
    assert_string_equal(buf_text(&got), want);
    buf_free(&got);
    both_free(&both);
}

/* What goes out as tokenizer.json comes back as the same tokenizer. */
static inline void comes_back(const struct tokenizer *t)
{
    struct err e = {0};
    struct buf json = {0};
    assert_int_equal(tok_to_json(t, &json, &e), 0);
    struct tokenizer *back = tok_parse(json.data, json.len, "back", &e);
    if (!back) fail_msg("%s", e.msg);
    assert_true(tok_hash(back) == tok_hash(t));
    buf_free(&json);
    tok_free(back);
}

/* The format cannot hold it, and says why.  Frees t. */
static inline void refuses(struct tokenizer *t, enum tok_format format, const char *why)
{
    struct err e = {0};
    struct buf out = {0};
    assert_int_equal(tok_export(t, format, &out, NULL, &e), -1);
    if (!strstr(e.msg, why)) fail_msg("%s", e.msg);
    assert_int_equal(e.code, ERR_DATA);
    buf_free(&out);
    tok_free(t);
}

/* A step of a tokenizer.json: SentencePiece's rules of this name. */
static inline void add_rules(struct buf *steps, const char *name)
{
    struct err e = {0};
    struct charsmap_rules map = {0};
    struct buf compiled = {0}, text = {0};
    if (charsmap_rules_named(&map, name, &e) || charsmap_compile(&map, &compiled, &e) || tok_base64(compiled.data, compiled.len, &text, &e)) fail_msg("%s", e.msg);
    buf_printf(steps, "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"%.*s\"}", (int)text.len, text.data);
    buf_free(&compiled);
    buf_free(&text);
    charsmap_rules_free(&map);
}

#endif
