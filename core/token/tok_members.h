/* tok_members.h - members of a tokenizer.json, written.  All append to *out, whose lack of memory its owner sees. */
#ifndef CORE_TOKEN_TOK_MEMBERS_H
#define CORE_TOKEN_TOK_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/token/bpe.h"
#include "core/token/vocab.h"

/* ID, not negative, and ":ID"; a vocabulary has too many of them for printf. */
void tok_add_number(struct buf *out, int64_t id);
void tok_add_id(struct buf *out, int64_t id);
/* ,"key":true and ,"key":"text" (NULL: null), behind other members; "key":"text" alone on a line. */
void tok_bool_json(struct buf *out, const char *key, bool v);
void tok_string_json(struct buf *out, const char *key, const char *text);
void tok_line_json(struct buf *out, const char *key, const char *text);
/* A token as a string. */
void tok_text_json(struct buf *out, const struct vocab *v, int id);

/* An entry of "added_tokens"; flags: which of its properties are true. */
enum { ADDED_SINGLE_WORD = 1, ADDED_LSTRIP = 2, ADDED_RSTRIP = 4, ADDED_NORMALIZED = 8, ADDED_SPECIAL = 16 };
void tok_added_json(struct buf *out, int64_t id, const char *text, size_t n, unsigned flags);

/* {...} of the tokens that have one of the flags, and "vocab":{...}. */
void tok_ids_json(struct buf *out, const struct vocab *v, unsigned flags);
void tok_vocab_json(struct buf *out, const struct vocab *v, unsigned flags);
/* "vocab":[["token",score], ...] of the same. */
void tok_scored_json(struct buf *out, const struct vocab *v, unsigned flags, const double *score);
/* ["left","right"], and "merges":[...] of such pairs. */
void tok_pair_json(struct buf *out, const char *left, size_t n_left, const char *right, size_t n_right);
void tok_pairs_json(struct buf *out, const struct vocab *v, const struct bpe_merge *merge, size_t n);
/* "model":{...} of WordPiece as BERT has it. */
void tok_wordpiece_json(struct buf *out, const struct vocab *v, const char *unk);
/* Steps.  kind: "String" or "Regex", which the pattern is. */
#define TOK_BYTE_LEVEL(prefix, trim, regex) \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":" #prefix ",\"trim_offsets\":" #trim ",\"use_regex\":" #regex "}"
void tok_replace_json(struct buf *out, const char *kind, const char *pattern, const char *by);
void tok_split_json(struct buf *out, const char *kind, const char *pattern, const char *behavior, bool invert);
/* "pre_tokenizer": words are what the expression finds and what is between, as bytes. */
void tok_split_bytes_json(struct buf *out, const char *regex);
/* "post_processor":{...} of BERT, or null where there is no [CLS] or [SEP] (-1). */
void tok_bert_post_json(struct buf *out, int cls, int sep);

#endif
