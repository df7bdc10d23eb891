/* tok_members.h - members of a tokenizer.json, written. */
#ifndef CORE_TOKEN_TOK_MEMBERS_H
#define CORE_TOKEN_TOK_MEMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/token/bpe.h"
#include "core/token/vocab.h"

/* ID, not negative, and ":ID"; a vocabulary has too many of them for printf. */
void tok_add_number(struct buf *out, int64_t id);
void tok_add_id(struct buf *out, int64_t id);
/* A token as a string. */
void tok_text_json(struct buf *out, const struct vocab *v, int id);

/* An entry of "added_tokens"; flags: which of its properties are true. */
enum { ADDED_SINGLE_WORD = 1, ADDED_LSTRIP = 2, ADDED_RSTRIP = 4, ADDED_NORMALIZED = 8, ADDED_SPECIAL = 16 };
void tok_added_json(struct buf *out, int64_t id, const char *text, size_t n, unsigned flags);

/* {...} of the tokens that have one of the flags, and "vocab":{...}. */
void tok_ids_json(struct buf *out, const struct vocab *v, unsigned flags);
void tok_vocab_json(struct buf *out, const struct vocab *v, unsigned flags);
/* "merges":[...] as pairs. */
void tok_pairs_json(struct buf *out, const struct vocab *v, const struct bpe_merge *merge, size_t n);
/* "model":{...} of WordPiece as BERT has it. */
void tok_wordpiece_json(struct buf *out, const struct vocab *v, const char *unk);
/* "post_processor":{...} of BERT, or null where there is no [CLS] or [SEP] (-1). */
void tok_bert_post_json(struct buf *out, int cls, int sep);

#endif
