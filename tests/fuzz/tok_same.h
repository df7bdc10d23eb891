/* tok_same.h - for fuzz targets with a tokenizer: whatever is faster gives what the chains give.
 *
 * A text is encoded as it is, and a longer one that is made of it and of tokens: ways that take many
 * words at once have to find them. */
#ifndef TESTS_FUZZ_TOK_SAME_H
#define TESTS_FUZZ_TOK_SAME_H

#include <stdlib.h>
#include <string.h>

#include "core/token/tok_internal.h"
#include "core/token/tok_lines.h"
#include "core/token/tok_scratch.h"

enum { SAME_TEXT = 4096, SAME_LONG = 1500, SAME_TOKENS = 97, SAME_TOKEN = 70 };

/* By a cache that knows nothing and one that knows all, without spans and with them. */
static inline void same_ids(const struct tokenizer *t, struct tok_scratch *chains, struct tok_scratch *s, const char *text, size_t n,
                            unsigned flags)
{
    struct err e;
    struct tok_ids want = {.want_spans = true}, ids = {0}, spans = {.want_spans = true};
    bool good = tok_encode(t, chains, text, n, flags, &want, &e) == 0;
    for (int round = 0; round < 4; round++) {
        struct tok_ids *x = round / 2 ? &spans : &ids;
        x->n = 0;
        if ((tok_encode(t, s, text, n, flags, x, &e) == 0) != good) abort();
        if (!good || !want.n) continue;
        if (x->n != want.n || memcmp(x->id, want.id, x->n * sizeof *x->id)) abort();
        if (x->span && memcmp(x->span, want.span, x->n * sizeof *x->span)) abort();
    }
    uint64_t count = 0;
    if (good && (tok_count(t, s, text, n, flags, &ids, &count, &e) || count != want.n)) abort();
    tok_ids_free(&want);
    tok_ids_free(&ids);
    tok_ids_free(&spans);
}

/* A token, without what marks that it goes on with a word: so words become long. */
static inline void add_token(const struct tokenizer *t, int id, struct buf *out)
{
    size_t len = 0, mark = t->prefix ? strlen(t->prefix) : 0;
    const char *piece = tok_piece(t, id, &len);
    if (!piece) return;
    if (mark && (mark > len || memcmp(piece, t->prefix, mark) != 0)) mark = 0;
    len -= mark;
    buf_add(out, piece + mark, len < SAME_TOKEN ? len : SAME_TOKEN);
}

/* The text between tokens, some of them words of their own. */
static inline void same_long(const struct tokenizer *t, const char *text, size_t n, struct buf *out)
{
    int size = tok_vocab_size(t), step = size / SAME_TOKENS + 1;
    if (n > SAME_TEXT / 8) n = SAME_TEXT / 8;
    for (int i = 0; out->len < SAME_LONG; i++) {
        for (int k = i % step; k < size && out->len < SAME_LONG; k += step) {
            add_token(t, k, out);
            if ((k ^ i) % 6 < (i % 2 ? 4 : 1)) buf_adds(out, (k ^ i) % 16 ? " " : "\n"); /* long words in turns with short ones */
        }
        buf_add(out, text, n);
        if (i % 4) buf_adds(out, i % 8 == 1 ? "\n" : " ");
    }
}

static inline void check_same(const struct tokenizer *t, const char *text, size_t n)
{
    struct err e;
    struct buf more = {0};
    struct tok_scratch *chains = tok_scratch_new(t, &e), *s = tok_scratch_new(t, &e);
    char *exact = NULL; /* a sanitizer sees what is read behind it */
    if (!chains || !s) goto out;
    chains->chains = true;
    for (unsigned flags = 0; flags < 4 && n <= SAME_TEXT; flags++) same_ids(t, chains, s, text, n, flags);
    same_long(t, text, n, &more);
    if (more.oom || !(exact = malloc(more.len))) goto out;
    memcpy(exact, more.data, more.len);
    s->unknown.missed = SIZE_MAX; /* as at the beginning: new words are taken together */
    same_ids(t, chains, s, exact, more.len, n % 2 ? TOK_SPECIAL : 0);
out:
    free(exact);
    buf_free(&more);
    tok_scratch_free(chains);
    tok_scratch_free(s);
}

#endif
