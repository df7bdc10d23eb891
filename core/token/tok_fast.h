/* tok_fast.h - words remembered by their bytes in the text.
 *
 * Where a text can be cut so that no step of the chains and no token reaches
 * over the cut, the ids of a part depend on nothing but its bytes: they come
 * from a cache, and only parts not seen before go through the chains.  Where
 * that cannot be shown, there is no fast way and t->fast stays NULL. */
#ifndef CORE_TOKEN_TOK_FAST_H
#define CORE_TOKEN_TOK_FAST_H

#include <math.h>
#include <string.h>

#include "core/token/tok_cut.h"
#include "core/token/tok_internal.h"

/* The last place of a sum of at most `most`. */
static inline double tok_last_place(double most, bool floats)
{
    const uint64_t exponent = (uint64_t)0x7FF << 52;
    uint64_t bits;
    memcpy(&bits, &most, sizeof bits);
    bits &= exponent;
    memcpy(&most, &bits, sizeof bits);
    return most * (floats ? 0x1p-23 : 0x1p-52);
}

/* Unigram sums go on from part to part: a part's way, where the second best was worse by
 * `gap` from 0, is the best from every sum whose last place is less than this.  Each of at
 * most n additions (of at most max_step) on each of two ways is wrong by half of a last
 * place at most, so that they come closer by n last places: of the sums here, and of those
 * from 0.  (The gap is a difference that was rounded, as is this.) */
static inline float tok_gap_width(double gap, size_t n, double max_step, bool floats)
{
    double width = gap * (1 - 0x1p-20) / (double)n - tok_last_place((double)n * max_step, floats);
    return width > 0 ? (float)width : 0;
}

int tok_fast_init(struct tokenizer *t, struct err *e);
void tok_fast_free(struct tok_fast *f);
/* Newlines are tokens of their own, and what stands between them depends on
 * nothing else: with TOK_GOES_ON, parts that begin behind one give the ids of the whole. */
bool tok_fast_newlines(const struct tokenizer *t);
/* The segment text[0..n), which stands at s->offset, without spans. */
int tok_fast_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                     unsigned flags, struct tok_ids *out, struct err *e);
/* text[from..to) of such a segment of n bytes; parts begin there whatever is around. */
int tok_fast_stretch(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t from, size_t to, size_t n,
                     unsigned flags, struct tok_ids *out, struct err *e);
/* A count does not need the ids of parts that are done. */
void tok_fast_let_go(const struct tokenizer *t, struct tok_scratch *s, struct tok_ids *out);

/* A part that begins inside of a word holds wherever it stands, after so many additions on each way. */
static inline bool tok_gap_is_wide(const struct tok_fast *f, double gap, size_t steps)
{
    return gap > (double)(2 * steps + 2) * f->wide_gap;
}

/* tok_inside.c: whether the part begins inside a word, so that its sum is not from 0; */
bool tok_inside(const struct tok_fast *f, const char *text, size_t begin);
/* ... its ids, of a segment of n bytes, where they hang on the sum; it is part i of the batch. */
int tok_inside_exactly(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t i, size_t n,
                       unsigned flags, struct tok_ids *out, struct err *e);
/* Before a batch is cut. */
void tok_inside_next(struct tok_scratch *s, const char *text, size_t count);

/* tok_clip.c: a part of CLIP's words (t->fast->clip), which stands at `at`; 1: the chains have to find its ids. */
bool tok_clip_possible(const struct tokenizer *t);
int tok_clip_part(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n, size_t at, struct tok_ids *out,
                  struct err *e);

/* tok_near.c: a segment that may hold added tokens which are looked for in normalised text (t->fast->near). */
int tok_near_plan(struct tokenizer *t, const struct tok_fast *f, bool *possible, struct err *e);
int tok_near_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags,
                     struct tok_ids *out, struct err *e);

/* tok_spans.c: a segment with spans; 1: the chains have to find them. */
int tok_spans_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags,
                      struct tok_ids *out, struct err *e);

/* tok_form.c: the same for WordPiece behind chains of word_form.h's kind. */
bool tok_form_possible(const struct tokenizer *t);
int tok_form_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, struct tok_ids *out,
                     struct err *e);

#endif
