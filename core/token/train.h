/* train.h - learning a vocabulary.
 *
 *     struct tok_trainer *tr = tok_trainer_new(&opts, n_threads, &e);
 *     tok_trainer_add(tr, thread, text, n, &e);       per document, any order
 *     struct tokenizer *t = tok_trainer_finish(tr, &stats, &e);
 *
 * Memory grows with the number of distinct words, not with the text.  The
 * result depends on the multiset of documents only (unigram: also on their order
 * as tok_trainer_order() tells it), not on which thread counted them.  A stop
 * that was asked for (sig.h) ends the learning with ERR_STOPPED. */
#ifndef CORE_TOKEN_TRAIN_H
#define CORE_TOKEN_TRAIN_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/token/split.h"
#include "core/token/tokenizer.h"
#include "core/token/train_sp.h"

enum tok_train_type {
    TOK_TRAIN_BPE,     /* bytes, merged by falling count; ties: lower pair of ids */
    TOK_TRAIN_CHAR,    /* every character of the text */
    TOK_TRAIN_UNIGRAM, /* SentencePiece's: pieces with probabilities */
    TOK_TRAIN_SP_BPE,  /* SentencePiece's: characters, merged by falling count */
    TOK_TRAIN_WORDPIECE, /* characters, merged by falling count; "##" inside words */
    TOK_TRAIN_CHAR_BPE, /* HF's byte pairs without bytes: characters, merged by falling count */
    TOK_TRAIN_WORD,     /* HF's WordLevel: whole words */
};

static inline bool tok_train_is_sp(enum tok_train_type type) /* one of SentencePiece's kinds */
{
    return type == TOK_TRAIN_UNIGRAM || type == TOK_TRAIN_SP_BPE;
}

static inline bool tok_train_is_hf(enum tok_train_type type) /* one of HF's kinds that do not see bytes */
{
    return type == TOK_TRAIN_WORDPIECE || type == TOK_TRAIN_CHAR_BPE || type == TOK_TRAIN_WORD;
}

/* Equal counts are decided by the ids of the pair, hence by how bytes are
 * numbered: by their character (HF tokenizers), or by value (rustbpe, minbpe,
 * tiktoken's files).  SentencePiece takes the shorter text, then the lower one. */
enum tok_train_ties { TOK_TIES_HF, TOK_TIES_BYTES, TOK_TIES_SPM };

struct tok_train_opts {
    enum tok_train_type type;
    int vocab_size;             /* all ids, with the special ones; characters: there may not be more, 0 = any */
    uint64_t min_count;         /* BPE, WordPiece, byte pairs of characters: a pair seen less often is not merged; words: is left out */
    enum split_kind split;      /* BPE, when pre is NULL */
    /* HF's kinds: parts of a tokenizer.json that the text goes through, NULL =
     * none (BPE: pre NULL = split).  BPE's pre ends in bytes (ByteLevel). */
    const char *normalizer, *pre;
    bool lines;                 /* pre ends words at line ends (BPE: is one of the published splits): see tok_train_cuts() */
    const char *prefix, *suffix; /* both kinds of byte pairs: of symbols inside a word, of its last one; NULL = none */
    const char *unk;            /* words: what all others become; NULL = [UNK] or <unk>, which is special then */
    size_t alphabet;            /* WordPiece, byte pairs of characters: characters to keep, 0 = all */
    /* WordPiece, byte pairs of characters, SentencePiece's kinds: become tokens however rare they are; or NULL */
    const char *chars;
    enum tok_train_ties ties;   /* BPE */
    int max_len;                /* BPE: bytes, WordPiece, byte pairs of characters: characters of the longest token; 0 = any */
    size_t memory;              /* bytes that counted words may take, each thread its share; 0 = any */
    const char *const *special; /* [n_special]; BPE: the first ids, characters: the last */
    size_t n_special;
    struct pool *pool;          /* for learning; NULL = one thread.  Not owned */

    /* SentencePiece's kinds; special tokens are its control symbols. */
    struct sp_rules sp;         /* sp_rules_default(); n_pieces is set from vocab_size */
    const char *const *user;    /* [n_user] user-defined symbols: tokens wherever a text has them */
    size_t n_user;
    bool no_prefix;             /* no space comes in front of a sentence */
    bool byte_fallback;         /* a token for each byte, for characters without one */
    bool keep_spaces;           /* runs of spaces and those at the ends stay as they are */
    size_t max_sentence;        /* bytes; longer lines are left out; 0 = none is */
    const char *unk_surface;    /* what <unk> decodes to; NULL = as usual */
    const char *norm_name;      /* "identity", "nmt_nfkc" ...: goes into the file */
    const void *charsmap;       /* [charsmap_len] compiled rules; NULL = none */
    size_t charsmap_len;
};

enum { WORDPIECE_WORD_MOST = 100 }; /* characters, in the files that are written */

struct tok_train_stats {
    uint64_t bytes, documents, sentences, words, distinct_words;
    uint64_t too_long;          /* sentences that were left out */
    uint64_t long_words;        /* wordpiece: that are unknown to it for their length */
    uint64_t last_count;        /* of the last merge */
    bool rare_space;            /* unigram: U+2581 between words is no token, so that SentencePiece would not cut there */
    int vocab_size;
};

struct tok_trainer;
struct tok_trainer *tok_trainer_new(const struct tok_train_opts *o, int n_threads, struct err *e);
/* Each thread index < n_threads may be used by one thread at a time.  Bytes that are not UTF-8 are
 * bytes to a split of bytes, U+FFFD to all else: each of them to SentencePiece's kinds, each maximal
 * part to the others. */
int tok_trainer_add(struct tok_trainer *tr, int thread, const char *text, size_t n, struct err *e);
/* May texts be added in parts?  If so, where: is s[0..n) with a newline at
 * s[at - 1] the same as s[0..at) and s[at..n)?  *opts is a struct
 * tok_train_opts.  Looks at 4 bytes on both sides. */
bool tok_train_cuts(const struct tok_train_opts *o);
bool tok_train_may_cut(const void *opts, const char *s, size_t n, size_t at);
/* Where in the whole text what this thread adds next stands; rising for each thread.  Only unigram
 * wants to know: its seeds depend on the last word of all; where sentences need not begin with a
 * U+2581, on what follows each of them; where tokens may hold several words its sums do, too. */
void tok_trainer_order(struct tok_trainer *tr, int thread, uint64_t order);
/* Learns; *file receives a tokenizer.json or, for SentencePiece's kinds, the
 * .model file.  Frees the trainer in any case.  stats may be NULL. */
int tok_trainer_learn(struct tok_trainer *tr, struct buf *file, struct tok_train_stats *stats,
                      struct err *e);
/* The same, as a tokenizer. */
struct tokenizer *tok_trainer_finish(struct tok_trainer *tr, struct tok_train_stats *stats,
                                     struct err *e);
void tok_trainer_free(struct tok_trainer *tr); /* to give up; NULL is fine */

#endif
