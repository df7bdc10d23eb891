/* unigram_map.h - inside unigram.c: symbols, and what characters of a text become. */
#ifndef CORE_TOKEN_UNIGRAM_MAP_H
#define CORE_TOKEN_UNIGRAM_MAP_H

#include "core/token/text_sort.h"
#include "core/token/tok_internal.h"
#include "core/token/unigram.h"

enum { UNIGRAM_MARK = 0x2581 };

struct unigram_map {
    bool fit;          /* everything below is set */
    uint16_t *symbol;  /* [UNIGRAM_CHARS] of the characters of tokens; 0 = none */
    int32_t *single;   /* [n_symbols + 1] the token that a symbol is alone */
    size_t n_joins;    /* symbols of all tokens but their first ones, at most */
    /* Tokens of several symbols that are all certain, none twice, in the order of these.  Their texts are
     * the symbols: a byte each, or, `wide`, two, the high one first. */
    struct text_key *token;
    size_t n_tokens;
    bool wide;
    uint8_t *symbols;  /* of all of them */
    int32_t *odd;      /* tokens that have characters that are not certain */
    size_t n_odd, odd_cap;
};

/* Fills *m and the tables of characters of *u.  Free with unigram_map_free(), also after an error. */
int unigram_map(const struct tokenizer *t, const struct charsmap *rules, bool graphemes, struct unigram *u,
                struct unigram_map *m, struct err *e);
void unigram_map_free(struct unigram_map *m);
uint16_t unigram_char(const struct unigram_map *m, uint32_t cp); /* the symbol of a character, 0 = none that is certain */
/* unigram_tokens.c: what m says of tokens, and the symbols of characters that are only in these. */
int unigram_tokens(const struct tokenizer *t, struct unigram *u, struct unigram_map *m, struct err *e);
/* unigram_steps.c: ... what other steps than the rules make of characters. */
int unigram_steps(const struct tokenizer *t, struct unigram *u, struct err *e);

/* Half of all characters: ideographs, which have no case, no accents and no other form, and each is a grapheme. */
static inline bool unigram_settled(uint32_t cp)
{
    return (cp >= 0x3400 && cp <= 0x9FFF) || (cp >= 0x20000 && cp < 0x2F800);
}

static inline bool unigram_printable(uint32_t cp)
{
    return cp > 0x20 && cp != 0x7F && cp < UNIGRAM_CHARS;
}

/* Whether the token is a user-defined piece of more than UNIGRAM_LONGEST characters. */
bool unigram_is_long_user(const struct tokenizer *t, int id);

/* Whether the trie has the token. */
static inline bool unigram_in_walk(const struct tokenizer *t, int id)
{
    bool in_text = (t->vocab.v[id].flags & (VOCAB_MODEL | unigram_without(t))) == VOCAB_MODEL;
    return in_text && !unigram_is_long_user(t, id);
}

#endif
