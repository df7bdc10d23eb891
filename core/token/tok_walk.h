/* tok_walk.h - parts of a text by unigram.h's way: the bytes of a part become
 * symbols, and only what is not certain goes through the chains. */
#ifndef CORE_TOKEN_TOK_WALK_H
#define CORE_TOKEN_TOK_WALK_H

#include "core/token/tok_cut.h"
#include "core/token/tok_internal.h"
#include "core/token/unigram.h"
#include "core/token/unigram_many.h"

/* Longer parts are not looked up in the cache: they hardly come again, and to walk
 * them costs little more. */
enum { WALK_LOOKED_UP = 48 };

/* The best way through p[0..n), a part inside a text, from `sum` on; false: it is not certain. */
bool tok_walk(const struct tok_fast *f, const uint8_t *p, size_t n, double sum, struct unigram_path *path);

/* The symbols of p[0..n) to `to`, where UNIGRAM_SHORT have room and UNIGRAM_SLACK more may be written; 0: it is not certain,
 * or they are more.  *unknown: a bit for each that is a character in no token. */
size_t tok_walk_symbols(const struct tok_fast *f, const uint8_t *p, size_t n, uint16_t *to, uint64_t *unknown);

/* The same of many words to `to`, where UNIGRAM_SPELL_ROOM have room and UNIGRAM_SLACK more.  Returns how many words had: one at least. */
size_t tok_walk_spell(const struct tok_fast *f, struct unigram_spelled *words, size_t n_words, uint16_t *to);

/* Whether these are such characters, and U+2581 (a token) before them if *blank: there is one way through them. */
static inline bool tok_walk_unknown(const struct unigram *u, const uint16_t *symbols, size_t n, uint64_t unknown, bool *blank)
{
    *blank = symbols[0] == u->mark;
    return n > *blank && (unknown | *blank) == UINT64_MAX >> (64 - n);
}

/* The same of p[0..n), which may be long: the number of symbols; 0: it is another part, or not certain. */
size_t tok_walk_all_unknown(const struct tok_fast *f, const uint8_t *p, size_t n, bool *blank);

/* Whether no other word begins in p[0..n). */
bool tok_walk_is_word(const struct tok_fast *f, const uint8_t *p, size_t n);

/* Unknown characters side by side are one token; returns how many ids are left. */
size_t tok_fuse(int32_t *ids, size_t n, int32_t unknown);

/* A part that is to go through the chains. */
typedef int tok_slow_fn(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin, size_t end,
                        size_t n, unsigned flags, struct tok_ids *out, struct err *e);

/* A long part where sums go on, in pieces that no token reaches out of. */
int tok_walk_long(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t begin, size_t end,
                  size_t n, unsigned flags, tok_slow_fn *slow, struct tok_ids *out, struct err *e);

#endif
