/* train_sp.h - learning pieces the way SentencePiece does: text without words.
 *
 * A sentence is normalised, spaces become U+2581, and what begins at a U+2581
 * is a word (without white space a sentence is one word).  Characters beyond
 * the coverage become one symbol that no piece may hold.
 *
 * Sources: arXiv:1808.06226 (SentencePiece), arXiv:1804.10959 (unigram). */
#ifndef CORE_TOKEN_TRAIN_SP_H
#define CORE_TOKEN_TRAIN_SP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/token/train_log.h"
#include "core/token/train_words.h"

enum { SP_SPACE = 0x2581, SP_UNK = 0x2585, SP_BOUNDARY = 0x1F };

enum { SP_MAX_LEN = 250, SP_PAD = SP_MAX_LEN + 8 };

enum { SP_OWN_UNK, SP_OWN_BOS, SP_OWN_EOS, SP_OWN_PAD, SP_OWN };
struct sp_rules {
    int n_pieces;          /* to learn, the characters included */
    double coverage;       /* share of the text that the kept characters make up */
    int max_len;           /* characters of a piece, <= SP_MAX_LEN */
    bool split_scripts;    /* no piece of two scripts */
    bool split_numbers;    /* digits count as a script of their own */
    bool split_digits;     /* every digit alone */
    bool split_space;      /* U+2581 only in front */
    bool space_only;       /* pieces of several U+2581 */
    size_t n_seeds;        /* unigram: substrings to start from */
    double shrink;         /* unigram: what a round of pruning keeps */
    int sub_iterations;    /* unigram: of EM between prunings */
    int lanes;             /* unigram: sums that are kept apart, 1..16 */
    int own_id[SP_OWN];    /* of <unk>, <s>, </s>, <pad>; -1 = there is none */
    const char *own[SP_OWN]; /* their texts */
};
void sp_rules_default(struct sp_rules *r);

/* Distinct words as symbols.  Symbol 0 ends a word, 1..n_chars are the kept
 * characters, and the one for all others, in order of their code points.
 * Zero-initialise. */
struct sp_corpus {
    uint32_t *cp;          /* [n_chars + 1] by symbol */
    uint64_t *char_count;  /* [n_chars + 1] */
    int16_t *script;       /* [n_chars + 1] */
    uint32_t n_chars;
    uint16_t space, unk;   /* symbols; 0 = not in the text */
    uint16_t *sym;         /* [n_sym] the parts in order, behind each what follows it: U+2581, or 0
                            * where it ends a sentence; then SP_PAD zeros */
    size_t n_sym;
    struct sp_word {
        uint64_t count;
        size_t off;        /* in sym */
        uint32_t len;
        uint32_t id : 31;  /* while they are sorted */
        uint32_t last : 1; /* parts: where it ends a sentence */
    } *word, *part;        /* word: most frequent first, then by text; part: by text */
    size_t n_words, n_parts;
    uint16_t *follow;      /* [n_parts] what the sentences that end with it are followed by, SP_FOLLOW_... */
};
/* First byte of the next sentence, or that there is none, or several of these. */
enum { SP_FOLLOW_NONE, SP_FOLLOW_END = 256, SP_FOLLOW_MANY };
void sp_corpus_free(struct sp_corpus *c);
/* What follows either of two. */
uint16_t sp_follow_join(uint16_t a, uint16_t b);
/* All sentences in order; or the last one, if all others are followed by a U+2581. */
struct sp_order {
    const struct sentence *v; /* [n] */
    size_t n;
    bool all;
};
/* Takes the counted words (a '\n' at the end marks the last of a sentence).  chars: to be kept
 * however rare they are, or NULL.  order: for unigram, else NULL. */
int sp_corpus_make(struct sp_corpus *c, const struct word_table *words, const struct sp_rules *r,
                   const char *chars, const struct sp_order *order, struct err *e);
/* Words of more than SP_LONG symbols, which the original leaves out unless it is told otherwise,
 * become several of SP_CUT: sums over thousands of symbols mean little in single precision, those
 * over some hundred thousand are infinite. */
enum { SP_LONG = 4192, SP_CUT = 1024 };
int sp_corpus_cut(struct sp_corpus *c, struct err *e);

/* May these symbols be a piece? */
bool sp_valid(const struct sp_corpus *c, const struct sp_rules *r, const uint16_t *sym, size_t n);
uint16_t sp_symbol(const struct sp_corpus *c, uint32_t cp); /* 0 = none */
/* Symbols by falling count, then by code point; caller frees. */
uint16_t *sp_chars_by_count(const struct sp_corpus *c);

/* Pieces as symbols; `at` is into pool.  Zero-initialise. */
struct sp_pieces {
    uint16_t *pool;
    size_t n_pool, pool_cap;
    struct sp_piece {
        float score;
        uint32_t len;
        size_t at;
    } *v;
    size_t n, cap;
};
void sp_pieces_free(struct sp_pieces *p);
bool sp_pieces_add(struct sp_pieces *p, const uint16_t *sym, size_t n, float score); /* false: out of memory */
void sp_piece_text(const struct sp_corpus *c, const struct sp_pieces *p, size_t i, struct buf *out);

/* Where pieces of two characters and more begin, as the sorted suffixes tell. */
struct sp_starts {
    uint32_t *longest; /* [n_sym] the longest piece that begins at this symbol, or SP_NONE */
    uint32_t *shorter; /* [pieces] the next shorter one that begins like it, or SP_NONE */
};
#define SP_NONE UINT32_MAX
void sp_starts_free(struct sp_starts *s);

/* Substrings that occur often (suffixes of the distinct words, sorted), after
 * the characters; scores are log probabilities. */
int sp_seeds(const struct sp_corpus *c, const struct sp_rules *r, struct pool *pool,
             struct sp_pieces *out, struct sp_starts *starts, struct err *e);
/* EM and pruning from the seeds; *out: the pieces, best first.  n_meta: tokens
 * that the vocabulary has besides (pruning ends at 1.1 times its size). */
int sp_unigram(const struct sp_corpus *c, const struct sp_rules *r, size_t n_meta, struct pool *pool,
               struct sp_pieces *out, struct err *e);
/* Merges by count; *out: in order of their merges, then the characters. */
int sp_bpe(const struct sp_corpus *c, const struct sp_rules *r, struct sp_pieces *out,
           struct err *e);

#endif
