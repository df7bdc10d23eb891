/* tok_border.h - where a word of byte-level BPE falls into pieces.
 *
 * No merge crosses a place between two characters if no pair of the table ends with the
 * one and begins with the other, nor with a part of them.  Then what stands on its two
 * sides is merged by itself, and comes again more often than the whole: words of Chinese,
 * Japanese, Thai have no spaces between them.  Characters of three bytes only. */
#ifndef CORE_TOKEN_TOK_BORDER_H
#define CORE_TOKEN_TOK_BORDER_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct split_joints;
struct tokenizer;

enum { TOK_BORDER_BITS = 17 };

struct tok_borders {
    uint64_t near[(1 << TOK_BORDER_BITS) / 64]; /* bits by a hash of two characters: perhaps a pair meets there */
    uint16_t partial[64]; /* by the last byte, & 63, of a character, and the first, & 15, of the
                           * next one: a pair meets there that has only a part of one of them */
};

/* *out stays NULL where words are not cut: pieces are then not what they are in a word. */
int tok_borders_new(const struct tokenizer *t, struct tok_borders **out, struct err *e);

/* Spaces of words of several: where merges may go over them. */
int tok_joints_new(const struct tokenizer *t, struct split_joints **out, struct err *e);

/* The end of the piece that begins at word[from): n, or a place to cut at. */
size_t tok_border_next(const struct tok_borders *b, const uint8_t *word, size_t n, size_t from);

#endif
