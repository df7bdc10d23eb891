/* explain_internal.h - what the parts of explain.h share. */
#ifndef CORE_TOKEN_EXPLAIN_INTERNAL_H
#define CORE_TOKEN_EXPLAIN_INTERNAL_H

#include "core/token/char_index.h"
#include "core/token/explain.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_pieces.h"
#include "core/token/unigram_nbest.h"

struct explain {
    const struct tokenizer *t;
    struct tok_scratch *s;
    struct buf *out;
    bool json;
    size_t n_best;            /* ways of unigram to show; 0: the runner-up */
    size_t n_steps, n_merges; /* said so far; merges: of the word at hand */
};

/* ---- explain_say.c ---- */
void say_head(struct explain *x, const char *text, size_t n, size_t n_chars);
void say_normalised(struct explain *x, const char *s, size_t n);
void say_added(struct explain *x, size_t begin, size_t end, int id, bool in_form);
void say_word(struct explain *x, const uint8_t *word, size_t n);
void say_symbols(struct explain *x, const int32_t *ids, size_t n);
/* ids: the symbols as they are now; at: the one that the merge made. */
void say_merge(struct explain *x, uint32_t rank, const int32_t *ids, size_t n, size_t at);
void say_why(struct explain *x, const char *why, size_t n);
/* The runner-up of unigram, and how much worse it is; or all ways. */
void say_next_best(struct explain *x, const struct nbest *v);
void say_ways(struct explain *x, const struct nbest *v);
void say_word_end(struct explain *x, const struct tok_ids *ids, double sum); /* NaN: no sums */
void say_result(struct explain *x, const struct tok_ids *ids, const struct char_index *chars);
/* A token as the vocabulary spells it; what cannot be written, as "<0x0A>". */
void say_token(struct explain *x, int id);
/* What it stands for in a text: tok_piece() without the mark of a word's end (</w>); NULL if it is none. */
const char *token_text(const struct tokenizer *t, int id, size_t *n);
/* Any bytes as a JSON string: what is no UTF-8 becomes U+FFFD. */
void say_string(struct buf *out, const char *s, size_t n);

/* ---- explain_why.c ---- */
/* The merges of a word of symbols, one after the other; ids are merged in place. */
void why_merges(struct explain *x, int32_t *ids, size_t n);
/* Where WordPiece finds no token for a word. */
int why_unknown(struct explain *x, const uint8_t *word, size_t n, struct err *e);
/* The best ways of unigram through a word; *sum of the best one. */
int why_unigram(struct explain *x, const uint8_t *word, size_t n, double *sum, struct err *e);

#endif
