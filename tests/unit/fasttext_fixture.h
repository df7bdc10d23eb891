/* fasttext_fixture.h - tiny fastText models, written byte by byte. */
#ifndef TESTS_UNIT_FASTTEXT_FIXTURE_H
#define TESTS_UNIT_FASTTEXT_FIXTURE_H

#include <string.h>

#include "core/base/buf.h"

/* Words "a", "b", "</s>"; labels __label__x, __label__y, __label__z. */
enum { FT_WORDS = 3, FT_LABELS = 3, FT_DIM = 3, FT_BUCKET = 11 };

struct ft_spec {
    int32_t version, ngrams, loss, model, minn, maxn;
    bool quantized, norms, qout, pruned;
};

static inline void ft_i32(struct buf *b, int32_t v)
{
    buf_add(b, &v, sizeof v);
}

static inline void ft_i64(struct buf *b, int64_t v)
{
    buf_add(b, &v, sizeof v);
}

static inline void ft_float(struct buf *b, float v)
{
    buf_add(b, &v, sizeof v);
}

/* The number at (row, column): what the tests compute with. */
static inline float ft_in(int row, int col)
{
    return (float)((row * 7 + col * 5) % 11) * 0.25f - 1.0f;
}

static inline float ft_out(int row, int col)
{
    return (float)((row * 5 + col * 3) % 7) * 0.5f - 1.25f;
}

/* Code r of subspace m stands for row r of the matrix, so nothing is lost;
 * pieces of 2 and 1 numbers.  With norms every row is stored halved. */
static inline void ft_matrix(struct buf *b, int rows, float (*at)(int, int), bool quantized, bool norms)
{
    if (quantized) buf_addc(b, norms);
    ft_i64(b, rows);
    ft_i64(b, FT_DIM);
    if (!quantized) {
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < FT_DIM; c++)
                ft_float(b, at(r, c));
        return;
    }
    ft_i32(b, rows * 2);
    for (int r = 0; r < rows; r++) {
        buf_addc(b, (char)r);
        buf_addc(b, (char)r);
    }
    float scale = norms ? 0.5f : 1;
    ft_i32(b, FT_DIM);
    ft_i32(b, 2);
    ft_i32(b, 2);
    ft_i32(b, 1);
    for (int i = 0; i < 256; i++) {
        ft_float(b, at(i, 0) * scale);
        ft_float(b, at(i, 1) * scale);
    }
    for (int i = 0; i < 256; i++)
        ft_float(b, at(i, 2) * scale);
    if (!norms) return;
    for (int r = 0; r < rows; r++)
        buf_addc(b, 9);
    ft_i32(b, 1);
    ft_i32(b, 1);
    ft_i32(b, 1);
    ft_i32(b, 1);
    for (int i = 0; i < 256; i++)
        ft_float(b, i == 9 ? 2 : 100);
}

static inline void ft_write(struct buf *b, const struct ft_spec *s)
{
    static const char *const entries[] = {"a", "b", "</s>", "__label__x", "__label__y", "__label__z"};
    static const int64_t counts[] = {9, 8, 7, 5, 2, 1};
    const int32_t head[] = {793712314, s->version, FT_DIM,    5,       5, 1, 5, s->ngrams,
                            s->loss,   s->model,   FT_BUCKET, s->minn, s->maxn, 100};
    buf_add(b, head, sizeof head);
    buf_add(b, "\0\0\0\0\0\0\0", 8);
    ft_i32(b, FT_WORDS + FT_LABELS);
    ft_i32(b, FT_WORDS);
    ft_i32(b, FT_LABELS);
    ft_i64(b, 24);
    ft_i64(b, s->pruned ? 2 : -1);
    for (int i = 0; i < FT_WORDS + FT_LABELS; i++) {
        buf_add(b, entries[i], strlen(entries[i]) + 1);
        ft_i64(b, counts[i]);
        buf_addc(b, i >= FT_WORDS);
    }
    if (s->pruned) { /* buckets 3 and 6 are left, as rows 3 and 4 */
        const int32_t pairs[] = {6, 1, 3, 0};
        buf_add(b, pairs, sizeof pairs);
    }
    buf_addc(b, s->quantized);
    ft_matrix(b, FT_WORDS + (s->pruned ? 2 : FT_BUCKET), ft_in, s->quantized, s->norms);
    buf_addc(b, s->qout);
    ft_matrix(b, FT_LABELS, ft_out, s->quantized && s->qout, s->norms);
}

#endif
