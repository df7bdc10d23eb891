/* decode.h - from token texts to text: the decoder of a tokenizer.json as a
 * chain, and SentencePiece's rules. */
#ifndef CORE_TOKEN_DECODE_H
#define CORE_TOKEN_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/token/regex.h"

enum dec_kind {
    DEC_BYTE_LEVEL, DEC_WORDPIECE, DEC_METASPACE, DEC_BPE, DEC_CTC, DEC_REPLACE, DEC_FUSE,
    DEC_STRIP, DEC_BYTE_FALLBACK, DEC_SPM, DEC_PIECES,
};

/* How DEC_PIECES joins what is between special tokens: all at once, without rules, or with spaces but behind "@@" or before
 * "##", or with spaces for "</w>", which Moses' rules may join further, or as a speech model repeats them (CTC); a space
 * in front of such a part or behind a special token; in the end: white space at both ends goes, and U+2581 is a space. */
enum { PIECES_JOINED = 1, PIECES_SPACE_BEFORE = 2, PIECES_SPACE_AFTER = 4, PIECES_STRIP = 8, PIECES_BARS = 16, PIECES_WORDS = 32,
       PIECES_SUFFIXES = 64, PIECES_MOSES = 128, PIECES_SPACED = 256, PIECES_WORDPIECES = 512, PIECES_CTC = 1024,
       PIECES_WHOLE = PIECES_WORDS | PIECES_SUFFIXES | PIECES_MOSES | PIECES_SPACED | PIECES_WORDPIECES | PIECES_CTC };

struct dec_step {
    enum dec_kind kind;
    char *a, *b;             /* prefix, suffix, pad token; what replaces; word delimiter */
    size_t n_a, n_b;
    struct regex *re;        /* DEC_REPLACE by matches */
    bool cleanup, keep_first;/* Metaspace: the first one is a space, too */
    uint32_t cp;             /* Metaspace, Strip */
    size_t start, stop;      /* Strip */
    bool trim_all;           /* DEC_SPM: all white space at the beginning goes */
    unsigned ways;           /* DEC_PIECES: PIECES_; b: the code of PIECES_MOSES' language */
    char *space;             /* PIECES_CTC: what the word delimiter b becomes; a: the pad token, or NULL */
    size_t n_space;
    int language;
};

struct decode_chain {
    struct dec_step *step;
    size_t n;
    bool bytes, fuse;        /* the whole chain is ByteLevel, or nothing but joining */
};
void decode_chain_free(struct decode_chain *c);
struct dec_step *decode_chain_add(struct decode_chain *c, enum dec_kind kind, struct err *e);

/* Token texts: [end[i - 1], end[i]) of text; kind: see below. */
struct dec_tokens {
    struct buf text;
    size_t *end;
    uint8_t *kind;           /* DEC_SPM, DEC_PIECES: enum dec_token */
    size_t n, cap;
};
/* TOKEN_RAW: text as it is, for it is no piece; TOKEN_SPECIAL: the same, and other texts begin behind it. */
enum dec_token { TOKEN_PLAIN, TOKEN_BYTE, TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_RAW, TOKEN_SPECIAL };
void dec_tokens_free(struct dec_tokens *v);
int dec_tokens_add(struct dec_tokens *v, const char *text, size_t n, enum dec_token kind,
                   struct err *e);

/* The byte that the text <0xHH> stands for, or -1. */
int dec_byte_of(const char *text, size_t n);

/* DEC_PIECES, a token at a time, without taking white space off the ends; *begin: nothing came since a special token. */
int decode_piece(const struct dec_step *st, const char *text, size_t n, enum dec_token kind, bool *begin, struct buf *out, struct err *e);
/* The text of all tokens, appended to *out.  first = false: tokens came before
 * these.  With no steps: the texts with a space between. */
int decode_run(const struct decode_chain *c, struct dec_tokens *v, bool first, struct buf *out,
               struct err *e);

#endif
