/* tokenizer.h - text to ids and back.
 *
 * A tokenizer is immutable after loading and may be used by many threads;
 * each thread brings its own struct tok_scratch (caches, work space). */
#ifndef CORE_TOKEN_TOKENIZER_H
#define CORE_TOKEN_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct tokenizer;
struct tok_scratch;

/* From the text of a tokenizer.json; `name` for messages.  What cannot be
 * represented exactly is refused with the reason (ERR_DATA). */
struct tokenizer *tok_parse(const char *json, size_t n, const char *name, struct err *e);
/* The same of a file that others read as well: refused, too, when added tokens have ids there
 * that they do not get in Hugging Face's programs. */
struct tokenizer *tok_parse_file(const char *json, size_t n, const char *name, struct err *e);
/* From the bytes of a SentencePiece .model. */
struct tokenizer *tok_from_spm(const void *data, size_t n, const char *name, struct err *e);
/* A file (tokenizer.json, .model, .gguf, tekken.json, vocab.txt, vocab.json with
 * merges.txt beside it, FILE.tiktoken:SPLIT, an RWKV vocabulary), or a directory
 * holding one: without a tokenizer.json what the class that its files name makes
 * of them (tok_class.h). */
struct tokenizer *tok_load(const char *path, struct err *e);
bool tok_dir_has_any(const char *dir); /* whether there is any such file */
void tok_free(struct tokenizer *t);
/* The tokenizer.json text: canonical, what tok_parse reads back to an equal tokenizer.  One of
 * SentencePiece or tiktoken, whose rules that schema has no place for, is inside a form of our own. */
int tok_to_json(const struct tokenizer *t, struct buf *out, struct err *e);
bool tok_is_json(const struct tokenizer *t); /* others can read what tok_to_json() writes */
uint64_t tok_hash(const struct tokenizer *t); /* XXH3 of that text */

int tok_vocab_size(const struct tokenizer *t);           /* largest id + 1 */
/* Id of a token by its text, -1 if none (special tokens included). */
int tok_id(const struct tokenizer *t, const char *token);
/* Bytes of one token as decoded (a special token gives its text); pointer lives with t; NULL if the id is a hole. */
const char *tok_piece(const struct tokenizer *t, int id, size_t *n);
/* The same as the vocabulary spells it: always UTF-8. */
const char *tok_spelling(const struct tokenizer *t, int id, size_t *n);
bool tok_is_special(const struct tokenizer *t, int id);
int tok_bos(const struct tokenizer *t);                  /* -1 = none; also eos: end-of-text, the document separator */
int tok_eos(const struct tokenizer *t);

/* For people and reports. */
#define TOK_SPLIT_STEPS "steps"
struct tok_summary {
    const char *type;           /* "byte-level BPE", a static string */
    const char *split;          /* its name, or of a tokenizer of ranks its regex; "none"; or TOK_SPLIT_STEPS: it has none, tok_steps.h says what they are */
    int tokens;                 /* without holes */
    size_t merges, added;
    int longest;                /* id of the longest token that is not special; -1: there is none */
    size_t longest_bytes;
};
void tok_summary(const struct tokenizer *t, struct tok_summary *out);
void tok_summary_json(const struct tok_summary *s, struct buf *out); /* appends "type":"...","split":"..." */
/* What the file does not say and was decided for it, or NULL; a static string. */
const char *tok_note(const struct tokenizer *t);
/* What tok_load() read; NULL where there is no such thing. */
struct tok_origin {
    const char *file;           /* that it was read from; lives with t */
    const char *class;          /* of transformers, which made of the file what a tokenizer.json would say */
    const char *ends;           /* the files beside it, or the class, that name bos and eos; a static string */
};
void tok_origin(const struct tokenizer *t, struct tok_origin *out);

struct tok_scratch *tok_scratch_new(const struct tokenizer *t, struct err *e);
void tok_scratch_free(struct tok_scratch *s);
/* Of how many bytes its texts will be, all together: what it learns has room for as much from the
 * beginning.  A guess will do. */
void tok_scratch_expect(struct tok_scratch *s, uint64_t bytes);
/* Memory for what is learned of so many bytes, which takes milliseconds to get: for a thread that has nothing else to do
 * while a tokenizer is loaded.  NULL: little text needs none, or there is no memory. */
