/* encode_print.h - an encoded document as text.
 *
 * Offsets are given twice, in bytes and in characters of the original text; a
 * token that is a part of a character has the whole of it in characters.
 * Those of a second text are in that text. */
#ifndef DATA_ENCODE_PRINT_H
#define DATA_ENCODE_PRINT_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/token/char_index.h"
#include "core/token/tokenizer.h"
#include "data/encode.h"

enum { ENCODE_LISTS = 8 }; /* of ENCODE_JSON */
struct encode_view {
    const struct tokenizer *t;
    const struct tok_encoding *x;
    const struct char_index *chars; /* [2], of the texts */
    bool windows;                   /* which of a text's it is, too */
    const struct tok_word_list *words[2]; /* or NULL: offsets are in the words, and which is said, too */
    size_t *at;                     /* [ENCODE_LISTS] NULL, or for ENCODE_JSON to say where each list ends in *out */
    bool begins;                    /* or begins */
};

/* Ids with a character between. */
void encode_add_ids(const int32_t *id, size_t n, char between, struct buf *out);
/* Ids with spaces between, on one line. */
void encode_print_ids(const int32_t *id, size_t n, struct buf *out);
/* A token as the vocabulary spells it; one that holds white space, or begins with a quotation mark,
 * is a JSON string. */
void encode_add_piece(const char *s, size_t n, struct buf *out);
/* Such tokens, spaces between, on one line. */
void encode_print_pieces(const struct tokenizer *t, const int32_t *id, size_t n, struct buf *out);
/* Tokens that come, the most frequent first, then by their spelling: a line each, its spelling (a JSON
 * string if it holds control characters), a tab and its count; or a JSON array of objects. */
int encode_print_tally(const struct tokenizer *t, const uint64_t *tally, bool json, struct buf *out, struct err *e);
/* ENCODE_TEXT, ENCODE_PIECES: as encode_print_ids() and encode_print_pieces().
 * ENCODE_TABLE: a line a token, tabs between: id, first byte, end, first character, end,
 * type, the token as a JSON string; then an empty line.  With words: behind the type the word, -1 = none.
 * ENCODE_JSON: one line, an object: ids, type_ids, tokens, offsets (characters),
 * byte_offsets, sequence_ids (null: not from a text), attention_mask; with words: word_ids. */
void encode_print(enum encode_to to, const struct encode_view *v, struct buf *out);

#endif
