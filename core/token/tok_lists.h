/* tok_lists.h - lists of tokens and merges: vocab.txt, vocab.json and merges.txt.
 * Errors name the file and the line. */
#ifndef CORE_TOKEN_TOK_LISTS_H
#define CORE_TOKEN_TOK_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/token/bpe.h"
#include "core/token/jlex.h"
#include "core/token/vocab.h"

/* vocab.txt, a token a line, into an empty vocabulary; trimmed: without white space at its end. */
int tok_read_words(struct vocab *v, const char *text, size_t n, bool trimmed, const char *name, struct err *e);
/* An object of ids by token, at x. */
int tok_read_vocab(struct vocab *v, struct jlex *x, struct err *e);
/* vocab.json, which is one. */
int tok_read_ids(struct vocab *v, const char *text, size_t n, const char *name, struct err *e);

/* What a tokenizer.json leaves out: its model has "vocab":{} where a vocabulary is given, which is taken over, and
 * "merges":[] where the lines of a merges.txt are, whose parts and results must be tokens.  Neither: NULL. */
struct tok_given {
    struct vocab *vocab;
    const char *merges, *merges_name;
    size_t n_merges;
};
struct tokenizer *tok_parse_given(const struct buf *json, const struct tok_given *given, const char *name, struct err *e);
/* With tok_parse_file()'s check. */
struct tokenizer *tok_parse_file_given(const struct buf *json, const struct tok_given *given, const char *name, struct err *e);

/* The lines of a merges.txt: "left right" and `end`. */
void tok_add_merge_lines(struct buf *out, const struct vocab *v, const struct bpe *b, const char *end);
/* A merge as it stands in a line: two tokens that make a third, or what is wrong with it; `whole` is work space. */
int tok_check_merge(const struct vocab *v, const char *s, size_t n, struct buf *whole, struct err *e);

#endif
