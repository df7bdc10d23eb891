/* tok_pieces.h - pieces of SentencePiece (or words' byte pairs) with the ids of another vocabulary.
 *
 * Some classes of transformers let SentencePiece cut a text and look what it gives up in a
 * vocabulary of their own: pieces may have no token there, and what the model knows no piece
 * for may be one.  The models are tokenizers themselves, "sides" of this one: of what is
 * translated and, where that has another one, of what it is translated to.
 *
 * In shards and models it is JSON, {"llmctl":"pieces", ...}.  Members added_tokens, normalizer,
 * post_processor and model.vocab are those of a tokenizer.json; the others:
 *   data, target            the models in base64: a .model, or a tokenizer.json whose tokens are looked up
 *   unk_token               the text of <unk>
 *   decoder                 how tokens are joined: as PIECES_ of decode.h say it, by the names of tok_pieces.c
 *   shown                   special tokens that decoding never leaves out
 *   target_post_processor   the template of TOK_TARGET; null: the files do not say it
 *   codes, suffixed, before, spoken, class      see struct tok_pieces
 *   spoken_language         whose words "moses" joins
 *   ctc                     see tok_ctc_json()
 *   config, special_tokens_map, added_tokens_file   the files beside, which tok_class_files() writes again */
#ifndef CORE_TOKEN_TOK_PIECES_H
#define CORE_TOKEN_TOK_PIECES_H

#include "core/token/tok_internal.h"

struct cJSON;

struct tok_side {
    struct tokenizer *t;
    int32_t *id;        /* [t->vocab.n] of each piece: its token, or that of <unk> */
    bool names;         /* what the model does not know may be a token */
};

enum { SIDE_SOURCE, SIDE_TARGET, N_SIDES };
struct tok_pieces {
    struct tok_side side[N_SIDES]; /* SIDE_TARGET may have none: then the other one serves both */
    bool codes;         /* ">>fra<<" in front of a text is a token */
    uint8_t *kind;      /* [vocab.n] enum dec_token */
    char *target_post;  /* JSON of the template of TOK_TARGET */
    char *before;       /* Siglip: what is put in front of each part of a text; the model's tokens of it go again; or NULL */
    size_t n_before;    /* ... how many these are */
    bool suffixed;      /* symbols of words are tokens as they are, "</w>" included */
    struct vocab spoken; /* what decoding has instead of the vocabulary, but for added tokens; n = 0: nothing */
    char *class;        /* of transformers; NULL: unknown */
    char *config, *map, *added; /* JSON of the files beside its models, for a directory of its own; NULL: there was none */
    bool no_target;     /* TOK_TARGET has no template: the files do not say into what language */
};

/* What is not as in other tokenizer.json files (t has the rest): models, decoder, template of the target ... */
int tok_pieces_read(struct tokenizer *t, const struct cJSON *root, const char *name, struct err *e);
int tok_pieces_json(const struct tokenizer *t, struct buf *out, struct err *e);
/* The member "ctc": how PIECES_CTC joins, pad may be NULL; lower: all becomes small letters in the end. */
void tok_ctc_json(struct buf *out, const char *pad, const char *delimiter, const char *space, bool lower);
int tok_pieces_find(struct tokenizer *t, struct err *e); /* once more, after tok_allow_special() */
void tok_pieces_free(struct tok_pieces *p);
int tok_pieces_scratch(const struct tokenizer *t, struct tok_scratch *s, struct err *e);

/* The segment text[0..n), which stands at s->offset. */
int tok_pieces_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n, unsigned flags,
                       struct tok_ids *out, struct err *e);

/* Siglip's way around the space that SentencePiece puts in front: into *whole text[0..n), which is in its normal form, behind
 * p->before and, at the beginning of all, the sign of a space.  White space at the ends goes, but for that behind this sign:
 * text[left..) stands at whole[front..). */
int tok_pieces_behind(const struct tokenizer *t, const char *text, size_t n, bool first, struct buf *whole, size_t *front, size_t *left, struct err *e);

/* The code in front of a text: its bytes, 0 if there is none. */
size_t tok_pieces_code(const struct tok_pieces *p, const char *text, size_t n);
/* The token of such a text, or <unk>; a special one is none, unless that is allowed. */
int32_t tok_pieces_token(const struct tokenizer *t, const char *s, size_t n);

#endif
