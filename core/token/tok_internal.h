/* tok_internal.h - the inside of a tokenizer, for core/token/tok_*.c and tests.
 *
 * Encoding: added tokens cut the text; what is between goes through the
 * pre-tokenizer (split), and each piece through the model (bpe). */
#ifndef CORE_TOKEN_TOK_INTERNAL_H
#define CORE_TOKEN_TOK_INTERNAL_H

#include "core/token/bpe.h"
#include "core/token/normalize.h"
#include "core/token/split.h"
#include "core/token/tokenizer.h"
#include "core/token/vocab.h"
#include "core/token/word_cache.h"

#define TOK_HOLE UINT32_MAX

enum tok_part { PART_TRUNCATION, PART_PADDING, PART_NORMALIZER, PART_PRE, PART_POST, PART_DECODER,
                N_PARTS };

/* How pieces become text again. */
enum tok_decoder {
    DECODER_NONE,  /* token texts with a space between, as HF does without a decoder */
    DECODER_BYTES, /* ByteLevel: characters stand for bytes */
    DECODER_FUSE,  /* texts one after the other */
};

struct tok_added {
    int id;
    const char *text; /* in the vocabulary's pool; set when the pool is complete */
    size_t len;
    bool special, normalized, single_word, lstrip, rstrip;
};

/* Finds added tokens in text, longest first at the leftmost place. */
struct tok_matcher {
    const struct tok_added **v;       /* [n], by first byte, then falling length */
    size_t n;
    uint32_t from[257];               /* v[from[b]..from[b + 1]) begin with byte b */
    int only_first;                   /* the one byte that all begin with, or -1 */
};

/* What TOK_TEMPLATE adds around a text. */
struct tok_template {
    int before[8], after[8];
    int n_before, n_after;
};

struct tokenizer {
    struct vocab vocab;
    struct tok_added *added; /* [n_added], in file order */
    size_t n_added;
    struct tok_matcher raw, normalized; /* matched before and after normalising */

    char *part[N_PARTS];     /* compact JSON text of each part; NULL = null */

    enum norm_kind norm;

    /* pre-tokenizer */
    bool byte_level, add_prefix_space, trim_offsets, trim_prefix_space;
    enum split_kind split;

    /* model: BPE */
    struct bpe bpe;
    int32_t byte_id[256];    /* byte level: id of each byte, -1 = none */
    int unk_id;              /* -1 = none */
    bool ignore_merges, fuse_unk, byte_fallback;
    bool empty_prefix, empty_suffix; /* "" instead of null in the file */

    enum tok_decoder decoder;
    struct tok_template tmpl;
    int bos, eos;

    /* Decoded bytes of each id (16 more are readable), and how many bytes of
     * text the model's token covers.  off = TOK_HOLE: no such token. */
    struct tok_bytes { uint32_t off, len, covers; } *bytes;
    char *byte_pool;
};

/* Work space of one thread. */
enum { BATCH = 128 };

struct tok_scratch {
    const struct tokenizer *t;
    struct word_cache cache;     /* byte level only */
    struct bpe_work work;
    struct norm norm;
    struct buf text;             /* with the prefix space */
    size_t ends[BATCH + 1];
    struct word_key keys[BATCH];
};

/* tok_match.c */
int tok_matcher_init(struct tok_matcher *m, const struct tokenizer *t, bool normalized,
                     struct err *e);
void tok_matcher_free(struct tok_matcher *m);
/* Next added token at or after pos: its entry and what it takes of the text,
 * or NULL.  special = false: only tokens that are not special. */
const struct tok_added *tok_match(const struct tok_matcher *m, const char *text, size_t n,
                                  size_t pos, bool special, size_t *begin, size_t *end);

/* tok_word.c */
/* Appends the ids of the pieces of text[0..n), without spans. */
int tok_pieces(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *text, size_t n,
               size_t at, struct tok_ids *out, struct err *e);
/* The symbols that merging starts from; *n_out of them into ids (room for n).
 * `at` is the offset of the word in the text, for the message about a byte or
 * character that has no token. */
int tok_symbols(const struct tokenizer *t, const uint8_t *word, size_t n, size_t at, int32_t *ids,
                size_t *n_out, struct err *e);
int tok_ids_room(struct tok_ids *out, size_t extra, struct err *e);

/* tok_parts.c: reads one part of a tokenizer.json into *t. */
struct cJSON;
int tok_read_normalizer(struct tokenizer *t, const struct cJSON *j, struct err *e);
int tok_read_pre(struct tokenizer *t, const struct cJSON *j, struct err *e);
int tok_read_decoder(struct tokenizer *t, const struct cJSON *j, struct err *e);
int tok_read_post(struct tokenizer *t, const struct cJSON *j, struct err *e);

/* tok_post.c */
void tok_trim_offsets(const struct tokenizer *t, const char *text, struct tok_ids *out, size_t from);

#endif
