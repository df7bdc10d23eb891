/* tok_lists.h - lists of tokens and merges: vocab.txt, vocab.json and merges.txt.
 * Errors name the file and the line. */
#ifndef CORE_TOKEN_TOK_LISTS_H
#define CORE_TOKEN_TOK_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* The texts of a list behind their lengths, 8 bytes each, from *p on, which do not lead out of it. */
static inline bool tok_next_counted(const char **p, const char *end, const char **s, size_t *n)
{
    uint64_t len;
    if (*p == end) return false;
    memcpy(&len, *p, sizeof len);
    *s = *p + sizeof len;
    *n = (size_t)len;
    *p = *s + len;
    return true;
}

/* Merges of another file, "left right" each: the lines of a merges.txt; or, counted, texts for
 * tok_next_counted(), as a GGUF file has them.  Parts and results must be tokens. */
struct tok_merge_list {
    const char *p, *end;
    const char *name;  /* of the file, for messages; NULL: there is no list */
    const char *what;  /* of the counted ones: the list in it */
    bool counted;
    size_t no; /* of those, or lines, that have been read */
};
/* What a tokenizer.json leaves out: its model has "vocab":{} where a vocabulary is given, which is taken over, and
 * "merges":[] where there is a list of them.  Neither: NULL. */
struct tok_given {
    struct vocab *vocab;
    struct tok_merge_list merges;
};
struct tokenizer *tok_parse_given(const struct buf *json, const struct tok_given *given, const char *name, struct err *e);
/* With tok_parse_file()'s check. */
struct tokenizer *tok_parse_file_given(const struct buf *json, const struct tok_given *given, const char *name, struct err *e);

/* tok_merges.c: the merges of a list, and those at x, into t->bpe. */
int tok_read_merge_list(struct tokenizer *t, const struct tok_merge_list *list, struct err *e);
int tok_read_merges(struct tokenizer *t, struct jlex *x, struct err *e);
/* The lines of a merges.txt: "left right" and `end`. */
void tok_add_merge_lines(struct buf *out, const struct vocab *v, const struct bpe *b, const char *end);
/* A merge as it stands in a line: two tokens that make a third, or what is wrong with it; `whole` is work space. */
int tok_check_merge(const struct vocab *v, const char *s, size_t n, struct buf *whole, struct err *e);

#endif
