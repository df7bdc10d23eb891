/* unigram_map.h - inside unigram.c: symbols, and what characters of a text become. */
#ifndef CORE_TOKEN_UNIGRAM_MAP_H
#define CORE_TOKEN_UNIGRAM_MAP_H

#include "core/token/tok_internal.h"
#include "core/token/unigram.h"

struct unigram_map {
    bool fit;          /* everything below is set */
    uint16_t *symbol;  /* [UNIGRAM_CHARS] of the characters of tokens; 0 = none */
    int32_t *single;   /* [n_symbols + 1] the token that a symbol is alone */
    size_t n_joins;    /* symbols of all tokens but their first ones, at most */
};

/* Fills *m and the tables of characters of *u. */
int unigram_map(const struct tokenizer *t, const struct charsmap *rules, bool graphemes, struct unigram *u,
                struct unigram_map *m, struct err *e);
/* unigram_steps.c: ... what other steps than the rules make of characters. */
int unigram_steps(const struct tokenizer *t, struct unigram *u, struct err *e);
uint16_t unigram_char(const struct unigram_map *m, uint32_t cp); /* the symbol of a character, 0 = none that is certain */
/* A token's symbols (room for UNIGRAM_LONGEST), or 0: it is in no text that has symbols. */
size_t unigram_token(const struct tokenizer *t, const struct unigram_map *m, int id, uint16_t *symbols);

#endif