struct tok_room *tok_room_new(uint64_t bytes);
void tok_room_free(struct tok_room *room);
/* A scratch takes it before its first text; NULL is fine. */
void tok_scratch_take(struct tok_scratch *s, struct tok_room *room);

/* Growing arrays that encode appends to; offsets filled only when wanted. */
struct tok_ids {
    int32_t *id;
    struct tok_span {
        size_t begin, end;    /* byte offsets into the text */
        uint32_t unknown : 1, lead : 31, trail; /* added tokens, what unigram does not know: spaces at their ends after normalization */
    } *span;                  /* or NULL */
    size_t n, cap;
    bool want_spans;
    bool count_only;    /* what is no longer needed may go, if it is counted: */
    uint64_t gone;
};
void tok_ids_free(struct tok_ids *ids);

enum tok_flags {
    TOK_SPECIAL = 1,   /* special tokens in the text become their ids (never for user text) */
    TOK_TEMPLATE = 2,  /* add what the post-processor adds (bos, [CLS] ...) */
    TOK_STRICT = 4,    /* invalid UTF-8 is an error naming the offset */
    TOK_LIMITS = 8,    /* the file's truncation and padding */
    TOK_GOES_ON = 16,  /* tok_count(): the text goes on from another, cut at a place of tok_lines.h */
    TOK_TARGET = 32,   /* the text is what others are translated into: by the tokenizer's rules for these, if it has any */
    TOK_UTF8 = 64,     /* the text is known to be UTF-8 and not looked at once more */
    TOK_WINDOWS = 128, /* tok_encode_pair() with TOK_LIMITS: what is cut off is for tok_encode_window() */
    TOK_UNPADDED = 256, /* TOK_LIMITS only cuts: who knows how long others are fills up, by tok_padding() */
};
int tok_encode(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
               unsigned flags, struct tok_ids *out, struct err *e);
bool tok_has_target(const struct tokenizer *t); /* whether TOK_TARGET makes a difference */
/* The token of a language by its code as models for translation have it ("fr", "fr_XX", "fra_Latn"); -1: there is none. */
int tok_language(const struct tokenizer *t, const char *code);
/* From now on templates are those of texts in this language, instead of the one that they name. */
int tok_set_source(struct tokenizer *t, int language, struct err *e);
/* What the config beside a tokenizer.json says of languages (tok_load() does that by itself). */
int tok_dir_languages(struct tokenizer *t, const char *dir, struct err *e);
/* As TOK_SPECIAL, but special tokens are found only where all bytes are marked
 * TOK_MARK_CONTROL; out must want spans.  guard, or NULL: those that tok_guard()
 * names and that are not special ("<think>") only there or in what the model says.
 * Spans hold the spaces that a post-processor leaves out of them otherwise. */
enum tok_mark { TOK_MARK_CONTROL = 1, TOK_MARK_MODEL = 2 };
int tok_encode_marked(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                      const uint8_t *marks, const uint8_t *guard, struct tok_ids *out, struct err *e);
/* A byte for each added token: 1 where `text` names it. */
int tok_guard(const struct tokenizer *t, const char *text, size_t n, struct buf *guard, struct err *e);
/* Ids with all that goes with them. */
struct tok_encoding {
    struct tok_ids ids;      /* spans are in the text that the id is from */
    struct tok_source_of {
        int32_t type;        /* the token's type: which of two texts, for models that tell them apart */
        int8_t text;         /* 0, 1: from the first or second text; or one of TOK_FROM_ */
    } *of;                   /* [ids.n] */
    size_t cap;
    struct tok_ids part[2];  /* work space */
    struct tok_ids whole[2]; /* TOK_WINDOWS: the texts before they were cut, */
    size_t window;           /* how many windows there were, */
    bool last;               /* and whether no more follow */
};
enum { TOK_FROM_TEMPLATE = -1, TOK_FROM_PADDING = -2 };
void tok_encoding_free(struct tok_encoding *x);
/* One text (b = NULL) or two, in the places that the template gives them:
 * *out, emptied first.  One text gives the ids of tok_encode(). */
int tok_encode_pair(const struct tokenizer *t, struct tok_scratch *s, const char *a, size_t n_a, const char *b,
                    size_t n_b, unsigned flags, struct tok_encoding *out, struct err *e);
