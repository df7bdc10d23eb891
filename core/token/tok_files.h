/* tok_files.h - tokenizers in files of other kinds than tokenizer.json. */
#ifndef CORE_TOKEN_TOK_FILES_H
#define CORE_TOKEN_TOK_FILES_H

#include <stdbool.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/token/tokenizer.h"

/* Bytes of a file that is read as a whole; from which on there is memory made ready for it. */
#define TOK_FILE_MOST ((size_t)256 << 20)
#define TOK_LARGE ((size_t)200 << 10)
/* Of that, for the work space of who encodes with it. */
#define TOK_WORK ((size_t)1 << 20)

enum tok_kind { KIND_JSON, KIND_TEKKEN, KIND_VOCAB_JSON, KIND_MERGES, KIND_VOCAB_TXT, KIND_SPM, KIND_TIKTOKEN, KIND_GGUF,
                KIND_RWKV };
/* tok_kind.c: told by the content; by the path only where that says nothing. */
enum tok_kind tok_kind_of(const char *text, size_t n, const char *path);

/* The lines of a text from *p on, without their ends; false when there is none left. */
static inline bool tok_next_line(const char **p, const char *end, const char **line, size_t *n)
{
    if (*p >= end) return false;
    const char *nl = memchr(*p, '\n', (size_t)(end - *p));
    *line = *p;
    *n = (size_t)((nl ? nl : end) - *p);
    if (*n && (*line)[*n - 1] == '\r') --*n;
    *p = nl ? nl + 1 : end;
    return true;
}

/* ---- in ---- */

/* tok_files.c: a token a line: WordPiece with the steps of BERT. */
struct tok_bert {
    bool lowercase, strips_accents, cuts_chinese; /* what its normalizer does */
};
#define TOK_BERT ((struct tok_bert){true, true, true}) /* where nothing says it */
struct tokenizer *tok_from_vocab_txt(const char *text, size_t n, struct tok_bert form, const char *name, struct err *e);
/* Byte-level BPE with GPT-2's split. */
struct tokenizer *tok_from_vocab_merges(const struct buf *vocab, const struct buf *merges,
                                        const char *name, const char *merges_name, struct err *e);
/* Where the second file is: the caller's; NULL without memory. */
char *tok_merges_beside(const char *path);
char *tok_config_beside(const char *path);
/* What tokenizer_config.json beside a vocab.txt says. */
struct tok_bert tok_bert_beside(const char *path);
struct tok_bert tok_bert_of(const struct tokenizer *t);
bool tok_bert_same(struct tok_bert a, struct tok_bert b);

/* tok_tekken.c: Mistral's tekken.json: a vocabulary of tiktoken's kind behind special tokens. */
struct tokenizer *tok_from_tekken(const char *text, size_t n, const char *name, struct err *e);

/* tok_rwkv.c: RWKV's vocabulary of the world models, in the text file that comes with them. */
struct tokenizer *tok_from_rwkv(const char *text, size_t n, const char *name, struct err *e);
bool tok_rwkv_looks_like(const char *text, size_t n);
/* The same from and for a GGUF file: lines of such a file made of tokens whose bytes are escaped, the text of id 0. */
int tok_rwkv_add_escaped(struct buf *lines, int id, const char *s, size_t n, const char *name, struct err *e);
struct tokenizer *tok_from_rwkv_lines(const struct buf *lines, const char *last, const char *name, struct err *e);
bool tok_is_rwkv(const struct tokenizer *t);
void tok_rwkv_escape(const struct tokenizer *t, int id, struct buf *out);

/* tok_gguf.c: the tokenizer.ggml keys of a GGUF file.  Its pre-tokenizer is known by name
 * or the file is refused. */
struct tokenizer *tok_from_gguf(const char *data, size_t n, const char *name, struct err *e);
/* pre: what tokenizer.ggml.pre would say, of an old file that does not; or NULL. */
struct tokenizer *tok_from_gguf_as(const char *data, size_t n, const char *pre, const char *name, struct err *e);
/* Its chat template; 1 = there is none. */
int tok_gguf_template(const char *data, size_t n, const char *name, struct buf *out, struct err *e);

/* ---- out ---- */

enum tok_format { FORMAT_JSON, FORMAT_SPM, FORMAT_TIKTOKEN, FORMAT_VOCAB_TXT, FORMAT_MERGES, FORMAT_TEKKEN,
                  FORMAT_GGUF };
/* tok_files.c: the bytes of a file, which have been read back and compared; into *beside what
 * stands beside it: merges.txt, or tokenizer_config.json of a vocab.txt whose words
 * keep their case (NULL: not wanted).  What the format cannot hold is refused with
 * the reason. */
int tok_export(const struct tokenizer *t, enum tok_format format, struct buf *out, struct buf *beside,
               struct err *e);
/* The .model that t was read from, or that stands for it; false: t is of another kind. */
bool tok_spm_bytes(const struct tokenizer *t, struct buf *out);
/* What such a file does not say: whether its bos and eos stand around a text. */
void tok_spm_ends(const struct tokenizer *t, bool *bos, bool *eos);

/* tok_tekken.c: what it reads back to an equal tokenizer, or refused. */
int tok_to_tekken(const struct tokenizer *t, struct buf *out, struct err *e);
/* gguf_write.c: GGUF of a vocabulary. */
int tok_to_gguf(const struct tokenizer *t, struct buf *out, struct err *e);
/* tok_tiktoken.c: the tokens of a byte-level BPE and their ids, as the ranks of a .tiktoken file,
 * which merges any two tokens that make a third: the file is of another tokenizer. */
int tok_to_ranks(const struct tokenizer *t, struct buf *out, struct err *e);
/* tok_ranks.c: a tokenizer of tiktoken's kind as a tokenizer.json that encodes the
 * same, and the other way round; NULL, or -1, with the reason where there is none. */
int tok_ranks_as_json(const struct tokenizer *t, struct buf *out, struct err *e);
int tok_ranks_model(const struct tokenizer *t, struct buf *out, struct err *e); /* its "model" alone */
struct tokenizer *tok_as_ranks(const struct tokenizer *t, struct err *e);
/* Whether merging makes every token of its own bytes: then it is the same whether a
 * word that is a token is taken whole (ignore_merges) or merged. */
int tok_reaches_all(const struct tokenizer *t, bool *yes, struct err *e);
/* tok_class_pieces.c: whether a class of transformers made it that has files but no tokenizer.json; these, each given to each(). */
bool tok_has_class_files(const struct tokenizer *t);
typedef int tok_file_fn(void *arg, const char *name, const struct buf *content, struct err *e);
int tok_class_files(const struct tokenizer *t, tok_file_fn *each, void *arg, struct err *e);

/* ---- the same ---- */

/* tok_files.c: the same tokens, merges and added tokens; the same template. */
bool tok_same_merges(const struct tokenizer *a, const struct tokenizer *b);
struct tok_places;
bool tok_same_places(const struct tok_places *a, const struct tok_places *b);
/* WordPiece tokenizers with the same chains, template, added tokens and model settings. */
bool tok_same_steps(const struct tokenizer *a, const struct tokenizer *b);
/* tok_class_pieces.c: two of tok_has_class_files() that are the same, whatever the files say beside. */
bool tok_same_class_files(const struct tokenizer *a, const struct tokenizer *b);

#endif