/* The next window of texts that tok_encode_pair() has cut, with the same arguments: 1, or 0 where no more follow.  It begins (of
 * one that is cut from the left: ends) `stride` tokens within the last.  Of two texts one may be cut, the other is in each. */
int tok_encode_window(const struct tokenizer *t, const char *a, size_t n_a, const char *b, size_t n_b, unsigned flags,
                      struct tok_encoding *out, struct err *e);
/* A text that comes as words.  Each is encoded as a text by itself, as Hugging Face's programs do it
 * with is_pretokenized (transformers: is_split_into_words). */
struct tok_word_list {
    const char *text;       /* the words, with a byte between two */
    const size_t *begin;    /* [n + 1] where each begins, and the next one would */
    size_t n;
};
size_t tok_word_at(const struct tok_word_list *w, size_t at); /* the word that a place of the text, or its end, is in */
/* As the two above; spans are in the words' text. */
int tok_encode_words(const struct tokenizer *t, struct tok_scratch *s, const struct tok_word_list *a, const struct tok_word_list *b,
                     unsigned flags, struct tok_encoding *out, struct err *e);
int tok_encode_words_window(const struct tokenizer *t, const struct tok_word_list *a, const struct tok_word_list *b, unsigned flags,
                            struct tok_encoding *out, struct err *e);
/* From now on TOK_LIMITS cuts to max_length ids, from the end or (left) from
 * the beginning, whatever the file says, and pads as it says only if `pad`. */
void tok_limit(struct tokenizer *t, size_t max_length, bool left, bool pad);
/* ... and which of two texts, and how many tokens two windows share. */
enum tok_cut { TOK_CUT_LONGEST, TOK_CUT_FIRST, TOK_CUT_SECOND };
void tok_limit_cut(struct tokenizer *t, enum tok_cut cut, size_t stride);
/* How TOK_LIMITS fills up: behind the other ids or (left) in front. */
struct tok_padding {
    int id, type;
    size_t to;       /* ids; 0 = as many as the longest of a batch has, */
    size_t multiple; /* and to a multiple of this; 0 = of 1 */
    bool left;
};
void tok_pad(struct tokenizer *t, const struct tok_padding *how); /* from now on */
bool tok_padding(const struct tokenizer *t, struct tok_padding *how); /* false: it does not */
/* To how many ids n are filled up where the longest of a batch has n. */
size_t tok_padded(const struct tok_padding *how, size_t n);

/* From now on special tokens come of text that the model takes for them, too, as with Hugging
 * Face's programs: of what text becomes by normalising, or has spelled in it.  Without it none
 * does, whatever the flags; with it texts of users must not come here.  Before any scratch. */
int tok_allow_special(struct tokenizer *t, struct err *e);

/* From now on TOK_TEMPLATE puts tok_bos(), tok_eos() around each text.  Refused where the tokenizer has no such token, or a
 * template that says what is around a text.  Before any scratch. */
int tok_put_ends(struct tokenizer *t, bool bos, bool eos, struct err *e);

/* Appends the bytes as they are (for byte-level models any bytes).  Ids out of
 * range: ERR_DATA naming the id and its position. */
int tok_decode(const struct tokenizer *t, const int32_t *id, size_t n, bool skip_special,
               struct buf *out, struct err *e);

/* Whether the text of ids is that of their parts one after the other; else the
 * beginning of a text, or what stands beside a token, makes a difference. */
bool tok_decodes_parts(const struct tokenizer *t);

/* Streaming decode: bytes appear only when they complete a character.  What is put together is
 * tok_decode() of all, but for bytes that are none; ERR_DATA where that depends on tokens to come. */
struct tok_stream {
    const struct tokenizer *t;
    char pending[8];
    int n_pending;
    bool first, skip_special, hold_space;
    bool part_begins;     /* tok_pieces.h: a text between special tokens */
    size_t n_spaces;      /* ... spaces that no text has followed yet; other white space at the end is not held back */
    int32_t last;
};
void tok_stream_init(struct tok_stream *s, const struct tokenizer *t, bool skip_special);
int tok_stream_add(struct tok_stream *s, int32_t id, struct buf *out, struct err *e);
void tok_stream_end(struct tok_stream *s, struct buf *out); /* what is left, as U+FFFD if torn */

#endif
